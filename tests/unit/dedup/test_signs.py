"""Signs: a row without them passes the searches that it is spared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.dedup.filters import mojibake
from qaloom.dedup.pii import find_pii
from qaloom.dedup.signs import may_hold
from qaloom.records import Row

PIECES = [
    "a", "가", "??", "?", "(cid:12)", "/C", "C45", "/", "\ufffd", "ï¿½", "？？", "ÁÖ¼Ò", "😀", "010-1234-5678",
    "kim@a.kr", "+1 202 555 0100", "1234", "٤٤٤٤", " ",
]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


def row(instruction, input="", output=""):
    return Row("", instruction, input, output, "a.jsonl", 1, "a", "{}")


@given(st.lists(st.builds(row, TEXT, TEXT, TEXT), max_size=4))
def test_a_row_without_signs_holds_nothing(rows):
    for one, lost, personal in zip(rows, *may_hold(rows), strict=True):
        assert lost or not mojibake(one)
        assert personal or not any(map(find_pii, (one.instruction, one.input, one.output)))


@pytest.mark.parametrize(
    ("one", "signs"),
    [
        (row("Is the lid of A/B-12 washed at 30 °C?", output="Yes, 2,000 times (1.5 h)."), (False, False)),
        (row("전원은?", "1234", "5678"), (False, False)),  # of two texts
        (row("12345678"), (False, True)),
        (row("What is /C45/C46?"), (True, False)),
    ],
)
def test_what_is_a_sign(one, signs):
    (lost,), (personal,) = may_hold([one])
    assert (lost, personal) == signs
