"""Ask base and tuned model the held-out questions, and say how much better the tuned one is.

`recall` holds other wordings of facts that were trained on, `unseen` facts that were not. The base model
is asked in its own chat template and in the training prompt; the better of the two counts.
"""

from functools import cache as once
from pathlib import Path
from typing import Annotated, Any

import typer

from qaloom.card import model_card
from qaloom.digest import LIBRARY, code_digest
from qaloom.errors import DataError
from qaloom.files import digest, read_json, read_lines, write_json, write_lines
from qaloom.generate import Answer, Loaded, answers, load
from qaloom.job import bar, job, say
from qaloom.language import language
from qaloom.metrics import SCORES
from qaloom.prompt import load_tokenizer, prompt_ids, stop_ids
from qaloom.scores import headline, summarise

_SPLITS = ("recall", "unseen")


def evaluate(
    name: str, split: Path, base: Path, run: Path, out: Path, settings: dict[str, Any], cache: Path
) -> dict[str, Any]:
    """Evaluate the adapter in `run` against `base` on the held-out rows in `split`; return the metrics.

    Writes predictions.jsonl, README.md (the model card) and, last, metrics.json to `out`.
    `settings` is the configuration's `evaluate:`. Raises DataError when there is no held-out row.
    """
    (out / "metrics.json").unlink(missing_ok=True)
    questions = _questions(split, settings["origins"], settings["max_questions"])
    trained = read_json(run / "manifest.json")
    arms = _Arms(name, questions, base, run, trained, settings, cache)
    tuned = arms.tuned()
    base_kind, base_answers = arms.better_base()
    predictions = [
        _prediction(q, b, t, base_kind) for q, b, t in zip(questions, base_answers, tuned, strict=True)
    ]
    metrics = summarise(predictions, settings["resamples"], settings["seed"])
    metrics |= {"prompt": trained["prompt"], "base_prompt": base_kind, "run": name}
    write_lines(out / "predictions.jsonl", predictions)
    model_card(name, metrics, read_json(base / "manifest.json"), trained, out / "README.md")
    write_json(out / "metrics.json", metrics)
    say(f"evaluate: {name}: {headline(metrics, 'recall')}")
    return metrics


def _questions(split: Path, origins: list[str], most: int) -> list[dict[str, Any]]:
    """Held-out rows of `origins`, at most `most` a split (ids are hashes, so the first are a sample)."""
    placed = {row["id"]: row for row in read_lines(split / "placement.jsonl")}
    rows = []
    for part in _SPLITS:
        held_out = [(row, placed[row["id"]]) for row in read_lines(split / f"{part}.jsonl")]
        wanted = [(row, known) for row, known in held_out if known["origin"] in origins][:most]
        rows += [
            row | {"split": part, "origin": known["origin"], "document": known["group"]}
            for row, known in wanted
        ]
    if not rows:
        raise DataError(
            f"{split}: no held-out question; add rows, or raise split.recall_fraction and "
            "split.unseen_fraction"
        )
    return rows


class _Arms:
    """The ways the questions are answered. One model is loaded, and only if an answer is not kept yet."""

    def __init__(
        self, name: str, questions: list[dict[str, Any]], base: Path, run: Path,
        trained: dict[str, Any], settings: dict[str, Any], cache: Path,
    ):  # fmt: skip
        self.name, self.questions, self.trained = name, questions, trained
        self.settings, self.cache = settings, cache
        code_allowed = trained["settings"]["trust_remote_code"]
        self.tokenizer = load_tokenizer(run, code_allowed)
        self.base_sha = read_json(base / "manifest.json")["sha256"]
        self.precision = read_json(run / "plan.json")["precision"]
        self.load = once(lambda: load(base, run, code_allowed, self.precision))

    def tuned(self) -> list[Answer]:
        return self._answers("tuned", self.trained["prompt"], self.trained["adapter"], self.load)

    def better_base(self) -> tuple[str, list[Answer]]:
        """The base model's answers in the prompt that serves it best, and which prompt that is."""
        kinds = [self.trained["prompt"]]
        if self.tokenizer.chat_template and kinds != ["chat"]:
            kinds.append("chat")
        if kinds == ["chat"]:
            kinds.append("plain")
        tried = {
            kind: self._answers(f"base, {kind} prompt", kind, None, self._without_adapter) for kind in kinds
        }
        best = max(kinds, key=lambda kind: self._quality(tried[kind]))
        return best, tried[best]

    def _without_adapter(self) -> Loaded:
        loaded = self.load()
        return Loaded(_Disabled(loaded.model), loaded.tokenizer)

    def _quality(self, given: list[Answer]) -> tuple[float, float]:
        pairs = [(a.text, q["output"]) for a, q in zip(given, self.questions, strict=True)]
        return tuple(sum(SCORES[score](*pair) for pair in pairs) for score in ("exact_match", "char_f1"))

    def _answers(self, arm: str, kind: str, adapter: str | None, loaded: Any) -> list[Answer]:
        prompts = [prompt_ids(self.tokenizer, kind, q["instruction"], q["input"]) for q in self.questions]
        limit = self.settings["max_new_tokens"]
        code = code_digest(LIBRARY / "generate.py")
        key = digest([self.base_sha, adapter, self.precision, kind, limit, code])[:16]
        with bar(f"evaluate: {self.name}, {arm}", len(prompts), "answers") as advance:
            stop = stop_ids(self.tokenizer, kind)
            return answers(loaded, prompts, stop, limit, self.cache / f"{key}.jsonl", advance)


class _Disabled:
    """A model with an adapter, answering as if it had none."""

    def __init__(self, model: Any):
        self.model, self.device = model, model.device

    def generate(self, **inputs: Any) -> Any:
        with self.model.disable_adapter():
            return self.model.generate(**inputs)


def _prediction(question: dict[str, Any], base: Answer, tuned: Answer, base_kind: str) -> dict[str, Any]:
    reference = question["output"]
    both = {"base": base, "tuned": tuned}
    return {
        "id": question["id"],
        "split": question["split"],
        "origin": question["origin"],
        "language": language(question["instruction"]),
        "document": question["document"],
        "question": "\n\n".join(filter(None, (question["instruction"], question["input"]))),
        "reference": reference,
        "base": base.text,
        "tuned": tuned.text,
        "base_prompt": base_kind,
        "cut": {side: answer.cut for side, answer in both.items()},
        "scores": {
            name: {side: score(answer.text, reference) for side, answer in both.items()}
            for name, score in SCORES.items()
        },
    }


def _command(
    split: Path, base: Path, run: Path, out: Path,
    config: Annotated[Path | None, typer.Option(help="configuration with evaluate:")] = None,
    cache: Path = Path("cache/generate"),
) -> None:  # fmt: skip
    """Evaluate the adapter folder RUN against the BASE folder on the SPLIT folder; write to OUT."""
    from qaloom.config import DEMO
    from qaloom.config import load as load_config

    evaluate(run.name, split, base, run, out, load_config(config or DEMO)["evaluate"], cache)


if __name__ == "__main__":
    with job():
        typer.run(_command)
