"""The report: everything a run left in `results/`, as one self-contained HTML page."""

import importlib.metadata
import json
import platform
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup
from msgspec import convert

from qaloom.config.load import defaults
from qaloom.console import duration
from qaloom.errors import DataError
from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.run_comparison import compare_runs
from qaloom.evaluate.summary import headline
from qaloom.export.parity_verdict import ParityResult, parity_failures
from qaloom.files import read_json, read_lines, write_json, write_text
from qaloom.formats import FORMATS, wanted_formats
from qaloom.report.plots import intervals, losses

_HERE = Path(__file__).parent
_STAGES = ("validate", "dedup", "augment")
_EXAMPLES = 3  # rows shown for each reason
_PARAPHRASES = 10  # shown for each gate: one sees at a glance whether it is right
_CONTRADICTIONS = 50  # shown; the file has all
_SIDES = 10  # rows shown of one contradiction
_FAILURES = 50  # shown; the file has all
_PARTED = 20  # answers shown on which judge and exact match part
_TALK = 4  # general prompts shown of each language
_FEW = 30  # questions below which a verdict is called a hint
_LIBRARIES = ("qaloom", "unsloth", "trl", "transformers", "peft", "torch", "snakemake")
_IN_LANGUAGE = Markup('<span class="t" lang="{}">{}</span>')
_NUMBER, _COUNT = r"[\d.,]*\d", re.compile(r"n\d*")
_STRINGS: dict[str, dict[str, str]] = yaml.safe_load((_HERE / "strings.yaml").read_text("utf-8"))


def report(results: Path, runs: list[str], out: Path, project: dict[str, Any]) -> None:
    """Write the report on `runs` from the files under `results` to `out`.

    `project` may hold `name`, `command` (how to run it again) and `config` (the complete configuration).
    A part whose files are missing says so on the page. Raises DataError when `results` is not a folder.
    """
    if not results.is_dir():
        raise DataError(f"{results}: no such folder; name the results folder of a project")
    project = {"name": "", "command": "", "config": {}} | project
    settings = defaults()["evaluate"] | project["config"].get("evaluate", {})
    exports = _exports(results, runs, project["config"])
    gathered = _gathered(results, runs, settings) | {"exports": exports}
    write_json(out.with_name("comparison.json"), gathered["comparison"])
    write_text(out, _page().render(**gathered, project=project, versions=_versions()))


def summary(results: Path, runs: list[str]) -> str:
    """The lines that end a run: what became of the rows, and how well each run answers."""
    read, split = read_json(results / "validate/stats.json"), read_json(results / "split/manifest.json")
    held = f"{split['recall']['rows']:,} for recall, {split['unseen']['rows']:,} unseen"
    lines = [f"rows: {read['in']:,} read; {split['train']['rows']:,} to train on, {held}"]
    for run in runs:
        metrics = read_json(results / "evaluate" / run / "metrics.json")
        lines += [f"{run}: {headline(metrics, part)}" for part in ("recall", "unseen")]
    return "\n".join([*lines, f"report: {results / 'report/index.html'}"])


def _gathered(results: Path, runs: list[str], settings: dict[str, Any]) -> dict[str, Any]:
    parts = [_run(results, name) for name in runs]
    answers = {run["name"]: run["answers"] for run in parts if run["answers"]}
    return {
        "comparison": compare_runs(answers, settings["resamples"], settings["seed"]),
        "stages": [*(_stage(results / name) for name in _STAGES), _set_aside(results)],
        "contradictions": _contradictions(results),
        "split": _split(results / "split"),
        "runs": parts,
        "predictions": [
            {"name": run["name"], "rows": list(map(_compact, run.pop("answers")))} for run in parts
        ],
        "manifests": _manifests(results),
    }


# ---------------------------------------------------------------- what the stages left


def _json(path: Path) -> Any:
    return read_json(path) if path.exists() else None


def _lines(path: Path) -> list[dict[str, Any]]:
    return read_lines(path) if path.exists() else []


def _stage(folder: Path) -> dict[str, Any]:
    """One stage of the funnel: its stats, and for each reason its count and first rows."""
    shown = _by_reason(_lines(folder / "rejected.jsonl"))
    return _shown(
        folder.name, _json(folder / "stats.json"), shown, f"{folder.parent.name}/{folder.name}/rejected.jsonl"
    )


def _by_reason(rejections: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Rejected rows by reason, the most frequent first."""
    reasons = defaultdict(list)
    for rejection in rejections:
        reasons[rejection["reason"]].append(rejection)
    return sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))


def _shown(
    name: str, stats: dict[str, Any] | None, reasons: list[tuple[str, list]], file: str
) -> dict[str, Any]:
    shown = [
        {"code": code, "n": len(rows), "examples": list(map(_example, rows[: _most(name)]))}
        for code, rows in reasons
    ]
    return {"name": name, "stats": stats, "counts": _counts(stats or {}), "reasons": shown, "file": file}


def _most(stage: str) -> int:
    return _PARAPHRASES if stage == "augment" else _EXAMPLES


def _counts(stats: dict[str, Any]) -> list[tuple[str, str]]:
    """What a stage counted beyond its rows (repairs, paraphrases proposed, ...), where it is not none."""
    known = ("in", "out", "rejected", "reasons", "files", "providers", "examples")
    return [fact for fact in _facts({k: v for k, v in stats.items() if k not in known}) if fact[1] != "0"]


def _example(rejection: dict[str, Any]) -> dict[str, Any]:
    question, answer = _texts(rejection.get("row"))
    near = rejection.get("survivor")
    place = f"{near['source']}:{near['line']}" if isinstance(near, dict) else near
    detail = rejection.get("detail", "")
    return {**rejection, "detail": detail, "question": question, "answer": answer, "near": place}


def _texts(row: Any) -> tuple[str, str | None]:
    """Question and answer of a row in any shape; a row of no known shape is shown whole."""
    if not isinstance(row, dict):
        return _short(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)), None
    lower = {key.lower(): value for key, value in row.items()}
    question = lower.get("instruction", lower.get("question"))
    if question is None:
        return _short(json.dumps(row, ensure_ascii=False)), None
    asked = "\n".join(str(part) for part in (question, lower.get("input")) if part)
    return _short(asked), _short(lower.get("output", lower.get("answer", "")))


def _short(value: Any, limit: int = 300) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[:limit] + "…"


def _contradictions(results: Path) -> dict[str, Any]:
    """The first contradictions with their rows' texts, and how many there are."""
    found = _lines(results / "dedup" / "contradictions.jsonl")
    groups = [
        {
            "rows": [{**row, "texts": _texts(row)} for row in one["rows"][:_SIDES]],
            "more": one.get("total", len(one["rows"])) - min(_SIDES, len(one["rows"])),
        }
        for one in found[:_CONTRADICTIONS]
    ]
    return {"groups": groups, "n": len(found), "file": f"{results.name}/dedup/contradictions.jsonl"}


def _set_aside(results: Path) -> dict[str, Any]:
    """The split as a stage of the funnel: it keeps its rows' places in placement.jsonl."""
    placed = _lines(results / "split" / "placement.jsonl")
    aside = [one for one in placed if one["split"] == "aside"]
    at = {one["id"]: f"{one['source']}:{one['line']}" for one in placed}
    shown = _by_reason([{**one, "reason": one["why"], "survivor": None} for one in aside])
    texts = _texts_of(
        results / "augment" / "rows.jsonl", {row["id"] for _, rows in shown for row in rows[:_EXAMPLES]}
    )
    for row in (row for _, rows in shown for row in rows[:_EXAMPLES]):
        row["row"] = texts.get(row["id"], "")
        row["survivor"] = at.get(row.get("near"))
    counts = {"in": len(placed), "out": len(placed) - len(aside), "rejected": len(aside)}
    return _shown("split", counts if placed else None, shown, f"{results.name}/split/placement.jsonl")


def _texts_of(path: Path, ids: set[str]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in _lines(path) if row["id"] in ids} if ids else {}


def _split(folder: Path) -> dict[str, Any]:
    manifest = _json(folder / "manifest.json")
    counts = {name: manifest[name] for name in ("train", "recall", "unseen")} if manifest else {}
    return {"manifest": manifest, "parts": counts, "audit": _json(folder / "audit.json")}


def _run(results: Path, name: str) -> dict[str, Any]:
    """Everything about one run, from its train and evaluate folders."""
    folder = results / "evaluate" / name
    figures, answers = _json(folder / "metrics.json"), _lines(folder / "predictions.jsonl")
    return {
        "name": name,
        **_training(results / "train" / name),
        "figures": figures,
        "headline": _headline(figures),
        "plots": {part: _plot(name, part, figures) for part in ("recall", "unseen")},
        "answers": answers,
        "failures": _failures(folder),
        "talk": _talk(_lines(folder / "forgetting.jsonl")),
        "parted": [answer for answer in answers if _parted(answer)][:_PARTED],
    }


def _failures(folder: Path) -> dict[str, Any]:
    """The worst parity_failures, how many there are, and how many of each cause."""
    found = _lines(folder / "failures.jsonl")
    causes = Counter(cause for one in found for cause in one["causes"])
    file = "/".join((*folder.parts[-3:], "failures.jsonl"))
    return {"worst": found[:_FAILURES], "n": len(found), "causes": causes.most_common(), "file": file}


def _parted(answer: dict[str, Any]) -> bool:
    """Whether the judge and exact match part on the tuned model's answer."""
    judged = answer.get("judge", {}).get("tuned")
    return bool(judged) and (judged["verdict"] == "right") != (answer["scores"]["exact_match"]["tuned"] == 1)


def _talk(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first general prompts of each language, with both answers."""
    languages = dict.fromkeys(one["language"] for one in records)
    return [r for language in languages for r in [r for r in records if r["language"] == language][:_TALK]]


def _training(folder: Path) -> dict[str, Any]:
    plan, measured = _json(folder / "plan.json") or {}, _json(folder / "metrics.json") or {}
    history = _lines(folder / "history.jsonl")
    plan.pop("candidates", None)  # `why` tells how they compare
    return {
        "why": plan.pop("why", []),
        "plan": _facts(plan),
        "measured": _facts(measured),
        "seconds": measured.get("seconds"),
        "losses": [one for one in history if one.get("loss") is not None],
        "validated": any("eval_loss" in one for one in history),
        "loss_plot": losses(history, _aria("plot.losses", run=folder.name)),
    }


def _plot(name: str, part: str, figures: dict[str, Any] | None) -> Markup:
    return intervals(figures[part], list(SCORES), _aria(f"plot.{part}", run=name)) if figures else Markup()


def _headline(figures: dict[str, Any] | None) -> dict[str, Any] | None:
    """The figure the verdict rests on: exact match on recall, on wordings found in the sources if any.

    Rule-made wordings are easier than a person's, so they count only where there is nothing else.
    """
    if figures is None:
        return None
    found = figures["by"]["origin"].get("data")
    part, origin = (found, "data") if found and found["n"] else (figures["recall"], "all")
    score = part["exact_match"]
    return {**score, "n": part["n"], "origin": origin, "kind": _verdict(score)}


def _verdict(score: dict[str, Any]) -> str:
    if score["base"] is None:
        return "none"
    if score["low"] is not None and score["low"] > 0:
        return "better"
    return "worse" if score["high"] is not None and score["high"] < 0 else "unclear"


def _compact(answer: dict[str, Any]) -> list[Any]:
    """One answer as the page's table reads it; an array, since 10,000 rows would repeat every key."""
    exact, f1 = answer["scores"]["exact_match"], answer["scores"]["char_f1"]
    about = [answer[key] for key in ("split", "origin", "document", "question", "reference", "base", "tuned")]
    return [*about, exact["base"], exact["tuned"], f1["base"], f1["tuned"], int(answer["cut"]["tuned"])]


def _exports(results: Path, runs: list[str], config: dict[str, Any]) -> list[dict[str, Any]]:
    """How each export that the configuration asks for compares to the tuned model, and what is wrong."""
    settings = config.get("export")
    found = []
    for run in runs:
        for kind in wanted_formats(settings, run) if settings else FORMATS:
            one = _json(results / "parity" / run / f"{kind}.json")
            if one:
                wrong = parity_failures(convert(one, ParityResult), settings["max_drop"]) if settings else []
                found.append({**one, "run": run, "wrong": wrong})
    return found


def _manifests(results: Path) -> list[tuple[str, str]]:
    """Digests and revisions that the stages recorded, as (where, value)."""
    found = sorted(results.glob("base_model/*/manifest.json")) + sorted(results.glob("split/manifest.json"))
    lines = [(path.parent.relative_to(results), fact) for path in found for fact in _facts(read_json(path))]
    wanted = ("sha256", "digest", "revision", "origin")
    return [(f"{folder} {key}", value) for folder, (key, value) in lines if any(w in key for w in wanted)]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "–"
    return found


# ---------------------------------------------------------------- how values are written


def _facts(values: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """A nested dictionary as (key, text) pairs; inner keys are joined by spaces."""
    pairs: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{above} {key}".strip()
        if isinstance(value, dict):
            pairs += _facts(value, name)
        else:
            pairs.append((name, _text(key, value)))
    return pairs


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "value.yes", False: "value.no", None: "value.none"}[value]
    if isinstance(value, int | float) and key.endswith("seconds"):
        return duration(value)
    if isinstance(value, int | float) and key.endswith("bytes"):
        return f"{value / 2**30:.2f} GiB"
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}%"


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _p(value: float | None) -> str:
    """A p-value; the bootstrap's number of resamples says no more below 0.001."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _points(value: float | None) -> str:
    """A difference of two shares in percentage points, signed, with a true minus."""
    return "–" if value is None else f"{100 * value:+.1f}".replace("-", "−")


def _both(key: str, **values: Any) -> Markup:
    """A string of the table in both languages; the page's style shows one. Values are escaped."""
    spans = (
        _IN_LANGUAGE.format(language, Markup(text).format(**values))
        for language, text in _STRINGS[key].items()
    )
    return Markup("").join(spans)


def _aria(key: str, **values: str) -> Markup:
    """Attributes that name a part for screen readers, in English until report.js puts it otherwise."""
    named = Markup('aria-label="{}" data-i18n-label="{}"').format(_STRINGS[key]["en"].format(**values), key)
    return named + Markup("").join(Markup(' data-{}="{}"').format(*value) for value in values.items())


def _label(kind: str, code: str) -> Markup:
    """The name of a code in both languages where the table has one, else the code itself, readable."""
    known = f"{kind}.{code}"
    return _both(known) if known in _STRINGS else Markup.escape(code.replace("_", " "))


def _value(text: str) -> Markup:
    return _both(text) if text.startswith("value.") and text in _STRINGS else _said(text)


def _said(sentence: str) -> Markup:
    """A sentence of a stage's own, in both languages where sentences.yaml has it."""
    for english, korean in _sentences():
        if found := english.fullmatch(sentence):
            both = {"en": sentence, "ko": korean.format(**found.groupdict())}
            spans = (_IN_LANGUAGE.format(language, text) for language, text in both.items())
            return Markup("").join(spans)
    return Markup.escape(sentence)


@cache
def _sentences() -> list[tuple[re.Pattern[str], str]]:
    """English sentences as patterns, each with its Korean; {n…} is a number, any other name some text."""
    pairs = []
    for english, korean in yaml.safe_load((_HERE / "sentences.yaml").read_text("utf-8")):
        parts = re.split(r"\{(\w+)\}", english)
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = (f"(?P<{name}>{_NUMBER if _COUNT.fullmatch(name) else '.+?'})" for name in parts[1::2])
        pairs.append((re.compile("".join(parts), re.DOTALL), korean))
    return pairs


def _script_json(value: Any) -> Markup:
    """JSON that stands safely inside a script element: no '<' can end it early."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _read(name: str) -> Markup:
    return Markup((_HERE / name).read_text("utf-8"))


def _page() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    helpers: Iterable[Callable[..., Any]] = (
        _both, _aria, _label, _value, _said, _percent, _points, _number, _p, _script_json, _read,
    )  # fmt: skip
    environment.globals.update({helper.__name__.removeprefix("_"): helper for helper in helpers})
    environment.globals.update(
        scores=list(SCORES), words=_STRINGS, few=_FEW, duration=duration, strings=_client_strings()
    )
    environment.filters["n"] = "{:,}".format
    return environment.get_template("page.html.j2")


def _client_strings() -> dict[str, dict[str, str]]:
    """The strings that the page's script writes: its own, and labels in and of plots and tables."""
    kinds = ("ui.", "metric.", "origin.", "plot.", "page.contents")
    return {key: text for key, text in _STRINGS.items() if key.startswith(kinds)}
