"""Cells of a spreadsheet as texts: what Excel shows of the value in its number format."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.validate.cell_text import cell_text

NOON = datetime.datetime(2026, 3, 5, 13, 7, 9)


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (None, "General", ""),
        (True, "General", "TRUE"),
        (5, "General", "5"),
        (5.0, "General", "5"),
        (0.1 + 0.2, "General", "0.3"),
        (1e21, "General", "1000000000000000000000"),
        (1012345678, "000-0000-0000", "010-1234-5678"),
        (7, "000", "007"),
        (1234567, "#,##0", "1,234,567"),
        (-1500, '#,##0"원"', "-1,500원"),
        (-1500, "#,##0_);[Red](#,##0)", "(1,500)"),
        (0, '0;-0;"없음"', "없음"),
        (2500, "[$₩-412]#,##0", "₩2,500"),
        (0.125, "0%", "13%"),
        (0.1, "0.0%", "10.0%"),
        (2.5, "0", "3"),
        (2.5, "0.00", "2.50"),
        (2.5, "0.0#", "2.5"),
        (0.5, "#.0", ".5"),
        (12_300_000, "#,##0,,", "12"),
        (3, '0"층"', "3층"),
        (3.75, "# ?/?", "3.75"),
        (12345.6, "0.00E+00", "12345.6"),
        (NOON, "yyyy-mm-dd", "2026-03-05"),
        (NOON, "mm-dd-yy", "2026-03-05"),
        (NOON, 'yyyy"년" m"월" d"일"', "2026년 3월 5일"),
        (NOON, "yyyy\\.mm\\.dd\\ (aaa)", "2026.03.05 (목)"),
        (NOON, "h:mm:ss", "13:07:09"),
        (NOON, "[$-412]AM/PM h:mm", "오후 1:07"),
        (NOON, "h:mm AM/PM", "1:07 PM"),
        (NOON, "d-mmm-yy", "5-Mar-26"),
        (NOON, "General", "2026-03-05 13:07:09"),
        (datetime.datetime(2026, 3, 5), "General", "2026-03-05"),
        (datetime.time(9, 30), "h:mm", "9:30"),
        (datetime.timedelta(hours=30), "[h]:mm", "30:00"),
    ],
)
def test_shown(value, number_format, shown):
    assert cell_text(value, number_format) == shown


@given(st.integers(-(10**14), 10**14), st.integers(0, 4))
def test_grouped_digits_are_those_of_python(value, decimals):
    places = "." + "0" * decimals if decimals else ""
    assert cell_text(value, f"#,##0{places}") == f"{value:,.{decimals}f}"
    assert cell_text(value, "General") == str(value)


@given(st.one_of(st.floats(), st.integers(), st.datetimes(), st.dates(), st.times()), st.text(max_size=12))
def test_any_format_gives_a_text(value, number_format):
    assert isinstance(cell_text(value, number_format), str)
