"""Contents of a results folder, as the report shows them; a file that is missing leaves its part empty."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from qaloom.config.settings import ExportSettings, typed
from qaloom.evaluate.fact_records import LookAlikeAnswers
from qaloom.evaluate.metrics_json import read_metrics
from qaloom.evaluate.results import (
    EvaluationMetrics,
    Failure,
    GeneralAnswers,
    Judgement,
    Prediction,
)
from qaloom.evaluate.run_comparison import RunComparison, compare_runs
from qaloom.export.parity_verdict import ParityResult, parity_failures
from qaloom.files import read_document, read_lines, read_values
from qaloom.formats import FORMATS
from qaloom.records import Contradiction, Rejection, SplitManifest, check_handed_over
from qaloom.report.documents import ShownAudit, ShownManifest, ShownStats
from qaloom.report.fact_table import FactTable, fact_table
from qaloom.report.job_times import RuleTime, rule_times
from qaloom.report.quotes import Quoted, quoted_rows
from qaloom.report.recommendation import Recommendation, recommend
from qaloom.report.trainings import FinalModel, Training, final_model, training_of
from qaloom.report.verdict import (
    Headline,
    Point,
    data_points,
    headline_score,
    metric_points,
    split_points,
)
from qaloom.trained_run import BaseOrigin

T = TypeVar("T")
_STAGES = ("validate", "dedup", "augment")
_EXAMPLES = 3  # rows shown for each reason
_PARAPHRASES = 10  # shown for each filter: one sees at a glance whether it is right
_CONTRADICTIONS = 50  # shown; the file has all
_ROWS_OF_ONE = 10  # rows shown of one contradiction
_FAILURES = 50  # shown; the file has all
_DISPUTED = 20  # answers shown on which judge and exact match disagree
_MADE_UP = 10  # answers shown to look-alike questions
_GENERAL = 4  # general prompts shown of each language


@dataclass(frozen=True)
class Reason:
    """A reason for setting rows aside: its code, how many rows, and the first of them."""

    code: str
    n: int
    examples: list[dict[str, Any]]


@dataclass(frozen=True)
class Stage:
    """One stage of the funnel; `counts` is what it counted beyond its rows."""

    name: str
    stats: dict[str, Any] | None
    counts: dict[str, Any]
    reasons: list[Reason]
    file: str


@dataclass(frozen=True)
class Contradictions:
    """The first contradictions with their rows' texts, how many there are, and where all stand."""

    groups: list[dict[str, Any]]
    n: int
    file: str


@dataclass(frozen=True)
class Split:
    """The split's manifest and audit."""

    manifest: dict[str, Any] | None
    audit: dict[str, Any] | None


@dataclass(frozen=True)
class WrongAnswers:
    """The worst failures, how many there are, how often each cause is the main one, and where all stand."""

    worst: list[Failure]
    n: int
    causes: list[tuple[str, int]]
    file: str


@dataclass(frozen=True)
class Run:
    """One run: its training, its metrics and answers, and the verdict on it."""

    name: str
    base_model: str | None
    evaluated: date | None
    training: Training
    metrics: EvaluationMetrics | None
    headline: Headline | None
    answers: list[Prediction]
    failures: WrongAnswers
    general: list[GeneralAnswers]
    made_up_answers: list[LookAlikeAnswers]
    facts: FactTable | None
    final: FinalModel | None = None
    points: list[Point] = field(default_factory=list)
    recommendation: Recommendation | None = None

    @property
    def taught_all(self) -> bool:
        """Whether a final model was trained on all rows, the held-out ones as well."""
        return self.final is not None and not self.final.memory.is_its_twin

    @property
    def disputed(self) -> list[Prediction]:
        """The first answers of the tuned model on which judge and exact match disagree."""
        return [answer for answer in self.answers if _is_disputed(answer)][:_DISPUTED]


@dataclass(frozen=True)
class ReportData:
    """Everything that the report shows."""

    stages: list[Stage]
    contradictions: Contradictions
    split: Split
    runs: list[Run]
    comparison: RunComparison
    exports: list[dict[str, Any]]
    manifests: list[tuple[str, str, str]]
    times: list[RuleTime]
    quotes: dict[str, Quoted]


def gather_results(
    results: Path, names: list[str], config: dict[str, Any], logs: Path | None = None
) -> ReportData:
    """Read the results folder; `config` is the complete configuration, or empty, `logs` the folder of logs."""
    contradictions, split = _contradictions(results), _split(results / "split")
    runs = [_run(results, name, contradictions.n, split, config) for name in names]
    answers = {run.name: run.answers for run in runs if run.answers}
    return ReportData(
        [*(_stage(results / name) for name in _STAGES), _split_stage(results)],
        contradictions,
        split,
        runs,
        compare_runs(answers),
        _exports(results, names, config),
        _manifests(results, runs),
        rule_times(logs) if logs else [],
        quoted_rows(results),
    )


def _values(path: Path, kind: type) -> dict[str, Any] | None:
    return read_values(path, kind) if path.exists() else None


def _lines(path: Path, kind: type[T]) -> list[T]:
    return read_lines(path, kind) if path.exists() else []


# ---------------------------------------------------------------- rows


def _stage(folder: Path) -> Stage:
    """One stage of the funnel: its stats, and for each reason its count and first rows."""
    reasons = _by_reason(_lines(folder / "rejected.jsonl", Rejection))
    file = f"{folder.parent.name}/{folder.name}/rejected.jsonl"
    return _with_examples(folder.name, _values(folder / "stats.json", ShownStats), reasons, file)


def _by_reason(rejections: list[Rejection]) -> list[tuple[str, list[Rejection]]]:
    """Rejected rows by reason, the most frequent first."""
    reasons = defaultdict(list)
    for rejection in rejections:
        reasons[rejection.reason].append(rejection)
    return sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))


def _with_examples(
    name: str, stats: dict[str, Any] | None, reasons: list[tuple[str, list[Rejection]]], file: str
) -> Stage:
    most = _PARAPHRASES if name == "augment" else _EXAMPLES
    shown = [Reason(code, len(rows), list(map(_example, rows[:most]))) for code, rows in reasons]
    return Stage(name, stats, _counts(stats or {}), shown, file)


def _counts(stats: dict[str, Any]) -> dict[str, Any]:
    """Counts beyond the rows themselves (repairs, paraphrases proposed, ...), where they are not zero."""
    shown = ("in", "out", "rejected", "reasons", "files", "providers", "examples", "coverage")
    return {key: value for key, value in stats.items() if key not in shown and value not in (0, {}, [])}


def _example(rejection: Rejection) -> dict[str, Any]:
    question, answer = _texts(rejection.row)
    near = rejection.survivor
    place = f"{near.source}:{near.line}" if near else None
    return {**msgspec.to_builtins(rejection), "question": question, "answer": answer, "near": place}


def _texts(row: Any) -> tuple[str, str | None]:
    """Question and answer of a row in any shape; a row of no known shape is shown whole."""
    if not isinstance(row, dict):
        return _short(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False, default=str)), None
    lower = {key.lower(): value for key, value in row.items()}
    question = lower.get("instruction", lower.get("question"))
    if question is None:
        return _short(json.dumps(row, ensure_ascii=False, default=str)), None
    asked = "\n".join(str(part) for part in (question, lower.get("input")) if part)
    return _short(asked), _short(lower.get("output", lower.get("answer", "")))


def _short(value: Any, limit: int = 300) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[:limit] + "…"


def _contradictions(results: Path) -> Contradictions:
    check_handed_over(results / "dedup" / "contradictions.jsonl")
    found = _lines(results / "dedup" / "contradictions.jsonl", Contradiction)
    groups = [
        {
            "rows": [{**row, "texts": _texts(row)} for row in one.rows[:_ROWS_OF_ONE]],
            "more": (one.total or len(one.rows)) - min(_ROWS_OF_ONE, len(one.rows)),
        }
        for one in found[:_CONTRADICTIONS]
    ]
    return Contradictions(groups, len(found), f"{results.name}/dedup/contradictions.jsonl")


def _split_stage(results: Path) -> Stage:
    """The split as a stage of the funnel; it sets no row aside, and adds what it makes (`made`): probes and forms."""
    origins = Counter(row.get("origin") for row in _lines(results / "split" / "placement.jsonl", dict))
    n, made = origins.total(), origins["rule"] + origins["form"]
    counts = {"in": n, "out": n, "rejected": 0, "made": made} if n else None
    return Stage("split", counts, {}, [], f"{results.name}/split/placement.jsonl")


def _split(folder: Path) -> Split:
    return Split(_values(folder / "manifest.json", SplitManifest), _values(folder / "audit.json", ShownAudit))


# ---------------------------------------------------------------- runs


def _run(results: Path, name: str, contradictions: int, split: Split, config: dict[str, Any]) -> Run:
    """Everything about one run, from its train and evaluate folders and those of its final model."""
    folder, trained = results / "evaluate" / name, results / "train" / name
    path = folder / "metrics.json"
    metrics = read_metrics(path) if path.exists() else None
    check_handed_over(*folder.glob("*.jsonl"))
    failures = _failures(folder)
    run = Run(
        name,
        _base_model(results, trained),
        date.fromtimestamp(path.stat().st_mtime) if metrics else None,
        training_of(trained),
        metrics,
        headline_score(metrics) if metrics else None,
        _lines(folder / "predictions.jsonl", Prediction),
        failures,
        _general(folder / "forgetting.jsonl"),
        _made_up(folder / "lookalike.jsonl"),
        fact_table(folder / "facts.jsonl"),
        final_model(results, name, config),
    )
    if metrics:
        run.points.extend(metric_points(metrics))
        run.points.extend(data_points(contradictions, failures.n, failures.causes))
        manifest = None if run.taught_all else split.manifest
        run.points.extend(split_points(manifest, split.audit))
        run.points.sort(key=lambda point: not point.serious)
        untaught = (manifest or {}).get("facts", {}).get("unseen", 0)
        advice = recommend(metrics, headline_score(metrics), run.points, run.facts, untaught)
        return replace(run, recommendation=advice)
    return run


def _base_model(results: Path, trained: Path) -> str | None:
    """The run's base model as a person calls it: without kind, revision and folders."""
    used = (_values(trained / "manifest.json", ShownManifest) or {}).get("base")
    for path in sorted(results.glob("base_model/*/manifest.json")):
        manifest = read_document(path, BaseOrigin)
        if manifest.sha256 == used:
            kind, _, name = manifest.origin.partition(":")
            return Path(name).name if kind == "path" else name.partition("@")[0]
    return None


def _failures(folder: Path) -> WrongAnswers:
    """Each failure counts once, for its main cause, so that the causes add up to the wrong answers."""
    path = folder / "failures.jsonl"
    found = _lines(path, Failure)
    causes = Counter(one.causes[0] for one in found if one.causes)
    return WrongAnswers(
        found[:_FAILURES], len(found), causes.most_common(), "/".join((*folder.parts[-3:], path.name))
    )


def _is_disputed(answer: Prediction) -> bool:
    if not isinstance(answer.judge, Judgement) or answer.judge.tuned is None:
        return False
    return (answer.judge.tuned.verdict == "right") != (answer.scores["exact_match"]["tuned"] == 1)


def _general(path: Path) -> list[GeneralAnswers]:
    """The first general prompts of each language, with both answers."""
    records = _lines(path, GeneralAnswers)
    languages = dict.fromkeys(one.language for one in records)
    return [r for name in languages for r in [r for r in records if r.language == name][:_GENERAL]]


def _made_up(path: Path) -> list[LookAlikeAnswers]:
    """The first answers of the tuned model to look-alike questions that make something up."""
    asked = _lines(path, LookAlikeAnswers)
    return [one for one in asked if one.outcomes["tuned"] == "made_up"][:_MADE_UP]


# ---------------------------------------------------------------- exports, manifests


def _exports(results: Path, runs: list[str], config: dict[str, Any]) -> list[dict[str, Any]]:
    """How each export that the configuration asks for compares to the tuned model, and what is wrong."""
    settings = typed(config["export"], ExportSettings) if "export" in config else None
    found = []
    for run in runs:
        for kind in settings.wanted(run) if settings else FORMATS:
            one = _values(results / "parity" / run / f"{kind}.json", ParityResult)
            if one:
                parity = msgspec.convert(one, ParityResult)
                wrong = parity_failures(parity, settings.max_drop) if settings else []
                found.append({**one, "run": run, "wrong": wrong})
    return found


def _manifests(results: Path, runs: list[Run]) -> list[tuple[str, str, str]]:
    """Origins, revisions and digests that the stages recorded, as (folder, key, value)."""
    found = []
    for path in sorted(results.glob("base_model/*/manifest.json")):
        values, folder = read_values(path, BaseOrigin), str(path.parent.relative_to(results))
        keys = ("origin", "revision", "licence", "sha256")
        found += [(folder, key, values[key]) for key in keys if values.get(key)]
    split = _values(results / "split" / "manifest.json", SplitManifest) or {}
    found += [
        (f"split/{part}.jsonl", "sha256", split[part]["sha256"])
        for part in ("train", "recall", "unseen", "final")
        if "sha256" in split.get(part, {})
    ]
    for run in runs:
        trained = (_values(results / f"train/{run.name}/manifest.json", ShownManifest) or {}).get("adapter")
        adapters = {"train": trained, "final": run.final and run.final.memory.adapter}
        found += [(f"{stage}/{run.name}", "adapter", sha) for stage, sha in adapters.items() if sha]
    return found
