"""Names that a text spells letter by letter: identifiers (libgl-dev, os.path, --user) and quoted words."""

import re
from functools import lru_cache

_IDENTIFIER = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*+|(?<![\w.])[A-Za-z_]\w*+(?:[-._/:]{1,2}\w++)+")
_QUOTED = re.compile(
    r"(?<!\w)(?:'([^'\n]{1,80})'|\"([^\"\n]{1,80})\"|“([^”\n]{1,80})”|‘([^’\n]{1,80})’)(?![A-Za-z])"
)
_CASED = re.compile(r"\A-|[._:/]")


def named_apart(one: str, other: str) -> bool:
    """Whether either of two texts names something, letter by letter, that the other names otherwise."""
    if one == other:
        return False
    mine, theirs = _names(one), _names(other)
    return not (mine <= theirs or theirs <= mine)


@lru_cache(maxsize=1 << 16)
def _names(text: str) -> frozenset[str]:
    """Identifiers, with capitals where those count, and what is quoted."""
    found = _IDENTIFIER.findall(text)
    quoted = ("'" + " ".join("".join(groups).split()).casefold() for groups in _QUOTED.findall(text))
    return frozenset([*(name if _CASED.search(name) else name.casefold() for name in found), *quoted])
