"""What is said of facts with one wording: how many, and the measured recall of what they are trained on."""

import json
from pathlib import Path

import pytest

from qaloom.records import Row, other_wording
from qaloom.sentences import in_korean
from qaloom.split.expectation import note_on_single_wordings
from qaloom.split.placement import Wording

MEASURED = json.loads((Path(__file__).parents[3] / "benchmarks/wordings.json").read_text("utf-8"))["arms"]
EN, KO = "What is the address of the archive?", "기록관의 주소는 무엇입니까?"


def placed(question, *made):
    row = Row(question, question, "", f"27 Water Street: {question}", "a.jsonl", 1, "a", "{}")
    rows = [row, *(other_wording(row, f"{question} {n}", *kind) for n, kind in enumerate(made))]
    wordings = [Wording(one, None, None) for one in rows]
    for wording in wordings:
        wording.fact = row.id
        wording.put("train", "data")
    return wordings


@pytest.mark.parametrize(
    ("made", "arm"),
    [
        ([], "one"),
        ([("form", "reverse")], "one"),
        ([("augmented", "rules")], "rules"),
        ([("augmented", "rules"), ("form", "keywords")], "rules + keywords"),
    ],
)
def test_the_expectation_is_the_measured_recall(made, arm):
    for rows, tongue in (
        ([*placed(EN, *made), *placed("Who keeps the archive?", *made)], "en"),
        ([*placed(KO, *made), *placed("기록관은 누가 지킵니까?", *made)], "ko"),
        ([*placed(EN, *made), *placed(KO, *made)], "all"),
    ):
        note = note_on_single_wordings(rows)
        percent, true = (round(100 * MEASURED[name][tongue]["exact_match"]) for name in (arm, "true"))
        assert note.startswith(f"2 of 2 facts to train have one wording: expect about {percent} % right")
        assert note.endswith(f"it was {true} %") and f"{percent}%" in in_korean(note)


def test_facts_with_two_wordings_are_not_named():
    one, other = placed(EN)[0], placed("Where is the archive?")[0]
    other.fact = one.fact
    assert note_on_single_wordings([one, other]) == ""
    assert "1 of 2 facts" in note_on_single_wordings([one, other, *placed(KO)])
    held_out = placed(KO)
    held_out[0].put("unseen", "hash")
    assert note_on_single_wordings([one, other, *held_out]) == ""


def test_what_was_not_measured_is_not_foretold():
    note = note_on_single_wordings([*placed(EN, ("augmented", "model")), *placed(KO)])
    assert note == "2 of 2 facts to train have one wording" and in_korean(note)
    assert note_on_single_wordings(placed(EN)) == ""  # one answer, of which a note says all there is
