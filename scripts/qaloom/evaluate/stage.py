"""Ask base and tuned model the held-out questions, and say how much better the tuned one is.

`recall` holds other wordings of facts that were trained on, `unseen` facts that were not. The base model
is asked in its own chat template and in the training prompt; the better of the two counts.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from qaloom.console import say
from qaloom.evaluate.error_analysis import failures
from qaloom.evaluate.forgetting import forgetting
from qaloom.evaluate.judge import SECTION, judge
from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.model_card import model_card
from qaloom.evaluate.model_pair import ModelPair, Question
from qaloom.evaluate.retrieval import Index, comparison, with_notes
from qaloom.evaluate.summary import PARTS, headline, summarise
from qaloom.files import read_json, read_lines, write_json, write_lines
from qaloom.inference import openai_client as endpoint
from qaloom.inference.decoding import Answer
from qaloom.text.language import language

_REMEDIES = {
    "nothing_held_out": "nothing was held out; add wordings or facts, or raise split.{part}_fraction",
    "other_origins": "all that was held out is of other origins than evaluate.origins names; add one there",
}


class Sources(NamedTuple):
    """What is read: folders of split, base model and adapter, and dedup's contradictions.jsonl."""

    split: Path
    contradictions: Path
    base: Path
    run: Path


def evaluate(name: str, sources: Sources, out: Path, settings: dict[str, Any], cache: Path) -> dict[str, Any]:
    """Evaluate a run's adapter against its base model on the held-out rows; return the metrics.

    Writes predictions.jsonl, failures.jsonl, forgetting.jsonl, README.md (the model card) and, last,
    metrics.json to `out`. `settings` is the configuration's `evaluate:`; answers are kept in `cache`.
    """
    judged = endpoint.is_configured(settings["judge"])
    if judged:
        endpoint.check_server(settings["judge"], SECTION)
    (out / "metrics.json").unlink(missing_ok=True)
    questions, empty = _questions(sources.split, settings["origins"], settings["max_questions"])
    for part, why in empty.items():
        say(f"evaluate: {name}: {part} has no questions: {_REMEDIES[why].format(part=part)}")
    asked = [Question(q["instruction"], q["input"]) for q in questions]
    index = Index(read_lines(sources.split / "train.jsonl"))
    arms = ModelPair(name, sources.base, sources.run, settings["max_new_tokens"], cache)
    predictions, about_base = _predictions(arms, questions, asked)
    looked_up = _looked_up(arms, predictions, asked, index, settings)
    metrics = summarise(predictions, settings["resamples"], settings["seed"])
    for part, why in empty.items():
        metrics[part]["why"] = why
    metrics |= {"prompt": arms.prompt, "run": name, **about_base, **looked_up}
    talk: list[dict[str, Any]] = []
    if settings["forgetting"]:
        metrics["forgetting"], talk = forgetting(arms, settings["resamples"], settings["seed"])
    if judged:
        arms.free()  # a judge takes its time, and may need the GPU itself
        metrics["judge"] = judge(name, predictions, settings, cache)
    write_lines(out / "forgetting.jsonl", talk)
    write_lines(out / "predictions.jsonl", predictions)
    wrong = failures(predictions, asked, index, read_lines(sources.contradictions))
    write_lines(out / "failures.jsonl", wrong)
    manifests = (read_json(folder / "manifest.json") for folder in (sources.base, sources.run, sources.split))
    model_card(name, metrics, *manifests, out / "README.md")
    write_json(out / "metrics.json", metrics)
    say(f"evaluate: {name}: {headline(metrics, 'recall')}")
    return metrics


def _questions(split: Path, origins: list[str], most: int) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Held-out rows of `origins`, at most `most` a part, and why a part has none (a code).

    Ids are hashes, so the first rows are a sample.
    """
    placed = {row["id"]: row for row in read_lines(split / "placement.jsonl")}
    rows, empty = [], {}
    for part in PARTS:
        held_out = [(row, placed[row["id"]]) for row in read_lines(split / f"{part}.jsonl")]
        wanted = [(row, known) for row, known in held_out if known["origin"] in origins][:most]
        if not wanted:
            empty[part] = "other_origins" if held_out else "nothing_held_out"
        rows += [
            row | {"split": part, "origin": known["origin"], "document": known["group"]}
            for row, known in wanted
        ]
    return rows, empty


def _predictions(
    arms: ModelPair, questions: list[dict[str, Any]], asked: list[Question]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Lines of predictions.jsonl; in which prompt the base model did better, and how well in each."""
    references = [q["output"] for q in questions]
    tuned = arms.answers("tuned", arms.prompt, asked, "tuned")
    tried = {kind: arms.answers("base", kind, asked, f"base, {kind} prompt") for kind in arms.kinds()}
    quality = {kind: _quality(given, references) for kind, given in tried.items()}
    best = max(quality, key=lambda kind: tuple(quality[kind].values()))
    given, kinds = {"base": tried[best], "tuned": tuned}, {"base": best, "tuned": arms.prompt}
    texts = list(map(arms.ids, references))
    nll = {
        arm: arms.likelihoods(arm, kind, asked, texts, f"{arm}, perplexity") for arm, kind in kinds.items()
    }
    predictions = [
        _prediction(question, {arm: some[i] for arm, some in given.items()}, best)
        | {"nll": {arm: some[i].nll for arm, some in nll.items()}}
        for i, question in enumerate(questions)
    ]
    return predictions, {"base_prompt": best, "base_prompts": quality}


def _quality(given: list[Answer], references: list[str]) -> dict[str, float]:
    pairs = [(answer.text, reference) for answer, reference in zip(given, references, strict=True)]
    names = ("exact_match", "char_f1")
    return {name: sum(SCORES[name](*pair) for pair in pairs) / max(1, len(pairs)) for name in names}


def _prediction(question: dict[str, Any], given: dict[str, Answer], base_kind: str) -> dict[str, Any]:
    return {
        "id": question["id"],
        "split": question["split"],
        "origin": question["origin"],
        "language": language(question["instruction"]),
        "document": question["document"],
        "question": "\n\n".join(filter(None, (question["instruction"], question["input"]))),
        "reference": question["output"],
        "base": given["base"].text,
        "tuned": given["tuned"].text,
        "base_prompt": base_kind,
        "cut": {arm: answer.cut for arm, answer in given.items()},
        "cost": {arm: answer.cost() for arm, answer in given.items()},
        "scores": {
            name: {arm: score(answer.text, question["output"]) for arm, answer in given.items()}
            for name, score in SCORES.items()
        },
    }


def _looked_up(
    arms: ModelPair,
    predictions: list[dict[str, Any]],
    asked: list[Question],
    index: Index,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Have both models answer with training rows in the prompt, too; add that to predictions of `recall`."""
    rows, most = settings["retrieval"]["rows"], settings["retrieval"]["max_questions"]
    chosen = [i for i, p in enumerate(predictions) if p["split"] == "recall"][:most]
    if not rows or not chosen:
        return {}
    nearest = index.nearest([asked[i] for i in chosen], rows)
    noted = [with_notes(asked[i], found) for i, found in zip(chosen, nearest, strict=True)]
    # A base model reads long prompts best as it was taught to; how it answers short ones says little of that.
    own = "chat" if arms.tokenizer.chat_template else predictions[0]["base_prompt"]
    kinds = {"base": own, "tuned": arms.prompt}
    given = {arm: arms.answers(arm, kind, noted, f"{arm} with rows") for arm, kind in kinds.items()}
    for number, i in enumerate(chosen):
        _add_looked_up(predictions[i], nearest[number], {arm: some[number] for arm, some in given.items()})
    some = [predictions[i] for i in chosen]
    found = comparison(some, rows, settings["resamples"], settings["seed"])
    return {"retrieval": found | {"prompts": kinds}}


def _add_looked_up(
    prediction: dict[str, Any], rows: Sequence[dict[str, Any]], given: dict[str, Answer]
) -> None:
    prediction["retrieved"] = [row["id"] for row in rows]
    for arm, answer in given.items():
        name = f"{arm}_retrieved"
        prediction[name] = answer.text
        prediction["cut"][name], prediction["cost"][name] = answer.cut, answer.cost()
        for score, by in SCORES.items():
            prediction["scores"][score][name] = by(answer.text, prediction["reference"])
