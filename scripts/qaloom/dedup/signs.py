"""Signs in the texts of rows without which neither lost characters nor personal data are there.

The characters of some thousand rows are looked up together, which spares most rows both searches.
"""

import sys
from collections.abc import Sequence
from functools import cache

import numpy as np

from qaloom.records import Row

_DIGIT, _LOST, _OF_TWO, _PERSONAL = range(1, 5)
_FEWEST_DIGITS = 8  # of a number that is personal, unless a plus goes before it


def may_hold(rows: Sequence[Row]) -> tuple[list[bool], list[bool]]:
    """Of each row: whether characters of its texts may be lost, and whether they may hold personal data."""
    texts = [text for row in rows for text in (row.instruction, row.context, row.output)]
    codes = np.frombuffer("".join([*texts, " "]).encode("utf-32-le", "surrogatepass"), np.uint32)
    signs = _signs()[codes]
    places = np.flatnonzero(signs)
    found = signs[places]
    of_texts = np.searchsorted(np.cumsum(list(map(len, texts))), places, "right")
    # '??', '(cid:' and '/C', as far as the second character.
    lost = (found == _LOST) | ((found == _OF_TWO) & np.isin(codes[(places + 1) % len(codes)], _SECOND))
    digits = np.bincount(of_texts[found == _DIGIT], minlength=len(texts)) >= _FEWEST_DIGITS
    digits[of_texts[found == _PERSONAL]] = True
    lost_in_rows = np.bincount(of_texts[lost] // 3, minlength=len(rows)) > 0
    return lost_in_rows.tolist(), np.any(digits.reshape(-1, 3), axis=1).tolist()


_SECOND = list(map(ord, "?cC"))


@cache
def _signs() -> np.ndarray:
    """Sign that each code point is, 0 for most."""
    signs = np.zeros(sys.maxunicode + 1, np.uint8)
    signs[[code for code in range(len(signs)) if chr(code).isdecimal()]] = _DIGIT
    signs[0xC0:0x100] = signs[0xE000:0xF900] = signs[[0xFF1F, 0xFFFD]] = _LOST
    signs[list(map(ord, "?(/"))] = _OF_TWO
    signs[list(map(ord, "@+"))] = _PERSONAL
    return signs
