"""A byte-level tokenizer of 320 tokens, with the chat templates of common model families."""

from collections.abc import Sequence
from typing import ClassVar

LINES = [
    "What is the address of the institute? 17 Lantern Street, Garam.",
    "본원의 주소는 어디인가요? 가람시 솔내구 물빛로 27",
    "### Instruction:\n### Input:\n### Response:\nuser assistant question answer",
]
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}"
    "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    "<|start_header_id|>system<|end_header_id|>\n\nToday: {{ date_string }}<|eot_id|>"
    "{% for m in messages %}"
    "<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}<|eot_id|>"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
)
# name: chat template, eos, whether the tokenizer itself puts <s> in front
VARIANTS = {
    "plain": (None, "</s>", True),
    "chatml": (CHATML, "<|im_end|>", False),
    "llama3": (LLAMA3, "<|end_of_text|>", True),
    "mistral": (MISTRAL, "</s>", True),
}
SPECIAL = [
    "<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|end_of_text|>", "<|start_header_id|>",
    "<|end_header_id|>", "<|eot_id|>", "[INST]", "[/INST]",
]  # fmt: skip


def make_tokenizer(variant: str):
    """A byte-level BPE tokenizer of 320 tokens; all variants share ids."""
    template, eos, begins = VARIANTS[variant]
    tokenizer = make_from(SPECIAL, eos, "<s>" if begins else None)
    tokenizer.bos_token, tokenizer.pad_token = "<s>", "<pad>"
    tokenizer.chat_template = template
    return tokenizer


def make_from(special: Sequence[str], eos: str, begin: str | None, added: Sequence[str] = ()):
    """A byte-level BPE tokenizer of 320 tokens and `added` ones; it puts `begin` in front of a text."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
    )
    inner.train_from_iterator(LINES, trainer)
    inner.add_tokens([AddedToken(text, normalized=False, special=False) for text in added])
    if begin:
        number = inner.token_to_id(begin)
        inner.post_processor = processors.TemplateProcessing(f"{begin} $A", special_tokens=[(begin, number)])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=eos, extra_special_tokens=list(special),
        **({"bos_token": begin} if begin else {}),
    )  # fmt: skip


def make_sentencepiece(
    special: Sequence[str], eos: str, begin: str | None, added: Sequence[str], dummy_prefix: bool
):
    """A SentencePiece tokenizer with byte fallback, as Llama 2's (`dummy_prefix`) or Gemma's tokenizer.json has it.

    Its SentencePiece file is `.sentencepiece`, bytes; tokens that are not in there are added ones.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors
    from transformers import PreTrainedTokenizerFast
    from transformers.convert_slow_tokenizer import generate_merges

    in_file = [text for text in special if text not in ("<s>", "</s>", "<unk>") and begin == "<bos>"]
    file = _sentencepiece_file(in_file, dummy_prefix)
    pieces = [(piece.piece, piece.score) for piece in _proto(file).pieces]
    vocabulary = {piece: number for number, (piece, _) in enumerate(pieces)}
    normal = {piece for piece, kind in zip(vocabulary, _proto(file).pieces, strict=True) if kind.type == 1}
    scores = {piece: score for piece, score in pieces if piece in normal}
    merges = generate_merges({piece: vocabulary[piece] for piece in scores}, scores)
    inner = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    spaces = normalizers.Replace(" ", "▁")
    inner.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), spaces]) if dummy_prefix else spaces
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    inner.decoder = decoders.Sequence([*parts, *([decoders.Strip(" ", 1, 0)] if dummy_prefix else [])])
    inner.add_special_tokens([AddedToken(text, normalized=False) for text in ("<unk>", *special)])
    inner.add_tokens([AddedToken(text, normalized=False, special=False) for text in added])
    if begin:
        number = inner.token_to_id(begin)
        inner.post_processor = processors.TemplateProcessing(f"{begin} $A", special_tokens=[(begin, number)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=eos, unk_token="<unk>", extra_special_tokens=list(special),
        **({"bos_token": begin} if begin else {}),
    )  # fmt: skip
    tokenizer.sentencepiece = file
    return tokenizer


def _sentencepiece_file(in_file: Sequence[str], dummy_prefix: bool) -> bytes:
    import io

    from sentencepiece import SentencePieceTrainer

    file = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(LINES * 9), model_writer=file, vocab_size=400, hard_vocab_limit=False,
        model_type="bpe", byte_fallback=True, character_coverage=1.0, normalization_rule_name="identity",
        remove_extra_whitespaces=False, add_dummy_prefix=dummy_prefix, user_defined_symbols=list(in_file),
        minloglevel=2,
    )  # fmt: skip
    return file.getvalue()


def _proto(file: bytes):
    from transformers.convert_slow_tokenizer import import_protobuf

    model = import_protobuf().ModelProto()
    model.ParseFromString(file)
    return model


def scripted_scheduler(monkeypatch) -> type:
    """A class in place of Scheduler: `reply`, a function of a prompt's text, answers; `prompts` holds those texts.

    Before the prompt of the number `fail_at` the GPU's memory is short.
    """
    from qaloom.errors import DeviceError
    from qaloom.inference.decoding import Answer

    class Scripted:
        prompts: ClassVar[list[str]] = []
        reply = staticmethod(lambda prompt: "")
        fail_at = None

        def __init__(self, loaded, prompts, stop, max_new_tokens, budget, limit):
            self.loaded, self.waiting, self.limit = loaded, prompts, limit

        def answers(self):
            for name, ids in self.waiting.items():
                text = self.loaded.tokenizer.decode(ids)
                if len(Scripted.prompts) == Scripted.fail_at:
                    raise DeviceError(f"does not fit; lower {self.limit}")
                Scripted.prompts.append(text)
                yield [Answer(name, Scripted.reply(text), False, len(ids), [], 1, 0.0)]

    monkeypatch.setattr("qaloom.inference.scheduler.Scheduler", Scripted)
    return Scripted
