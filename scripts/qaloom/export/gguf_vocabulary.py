"""Vocabulary of a GGUF file, from a model's tokenizer.json.

llama.cpp's converter knows a tokenizer by a list of digests, and leaves out tokens that were added to a
SentencePiece vocabulary. Here every kind that llama.cpp can encode is written from the file that the model is
trained with; `qaloom.export.gguf_proof` finds out which of the vocabularies encodes as the tokenizer does.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gguf import GGUFWriter, TokenType

from qaloom.errors import ModelError
from qaloom.files import read_json
from qaloom.inference.architecture import text_part
from qaloom.inference.encoding import Tokenizer

# llama.cpp's name for a way to split a text before byte pairs are merged, and what tells it in tokenizer.json.
_SPLITS = {
    "deepseek-v3": ("一-龥", "{1,3}"),
    "deepseek-llm": ("一-龥", r"\p{N}+"),
    "gpt-4o": (r"\p{Lu}", "{1,3}"),
    "tekken": (r"\p{Lu}",),
    "exaone-moe": (r"(?:\p{L}\p{M}*(?:",),
    "qwen35": (r"[\p{L}\p{M}]",),
    "llama-bpe": (r"\p{N}{1,3}",),
    "qwen2": (r"\p{N}|",),
    "command-r": ("'Digits'", "'individual_digits': True"),
    "gpt-2": (),
}
_SPACE = "▁"  # as SentencePiece writes a space
_ADDED_SCORE = -1000.0  # of tokens that no merge makes


class Vocabulary(NamedTuple):
    """A vocabulary as GGUF has it: `kind` is llama.cpp's tokenizer, `split` its way to split a text.

    `begins`: llama.cpp puts the begin token in front of a prompt; `spaced`: a space in front of a text.
    """

    kind: str
    tokens: list[str]
    types: list[int]
    scores: list[float] | None
    merges: list[str] | None
    split: str
    begins: bool
    spaced: bool


def possible_vocabularies(tokenizer: Tokenizer, folder: Path, begins: bool) -> Iterator[Vocabulary]:
    """The vocabularies by which llama.cpp may encode as the tokenizer of the folder does.

    Raises ModelError for a kind of tokenizer that llama.cpp has not.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str()) if tokenizer.is_fast else {"model": {}}
    model = state["model"]
    if model.get("type") != "BPE":
        raise ModelError(
            f"llama.cpp has no tokenizer of this model's kind ({model.get('type', 'written in Python')}); "
            "leave GGUF and Ollama out of export.formats"
        )
    tokens, types = _tokens(state, _embedding_rows(folder) or len(tokenizer))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    if _is_byte_level(state):
        yield Vocabulary("gpt2", tokens, types, None, merges, _split(state["pre_tokenizer"]), begins, False)
        return
    for spaced in (False, True):
        yield Vocabulary("llama", tokens, types, _scores(tokens, merges), None, "default", begins, spaced)


def _embedding_rows(folder: Path) -> int | None:
    """Rows of the model's embedding table; config.json may leave the number to transformers' default."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder).get_text_config().vocab_size
    except (OSError, ValueError):  # a model that brings code of its own
        return text_part(read_json(folder / "config.json")).get("vocab_size")


def _is_byte_level(state: dict[str, Any]) -> bool:
    return "ByteLevel" in str(state["pre_tokenizer"])


def _split(pre_tokenizer: dict[str, Any]) -> str:
    """llama.cpp's name of a pre-tokenizer's way to split."""
    text = str(pre_tokenizer).replace("\\\\", "\\")
    return next(name for name, marks in _SPLITS.items() if all(mark in text for mark in marks))


def _tokens(state: dict[str, Any], size: int) -> tuple[list[str], list[int]]:
    """Texts and types of `size` tokens, by id; ids that no token has are filled up."""
    tokens = [f"[PAD{number}]" for number in range(size)]
    types = [int(TokenType.UNUSED)] * size
    model = state["model"]
    pieces = not _is_byte_level(state)  # of SentencePiece
    for text, number in model["vocab"].items():
        if number >= size:  # the model has no row for it
            continue
        byte = pieces and len(text) == 6 and text.startswith("<0x") and text.endswith(">")
        tokens[number], types[number] = text, int(TokenType.BYTE if byte else TokenType.NORMAL)
    for added in state["added_tokens"]:
        text, number = added["content"], added["id"]
        if number >= size:
            continue
        kind = TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
        tokens[number] = text.replace(_SPACE, " ") if pieces else text
        types[number] = int(TokenType.UNKNOWN if text == model.get("unk_token") else kind)
    return tokens, types


def _scores(tokens: list[str], merges: list[str]) -> list[float]:
    """Scores by which llama.cpp merges in the order of the merges: the earlier, the higher."""
    first: dict[str, int] = {}
    for rank, pair in enumerate(merges):
        first.setdefault(pair.replace(" ", ""), rank)
    return [-float(first[text]) if text in first else _ADDED_SCORE * len(tokens) for text in tokens]


def write_vocabulary(
    writer: GGUFWriter, vocabulary: Vocabulary, tokenizer: Tokenizer, ends: list[int]
) -> None:
    """Write a vocabulary and the tokenizer's special tokens; an answer ends at the ids `ends`."""
    writer.add_tokenizer_model(vocabulary.kind)
    writer.add_tokenizer_pre(vocabulary.split)
    writer.add_token_list([text.encode() for text in vocabulary.tokens])
    writer.add_token_types(vocabulary.types)
    if vocabulary.scores:
        writer.add_token_scores(vocabulary.scores)
    if vocabulary.merges:
        writer.add_token_merges(vocabulary.merges)
    writer.add_add_bos_token(vocabulary.begins)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(vocabulary.spaced)
    if tokenizer.bos_token_id is not None:
        writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    for add, end in zip(
        (writer.add_eot_token_id, writer.add_eom_token_id), _others(ends, tokenizer), strict=False
    ):
        add(end)
    writer.add_chat_template(tokenizer.get_chat_template())


def _others(ends: list[int], tokenizer: Tokenizer) -> list[int]:
    return [end for end in ends if end != tokenizer.eos_token_id]
