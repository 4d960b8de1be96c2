"""Decisions of a review in validate: what each does to the rows of all files, and nothing where there are none."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qaloom.config.load import defaults
from qaloom.decisions import decision_note
from qaloom.dedup.stage import dedup
from qaloom.files import read_lines
from qaloom.records import Rejection, Row, row_id
from qaloom.validate.reviewed import Review
from qaloom.validate.stage import as_found, gather, validate_file

ONE = [
    ("구내식당은 언제 여나요?", "11시 30분"),
    ("도서관은 어디인가요?", "별관 2층"),
    ("이건 어떻게 하나요?", "총무팀에 낸다"),
]
TWO = [
    ("구내식당은 언제 엽니까?", "오후 1시"),
    ("도서관은 어디인가요?", "별관 2층"),
    ("주차장은 몇 층인가요?", "지하 3층"),
]
PLACES = [("one.jsonl", ONE), ("two.jsonl", TWO)]
WHO = {"by": "김검토", "when": "2026-01-02T03:04:05+00:00"}


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("files")
    for name, rows in PLACES:
        lines = [json.dumps({"question": q, "answer": a}, ensure_ascii=False) for q, a in rows]
        (folder / name).write_text("\n".join(lines), "utf-8")
        validate_file(folder / name, name, folder / f"out-{name}")
    return [folder / f"out-{name}" for name, _ in PLACES]


def about(pair: tuple[str, str], action: str, source: str = "one.jsonl", line: int = 1, **more: str) -> dict:
    return {
        "action": action,
        "id": row_id(pair[0], "", pair[1]),
        "source": source,
        "line": line,
        **WHO,
        **more,
    }


def reviewed(parts, tmp_path, *decisions) -> tuple[list[Row], list[Rejection], dict]:
    path = tmp_path / "decisions.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in decisions), "utf-8")
    stats = gather(parts, tmp_path / "out", Review(path).write)
    rows, rejected = (
        read_lines(tmp_path / "out/rows.jsonl", Row),
        read_lines(tmp_path / "out/rejected.jsonl", Rejection),
    )
    assert stats["in"] == stats["out"] + stats["rejected"] == len(rows) + len(rejected)
    for key in ("in", "out", "rejected"):
        assert stats[key] == sum(one[key] for one in stats["files"])
    assert sum(stats["reasons"].values()) == len(rejected)
    return rows, rejected, stats


def test_without_decisions_every_byte_is_as_before(parts, tmp_path):
    before = gather(parts, tmp_path / "before")
    rows, _, stats = reviewed(parts, tmp_path)
    assert (tmp_path / "out/rows.jsonl").read_bytes() == (tmp_path / "before/rows.jsonl").read_bytes()
    assert len(rows) == 6 and "decisions" not in before
    assert {key: stats[key] for key in before} == before
    assert gather(parts, tmp_path / "again", as_found) == before


def test_each_decision_does_what_it_says(parts, tmp_path, capsys):
    merged = about(TWO[0], "merge", "two.jsonl", into=row_id(*ONE[0][:1], "", ONE[0][1]))
    rows, rejected, stats = reviewed(
        parts,
        tmp_path,
        about(ONE[0], "edit", question=" 구내식당은 몇 시에 여나요?", answer="11시 30분"),
        about(ONE[1], "drop", line=2, why="옛 건물"),
        about(ONE[2], "approve", line=3),
        merged,
    )
    assert [row.instruction for row in rows] == ["구내식당은 몇 시에 여나요?", ONE[2][0], TWO[2][0]]
    edited, approved = rows[0], rows[1]
    assert (edited.source, edited.line, edited.id) == ("one.jsonl", 1, edited.identity)
    assert decision_note(edited)["original"] == row_id(ONE[0][0], "", ONE[0][1])
    assert decision_note(approved) == {"action": "approve", "of": approved.id, **WHO}
    assert [(item.source, item.line, item.reason) for item in rejected] == [
        ("one.jsonl", 2, "dropped_by_review"),
        ("two.jsonl", 1, "merged_by_review"),
        ("two.jsonl", 2, "dropped_by_review"),  # the same text in another file
    ]
    assert rejected[0].detail == "dropped by review (김검토, 2026-01-02T03:04:05+00:00: 옛 건물)"
    assert rejected[1].survivor.id == edited.id and rejected[1].id == merged["id"]
    assert stats["decisions"] == {"approve": 1, "drop": 1, "edit": 1, "merge": 1}
    assert "4 decisions applied (approve 1, drop 1, edit 1, merge 1)" in capsys.readouterr().err


def test_what_a_person_approved_or_wrote_passes_the_quality_filters_and_nobody_elses(parts, tmp_path):
    """The same row: set aside as it is, kept once it is approved, kept as an edit that would be set aside, too."""
    options = defaults()["dedup"]
    for number, decisions in enumerate(
        [(), [about(ONE[2], "approve")], [about(ONE[2], "edit", question="그건요?", answer="총무팀")]]
    ):
        reviewed(parts, tmp_path, about(ONE[0], "drop"), *decisions)
        stats = dedup(tmp_path / "out/rows.jsonl", tmp_path / "dedup", options)
        assert stats["reasons"].get("unclear_question", 0) == (number == 0)


def test_the_row_that_a_merge_keeps_passes_the_filters_too(parts, tmp_path):
    merged = about(TWO[2], "merge", "two.jsonl", 3, into=row_id(ONE[2][0], "", ONE[2][1]))
    reviewed(parts, tmp_path, about(ONE[0], "drop"), merged)
    dedup(tmp_path / "out/rows.jsonl", tmp_path / "dedup", defaults()["dedup"])
    kept = {row.instruction for row in read_lines(tmp_path / "dedup/rows.jsonl", Row)}
    assert ONE[2][0] in kept and TWO[2][0] not in kept


def test_what_fits_no_row_is_one_line_and_not_applied(parts, tmp_path, capsys):
    _, rejected, stats = reviewed(
        parts,
        tmp_path,
        about(("구내식당은?", "몰라요"), "drop"),
        about(("없는 질문", "답"), "edit", "gone.jsonl", question="q", answer="a"),
        about(ONE[1], "merge", into="0" * 16),
    )
    assert rejected == [] and stats["decisions"] == {}
    assert [one["reason"] for one in stats["decisions_not_applied"]] == [
        "row_changed",
        "row_gone",
        "no_survivor",
    ]
    said = [line for line in capsys.readouterr().err.splitlines() if "not applied" in line]
    assert len(said) == 1 and "drop of one.jsonl, line 1, by 김검토: the row changed (and 2 more)" in said[0]


def test_a_correction_comes_in_once_a_person_takes_it(parts, tmp_path):
    place = {"source": "review/corrections.jsonl", "line": 2}
    pair = ("주차 요금은 얼마인가요?", "하루 3천 원")
    texts = {"question": pair[0], "answer": pair[1]}
    for action in ("approve", "edit"):
        rows, _, stats = reviewed(parts, tmp_path, about(pair, action, **place, **texts))
        assert (rows[-1].instruction, rows[-1].output, rows[-1].group) == (*pair, "corrections")
        assert stats["files"][-1]["source"] == place["source"] and len(rows) == 7
    rows, _, stats = reviewed(parts, tmp_path, about(pair, "drop", **place))
    assert len(rows) == 6 and stats["decisions_not_applied"] == []


def test_half_a_line_is_named(parts, tmp_path, capsys):
    path = tmp_path / "decisions.jsonl"
    path.write_text(json.dumps(about(ONE[1], "drop")) + '\n{"action": "dr', "utf-8")
    stats = gather(parts, tmp_path / "out", Review(path).write)
    assert (stats["decisions"], stats["decisions_unreadable"]) == ({"drop": 1}, [2])
    assert "no decision in line 2, which breaks off" in capsys.readouterr().err


PAIRS = [*ONE, *TWO]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(["approve", "edit", "drop", "merge"]), st.integers(0, 5), st.integers(0, 5))
    )
)
def test_any_decisions_are_those_of_rows_handled_one_by_one(parts, tmp_path, made):
    """The oracle goes through all rows, and asks of each what its last decision is and where its merge ends."""
    ids = [row_id(q, "", a) for q, a in PAIRS]
    made = [one for one in made if one[0] != "merge" or ids[one[1]] != ids[one[2]]]
    lines = [
        about(PAIRS[row], action)
        | ({"into": ids[into]} if action == "merge" else {})
        | ({"question": f"Q{into}?", "answer": "A"} if action == "edit" else {})
        for action, row, into in made
    ]
    last = {one["id"]: one for one in lines}

    def end(row: str, steps: int = 9) -> str | None:
        one = last.get(row, {"action": "approve"})
        if one["action"] == "merge":
            return end(one["into"], steps - 1) if steps else None
        return None if one["action"] == "drop" else row

    kept = []
    for (question, answer), row in zip(PAIRS, ids, strict=True):
        one = last.get(row)
        if one and one["action"] == "edit":
            kept.append((one["question"], one["answer"]))
        elif not one or one["action"] == "approve" or (one["action"] == "merge" and end(row) is None):
            kept.append((question, answer))
    rows, _, stats = reviewed(parts, tmp_path, *lines)
    assert [(row.instruction, row.output) for row in rows] == kept
    assert len(stats["decisions_not_applied"]) == sum(
        one["action"] == "merge" and end(row) is None for row, one in last.items()
    )
