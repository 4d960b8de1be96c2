"""Questions with answers and quotes in a model's reply: JSON, also in a fence, as JSON Lines, or cut at its end."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from qaloom.text.thoughts import strip_thinking

_DECODER = json.JSONDecoder(strict=False)
_PARTS = ("question", "answer", "quote")
_MOST_OBJECTS = 200  # that are looked for in a reply


class QuotedPair(NamedTuple):
    """A question with its answer, and the words of the passage that say so."""

    question: str
    answer: str
    quote: str


def proposals_in_reply(reply: str) -> list[QuotedPair | dict[str, Any]] | None:
    """Questions with answer and quote that a reply holds, in its order.

    An object that lacks a part, or has another type there, is given as it is.
    None for a reply without a JSON object; an empty list of JSON is an empty list.
    """
    text = strip_thinking(reply)
    objects = list(_objects(text))
    if not objects and "[]" not in "".join(text.split()):
        return None
    return [_proposal(one) for one in objects]


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The innermost objects of a text that hold a question, or nothing that does."""
    at, found = text.find("{"), 0
    while at >= 0 and found < _MOST_OBJECTS:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
            continue
        for one in _unwrapped(value):
            found += 1
            yield one
        at = text.find("{", end)


def _unwrapped(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects in a list of an object that holds nothing else of use: {"questions": [...]}."""
    lists = [] if "question" in value else [held for held in value.values() if isinstance(held, list)]
    if not lists:
        return [value]
    return [one for held in lists for one in held if isinstance(one, dict)]


def _proposal(one: dict[str, Any]) -> QuotedPair | dict[str, Any]:
    named = {str(key).strip().casefold(): value for key, value in one.items()}
    texts = [named.get(part) for part in _PARTS]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        return one
    return QuotedPair(*(str(text).encode(errors="replace").decode().strip() for text in texts))
