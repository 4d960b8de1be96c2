"""Endings of Korean questions and answers, without an analyser: the cheap test before `korean`."""

import re
import unicodedata

from qaloom.text.normalize import jamo


def stem(key: str) -> str:
    """The comparison key of a Korean text without its ending, copula, last particle and 무엇: what it asks about."""
    if key.isascii():
        return key
    apart = jamo(key[-LONGEST_END:])
    found = _END.search(apart)
    left = apart[: found.start()] if found else apart
    return key[:-LONGEST_END] + unicodedata.normalize("NFC", left) or key


def _apart(pattern: str) -> str:
    """A pattern for text in jamo, written in syllables; a lone final consonant is a conjoining one."""
    return unicodedata.normalize("NFD", re.sub(r"([가-힣])\?", r"(?:\1)?", pattern))


_PLEASE = (
    r"(?:에대해서?|에관해서?)?(?:알려|말해|말씀해|설명해|가르쳐|안내해|적어|써|답해)"
    r"(?:주(?:세요|십시오|시오|시겠습니까|시겠어요|실수있나요|실수있습니까|ᆯ래요?|라)|줘요?|라|보세요|보시오)"
)
_ENDING = (
    r"(?:습|ᆸ)니(?:까|다)|(?:는|은|던|ᆫ)(?:가|지)요?|(?:을|ᆯ)까요?|이?(?:에|예)요|(?:어|아|여)요|나요?|냐|니|죠|지요?"
    r"|요|다|음|ᆷ"
)
LONGEST_END = 16  # syllables
_END = re.compile(_apart(rf"(?:은|는|이|가|을|를)?(?:무엇|무어|뭐)?이?(?:으?시)?(?:{_PLEASE}|{_ENDING})?$"))
_OPENING = re.compile(
    r"(?:(?:could|can|would|will)?(?:you)?(?:please|kindly)?(?:tell|give|show)(?:me|us)|(?:i|we)(?:wantto|needto|(?:woul)?dliketo)know"
    r"|doyouknow|what(?:is|are|was|were|s)|which(?:is|are))+(?:what|which|the)?(?:is|are)?(?:the)?"
)


def subject(key: str) -> str:
    """A comparison key without the words that ask: what is left of two wordings may be the same."""
    if not key.isascii():
        return stem(key)
    opening = _OPENING.match(key)
    return key[opening.end() :] if opening and opening.end() < len(key) else key
