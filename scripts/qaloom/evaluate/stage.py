"""Evaluation of a run: base and tuned model answer the held-out questions and are compared.

`recall` holds other wordings of facts that were trained on, `unseen` facts that were not. The base model
is asked in its own chat template and in the training prompt; the better of the two counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from qaloom.config.settings import EvaluateSettings, typed
from qaloom.console import say, say_outcome
from qaloom.evaluate.answer_limit import answer_limit
from qaloom.evaluate.error_analysis import failures
from qaloom.evaluate.fact_ledger import competing_likelihoods, fact_ledger, ledger_line
from qaloom.evaluate.fact_records import LedgerFact
from qaloom.evaluate.forgetting import measure_forgetting
from qaloom.evaluate.grounded import GroundedOptions, grounded_line, measure_grounded
from qaloom.evaluate.grounding import Grounding
from qaloom.evaluate.hallucination import ask_look_alikes, made_up, made_up_line
from qaloom.evaluate.judge import SECTION, judge_answers
from qaloom.evaluate.lookup import add_lookup
from qaloom.evaluate.metrics import SCORES, char_f1, exact_match, right
from qaloom.evaluate.metrics_json import to_json
from qaloom.evaluate.model_card import CardManifest, model_card
from qaloom.evaluate.model_pair import ModelPair
from qaloom.evaluate.results import (
    MODELS,
    AnswerLimit,
    Cost,
    EvaluationMetrics,
    GeneralAnswers,
    GroundedComparison,
    Prediction,
    PromptQuality,
    Retention,
)
from qaloom.evaluate.retention import measure_retention, retention_line, verdict_line
from qaloom.evaluate.retrieval import Index, compare_retrieval
from qaloom.evaluate.summary import PARTS, compare_lookup, headline, summarise
from qaloom.files import read_document, read_lines, write_json, write_lines
from qaloom.inference import openai_client as endpoint
from qaloom.inference.decoding import Answer
from qaloom.inference.embeddings import Embedder
from qaloom.inference.notes import with_notes
from qaloom.inference.prompt import Question, row_question
from qaloom.records import (
    Contradiction,
    LookAlikeRow,
    Placement,
    SplitManifest,
    check_handed_over,
    read_questions,
    read_texts,
    row_context,
    written_digests,
)
from qaloom.text.language import language
from qaloom.trained_run import BaseOrigin

_HANDED_OVER = ("train.jsonl", "recall.jsonl", "unseen.jsonl", "placement.jsonl", "lookalike.jsonl")
_ANSWERS = ("predictions.jsonl", "failures.jsonl", "lookalike.jsonl", "facts.jsonl", "forgetting.jsonl")
_REMEDIES = {
    "nothing_held_out": "nothing was held out; add wordings or facts, or raise split.{part}_fraction",
    "other_origins": "all that was held out is of other origins than evaluate.origins names; add one there",
}


class Sources(NamedTuple):
    """Inputs: folders of split, base model, adapter and, if any, embedding model, and dedup's contradictions.jsonl."""

    split: Path
    contradictions: Path
    base: Path
    run: Path
    embedder: Embedder | None = None


@dataclass(frozen=True)
class HeldOut:
    """Held-out rows with their questions, and for parts without any why (a code)."""

    rows: list[dict[str, Any]]
    empty: dict[str, str]
    system: str  # of questions that have no system message of their own

    @property
    def questions(self) -> list[Question]:
        """The rows' questions, in their order."""
        return [row_question(row, self.system) for row in self.rows]


def evaluate(
    name: str, sources: Sources, out: Path, settings: dict[str, Any], cache: Path,
    grounded: GroundedOptions = GroundedOptions(),
) -> EvaluationMetrics:  # fmt: skip
    """Evaluate a run's adapter against its base model on the held-out rows; return the metrics.

    Writes predictions.jsonl, failures.jsonl, lookalike.jsonl, facts.jsonl, forgetting.jsonl, README.md (the
    model card) and, last, metrics.json to `out`. `settings` is the configuration's `evaluate:`; answers are
    cached in `cache`. `grounded`: how answers on near rows are measured, by default not at all.
    """
    if judged := endpoint.is_configured(settings["judge"]):
        endpoint.check_server(settings["judge"], SECTION)
    options = typed(settings, EvaluateSettings)
    (out / "metrics.json").unlink(missing_ok=True)
    check_handed_over(*(sources.split / name for name in _HANDED_OVER), sources.contradictions)
    manifest = read_document(sources.split / "manifest.json", SplitManifest)
    trained = read_document(sources.run / "manifest.json", CardManifest)
    models = ModelPair(name, sources.base, sources.run, cache)
    held_out = _held_out(sources.split, options, models.trained.system)
    _say_what_is_empty(name, held_out)
    index = Index(read_questions(sources.split, "train"))
    metrics, predictions, general = _measured(models, held_out, index, options)
    look_alikes = ask_look_alikes(models, _look_alikes(sources.split, options), metrics.base_prompt)
    metrics.made_up = made_up(predictions, look_alikes)
    if grounded.rows:
        on = Grounding(index, grounded.rows, grounded.likeness, sources.embedder)
        asked = held_out.questions
        metrics.grounded = measure_grounded(models, predictions, asked, look_alikes, on, grounded.text)
    competing = competing_likelihoods(models, predictions, held_out.questions, index)
    if judged:
        models.free()  # a judge takes its time, and may need the GPU itself
        metrics.judge = judge_answers(name, predictions, options, cache)
    contradictions = read_lines(sources.contradictions, Contradiction)
    facts = fact_ledger(sources.split, predictions, contradictions, competing)
    failed = failures(predictions, held_out.questions, index, contradictions)
    _write_answers(out, predictions, failed, look_alikes, facts, general)
    origin = read_document(sources.base / "manifest.json", BaseOrigin)
    model_card(name, metrics, origin, trained, manifest, out / "README.md")
    metrics.sha256 = written_digests(out, _ANSWERS)
    write_json(out / "metrics.json", to_json(metrics))
    _say_what_was_found(name, metrics, facts)
    return metrics


def _write_answers(out: Path, *records: Sequence[Any]) -> None:
    """Write the files of _ANSWERS, in that order."""
    for file, some in zip(_ANSWERS, records, strict=True):
        write_lines(out / file, some)


def _say_what_is_empty(name: str, held_out: HeldOut) -> None:
    for part, why in held_out.empty.items():
        say(f"evaluate: {name}: {part} has no questions: {_REMEDIES[why].format(part=part)}")


def _say_what_was_found(name: str, metrics: EvaluationMetrics, facts: Sequence[LedgerFact]) -> None:
    lines = [headline(metrics), made_up_line(metrics), ledger_line(facts)]
    if isinstance(metrics.grounded, GroundedComparison):
        lines.append(grounded_line(metrics.grounded))
    if isinstance(metrics.retention, Retention):
        lines.append(retention_line(metrics.retention))
    for line in [*lines, verdict_line(facts, metrics)]:
        say_outcome(f"evaluate: {name}: {line}")


def _measured(
    models: ModelPair, held_out: HeldOut, index: Index, options: EvaluateSettings
) -> tuple[EvaluationMetrics, list[Prediction], list[GeneralAnswers]]:
    """Metrics but for the judge's, predictions, and answers to general prompts."""
    questions = held_out.questions
    limit = _limit_answers(models, held_out, index, options)
    tried = {kind: models.answers("base", kind, questions, f"base, {kind} prompt") for kind in models.kinds()}
    quality = {kind: _quality(given, held_out.rows) for kind, given in tried.items()}
    best = max(quality, key=lambda kind: (quality[kind].right, quality[kind].char_f1))
    answers = {
        "base": tried[best],
        "tuned": models.answers("tuned", models.prompt, questions, "tuned"),
    }
    predictions = _predictions(models, held_out, answers, best)
    add_lookup(predictions, questions, index)
    _answer_with_rows(models, predictions, questions, index, options)
    metrics = summarise(predictions)
    metrics.lookup, metrics.answer_limit = compare_lookup(predictions), limit
    for part, why in held_out.empty.items():
        metrics.part(part).why = why
    metrics.prompt, metrics.run = models.prompt, models.name
    metrics.base_prompt, metrics.base_prompts = best, quality
    if with_rows := [p for p in predictions if isinstance(p.retrieved, list)]:
        rows = options.retrieval.rows
        metrics.retrieval = compare_retrieval(with_rows, rows)
        metrics.retrieval.prompts = _prompts_with_rows(models, best)
    general: list[GeneralAnswers] = []
    if options.forgetting:
        metrics.forgetting, general = measure_forgetting(models)
        metrics.retention = measure_retention(models)
    return metrics, predictions, general


def _held_out(split: Path, options: EvaluateSettings, system: str) -> HeldOut:
    """Held-out rows of the wanted origins, at most `max_questions` a part.

    Ids are hashes, so the first rows are a sample.
    """
    placed = {place.id: place for place in read_lines(split / "placement.jsonl", Placement)}
    rows, empty = [], {}
    for part in PARTS:
        found = [(row, placed[row["id"]]) for row in read_texts(split / f"{part}.jsonl")]
        wanted = [(row, place) for row, place in found if place.origin in options.origins]
        if not wanted:
            empty[part] = "other_origins" if found else "nothing_held_out"
        rows += [row | {"split": part, **_about(place)} for row, place in wanted[: options.max_questions]]
    return HeldOut(rows, empty, system)


def _look_alikes(split: Path, options: EvaluateSettings) -> list[LookAlikeRow]:
    path = split / "lookalike.jsonl"
    return read_lines(path, LookAlikeRow)[: options.max_questions] if path.exists() else []


def _about(place: Placement) -> dict[str, Any]:
    """Fields of a prediction that describe its question, from placement.jsonl."""
    return {
        "origin": place.origin,
        "document": place.group,
        "fact": place.fact,
        "light": place.light,
    }


def _limit_answers(
    models: ModelPair, held_out: HeldOut, index: Index, options: EvaluateSettings
) -> AnswerLimit:
    """Set the longest answer of the models, and say how many references are longer."""
    references, trained = ([row["output"] for row in rows] for rows in (held_out.rows, index.rows))
    limit = answer_limit(options.max_new_tokens, references, trained, models.ids)
    models.max_new_tokens = limit.tokens
    if limit.cut_references:
        say(
            f"evaluate: {models.name}: {limit.cut_references:,} of {limit.references:,} references are longer than "
            f"the {limit.tokens} tokens of an answer; raise evaluate.max_new_tokens"
        )
    return limit


def _quality(given: Sequence[Answer], rows: Sequence[dict[str, Any]]) -> PromptQuality:
    pairs = [(answer.text, row["output"]) for answer, row in zip(given, rows, strict=True)]
    n = max(1, len(pairs))
    return PromptQuality(
        *(sum(score(*pair) for pair in pairs) / n for score in (right, exact_match, char_f1))
    )


def _predictions(
    models: ModelPair, held_out: HeldOut, answers: Mapping[str, Sequence[Answer]], base_kind: str
) -> list[Prediction]:
    """Both models' answers and their scores, with the likelihood of the references under both."""
    references = [models.ids(row["output"]) for row in held_out.rows]
    kinds = {"base": base_kind, "tuned": models.prompt}
    nll = {
        model: models.likelihoods(model, kind, held_out.questions, references, f"{model}, perplexity")
        for model, kind in kinds.items()
    }
    return [
        _prediction(
            row,
            {model: some[i] for model, some in answers.items()},
            {model: some[i].nll for model, some in nll.items()},
            base_kind,
        )
        for i, row in enumerate(held_out.rows)
    ]


def _prediction(
    row: Mapping[str, Any], given: Mapping[str, Answer], nll: dict[str, float | None], base_kind: str
) -> Prediction:
    return Prediction(
        id=row["id"],
        split=row["split"],
        origin=row["origin"],
        language=language(row["instruction"]),
        document=row["document"],
        question="\n\n".join(filter(None, (row["instruction"], row_context(row)))),
        reference=row["output"],
        base=given["base"].text,
        tuned=given["tuned"].text,
        base_prompt=base_kind,
        cut={model: answer.cut for model, answer in given.items()},
        scores={
            name: {model: score(answer.text, row["output"]) for model, answer in given.items()}
            for name, score in SCORES.items()
        },
        cost={model: _cost(answer) for model, answer in given.items()},
        fact=row["fact"],
        light=row["light"],
        nll=nll,
    )


def _cost(answer: Answer) -> Cost:
    return Cost(answer.prompt_tokens, answer.new_tokens, answer.seconds)


def _prompts_with_rows(models: ModelPair, base_kind: str) -> dict[str, str]:
    """Kinds of prompt for questions with training rows above them.

    A base model reads long prompts best in its own template; how it answers short ones says little of that.
    """
    return {"base": models.own_kind or base_kind, "tuned": models.prompt}


def _answer_with_rows(
    models: ModelPair,
    predictions: Sequence[Prediction],
    questions: Sequence[Question],
    index: Index,
    options: EvaluateSettings,
) -> None:
    """Have both models answer `recall` with training rows in the prompt, too; add that to the predictions."""
    most = options.retrieval.max_questions
    chosen = [i for i, p in enumerate(predictions) if p.split == "recall"][:most]
    if not options.retrieval.rows or not chosen:
        return
    nearest = index.nearest([questions[i] for i in chosen], options.retrieval.rows)
    noted = [
        with_notes(questions[i], found, language(questions[i].instruction))
        for i, found in zip(chosen, nearest, strict=True)
    ]
    kinds = _prompts_with_rows(models, predictions[0].base_prompt)
    base, tuned = (models.answers(m, kinds[m], noted, f"{m} with rows") for m in MODELS)
    for i, rows, of_base, of_tuned in zip(chosen, nearest, base, tuned, strict=True):
        prediction = predictions[i]
        prediction.retrieved = [row["id"] for row in rows]
        prediction.base_retrieved, prediction.tuned_retrieved = of_base.text, of_tuned.text
        _add_answer(prediction, "base_retrieved", of_base)
        _add_answer(prediction, "tuned_retrieved", of_tuned)


def _add_answer(prediction: Prediction, name: str, answer: Answer) -> None:
    prediction.cut[name], prediction.cost[name] = answer.cut, _cost(answer)
    for score, by in SCORES.items():
        prediction.scores[score][name] = by(answer.text, prediction.reference)
