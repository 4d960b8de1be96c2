"""squash against its plain definition, for every character and for random text."""

import sys
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from qaloom.text import normalize as module
from qaloom.text.normalize import comparison_key


def plain(text):
    """The definition, character by character."""
    key = unicodedata.normalize("NFKC", text.translate(module._SUPERSCRIPTS)).casefold()
    key = module._SIGN.sub(module._MINUS, key)
    key = module._POINTS.sub(module._keep_decimal, key)
    return key.translate(dict.fromkeys(map(ord, module._MARKS)))


def test_every_character_alone_and_between_others():
    for point in range(sys.maxunicode + 1):
        if unicodedata.category(chr(point)) not in ("Cn", "Co"):  # unassigned or private: kept, all alike
            text = f"{chr(point)} 가{chr(point)}1 a{chr(point)}_"
            assert comparison_key(text) == plain(text), hex(point)


PIECES = st.sampled_from(
    ["가", "1", "-1", ".", "1.5", "10²", " ", "\u2028", "_", "%", "\u0301", "ᄒ", "ß", "\x1f"]
)


@settings(max_examples=2000, deadline=None)
@given(st.text() | st.lists(PIECES | st.characters(), max_size=12).map("".join))
def test_any_text(text):
    assert comparison_key(text) == plain(text)
