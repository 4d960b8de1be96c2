"""Metrics of a run: its parts, its groups, and scores that exist for no question."""

from typing import Any

from predictions import prediction

from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.metrics_json import from_json, to_json
from qaloom.evaluate.results import Prediction
from qaloom.evaluate.summary import compare_lookup, headline, summarise


def scored(split: str, base: float, tuned: float, **more: Any) -> Prediction:
    scores: dict[str, Any] = {name: {"base": base, "tuned": tuned} for name in SCORES}
    scores["number_accuracy"] = {"base": None, "tuned": None}
    return prediction(split=split, scores=scores, cut={"base": True, "tuned": False}, **more)


def test_metrics_json_is_read_as_it_was_written() -> None:
    metrics = summarise([scored("recall", 0, 1), scored("unseen", 1, 0)])
    assert from_json(to_json(metrics)) == metrics


def test_by_split_and_group() -> None:
    rows = [scored("recall", 0, 1), scored("recall", 0, 0, origin="rule"), scored("unseen", 1, 0)]
    metrics = to_json(summarise(rows))
    assert (metrics["recall"]["n"], metrics["unseen"]["n"]) == (2, 1)
    assert metrics["recall"]["cut"] == {"base": 2, "tuned": 0}
    assert metrics["recall"]["exact_match"]["tuned"] == 0.5
    assert metrics["unseen"]["exact_match"]["difference"] == -1
    assert list(metrics["by"]["wording"]) == ["data", "probe"]
    assert metrics["by"]["wording"]["data"]["exact_match"]["tuned"] == 1
    assert list(metrics["by"]["kind"]) == ["short"]
    assert metrics["by"]["language"]["ko"]["n"] == 2
    missing = metrics["recall"]["number_accuracy"]
    assert (missing["n"], missing["base"], missing["why"]) == (0, None, "no_figure")
    assert "why" not in metrics["recall"]["exact_match"]


def test_by_length_of_the_answer() -> None:
    rows = [scored("recall", 0, 1, reference="가" * n) for n in (200, 1, 10, 11, 100)]
    by = to_json(summarise(rows))["by"]["length"]
    assert {name: part["n"] for name, part in by.items()} == {"1-10": 2, "11-30": 1, "31-100": 1, "101+": 1}
    assert list(by) == ["1-10", "11-30", "31-100", "101+"]


def test_metrics_of_nothing() -> None:
    metrics = to_json(summarise([]))
    assert metrics["recall"]["n"] == 0
    assert metrics["recall"]["exact_match"]["base"] is None
    assert metrics["recall"]["exact_match"]["why"] == "no_question"
    assert metrics["by"] == {"wording": {}, "kind": {}, "language": {}, "document": {}, "length": {}}


def test_light_questions_never_raise_the_headline() -> None:
    honest = [scored("recall", 0, 0, id=str(i), origin="rule") for i in range(5)]
    light = [scored("recall", 0, 1, id=f"light {i}", light=True) for i in range(50)]
    metrics = summarise([*honest, *light])
    assert (metrics.honest.n, metrics.honest.scores["right"].tuned) == (5, 0)
    assert (metrics.recall.n, metrics.by["wording"]["light"].scores["right"].tuned) == (55, 1)
    assert headline(metrics).startswith("right on 5 recall questions: base 0.00, tuned 0.00")
    alone = summarise(light)
    assert (alone.honest.n, alone.honest.why) == (0, "light_only")
    assert headline(alone).startswith("nothing was measured")


def test_always_yes_is_half_right_however_rare_no_is() -> None:
    rows = [scored("recall", 0, 1, id=str(i), reference="예") for i in range(18)]
    rows += [scored("recall", 0, 0, id=f"no {i}", reference="아니요") for i in range(2)]
    right = summarise(rows).honest.scores["right"]
    assert (right.n, right.tuned) == (20, 0.5)
    assert right.low < 0.4 < 0.6 < right.high
    opened = [scored("recall", 0, 1, id=f"open {i}", reference="가람시") for i in range(20)]
    assert summarise([*rows, *opened]).honest.scores["right"].tuned == 0.75
    assert summarise(rows).honest.scores["exact_match"].tuned == 0.9


def test_wordings_of_one_fact_say_less_than_as_many_facts() -> None:
    apart = [scored("recall", 0, i % 2, id=str(i), fact=str(i)) for i in range(40)]
    together = [scored("recall", 0, i // 4 % 2, id=str(i), fact=str(i // 4)) for i in range(40)]
    one, other = (summarise(rows).honest.scores["right"] for rows in (apart, together))
    assert one.difference == other.difference and other.high - other.low > 1.3 * (one.high - one.low)


def test_looking_up_is_compared_on_honest_questions_and_by_wording() -> None:
    rows = [prediction((0.0, 1.0), id=str(i)) for i in range(30)]
    rows += [prediction((1.0, 1.0), id=f"light {i}", light=True) for i in range(30)]
    found = compare_lookup(rows)
    assert (found.right.n, found.right.base, found.right.tuned, found.helps) == (30, 0, 1, True)
    assert {name: (one.n, one.base) for name, one in found.by.items()} == {"data": (30, 0), "light": (30, 1)}
    assert not compare_lookup(rows[30:]).helps and compare_lookup(rows[30:]).right.base is None
    equal = compare_lookup([prediction((1.0, 1.0), id=str(i)) for i in range(30)])
    metrics = summarise(rows[:30])
    metrics.lookup = equal
    assert not equal.helps and headline(metrics).endswith("so tuning adds nothing for such questions")
