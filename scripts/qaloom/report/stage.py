"""Report: everything that a workflow left in `results/`, as one self-contained HTML page."""

import csv
import io
from pathlib import Path
from typing import Any

import msgspec

from qaloom.errors import DataError
from qaloom.files import write_json, write_text
from qaloom.report.closing import LANGUAGES, closing_lines
from qaloom.report.gather import Stage, gather_results
from qaloom.report.page import render_page


def report(
    results: Path, runs: list[str], out: Path, project: dict[str, Any], logs: Path | None = None
) -> None:
    """Write the report on `runs` from the files under `results` to `out`, and tables and lines beside it.

    comparison.json holds the runs side by side, funnel.csv the rows in and out of each stage; summary.en.txt and
    summary.ko.txt hold the lines that end a run on the terminal, in English and in Korean. `project` may
    hold `name`, `command` (how to run it again) and `config` (the complete configuration); `logs` is the
    folder of logs, which tells the time that each rule took. A part whose files
    are missing says so on the page. Raises DataError when `results` is not a folder.
    """
    if not results.is_dir():
        raise DataError(f"{results}: no such folder; name the results folder of a project")
    project = {"name": "", "command": "", "config": {}} | project
    found = gather_results(results, runs, project["config"], logs)
    write_json(out.with_name("comparison.json"), msgspec.to_builtins(found.comparison))
    write_text(out.with_name("funnel.csv"), funnel(found.stages))
    shown = out.relative_to(results.parent) if out.is_relative_to(results) else out
    for language in LANGUAGES:
        lines = closing_lines(found, project["name"], str(shown), language)
        write_text(out.with_name(f"summary.{language}.txt"), lines + "\n")
    write_text(out, render_page(found, project))


def funnel(stages: list[Stage]) -> str:
    """Rows in and out of each stage and the reasons for setting some aside, as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["stage", "rows in", "rows out", "set aside", "reasons"])
    for stage in stages:
        if stage.stats and "in" in stage.stats:
            reasons = ", ".join(f"{reason.code.replace('_', ' ')}: {reason.n}" for reason in stage.reasons)
            counts = (stage.stats[key] for key in ("in", "out", "rejected"))
            table.writerow([stage.name, *counts, reasons])
    return text.getvalue()
