"""Rows near a question: what they are found by, how they stand in a prompt, and what the verdict says."""

import os
import subprocess
import sys

import pytest
from predictions import prediction

from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.model_pair import Question
from qaloom.evaluate.results import Cost, Prediction
from qaloom.evaluate.retrieval import CONDITIONS, Index, compare_retrieval, terms
from qaloom.inference.notes import with_notes

ROWS = [
    {"id": "1", "instruction": "본원의 주소는 어디인가요?", "input": "", "output": "가람시"},
    {"id": "2", "instruction": "본원의 주소를 알려 주세요.", "input": "", "output": "가람시"},
    {"id": "3", "instruction": "도서관은 언제 여나요?", "input": "", "output": "9시"},
    {"id": "4", "instruction": "When does the library open?", "input": "On weekdays.", "output": "at 9:30"},
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("본원의 주소", ["본원", "원의", "주소"]),
        ("Windows의 B2 문", ["windows", "의", "b2", "문"]),
        ("９시 A/S", ["9", "시", "a", "s"]),
        ("...", []),
    ],
)
def test_terms(text: str, found: list[str]) -> None:
    assert terms(text) == found


def test_the_nearest_row_comes_first_whatever_its_ending() -> None:
    index = Index(ROWS)
    found = index.nearest([Question("본원이 있는 주소가 궁금합니다"), Question("library opening, please")], 2)
    assert found[0][0]["id"] in "12" and found[1][0]["id"] == "4"


def test_rows_of_one_answer_stand_once() -> None:
    (found,) = Index(ROWS).nearest([Question("본원의 주소는 어디인가요?")], 3)
    assert found[0]["id"] == "1" and len({row["output"] for row in found}) == len(found)


@pytest.mark.parametrize("rows", [[], [{"id": "1", "instruction": "?", "input": "", "output": "!"}]])
def test_nothing_to_find(rows: list[dict]) -> None:
    assert Index(rows).nearest([Question("본원의 주소는?")], 3) == [[]]


def test_a_question_like_no_row_gets_none() -> None:
    assert Index(ROWS).nearest([Question("zzz")], 3) == [[]]
    assert Index(ROWS).nearest([], 3) == []


def test_notes_are_in_the_questions_language() -> None:
    korean = with_notes(Question("주소는?"), ROWS[:1], "ko")
    assert korean.instruction.endswith("질문: 본원의 주소는 어디인가요?\n답: 가람시\n\n질문: 주소는?\n답:")
    english = with_notes(Question("When?", "About the library."), ROWS[3:], "en")
    assert "Question: When does the library open?\nOn weekdays.\nAnswer: at 9:30" in english.instruction
    assert english.input == "About the library."


def predictions(n: int = 40, **right: float) -> list[Prediction]:
    """Answers under each condition, the first `right` share of them right, the others wrong."""

    def score(i: int, name: str) -> float:
        return float(i < n * right.get(name, 0))

    return [
        prediction(
            scores={score_name: {name: score(i, name) for name in CONDITIONS} for score_name in SCORES},
            cost={name: Cost(100 if "retrieved" in name else 10, 5, 0.5) for name in CONDITIONS},
        )
        for i in range(n)
    ]


@pytest.mark.parametrize(
    ("right", "best", "clear"),
    [
        ({"tuned": 0.9, "base_retrieved": 0.4}, "tuning", True),
        ({"tuned": 0.2, "base_retrieved": 0.8}, "retrieval", True),
        ({"tuned": 0.3, "tuned_retrieved": 0.9, "base_retrieved": 0.5}, "both", True),
        ({"tuned": 0.5, "base_retrieved": 0.5, "tuned_retrieved": 0.5}, "tuning", False),
        ({"tuned": 0.5, "tuned_retrieved": 0.525}, "both", False),
        ({}, "neither", False),
    ],
)
def test_the_verdict(right: dict[str, float], best: str, clear: bool) -> None:
    found = compare_retrieval(predictions(**right), 3)
    assert (found.best, found.clear, found.n, found.rows) == (best, clear, 40, 3)
    assert found.models["base_retrieved"]["prompt_tokens"] == 100
    assert found.models["tuned"]["contains_reference"] == right.get("tuned", 0)


def test_without_a_reference_of_words_exact_match_decides() -> None:
    answers = predictions(tuned=1)
    for one in answers:
        one.scores["contains_reference"] = dict.fromkeys(CONDITIONS)
    found = compare_retrieval(answers, 3)
    assert (found.by, found.best) == ("exact_match", "tuning")
    assert found.models["base"]["contains_reference"] is None


def test_no_other_library_takes_the_gpus_memory(tmp_path):
    """bm25s imports JAX where it is installed; JAX would reserve 75 % of a GPU at its first operation."""
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax/__init__.py").write_text("import os\nprint(os.environ['JAX_PLATFORMS'])\n")
    (tmp_path / "jax/lax.py").write_text("def top_k(values, k): return values, k\n")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", "import qaloom.evaluate.retrieval"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cpu"]
