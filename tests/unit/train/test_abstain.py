"""Abstention rows: look-alikes and built-in questions by turns, each answered in its question's language."""

import pytest
from plans import run_settings

from qaloom.errors import ConfigError, DataError
from qaloom.files import write_lines
from qaloom.text.abstention import abstains
from qaloom.train.abstain import abstention_rows, check_abstention, look_alikes_file
from qaloom.train.document_questions import built_in_questions

ROWS = [
    {"id": "a", "instruction": "When does the library open?", "input": "", "output": "at 9"},
    {
        "id": "b",
        "instruction": "도서관은 언제 엽니까?",
        "input": "",
        "output": "9시",
        "system": "너는 사서이다.",
    },
]
LOOK_ALIKES = [
    {"id": f"{n}", "instruction": text, "parent": parent, "replaced": "", "put_in": "", "kind": "name"}
    for n, (text, parent) in enumerate(
        [("When does the Pell library open?", "a"), ("새얀 도서관은 언제 엽니까?", "b"), ("Gone?", "z")]
    )
]


def abstaining(**values):
    return run_settings(training={"abstain": values}).training.abstain


def test_rows_are_answered_in_their_language_with_the_system_message_of_their_parent(tmp_path, capsys):
    write_lines(tmp_path / "lookalike_training.jsonl", LOOK_ALIKES)
    settings = abstaining(share=1, text={"ko": "모릅니다."})
    file = look_alikes_file(tmp_path / "train.jsonl", settings)
    english, built_in, korean, _ = found = abstention_rows(ROWS * 2, file, settings, "demo")
    assert (english["output"], korean["output"]) == ("The documents do not say.", "모릅니다.")
    assert "system" not in english and korean["system"] == "너는 사서이다."
    assert built_in["instruction"] in built_in_questions() and not abstains(built_in["instruction"])
    assert [abstains(row["output"]) for row in found] == [True] * 4
    assert abstention_rows(ROWS, file, abstaining(share=0.5), "demo") == [english]
    assert not capsys.readouterr().err


def test_too_few_questions_are_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("qaloom.train.abstain.questions_without_answer", lambda rows: [])
    write_lines(tmp_path / "lookalike_training.jsonl", LOOK_ALIKES)
    file = look_alikes_file(tmp_path / "train.jsonl", abstaining(share=1))
    assert len(abstention_rows(ROWS * 2, file, abstaining(share=1), "demo")) == 2
    assert "asks for 4 questions without an answer, and there are 2" in capsys.readouterr().err


def test_without_a_share_nothing_is_read(tmp_path):
    settings = abstaining()
    assert look_alikes_file(tmp_path / "train.jsonl", settings) is None
    assert abstention_rows(ROWS, None, settings, "demo") == []
    with pytest.raises(DataError, match="run the split again"):
        look_alikes_file(tmp_path / "train.jsonl", abstaining(share=0.1))


def test_a_sentence_that_abstains_from_nothing_is_refused():
    check_abstention(abstaining(share=0.1))
    check_abstention(abstaining(text={"ko": "네."}))
    with pytest.raises(ConfigError, match=r"training\.abstain\.text\.ko"):
        check_abstention(abstaining(share=0.1, text={"ko": "네."}))
