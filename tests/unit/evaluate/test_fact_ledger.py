"""Ledger of facts: every row of the split once, learned by the answers, sources and contradictions."""

import time

import pytest
from placements import contradiction
from predictions import prediction

from qaloom.evaluate.fact_ledger import fact_ledger, ledger_line
from qaloom.evaluate.fact_records import FactSource
from qaloom.files import write_lines
from qaloom.records import Placement


@pytest.fixture
def split(tmp_path):
    """Write a split of (id, part, origin, fact, line) rows; its folder."""

    def write(rows):
        texts = {"train": [], "recall": [], "unseen": []}
        for identity, part, *_ in rows:
            texts[part].append(
                {"id": identity, "instruction": f"Q {identity}?", "input": "", "output": "9시"}
            )
        for part, lines in texts.items():
            write_lines(tmp_path / f"{part}.jsonl", lines)
        places = [
            Placement(identity, part, "", origin, fact, "guide", "a.jsonl", line)
            for identity, part, origin, fact, line in rows
        ]
        write_lines(tmp_path / "placement.jsonl", places)
        return tmp_path

    return write


ROWS = [
    ("a1", "train", "data", "a1", 3),
    ("a2", "recall", "data", "a1", 4),
    ("a3", "recall", "rule", "a1", 3),
    ("b1", "train", "data", "b1", 1),
    ("b2", "train", "augmented", "b1", 1),
    ("c1", "unseen", "data", "c1", 2),
]


def asked(identity, right, part="recall", base=2.0, tuned=0.5):
    return prediction((0.0, float(right)), id=identity, split=part, nll={"base": base, "tuned": tuned})


def test_each_fact_has_its_wordings_and_what_became_of_them(split):
    predictions = [asked("a2", True), asked("a3", False, base=1.0), asked("c1", False, "unseen")]
    facts = {one.fact: one for one in fact_ledger(split(ROWS), predictions, [], {"a2": 2.5})}
    a, b, c = facts["a1"], facts["b1"], facts["c1"]
    assert [w.id for w in a.trained] == ["a1"] and [w.id for w in a.asked] == ["a2", "a3"]
    assert [w.right["tuned"] for w in a.asked] == [True, False]
    assert (a.learned, b.learned, c.learned) == ("some", "not_asked", "not_taught")
    assert (a.placed, c.placed) == ("train", "unseen")
    assert a.sources == [FactSource("guide", "a.jsonl", 3), FactSource("guide", "a.jsonl", 4)]
    assert [w.origin for w in b.trained] == ["data", "augmented"] and len(b.sources) == 1
    assert a.margin == pytest.approx(1.0) and a.over_competitor == pytest.approx(2.0)
    assert b.margin is b.over_competitor is c.over_competitor is None
    assert a.answer == "9시"


def test_facts_stand_in_the_order_of_their_sources_and_every_row_once(split):
    facts = fact_ledger(split(ROWS), [], [], {})
    assert [one.fact for one in facts] == ["b1", "c1", "a1"]
    assert sum(len(one.trained) + len(one.asked) + one.unasked for one in facts) == len(ROWS)


@pytest.mark.parametrize(("right", "learned"), [([1, 1], "all"), ([1, 0], "some"), ([0, 0], "none")])
def test_learned_by_the_answers(split, right, learned):
    predictions = [asked(identity, one) for identity, one in zip(("a2", "a3"), right, strict=True)]
    (fact,) = [one for one in fact_ledger(split(ROWS), predictions, [], {}) if one.fact == "a1"]
    assert fact.learned == learned and fact.unasked == 0


def test_rows_that_contradict_a_fact_are_named(split):
    against = contradiction(("a1", "a.jsonl", 3, "9시"), ("b1", "a.jsonl", 1, "7시"))
    facts = {one.fact: one for one in fact_ledger(split(ROWS), [], [against], {})}
    assert facts["a1"].contradicted_by == [{"source": "a.jsonl", "line": 1, "output": "7시"}]
    assert facts["c1"].contradicted_by == []


def test_the_line_says_what_is_known(split):
    one = [("a1", "train", "data", "a1", 1)]
    assert "1 fact, none of them taught and asked" in ledger_line(fact_ledger(split(one), [], [], {}))
    line = ledger_line(fact_ledger(split(ROWS), [asked("a2", True)], [], {}))
    assert line.startswith("3 facts; of 1 taught and asked, 1 are right in every wording")
    assert ledger_line([]).startswith("0 facts, none")


def test_ten_thousand_facts_take_seconds(split):
    rows = [(f"{n}{part[0]}", part, "data", f"{n}", n) for n in range(10_000) for part in ("train", "recall")]
    folder, predictions = split(rows), [asked(f"{n}r", n % 2) for n in range(10_000)]
    start = time.process_time()
    facts = fact_ledger(folder, predictions, [], {})
    assert len(facts) == 10_000 and time.process_time() - start < 10
