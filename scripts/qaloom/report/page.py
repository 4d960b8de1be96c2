"""The page: page.html.j2 filled with what was gathered, its style, script and words inside."""

import importlib.metadata
import json
import platform
from collections.abc import Callable, Iterable
from typing import Any

import jinja2
from markupsafe import Markup

from qaloom.console import duration
from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.results import EvaluationMetrics
from qaloom.evaluate.summary import HEADLINE, wording
from qaloom.report.fact_table import fact_row
from qaloom.report.format import (
    HERE,
    STRINGS,
    aria,
    both,
    fact_label,
    fact_text,
    facts,
    label,
    number,
    p_value,
    percent,
    points,
    spans,
    text_in,
    translated,
    value_text,
)
from qaloom.report.gather import ReportData, Run
from qaloom.report.plots import intervals, losses
from qaloom.report.recommendation import in_words
from qaloom.report.training_table import recorded_values, training_table
from qaloom.report.verdict import FEW, Point

_LIBRARIES = ("qaloom", "unsloth", "trl", "transformers", "peft", "torch", "snakemake")
_CLIPPED = 300  # characters shown of a text before its 'more'


def render_page(results: ReportData, project: dict[str, Any]) -> str:
    """The page as HTML. `project`: name, command and config."""
    tables = [{"name": run.name, "rows": list(map(_table_row, run.answers))} for run in results.runs]
    ledgers = [
        {"name": run.name, "rows": [fact_row(fact, results.quotes) for fact in run.facts.facts]}
        for run in results.runs
        if run.facts
    ]
    return _template().render(
        results=results, predictions=tables, ledgers=ledgers, project=project, versions=_versions()
    )


def _table_row(answer: Any) -> list[Any]:
    """One answer as the page's table reads it; an array, since 10,000 rows would repeat every key."""
    right, f1 = answer.scores[HEADLINE], answer.scores["char_f1"]
    about = [answer.split, wording(answer), answer.document, answer.question, answer.reference]
    scores = [right["base"], right["tuned"], f1["base"], f1["tuned"], int(answer.cut["tuned"])]
    return [*about, answer.base, answer.tuned, *scores]


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    helpers: Iterable[Callable[..., Any]] = (
        advice, aria, asset, both, clipped, duration, fact_label, fact_text, facts, interval_plot, label, loss_plot,
        number, p_value, percent, point_text, points, recorded_values, script_json, training_table, translated,
        value_text,
    )  # fmt: skip
    environment.globals.update({helper.__name__: helper for helper in helpers})
    environment.globals.update(scores=list(SCORES), words=STRINGS, few=FEW, strings=_client_strings())
    environment.filters["n"] = "{:,}".format
    return environment.get_template("page.html.j2")


def asset(name: str) -> Markup:
    """A file beside the template, as it is."""
    return Markup((HERE / name).read_text("utf-8"))


def script_json(value: Any) -> Markup:
    """JSON that stands safely inside a script element: no '<' can end it early."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def clipped(text: str) -> Markup:
    """A text, its end folded away behind 'more' where it is long: a base model may never end its answer."""
    if len(text) <= _CLIPPED + 40:
        return Markup.escape(text)
    more = both("page.more", n=f"{len(text) - _CLIPPED:,}")
    fold = Markup('{}…<details class="fold"><summary>{}</summary>…{}</details>')
    return fold.format(text[:_CLIPPED], more, text[_CLIPPED:])


def advice(run: Run) -> Markup:
    """The recommendation on an evaluated run in both languages: the sentence to forward, and the next step."""
    assert run.recommendation
    texts = {language: in_words(run.recommendation, language) for language in ("en", "ko")}
    sentence = spans({language: said.sentence for language, said in texts.items()})
    step = {
        language: text_in(language, "verdict.next", step=said.next_step) for language, said in texts.items()
    }
    return Markup("{} <b>{}</b>").format(sentence, spans(step))


def point_text(kind: str, point: Point) -> Markup:
    """A point's finding (`point`) or its next step (`next`) in both languages."""
    values = {key: _point_value(key, value) for key, value in point.values.items()}
    named = {key: label(*code) for key, code in point.labels.items()}
    return both(f"{kind}.{point.code}", **values, **named)


def _point_value(key: str, value: Any) -> Any:
    if key == "difference":
        return points(value)
    if key == "by":
        return label("metric", value)
    return percent(value) if isinstance(value, float) else f"{value:,}"


def interval_plot(run: Run, part: str) -> Markup:
    """Base, tuned and intervals of a part's scores; empty without metrics."""
    if not isinstance(run.metrics, EvaluationMetrics):
        return Markup()
    return intervals(run.metrics.part(part).scores, list(SCORES), aria(f"plot.{part}", run=run.name))


def loss_plot(run: Run) -> Markup:
    """Losses of a run's training by optimizer step."""
    return losses(run.training.history, aria("plot.losses", run=run.name))


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "–"
    return found


def _client_strings() -> dict[str, dict[str, str]]:
    """The strings that the page's script writes: its own, and labels in and of plots and tables."""
    kinds = ("ui.", "metric.", "wording.", "plot.", "page.contents")
    return {key: text for key, text in STRINGS.items() if key.startswith(kinds)}
