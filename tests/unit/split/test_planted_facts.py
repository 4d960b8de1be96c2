"""The split against the truth: facts planted in several wordings, endings and notations."""

from collections import defaultdict

import pytest
from planted_facts import planted_facts
from random_sets import SETTINGS, T, seeded, write

from qaloom.errors import DataError
from qaloom.files import read_lines
from qaloom.records import Placement
from qaloom.split.stage import split

PARTS = ("train", "recall", "unseen")


def placed(folder, rows, **settings):
    """Where each row went, or None where nothing is left to train on."""
    try:
        split(*write(folder, rows), folder / "out", SETTINGS | settings, T)
    except DataError:
        return None
    return {p.id: p for p in read_lines(folder / "out/placement.jsonl", Placement)}


def faults(planted, places):
    """Broken promises, by the truth."""
    parts = defaultdict(set)
    for identity, fact in planted.truth.items():
        parts[fact].add(places[identity].split)
    found = [("both sides", fact) for fact, where in parts.items() if {"train", "unseen"} <= where]
    found += [
        ("untaught", fact) for fact, where in parts.items() if "recall" in where and "train" not in where
    ]
    found += [
        ("taught by another", planted.truth[p.id], planted.truth[p.near])
        for p in places.values()
        if p.split == "recall" and p.id in planted.truth and planted.truth[p.id] != planted.truth.get(p.near)
    ]
    return found + [("no part", row.id) for row in planted.rows if places[row.id].split not in PARTS]


def try_planted(number, folder):
    rng = seeded(number)
    planted = planted_facts(rng, rng.choice((4, 12, 30)))
    places = placed(folder, planted.rows, seed=number, by=rng.choice(("answer", "document")))
    return None if places is None else (planted, places)


def test_no_fact_is_on_both_sides_and_recall_is_taught(tmp_path):
    done = [d for number in range(40) if (d := try_planted(number, tmp_path / str(number)))]
    assert [fault for planted, places in done for fault in faults(planted, places)] == []
    held = [p.split for _, places in done for p in places.values() if p.origin == "data"]
    assert len(done) > 35 and held.count("recall") > 60 and held.count("unseen") > 60


@pytest.mark.slow
def test_a_thousand_planted_data_sets(tmp_path):
    done = [d for number in range(1000, 2000) if (d := try_planted(number, tmp_path / str(number)))]
    assert [fault for planted, places in done for fault in faults(planted, places)] == []
    assert len(done) > 900


def grow(number, folder):
    """Split a data set and the same with rows added; the parts of the rows in both."""
    rng = seeded(number)
    rows = planted_facts(rng, 25).rows
    few = rng.sample(rows, len(rows) // 2)
    settings = {"seed": number, "by": rng.choice(("answer", "document"))}
    before, after = (placed(folder / name, some, **settings) for name, some in (("few", few), ("many", rows)))
    if before is None or after is None:
        return []
    return [(before[r.id].split, after[r.id].split) for r in few]


def test_added_rows_carry_none_across(tmp_path):
    moves = [move for number in range(25) for move in grow(number, tmp_path / str(number))]
    assert len(moves) > 400 and not [m for m in moves if set(m) == {"train", "unseen"}]


@pytest.mark.slow
def test_added_rows_carry_none_across_in_many_data_sets(tmp_path):
    moves = [move for number in range(1000, 1500) for move in grow(number, tmp_path / str(number))]
    assert not [m for m in moves if set(m) == {"train", "unseen"}]
