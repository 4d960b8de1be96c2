"""Explanation of a run before it starts."""

from qaloom.workflow.explain import PlannedJob, explain


def test_a_changed_source():
    jobs = [
        PlannedJob("validate_file", "data/one.jsonl", "data/one.jsonl changed", False),
        PlannedJob("validate", "", None, False),
        PlannedJob("split", "", None, False),
        PlannedJob("train", "demo", None, True),
        PlannedJob("evaluate", "demo", None, True),
        PlannedJob("report", "", None, False),
    ]
    assert explain(jobs) == [
        "Will run validate_file data/one.jsonl: data/one.jsonl changed.",
        "Will run validate, split, report: input is made anew.",
        "May run train demo, evaluate demo: only if their input comes out different.",
    ]


def test_a_cause_of_its_own_is_certain_even_behind_the_split():
    jobs = [PlannedJob("train", "a", "settings changed", True), PlannedJob("train", "b", None, True)]
    assert explain(jobs) == [
        "Will run train a: settings changed.",
        "May run train b: only if their input comes out different.",
    ]


def test_many_jobs_of_a_rule_are_counted():
    jobs = [PlannedJob("validate_file", f"{i}.jsonl", "not made yet", False) for i in range(2000)]
    assert explain(jobs) == ["Will run validate_file (2,000): not made yet."]


def test_nothing():
    assert explain([]) == []
