"""Numbers, dates and units in one spelling, so that two texts which say the same amount read the same.

'3만 5천 원', '삼만 오천 원' and '₩35,000' become '35000원'; 'twenty-five days' and '25-day' become '25 day';
'14 March 2019' and '2019년 3월 14일' become '20190314'. What is not surely a number is left as it stands.
"""

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache


def _words(text: str) -> list[str]:
    return text.split()


_SMALL = {"십": 10, "백": 100, "천": 1_000}
_LARGE = {"만": 10**4, "억": 10**8, "조": 10**12}
_HANGUL_DIGITS = {digit: value for value, digit in enumerate("일이삼사오육칠팔구", 1)}
_FIGURE = r"\d+(?:\.\d+)?"
_DIGITS = "[일이삼사오육칠팔구]"
_PART = rf"(?:(?:{_FIGURE}|{_DIGITS})?[십백천만억]|{_FIGURE}조)"
_NUMERAL = re.compile(
    rf"(?<![가-힣\d.])(?<!제\s){_PART}(?:\s?{_PART})*(?:\s?(?:{_FIGURE}|{_DIGITS})(?=\s?원))?(?!큼)"
)
_COUNTED = re.compile(
    r"\s?(?:원|달러|유로|명|개|년|월|일|층|회|인|부|건|분|초|시간|퍼센트|프로|도|킬로|그램|미터|리터|쪽|점|배)"
)
_NATIVE_TENS = {"열": 10, "스물": 20, "스무": 20, "서른": 30, "마흔": 40, "쉰": 50, "": 0}
_NATIVE_ONES = {
    "하나": 1, "한": 1, "둘": 2, "두": 2, "셋": 3, "세": 3, "넷": 4, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7,
    "여덟": 8, "아홉": 9, "": 0,
}  # fmt: skip
_NATIVE = re.compile(
    r"(?<![가-힣])(열|스물|스무|서른|마흔|쉰|)(하나|한|둘|두|셋|세|넷|네|다섯|여섯|일곱|여덟|아홉|)"
    # Without a space only the commonest counters: 세대 is a generation, 세부 a detail.
    r"(?=(?:명|개(?!인)|번|가지|달|살|시간)|\s(?:대|시(?![가-힣]{2})|장|권|곳|줄|층|주|분|사람|차례|배|쪽|병|통|벌|켤레"
    r"|마리|그루|잔|끼|해|단계|건|칸|팀|군데|박)|\s(?:명|개|번|가지|달|살|시간))"
)
_DAYS = {
    "하루": 1, "이틀": 2, "사흘": 3, "나흘": 4, "닷새": 5, "엿새": 6, "이레": 7, "여드레": 8, "아흐레": 9,
    "열흘": 10, "보름": 15,
}  # fmt: skip
_NATIVE_DAYS = re.compile(rf"(?<![가-힣])(?:{'|'.join(_DAYS)})")

_ENGLISH = {word: n for n, word in enumerate(_words(
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
), 2)} | {word: 10 * n for n, word in enumerate(
    _words("twenty thirty forty fifty sixty seventy eighty ninety"), 2
)}  # fmt: skip
_POWERS = {"hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9}
_WORD, _POWER = "|".join(_ENGLISH), "|".join(_POWERS)
# 'one' and 'a' count only before a magnitude: alone they are pronoun and article.
_ENGLISH_NUMBER = re.compile(
    rf"\b(?:(?:{_WORD}|one|a|{_FIGURE})[\s-](?:{_POWER})(?:(?:[\s-]and)?[\s-](?:{_WORD}|one|{_POWER}))*"
    rf"|(?:{_WORD})(?:[\s-](?:two|three|four|five|six|seven|eight|nine|one)\b)?)\b",
    re.I,
)

_MONTHS = _words("january february march april may june july august september october november december")
_MONTH = r"\b([A-Z][a-z]{2,8})\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_DAY_FIRST = re.compile(rf"\b{_DAY}\s(?:of\s)?{_MONTH}(?:,?\s(\d{{4}}))?\b")
_MONTH_FIRST = re.compile(rf"{_MONTH}\s{_DAY}(?:,?\s(\d{{4}}))?\b")
_YEAR_FIRST = re.compile(r"\b(\d{4})\s?[년.\-/]\s?(\d{1,2})\s?[월.\-/]\s?(\d{1,2})(?:\s?일|(?!\d))")

_UNITS = [
    (re.compile(rf"[$]\s?({_FIGURE})"), r"\1 dollar"),
    (re.compile(rf"(?:₩|\bKRW\b)\s?({_FIGURE})"), r"\1원"),
    (re.compile(r"(\d)\s?(?:퍼센트|프로|percent|per cent)"), r"\1%"),
    (re.compile(r"(\d)[\s-]?(second|minute|hour|day|week|month|year|dollar|euro|cent|person)s?\b"), r"\1 \2"),
    (re.compile(r"(\d)\s?(?:kilograms?|킬로그램)"), r"\1 kg"),
    (re.compile(r"(\d)\s?(?:kilomet(?:er|re)s?|킬로미터)"), r"\1 km"),
    (re.compile(r"(\d)\s?(?:centimet(?:er|re)s?|센티미터)"), r"\1 cm"),
    (re.compile(r"(\d)\s?(?:met(?:er|re)s?|미터)"), r"\1 m"),
    (re.compile(r"(\d)\s?(?:lit(?:er|re)s?|리터)"), r"\1 l"),
    (re.compile(r"(\d)\s?(?:grams?|그램)"), r"\1 g"),
    (re.compile(r"(\d)\s(?=원|달러|유로|명|개|년|월|일|층|회|시|분|초|주|번|대|장|권)"), r"\1"),
]


@lru_cache(maxsize=1 << 12)
def plain_numbers(text: str) -> str:
    """The text with its numbers in digits, dates as yyyymmdd and units in one spelling each."""
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", unicodedata.normalize("NFKC", text))
    text = _YEAR_FIRST.sub(lambda m: _date(m[1], int(m[2]), m[3]), text)
    text = _DAY_FIRST.sub(lambda m: _named(m, m[2], m[1], m[3]), text)
    text = _MONTH_FIRST.sub(lambda m: _named(m, m[1], m[2], m[3]), text)
    text = _NATIVE_DAYS.sub(lambda m: f"{_DAYS[m[0]]}일", text)
    text = _NUMERAL.sub(_korean, text)
    text = _NATIVE.sub(lambda m: str(_NATIVE_TENS[m[1]] + _NATIVE_ONES[m[2]] or ""), text)
    text = _ENGLISH_NUMBER.sub(lambda m: str(_english_value(m[0])), text)
    for pattern, replacement in _UNITS:
        text = pattern.sub(replacement, text)
    return text


def _korean(match: re.Match[str]) -> str:
    """A numeral in digits; one all in Hangul only before a counter, since a letter is too often a word."""
    sure = re.search(r"\d", match[0]) or _COUNTED.match(match.string, match.end())
    return str(korean_value(match[0])) if sure else match[0]


def korean_value(numeral: str) -> int | Decimal:
    """The value of a Korean numeral in Hangul, digits or both: 삼만 오천, 3만 5천, 1.5억."""
    total = section = Decimal(0)
    figure: Decimal | None = None
    for part in re.findall(rf"{_FIGURE}|\S", numeral):
        if part in _LARGE:
            section += figure or 0
            total += (section or 1) * _LARGE[part]
            section, figure = Decimal(0), None
        elif part in _SMALL:
            section += (1 if figure is None else figure) * _SMALL[part]
            figure = None
        else:
            figure = Decimal(_HANGUL_DIGITS.get(part, part))
    return _plain(total + section + (figure or 0))


def _plain(value: Decimal) -> int | Decimal:
    return int(value) if value == int(value) else value.normalize()


def _english_value(numeral: str) -> int | Decimal:
    total, section = Decimal(0), Decimal(0)
    for word in re.split(r"[\s-]", numeral.lower()):
        if word == "hundred":
            section *= 100
        elif word in _POWERS:
            total, section = total + (section or 1) * _POWERS[word], Decimal(0)
        elif word != "and":
            section += _ENGLISH.get(word) or (1 if word in ("one", "a") else Decimal(word))
    return _plain(total + section)


def _named(match: re.Match[str], month: str, day: str, year: str | None) -> str:
    """A date whose month is a word; what only looks like one ('14 Course') stays as it is."""
    number = next((n for n, name in enumerate(_MONTHS, 1) if name == month.lower()), None)
    number = number or next((n for n, name in enumerate(_MONTHS, 1) if name[:3] == month.lower()), None)
    return _date(year or "", number, day) if number else match[0]


def _date(year: str, month: int, day: str) -> str:
    return f"{year}{month:02}{int(day):02}"
