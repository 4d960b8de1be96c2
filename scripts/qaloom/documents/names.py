"""Names of an answer that its passage does not hold."""

import re
from collections.abc import Iterator

from qaloom.documents.figures import holds_month
from qaloom.text.korean import Morpheme, morphemes
from qaloom.text.lookalike_names import HEADS, SURNAMES
from qaloom.text.spelling import is_english_word

_NOUNS = ("NNG", "NNP", "XSN", "XPN", "XR", "SL")
_UNITS_OF_OFFICES = frozenset("과부팀실국처원청소반")  # 재무과, 인사팀
_OFFICES = ("위원회", "본부", "사업소", "대학교", "은행", "법원", "경찰서", "소방서", "시청", "구청", "군청")
_WEEKDAYS = re.compile(r"(?<![가-힣])([월화수목금토일])요일")
_WEEKDAY = re.compile(r"(?<![가-힣0-9])([월화수목금토일])(?:요일|(?![가-힣]))")  # also short: 월~금, (화)
_ENGLISH_DAYS = frozenset(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"])
_PERSON_TITLES = (
    "과장|차장|부장|팀장|대리|사원|이사|교수|박사|변호사|의사|씨|님|선생|주무관|소장|실장|원장|국장"
    "|센터장|위원장"
)
_PERSON = re.compile(rf"(?<![가-힣])(?P<name>[가-힣]{{3}})\s?(?:{_PERSON_TITLES})(?![가-힣]{{2}})")
_WORD = re.compile(r"[A-Za-z][A-Za-z'’&-]*[A-Za-z]|[A-Z]\b")
_OPENING = '.!?:;\n"“([•-'  # what stands before the first word of a sentence
_NO_NAMES = (
    "I", "A", "An", "The", "Of", "And", "Or", "For", "In", "On", "At", "By", "To", "From", "With", "No", "Yes", "Mr",
    "Mrs", "Ms", "Dr",
)  # fmt: skip


def missing_name(answer: str, passage: str) -> str | None:
    """The first name of an answer that a passage does not hold, or None.

    Names are capitalised words in Latin letters, what Kiwi takes for a proper noun, people before their titles,
    offices and places (재무과, 가람도서관) and days of the week.
    """
    held = "".join(passage.split())
    for name in _korean_names(answer):
        if "".join(name.split()) not in held:
            return name
    days = set(_WEEKDAY.findall(passage))
    for day in _WEEKDAYS.findall(answer):
        if day not in days:
            return f"{day}요일"
    words = frozenset(word.casefold() for word in re.findall(r"[A-Za-z]+", passage))
    for word in _latin_names(answer):
        if not (_is_among(word.casefold(), words) or holds_month(word.casefold(), passage)):
            return word
    return None


def _korean_names(answer: str) -> Iterator[str]:
    if not re.search("[가-힣]", answer):
        return
    for found in _PERSON.finditer(answer):
        if found["name"][0] in SURNAMES:
            yield found["name"]
    for run in _noun_runs(answer):
        text = "".join(one.form for one in run)
        if _is_office(run, text):
            yield text
        else:
            yield from (one.form for one in run if one.tag == "NNP" and len(one.form) > 1)


def _noun_runs(text: str) -> Iterator[list[Morpheme]]:
    """Runs of nouns without a space between."""
    run: list[Morpheme] = []
    for one in morphemes(text):
        if one.tag in _NOUNS and (not run or one.start == run[-1].end):
            run.append(one)
            continue
        if run:
            yield run
        run = [one] if one.tag in _NOUNS else []
    if run:
        yield run


def _is_office(run: list[Morpheme], text: str) -> bool:
    if any(text.endswith(head) and len(text) > len(head) + 1 for head in (*_OFFICES, *HEADS)):
        return True
    if len(text) < 3 or text[-1] not in _UNITS_OF_OFFICES:
        return False
    return len(run[-1].form) == 1 or len(run) == 1


def _is_among(word: str, words: frozenset[str]) -> bool:
    """Whether a word, or all parts of it, stand among others; plurals, possessives and short weekdays count."""
    parts = [part for part in re.split(r"['’&-]", word) if part and part != "s"] or [word]
    return all(
        {part, part.removesuffix("s"), f"{part}s"} & words or (part in _ENGLISH_DAYS and part[:3] in words)
        for part in parts
    )


def _latin_names(answer: str) -> Iterator[str]:
    """Capitalised words; the first of a sentence only where no dictionary has it."""
    for match in _WORD.finditer(answer):
        word = match[0]
        before = answer[max(0, match.start() - 8) : match.start()].rstrip(" \t")
        opens = not before or before[-1] in _OPENING
        ordinary = opens and not (word.isupper() and len(word) > 1) and is_english_word(word.casefold())
        if word[0].isupper() and word not in _NO_NAMES and not ordinary:
            yield word
