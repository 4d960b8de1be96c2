"""Misspellings: two spellings of one word, of which one is no word.

A word is what Kiwi's dictionary, an English word list or the project itself has. Names, codes and a word's
negating or role-giving part are never taken for misspelt: 미등록 and 등록, trainer and trainee, 김민수 and 김민주.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from rapidfuzz.distance import OSA, Levenshtein

from qaloom.text.endings import stem
from qaloom.text.korean import Morpheme, in_pieces, morphemes

if TYPE_CHECKING:
    from spellchecker import SpellChecker

_OFTEN = 5  # times that a spelling stands in a project which is a word of it; a misspelling stands there once
_RARELY = 20  # times that a word stands there for each time that it is misspelt, if more than once
_SAMPLED = 100_000  # texts whose words are counted

Counts = Counter[str]
_WORD = re.compile(r"[^\W\d_]+")
_DOUBLED = re.compile(r"(.)\1")


def counted_words(texts: Iterable[str]) -> Counts:
    """How often each word stands in the first of the texts: the project's own words."""
    found: Counts = Counter()
    for text in islice(texts, _SAMPLED):
        found.update(_WORD.findall(text.casefold()))
        found.update(_NAME.findall(text))
    return found


_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")  # counted with its capital, too


def _only_once(one: str, other: str, words: Counts) -> bool:
    """Whether one spelling is a word of the project, no name, and the other hardly stands in it."""
    if one.isascii() and (words[one.capitalize()] or words[other.capitalize()]):
        return False
    counts = sorted((words[one], words[other]))
    return counts[1] >= _OFTEN and counts[0] <= max(1, counts[1] // _RARELY)


def _rare(spelling: str, word: str, words: Counts) -> bool:
    """Whether a spelling that is no word hardly stands in the project, as a name would: 라온호, 가온호."""
    times = [words[form] if form.isascii() else _times(form, words) for form in (spelling, word)]
    return times[0] <= max(1, times[1] // _RARELY)


def _times(form: str, words: Counts) -> int:
    """Count of a Korean word in the project, with any particle."""
    bare = form[:-1] if len(form) > 2 and form[-1] in _SHORT_PARTICLES else form
    return sum(
        words[bare + particle] for particle in ("", *_SHORT_PARTICLES, "에서", "에게", "입니다", "으로")
    )


_SHORT_PARTICLES = "은는이가을를의에로와과도"

# --- Korean -------------------------------------------------------------------------------------------

_NEGATING = frozenset("미비불부무안못")
_ROLES = frozenset("자사인원관장생주부처과실소국료비금율률량품제법성형식도기용물")  # 수급자, 수급사
_SAME_SOUND = str.maketrans("\u1162\u1164\u116b\u1170", "\u1166\u1168\u116c\u116c")
_SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반라왕금옥육인맹제모탁국어"
)
_PARTICLES = ("J", "E", "VCP", "XSV", "XSA", "VX", "S")


def misspelt_korean(one: str, other: str, words: Counts) -> bool:
    """Whether two Korean phrases (with their spaces) differ in a misspelling alone."""
    mine, theirs = one.replace(" ", ""), other.replace(" ", "")
    slip = _slip(mine, theirs)
    if slip is None:
        return False
    known = _is_word(one), _is_word(other)
    if slip == "replaced" and _misspelt_ending(mine, theirs):
        return True
    if all(known):
        return slip == "doubled" and not (_noun(mine) and _noun(theirs)) and _only_once(one, other, words)
    if any(known) and slip != "dropped":
        word, other_word = (one, other) if known[0] else (other, one)
        if slip == "replaced" and _compound(word) and _times(word, words) < _OFTEN:
            return False  # 로아|바늘, 로아다늘: as likely another name
        return _rare(other_word, word, words) and not _two_words(mine, theirs)
    if slip == "swapped" and mine[0] == theirs[0] and mine[0] in _SURNAMES:
        return False
    rare = 0 if words[one] < words[other] else 1
    return slip != "replaced" and not known[rare] and _only_once(one, other, words)


def _misspelt_ending(one: str, other: str) -> bool:
    """Whether one phrase has a known ending where the other has none: 됩니까, 됌니까."""
    stems = stem(one), stem(other)
    ended = [len(left) for left, whole in zip(stems, (one, other), strict=True) if left != whole]
    at = next(n for n in range(len(one)) if one[n] != other[n])
    return len(ended) == 1 and len(one) - ended[0] > 1 and at >= ended[0] - 1


def _slip(one: str, other: str) -> str | None:
    """The one slip that makes a spelling of another: swapped, doubled, dropped or replaced; else None."""
    if _doubled_alike(one, other):
        return "doubled"
    if len(one) == len(other):
        apart = [at for at in range(len(one)) if one[at] != other[at]]
        if len(apart) == 2 and apart[1] == apart[0] + 1 and sorted(one) == sorted(other):
            return "swapped"
        if len(apart) != 1:
            return None
        return "replaced" if _near_syllables(one[apart[0]], other[apart[0]]) else None
    short, long = sorted((one, other), key=len)
    if len(long) != len(short) + 1:
        return None
    at = next((n for n in range(len(short)) if short[n] != long[n]), len(short))
    if short[at:] != long[at + 1 :] or long[at] in _NEGATING:
        return None
    return "doubled" if at and long[at] == long[at - 1] else "dropped"


def _doubled_alike(one: str, other: str) -> bool:
    """Whether two spellings are one but for letters that stand twice in a row."""
    return one[:1] == other[:1] and one[-1:] == other[-1:] and _once(one) == _once(other)


def _once(text: str) -> str:
    """A text with each letter once that stands twice in a row."""
    return _DOUBLED.sub(r"\1", text)


def _near_syllables(one: str, other: str) -> bool:
    """One jamo apart; vowels that sound the same (애 에, 왜 외 웨) count as one."""
    apart = [unicodedata.normalize("NFD", c).translate(_SAME_SOUND) for c in (one, other)]
    roles = {one, other} <= _ROLES
    return not roles and Levenshtein.distance(*apart) <= 1 and {one, other}.isdisjoint(_NEGATING)


@lru_cache(maxsize=1 << 14)
def _is_word(phrase: str) -> bool:
    """Whether the dictionary has every part of a phrase, none of them a lone syllable or a person's name."""
    found = morphemes(phrase)
    parts = [m for m in found if not m.tag.startswith(_PARTICLES)]
    verbal = any(a.tag in ("XSV", "XSA") and b.tag[0] == "N" for a, b in pairwise(found))  # 보고하의원
    content = any(part.tag[0] in "NVX" for part in parts)  # 아하|다|나 is a name in pieces
    return content and not verbal and all(_whole(part, parts) for part in parts) and not in_pieces(phrase)


def _whole(part: Morpheme, parts: list[Morpheme]) -> bool:
    if not part.known or (part.tag == "NNP" and len(part.form) <= 3 and part.form[0] in _SURNAMES):
        return False
    alone = len(part.form) == 1 and part.tag in ("NNG", "NNP", "IC", "MM", "XSN", "NR", "XR", "NNB")
    adverb = part.tag == "MAG" and len(part.form) == 1 and any(p.start == part.end for p in parts)  # 다|한도
    suffix = part.tag in ("XSN", "NNB") and any(p.end == part.start and len(p.form) > 1 for p in parts)
    return (not alone or suffix) and not adverb


def _two_words(one: str, other: str) -> bool:
    """Whether what is left of both without an equal beginning is a word of the dictionary: 염화|칼슘, 염화|칼륨."""
    equal = next((n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)
    return any(_noun(one[cut:]) and _noun(other[cut:]) for cut in range(equal + 1))


@lru_cache(maxsize=1 << 14)
def _compound(phrase: str) -> bool:
    """Whether a word without spaces is made of two or more that the dictionary has."""
    return " " not in phrase and sum(not m.tag.startswith(_PARTICLES) for m in morphemes(phrase)) > 1


@lru_cache(maxsize=1 << 14)
def _noun(text: str) -> bool:
    found = [m for m in morphemes(text) if not m.tag.startswith(_PARTICLES)]
    return len(found) == 1 and found[0].known and found[0].tag == "NNG" and len(found[0].form) > 1


# --- English ------------------------------------------------------------------------------------------

_PREFIXES = (
    "un", "non", "in", "im", "ir", "il", "dis", "de", "re", "pre", "pro", "per", "hyper", "hypo", "out", "over",
    "under", "anti", "inter", "intra", "extra", "ex", "e", "a", "sub", "super", "mis", "up", "down", "post", "bi",
    "mono",
    "poly",
)  # fmt: skip
_SUFFIXES = (
    "er",
    "ee",
    "or",
    "ees",
    "ers",
    "ors",
    "less",
    "ful",
    "able",
    "ible",
    "ist",
    "ism",
    "ate",
    "ite",
    "ide",
    "ine",
)


@cache
def _word_list() -> "SpellChecker":
    from spellchecker import SpellChecker

    return SpellChecker(language="en")


@lru_cache(maxsize=1 << 14)
def is_english_word(word: str) -> bool:
    """Whether the English word list has a word, or the one it is inflected from."""
    words = _word_list().word_frequency
    return word in words or (word.endswith("s") and word[:-1] in words)


def misspelt_english(one: str, other: str, words: Counts) -> bool:
    """Whether two words in small Latin letters are spellings of one, of which one is no word."""
    longest = max(len(one), len(other))
    if longest > 3 and _doubled_alike(one, other):
        return is_english_word(one) != is_english_word(other) or _only_once(one, other, words)
    replaced = len(one) == len(other) and sorted(one) != sorted(other)
    if longest < 3 or OSA.distance(one, other) > max(1, longest // (7 if replaced else 5)):
        return False
    if _prefix(one) != _prefix(other) or (_role(one) != _role(other) and _role(one) and _role(other)):
        return False
    known = is_english_word(one), is_english_word(other)
    if known[0] != known[1]:
        rare = _rare(other, one, words) if known[0] else _rare(one, other, words)
        return rare and (longest > 3 or sorted(one) == sorted(other))
    return not any(known) and not replaced and _only_once(one, other, words)


def _prefix(word: str) -> str:
    """The longest prefix that a word begins with, if what follows is a word too."""
    found = [
        prefix for prefix in _PREFIXES if word.startswith(prefix) and is_english_word(word[len(prefix) :])
    ]
    return max(found, key=len, default="")


def _role(word: str) -> str:
    return next((suffix for suffix in _SUFFIXES if word.endswith(suffix) and len(word) > len(suffix) + 2), "")
