"""Words that a line break cut: joined where the joined word is certain, left as they are in lists and code."""

import re
from functools import cache

_SOFT_HYPHEN = re.compile("\xad[ \t]*(?:\r?\n[ \t]*)?")
_HYPHENATED = re.compile(r"(?<![A-Za-z])([A-Za-z]+)-[ \t]*\r?\n[ \t]*([a-z]+)")
_SUSPENDED = {
    "and",
    "or",
    "to",
    "nor",
    "but",
    "versus",
    "vs",
    "through",
    "und",
    "oder",
}  # 'short- and long-term'
_CODE = re.compile(r"```|~~~|^(?:>>>|\.\.\.|\$) ", re.MULTILINE)
_RARE = 50  # the list gives this frequency to words of which it knows no use


@cache
def _english() -> dict[str, int]:
    """The frequencies of English words."""
    from spellchecker import SpellChecker  # a tenth of a second, for rows with a hyphen at a line's end alone

    return SpellChecker(language="en").word_frequency.dictionary


def _is_word(word: str) -> bool:
    return _english().get(word.lower(), 0) > _RARE


def join_hyphenated(text: str, row: str = "") -> str:
    """Join words hyphenated at a line's end; `row` is all the text of the row, whose words count as words.

    The hyphen goes where the joined word is a word, stays (without the line break) where its parts are
    words ('cross-section'), and doubt leaves both.
    """
    text = _SOFT_HYPHEN.sub("", text) if "\xad" in text else text
    if "-" not in text or "\n" not in text or not _HYPHENATED.search(text) or _CODE.search(text):
        return text
    words = set(re.findall(r"[a-z]+(?:-[a-z]+)*+", (row or text).lower()))
    return _HYPHENATED.sub(lambda match: _joined(match, words), text)


def _joined(match: re.Match[str], words: set[str]) -> str:
    left, right, text = match[1], match[2], match.string
    whole, hyphenated = left + right, f"{left}-{right}"
    compound = text[match.start() - 1 : match.start()] == "-" or text[match.end() : match.end() + 1] == "-"
    if right in _SUSPENDED:
        return match[0]
    if compound or len(left) == 1 or hyphenated.lower() in words:
        return hyphenated
    if whole.lower() in words or _is_word(whole):
        return whole
    return hyphenated if _is_word(left) or _is_word(right) else match[0]


# --- Korean -------------------------------------------------------------------------------------------

_BROKEN = re.compile(r"(?<![가-힣])([가-힣]+)[ \t]*\r?\n[ \t]*([가-힣]+)")
# Particles and endings that never begin a word: a line that opens with one cut the word before it.
_PARTICLE = re.compile(
    r"(?:을|를|는|에서|에게|에서는|에게는|으로|으로는|으로써|로써|로서|로부터|으로부터|까지"
    r"|부터|에는|에도|니다|습니다|입니다|였습니다|었습니다)"
)
_AFTER_CONSONANT = {"을": True, "를": False, "는": False}  # particles of one syllable say what they follow


def join_broken(text: str) -> str:
    """Join Korean words that a line break cut: before a particle, or when the text has the word whole.

    Lines of one word each are a list, whose items are no halves of words.
    """
    if "\n" not in text or not _BROKEN.search(text):
        return text
    return _BROKEN.sub(_rejoined, text)


def _rejoined(match: re.Match[str]) -> str:
    left, right, text = match[1], match[2], match.string
    alone_before = not text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip()
    rest = text[match.end() : _line_end(text, match.end())].strip()
    if alone_before and not rest.strip(" .!?,"):
        return match[0]
    if _PARTICLE.fullmatch(right):
        return left + right if _follows(left, right, alone_before) else match[0]
    start = left + right[:2]  # what follows may be a particle
    whole = rest and min(len(left), len(right)) > 1 and start in text
    return left + right if whole else match[0]


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return end if end >= 0 else len(text)


def _follows(left: str, particle: str, alone_before: bool) -> bool:
    if particle not in _AFTER_CONSONANT:
        return True
    final = (ord(left[-1]) - 0xAC00) % 28 > 0
    return not alone_before and final == _AFTER_CONSONANT[particle]
