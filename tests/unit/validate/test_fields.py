"""Shapes: question and answer from the records that extractors write."""

import pytest

from qaloom.validate.fields import Shaped, every_answer, file_group, nested_records, shape
from qaloom.validate.lines import Fault

USER, BOT = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
SYSTEM = {"role": "system", "content": "s"}


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
        ({"history": "Q: a"}, "Q: a"),
        ({"history": []}, ""),
        ({"system": "You are a helpful assistant."}, ""),
        ({"system": "당신은 친절한 AI 비서입니다."}, ""),
    ],
)
def test_what_the_question_is_asked_about_is_its_input(extra, given):
    assert shape({"instruction": "q", "output": "a", "page": 3} | extra) == Shaped(
        "q", given, "a", {"page": 3}, ""
    )


@pytest.mark.parametrize(
    ("extra", "system", "history"),
    [
        ({"history": [["평일에는 몇 시에 여나요?", "9시"]]}, "", [("평일에는 몇 시에 여나요?", "9시")]),
        ({"history": [["a", "b"], ["c", "<think>t</think>d"]]}, "", [("a", "b"), ("c", "d")]),
        ({"history": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}, "", [("a", "b")]),
        ({"system": "너는 냉장고 담당자다."}, "너는 냉장고 담당자다.", []),
        ({"System": "s", "history": [["a", "b"]]}, "s", [("a", "b")]),
    ],
)
def test_system_message_and_earlier_turns_are_fields_of_the_row(extra, system, history):
    found = shape({"instruction": "q", "input": "i", "output": "a"} | extra)
    assert found == Shaped("q", "i", "a", {}, "", (), system, tuple(history))


def test_a_dialogue_is_its_last_answer_or_every_answer():
    found = shape({"messages": [SYSTEM, USER, BOT, {"role": "user", "content": "r"}, BOT]})
    assert found == Shaped("r", "", "a", {}, "", (), "s", (("q", "a"),))
    first, last = every_answer(found)
    assert (first.instruction, first.history, first.system) == ("q", (), "s")
    assert last == found


@pytest.mark.parametrize(
    ("messages", "repairs"),
    [([BOT, USER, BOT], ("opening_turn",)), ([USER, BOT, USER], ("unanswered_turn",)), ([USER, BOT], ())],
)
def test_turns_without_their_other_half_are_left_out(messages, repairs):
    assert shape({"messages": messages}) == Shaped("q", "", "a", {}, "", repairs)


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"prompt": [USER], "chosen": [BOT], "rejected": []},
        {"prompt": "q", "chosen": [USER, BOT], "rejected": []},
        {"chosen": [USER, BOT], "rejected": []},
    ],
)
def test_of_a_preference_the_chosen_answer_is_learned(record):
    found = shape(record)
    assert (found.instruction, found.output, found.repairs) == ("q", "a", ("chosen_answer",))
    assert "rejected" in found.meta


def test_prompt_and_completion_may_be_messages_and_contents_parts():
    parts = {"role": "user", "content": [{"type": "text", "text": "q"}]}
    assert shape({"prompt": [SYSTEM, USER, BOT, parts], "completion": [BOT]}) == Shaped(
        "q", "", "a", {}, "", (), "s", (("q", "a"),)
    )


def test_the_system_message_of_a_chat_reaches_the_row():
    chat = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a"},
    ]
    assert shape({"messages": chat}) == Shaped("q", "", "a", {}, "", (), "s")
    assert shape({"messages": chat[1:], "system": "s"}) == Shaped("q", "", "a", {}, "", (), "s")


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


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"question": "q"}, "missing_answer"),
        ({"answer": "a"}, "missing_question"),
        ({}, "missing_question"),
        ({"text": "x", "label": 1}, "missing_question"),
        ({"question": "q", "answer": ["a", "b"]}, "not_text"),
        ({"question": "q", "answer": {"body": "a"}}, "not_text"),
        ({"question": "q", "answer": [1]}, "not_text"),
        ({"question": {"0": "q"}, "answer": {"0": "a"}}, "not_text"),
        ({"question": "q", "Question": "r", "answer": "a"}, "duplicate_key"),
        ({"question": "q", "answer": "a", "history": [["a"]]}, "bad_history"),
        ({"question": "q", "answer": "a", "history": [["a", 3]]}, "bad_history"),
        ({"question": "q", "answer": "a", "history": 7}, "bad_history"),
        ({"question": "q", "answer": "a", "context": {"title": "c"}}, "not_text"),
        ({"question": "q", "answer": "a", "system": 3}, "not_text"),
        ({"messages": [USER, USER, BOT]}, "bad_chat"),
        ({"messages": [USER, SYSTEM, BOT]}, "bad_chat"),
        ({"prompt": [BOT], "chosen": [BOT]}, "bad_chat"),
        ({"prompt": "q", "chosen": [{"role": "assistant"}]}, "bad_chat"),
        ({"question": "q", "answer": "a", "history": [USER, USER]}, "bad_history"),
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
    assert "keys seen: text, label; " in shape({"text": "x", "label": 1}).detail


def test_null_is_empty_and_equal_twins_are_one():
    assert shape({"question": "q", "answer": None}).output == ""
    assert shape({"question": "q", "Question": "q", "answer": "a"}) == Shaped("q", "", "a", {}, "")


@pytest.mark.parametrize(
    "name", ["x/handbook.qa.jsonl.gz", "handbook.jsonl", "handbook.json", "a/b/handbook.QA.JSONL"]
)
def test_file_group(name):
    assert file_group(name) == "handbook"


@pytest.mark.parametrize(
    ("record", "question", "answer", "repairs"),
    [
        ({"question": "q", "answer": ["a"]}, "q", "a", ()),
        ({"question": ["q"], "answer": {"text": "a"}}, "q", "a", ()),
        ({"question": "q", "answers": {"text": ["a", "a"], "answer_start": [0, 9]}}, "q", "a", ()),
        ({"question": "q", "answers": [{"text": "a", "answer_start": 0}]}, "q", "a", ()),
        ({"question": "q", "answers": ["a", "b"]}, "q", "a", ("first_answer",)),
        ({"question": "q", "answers": []}, "q", "", ()),
        ({"question": "q", "answer": True}, "q", "true", ("boolean_to_text",)),
        (
            {"conversations": [{"from": "prompter", "value": "q"}, {"from": "assistant", "value": "a"}]},
            "q",
            "a",
            (),
        ),
    ],
)
def test_answers_that_are_no_plain_texts(record, question, answer, repairs):
    found = shape(record)
    assert (found.instruction, found.output, found.repairs) == (question, answer, repairs)
    assert ("answers" in found.meta) == ("first_answer" in repairs)


def test_questions_of_squad_with_what_stands_around_them():
    qas = [
        {"id": "1", "question": "q", "answers": [{"text": "a"}]},
        {"question": "r", "answer": {"text": "b"}},
    ]
    document = {"version": 1, "data": [{"title": "t", "paragraphs": [{"context": "c", "qas": qas}]}]}
    found = [shape(record) for record in nested_records(document)]
    assert [(one.instruction, one.input, one.output) for one in found] == [("q", "c", "a"), ("r", "c", "b")]
    assert found[0].meta == {"version": 1, "title": "t", "id": "1"}
    plain = {"question": "q", "answer": "a", "data": [{"x": 1}]}
    assert list(nested_records(plain)) == [plain]


def test_keys_of_ones_own():
    columns = (("question", "질의"), ("answer", "회신 내용"), ("context", "본문"), ("document", "근거"))
    found = shape(
        {"질의": "q", " 회신 내용": "a", "본문": "c", "근거": "이용 안내", "질문": "x"}, columns=columns
    )
    assert (found.instruction, found.input, found.output, found.document) == ("q", "c", "a", "이용 안내")
    assert found.meta == {"근거": "이용 안내", "질문": "x"}
    assert shape({"question": "q", "answer": "a"}, columns=columns).output == "a"
    assert shape({"질의": "q", "answer": "a"}, columns=columns).output == "a"
    chat = shape({"대화": [USER, BOT], "question": "x"}, columns=(("messages", "대화"),))
    assert chat.instruction == USER["content"]
    assert shape({"\u110c\u1175\u11af\u1106\u116e\u11ab": "q", "답": "a"}).instruction == "q"  # 질문 in jamo


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"text": "### 질문: q\n\n### 답변: a"}, "write them as two keys"),
        (
            {"message_id": "1", "parent_id": None, "text": "q", "role": "prompter"},
            "the record is one message",
        ),
        ({"messages": [USER, {"role": "assistant", "content": None, "tool_calls": []}, BOT]}, "calls a tool"),
        ({"messages": [USER, {"role": "tool", "content": "9"}, BOT]}, "tool calls are not trained"),
        (
            {"conversations": [{"from": "human", "value": "q"}, {"from": "function-call", "value": "f"}]},
            "tool calls",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}, BOT]}, "an image"),
        ({"instruction": "q", "completions": [{"response": "a"}]}, "keys seen: instruction, completions"),
        ({"question": {"0": "q"}, "answer": {"0": "a"}}, "question holds an object"),
        ({"question": "q", "answer": ["a", "b"]}, "2 different texts; join them into one"),
    ],
)
def test_what_is_not_read_is_told_with_the_remedy(record, told):
    assert told in shape(record).detail
