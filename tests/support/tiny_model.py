"""A byte-level tokenizer of 320 tokens, with the chat templates of common model families."""

from collections.abc import Sequence

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
