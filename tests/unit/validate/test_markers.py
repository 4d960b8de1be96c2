"""Reasoning tags and the labels Q. and A. are no part of a row."""

import pytest

from qaloom.validate.lines import Fault
from qaloom.validate.markers import split_reasoning, strip_labels


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        ("<think>3+5=8</think>\n8입니다.", ("3+5=8", "\n8입니다.")),
        (
            "<think>\n문서에 정보가 없을 수도 있다.\n</think>\n500 kg",
            ("문서에 정보가 없을 수도 있다.", "\n500 kg"),
        ),
        ("<think>\n\n</think>\n\n9시", ("", "\n\n9시")),
        (" <Thinking>a</Thinking>b", ("a", "b")),
        ("[THINK]a[/THINK]b", ("a", "b")),
        ("표 2를 보면 500이다.\n</think>\n500 kg", ("표 2를 보면 500이다.", "\n500 kg")),
        ("<think>a</think><answer>b</answer>", ("a", "b")),
        ("<think> 태그를 씁니다", None),
        ("답은 <think> 태그입니다", ("", "답은 <think> 태그입니다")),
        ("The </think> tag ends it.", ("", "The </think> tag ends it.")),
        ("a < b", ("", "a < b")),
        ("500 kg", ("", "500 kg")),
    ],
)
def test_reasoning(answer, parts):
    found = split_reasoning(answer)
    assert found.reason == "unfinished_reasoning" if isinstance(found, Fault) else found == parts


@pytest.mark.parametrize(
    ("question", "answer", "bare"),
    [
        ("Q. 주차가 되나요?", "A. 됩니다.", ("주차가 되나요?", "됩니다.")),
        ("Q: Can I park?", "A: Yes.", ("Can I park?", "Yes.")),
        ("Q1. 주차가 되나요?", "A1. 됩니다.", ("주차가 되나요?", "됩니다.")),
        ("질문: 주차가 되나요?", "답변: 됩니다.", ("주차가 되나요?", "됩니다.")),
        ("[Q] 주차가 되나요?", "[A] 됩니다.", ("주차가 되나요?", "됩니다.")),
        ("Q.주차가 되나요?", "A.됩니다.", ("주차가 되나요?", "됩니다.")),
        ("Question 3: Who runs it?", "Answer: Garam", ("Who runs it?", "Garam")),
        ("주차가 되나요?", "답변: 됩니다.", ("주차가 되나요?", "됩니다.")),
        ("주차가 되나요?", "A. 됩니다.", ("주차가 되나요?", "됩니다.")),
        ("Q. Who wrote it?", "Smith", ("Who wrote it?", "Smith")),
    ],
)
def test_labels(question, answer, bare):
    assert strip_labels(question, answer) == bare


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who wrote it?", "A. Smith"),
        ("다음 중 수도는 어디인가요? A. 서울 B. 부산", "A. 서울"),
        ("Which one is right?", "A. 서울"),
        ("Q3 매출은 얼마인가요?", "A사보다 많습니다."),
        ("Q&A 게시판은 어디에 있나요?", "A동 3층"),
        ("Q.E.D.는 무슨 뜻인가요?", "증명 끝"),
        ("문의는 어디로 하나요?", "답은 누리집에 있습니다."),
        ("QR 코드는 어디에 있나요?", "A4 용지에 있습니다."),
        ("Why is it so slow?", "Answer 1: locks. Answer 2: disks."),
        ("창문은 영어로 무엇인가요?", "A window"),
        ("등급은 무엇인가요?", "A"),
        ("What grade?", "A."),
        ("질문이 있나요?", "답변이 있습니다."),
        ("What vitamin?", "A: retinol, B: thiamine"),
        ("Questions are sent where?", "Answers come by mail."),
    ],
)
def test_what_only_looks_like_a_label(question, answer):
    assert strip_labels(question, answer) == (question, answer)
