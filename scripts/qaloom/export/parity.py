"""Does an export still answer as the tuned model did? Asked again, in its own runtime, and compared."""

from pathlib import Path
from typing import Any

import numpy as np

from qaloom.console import bar, say
from qaloom.evaluate.bootstrap import paired
from qaloom.evaluate.metrics import exact_match
from qaloom.export.parity_verdict import parity_summary
from qaloom.export.runtimes import RuntimeAnswers, in_llama_cpp, in_transformers
from qaloom.files import read_json, read_lines, write_json
from qaloom.inference.chat_template import message
from qaloom.inference.prompt import load_tokenizer, prompt_ids

_SHOWN = 5  # answers that differ, in the result
_RESAMPLES, _SEED = 10_000, 7

Question = dict[str, Any]


def parity(
    kind: str, export: Path, run: Path, base: Path, split: Path, predictions: Path, out: Path,
    settings: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Ask the export of format `kind` in the folder `export` again, and write how it compares to `out`.

    `predictions` are what the tuned model answered (evaluate); `settings` holds questions (the most to ask
    and to tokenise) and max_new_tokens. Nothing is judged here, see `qaloom.export.parity_verdict`.
    """
    trained = read_json(run / "manifest.json")
    prompts = _prompts(predictions, split, settings["questions"])
    asked = [prompt for prompt in prompts if "tuned" in prompt]
    messages = [message(trained["prompt"], p["instruction"], p["input"]) for p in prompts]
    with bar(f"parity: {run.name}, {kind}", len(asked), "answers") as advance:
        heard = _heard(
            kind, export, run, base, messages, len(asked), settings["max_new_tokens"], trained, advance
        )
    tokenizer = load_tokenizer(run, trained["settings"]["trust_remote_code"])
    ids = [prompt_ids(tokenizer, trained["prompt"], p["instruction"], p["input"]) for p in prompts]
    found = {"format": kind, "adapter": trained["adapter"], "runtime": heard.runtime}
    found |= _compared(asked, heard)
    found["prompts"] = _tokenised(messages, ids, heard.tokens)
    write_json(out, found)
    say(f"parity: {run.name}: {parity_summary(found)}")
    return found


def _prompts(predictions: Path, split: Path, most: int) -> list[Question]:
    """What is asked (with the tuned model's answer) and, after it, what is only tokenised; `most` in all.

    Asked are recall questions found in the sources, or what there is instead.
    """
    answered = read_lines(predictions)
    recall = [p for p in answered if p["split"] == "recall"]
    asked = [p for p in recall if p["origin"] == "data"] or recall or answered
    rows = {row["id"]: row for part in ("recall", "unseen") for row in read_lines(split / f"{part}.jsonl")}
    asked = [{**rows[p["id"]], **p} for p in asked if p["id"] in rows][:most]
    return (asked + read_lines(split / "train.jsonl"))[:most]


def _heard(
    kind: str, export: Path, run: Path, base: Path, messages: list[str], asked: int, limit: int,
    trained: dict[str, Any], advance: Any,
) -> RuntimeAnswers:  # fmt: skip
    if kind in ("adapter", "merged"):
        precision, code_allowed = read_json(run / "plan.json")["precision"], trained["settings"]
        on = base if kind == "adapter" else None
        allowed = code_allowed["trust_remote_code"]
        return in_transformers(export, on, precision, allowed, messages, asked, limit, advance)
    if kind == "ollama":
        text = (export / "Modelfile").read_text("utf-8")
        weights = export / text.splitlines()[0].removeprefix("FROM ")
        return in_llama_cpp(weights, text, messages, asked, limit, advance)
    return in_llama_cpp(next(export.glob("*.gguf")), None, messages, asked, limit, advance)


def _compared(asked: list[Question], heard: RuntimeAnswers) -> dict[str, Any]:
    """The export's answers beside the tuned model's."""
    pairs = list(zip(asked, heard.answers, strict=True))
    tuned = np.array([exact_match(q["tuned"], q["output"]) for q in asked])
    now = np.array([exact_match(a.text, q["output"]) for q, a in pairs])
    score = paired(tuned, now, _RESAMPLES, _SEED)
    return {
        "n": len(asked),
        "same": sum(q["tuned"] == a.text for q, a in pairs),
        "exact_match": {"tuned": score.pop("base"), "export": score.pop("tuned"), **score},
        "ended": {
            "tuned": sum(not q["cut"]["tuned"] for q in asked),
            "export": sum(not a.cut for a in heard.answers),
        },
        "differing": [
            {"id": q["id"], "question": q["question"], "reference": q["output"], "tuned": q["tuned"],
             "export": a.text}
            for q, a in pairs
            if q["tuned"] != a.text
        ][:_SHOWN],
    }  # fmt: skip


def _tokenised(messages: list[str], trained: list[list[int]], export: list[list[int]]) -> dict[str, Any]:
    """How many prompts have the same token ids, and where the first other one differs."""
    other = [trio for trio in zip(messages, trained, export, strict=True) if trio[1] != trio[2]]
    first = None
    if other:
        text, wanted, got = other[0]
        pairs = zip(wanted, got, strict=False)
        at = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(wanted), len(got)))
        first = {
            "message": text, "at": at, "trained": wanted[at : at + 5], "export": got[at : at + 5],
        }  # fmt: skip
    return {"n": len(messages), "same": len(messages) - len(other), "first": first}
