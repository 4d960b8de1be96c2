"""Gates: planted replies, good and bad, and what the single gates take and refuse."""

import json
from pathlib import Path

import pytest
import yaml

from qaloom.documents.figures import missing_figure
from qaloom.documents.gates import rejection_of, stands_in
from qaloom.documents.names import missing_name
from qaloom.documents.passages import Passage
from qaloom.documents.replies import QuotedPair
from qaloom.documents.standalone import depends_on_passage

DEMO = Path(__file__).parents[3] / "data/demo"
CASES = yaml.safe_load((Path(__file__).parents[2] / "data/document_replies.yaml").read_text("utf-8"))
PASSAGES = [
    Passage(str(n), "rules.pdf", case["page"], case["heading"], case["passage"])
    for n, case in enumerate(CASES)
]
GOOD = [
    (passage, QuotedPair(*reply))
    for passage, case in zip(PASSAGES, CASES, strict=True)
    for reply in case["good"]
]
BAD = [
    (passage, reason, QuotedPair(*reply))
    for passage, case in zip(PASSAGES, CASES, strict=True)
    for reason, *reply in case["bad"]
]


def test_no_good_reply_is_lost():
    assert len(GOOD) == 60
    lost = {proposal.question: rejection_of(proposal, passage, PASSAGES) for passage, proposal in GOOD}
    assert {question: reason for question, reason in lost.items() if reason} == {}


def test_bad_replies_are_rejected_with_the_right_reason():
    assert len(BAD) == 65
    found = [(reason, rejection_of(proposal, passage, PASSAGES)) for passage, reason, proposal in BAD]
    assert [pair for pair in found if not pair[1] or pair[1][0] != pair[0]] == []


@pytest.mark.parametrize("file", sorted(DEMO.glob("*.jsonl")), ids=lambda file: file.name)
def test_an_answer_that_is_all_of_its_passage_stands_in_it_also_over_several_lines(file):
    answers = [row.get("answer") for line in file.read_text("utf-8").splitlines() if (row := lenient(line))]
    for answer in {a for a in answers if isinstance(a, str) and a.strip()}:
        for passage in (answer, answer.replace(" ", "\n")):
            assert (missing_figure(answer, passage), missing_name(answer, passage)) == (None, None)
            assert stands_in(answer, passage) or not any(map(str.isalnum, answer))


def lenient(line: str) -> dict:
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return {key.lower(): value for key, value in row.items()} if isinstance(row, dict) else {}


def test_a_quote_of_another_page_is_told_with_that_page():
    passage, proposal = next((p, r) for p, reason, r in BAD if reason == "quote_elsewhere")
    assert "on page 7" in rejection_of(proposal, passage, PASSAGES)[1]


@pytest.mark.parametrize(
    ("quote", "text", "stands"),
    [
        ("신청서를 제출한다", "신청서를 제\n출한다.", True),
        ("“five working  days”", "It takes five working\ndays.", True),
        ("5 days", "It takes 15 days.", False),
        ("1,5", "It costs 1,500.", False),
        ("10 20", "A | 1020", False),
        ("lab", "the laboratory", False),
        ("It costs 5...", "It costs 5 euros.", True),
        ("...", "anything ...", False),
        ("", "anything", False),
    ],
)
def test_quotes(quote, text, stands):
    assert stands_in(quote, text) is stands


@pytest.mark.parametrize(
    ("answer", "passage", "missing"),
    [
        ("30만 원", "수당은 300,000원이다", None),
        ("2024년 3월 5일", "2024-03-05", None),
        ("2회", "두 번까지", None),
        ("3일에서 5일", "3~5일 걸린다", None),
        ("2주", "14일 동안", None),
        ("30명", "구분 | 정원(명)\n과장 | 30", None),
        ("2024년", "개관: 2024", None),
        ("31명", "구분 | 정원(명)\n과장 | 30", "31명"),
        ("5일", "5. 신청은 3일 안에 한다", "5일"),
        ("a 90-day notice", "ninety days before", None),
        ("one of the managers", "the managers decide", None),
        ("20%", "20 percent", None),
        ("type AB-12X", "type AB-12Y", "ab-12x"),
        ("At 9:00.", "opens at 9 a.m.", None),
        ("1.2 MPa", "Pressure (MPa)\nP-1 | 1.2", None),
        ("1.5 km", "1,500 m", "1.5km"),  # another unit is not reckoned with
    ],
)
def test_figures(answer, passage, missing):
    assert missing_figure(answer, passage) == missing


@pytest.mark.parametrize(
    ("answer", "passage", "missing"),
    [
        ("김도현 과장", "담당: 김도현(재무과)", None),
        ("월요일부터 금요일까지", "월~금 09:00", None),
        ("On Monday", "Mon-Fri", None),
        ("In September", "2027-09-30까지", None),
        ("In October", "2027-09-30까지", "October"),
        ("Employees ask Ms. Novak.", "Ask Ms. Novak.", None),
        ("Northwind pays.", "The company pays.", "Northwind"),
        ("HR pays.", "Finance pays.", "HR"),
        ("결과는 전부 알린다", "모두에게 통지한다", None),
        ("화요일", "월요일에 쉰다", "화요일"),
    ],
)
def test_names(answer, passage, missing):
    assert missing_name(answer, passage) == missing


@pytest.mark.parametrize(
    ("question", "depends"),
    [
        ("이 규정은 언제 시행되나요?", True),
        ("다음 달 휴관일은 언제인가요?", False),
        ("기본 문서 양식은 어디에 있나요?", False),
        ("위원회는 몇 명인가요?", False),
        ("아래층 회의실은 몇 석인가요?", False),
        ("What does the author say about pumps?", True),
        ("Who signs the document before it is sent?", False),
        ("Which of the following is free?", True),
        ("Who cleans the table in the canteen?", False),
        ("How is the figure of merit defined for the pump?", False),
        ("What is shown in Figure 2?", True),
    ],
)
def test_questions_that_need_their_passage(question, depends):
    assert bool(depends_on_passage(question)) is depends
