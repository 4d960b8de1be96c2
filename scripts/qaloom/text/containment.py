"""Whether one answer holds another: '부서장이 승인한다' holds 부서장, '1989년 2월 15일' holds 1989년."""

import re
from functools import lru_cache
from typing import NamedTuple

from qaloom.text import english, korean
from qaloom.text.canonical import canonical_notation
from qaloom.text.endings import stem
from qaloom.text.marks import marked

_TOKEN = re.compile(
    r"(?P<number>\d++(?:[.,:/~，／：]\d++)*+)|(?P<word>[^\W\d_]++)|(?P<mark>[^\w\s.,;:?!'\"()\[\]{}·…“”‘’「」『』。])"
)
_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+")
_PARTICLE = re.compile(
    r"(?:은|는|이|가|을|를|에|에서|에게|의|로|으로|와|과|도|만|까지|부터|이나|나|이며|며|이고|고|입니다|이다|다|이에요|예요|요|임|으로서"
    r"|로서|이라고|라고|이라는|라는|이었다|였다|이므로|인데|이어야|입니까|께서|한테|마다|씩|정도|쯤|이내|전|후){0,3}"
)
# A unit that a smaller one refines: 1989년 of 1989년 2월; not 1시간 of 1시간 30분, which is another length.
_REFINED = frozenset(
    (("년", "월"), ("월", "일"), ("일", "시"), ("층", "호"), ("동", "층"), ("동", "호"),
     ("조", "항"), ("항", "호"), ("장", "절"),
     ("장", "조"), ("관", "층"))
)  # fmt: skip


class _Token(NamedTuple):
    kind: str
    text: str


@lru_cache(maxsize=1 << 14)
def _tokens(text: str) -> tuple[_Token, ...]:
    plain = marked(canonical_notation(text)).casefold()
    return tuple(_Token(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(plain))


def holds(long: str, short: str) -> bool:
    """Whether an answer holds a shorter one as a whole, and denies no more in that sentence than the short one."""
    wanted = _tokens(short)
    if not any(token.kind != "mark" for token in wanted) or len(wanted) >= _LONGEST:
        return False
    return any(_in_sentence(part, wanted, short) for part in _SENTENCE.split(long))


_LONGEST = 200  # tokens of the shorter answer; a longer one is no answer that another one merely wraps


def _in_sentence(sentence: str, wanted: tuple[_Token, ...], short: str) -> bool:
    tokens = _tokens(sentence)
    places = range(len(tokens) - len(wanted) + 1)
    found = any(_stands(tokens, at, wanted) and _free(tokens, at, at + len(wanted)) for at in places)
    return found and denials(sentence) == denials(short)


_PUNCTUATION = re.compile(r"[^\w'’]+")


def denials(text: str) -> int:
    """Number of denials in a text of either language."""
    words = tuple(english.without_contractions(_PUNCTUATION.sub(" ", text.lower())).split())
    return korean.korean_negations(text) + english.english_negations(words)


def _stands(tokens: tuple[_Token, ...], at: int, wanted: tuple[_Token, ...]) -> bool:
    end = at + len(wanted) - 1
    return (
        tokens[at:end] == wanted[:-1]
        and tokens[end].kind == wanted[-1].kind
        and _same_word(tokens[end].text, wanted[-1].text)
    )


def _same_word(whole: str, word: str) -> bool:
    """Whether a word is another one, or it with a particle or a copula."""
    if whole == word:
        return True
    if not word[-1:].isalpha():
        return False
    if word.isascii():
        return (
            whole.startswith(word)
            and not whole[len(word) :].isascii()
            and bool(_PARTICLE.fullmatch(whole[len(word) :]))
        )
    bare = stem(word)
    return (
        any(whole.startswith(w) and _PARTICLE.fullmatch(whole[len(w) :]) for w in {word, bare})
        or stem(whole) == bare
    )


def _free(tokens: tuple[_Token, ...], start: int, end: int) -> bool:
    """Whether no mark joins what was found with its neighbours, and no larger amount goes on in them."""
    before, after = tokens[max(0, start - 2) : start], tokens[end : end + 2]
    if any(neighbour and neighbour.kind == "mark" for neighbour in (*before[-1:], *after[:1])):
        return False
    first, last = tokens[start], tokens[end - 1]
    if first.kind == "number" and len(before) == 2 and before[0].kind == "number":
        return _refines(before[1].text, tokens[start + 1].text if start + 1 < len(tokens) else "")
    if (
        last.kind == "word"
        and after
        and after[0].kind == "number"
        and end - start > 1
        and tokens[end - 2].kind == "number"
    ):
        return _refines(last.text, after[1].text if len(after) > 1 else "")
    return True


def _refines(unit: str, smaller: str) -> bool:
    return any(unit.startswith(large) and smaller.startswith(small) for large, small in _REFINED)
