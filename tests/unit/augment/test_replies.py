"""Replies of models: the questions in them, whatever stands around, and what is no question at all."""

import pytest

from qaloom.augment.replies import questions_in_reply, reply_reason, states
from qaloom.records import Row

ASKED = "Where are spare fuses kept?"
BETTER = "In which place are spare fuses kept?"


@pytest.mark.parametrize(
    "reply",
    [
        BETTER,
        f'"{BETTER}"',
        f"1. {BETTER}",
        f"(1) **{BETTER}**",
        f"- “{BETTER}”",
        f"Sure! Here is the reworded question:\n\n{BETTER}",
        f"Here's a formal version: {BETTER}",
        f"Reworded question: {BETTER}",
        f"Formal: {BETTER}",
        f"```\n{BETTER}\n```",
        f"```text\n{BETTER}\n```\nNote: the meaning is kept.",
        f"{BETTER}\n(This version is more formal.)",
        f"<think>They ask where.\nWhere is it?</think>\n{BETTER}",
        f"They ask where.\n</think>\n\n{BETTER}",
        f"{BETTER}\n\n### Instruction:\nReword this question.",
        f"{ASKED}\n{BETTER}\n{BETTER}",
    ],
)
def test_one_question_in_any_wrapping(reply):
    assert questions_in_reply(reply, ASKED) == [BETTER]


@pytest.mark.parametrize(
    "reply",
    [
        "물론입니다. 다음은 바꾼 질문입니다: 여분 퓨즈는 어느 곳에 두나요?",
        "다음은 격식 있는 표현입니다:\n\n여분 퓨즈는 어느 곳에 두나요?",
        "질문: 여분 퓨즈는 어느 곳에 두나요?",
        "① 「여분 퓨즈는 어느 곳에 두나요?」\n※ 뜻은 같습니다.",
    ],
)
def test_one_korean_question_in_any_wrapping(reply):
    assert questions_in_reply(reply, "여분 퓨즈는 어디에 있나요?") == ["여분 퓨즈는 어느 곳에 두나요?"]


def test_several_questions_in_one_line_are_several_and_a_situation_stays_with_its_question():
    reply = (
        "Where does one keep spare fuses? Which shelf holds spare fuses?\nA fuse blew. Where are spare ones?"
    )
    assert questions_in_reply(reply, ASKED) == [
        "Where does one keep spare fuses?",
        "Which shelf holds spare fuses?",
        "A fuse blew. Where are spare ones?",
    ]
    double = "Is it open? If so, until when?"
    assert questions_in_reply("Is it open now? Until when?", double) == ["Is it open now? Until when?"]


@pytest.mark.parametrize(
    "reply", ["", "   \n", "<think>never ends", "Here are five ways:", ASKED, "``` \n```"]
)
def test_nothing_in_it(reply):
    assert questions_in_reply(reply, ASKED) == []


def test_statements_are_told_from_questions_requests_and_keywords():
    stated = [
        "The spare fuses are kept in the drawer.",
        "Visitors must wear a badge.",
        "여분 퓨즈는 서랍에 있습니다.",
        "방문객은 출입증을 달아야 한다.",
        "서랍에 있어요.",
    ]
    asked = [
        ASKED,
        "Please tell me where spare fuses are kept.",
        "I would like to know whether a badge is required.",
        "spare fuses storage place",
        "여분 퓨즈 위치",
        "여분 퓨즈의 위치를 알려 주세요.",
        "여분 퓨즈가 어디에 있는지 궁금합니다.",
        "여분 퓨즈 보관 장소를 문의드립니다.",
        "여분 퓨즈 어디에 있어?",
    ]
    assert [states(text) for text in stated + asked] == [True] * len(stated) + [False] * len(asked)


def row(question, answer):
    return Row("1", question, "", answer, "a.jsonl", 1, "doc", "{}")


@pytest.mark.parametrize(
    ("question", "answer", "wording", "reason"),
    [
        (ASKED, "in the red drawer", BETTER, None),
        (ASKED, "in the red drawer", "Are spare fuses kept in the red drawer?", "answer_given"),
        (ASKED, "in the red drawer", "Spare fuses are kept in a drawer.", "not_a_question"),
        ("Is a badge required?", "Yes.", "Is a badge required, yes?", None),
        ("여분 퓨즈는 어디에 있나요?", "빨간 서랍", "여분 퓨즈는 빨간 서랍에 있나요?", "answer_given"),
        ("빨간 서랍에는 무엇이 있나요?", "빨간 서랍", "빨간 서랍 안에 무엇이 있나요?", None),
        ("The fuses are in the drawer.", "Right.", "The fuses are kept in the drawer.", None),
    ],
)
def test_reasons_by_form(question, answer, wording, reason):
    found = reply_reason(row(question, answer), wording)
    assert (found and found[0]) == reason
