"""Number words in digits: 삼만 오천 원 and 3만 5천 원 are 35000 원, twenty-five is 25, 사흘 is 3일.

A word becomes a number where it surely is one (before a counter, beside digits); all else stays as it stands.
Every pattern starts where a run starts and never gives back, so that a text is read in linear time.
"""

import re
from decimal import Decimal

_SMALL = {"십": 10, "백": 100, "천": 1_000}
_LARGE = {"만": 10**4, "억": 10**8, "조": 10**12}
_HANGUL_DIGITS = {digit: value for value, digit in enumerate("일이삼사오육칠팔구", 1)}
_FIGURE = r"\d++(?:\.\d++)?+"
_DIGITS = "[일이삼사오육칠팔구]"
_PART = rf"(?:(?:{_FIGURE}|{_DIGITS})?+[십백천만억]|{_FIGURE}조)"
_NUMERAL = re.compile(
    rf"(?:(?<![가-힣A-Za-z)”’\d.])(?<!제\s){_DIGITS}?+[십백천만억]"
    # 12조 is an article as often as an amount.
    rf"|(?<![\dA-Za-z.,])(?<!제){_FIGURE}(?:[십백천만억]|\s[만억](?=\s?원)|\s?조(?=\s?(?:원|달러|유로|\d))))"
    rf"(?:\s?{_PART})*+(?:\s?(?:{_FIGURE}|{_DIGITS})(?=\s?원))?+(?!큼)"
)
# A magnitude that may be one: after a digit in either script, or at the start of a word.
_MAY_BE_NUMERAL = re.compile(
    r"[십백천만억조](?:(?<=[일이삼사오육칠팔구\d].)|(?<=\d\s.)|(?<![가-힣].))", re.DOTALL
)
_COUNTED = re.compile(
    r"\s?(?:원|달러|유로|명|개|년|월|일|층|회|인|부|건|분|초|시간|퍼센트|프로|도|킬로|그램|미터|리터|쪽|점|배)"
)
_NATIVE_TENS = {"열": 10, "스물": 20, "스무": 20, "서른": 30, "마흔": 40, "쉰": 50, "": 0}
_NATIVE_ONES = {
    "하나": 1, "한": 1, "둘": 2, "두": 2, "셋": 3, "세": 3, "넷": 4, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7,
    "여덟": 8, "아홉": 9, "": 0,
}  # fmt: skip
_DAYS = {
    "하루": 1, "이틀": 2, "사흘": 3, "나흘": 4, "닷새": 5, "엿새": 6, "이레": 7, "여드레": 8, "아흐레": 9,
    "열흘": 10, "보름": 15,
}  # fmt: skip
_COUNTER = (
    # Without a space only the commonest counters: 세대 is a generation, 세부 a detail.
    r"(?=(?:명|개(?!인)|번|가지|달|살|시간)"
    r"|\s(?:대|시(?![가-힣]{2})|장|권|곳|줄|층|주|분|사람|차례|배|쪽|병|통|벌|켤레|마리|그루|잔|끼|해|단계|건|칸|팀|군데|박)"
    r"|\s(?:명|개|번|가지|달|살|시간))"
)
_ONES = "하나|한|둘|두|셋|세|넷|네|다섯|여섯|일곱|여덟|아홉"


def _at_start(word: str, rest: str = "") -> str:
    """A pattern of a word that starts one; its first letter first, which the engine looks for quickest."""
    return rf"{word[0]}(?<![가-힣]{word[0]}){word[1:]}{rest}"


_NATIVE = re.compile(
    "|".join(
        [
            *(_at_start(word) for word in _DAYS),
            *(_at_start(word, f"(?:{_ONES}|){_COUNTER}") for word in _NATIVE_TENS if word),
            *(_at_start(word, _COUNTER) for word in _NATIVE_ONES if word),
            *(_at_start(word, r"\s?(?=(?:년|개월|층)(?![가-힣]))") for word in "삼사오육칠팔구"),
        ]
    )
)

_UNITS_AND_TEENS = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_ENGLISH = {word: n for n, word in enumerate(_UNITS_AND_TEENS, 2)}
_ENGLISH |= {
    word: 10 * n
    for n, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2
    )
}
_POWERS = {"hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9}
_WORD, _POWER = "|".join(_ENGLISH), "|".join(_POWERS)
ENGLISH_WORDS = frozenset(_ENGLISH) | frozenset(_POWERS)
NATIVE_WORDS = frozenset(t + o for t in _NATIVE_TENS for o in _NATIVE_ONES) | frozenset("삼사오육칠팔구")
# 'one' and 'a' count only before a magnitude: alone they are pronoun and article.
_ENGLISH_NUMBER = re.compile(
    rf"\b(?:(?:{_WORD}|one|a|{_FIGURE})[\s-](?:{_POWER})(?:(?:[\s-]and)?[\s-](?:{_WORD}|one|{_POWER})\b)*+"
    rf"|(?:{_WORD})(?:[\s-](?:two|three|four|five|six|seven|eight|nine|one)\b)?)\b",
    re.I,
)
_ENGLISH_HINTS = (
    " two", " three", " four", " five", " six", " seven", " eigh", " nine", " ten ", " ten-", " eleven", " twe",
    " thirt", " fort", " fif", "undred", "ousand", "illion",
)  # fmt: skip
_LATIN = re.compile("[A-Za-z]")
_WORD_MARKS = str.maketrans(dict.fromkeys("\n\t(\"'-/“‘.,;:?!", " "))


def in_digits(text: str) -> str:
    """A text (in NFKC, its figures without thousands separators) with its number words in digits."""
    if not text.isascii():
        if _MAY_BE_NUMERAL.search(text):
            text = _NUMERAL.sub(_korean, text)
        text = _NATIVE.sub(_native, text)
    if not _LATIN.search(text):
        return text
    spaced = f" {text} ".lower().translate(_WORD_MARKS) if text.isascii() else f" {text} ".lower()
    if any(map(spaced.__contains__, _ENGLISH_HINTS)):
        text = _ENGLISH_NUMBER.sub(lambda m: str(_english_value(m[0])), text)
    return text


def _native(match: re.Match[str]) -> str:
    word = match[0].rstrip()
    if word in _DAYS:
        return f"{_DAYS[word]}일"
    if word in _HANGUL_DIGITS:
        return str(_HANGUL_DIGITS[word])
    tens = next(ten for ten in _NATIVE_TENS if word.startswith(ten))
    return str(_NATIVE_TENS[tens] + _NATIVE_ONES[word[len(tens) :]])


def _korean(match: re.Match[str]) -> str:
    """A numeral in digits; one all in Hangul only before a counter, since a letter is too often a word."""
    sure = re.search(r"\d", match[0]) or _COUNTED.match(match.string, match.end())
    return f"{korean_value(match[0]):f}" if sure else match[0]


def korean_value(numeral: str) -> Decimal:
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


def _plain(value: Decimal) -> Decimal:
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def _english_value(numeral: str) -> Decimal:
    total, section = Decimal(0), Decimal(0)
    for word in re.split(r"[\s-]", numeral.lower()):
        if word == "hundred":
            section *= 100
        elif word in _POWERS:
            total, section = total + (section or 1) * _POWERS[word], Decimal(0)
        elif word != "and":
            section += _ENGLISH.get(word) or (1 if word in ("one", "a") else Decimal(word))
    return _plain(total + section)
