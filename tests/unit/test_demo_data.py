"""The demo data is what facts.yaml says, and the facts can be told apart."""

import importlib.util
import json
import unicodedata
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from rapidfuzz import fuzz, process

PROJECT = Path(__file__).resolve().parents[2]
NEAR = 90.0
FEWEST = {"truncated_line": 2}  # only a last line can be cut


def load_generator() -> ModuleType:
    path = PROJECT / "tests/data/make_demo.py"
    spec = importlib.util.spec_from_file_location("make_demo", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_demo = load_generator()


@pytest.fixture(scope="module")
def source() -> dict[str, Any]:
    return make_demo.load()


@pytest.fixture(scope="module")
def files(source: dict[str, Any]) -> dict[str, bytes]:
    return make_demo.build(source)


@pytest.fixture(scope="module")
def faults(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return json.loads(files[make_demo.LABELS])


def squash(text: str) -> str:
    """NFKC, casefold, letters and digits only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(ch for ch in folded if ch.isalnum())


def questions(source: dict[str, Any]) -> list[tuple[str, str]]:
    """(fact, squashed question) of every wording, the extra ones too."""
    found = []
    for fact in source["facts"]:
        asked = [wording.question for wording in fact["wordings"]]
        asked += [fact["extra"]] if "extra" in fact else []
        found += [(fact["id"], squash(question)) for question in asked]
    return found


def highest(keys: list[str]) -> float:
    ratios = process.cdist(keys, keys, scorer=fuzz.ratio)
    np.fill_diagonal(ratios, 0)
    return float(ratios.max())


def line_at(files: dict[str, bytes], place: dict[str, Any]) -> bytes:
    return files[place["source"]].split(b"\n")[place["line"] - 1]


def question_at(files: dict[str, bytes], place: dict[str, Any]) -> str:
    row = json.loads(line_at(files, place))
    return next(row[key] for key in ("QUESTION", "question", "instruction") if key in row)


def test_committed_files_are_what_the_generator_writes(files: dict[str, bytes]) -> None:
    for path, data in files.items():
        assert (PROJECT / path).read_bytes() == data, f"run tests/data/make_demo.py: {path}"


def test_no_other_file_is_in_the_demo_folder(files: dict[str, bytes]) -> None:
    found = {f"data/demo/{path.name}" for path in (PROJECT / "data/demo").glob("*.jsonl")}
    assert found == set(files) - {make_demo.LABELS}


def test_enough_facts_and_good_rows(source: dict[str, Any]) -> None:
    languages = Counter(fact["lang"] for fact in source["facts"])
    assert languages == {"ko": 26, "en": 26}
    assert all(len(fact["wordings"]) >= 3 for fact in source["facts"])
    assert sum(len(fact["wordings"]) for fact in source["facts"]) >= 200


def test_every_wording_is_written_once(source: dict[str, Any], files: dict[str, bytes]) -> None:
    lines = sum(len(data.splitlines()) for path, data in files.items() if path.endswith(".jsonl"))
    wordings = sum(len(fact["wordings"]) for fact in source["facts"])
    assert lines == wordings + len(source["faults"])


def test_answers_tell_the_facts_apart(source: dict[str, Any]) -> None:
    answers = [squash(fact["answer"]) for fact in source["facts"]]
    assert len(set(answers)) == len(answers)
    assert highest([answer for answer in answers if len(answer) >= 12]) < 80


def test_wordings_are_not_near_duplicates(source: dict[str, Any]) -> None:
    assert highest([key for _, key in questions(source)]) < NEAR


def test_topic_is_in_all_wordings_of_its_fact_and_in_no_other(source: dict[str, Any]) -> None:
    keys = questions(source)
    for fact in source["facts"]:
        holders = {(owner, key) for owner, key in keys if squash(fact["topic"]) in key}
        assert holders == {(owner, key) for owner, key in keys if owner == fact["id"]}, fact["id"]


def test_enough_faults_of_each_kind(faults: list[dict[str, Any]]) -> None:
    kinds = Counter(fault["kind"] for fault in faults)
    assert set(kinds) == set(make_demo.OUTCOME)
    assert all(count >= FEWEST.get(kind, 4) for kind, count in kinds.items()), kinds


def test_every_extra_wording_is_a_row_to_repair(source: dict[str, Any], faults: list[dict[str, Any]]) -> None:
    extras = [fact["id"] for fact in source["facts"] if "extra" in fact]
    assert sorted(extras) == sorted(f["fact"] for f in faults if f["expect"] == "repaired")


@pytest.mark.parametrize("kind", ["near_duplicate", "contradiction"])
def test_near_faults_are_near_one_fact(
    kind: str, source: dict[str, Any], files: dict[str, bytes], faults: list[dict[str, Any]]
) -> None:
    keys = questions(source)
    for fault in (fault for fault in faults if fault["kind"] == kind):
        key = squash(question_at(files, fault))
        near = {owner for owner, other in keys if fuzz.ratio(key, other) >= NEAR}
        assert near == {fault["fact"]}
        assert fuzz.ratio(key, squash(question_at(files, fault["twin"]))) >= NEAR


def test_contradictions_answer_otherwise(source: dict[str, Any]) -> None:
    answers = {fact["id"]: squash(fact["answer"]) for fact in source["facts"]}
    wrong = {f["fact"]: squash(f["answer"]) for f in source["faults"] if f["kind"] == "contradiction"}
    assert not set(wrong.values()) & set(answers.values())
    assert all(fuzz.ratio(answer, answers[fact]) < 80 for fact, answer in wrong.items())


def test_merged_rows_repeat_their_twin(files: dict[str, bytes], faults: list[dict[str, Any]]) -> None:
    for fault in (f for f in faults if f["expect"] == "merged" and f["kind"] != "near_duplicate"):
        question = question_at(files, fault)
        if fault["kind"] == "mojibake":
            question = question.encode("latin-1").decode("utf-8")
        assert squash(question) == squash(question_at(files, fault["twin"]))


def test_cut_lines_are_last_and_broken(files: dict[str, bytes], faults: list[dict[str, Any]]) -> None:
    for fault in (fault for fault in faults if fault["kind"] == "truncated_line"):
        assert not files[fault["source"]].endswith(b"\n")
        assert fault["line"] == len(files[fault["source"]].split(b"\n"))
        with pytest.raises(json.JSONDecodeError):
            json.loads(line_at(files, fault))
