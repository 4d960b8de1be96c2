"""The gates: each by its reason, and all together on labelled round trips of a real translator."""

import json
import shutil
import subprocess
from collections import Counter

import pytest
from msgspec import structs

from qaloom.augment.paraphrase_filters import content_words, question_type, rejection_reason
from qaloom.config.load import ROOT, complete
from qaloom.config.settings import GateSettings, typed

LIMITS = typed(complete({"data": {"sources": ["a"]}, "runs": {"one": {}}})["augment"]["gates"], GateSettings)
TRIPS = [json.loads(line) for line in (ROOT / "tests/data/round_trips.jsonl").read_text("utf-8").splitlines()]

GOOD = [
    ("What is the phone number of the help desk?", "What is the telephone number of the help desk?"),
    ("How many copies of the form must be signed?", "How many signed copies must there be of the form?"),
    ("수강료가 3만 원인 강좌는 무엇인가요?", "수강료가 30,000원인 강좌는 무엇입니까?"),
    ("이틀 전에 취소하면 얼마를 돌려받나요?", "2일 전에 취소하면 얼마를 돌려받습니까?"),
    ("2019년 3월 14일에 설립된 기관은 어디인가요?", "2019.3.14에 설립된 기관이 어디입니까?"),
    ("'솔내 회의실'은 몇 명이 쓸 수 있나요?", "몇 명이 '솔내 회의실'을 쓸 수 있습니까?"),
    ("본원의 주소는 어디인가요?", "본원의 주소를 알려 주십시오."),
    ("연차는 언제까지 신청해야 합니까?", "연차를 언제까지 신청해야 하나요?"),
]
BAD = [
    ("near_copy", "Where is the main office of the institute?", "Where is the main office of the institute"),
    ("too_different", "Where is the main office?", "Bzzt kluw vrom"),
    ("length_changed", "Where is the office?", "Where is the office? " + "is the office? " * 6),
    ("language_changed", "본원의 주소는 어디인가요?", "Where is the head office?"),
    ("numbers_changed", "수강료가 3만 원인 강좌는?", "수강료가 3천 원인 강좌는 무엇인가요?"),
    ("numbers_changed", "Who led the team in 2023?", "In 2032, who led the team?"),
    ("numbers_changed", "14 March 2019: what was signed?", "What was signed on 14 May 2019?"),
    ("code_changed", "What does the code E-17 mean here?", "Here what does the code F-17 mean?"),
    ("quote_changed", "'솔내 회의실'은 몇 명이 쓸 수 있나요?", "몇 명이 '솔대 회의실'을 쓸 수 있습니까?"),
    (
        "polarity_changed",
        "Which gloves must be worn in the lab?",
        "Which gloves must not be worn in the lab?",
    ),
    ("polarity_changed", "Who approves costs above 500 euros?", "Who approves costs below 500 euros?"),
    ("polarity_changed", "출입할 수 있는 시간은 언제인가요?", "출입할 수 없는 시간은 언제입니까?"),
    ("question_type_changed", "How do I reset the printer?", "What do I reset the printer for?"),
    ("question_type_changed", "교육은 언제 열리나요?", "교육은 어디에서 열리나요?"),
    ("name_lost", "When did Ms. Okafor join the board?", "When did the lady join the board?"),
    ("words_lost", "Where are the spare keys kept?", "Where are the spare tones kept?"),
    ("words_lost", "수료증은 어디에서 받나요?", "증서는 어디에서 받나요?"),
    ("words_added", "Who may open the safe?", "Who may open the safe roughly?"),
]


@pytest.mark.parametrize("question, paraphrase", GOOD)
def test_what_means_the_same_passes(question, paraphrase):
    assert rejection_reason(question, paraphrase, LIMITS) is None


@pytest.mark.parametrize("reason, question, paraphrase", BAD)
def test_what_does_not_is_told_why(reason, question, paraphrase):
    code, sentence = rejection_reason(question, paraphrase, LIMITS)
    assert code == reason
    assert sentence and "\n" not in sentence


def test_limits_decide():
    question, other = "Where are the spare keys kept?", "Where are the spare tones kept?"
    assert rejection_reason(question, other, structs.replace(LIMITS, words_kept=0.6, words_added=0.5)) is None


@pytest.mark.parametrize(
    "question, kind",
    [
        ("In which year was it built?", "when"), ("How much time is left?", "how long"),
        ("Tell me which person signs.", "who"), ("Is it open?", ""), ("며칠 걸리나요?", "how long"),
        ("몇 시에 여나요?", "when"), ("What is the name of the person who signs?", "what"),
        ("비용이 얼마입니까?", "how much"), ("직원은 몇 명인가요?", "how many"),
    ],
)  # fmt: skip
def test_what_is_asked(question, kind):
    assert question_type(question) == kind


def test_words_that_carry_the_meaning():
    assert [w.text for w in content_words("Could you tell me where the Blue Lantern is?")] == [
        "Blue",
        "Lantern",
    ]
    assert [w.stem for w in content_words("연차 휴가를 언제까지 신청해야 하나요?")] == [
        "연차",
        "휴가",
        "신청",
    ]


# --- a real translator's round trips, labelled before there was a gate --------------------------------


def passed(trips):
    """How many of each label pass."""
    return Counter(t["label"] for t in trips if not rejection_reason(t["question"], t["paraphrase"], LIMITS))


def test_round_trips_of_a_real_translator():
    """The figures of docs/augmentation.md: the half that was tuned on, the other, and a batch of later."""
    first, later = ([t for t in TRIPS if t["batch"] == batch] for batch in (1, 2))
    tuned, other = first[::2], first[1::2]
    assert Counter(t["label"] for t in tuned) == {"acceptable": 15, "lost": 14, "copy": 1}
    assert Counter(t["label"] for t in other) == {"acceptable": 10, "lost": 18, "copy": 2}
    assert Counter(t["label"] for t in later) == {"acceptable": 29, "lost": 26, "copy": 5}
    assert passed(tuned) == {"acceptable": 10, "lost": 1}
    assert passed(other) == {"acceptable": 3, "lost": 1}
    assert passed(later) == {"acceptable": 13, "lost": 2}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("apertium") is None, reason="needs Debian's apertium-eng-spa")
def test_the_translator_still_says_what_was_labelled():
    questions = "\n".join(t["question"] for t in TRIPS)
    spanish = subprocess.run(
        ["apertium", "-u", "eng-spa"], input=questions, text=True, capture_output=True, check=True
    )
    back = subprocess.run(
        ["apertium", "-u", "spa-eng"], input=spanish.stdout, text=True, capture_output=True, check=True
    )
    said = [" ".join(line.split()) for line in back.stdout.splitlines()]
    assert said == [t["paraphrase"] for t in TRIPS]
