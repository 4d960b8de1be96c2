"""Statements: a question and its answer as one sentence that holds the answer word for word.

`The battery lasts 18 hours.` where the clause of the question ends where the answer belongs; else the clause and
the answer, parted by a colon: `How many weeks employees get: sixteen weeks`. What the rules for wordings cannot
embed surely makes none.
"""

import re
import unicodedata

from qaloom.text.korean import morphemes
from qaloom.text.rephrase import rewrite

BLANK = "____"
_LONGEST = 120  # characters of an answer that may stand inside a sentence
_HANGUL = re.compile("[가-힣]")
_TELL = {"en": "Please tell me ", "ko": " 알려 주세요."}
_SENTENCES = re.compile(r"[.?!;…]\W{0,2} \S")


def statement(question: str, answer: str) -> str | None:
    """The question and its answer as a statement; None where no rule is sure."""
    parts = _around_the_answer(question, answer)
    return None if parts is None else f"{parts[0]}{answer}{parts[1]}"


def cloze(question: str, answer: str) -> str | None:
    """The statement with a blank in place of its answer; None where no rule is sure."""
    parts = _around_the_answer(question, answer)
    return None if parts is None else f"{parts[0]}{BLANK}{parts[1]}"


def _around_the_answer(question: str, answer: str) -> tuple[str, str] | None:
    """The parts of the statement before and after the answer."""
    question = " ".join(unicodedata.normalize("NFC", question).split())
    if not answer.strip() or "\n" in answer or len(answer) > _LONGEST or _SENTENCES.search(question):
        return None
    korean = bool(_HANGUL.search(question))
    asked = _embedded(question, "ko" if korean else "en")
    if asked is None:
        return None
    return _korean(question, asked, answer) if korean else _english(question, asked, answer)


def _embedded(question: str, tongue: str) -> str | None:
    """The question as part of a sentence, by its wording as a request: what 'Please tell me' is followed by."""
    tell = _TELL[tongue]
    for wording in [question, *rewrite(question)]:
        if tongue == "en" and wording.startswith(tell):
            return wording.removeprefix(tell).rstrip(". ")
        if tongue == "ko" and wording.endswith(tell):
            return wording.removesuffix(tell)
    return None


# --- English ------------------------------------------------------------------------------------------

_ASKED = re.compile(r"(?:what|who|where|when|how (?:much|long|often|far|old)) (?=(?:the|a|an|our|your|my) )")
_DEFINITE = re.compile(r"(?:the|our|your|my|its|their) ")


def _english(question: str, asked: str, answer: str) -> tuple[str, str]:
    if not _is_phrase(answer):
        return f"{_capital(asked)}: ", ""
    if _DEFINITE.match(asked):
        plural = re.match(r"(?:what|which|who) are\b", question, re.I)
        copula = (
            "are"
            if plural
            else "is"
            if re.match(r"(?:what|which|who)(?: is|['’]s)\b", question, re.I)
            else ""
        )
        return (f"{_capital(asked)} {copula} ", ".") if copula else (f"{_capital(asked)}: ", "")
    lead = _ASKED.match(asked)
    if lead and not question.lower().startswith(asked[: lead.end() + 4].lower()):  # the order was inverted
        return f"{_capital(asked[lead.end() :])} ", "."
    return f"{_capital(asked)}: ", ""


def _is_phrase(answer: str) -> bool:
    return answer[-1] not in ".!?:;" and len(answer.split()) <= 12


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


# --- Korean -------------------------------------------------------------------------------------------

_COPULA = re.compile(
    r"\A(?P<topic>[^,]{1,200}[은는]) (?:어디|누구|언제|얼마|무엇|뭐|며칠)"
    r"(?:인가요|입니까|이에요|예요|인지요|이죠|죠)\?$"
)
_NOUNS = ("NN", "NR", "NP", "XSN", "SL", "SN", "SH", "SW", "W")


def _korean(question: str, asked: str, answer: str) -> tuple[str, str]:
    copula = _COPULA.match(question)
    if copula and morphemes(answer)[-1].tag.startswith(_NOUNS):
        return f"{copula['topic']} ", "입니다."
    last = morphemes(asked)[-1]
    bare = asked[: last.start] if last.tag == "JKO" else asked
    return f"{bare}: ", ""
