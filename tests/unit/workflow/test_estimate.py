"""Estimates of a run: sums of recorded durations, what is not known said as such, and what is left of a run."""

import os
from pathlib import Path

import pytest

from qaloom.files import write_text
from qaloom.sentences import line_in_korean
from qaloom.workflow.estimate import EXPECTED, estimate_line, expected_jobs, note_expected, time_left
from qaloom.workflow.explain import PlannedJob
from qaloom.workflow.run_log import RunningJob, RunState


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def job(rule, seconds=None, uncertain=False):
    """A planned job whose benchmark file has a line of 9 s, and the last one's seconds after it."""
    benchmark = f"logs/{rule}/{rule}.benchmark.jsonl"
    if seconds is not None:
        write_text(benchmark, f'{{"s": 9.0}}\n{{"s": {seconds}, "mean_load": 1.0}}\n')
        os.utime(benchmark, (1000, 1000))
    return PlannedJob(rule, "", None, uncertain, benchmark)


def expected(jobs):
    return expected_jobs(jobs, Path.cwd())


def test_known_durations_are_added_and_unknown_ones_counted(here):
    line = estimate_line(expected([job("split", 20.0), job("train", 600.0), job("evaluate")]))
    assert line == (
        "This takes about 10 min, as these jobs took in this folder last time (an estimate); not timed yet: 1 job."
    )
    line = estimate_line(expected([job("split", 20.0), job("train", 600.0, uncertain=True)]))
    assert line.startswith("This takes between 20 s and 10 min, as these jobs took")


def test_a_first_run_is_not_foretold(here):
    assert estimate_line([]) == ""
    write_text("logs/split/split.benchmark.jsonl", "no json\n")
    line = estimate_line(expected([job("split"), job("train")]))
    assert line.startswith("How long this takes is not known yet")
    note_expected(expected([job("split")]))
    assert time_left(here, RunState(1, "a", 1.0), 2.0) == ""


def test_what_is_left_shrinks_with_jobs_done_and_at_work(here):
    (here / EXPECTED.parent).mkdir()
    state = RunState(1, "a", started=2000.0)
    assert time_left(here, state, 2000.0) == ""  # nothing was kept for this run
    note_expected(expected([job("split", 100.0), job("train", 600.0), job("report", 20.0, uncertain=True)]))
    assert time_left(here, state, 2000.0).startswith("at most about 12 min left, as its jobs took last time")
    os.utime("logs/split/split.benchmark.jsonl", (2100, 2100))
    state.running["4"] = RunningJob("train", "Training demo", "logs/train/train.log", since=2100.0)
    assert time_left(here, state, 2400.0).startswith("at most about 5 min left")
    assert time_left(here, state, 9999.0).startswith("at most about 20 s left")


@pytest.mark.parametrize("uncertain", [False, True])
def test_each_sentence_has_its_korean(here, uncertain):
    (here / EXPECTED.parent).mkdir()
    jobs = expected([job("split", 100.0), job("train", 600.0, uncertain), job("report")])
    note_expected(jobs)
    left = f"  {time_left(here, RunState(1, 'a', started=2000.0), 2000.0)}"
    for line in (estimate_line(jobs), left, estimate_line(expected([job("none")]))):
        korean = line_in_korean(line)
        assert korean != line and "estimate" not in korean and "not" not in korean
