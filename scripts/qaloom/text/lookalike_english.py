"""Places of an English question where another name can stand, by capitals and by nouns that take a name."""

import re
from collections.abc import Iterator

from qaloom.text import lookalike_names as names
from qaloom.text.lookalike_slots import Rank, Slot, value_slots

_RUN = re.compile(
    r"(?<![A-Za-z0-9./@_\-'’(“\"])[A-Z][A-Za-z]*[a-z](?: [A-Z][A-Za-z]*[a-z])*(?![A-Za-z0-9/@_(\-]|\.\w)"
)
_UNNAMED = re.compile(
    r"\b(?:[Tt]he|[Yy]our|[Oo]ur) (?="
    r"(?:(?!(?:of|in|and|or|to|for|is|at|with|same|other|first|last|next|new) )[a-z-]{2,20} ){0,2}"
    rf"(?:{'|'.join(names.ENGLISH_HEADS)})\b)"
)
_TITLE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Doctor|Professor|Captain|President)\.? $")


def english_slots(question: str) -> list[Slot]:
    """Codes, numbers, names and unnamed things of a question."""
    return [*value_slots(question), *_names(question), *_unnamed(question)]


def _names(question: str) -> Iterator[Slot]:
    for match in _RUN.finditer(question):
        start, text = match.start(), match[0]
        while (
            first := text.partition(" ")[0]
        ) in names.NOT_NAMES:  # at the start of the question, or a title
            text = text[len(first) + 1 :]
            start += len(first) + 1
            if not text:
                break
        if text and (start > 0 or " " in text):
            yield _named(question, start, text)


def _named(question: str, start: int, text: str) -> Slot:
    *stem, head = text.split(" ")
    place = (start, start + len(text), text, "name")
    if stem and head.casefold() in names.ENGLISH_HEADS:
        return Slot(*place, Rank.NAMED_THING, names.PLACE_NAMES, "{} " + head)
    following = re.match(r" (\w+)", question[start + len(text) :])
    thing = following is not None and following[1] in names.ENGLISH_HEADS
    if thing or _TITLE.search(question, 0, start):
        return Slot(*place, Rank.NAMED_THING, names.PLACE_NAMES)
    return Slot(*place, Rank.NAME, names.COINED)


def _unnamed(question: str) -> Iterator[Slot]:
    for match in _UNNAMED.finditer(question):
        yield Slot(match.end(), match.end(), "", "name", Rank.UNNAMED_THING, names.PLACE_NAMES, "{} ", True)
