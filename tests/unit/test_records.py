"""Rows: an id is the text's, and what a stage writes adds up."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.files import read_json, read_lines
from qaloom.records import Rejection, Row, place, rejected, row_id, write_stage


def row(number: int, **more) -> Row:
    return Row(f"{number:016x}", f"질문 {number}", "", "답", "a.jsonl", number, "a", {}, **more)


def test_an_id_is_pinned_for_every_reader_of_the_contract():
    text = '["본원의 주소는?","","가람시 \\"솔내구\\""]'
    assert row_id("본원의 주소는?", "", '가람시 "솔내구"') == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert row_id("a", "b", "c") == "fa1844c2988ad15a"


@given(st.lists(st.text(), min_size=6, max_size=6))
def test_texts_that_differ_have_ids_that_differ(texts):
    one, other = texts[:3], texts[3:]
    assert (row_id(*one) == row_id(*other)) == (one == other)


def test_moving_text_between_fields_changes_the_id():
    assert len({row_id("ab", "", "c"), row_id("a", "b", "c"), row_id("a", "", "bc")}) == 3


def test_a_stage_writes_rows_rejections_and_counts(tmp_path):
    kept, gone = (
        [row(1), row(2, origin="augmented", parent="1")],
        rejected(row(3), "too_short", "1 character"),
    )
    stats = write_stage(tmp_path, kept, [gone], 3, clusters=2)
    assert stats == {"in": 3, "out": 2, "rejected": 1, "reasons": {"too_short": 1}, "clusters": 2}
    assert read_json(tmp_path / "stats.json") == stats
    assert read_lines(tmp_path / "rows.jsonl", Row) == kept
    assert read_lines(tmp_path / "rejected.jsonl", Rejection) == [gone]
    assert gone.row == {"instruction": "질문 3", "input": "", "output": "답"}
    assert place(kept[0]) == {"id": kept[0].id, "source": "a.jsonl", "line": 1}


def test_reasons_are_counted_in_order_of_their_codes(tmp_path):
    gone = [rejected(row(n), reason, "") for n, reason in enumerate("bab")]
    assert list(write_stage(tmp_path, [], gone, 3)["reasons"].items()) == [("a", 1), ("b", 2)]


def test_a_row_that_is_lost_stops_the_stage_before_it_writes(tmp_path):
    with pytest.raises(AssertionError, match=r"3 in, 1 \+ 0 out"):
        write_stage(tmp_path, [row(1)], [], 3)
    assert list(tmp_path.iterdir()) == []


@given(st.tuples(st.text(), st.text(), st.text()))
def test_the_id_is_that_of_the_standard_librarys_json(texts):
    text = json.dumps(list(texts), ensure_ascii=False, separators=(",", ":"))
    assert row_id(*texts) == hashlib.sha256(text.encode()).hexdigest()[:16]
