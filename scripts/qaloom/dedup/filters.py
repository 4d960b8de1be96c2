"""Quality filters: functions from a row to the sentence that says why it is set aside, '' where it is not.

`quality(settings)` holds the filters of a project by reason code, in the order in which they are tried.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from qaloom.dedup.cut_answers import empty_answer, truncated_answer
from qaloom.dedup.unclear_questions import unclear_question
from qaloom.records import Row
from qaloom.text.language import language
from qaloom.text.normalize import comparison_key
from qaloom.text.refusals import refuses

Filter = Callable[[Row], str]


def quality(settings: dict[str, Any]) -> dict[str, Filter]:
    """The filters for the `dedup` section of a configuration, by the reason code each gives."""
    limits = settings["length"]
    filters: dict[str, Filter] = {
        "mojibake": mojibake,
        "too_short": partial(too_short, question=limits["question_min"], answer=limits["answer_min"]),
        "too_long": partial(too_long, question=limits["question_max"], answer=limits["answer_max"]),
        "unclear_question": unclear_question,
        "question_equals_answer": question_equals_answer,
        "empty_answer": empty_answer,
        "refusal": refusal,
        "truncated_answer": truncated_answer,
        "repetition": repetition,
    }
    if settings["abstentions"] == "keep":
        del filters["refusal"]
    if settings["language"] is not None:
        filters["wrong_language"] = partial(wrong_language, wanted=settings["language"])
    return filters


def failed(row: Row, filters: dict[str, Filter]) -> tuple[str, str] | None:
    """The reason code and sentence of the first filter that a row does not pass."""
    for reason, judge in filters.items():
        detail = judge(row)
        if detail:
            return reason, detail
    return None


# --- length and sameness ------------------------------------------------------------------------------


_WIDE = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7a3]")


def too_short(row: Row, question: int, answer: int) -> str:
    """Question and answer have at least so many characters; Hangul, Han and kana count twice."""
    for name, text, least in (("question", row.instruction, question), ("answer", row.output, answer)):
        if len(text) < least and len(text) + len(_WIDE.findall(text)) < least:
            return f"the {name} has {len(text)} characters, too few for a minimum of {least}"
    return ""


def too_long(row: Row, question: int, answer: int) -> str:
    """Question with its context, and answer, have at most so many characters."""
    length = len(row.instruction) + len(row.context)
    if length > question:
        return f"the question has {length:,} characters, more than {question:,}"
    if len(row.output) > answer:
        return f"the answer has {len(row.output):,} characters, more than {answer:,}"
    return ""


def question_equals_answer(row: Row) -> str:
    """The answer is not the question again, apart from spaces, case and punctuation."""
    question, answer = row.instruction, row.output
    shorter, longer = sorted((len(question), len(answer)))
    if longer > 2 * shorter + _MARKS:
        return ""
    first, other = (
        question[:1],
        answer[:1],
    )  # most rows begin with another letter, which spares them the two keys
    if first.isalnum() and other.isalnum() and first.casefold() != other.casefold():
        return ""
    if _ends(question) != _ends(answer):
        return ""
    return "the answer repeats the question" if comparison_key(question) == comparison_key(answer) else ""


_MARKS = 8  # characters of punctuation by which texts that say the same may differ in length


def _ends(text: str) -> tuple[str, str]:
    """The first and the last letter or digit of a text."""
    first = next((char for char in text if char.isalnum()), "")
    return first.casefold(), next((char for char in reversed(text) if char.isalnum()), "").casefold()


_LONGEST_REFUSAL = 300  # characters; a longer answer says more than no


def refusal(row: Row) -> str:
    """The answer is not 'I do not know' or 'the context does not say'."""
    if len(row.output) <= _LONGEST_REFUSAL and refuses(row.output, row.instruction):
        return "the answer says that it cannot answer"
    return ""


# --- damage -------------------------------------------------------------------------------------------

_LOST = re.compile(
    "\ufffd|ï¿½|[?？]{6}|(?:[?？]{2}[?？]?+[ ,.]*+){3}"
    "|(?:[ìíëêãåæçèé][\x80-\xbf‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œžŸ]{1,2}+ ?){3}"
    "|(?:Ã[\x80-\xbf]){2}|â€[™œ˜\x9d”“¦¢]|[\ue000-\uf8ff]{3}|\\(cid:\\d+\\)|/C\\d{2,3}/C\\d{2,3}"
)
# CP949 read as Latin-1 mixes letters and signs inside a word ('ÁÖ¼Ò´Â'), which no language does.
_MIXED_WORD = re.compile(
    "[\xa1-\xbf\xd7\xf7][\xc0-\xd6\xd8-\xf6\xf8-\xfe]|[\xc0-\xd6\xd8-\xf6\xf8-\xfe][\xa1-\xbf\xd7\xf7]"
)
_HIGH = re.compile("[\xa1-\xfe]")
# All of these hold one of the following or of three signs; looking for it first is several times as fast.
_SUSPECT = re.compile("[\xc0-\xff\ue000-\uf8ff\uff1f\ufffd]")


def mojibake(row: Row) -> str:
    """No text holds characters that a wrong decoding left and no repair could bring back."""
    for text in (row.instruction, row.output, row.context):
        suspect = "??" in text or "(cid:" in text or "/C" in text
        if not suspect and (text.isascii() or not _SUSPECT.search(text)):
            continue
        lost = _LOST.search(text)
        if lost and not _ABOUT_ENCODINGS.search(row.instruction):
            return f"characters were lost before the text got here: {lost[0][:12]!r}"
        high = len(_HIGH.findall(text))
        if high >= 6 and 2 * high > len(text) and len(_MIXED_WORD.findall(text)) >= 2:
            return "the text was decoded in the wrong encoding"
    return ""


_ABOUT_ENCODINGS = re.compile(
    r"mojibake|encod|charset|unicode|utf|cp-?949|euc-?kr|인코딩|유니코드|문자\s?집합|깨[져진짐지졌]|왜 .{0,40}보이",
    re.IGNORECASE,
)


def repetition(row: Row) -> str:
    """Neither text runs in a loop: the same one to twenty words four times on end, for half of it."""
    for text in (row.output, row.instruction):
        if len(text) < 24:
            continue
        words = text.split()
        if 2 * len(set(words)) <= len(words) and _loops(words):
            return f"the text repeats itself: {' '.join(words)[-40:]!r}"
        if len(text) > 12 * len(words) and len(set(text)) < 24 and _loops(list(text)):
            return f"the text repeats itself: {text[-40:]!r}"
    return ""


def _loops(units: list[str]) -> bool:
    """Whether a run of the same units, which hold a letter, fills half of them; bits and rules are no text."""
    for period in range(1, min(20, len(units) // 4) + 1):
        run = best = end = 0
        for i in range(period, len(units)):
            run = run + 1 if units[i] == units[i - period] else 0
            if run > best:
                best, end = run, i
        if best >= 3 * period and best + period >= max(8, len(units) // 2):
            return any(c.isalpha() for unit in units[end - period : end] for c in unit)
    return False


def wrong_language(row: Row, wanted: str) -> str:
    """The question is in the project's language (ko or en)."""
    found = language(row.instruction)
    if found != wanted and any(map(str.isalpha, row.instruction)):
        name = {"ko": "Korean", "en": "English", "other": "another language"}
        return f"the question is in {name[found]}, the project's language is {name[wanted]}"
    return ""


# --- noted, not rejected ------------------------------------------------------------------------------

_UNSPACED = re.compile(r"[가-힣A-Za-z]")
_UNSPACED_FROM = 20  # letters


def missing_spaces(text: str) -> bool:
    """Whether a text of twenty or more Hangul or Latin letters has no space at all."""
    return (
        len(text) >= _UNSPACED_FROM
        and len(text.split(maxsplit=1)) == 1
        and len(_UNSPACED.findall(text)) >= _UNSPACED_FROM
    )
