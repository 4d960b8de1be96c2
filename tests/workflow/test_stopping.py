"""SIGTERM and SIGINT to Snakemake or to a job: everything that was started ends, and the next run goes on."""

import signal
import time

import psutil
import pytest

SECONDS = 30
TRAINING = "results/train/first/manifest.json"


def started(project):
    """Plain snakemake in a training that has a checkpoint, and all of its processes."""
    project.change_run("first", training={"epochs": 3000})
    command = ["-m", "snakemake", "--snakefile", str(project.house.folder / "Snakefile"), "--cores", "2"]
    command += ["--configfile", str(project.config), "--directory", str(project.folder), TRAINING]
    process = project.background(*command)
    end = time.monotonic() + 300
    while not list(project.folder.glob("cache/train/*/checkpoints/checkpoint-*/.sha256.json")):
        assert process.poll() is None and time.monotonic() < end, process.communicate()[0]
        time.sleep(0.1)
    return process, [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]


def one(processes, text):
    """The innermost process whose command line holds a text."""
    return [process for process in processes if text in " ".join(process.cmdline())][-1]


def gone(processes):
    """Whether none of the processes runs any more."""
    return all(not p.is_running() or p.status() == psutil.STATUS_ZOMBIE for p in processes)


def assert_all_end(processes):
    end = time.monotonic() + SECONDS
    while not gone(processes):
        assert time.monotonic() < end, [" ".join(p.cmdline())[:200] for p in processes if p.is_running()]
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("whom", ["Snakemake", "the job", "the training process"])
def test_a_signal_to_one_process_ends_all_and_the_training_goes_on(fresh, whom, number):
    process, all_of_them = started(fresh)
    told = {"Snakemake": all_of_them[0], "the job": one(all_of_them, ".train.py")}
    told["the training process"] = one(all_of_them, "qaloom.train.process")
    told[whom].send_signal(number)
    assert_all_end(all_of_them)
    output, _ = process.communicate(timeout=10)
    assert process.returncode != 0 and "Traceback" not in output, output
    checkpoints = {path.parent.name for path in fresh.folder.glob("cache/train/*/checkpoints/*/.sha256.json")}
    fresh.snakemake("--unlock")
    process, all_of_them = started(fresh)
    log = fresh.path("logs/train/first.log")
    end = time.monotonic() + 120
    while "first goes on from checkpoint-" not in log.read_text():
        assert process.poll() is None and time.monotonic() < end, process.communicate()[0]
        time.sleep(0.2)
    assert checkpoints
    told = all_of_them[0]
    told.send_signal(signal.SIGTERM)
    assert_all_end(all_of_them)
    process.communicate(timeout=10)
