"""What a join will cost, in words."""

import pytest

from qaloom.text import join_cost as module


@pytest.mark.parametrize(
    ("cost", "line"),
    [
        ({0.9: 19}, ""),
        ({0.9: 240}, "join: about 2 min for 2 questions at threshold 0.9"),
        (
            {0.9: 2400, 0.93: 1300, 0.95: 600},
            "join: about 20 min for 2 questions at threshold 0.9; "
            "dedup.threshold 0.95 would take about 5 min",
        ),
        (
            {0.9: 24000, 0.93: 2400, 0.95: 1300, 0.97: 1200},
            "join: about 3 h 20 min for 2 questions at threshold 0.9; "
            "no threshold up to 0.97 takes less than 10 min",
        ),
    ],
)
def test_cost_in_words(monkeypatch, cost, line):
    monkeypatch.setattr(module, "estimate_seconds", lambda keys, threshold, others: cost[threshold])
    assert module._cost("join", ["a", "b"], 0.9, threads=2) == line


def test_a_join_of_two_lists_in_words(monkeypatch):
    monkeypatch.setattr(module, "_WORTH_ESTIMATING", 3)
    monkeypatch.setattr(
        module, "estimate_seconds", lambda keys, threshold, others: 10.0 * len(others) / threshold
    )
    said = []
    monkeypatch.setattr(module, "say", said.append)
    module.say_cost("held-out", ["a"], 0.9, 2, ["b"])
    assert said == []  # too few to be estimated
    module.say_cost("held-out", ["a"], 0.5, 2, ["b", "c", "d", "e"])
    assert said == ["held-out: about 40 s for 1 with 4 texts at threshold 0.5"]
