"""Shapes: question and answer from the records that extractors write."""

import pytest

from qaloom.validate.fields import Shaped, file_group, shape
from qaloom.validate.lines import Fault


@pytest.mark.parametrize(
    "record",
    [
        {"QUESTION": "q", "ANSWER": "a"},
        {"question": "q", "answer": "a"},
        {"Question ": "q", "Answer": "a"},
        {"instruction": "q", "output": "a"},
        {"instruction": "q", "input": None, "output": "a"},
        {"prompt": "q", "completion": "a"},
        {"질문": "q", "답변": "a"},
        {"input": "q", "output": "a"},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
    ],
)
def test_shapes(record):
    assert shape(record) == Shaped("q", "", "a", {}, "")


def test_input_and_other_keys():
    record = {"instruction": "q", "input": "i", "output": "a", "page": 3, "image_path": "p/1.png"}
    assert shape(record) == Shaped("q", "i", "a", {"page": 3, "image_path": "p/1.png"}, "")
    both = {"instruction": "be brief", "question": "q", "answer": "a"}
    assert shape(both) == Shaped("q", "", "a", {"instruction": "be brief"}, "")


def test_system_message_goes_to_meta():
    chat = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a"},
    ]
    assert shape({"messages": chat}) == Shaped("q", "", "a", {"system": "s"}, "")


@pytest.mark.parametrize(
    ("extra", "document"),
    [
        ({"source": "시설안내도.pdf"}, "시설안내도.pdf"),
        ({"source": "manual"}, ""),
        ({"document": "manual"}, "manual"),
        ({"document": "a long text\nof the page"}, ""),
        ({"source": 3}, ""),
        ({"file": "a/b.hwp"}, "a/b.hwp"),
    ],
)
def test_document(extra, document):
    assert shape({"question": "q", "answer": "a"} | extra).document == document


@pytest.mark.parametrize(
    ("raw", "answer"),
    [("7", "7"), ("1.50", "1.50"), ("1e3", "1e3"), ("-0", "-0"), ("12345678901234567890123", None)],
)
def test_numbers_are_taken_as_written(raw, answer):
    line = f'{{"question": "q", "answer": {raw}, "page": 4}}'.encode()
    found = shape({"question": "q", "answer": float(raw), "page": 4}, line)
    assert (found.output, found.meta, found.repairs) == (answer or raw, {"page": 4}, ("number_to_text",))


USER, BOT = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"question": "q"}, "missing_answer"),
        ({"answer": "a"}, "missing_question"),
        ({}, "missing_question"),
        ({"text": "x", "label": 1}, "missing_question"),
        ({"question": "q", "answer": ["a"]}, "not_text"),
        ({"question": "q", "answer": {"text": "a"}}, "not_text"),
        ({"question": "q", "answer": True}, "not_text"),
        ({"question": ["q"], "answer": "a"}, "not_text"),
        ({"question": "q", "Question": "r", "answer": "a"}, "duplicate_key"),
        ({"messages": [USER, BOT, USER, BOT]}, "multi_turn"),
        ({"messages": [USER]}, "bad_chat"),
        ({"messages": []}, "bad_chat"),
        ({"messages": [BOT, USER]}, "bad_chat"),
        ({"messages": "q"}, "bad_chat"),
        ({"messages": [USER, {"role": "assistant", "content": [{"type": "text"}]}]}, "bad_chat"),
    ],
)
def test_faults(record, reason):
    found = shape(record)
    assert isinstance(found, Fault)
    assert found.reason == reason


def test_the_sentence_names_the_keys_seen():
    assert shape({"text": "x", "label": 1}).detail.endswith("keys seen: text, label")


def test_null_is_empty_and_equal_twins_are_one():
    assert shape({"question": "q", "answer": None}).output == ""
    assert shape({"question": "q", "Question": "q", "answer": "a"}) == Shaped("q", "", "a", {}, "")


@pytest.mark.parametrize(
    "name", ["x/handbook.qa.jsonl.gz", "handbook.jsonl", "handbook.json", "a/b/handbook.QA.JSONL"]
)
def test_file_group(name):
    assert file_group(name) == "handbook"
