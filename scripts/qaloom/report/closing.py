"""Lines that end a run on the terminal, in a language: the recommendation, its figures, and where the report is."""

from collections.abc import Iterator
from functools import partial

from qaloom.report.format import text_in
from qaloom.report.gather import ReportData, Run
from qaloom.report.recommendation import in_words

LANGUAGES = ("en", "ko")


def closing_lines(found: ReportData, project: str, page: str, language: str) -> str:
    """The closing lines on all runs; `page` is the report's path as it is shown."""
    lines = [line for run in found.runs for line in _about(run, project, language)]
    report = text_in(language, "closing.report", path=page)
    return "\n".join([*_rows(found, language), *lines, report])


def _rows(found: ReportData, language: str) -> Iterator[str]:
    read, split = found.stages[0].stats, found.split.manifest
    if read and split:
        parts = {name: f"{split[name]['rows']:,}" for name in ("train", "recall", "unseen")}
        yield text_in(language, "closing.rows", rows=f"{read['in']:,}", **parts)


def _about(run: Run, project: str, language: str) -> Iterator[str]:
    said = partial(text_in, language)
    if not run.recommendation:
        yield said("verdict.missing", run=run.name)
        return
    base = said("closing.base", name=run.base_model) if run.base_model else ""
    about = ", ".join(filter(None, (str(run.evaluated), project, run.name, base)))
    words = in_words(run.recommendation, language)
    yield f"{about}: {words.sentence}"
    if words.figures:
        yield f"{run.name}: {words.figures}"
    yield f"{run.name}: {said('verdict.next', step=words.next_step)}"
