"""Ledger of facts: each fact of the split with its wordings trained and asked, and whether it was learned."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qaloom.evaluate.error_analysis import contradicting
from qaloom.evaluate.fact_records import AskedWording, FactSource, LedgerFact, TrainedWording
from qaloom.evaluate.hallucination import is_right
from qaloom.evaluate.model_pair import ModelPair
from qaloom.evaluate.results import MODELS, Prediction
from qaloom.evaluate.retrieval import Index
from qaloom.files import read_lines
from qaloom.inference.prompt import Question
from qaloom.records import Contradiction, Placement, question_text, read_texts, row_context
from qaloom.text.normalize import comparison_key

Texts = Mapping[str, dict[str, str]]


def competing_likelihoods(
    models: ModelPair, predictions: Sequence[Prediction], questions: Sequence[Question], index: Index
) -> dict[str, float]:
    """Mean negative log-likelihood a token, under the tuned model, of the nearest training row's other answer.

    By id of the recall question; `predictions` and `questions` belong together. A question near to no row with
    another answer has none.
    """
    recall = [(p, q) for p, q in zip(predictions, questions, strict=True) if p.split == "recall"]
    nearest = index.nearest([question for _, question in recall], 2)
    pairs = [
        (prediction.id, question, other)
        for (prediction, question), rows in zip(recall, nearest, strict=True)
        if (other := _other_answer(prediction.reference, rows))
    ]
    texts = [models.ids(other) for _, _, other in pairs]
    asked = [question for _, question, _ in pairs]
    found = models.likelihoods("tuned", models.prompt, asked, texts, "tuned, competing answers")
    return {
        identity: one.nll for (identity, _, _), one in zip(pairs, found, strict=True) if one.nll is not None
    }


def _other_answer(reference: str, rows: Sequence[Mapping[str, Any]]) -> str:
    key = comparison_key(reference)
    return next((row["output"] for row in rows if comparison_key(row["output"]) != key), "")


def fact_ledger(
    split: Path,
    predictions: Sequence[Prediction],
    contradictions: Sequence[Contradiction],
    competing: Mapping[str, float],
) -> list[LedgerFact]:
    """The facts of a split folder in the order of their sources.

    `competing`: likelihoods of other answers, see `competing_likelihoods`; `contradictions` as dedup leaves them.
    """
    texts = {
        part: {row["id"]: row for row in read_texts(split / f"{part}.jsonl")}
        for part in ("train", "recall", "unseen")
    }
    asked, against = {p.id: p for p in predictions}, contradicting(contradictions)
    members: dict[str, list[Placement]] = defaultdict(list)
    for place in read_lines(split / "placement.jsonl", Placement):
        if place.origin != "form":  # never asked, and no wording of the fact
            members[place.fact or place.id].append(place)
    found = [_fact(name, places, texts, asked, against, competing) for name, places in members.items()]
    return sorted(found, key=lambda one: [(s.source, s.line) for s in one.sources[:1]])


def _fact(
    name: str,
    places: Sequence[Placement],
    texts: Mapping[str, Texts],
    asked: Mapping[str, Prediction],
    against: Mapping[str, list[dict[str, Any]]],
    competing: Mapping[str, float],
) -> LedgerFact:
    trained = [p for p in places if p.split == "train"]
    predictions = [(p, asked[p.id]) for p in places if p.split != "train" and p.id in asked]
    rows = [row for p in places if (row := texts.get(p.split, {}).get(p.id))]
    placed = "train" if trained or any(p.split == "recall" for p in places) else "unseen"
    return LedgerFact(
        fact=name,
        answer=rows[0]["output"] if rows else "",
        placed=placed,
        learned=_learned(placed, [prediction for _, prediction in predictions]),
        trained=[TrainedWording(p.id, _question(texts["train"], p.id), p.origin) for p in trained],
        asked=[_asked(place, prediction) for place, prediction in predictions],
        unasked=sum(p.split != "train" for p in places) - len(predictions),
        sources=_sources(places),
        margin=_mean([_gain(prediction) for _, prediction in predictions]),
        over_competitor=_mean([_lead(p, competing.get(p.id)) for _, p in predictions]),
        contradicted_by=[row for p in places for row in against.get(p.id, ())],
    )


def _question(texts: Texts, identity: str) -> str:
    row = texts.get(identity)
    return question_text(row["instruction"], row_context(row)) if row else ""


def _asked(place: Placement, prediction: Prediction) -> AskedWording:
    right = {model: is_right(prediction, model) for model in MODELS}
    return AskedWording(place.id, prediction.question, place.origin, place.light, right)


def _learned(placed: str, predictions: Sequence[Prediction]) -> str:
    """all, some or none by the tuned model's right answers; not_asked without any, not_taught for unseen facts."""
    if placed == "unseen":
        return "not_taught"
    right = [is_right(prediction, "tuned") for prediction in predictions]
    if not right:
        return "not_asked"
    return "all" if all(right) else "some" if any(right) else "none"


def _sources(places: Sequence[Placement]) -> list[FactSource]:
    """Files and lines that state a fact; of rows made of others, their parents' alone."""
    found = {(p.source, p.line): p.group for p in places if p.origin == "data"} or {
        (p.source, p.line): p.group for p in places
    }
    return [FactSource(document, source, line) for (source, line), document in sorted(found.items())]


def _gain(prediction: Prediction) -> float | None:
    """By how much tuning made the reference likelier, in nats a token."""
    if not isinstance(prediction.nll, dict):
        return None
    base, tuned = (prediction.nll[model] for model in MODELS)
    return None if base is None or tuned is None else base - tuned


def _lead(prediction: Prediction, competitor: float | None) -> float | None:
    """By how much the tuned model finds the reference likelier than the competing answer, in nats a token."""
    own = prediction.nll.get("tuned") if isinstance(prediction.nll, dict) else None
    return None if own is None or competitor is None else competitor - own


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def ledger_line(facts: Sequence[LedgerFact]) -> str:
    """One line: how many facts there are, and how many of those asked were learned."""
    asked = [one for one in facts if one.learned in ("all", "some", "none")]
    count = f"{len(facts):,} fact{'s' * (len(facts) != 1)}"
    if not asked:
        return f"{count}, none of them taught and asked, so none is known to be learned"
    learned = {name: sum(one.learned == name for one in asked) for name in ("all", "some", "none")}
    return (
        f"{count}; of {len(asked):,} taught and asked, {learned['all']:,} are right in every wording, "
        f"{learned['some']:,} in some, {learned['none']:,} in none"
    )
