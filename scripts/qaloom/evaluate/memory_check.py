"""Memory check of a final model: its answers to questions that it was trained on, and to probes.

What it was trained on can test nothing: that an answer is right shows that the fact was taught, the scores of
the run are its held-out twin's. Probes are kept from both, so that the two can be compared.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from qaloom.console import say_outcome
from qaloom.evaluate.answer_limit import answer_limit
from qaloom.evaluate.intervals import paired
from qaloom.evaluate.memory_figures import (
    MemoryAnswer,
    MemoryCheck,
    ProbeComparison,
    Remembered,
    memory_summary,
)
from qaloom.evaluate.metrics import right
from qaloom.evaluate.model_pair import ModelPair
from qaloom.evaluate.results import AnswerLimit
from qaloom.files import read_document, read_lines, write_json, write_lines
from qaloom.inference.decoding import Answer
from qaloom.inference.prompt import row_question
from qaloom.records import Placement, SplitManifest, read_texts, row_context
from qaloom.trained_run import TrainedRun

_PARTS = ("train", "recall", "unseen")
Asked = dict[str, Any]  # a row with its part (`split`), its origin, and whether it was trained on (`trained`)


class MemorySources(NamedTuple):
    """Folders of split, base model, final model and its held-out twin, and the twin's predictions.jsonl."""

    split: Path
    base: Path
    final: Path
    evaluated: Path
    predictions: Path


class MemorySettings(msgspec.Struct):
    """The most questions of each part, and the longest answer in tokens, as for evaluate."""

    questions: int
    max_new_tokens: int | Literal["auto"]


class _Tuned(msgspec.Struct):
    tuned: float


class _Scores(msgspec.Struct):
    right: _Tuned


class _TwinAnswer(msgspec.Struct):
    """Fields read of a line of the twin's predictions.jsonl."""

    id: str
    scores: _Scores


def memory_check(
    name: str, sources: MemorySources, out: Path, settings: dict[str, Any], cache: Path
) -> MemoryCheck:
    """Ask a run's final model what it was trained on, and the probes; return the figures.

    Writes predictions.jsonl and, last, metrics.json to `out`. `settings` are MemorySettings; answers are cached
    in `cache`.
    """
    options = msgspec.convert(settings, MemorySettings)
    (out / "metrics.json").unlink(missing_ok=True)
    twin = {p.id: p.scores.right.tuned for p in read_lines(sources.predictions, _TwinAnswer)}
    trained = read_texts(sources.split / "final.jsonl")
    asked = _asked(sources.split, trained, twin, options.questions)
    models = ModelPair(name, sources.base, sources.final, cache)
    references, taught = ([row["output"] for row in rows] for rows in (asked, trained))
    limit = answer_limit(options.max_new_tokens, references, taught, models.ids)
    models.max_new_tokens = limit.tokens
    questions = [row_question(row, models.trained.system) for row in asked]
    given = models.answers("tuned", models.prompt, questions, "final")
    answers = [_answer(*pair) for pair in zip(asked, given, strict=True)]
    found = _figures(name, sources, answers, twin, limit)
    write_lines(out / "predictions.jsonl", answers)
    write_json(out / "metrics.json", msgspec.to_builtins(found))
    say_outcome(f"memory_check: {name}, final: {memory_summary(found)}")
    return found


def _asked(
    split: Path, trained: Sequence[dict[str, Any]], twin: Mapping[str, float], most: int
) -> list[Asked]:
    """Rows of the sources, then probes that the twin was asked, at most `most` of each part.

    Ids are hashes, so the first rows are a sample.
    """
    places = {line.id: line for line in read_lines(split / "placement.jsonl", Placement)}
    kept = {row["id"] for row in trained}
    parts: dict[str, list[Asked]] = {part: [] for part in _PARTS}
    for row in trained:
        place = places[row["id"]]
        if place.origin == "data" and len(parts[place.split]) < most:
            parts[place.split].append(_named(row, place, trained=True))
    recall = [row for row in read_texts(split / "recall.jsonl") if row["id"] in twin.keys() - kept]
    probes = [_named(row, places[row["id"]], trained=False) for row in recall]
    return [*(row for part in _PARTS for row in parts[part]), *probes[:most]]


def _named(row: Mapping[str, str], place: Placement, trained: bool) -> Asked:
    return {**row, "split": place.split, "origin": place.origin, "trained": trained}


def _answer(row: Asked, given: Answer) -> MemoryAnswer:
    return MemoryAnswer(
        id=row["id"],
        split=row["split"],
        origin=row["origin"],
        question="\n\n".join(filter(None, (row["instruction"], row_context(row)))),
        reference=row["output"],
        tuned=given.text,
        cut={"tuned": given.cut},
        right=right(given.text, row["output"]),
        trained=row["trained"],
    )


def _figures(
    name: str,
    sources: MemorySources,
    answers: Sequence[MemoryAnswer],
    twin: Mapping[str, float],
    limit: AnswerLimit,
) -> MemoryCheck:
    manifest = read_document(sources.split / "manifest.json", SplitManifest)
    trained, probes = ([a for a in answers if a.trained is taught] for taught in (True, False))
    parts = {part: [a for a in trained if a.split == part] for part in _PARTS}
    return MemoryCheck(
        run=name,
        adapter=TrainedRun(sources.final).manifest.adapter,
        evaluated_adapter=TrainedRun(sources.evaluated).manifest.adapter,
        rows=manifest.final.rows if manifest.final else 0,
        evaluated_rows=manifest.train.rows,
        answer_limit=limit,
        trained=_remembered(trained),
        by={part: _remembered(some) for part, some in parts.items() if some},
        probes=_beside_twin(probes, twin),
    )


def _remembered(answers: Sequence[MemoryAnswer]) -> Remembered:
    scores = [answer.right for answer in answers]
    return Remembered(len(scores), sum(scores) / len(scores) if scores else None)


def _beside_twin(probes: Sequence[MemoryAnswer], twin: Mapping[str, float]) -> ProbeComparison:
    of_twin, of_final = np.array([twin[p.id] for p in probes]), np.array([p.right for p in probes])
    found = paired(of_twin, of_final)
    return ProbeComparison(found.n, found.base, found.tuned, found.difference, found.low, found.high, found.p)
