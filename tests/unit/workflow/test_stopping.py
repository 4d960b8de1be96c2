"""Signals: a process ends with all that it started, however stubborn, and a program with the one that started it."""

import signal
import subprocess
import sys
import time

import psutil
import pytest

SNAKEMAKE = """
import subprocess, sys, time
from qaloom.workflow import stopping
stopping._TERMINAL, stopping._PATIENCE = 0.1, 1.0
stopping.stop_with_jobs()
job = "import signal, time; signal.signal(signal.SIGINT, signal.{}); print(flush=True); time.sleep(60)"
jobs = [subprocess.Popen([sys.executable, "-c", job.format(how)]) for how in ("SIG_DFL", "SIG_IGN")]
try:
    for one in jobs:
        one.wait()
except KeyboardInterrupt:
    for one in jobs:
        one.wait()
    sys.exit(1)
"""
JOB = """
import time
from qaloom import console
console._SECONDS_TO_STOP = 1.0
with console.job("job.log"):
    print(flush=True)
    console.say("started")
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            if {stubborn}:
                continue
            raise
"""
TRAINING = """
import subprocess, sys
from qaloom.processes import end_with_parent
child = "import time; print(flush=True); time.sleep(60)"
process = subprocess.Popen([sys.executable, "-c", child], preexec_fn=end_with_parent)
process.wait()
"""


def started(script, folder, lines):
    """A script at work, once it and its children have said so many lines; and all of these processes."""
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    for _ in range(lines):
        assert process.stdout.readline() in ("\n", "started\n")
    return process, [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]


def assert_all_end(processes, seconds=20):
    end = time.monotonic() + seconds
    while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes):
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_jobs_end_with_snakemake_also_one_that_ignores_it(tmp_path, number):
    process, all_of_them = started(SNAKEMAKE, tmp_path, 2)
    assert len(all_of_them) == 3
    process.send_signal(number)
    assert_all_end(all_of_them)
    assert process.wait() == 1 and "Traceback" not in process.stdout.read().replace("KeyboardInterrupt", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("stubborn", [False, True])
def test_a_job_ends_as_at_ctrl_c_and_also_where_a_library_goes_on(tmp_path, number, stubborn):
    process, all_of_them = started(JOB.format(stubborn=stubborn), tmp_path, 1)
    process.send_signal(number)
    assert_all_end(all_of_them)
    assert process.wait() == 130
    assert stubborn or "qaloom: stopped" in process.stdout.read()


def test_a_program_ends_with_the_process_that_started_it(tmp_path):
    process, all_of_them = started(TRAINING, tmp_path, 1)
    process.kill()
    assert len(all_of_them) == 2
    assert_all_end(all_of_them)
