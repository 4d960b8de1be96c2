"""Morphemes of Korean text by Kiwi, which is loaded on first use (145 MB, two seconds)."""

from functools import cache

from kiwipiepy import Kiwi


@cache
def _kiwi() -> Kiwi:
    return Kiwi(num_workers=1)


def morphemes(text: str) -> list[tuple[str, str]]:
    """The morphemes of a text, each with its tag (Sejong: NNG, EC, JKS, ...)."""
    return [(token.form, str(token.tag)) for token in _kiwi().tokenize(text)]
