"""Contradictions: found between reworded questions, and never between answers that agree."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qaloom.dedup.contradictions import contradictions
from qaloom.dedup.meaning import Meaning
from qaloom.dedup.near_duplicates import Keyed, Questions, compared_questions, near_duplicate_pairs
from qaloom.dedup.reworded_pairs import QuestionWords, digit_hashes
from qaloom.inference.embeddings import Embedder
from qaloom.records import Row, row_id
from qaloom.text.normalize import comparison_key
from qaloom.text.rewordings import may_ask_the_same

BASE = "솔내관 주차 요금은 얼마입니까?"


def found(*pairs):
    """The reported pairs of (question, answer) among some rows, as sets."""
    rows = [
        Keyed(Row(row_id(q, "", a), q, "", a, "a.jsonl", 1, "a", "{}"), comparison_key(q), comparison_key(a))
        for q, a in pairs
    ]
    questions = Questions(rows)
    near, reworded = compared_questions(rows, questions, near_duplicate_pairs(questions, 0.9, 1))
    reported = contradictions(rows, (), questions, near + reworded, 0.9, Counter())
    return {frozenset((row["instruction"], row["output"]) for row in record["rows"]) for record in reported}


@pytest.mark.parametrize(
    "other",
    ["솔내관의 주차 요금을 알려 주세요.", "주차 요금은 솔내관의 경우 얼마인가요?", "솔내관 주차 요금"],
)
def test_reworded_questions_with_other_answers(other):
    assert len(found((BASE, "2,000원"), (other, "3,000원"))) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "2천 원입니다.",
        "2,000원. 이상입니다.",
        "2,000원 (2026년 기준)",
        "안내문에는 2,000원이라고 되어 있습니다.",
        "주차 요금은 2,000원입니다.",
    ],
)
@pytest.mark.parametrize("other", [BASE, "솔내관 주차 요금"])
def test_answers_that_agree(answer, other):
    assert found((BASE, "2,000원"), (other, answer)) == set()


def test_english_answers_that_agree():
    for answer in ("No, as the notice says.", "No. That is all.", "no"):
        assert found(("Can the lid be washed?", "No"), ("Could the lid be washed?", answer)) == set()


def test_a_place_where_many_words_stand_holds_names():
    names = [chr(0xAC00 + 31 * n) + chr(0xB098 + 17 * n) for n in range(60)]
    questions = [f"{name} 호텔의 조식 시간은 언제입니까?" for name in names]
    words = QuestionWords(questions, digit_hashes(map(comparison_key, questions)))
    first, second = np.array([0]), np.array([1])
    assert list(words.pairs()) == [] and words.names_apart(first, second)
    few = QuestionWords(questions[:3], digit_hashes(map(comparison_key, questions[:3])))
    assert not few.names_apart(first, second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is the package libgl-dev?", "What is the package libgles-dev?"),
        ("What does the option --User of ps do?", "What does the option --user of ps do?"),
        ("What does os.spawnl do?", "What does os.spawnle do?"),
        ("Where is 'value' explained in the manual?", "Where is 'values' explained in the manual?"),
    ],
)
def test_identifiers_and_quoted_words_are_names(one, other):
    assert found((one, "the first one"), (other, "another")) == set()


QUESTIONS = st.sampled_from(
    [
        BASE,
        "솔내관의 주차 요금을 알려 주세요.",
        "솔내관 주차 요금",
        "솔내관 입장 요금은 얼마입니까?",
        "가람사가 나래사에 내는 돈은 얼마입니까?",
        "나래사에 가람사가 내는 돈은 얼마인가요?",
        "나래사가 가람사에 내는 돈은 얼마입니까?",
        "How much does Arden pay Belmo in rent?",
        "In rent, how much does Arden pay Belmo?",
        "How much does Belmo pay Arden in rent?",
    ]
)
ANSWERS = st.sampled_from(["2,000원", "2천 원입니다.", "3,000원", "요금은 3,000원. 이상입니다.", "없음"])


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(QUESTIONS, ANSWERS), min_size=2, max_size=8, unique=True), st.randoms())
def test_order_of_rows_plays_no_part(rows, random):
    reported = found(*rows)
    assert found(*random.sample(rows, len(rows))) == reported
    assert found(*reversed(rows)) == reported


@settings(max_examples=80, deadline=None)
@given(QUESTIONS, QUESTIONS, ANSWERS)
def test_equal_and_containing_answers_never_contradict(one, other, answer):
    assert found((one, answer), (other, answer)) == set()
    assert found((one, answer), (other, f"안내에 따르면 {answer}")) == set()


# --- by an embedding model ----------------------------------------------------------------------------

ASKED = "How do I get my money back for a cancelled course?"
ALIKE = "How can I obtain a refund for a course that was cancelled?"
OTHER = "How do I get my certificate back for a cancelled course?"


def found_by_meaning(monkeypatch, *pairs):
    """The contradictions among some rows, by a model to which all texts with one first word are the same."""

    def vectors(texts, model, cache):
        words = sorted({text.split()[0] for text in texts})
        return np.eye(len(words), dtype=np.float32)[[words.index(text.split()[0]) for text in texts]]

    monkeypatch.setattr("qaloom.inference.embeddings.embed", vectors)
    rows = [
        Keyed(Row(row_id(q, "", a), q, "", a, "a.jsonl", 1, "a", "{}"), comparison_key(q), comparison_key(a))
        for q, a in pairs
    ]
    questions = Questions(rows)
    meaning = Meaning(Embedder(Path(), Path(), 0.88), rows, questions, set(), Counter())
    return contradictions(rows, (), questions, [], 0.9, Counter(), meaning)


def test_questions_reworded_beyond_spelling(monkeypatch):
    assert found((ASKED, "Within 14 days"), (ALIKE, "Not at all")) == set()
    assert len(found_by_meaning(monkeypatch, (ASKED, "Within 14 days"), (ALIKE, "Not at all"))) == 1


def test_what_a_model_overlooks(monkeypatch):
    assert found_by_meaning(monkeypatch, (ASKED, "Within 14 days"), (OTHER, "Not at all")) == []
    yes_no = (ASKED, "Within 14 days"), (ALIKE, "Yes")
    assert found_by_meaning(monkeypatch, *yes_no) == []


def test_answers_that_are_alike_to_the_model_agree(monkeypatch):
    answers = "Write to the office and ask for it.", "Write a mail to the office that asks for it."
    assert found_by_meaning(monkeypatch, (ASKED, answers[0]), (ALIKE, answers[1])) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("When was the Belmo bridge built?", "In what year was the Ardon bridge constructed?"),
        ("What is the maximum load of the old crane?", "How heavy may the minimum burden of that crane be?"),
        ("What causes error E-17 on the dryer?", "Why does the dryer show error E-18?"),
        ("Can pets be taken on the ferry?", "Are animals not allowed aboard the ferry?"),
        ("Who founded the institute?", "When was the institute established?"),
    ],
)
def test_other_names_values_opposites_negations_and_kinds(one, other):
    assert not may_ask_the_same(one, other, Counter()) and not may_ask_the_same(other, one, Counter())


def test_may_ask_the_same():
    assert may_ask_the_same(ASKED, ALIKE, Counter())
    assert may_ask_the_same("Who founded Belmo?", "By whom was Belmo established?", Counter())
