"""Rows: an id is the text's, and what a stage writes adds up."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.errors import DataError
from qaloom.files import file_digest, read_json, read_lines, write_lines
from qaloom.records import (
    Placement,
    Rejection,
    Row,
    check_handed_over,
    place,
    read_questions,
    rejected,
    row_id,
    write_stage,
    write_vouched,
)


def row(number: int, **more) -> Row:
    return Row(f"{number:016x}", f"질문 {number}", "", "답", "a.jsonl", number, "a", "{}", **more)


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
    counts = {"in": 3, "out": 2, "rejected": 1, "reasons": {"too_short": 1}, "clusters": 2}
    names = ("rows.jsonl", "rejected.jsonl")
    assert stats == counts | {"sha256": {name: file_digest(tmp_path / name) for name in names}}
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


# What one stage hands to the next


@pytest.mark.parametrize("name", ["rows.jsonl", "rejected.jsonl", "clusters.jsonl"])
@pytest.mark.parametrize(
    "damage", [lambda b: b[: b.rindex(b"\n", 0, -1) + 1], lambda b: b[:-9], lambda b: b"x" + b[1:]]
)
def test_a_file_that_is_not_as_its_stage_wrote_it_is_refused(tmp_path, name, damage):
    rows = [row(n) for n in range(3)]
    write_lines(tmp_path / "clusters.jsonl", rows)
    write_stage(tmp_path, rows, [rejected(r, "too_short", "") for r in rows], 6, ["clusters.jsonl"])
    check_handed_over(tmp_path / name)
    (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    with pytest.raises(
        DataError, match=f"{name} is not as its stage wrote it .* Remove it and run"
    ) as caught:
        check_handed_over(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_and_one_that_no_stage_wrote_passes(tmp_path):
    write_vouched(tmp_path / "0-of-2.jsonl", [row(1)])
    write_vouched(tmp_path / "1-of-2.jsonl", [row(2)])
    (tmp_path / "own.jsonl").write_text("{}")
    check_handed_over(tmp_path / "own.jsonl", tmp_path / "0-of-2.jsonl")
    (tmp_path / "1-of-2.jsonl").unlink()
    with pytest.raises(DataError, match=r"1-of-2.jsonl is not as"):
        check_handed_over(tmp_path / "0-of-2.jsonl", tmp_path / "1-of-2.jsonl")


def test_damaged_stats_are_one_line(tmp_path):
    write_stage(tmp_path, [row(1)], [], 1)
    for content in (b"", b"[]", b"\xff", b'{"sha256'):
        (tmp_path / "stats.json").write_bytes(content)
        with pytest.raises(
            DataError, match=r"stats.json is damaged .*; remove it and run the workflow again"
        ):
            check_handed_over(tmp_path / "rows.jsonl")


def test_questions_of_a_part_are_its_rows_without_forms(tmp_path):
    texts = [{"id": name, "instruction": name, "input": "", "output": "x"} for name in ("a", "b")]
    places = [Placement(n, "train", "by_hash", o, "", "", "", 1) for n, o in (("a", "data"), ("b", "form"))]
    write_lines(tmp_path / "train.jsonl", texts)
    write_lines(tmp_path / "placement.jsonl", places)
    assert [row["id"] for row in read_questions(tmp_path, "train")] == ["a"]
