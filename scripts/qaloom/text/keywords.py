"""Keywords of a question, as one types them into a search box: its content words, without endings and particles."""

import re

from qaloom.text.content_words import stems
from qaloom.text.korean import analyser, morphemes

_HANGUL = re.compile("[가-힣]")
_NOUNS = ("NNG", "NNP", "NNB", "NR", "XSN", "XPN", "XR", "SL", "SN", "SH")
_LEFT_OUT = frozenset([
    "때", "경우", "수", "것", "곳", "중", "등", "무엇", "어디", "언제", "누구", "얼마",
    "며칠", "분", "시", "개", "번", "명", "대", "만",
])  # fmt: skip
_MEASURES = frozenset(["much", "many", "long", "often"])


def search_words(question: str) -> list[str]:
    """The content words of a question in order, Korean verbs as nouns in -기; each once."""
    bare = (word.strip("?.!,;:()\"'“”‘’") for word in question.split())
    found = [
        part for word in bare if word for part in (_korean(word) if _HANGUL.search(word) else _other(word))
    ]
    return list(dict.fromkeys(found))


def _other(word: str) -> list[str]:
    return [word] if stems(word.removesuffix("'s")) and word.lower() not in _MEASURES else []


def _korean(word: str) -> list[str]:
    """The nouns that a word of Hangul begins with; of a verb alone its noun in -기."""
    found = morphemes(word)
    end = next((n for n, one in enumerate(found) if one.tag not in _NOUNS), len(found))
    nouns = found[:end]
    if nouns and not (len(nouns) == 1 and nouns[0].form in _LEFT_OUT):
        return [word[: nouns[-1].end]] if stems(word) else []
    verb = next((one for one in found if one.tag == "VV"), None)
    if end or verb is None or found[0] is not verb or not stems(word):
        return []
    return [analyser().join([(verb.form, "VV"), ("기", "ETN")])]
