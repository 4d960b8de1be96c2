"""The audit: silent on honest splits, loud on every kind of leak, small or large."""

import json

import numpy as np
import pytest
from random_sets import SETTINGS, T, leaks, random_rows, seeded, with_paraphrases, write
from rapidfuzz import fuzz

from qaloom.errors import DataError, LeakError
from qaloom.files import read_lines, write_lines
from qaloom.records import row_id
from qaloom.split.leak_audit import audit
from qaloom.split.stage import split
from qaloom.text.near_pairs import near_pairs

PARTS = ("train", "recall", "unseen")


def honest(folder, number, by="answer"):
    """The three parts of a random data set, or None where there is nothing to train on."""
    rng = seeded(number)
    rows = with_paraphrases(rng, random_rows(rng, 20))
    try:
        split(*write(folder, rows), folder / "out", SETTINGS | {"seed": number, "by": by}, T)
    except DataError:
        return None
    return {part: read_lines(folder / "out" / f"{part}.jsonl") for part in PARTS}


def text(question, answer, input=""):
    return {"id": row_id(question, input, answer), "instruction": question, "input": input, "output": answer}


def plant(kind, parts, rng):
    """Break one promise; False where these parts have nothing to break."""
    train, recall, unseen = (parts[part] for part in PARTS)
    held = unseen if kind.startswith("unseen") else recall
    if not held:
        return False
    victim = rng.choice(held)
    typo = f"{victim['instruction']}x" if len(victim["instruction"]) > 12 else victim["instruction"]
    if kind in ("unseen_question", "recall_question"):
        train.append(text(typo, f"answer of its own {rng.random()}", victim["input"]))
    elif kind == "unseen_answer":
        victims = [r for r in unseen if len(r["output"]) > 25]
        if not victims:
            return False
        train.append(text(f"another question {rng.random()}?", f"{rng.choice(victims)['output']}x"))
    elif kind == "unseen_fact":
        train.append(text(f"another question {rng.random()}?", f" {victim['output'].upper()}."))
    elif kind == "recall_fact_in_train":
        recall.append(text(f"a question of its own {rng.random()}?", f"an answer of its own {rng.random()}"))
    elif kind == "ids_disjoint":
        train.append(victim)
    return True


KINDS = (
    "unseen_question",
    "unseen_answer",
    "unseen_fact",
    "recall_question",
    "recall_fact_in_train",
    "ids_disjoint",
)


def planted(number, folder):
    """Plant a leak in a random split: its kind, whether the audit raised, what it said; None if it cannot."""
    rng, kind = seeded(number), KINDS[number % len(KINDS)]
    parts = honest(folder, number)
    if parts is None or not plant(kind, parts, rng):
        return None
    assert leaks(*(parts[part] for part in PARTS))
    for part in PARTS:
        write_lines(folder / "out" / f"{part}.jsonl", parts[part])
    try:
        audit(folder / "out", T)
    except LeakError as error:
        return kind, True, str(error)
    return kind, False, ""


def plant_many(folder, wanted, start=0):
    found, number = [], start
    while len(found) < wanted:
        if result := planted(number, folder / str(number)):
            found.append(result)
        number += 1
    return found


def test_planted_leaks_are_noticed(tmp_path):
    found = plant_many(tmp_path, 36)
    assert {kind for kind, *_ in found} == set(KINDS)
    assert all(raised for _, raised, _ in found)
    assert all(kind in message and "\n" not in message for kind, _, message in found)


@pytest.mark.slow
def test_two_hundred_planted_leaks_are_noticed(tmp_path):
    assert all(raised for _, raised, _ in plant_many(tmp_path, 200, start=5000))


def test_the_message_names_ids_and_places(tmp_path):
    parts = honest(tmp_path, 1)
    victim = parts["recall"][0]
    parts["train"].append(dict(victim, id="0123456789abcdef"))
    write_lines(tmp_path / "out/train.jsonl", parts["train"])
    with pytest.raises(
        LeakError, match=rf"{victim['id']} \(\w\.jsonl, line \d+\) is 1\.000 similar to 0123456789abcdef"
    ):
        audit(tmp_path / "out", T)
    told = json.loads((tmp_path / "out/audit.json").read_text())
    assert told["leaks"] >= 1 and told["checks"]["recall_question"]["leaks"] >= 1


def test_a_shared_document_is_a_leak_only_where_documents_are_kept_apart(tmp_path):
    parts = next(
        p for n in range(50) if (p := honest(tmp_path / str(n), n, "document")) and p["unseen"] and p["train"]
    )
    folder = next(f for f in sorted(tmp_path.iterdir(), key=lambda f: int(f.name), reverse=True)) / "out"
    placement = read_lines(folder / "placement.jsonl")
    group = next(p["group"] for p in placement if p["id"] == parts["unseen"][0]["id"])
    for p in placement:
        if p["id"] == parts["train"][0]["id"]:
            p["group"] = group
    write_lines(folder / "placement.jsonl", placement)
    audit(folder, T, "answer")
    with pytest.raises(LeakError, match="unseen_document"):
        audit(folder, T, "document")


def test_counts_what_it_compared(tmp_path):
    parts = honest(tmp_path, 1)
    told = json.loads((tmp_path / "out/audit.json").read_text())
    assert told["rows"] == {part: len(parts[part]) for part in PARTS} and told["leaks"] == 0
    assert told["checks"]["ids_disjoint"]["compared"] == sum(map(len, parts.values()))
    assert told["checks"]["recall_question"]["compared"] > 0


@pytest.mark.parametrize("cells", [0, 10**9])
def test_near_pairs_is_exact_by_either_way(monkeypatch, cells):
    monkeypatch.setattr("qaloom.text.near_pairs._BRUTE_CELLS", cells)
    rng = seeded(4)
    keys = sorted({"".join(rng.choice("가나다ab1") for _ in range(rng.randrange(0, 12))) for _ in range(300)})
    left, right = keys[::2], keys[1::2]
    for threshold in (0.7, 0.9):
        found = {(int(i), int(j)) for i, j, _ in zip(*near_pairs(left, right, threshold), strict=True)}
        wanted = {
            (i, j)
            for i, a in enumerate(left)
            for j, b in enumerate(right)
            if a and b and fuzz.ratio(a, b) >= 100 * threshold - 1e-9
        }
        assert found == wanted and (found or threshold == 0.9)


def test_near_pairs_of_nothing():
    assert [len(a) for a in near_pairs([], ["a"], 0.9)] == [0, 0, 0]
    assert [len(a) for a in near_pairs(["a"], [], 0.9)] == [0, 0, 0]
    assert isinstance(near_pairs(["ab"], ["ab"], 0.9)[2], np.ndarray)
