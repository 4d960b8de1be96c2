"""Jobs that were killed, which cannot say so themselves: found in what Snakemake logged."""

import re
from pathlib import Path

from qaloom.console import printable

_KILLED = re.compile(
    r"died with <Signals\.SIGKILL: 9>\.\n(?:.*\n)?Error in rule (?P<rule>\w+):\n(?:    .*\n)*?    log: (?P<log>\S+)"
)


def note_killed_jobs(logged: Path) -> list[str]:
    """A line for each killed job of a run, by Snakemake's log of it; also written to the end of the job's log."""
    text = logged.read_text("utf-8", "replace") if logged.is_file() else ""
    lines = []
    for found in _KILLED.finditer(text):
        line = (
            f"qaloom: {found['rule']} was killed ({found['log']}), as the kernel does where memory is short; close "
            "other programs, or ask for a larger machine, and run again: what is done is kept"
        )
        lines.append(printable(line))
        with open(found["log"], "a", encoding="utf-8") as stream:
            stream.write(f"\n{line}\n")
    return lines
