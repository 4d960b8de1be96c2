"""SIGTERM and SIGINT to Snakemake or to a job: everything that was started ends, and the next run goes on."""

import signal
import time
from contextlib import suppress

import psutil
import pytest

SECONDS = 30
TRAINING = "results/train/first/manifest.json"


def started(project, going_on):
    """Plain snakemake in a training that has a checkpoint, or goes on from one; and all of its processes."""
    project.change_run("first", training={"epochs": 3000, "save_steps": 20})
    command = ["-m", "snakemake", "--snakefile", str(project.house.folder / "Snakefile"), "--cores", "2"]
    command += ["--configfile", str(project.config), "--directory", str(project.folder), TRAINING]
    process = project.background(*command)
    end = time.monotonic() + 300
    while not (goes_on(project) if going_on else checkpoints(project)):
        assert process.poll() is None and time.monotonic() < end, process.communicate()[0]
        time.sleep(0.1)
    return process, [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]


def checkpoints(project):
    """Checkpoints that were written to their end."""
    return list(project.folder.glob("cache/train/*/checkpoints/checkpoint-*/.sha256.json"))


def goes_on(project):
    log = project.path("logs/train/first.log")
    return log.is_file() and "first goes on from checkpoint-" in log.read_text()


def one(processes, text):
    """The innermost process whose command line holds a text."""
    return [process for process in processes if text in command_line(process)][-1]


def command_line(process):
    """A process's command line; nothing of one that has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def gone(processes):
    """Whether none of the processes runs any more."""
    return not any(map(command_line, processes))


@pytest.fixture
def ended():
    """Processes to kill after the test, also after one that fails."""
    to_end = []
    yield to_end
    for process in to_end:
        with suppress(psutil.Error):
            process.kill()


def assert_all_end(processes):
    end = time.monotonic() + SECONDS
    while not gone(processes):
        assert time.monotonic() < end, [command_line(process)[:200] for process in processes]
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("whom", "number"),
    [
        ("Snakemake", signal.SIGTERM),
        ("Snakemake", signal.SIGINT),
        ("the job", signal.SIGTERM),
        ("the training process", signal.SIGTERM),
    ],
)
def test_a_signal_to_one_process_ends_all_and_the_training_goes_on(fresh, whom, number, ended):
    process, all_of_them = started(fresh, going_on=False)
    ended += all_of_them
    told = {"Snakemake": all_of_them[0], "the job": one(all_of_them, ".train.py")}
    told["the training process"] = one(all_of_them, "qaloom.train.process")
    told[whom].send_signal(number)
    assert_all_end(all_of_them)
    output, _ = process.communicate(timeout=10)
    assert process.returncode != 0 and "Traceback" not in output, output
    fresh.path("logs/train/first.log").unlink(missing_ok=True)
    process, all_of_them = started(fresh, going_on=True)
    ended += all_of_them
    process.send_signal(signal.SIGTERM)
    assert_all_end(all_of_them)
    process.communicate(timeout=10)
