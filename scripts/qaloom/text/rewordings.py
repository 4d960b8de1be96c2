"""Whether two questions ask the same in other words of the same content: other endings, particles, order, politeness.

No synonyms: every content word of one stands in the other, inflected or misspelt at most, or says no more than a
question word does (언제, 시각). Values, names, negations are the same. A word in another place keeps its role:
'가람이 나래에 내는 돈' is not '나래가 가람에 내는 돈'. What could be read in two ways asks something else.
"""

import re
from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

from rapidfuzz.distance import OSA

from qaloom.text import korean
from qaloom.text.containment import denials
from qaloom.text.facts import polarity
from qaloom.text.question_terms import QuestionTerms, Term, fills, question_terms
from qaloom.text.spelling import Counts, misspelt_english, misspelt_korean
from qaloom.text.values import values


class _Pair(NamedTuple):
    """A term of either question that are one word, with their places."""

    one: Term
    other: Term
    at: int
    there: int


def reworded(one: str, other: str, words: Counts) -> bool:
    """Whether two raw questions ask the same; `words` counts the project's own."""
    a, b = question_terms(one), question_terms(other)
    if not _asked_alike(a, b) or sorted(values(one)) != sorted(values(other)):
        return False
    matched = _matched(a, b, words)
    return matched is not None and _same_roles(matched) and denials(one) == denials(other)


def may_ask_the_same(one: str, other: str, words: Counts) -> bool:
    """Whether two questions whose meaning an encoder finds alike may ask the same; both in one language.

    An encoder sees what a question is about, and overlooks what it asks of it: values, names, negations, opposites
    and the kind of thing asked must be the same. One word more, or another in a word's place, asks something else.
    """
    a, b = question_terms(one), question_terms(other)
    if sorted(values(one)) != sorted(values(other)) or denials(one) != denials(other):
        return False
    if a.asked != b.asked and (_DISTINCT.issuperset((a.asked, b.asked)) or "yes/no" in (a.asked, b.asked)):
        return False
    mine, theirs = ([term.stem for term in question.terms] for question in (a, b))
    apart = [x for x in mine if x not in theirs], [x for x in theirs if x not in mine]
    if not all(apart):
        return reworded(one, other, words)
    if len(apart[0]) == len(apart[1]) == 1 and mine.index(apart[0][0]) == theirs.index(apart[1][0]):
        return False
    opposed = turning_words(one) - turning_words(other), turning_words(other) - turning_words(one)
    return not all(opposed) and named_things(one) == named_things(other)


_DISTINCT = frozenset(["when", "where", "who", "why", "many"])
_PLAIN_TURNS = frozenset(
    ["in", "on", "out", "off", "up", "down", "over", "under", "day", "left", "right", "more"]
)


def turning_words(text: str) -> set[str]:
    """Words of a question that an opposite word could stand for: open, first, 최대."""
    _, english_words, korean_words = polarity(text)
    return {*english_words, *korean_words} - _PLAIN_TURNS


_CAPITAL = re.compile(r"(?<=[\w,;:] )[A-Z]\w+")


def named_things(text: str) -> set[str]:
    """Names in a question: capitalised words in its midst, Korean proper nouns and words no dictionary has."""
    if text.isascii():
        return set(_CAPITAL.findall(text))
    return {m.form for m in korean.morphemes(text) if m.tag == "NNP" or (m.tag[0] == "N" and not m.known)}


# --- what is asked for --------------------------------------------------------------------------------


def _asked_alike(a: QuestionTerms, b: QuestionTerms) -> bool:
    if a.asked == b.asked:
        return not (a.counter and b.counter) or a.counter == b.counter
    kinds = {a.asked, b.asked}
    if "yes/no" in kinds:
        return False
    if "" in kinds or kinds == {"what", "many"}:
        return True
    plain = a if a.asked in ("what", "many") else b
    (kind,) = kinds - {plain.asked} or {""}
    return plain.asked in ("what", "many") and any(fills(term, kind) for term in plain.terms)


# --- words --------------------------------------------------------------------------------------------


def _matched(a: QuestionTerms, b: QuestionTerms, words: Counts) -> list[_Pair] | None:
    """Pairs of terms of two questions that are one word; None where a word is left over."""
    left, theirs = dict(enumerate(a.terms)), dict(enumerate(b.terms))
    pairs = _taken_as_written(left, theirs)
    if max(len(left), len(theirs)) > _MOST_LEFT:
        return None
    kinds = (a.asked, b.asked)
    if "who" in kinds:  # 승인하는 사람, 승인자
        pairs += _taken(
            left, theirs, lambda one, other: {one.stem + "자", other.stem + "자"} & {one.stem, other.stem}
        )
    pairs += _taken(left, theirs, lambda one, other: _one_word(one, other, words))
    rest = [
        "".join(term.stem for term in side.values() if not any(fills(term, kind) for kind in kinds))
        for side in (left, theirs)
    ]
    return pairs if rest[0] == rest[1] else None


def _taken_as_written(left: dict[int, Term], theirs: dict[int, Term]) -> list[_Pair]:
    """Take pairs of terms with one stem, or one of which is written as the other's stem, out of both sides."""
    places: dict[str, list[int]] = {}
    for there, term in theirs.items():
        for name in {term.stem, term.word}:
            places.setdefault(name, []).append(there)
    pairs = []
    for at, term in list(left.items()):
        found = [i for name in (term.stem, term.word) for i in places.get(name, ()) if i in theirs]
        if found:
            pairs.append(_Pair(left.pop(at), theirs.pop(first := min(found)), at, first))
    return pairs


def _taken(
    left: dict[int, Term], theirs: dict[int, Term], same: Callable[[Term, Term], object]
) -> list[_Pair]:
    """Take pairs of terms that are the same out of both sides."""
    pairs = []
    for at, term in list(left.items()):
        if (there := next((i for i, other in theirs.items() if same(term, other)), None)) is not None:
            pairs.append(_Pair(left.pop(at), theirs.pop(there), at, there))
    return pairs


_MOST_LEFT = 4


def _one_word(one: Term, other: Term, words: Counts) -> bool:
    """Whether two terms are forms or spellings of one word."""
    if _digit(one) or _digit(other):
        return False
    a, b = one.stem, other.stem
    if not (a.isascii() and b.isascii()):
        return korean.reading(one.word).content == korean.reading(other.word).content or misspelt_korean(
            one.word, other.word, words
        )
    return min(len(a), len(b)) > 3 and (
        misspelt_english(one.word, other.word, words)
        or (OSA.distance(a, b) <= 1 and misspelt_english(a, b, words))
    )


def _digit(term: Term) -> bool:
    return any(map(str.isdigit, term.stem))


# --- roles and order ----------------------------------------------------------------------------------

_WEAK = frozenset(
    ["", "of", "at", "in", "on", "for", "under", "with", "about", "per", "via", "through", "into", "many"]
)
_LIKE = frozenset(
    frozenset(pair.split())
    for pair in ("s o", "at s", "at o", "at to", "in s", "also s", "and s", "of s", "of o", "to s")
)
_MOVABLE_LIST = "최대 최소 최고 최저 평균 총 매일 매주 매월 매년 maximum minimum average total"
_MOVABLE = frozenset(_MOVABLE_LIST.split())


def _same_roles(pairs: list[_Pair]) -> bool:
    """Whether no word has got another's role, and those in another order are told apart by their roles."""
    changes = {(p.one.role, p.other.role) for p in pairs if p.one.role != p.other.role}
    for mine, theirs in changes:
        if mine and theirs and (theirs, mine) in changes:
            return False
        if mine and theirs and not ({mine, theirs} <= _WEAK or frozenset((mine, theirs)) in _LIKE):
            return False
    return not any(
        _ambiguous(p, q) for p, q in combinations(pairs, 2) if (p.at < q.at) != (p.there < q.there)
    )


def _ambiguous(p: _Pair, q: _Pair) -> bool:
    """Whether two words that changed places may have changed roles, too."""
    if _digit(p.one) != _digit(q.one) or not _MOVABLE.isdisjoint((p.one.stem, q.one.stem)):
        return False
    one, other = (p.one.role, q.one.role), (p.other.role, q.other.role)
    if "many" in one + other or _told_apart(one, other):
        return False
    if _told_apart((p.one.phrase, q.one.phrase), (p.other.phrase, q.other.phrase)):
        return False
    marked = {one, other} - {("", "")}
    return len(marked) != 1 or not any(a != b and {a, b} <= _WEAK for a, b in marked)


def _told_apart(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether one of two words has a role in both texts, and the other never that one."""
    return any(
        one[at] and other[at] and {one[at], other[at]}.isdisjoint((one[1 - at], other[1 - at]))
        for at in (0, 1)
    )
