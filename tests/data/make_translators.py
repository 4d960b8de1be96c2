"""A tiny MarianMT pair, ko-en and en-ko, trained in seconds: real tokenizer files, weights, loader, generate.

It knows a few questions of the demo by heart. Its way back gives a rewording that our rules would write, so
that a round trip of those questions is a paraphrase that the gates accept; of all else it makes a jumble.
"""

import io
import json
from pathlib import Path

from qaloom.text.language import language
from qaloom.text.rephrase import rewrite

DEMO = Path(__file__).parents[2] / "data" / "demo"
PAIRS = 8
STEPS = 100


def known_questions() -> tuple[list[str], list[str]]:
    """Korean and English questions of the demo that the rules reword, as many of each."""
    files = ("handbook-ko.qa.jsonl", "office-en.qa.jsonl")
    lines = [line for name in files for line in (DEMO / name).read_text("utf-8", "replace").splitlines()]
    found: dict[str, list[str]] = {"ko": [], "en": []}
    for line in lines:
        try:
            question = next(
                v for k, v in json.loads(line).items() if k.lower() in ("question", "instruction")
            )
        except (ValueError, StopIteration, AttributeError):
            continue
        if isinstance(question, str) and rewrite(question) and len(question) < 60:
            found.setdefault(language(question), []).append(question)
    return tuple(list(dict.fromkeys(found[tongue]))[:PAIRS] for tongue in ("ko", "en"))


def make_pair(folder: Path) -> None:
    """Write the models `ko-en` and `en-ko` to `folder`."""
    korean, english = known_questions()
    pairs = list(zip(korean, english, strict=True))
    home = {text: rewrite(text)[0] for text in korean + english}
    model_file = _sentence_pieces([*home, *home.values()])
    _train(folder / "ko-en", [(ko, home[en]) for ko, en in pairs], model_file)
    back = [(home[en], home[ko]) for ko, en in pairs]
    _train(folder / "en-ko", [(en, ko) for ko, en in pairs] + back, model_file)


def _sentence_pieces(texts: list[str], most: int = 400) -> bytes:
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=most, hard_vocab_limit=False,
        character_coverage=1.0, minloglevel=2, num_threads=1,
    )  # fmt: skip
    return model.getvalue()


def _train(folder: Path, pairs: list[tuple[str, str]], pieces: bytes) -> None:
    import torch
    from transformers import MarianConfig, MarianMTModel

    tokenizer = _tokenizer(folder, pieces)
    torch.manual_seed(7)
    model = MarianMTModel(
        MarianConfig(
            vocab_size=len(tokenizer), d_model=64, encoder_layers=1, decoder_layers=1,
            encoder_attention_heads=4,
            decoder_attention_heads=4, encoder_ffn_dim=128, decoder_ffn_dim=128, dropout=0.0, init_std=0.1,
            max_position_embeddings=256, static_position_embeddings=True, scale_embedding=True,
            pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
            decoder_start_token_id=tokenizer.pad_token_id, forced_eos_token_id=None,
        )
    )  # fmt: skip
    batch = tokenizer(
        [source for source, _ in pairs], text_target=[target for _, target in pairs],
        padding=True, return_tensors="pt",
    )  # fmt: skip
    batch["labels"][batch["labels"] == tokenizer.pad_token_id] = -100
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.005)
    for _ in range(STEPS):
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert loss < 0.1, f"the tiny translator did not learn its sentences: loss {loss:.2f}"
    model.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")


def _tokenizer(folder: Path, pieces: bytes):
    import sentencepiece
    from transformers import MarianTokenizer

    folder.mkdir(parents=True)
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(pieces)
    loaded = sentencepiece.SentencePieceProcessor(model_proto=pieces)
    words = [loaded.id_to_piece(n) for n in range(loaded.vocab_size())]
    kept = ["</s>", "<unk>", *(w for w in words if w not in ("</s>", "<unk>", "<s>")), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({w: n for n, w in enumerate(kept)}, ensure_ascii=False))
    tokenizer = MarianTokenizer.from_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return tokenizer
