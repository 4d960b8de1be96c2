"""The run's own log: a numbered line for each job, the one good line of a failure, and its state for another shell."""

import io
import logging
import time
from types import SimpleNamespace

import pytest

from qaloom.console import OUTCOMES
from qaloom.errors import DataError
from qaloom.workflow.run_log import STATE, RunLog, last_progress
from qaloom.workflow.status import status_lines


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run at its start, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(OUTCOMES, "")
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".snakemake").mkdir()
    return RunLog(dry=False, stream=io.StringIO())


def tell(run, event, level=logging.INFO, msg="", **fields):
    run.record(SimpleNamespace(event=event, levelno=level, msg=msg, **fields))


def start(run, number, rule, message, log=()):
    tell(run, "job_info", jobid=number, rule_name=rule, rule_msg=message, log=list(log))


def test_each_job_is_one_numbered_line_with_what_came_of_it(run, tmp_path):
    (tmp_path / "dedup.log").write_text(
        "noise\noutcome: dedup: first\noutcome: dedup: 40 rows in\nmore noise\n"
    )
    tell(run, "run_info", stats={"dedup": 1, "report": 1, "all": 1, "total": 3})
    start(run, 4, "dedup", "Filtering rows", ["dedup.log"])
    tell(run, "job_finished", job_id=4)
    start(run, 5, "report", "Writing the report")
    tell(run, "job_finished", job_id=5)
    start(run, 0, "all", "The report")
    tell(run, "job_finished", job_id=0)
    tell(run, None, msg="Select jobs to execute...")
    assert run.stream.getvalue() == "1 of 2  dedup: 40 rows in\n2 of 2  Writing the report\n"


def test_a_failure_is_its_one_good_line(run, tmp_path):
    (tmp_path / "a.log").write_text("Traceback\nqaloom: a.jsonl, line 3: no answer; add one\n")
    start(run, 4, "validate_file", "Reading a.jsonl", ["a.log"])
    tell(run, "job_error", jobid=4, rule_name="validate_file", log=["a.log"], level=logging.ERROR)
    tell(
        run, "error", level=logging.ERROR, msg="RuleException:\nCalledProcessError", exception="RuleException"
    )
    tell(
        run,
        None,
        level=logging.ERROR,
        msg="Exiting because a job execution failed. Look above for error messages",
    )
    assert run.stream.getvalue() == "qaloom: a.jsonl, line 3: no answer; add one\n"
    assert "failed: Reading a.jsonl" in "\n".join(status_lines(tmp_path, time.time()))


def test_what_no_job_says_is_shown(run):
    start(run, 4, "train", "Training demo", ["no.log"])
    tell(run, "job_error", jobid=4, rule_name="train", log=["no.log"], level=logging.ERROR)
    tell(run, "error", level=logging.ERROR, msg="MissingInputException: x", exception="MissingInputException")
    assert run.stream.getvalue().splitlines() == [
        "qaloom: 'Training demo' failed; see no.log",
        "MissingInputException: x",
    ]


def test_a_job_that_was_killed_is_left_to_the_line_at_the_end(run):
    start(run, 4, "train", "Training demo", ["no.log"])
    killed = "Command 'x' died with <Signals.SIGKILL: 9>."
    tell(run, "error", level=logging.ERROR, msg=killed, exception="RuleException")
    tell(run, "job_error", jobid=4, rule_name="train", log=["no.log"], level=logging.ERROR)
    assert run.stream.getvalue() == ""


def test_a_dry_run_leaves_the_state_of_a_run_alone(run, tmp_path):
    dry = RunLog(dry=True, stream=io.StringIO())
    start(dry, 4, "train", "Training demo")
    dry.close()
    assert dry.stream.getvalue() == "" and not (tmp_path / STATE).exists()


def test_the_status_says_how_far_the_run_and_its_jobs_are(run, tmp_path):
    (tmp_path / "a.log").write_text(
        "noise\rtrain: demo: 12 of 181 steps, 2 s each, 5 min left, loss 1.5\nnoise\n"
    )
    tell(run, "run_info", stats={"train": 1, "all": 1, "total": 2})
    start(run, 4, "train", "Training demo", ["a.log"])
    now = time.time() + 60
    assert list(status_lines(tmp_path, now)) == [
        "at work since 60 s: 0 of 1 jobs done",
        "  Training demo, 60 s: train: demo: 12 of 181 steps, 2 s each, 5 min left, loss 1.5",
    ]
    run.state.pid = 2**22 + 1  # beyond any process id
    run._save()
    assert "stopped without an end 6" in next(status_lines(tmp_path, now))
    run.close()
    assert list(status_lines(tmp_path, now)) == ["ended 60 s ago: 0 of 1 jobs done"]


def test_without_a_run_the_status_says_how_to_start_one(tmp_path):
    with pytest.raises(DataError, match=r"there is no run in .*; start one: make run DIR="):
        list(status_lines(tmp_path, 0))
    assert last_progress(tmp_path / "none.log") == ""
