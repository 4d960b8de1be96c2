"""What a run will do, in words."""

from qaloom.workflow.explain import Planned, explain


def test_a_changed_source():
    jobs = [
        Planned("validate_file", "data/one.jsonl", "data/one.jsonl changed", False),
        Planned("validate", "", None, False),
        Planned("split", "", None, False),
        Planned("train", "demo", None, True),
        Planned("evaluate", "demo", None, True),
        Planned("report", "", None, False),
    ]
    assert explain(jobs) == [
        "Will run validate_file data/one.jsonl: data/one.jsonl changed.",
        "Will run validate, split, report: input is made anew.",
        "May run train demo, evaluate demo: only if their input comes out different.",
    ]


def test_a_cause_of_its_own_is_certain_even_behind_the_split():
    jobs = [Planned("train", "a", "settings changed", True), Planned("train", "b", None, True)]
    assert explain(jobs) == [
        "Will run train a: settings changed.",
        "May run train b: only if their input comes out different.",
    ]


def test_many_jobs_of_a_rule_are_counted():
    jobs = [Planned("validate_file", f"{i}.jsonl", "not made yet", False) for i in range(2000)]
    assert explain(jobs) == ["Will run validate_file (2,000): not made yet."]


def test_nothing():
    assert explain([]) == []
