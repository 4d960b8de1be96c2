"""Places of a question where something else can be put in: codes and numbers that name a thing, in any language."""

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple


class Rank(IntEnum):
    """Certainty of a place, in falling order: what identifies a thing before what a question merely mentions."""

    CODE = 0
    NUMBER = 1
    NAMED_THING = 2
    NAME = 3
    UNNAMED_THING = 4


class Slot(NamedTuple):
    """A place [start, end) of a question with its text.

    `names` are invented ones that may be put in, none where digits change; `form` is what a name
    becomes, as '{}도서관'; `inserted` says that the text stays and a name goes in front.
    """

    start: int
    end: int
    text: str
    kind: str
    rank: Rank
    names: tuple[str, ...] = ()
    form: str = "{}"
    inserted: bool = False

    def filled(self, name: str) -> str:
        """The text for the place, given the name or the new digits."""
        return self.form.format(name) if self.names else name


_CODE = re.compile(
    r"(?<![A-Za-z0-9./@_\\-])[A-Z][A-Za-z]{0,7}(?:[-_][A-Za-z]{1,6})?[-_]?\d{1,6}(?![A-Za-z0-9./@_\\(-])"
)
_LONG_CODE = re.compile(r"(?<![A-Za-z0-9./@_\\-])[A-Z]{1,6}(?:-?[A-Z0-9]{1,6}){1,3}(?![A-Za-z0-9./@_\\(-])")
_OF_CODE = re.compile(
    r"(?:코드|오류|에러|품번|모델|번호|[Cc]odes?|[Ee]rror|[Mm]odel|[Nn]umber)\s(?P<code>[A-Z]{2,6}|\d{2,6})(?![A-Za-z0-9.,%-])(?!\s?(?:원|개|명|번째|years?|days?))"
)
_NUMBERED = re.compile(
    r"제\s?(?P<article>\d{1,4})\s?(?:조|항|장|절|호|회|차|편|과|단계)(?!\s?(?:이상|이하|이내))"
    r"|(?<![\d.,])(?P<unit>\d{1,4})(?:호기|호선|호실|호관|번 (?:출구|창구|게이트|버스|승강장)|동 |층(?=[에은의이]| ))"
    r"|(?<![\d.,])(?P<year>(?:19|20)\d\d)년도?(?=[의에은 ]\s?)(?!\s?(?:이후|이전|이상|부터|까지))"
    r"|\b(?:[Ss]ection|[Aa]rticle|[Cc]hapter|[Cc]lause|[Rr]oom|[Gg]ate|[Bb]uilding|[Pp]latform|[Uu]nit|[Aa]ppendix|[Vv]ersion"
    r"|[Pp]hase|[Ff]orm|[Rr]oute|[Bb]ay|[Zz]one|[Dd]ock|[Rr]ule|[Cc]abinet|[Ll]ine)\s(?P<section>\d{1,4})(?![\d.,%])"
)


def value_slots(question: str) -> Iterator[Slot]:
    """Codes (E31, KS-X-1001, 코드 TSB) and numbers that name a thing (제5조, 3호선, Section 5)."""
    for match in _CODE.finditer(question):
        yield Slot(*match.span(), match[0], "code", Rank.CODE)
    for match in _LONG_CODE.finditer(question):
        if any(map(str.isdigit, match[0])) and "-" in match[0]:
            yield Slot(*match.span(), match[0], "code", Rank.CODE)
    for match in _OF_CODE.finditer(question):
        yield Slot(*match.span("code"), match["code"], "code", Rank.CODE)
    for match in _NUMBERED.finditer(question):
        if name := match.lastgroup:
            yield Slot(*match.span(name), match[name], "number", Rank.NUMBER)
