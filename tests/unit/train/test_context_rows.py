"""Rows with context: the right row among two others, the same for the same seed, and nothing of it by default."""

import re

from plans import run_settings

from qaloom.config.load import complete
from qaloom.inference.notes import with_notes
from qaloom.inference.prompt import Question
from qaloom.train.context_rows import context_rows
from qaloom.train.identity import identity_of

ROWS = [
    {"id": f"{n}{wording}", "instruction": f"{asks} {n}{end}", "input": "", "output": f"answer {n}"}
    for n in range(8)
    for wording, (asks, end) in enumerate((("What is item", "?"), ("Please name item", ".")))
]
OTHERS = [
    {"id": "x", "instruction": "What is it about?", "input": "A text.", "output": "answer 9"},
    {"id": "y", "instruction": "And then?", "input": "", "output": "answer 9", "history": [("a", "b")]},
]


def test_the_right_row_in_other_words_stands_among_two_others():
    found = context_rows(ROWS + OTHERS, 0.5, 7, "demo")
    assert len(found) == 9 and len({row["id"] for row in found} | {row["id"] for row in ROWS}) == 25
    places = set()
    for row in found:
        notes = re.findall(r"Question: (.+)\nAnswer: (.+)", row["instruction"])
        answers = [answer for _, answer in notes]
        assert len(set(answers)) == len(notes) == 3 and answers.count(row["output"]) == 1
        places.add(answers.index(row["output"]))
        asked = row["instruction"].rpartition("Question: ")[2].removesuffix("\nAnswer:")
        assert asked not in dict(notes), "another wording, so that the answer is read and not matched"
        assert not row["input"] and "history" not in row
    assert len(places) > 1


def test_the_prompt_is_that_of_serving():
    (row,) = context_rows(ROWS[:6], 1 / 6, 7, "demo")
    asked = row["instruction"].rpartition("Question: ")[2].removesuffix("\nAnswer:")
    notes = re.findall(r"Question: (.+)\nAnswer: (.+)", row["instruction"])
    rows = [{"instruction": question, "input": "", "output": answer} for question, answer in notes]
    assert row["instruction"] == with_notes(Question(asked), rows, "en").instruction


def test_the_seed_decides_and_nothing_else():
    once = context_rows(ROWS, 0.25, 7, "demo")
    assert once == context_rows(ROWS, 0.25, 7, "other") != context_rows(ROWS, 0.25, 8, "demo")
    assert context_rows(ROWS, 0, 7, "demo") == []


def test_a_fact_with_one_wording_stands_there_itself_and_too_few_answers_are_said(capsys):
    single = ROWS[::2]
    for row in context_rows(single, 1, 7, "demo"):
        assert row["instruction"].count(f"Answer: {row['output']}") == 1
    assert context_rows(ROWS[:4], 1, 7, "demo") == []
    assert "too few answers" in capsys.readouterr().err


def test_by_default_no_digest_of_a_training_changes(tmp_path, tiny):
    (tmp_path / "train.jsonl").write_text("{}")
    plain = complete({"data": {"sources": ["x"]}, "runs": {"r": {}}})["runs"]["r"]
    assert plain["training"]["context_share"] == 0 and run_settings().training.context_share == 0

    def identity(share):
        settings = plain | {"training": plain["training"] | {"context_share": share}}
        return identity_of(tmp_path / "train.jsonl", tiny, settings, None)

    before = {key: value for key, value in plain["training"].items() if key != "context_share"}
    old = identity_of(tmp_path / "train.jsonl", tiny, plain | {"training": before}, None)
    assert identity(0) == old and "context_share" not in old.settings["training"]
    assert identity(0.25) != old
