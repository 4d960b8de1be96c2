"""Decisions about rows: lines appended by several writers and cut off by kills, the last in force, those that fit."""

import json
from multiprocessing import get_context
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.append_only import append_line
from qaloom.decisions import Decision, decision_note, fitting, note_decision, read_decisions
from qaloom.errors import StorageError
from qaloom.records import Row

ROWS = "abcde"
CORRECTION = "review/corrections.jsonl"


def decision(action: str, row: str, **more: str) -> Decision:
    texts = {"question": "q?", "answer": "a"} if action == "edit" else {}
    return Decision(action, row, "data/a.jsonl", 3, "kim", "2026-01-01T00:00:00+00:00", **texts | more)


def written(path: Path, *decisions: Decision) -> Path:
    for one in decisions:
        append_line(path, msgspec.json.encode(one))
    return path


def test_the_last_decision_on_a_row_is_in_force_and_undo_takes_it_back(tmp_path):
    made = [decision(action, "a") for action in ("approve", "drop", "undo", "edit", "undo", "undo", "undo")]
    in_force = [read_decisions(written(tmp_path / f"{n}", *made[:n])).in_force for n in range(len(made) + 1)]
    assert [found["a"].action if found else None for found in in_force] == [
        None, "approve", "drop", "approve", "edit", "approve", None, None,
    ]  # fmt: skip


def test_a_line_that_breaks_off_is_named_and_the_next_one_stands_alone(tmp_path):
    path = written(tmp_path / "data/decisions.jsonl", decision("drop", "a"))
    path.write_bytes(path.read_bytes() + b'{"action":"drop","id":"b","sour')
    assert read_decisions(path).unreadable == [2]
    written(path, decision("approve", "c"))
    found = read_decisions(path)
    assert (set(found.in_force), found.unreadable) == ({"a", "c"}, [2])
    whole_but_open = written(tmp_path / "open", decision("drop", "a"))
    whole_but_open.write_bytes(whole_but_open.read_bytes()[:-1])
    assert set(read_decisions(whole_but_open).in_force) == {"a"}


@pytest.mark.parametrize(
    "line",
    [
        {"action": "burn"},
        {"action": "edit", "question": "q", "answer": "\u200b "},
        {"action": "merge"},
        {"action": "merge", "into": "a"},
        {"action": "drop", "line": "x"},
    ],
)
def test_what_is_no_decision_is_left_out(tmp_path, line):
    whole = {"id": "a", "source": "s", "line": 1, "by": "kim", "when": "now"} | line
    (tmp_path / "d").write_text(json.dumps(whole) + "\n[]\n\nnull\n\xff\n", "latin-1")
    assert read_decisions(tmp_path / "d") == ({}, [], [1, 2, 4, 5])
    assert read_decisions(tmp_path / "none") == ({}, [], [])


def _write(path: Path, writer: int) -> None:
    for n in range(50):
        append_line(path, json.dumps([writer, n, "x" * 5_000]).encode())


def test_writers_at_the_same_time_never_mix_their_lines(tmp_path):
    path, context = tmp_path / "lines", get_context("fork")
    writers = [context.Process(target=_write, args=(path, number)) for number in range(3)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(line[:2] for line in lines) == [[w, n] for w in range(3) for n in range(50)]


def test_a_disk_that_is_full_keeps_the_file_whole(tmp_path, monkeypatch):
    path = written(tmp_path / "d", decision("drop", "a"))
    before = path.read_bytes()
    real = __import__("os").write
    monkeypatch.setattr("os.write", lambda file, data: real(file, data[:7]))
    with pytest.raises(StorageError, match="the disk is full"):
        append_line(path, b"x" * 100)
    assert path.read_bytes() == before


@given(st.data())
def test_which_decisions_fit_is_what_walking_all_of_them_gives(tmp_path_factory, data):
    """The oracle replays the lines and, for merges, follows names until nothing changes."""
    made = data.draw(st.lists(_decision(), max_size=12))
    there = data.draw(st.sets(st.sampled_from(ROWS)))
    path = tmp_path_factory.mktemp("d") / "decisions.jsonl"
    path.write_bytes(msgspec.json.Encoder().encode_lines(made))
    in_force = read_decisions(path).in_force
    assert in_force == _replayed(made)
    found = fitting(in_force, there)
    added = {
        row for row, one in in_force.items() if one.source == CORRECTION and one.action in ("approve", "edit")
    }
    stays = {
        row for row in there | added if row not in in_force or in_force[row].action in ("approve", "edit")
    }
    for row, one in in_force.items():
        ends, at = None, row
        for _ in range(len(ROWS) + 1):  # one step more than there are rows: a circle never ends
            if at in in_force and in_force[at].action == "merge" and (at in there or at == row):
                at = in_force[at].into
            elif at in stays:
                ends = at
                break
        if row not in there | added:
            assert row not in found.decisions
            assert (row in found.misfits) == (one.source != CORRECTION)
        elif one.action == "merge":
            assert found.survivors.get(row) == ends and (row in found.misfits) == (ends is None)
        else:
            assert found.decisions[row] == one and row not in found.misfits


def _decision():
    def make(action, row, into, source):
        fits = into if action == "merge" else ""
        return Decision(action, row, source, 1, "kim", "now", "", "q", "a", fits)

    made = st.tuples(
        st.sampled_from(["approve", "edit", "drop", "merge", "undo"]),
        st.sampled_from(ROWS),
        st.sampled_from(ROWS),
        st.sampled_from(["data/a.jsonl", CORRECTION]),
    )
    return made.filter(lambda one: one[0] != "merge" or one[1] != one[2]).map(lambda one: make(*one))


def _replayed(made: list[Decision]) -> dict[str, Decision]:
    """Of each row the last decision that no undo after it takes back, looked for from the end."""
    left: dict[str, Decision] = {}
    for row in {one.id for one in made}:
        undone = 0
        for one in reversed([one for one in made if one.id == row]):
            if one.action == "undo":
                undone += 1
            elif undone:
                undone -= 1
            else:
                left[row] = one
                break
    return left


def test_a_note_counts_on_the_row_that_it_was_made_for_alone():
    row = Row("", "q?", "", "a", "data/a.jsonl", 3, "a", '{"reviewed":{"action":"approve"},"page":4}')
    row.id = row.identity
    assert decision_note(row) is None
    note_decision(row, decision("approve", row.id, why="seen"))
    assert decision_note(row)["why"] == "seen"
    assert row.details["page"] == 4 and row.details["reviewed_in_source"] == {"action": "approve"}
    row.output, row.id = "b", "another"
    assert decision_note(row) is None
