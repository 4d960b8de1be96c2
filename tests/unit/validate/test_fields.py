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


@pytest.mark.parametrize(
    ("extra", "given"),
    [
        ({"context": "가람시는 1973년에 생겼다."}, "가람시는 1973년에 생겼다."),
        ({"context": "c", "input": "i"}, "c\n\ni"),
        ({"passage": ["p", "q"]}, "p\n\nq"),
        ({"context": None, "input": ""}, ""),
        ({"history": [["평일에는 몇 시에 여나요?", "9시"]]}, "Q: 평일에는 몇 시에 여나요?\nA: 9시"),
        ({"history": [["a", "b"], ["c", "d"]], "input": "i"}, "Q: a\nA: b\nQ: c\nA: d\n\ni"),
        (
            {"history": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
            "Q: a\nA: b",
        ),
        ({"history": "Q: a"}, "Q: a"),
        ({"history": []}, ""),
        ({"system": "너는 냉장고 담당자다."}, "너는 냉장고 담당자다."),
        ({"system": "You are a helpful assistant."}, ""),
        ({"system": "당신은 친절한 AI 비서입니다."}, ""),
        ({"System": "s", "history": [["a", "b"]], "context": "c", "input": "i"}, "s\n\nQ: a\nA: b\n\nc\n\ni"),
    ],
)
def test_context_history_and_system_message_reach_the_row(extra, given):
    assert shape({"instruction": "q", "output": "a", "page": 3} | extra) == Shaped(
        "q", given, "a", {"page": 3}, ""
    )


def test_the_system_message_of_a_chat_reaches_the_row():
    chat = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a"},
    ]
    assert shape({"messages": chat}) == Shaped("q", "s", "a", {}, "")
    assert shape({"messages": chat[1:], "system": "s"}) == Shaped("q", "s", "a", {}, "")


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
        ({"question": "q", "answer": "a", "history": [["a"]]}, "bad_history"),
        ({"question": "q", "answer": "a", "history": [["a", 3]]}, "bad_history"),
        ({"question": "q", "answer": "a", "history": 7}, "bad_history"),
        ({"question": "q", "answer": "a", "context": {"text": "c"}}, "not_text"),
        ({"question": "q", "answer": "a", "system": 3}, "not_text"),
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
