"""Whether a row that is near to a question answers another one: another name, value, opposite or thing asked.

Two questions about E-101 and E-102, or about two libraries, are alike in nearly every letter. What decides is what the
question holds and the row does not.
"""

from functools import lru_cache

from qaloom.text.containment import denials
from qaloom.text.content_words import same_stem, stems
from qaloom.text.language import language
from qaloom.text.lookalike_english import english_slots
from qaloom.text.lookalike_korean import korean_slots
from qaloom.text.normalize import comparison_key
from qaloom.text.question_terms import Term, fills, question_terms
from qaloom.text.rewordings import named_things, turning_words
from qaloom.text.values import Kind, values


def asks_for_another(question: str, row_question: str, row_answer: str) -> bool:
    """Whether a question holds something that parts it from a row with a question near to it.

    That is a value, code or name that stands nowhere in the row; a word more than the row's question, or others in the
    place of its words; an opposite (weekdays, weekends); or a denial where little else differs.
    """
    row = f"{row_question}\n{row_answer}"
    if not stated_values(question) <= stated_values(row_question) | stated_values(row_answer):
        return True
    if not all(name_stands_in(name, row) for name in stated_names(question)):
        return True
    more = _beyond_asking(words_missing(question, row), row_question)
    less = words_missing(row_question, question)
    if more and (not less or _in_its_place(question, more, row_question, less)):
        return True
    if not (more and less) and denials(question) != denials(row_question):
        return True
    mine, theirs = turning_words(question), turning_words(row_question)
    return bool(mine - theirs) and bool(theirs - mine)


@lru_cache(maxsize=1 << 14)
def stated_values(text: str) -> frozenset[str]:
    """Numbers, dates, amounts and codes of a text, in the one notation of `values`."""
    return frozenset(value.text for value in values(text) if value.kind != Kind.MARK)


@lru_cache(maxsize=1 << 12)
def stated_names(text: str) -> frozenset[str]:
    """Names in a text, and the numbers that name a thing: wherever a look-alike could have another."""
    slots = korean_slots(text) if language(text) == "ko" else english_slots(text)
    return frozenset([*named_things(text), *(slot.text for slot in slots if slot.text)])


def name_stands_in(name: str, text: str) -> bool:
    """Whether a name stands in a text, however spaced and in whatever case."""
    return comparison_key(name).casefold() in comparison_key(text).casefold()


def _in_its_place(question: str, more: list[str], row_question: str, less: list[str]) -> bool:
    """Whether one word stands for another, or a few side by side for as many: winter jacket for rescue vest."""
    if len(more) != len(less) or len(more) > _FEW:
        return False
    return len(more) == 1 or (_side_by_side(more, question) and _side_by_side(less, row_question))


_FEW = 2


def _side_by_side(words: list[str], text: str) -> bool:
    places = [place for place, word in enumerate(stems(text)) if word in words]
    return places[-1] - places[0] == len(places) - 1


def _beyond_asking(words: list[str], question: str) -> list[str]:
    """Words without those that say no more than the question word of a question: 시각 beside 언제."""
    asked = question_terms(question).asked
    return [word for word in words if not fills(Term(word, "", "", word), asked)]


def words_missing(text: str, other: str) -> list[str]:
    """Content words of a text that another one lacks, inflected or not; words that add nothing are none."""
    theirs = stems(other)
    known = frozenset(theirs) | _ADD_NOTHING
    return [one for one in stems(text) if one not in known and not any(same_stem(one, x) for x in theirs)]


_ADD_NOTHING_LIST = (
    "one ones each every per just only also very then there here he she they them their our my his her exactly "
    "currently now today really 네 예 번 해당 바로 각 매 지금 현재 대략 정확히 실제 혹시 그냥"
)
_ADD_NOTHING = frozenset(_ADD_NOTHING_LIST.split())
