"""What can be mended in a text for certain; each repair has a code, and doubt leaves the text as it is."""

import html
import re
import unicodedata
from collections.abc import Callable

# Anything that a repair below could act on; most texts hold none of it and are done.
_SUSPECT = re.compile(
    "[\\x00-\\x1f\\x7f-\\xff\u1100-\u11ff\u2000-\u200b\u2028-\u202f\u205f\u2060\u3000\ufeff&]|  |^ | $"
)


def repair(text: str) -> tuple[str, tuple[str, ...]]:
    """Mend one text; return it with the codes of the repairs made, in the order made.

    Codes: mojibake, nfc, html_entities, control_characters, hyphenation, broken_words, whitespace.
    """
    if unicodedata.is_normalized("NFC", text) and not _SUSPECT.search(text):
        return text, ()
    codes = []
    for code, mend in _REPAIRS.items():
        mended = mend(text)
        if mended != text:
            codes.append(code)
            text = mended
    return text, tuple(codes)


# --- mojibake -----------------------------------------------------------------------------------------

_CP1252 = bytes(range(0x80, 0xA0)).decode("cp1252", "replace")
_TO_LATIN1 = {ord(c): 0x80 + i for i, c in enumerate(_CP1252) if c != "\ufffd"}
_THREE_BYTES = re.compile("(?:[\xe1-\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2})+")
_BEYOND_ASCII = re.compile("[\x80-\U0010ffff]+")
_LATIN_RUN = re.compile("[\x80-\xff]+")
_FEWEST_SYLLABLES = 2  # of Hangul, before CP949 read as Latin-1 is taken for certain


def mend_mojibake(text: str) -> str:
    """Undo UTF-8 read as Latin-1 or CP1252 (once or twice), or CP949 read as Latin-1.

    Only strict decoding counts, and only where the result is what people write: Hangul, Han, kana,
    punctuation, Latin letters. French or German text is never taken for mojibake by accident of two letters.
    """
    if not _LATIN_RUN.search(text):
        return text
    plain = text.translate(_TO_LATIN1)
    return _whole_from_utf8(text, plain) or _whole_from_cp949(text) or _runs_mended(text, plain)


def _whole_from_utf8(text: str, plain: str) -> str | None:
    if plain != text and not _THREE_BYTES.search(plain):
        return None  # CP1252 quotes after a letter ('Spaß“') prove nothing
    once = _strictly(plain, "utf-8")
    if once is None:
        return None
    twice = _strictly(once.translate(_TO_LATIN1), "utf-8")
    return next((found for found in (twice, once) if found and _written(found)), None)


def _runs_mended(text: str, plain: str) -> str:
    if not _THREE_BYTES.search(plain):
        return text
    # Good text around the damage: only runs that are whole characters of three bytes or more. The two
    # strings have the same length, so positions in one hold in the other.
    pieces, end = [], 0
    for run in _THREE_BYTES.finditer(plain):
        mended = _strictly(run[0], "utf-8")
        if mended is not None and _written(mended):
            pieces += [text[end : run.start()], mended]
            end = run.end()
    return "".join([*pieces, text[end:]])


def _strictly(text: str, encoding: str) -> str | None:
    try:
        return text.encode("latin-1").decode(encoding)
    except UnicodeError:
        return None


def _written(text: str) -> bool:
    return all(_plausible(ord(c)) for c in text)


def _plausible(point: int) -> bool:
    return (
        point < 0x80
        or 0xA0 <= point <= 0x17F  # Latin
        or 0x370 <= point <= 0x3FF  # Greek
        or 0x1100 <= point <= 0x11FF  # Hangul taken apart
        or 0x2010 <= point <= 0x2BFF  # punctuation, currency, arrows, mathematics, shapes
        or 0x3000 <= point <= 0x33FF  # CJK punctuation, kana, compatibility jamo, enclosed
        or 0x4E00 <= point <= 0x9FFF  # Han
        or 0xAC00 <= point <= 0xD7A3  # Hangul
        or 0xFF01 <= point <= 0xFFEE  # full and half width
        or 0x1F300 <= point <= 0x1FAFF  # emoji
        or point == 0xFE0F
    )


def _whole_from_cp949(text: str) -> str | None:
    if any(len(run) % 2 or not _LATIN_RUN.fullmatch(run) for run in _BEYOND_ASCII.findall(text)):
        return None
    # euc_kr, not cp949: there both bytes are above ASCII, which real Latin text breaks at once ('café ').
    mended = _strictly(text, "euc_kr")
    if mended is None:
        return None
    hangul = sum("가" <= c <= "힣" for c in mended)
    others = sum(c > "\x7f" and not "가" <= c <= "힣" and not 0x2000 <= ord(c) <= 0x33FF for c in mended)
    enough = hangul >= _FEWEST_SYLLABLES and not others
    return mended if enough and 2 * hangul >= sum(c.isalpha() and c.isascii() for c in mended) else None


# --- entities, invisible characters -------------------------------------------------------------------

_ENTITY = re.compile(r"&(?:#[0-9]{2,6}|#[xX][0-9a-fA-F]{2,5}|[A-Za-z][A-Za-z0-9]{1,30});")
_ABOUT_MARKUP = re.compile(
    r"html|xml|xss|entit|escap|엔티티|이스케이프|<[a-z/!]|&amp;[a-z#0-9]+;", re.IGNORECASE
)
_REMOVED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u2060\ufeff]")


def mend_entities(text: str) -> str:
    """Replace HTML entities, unless the text is about markup, where they may be meant."""
    if "&" not in text or _ABOUT_MARKUP.search(text):
        return text
    return _ENTITY.sub(_entity, text)


def _entity(match: re.Match[str]) -> str:
    char = html.unescape(match[0])
    return char if char == "\xa0" or char.isprintable() else match[0]


def remove_control(text: str) -> str:
    """Remove control characters and zero-width spaces, not joiners: emoji and some scripts need those."""
    return _REMOVED.sub("", text)


# --- what a PDF's lines do to words -------------------------------------------------------------------

_SOFT_HYPHEN = re.compile("\xad[ \t]*(?:\r?\n[ \t]*)?")
_HYPHENATED = re.compile(r"([A-Za-z]{2,})-[ \t]*\r?\n[ \t]*([a-z]+)")
# Ends of words that are no words themselves, so that the hyphen before them can only be the line's.
_TAIL = re.compile(
    r"(?:[a-z]{0,3}(?:tion|sion|ction|ment|ness|ance|ence|ity|ical|ive|ous|ible|ably|ating|ated|ates|izing|ized"
    r"|ising|ised)s?|ing|ings|ed|ly|ers|ful|less|tive|ally|ical|cally|tally|nal|nally|rial|tial|cial|ture|tures|gram|grams)"
)
_BROKEN = re.compile(r"([가-힣]+)[ \t]*\r?\n[ \t]*([가-힣]+)")
# Particles and endings that never begin a word: a line that opens with one cut the word before it.
_PARTICLE = re.compile(
    r"(?:을|를|는|에서|에게|에서는|에게는|으로|으로는|으로써|로써|로서|로부터|으로부터|까지|부터|에는|에도|니다|습니다|입니다|였습니다|었습니다)"
)


def join_hyphenated(text: str) -> str:
    """Join words that a PDF hyphenated at the end of a line, where the hyphen cannot be the word's own."""
    text = _SOFT_HYPHEN.sub("", text) if "\xad" in text else text
    if "-" not in text or "\n" not in text:
        return text
    lower = text.lower()

    def join(match: re.Match[str]) -> str:
        joined = match[1] + match[2]
        sure = _TAIL.fullmatch(match[2]) or re.search(rf"\b{joined.lower()}\b", lower)
        return joined if sure else match[0]

    return _HYPHENATED.sub(join, text)


def join_broken(text: str) -> str:
    """Join Korean words that a line break cut: before a particle, or when the text has the word whole."""
    if "\n" not in text:
        return text

    def join(match: re.Match[str]) -> str:
        joined = match[1] + match[2]
        start = joined[: len(match[1]) + 2]  # what follows may be a particle
        whole = min(len(match[1]), len(match[2])) > 1 and start in text
        return joined if whole or _PARTICLE.fullmatch(match[2]) else match[0]

    return _BROKEN.sub(join, text)


# --- white space --------------------------------------------------------------------------------------

_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]|\n[ \t]+(?=\n)")
_ODD_SPACES = re.compile("[\t\x0b\x0c\xa0\u2000-\u200a\u202f\u205f\u3000]")
_RUNS = re.compile(r"(?<=\S) {2,}")
_SPACE_AT_END = re.compile(r" +$", re.MULTILINE)


def tidy_space(text: str) -> str:
    """One kind of line end and of space, no runs inside a line, none at the ends; code keeps its own."""
    text = _LINE_ENDS.sub("\n", text)
    if "```" in text:
        return text.strip()
    text = _ODD_SPACES.sub(_one_space, text)
    text = _SPACE_AT_END.sub("", _RUNS.sub(" ", text))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _one_space(match: re.Match[str]) -> str:
    # A tab at the start of a line is indentation, between words it is a space.
    at_start = match.start() == 0 or match.string[match.start() - 1] in "\n\t"
    return "\t" if match[0] == "\t" and at_start else " "


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


# Mojibake first: its bytes look like control characters, odd spaces and soft hyphens to the others.
_REPAIRS: dict[str, Callable[[str], str]] = {
    "mojibake": mend_mojibake,
    "nfc": _nfc,
    "html_entities": mend_entities,
    "control_characters": remove_control,
    "hyphenation": join_hyphenated,
    "broken_words": join_broken,
    "whitespace": tidy_space,
}
