"""Token ids of texts in which only the template's parts may become control tokens.

Row text such as `<|im_end|>` is encoded as the characters it consists of. A copy of the tokenizer knows the control
tokens under placeholder names; template parts name the placeholders, row text cannot.
"""

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple

from qaloom.errors import ModelError, RowTextError

Tokenizer = Any  # a transformers fast tokenizer; importing its type costs seconds

# Unicode noncharacters, which no text may hold, write a control token's number: U+FDD0 + digit, U+FDDA around it.
_EDGE = "\ufdda"
_DIGITS = {str(digit): chr(0xFDD0 + digit) for digit in range(10)}
_RESERVED = re.compile("[\ufdd0-\ufdda]")


class Text(NamedTuple):
    """A piece of a prompt: fixed text of the template, or text of a row."""

    text: str
    fixed: bool = False


class Encoder:
    """A tokenizer's encoding of template and row text; `control` holds the ids that row text never has."""

    def __init__(self, tokenizer: Tokenizer, frame: str):
        """Control tokens are the special ones, and added tokens of `frame`, the template's text, that are no words.

        Gemma adds line breaks and HTML tags, which any text may hold.
        """
        self.tokenizer = tokenizer
        added = tokenizer.added_tokens_decoder
        chosen = {id: str(token) for id, token in added.items() if token.special or _marks(str(token), frame)}
        self.control = frozenset(chosen) - {tokenizer.unk_token_id}  # which stands for characters not known
        self.names = {text: _placeholder(id) for id, text in chosen.items()}
        longest_first = sorted(map(re.escape, self.names), key=len, reverse=True)
        self.pattern = re.compile("|".join(longest_first)) if longest_first else None
        self.copy: Any = None
        self.ids: dict[int, int] = {}  # of the copy, where they differ from the tokenizer's
        if tokenizer.is_fast:
            self.copy, self.ids = _renamed(tokenizer, self.names)

    def encode(self, *pieces: Text) -> list[int]:
        """Token ids of the pieces, one after the other, without the tokenizer's own begin token.

        Raises RowTextError when row text would become a control token all the same.
        """
        if self.copy is None:
            return self._encode_slowly(pieces)
        text = "".join(self._named(piece) for piece in pieces)
        ids = [self.ids.get(id, id) for id in self.copy.encode(text, add_special_tokens=False).ids]
        wanted = sum(len(self.pattern.findall(p.text)) for p in pieces if p.fixed) if self.pattern else 0
        if sum(id in self.control for id in ids) > wanted:
            raise RowTextError("a part of it is a control token of the model")
        return ids

    def _named(self, piece: Text) -> str:
        if piece.fixed:
            return (
                self.pattern.sub(lambda found: self.names[found[0]], piece.text)
                if self.pattern
                else piece.text
            )
        return _RESERVED.sub("", piece.text)

    def _encode_slowly(self, pieces: tuple[Text, ...]) -> list[int]:
        """Encoding by a tokenizer written in Python, which cannot be copied: piece by piece."""
        ids: list[int] = []
        for piece in pieces:
            ids += self.tokenizer.encode(
                piece.text, add_special_tokens=False, split_special_tokens=not piece.fixed
            )
        return ids


def begin_ids(tokenizer: Tokenizer) -> list[int]:
    """Token ids that the tokenizer itself puts before a text."""
    with_begin, without = (tokenizer("a", add_special_tokens=flag)["input_ids"] for flag in (True, False))
    for start in range(len(with_begin) - len(without) + 1):
        if with_begin[start : start + len(without)] == without:
            return with_begin[:start]
    raise ModelError("the base model's tokenizer changes a text when it adds its begin token")


def _marks(token: str, frame: str) -> bool:
    return token in frame and not token.isspace() and not token.isalnum()


def _placeholder(id: int) -> str:
    return _EDGE + "".join(_DIGITS[digit] for digit in str(id)) + _EDGE


def _renamed(tokenizer: Tokenizer, names: dict[str, str]) -> tuple[Any, dict[int, int]]:
    """A copy of the tokenizer's backend that knows tokens by other names, and its ids where they differ."""
    from tokenizers import Tokenizer as Backend

    state = json.loads(tokenizer.backend_tokenizer.to_str())
    before = {token["id"]: names.get(token["content"], token["content"]) for token in state["added_tokens"]}
    for token in state["added_tokens"]:
        token["content"] = before[token["id"]]
    # The post-processor names begin and end tokens, which the copy does not have, and is not asked for them.
    state["post_processor"] = None
    copy = Backend.from_str(json.dumps(state))
    copy.no_truncation()
    copy.no_padding()
    ids = {copy.token_to_id(content): id for id, content in before.items()}
    return copy, {new: id for new, id in ids.items() if new is not None and new != id}


@lru_cache(maxsize=8)
def encoder(tokenizer: Tokenizer, frame: str) -> Encoder:
    """The encoder of a tokenizer and the fixed text around its questions and answers."""
    return Encoder(tokenizer, frame)
