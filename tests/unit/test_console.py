"""A job: people see its lines and one line when it fails; everything else is in the log."""

import os
import pty
import subprocess
import sys
import textwrap
import time
from itertools import pairwise

import pytest
from hostile import ESCAPES, HOSTILE, raw_controls

from qaloom.console import (
    Clock,
    _line_stream,
    _ProgressLines,
    counted,
    duration,
    job,
    printable,
    say,
    terminal_language,
)
from qaloom.errors import DataError


def run(tmp_path, body: str, log: str = "'logs/x/a.log'"):
    """Run a block as a job in a process of its own; return what it said, its log and its exit code."""
    code = (
        "import os, sys, time\nfrom qaloom.errors import DataError\n"
        "from qaloom.console import bar, job, say\n"
        f"with job({log}):\n" + textwrap.indent(textwrap.dedent(body), "    ") + "\nprint('after')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    path = tmp_path / "logs/x/a.log"
    return done, path.read_text() if path.exists() else None


def test_a_users_mistake_is_one_line_and_exit_code_1(tmp_path):
    done, log = run(tmp_path, "raise DataError('a.jsonl, line 3: no answer; add one')")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == log == "qaloom: a.jsonl, line 3: no answer; add one\n"


def test_an_unexpected_error_is_one_line_and_a_traceback_in_the_log(tmp_path):
    done, log = run(tmp_path, "{}['key']")
    assert done.returncode == 1
    assert done.stderr == "qaloom: unexpected KeyError: 'key'; the traceback is in logs/x/a.log\n"
    assert "Traceback (most recent call last)" in log and log.endswith(done.stderr)


def test_what_libraries_write_goes_to_the_log(tmp_path):
    body = """
        print('python')
        print('python error', file=sys.stderr)
        os.write(1, b'from C\\n')
        os.write(2, b'from C error\\n')
        os.system('echo child')
        say('for a person')
    """
    done, log = run(tmp_path, body)
    assert done.returncode == 0
    assert done.stderr == "for a person\n"
    assert done.stdout == "after\n"  # the terminal is back when the job has ended
    said = {"python", "python error", "from C", "from C error", "child", "for a person"}
    assert set(log.splitlines()) == said


def test_progress_is_lines_where_there_is_no_terminal(tmp_path):
    body = """
        import qaloom.console
        qaloom.console._SECONDS_BETWEEN_LINES = 0
        with bar('train: demo', 4, 'steps') as advance:
            for step in range(5):
                advance(step)
    """
    done, log = run(tmp_path, body)
    assert done.stderr == ""  # within the first second there is no rate
    assert log.splitlines() == ["train: demo: 4 steps in 0 s"]


def on_terminal(tmp_path, log: str) -> str:
    """What a terminal shows of a job with a bar, in which a library prints too."""
    master, slave = pty.openpty()
    body = (
        "import qaloom.console as j, time\nj._SECONDS_BETWEEN_LINES = 0\n"
        f"with j.job({log}), j.bar('asking', 2) as advance:\n"
        "    advance(0); time.sleep(1.1); advance(1, 'loss 2'); print('noise'); time.sleep(.3); advance(2)\n"
    )
    subprocess.run([sys.executable, "-c", body], cwd=tmp_path, stdout=slave, stderr=slave, check=True)
    os.close(slave)
    shown = os.read(master, 100_000).decode()
    os.close(master)
    return shown


def test_on_a_terminal_progress_is_a_bar_and_all_else_is_in_the_log(tmp_path):
    shown = on_terminal(tmp_path, "'a.log'")
    assert "asking" in shown and "1 of 2 rows, 1.1 s each, 1 s left, loss 2" in shown
    assert "noise" not in shown and "-:--" not in shown
    log = (tmp_path / "a.log").read_text()
    assert "asking: 1 of 2 rows, 1.1 s each" in log and "noise" in log and "asking: 2 rows in 1 s" in log
    assert "2 of 2 rows" not in log


def test_a_command_without_a_log_says_which_file_is_missing(tmp_path):
    done, _ = run(tmp_path, "open('no/such.jsonl')", log="None")
    assert (done.returncode, done.stderr) == (1, "qaloom: no/such.jsonl: No such file or directory\n")


def test_a_command_without_a_log_keeps_our_own_tracebacks(tmp_path):
    done, _ = run(tmp_path, "1 / 0", log="None")
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr and "Traceback" in done.stderr


def test_stopping_is_one_line(tmp_path):
    done, log = run(tmp_path, "raise KeyboardInterrupt")
    assert (done.returncode, done.stderr) == (130, "qaloom: stopped\n")
    assert "Traceback" not in log


def test_a_line_with_a_file_name_that_is_no_text_can_be_said():
    read, write = os.pipe()
    with _line_stream(write) as stream:
        print("bad\udcff.jsonl 주소", file=stream, flush=True)
    with os.fdopen(read) as stream:
        assert stream.read() == "bad\\udcff.jsonl 주소\n"


def test_a_job_can_follow_another(tmp_path, capfd):
    for name in ("a", "b"):
        with job(tmp_path / name):
            os.write(1, name.encode())
    assert [(tmp_path / name).read_text() for name in ("a", "b")] == ["a", "b"]
    with pytest.raises(SystemExit), job():
        raise DataError("plain")
    assert capfd.readouterr() == ("", "qaloom: plain\n")


def test_on_a_terminal_without_a_log_there_is_the_bar_and_its_last_line(tmp_path):
    shown = on_terminal(tmp_path, "None")
    assert "1 of 2 rows" in shown and "asking: 1 of 2 rows" not in shown
    assert "asking: 2 rows in 1 s" in shown


def test_lines_come_seconds_apart_and_then_minutes(monkeypatch, capsys):
    """Seconds of the advances, and the lines where there is no terminal."""
    times = [0, 5, 11, 12, 22, 45, 85, 100, 130, 150]
    clock = iter([0, *times])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    lines = _ProgressLines("x", 1000, "rows", on_terminal=False)
    for number, _ in enumerate(times):
        lines.advance(10 * number)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "x: 20 of 1,000 rows, 1.8/s, 9 min left"
    assert [line.split()[1] for line in said] == ["20", "60", "90"]


def test_what_was_done_before_says_nothing_about_the_time_left():
    clock = Clock(100)
    for now, done in ((0, 80), (20, 90)):
        clock.advance(now, done)
    assert (clock.rate, clock.left(20), clock.left(30)) == (0.5, 20, 10)


def test_the_time_left_is_there_after_two_steps_and_does_not_jump():
    """Steps of 40 s, one of which takes twice as long: the time left falls steadily."""
    clock, now, left = Clock(60), 0.0, []
    for step in range(60):
        clock.advance(now, step)
        left.append(clock.left(now))
        now += 80 if step == 20 else 40
    assert left[0] is None and None not in left[1:]
    assert all(after < before * 1.2 for before, after in pairwise(left[1:]))


def test_the_rate_is_that_of_the_last_minutes():
    clock = Clock(10_000)
    for second in range(600):
        clock.advance(second, second if second < 300 else 300 + 10 * (second - 300))
    assert clock.rate == pytest.approx(10, rel=0.01)


def test_one_row_is_one_row():
    assert (counted(1, "rows"), counted(2_000, "rows"), counted(0, "files")) == (
        "1 row",
        "2,000 rows",
        "0 files",
    )


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LC_MESSAGES": "ko_KR"}, "ko"),
        ({}, "en"),
    ],
)
def test_the_terminal_speaks_the_language_of_the_locale(monkeypatch, capsys, variables, expected):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert terminal_language() == expected
    say("validate: 40 lines in 1 file, 39 rows kept, 1 set aside (not_json 1)")
    korean = "validate: 파일 1개의 40줄에서 39행 사용, 1행 제외 (not_json 1)"
    assert (korean in capsys.readouterr().err) == (expected == "ko")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (40.4, "40 s"), (89.4, "89 s"), (90, "2 min"), (5340, "89 min"), (5400, "1 h 30 min")],
)
def test_a_length_of_time_is_said_as_people_say_it(seconds, said):
    assert duration(seconds) == said


def test_a_full_disk_is_one_line_with_and_without_a_log(tmp_path):
    body = """
        from qaloom.files import write_text
        from pathlib import Path
        Path(".out.part").symlink_to("/dev/full")
        write_text(Path("out"), "x" * 100_000)
    """
    done, log = run(tmp_path, body)
    assert done.returncode == 1
    assert done.stderr == f"qaloom: the disk is full ({tmp_path}); free some space and run again\n"
    assert "Traceback" not in log


def test_what_rows_hold_is_not_obeyed_by_a_terminal(tmp_path):
    """In messages and in the job's log: the characters are written out."""
    done, log = run(tmp_path, f"say({'; '.join(HOSTILE)!r})\nraise DataError({ESCAPES[1]!r} + ': no answer')")
    assert not raw_controls(done.stderr + log)
    assert r"\x1b]52;c;b3duZWQ=\x07: no answer" in done.stderr and r"\x9b31mred" in done.stderr
    assert printable("두 줄\n\ttab é") == "두 줄\n\ttab é"


@pytest.mark.parametrize(
    "error", ["MemoryError()", 'RuntimeError("DefaultCPUAllocator: can\'t allocate memory")']
)
def test_memory_that_does_not_suffice_is_one_line(tmp_path, error):
    done, _ = run(tmp_path, f"raise {error}")
    assert done.stderr.startswith(
        "qaloom: the memory (RAM) does not suffice; close other programs and run again"
    )
    assert done.stderr.count("\n") == 1
