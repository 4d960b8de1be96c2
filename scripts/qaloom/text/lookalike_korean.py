"""Places of a Korean question where another name can stand, by morphemes (Kiwi)."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from qaloom.text import lookalike_names as names
from qaloom.text.korean import Morpheme, morphemes
from qaloom.text.lookalike_slots import Rank, Slot, value_slots

_NOUNS = ("NNG", "NNP", "XSN", "XPN", "XR", "NNB")
_PERSON = re.compile(r"누구|누가|태어|사망|생일|나이|씨|님|과장|부장|대리|팀장|교수|박사|연락처|내선|직책")
_LATIN_NAME = re.compile(
    r"(?<![A-Za-z0-9./@_-])[A-Z][a-z]{2,}(?: [A-Z][a-z]+| [A-Z]{2,}/[A-Z][a-z]+)*(?![A-Za-z0-9./@_(-])"
)


def korean_slots(question: str) -> list[Slot]:
    """Codes, numbers, names and unnamed things of a question."""
    found = [*value_slots(question), *_latin_names(question)]
    for before, run in _noun_runs(question):
        found += _of_run(question, before, run)
    return found


def _latin_names(question: str) -> Iterator[Slot]:
    for match in _LATIN_NAME.finditer(question):
        if match[0] not in names.NOT_NAMES:
            yield Slot(*match.span(), match[0], "name", Rank.NAME, names.COINED)


def _noun_runs(question: str) -> Iterator[tuple[Morpheme | None, list[Morpheme]]]:
    """Runs of nouns without a space between, each with the morpheme before it."""
    found = morphemes(question)
    run: list[Morpheme] = []
    before: Morpheme | None = None
    for last, one in pairwise([None, *found, None]):
        if run and (one is None or one.tag not in _NOUNS or one.start != run[-1].end):
            yield before, run
            run = []
        if one is not None and one.tag in _NOUNS:
            if not run:
                before = last
            run.append(one)


def _of_run(question: str, before: Morpheme | None, run: Sequence[Morpheme]) -> Iterator[Slot]:
    start, end = run[0].start, run[-1].end
    text = question[start:end]
    joined = before is not None and before.end == start  # 인사2팀, (결과)
    if (
        joined
        or len(text) < 2
        or (end < len(question) and question[end].isalnum() and question[end].isascii())
    ):
        return
    head = _head(text, run)
    if head and head != text:
        yield Slot(start, end, text, "name", Rank.NAMED_THING, names.STEMS, "{}" + head)
    elif head:
        noun_before = before is not None and before.tag.startswith(("N", "X", "S"))
        if not noun_before and not _one_of_many(question, before, start):
            yield Slot(start, start, "", "name", Rank.UNNAMED_THING, names.STEMS, "{} ", True)
    elif len(run) == 1 and run[0].tag == "NNP":
        yield from _bare_name(question, start, end)


def _one_of_many(question: str, before: Morpheme | None, start: int) -> bool:
    """Whether a word before makes it another one: 다른 도서관, 어느 병원, 우리 회사."""
    return before is not None and question[before.end : start] == " " and before.tag in ("MM", "ETM", "NP")


def _head(text: str, run: Sequence[Morpheme]) -> str:
    """The noun that a name goes with; the whole text where it has none."""
    heads = [head for head in names.HEADS if text.endswith(head)]
    longest = max(heads, key=len, default="")
    if longest and len(text) - len(longest) != 1:
        return longest
    last = run[-1]
    if len(run) == 1 and last.tag == "NNP" and len(text) > 2 and text[-1] in names.ENDINGS_OF_NAMES:
        return text[-1]
    company = next(
        (word for word in names.COMPANIES if text.endswith(word) and len(text) > len(word) + 1), ""
    )
    if company and run[0].tag == "NNP":
        return company
    if len(run) < 2 or len(last.form) > 1 or len(run[-2].form) < 2:
        return ""
    if last.form in names.SUFFIXES or (last.form in names.SUFFIXES_OF_NAMES and run[-2].tag == "NNP"):
        return last.form if run[0].tag in ("NNG", "NNP") else ""
    return ""


def _bare_name(question: str, start: int, end: int) -> Iterator[Slot]:
    text = question[start:end]
    if text in names.CITIES:
        yield Slot(start, end, text, "name", Rank.NAME, names.STEMS, "{}시")
    elif text in names.COUNTRIES:
        yield Slot(start, end, text, "name", Rank.NAME, names.COUNTRIES_PUT_IN)
    elif len(text) == 3 and text[0] in names.SURNAMES and _PERSON.search(question):
        yield Slot(start, end, text, "name", Rank.NAMED_THING, names.GIVEN_NAMES, text[0] + "{}")
    elif not names.FOREIGN.isdisjoint(text):
        yield Slot(start, end, text, "name", Rank.NAME, names.TRANSLITERATED)
