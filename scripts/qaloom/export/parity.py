"""Parity check of an export: asked again in its own runtime, and compared with the tuned model's answers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

import msgspec
import numpy as np

from qaloom.console import bar, say_outcome
from qaloom.evaluate.intervals import paired
from qaloom.evaluate.metrics import exact_match
from qaloom.export.parity_verdict import (
    DifferingAnswer,
    EndedParity,
    ExactMatchParity,
    ParityResult,
    PromptParity,
    TokenDifference,
    parity_summary,
)
from qaloom.export.runtimes import Chat, MessageSet, RuntimeAnswers, in_llama_cpp, in_transformers
from qaloom.files import read_document, read_lines, write_json
from qaloom.inference.chat_template import client_messages
from qaloom.inference.prompt import load_tokenizer, prompt_ids, row_question
from qaloom.records import check_handed_over, read_texts
from qaloom.trained_run import TrainedRun, check_converted

_SHOWN = 5  # answers that differ, in the result

Prompt = dict[str, Any]  # a row's instruction and input; of those that are asked, the prediction, too


class ParitySettings(msgspec.Struct):
    """The most questions to ask and to tokenise, and the longest answer in tokens; auto is evaluate's."""

    questions: int
    max_new_tokens: int | Literal["auto"]


class _Limit(msgspec.Struct):
    tokens: int


class _AnswerLimited(msgspec.Struct):
    """Fields read of metrics.json beside the answers."""

    answer_limit: _Limit


class _Cut(TypedDict):
    tuned: bool


class _Answered(TypedDict):
    """Fields read of a line of predictions.jsonl, of evaluate or the memory check."""

    id: str
    split: str
    origin: str
    question: str
    tuned: str
    cut: _Cut


def parity(
    kind: str, export: Path, run: Path, base: Path, split: Path, predictions: Path, out: Path,
    settings: dict[str, Any],
) -> ParityResult:  # fmt: skip
    """Ask the export of format `kind` in the folder `export` again, and write how it compares to `out`.

    `predictions` are the answers of the model in `run`: of evaluate or, for a final model, of the memory check.
    `settings` are ParitySettings. The verdict is
    `qaloom.export.parity_verdict`'s.
    """
    check_converted(export)
    limits, trained = msgspec.convert(settings, ParitySettings), TrainedRun(run)
    prompts = _prompts(predictions, split, limits.questions)
    asked = [prompt for prompt in prompts if "tuned" in prompt]
    messages = [client_messages(trained.prompt, row_question(p)) for p in prompts]
    questions = MessageSet(messages, len(asked), _longest_answer(limits, predictions))
    with bar(f"parity: {run.name}, {kind}", len(asked), "answers") as advance:
        found = _ask_export(kind, export, trained, base, questions, advance)
    tokenizer = load_tokenizer(run, trained.code_allowed)
    ids = [prompt_ids(tokenizer, trained.prompt, *row_question(p, trained.system)) for p in prompts]
    result = _compared(
        kind, trained.manifest.adapter, asked, found, _token_parity(messages, ids, found.tokens)
    )
    write_json(out, msgspec.to_builtins(result))
    say_outcome(f"parity: {run.name}: {parity_summary(result)}")
    return result


def _longest_answer(limits: ParitySettings, predictions: Path) -> int:
    """The limit under which the tuned model answered, which metrics.json beside its answers records."""
    if limits.max_new_tokens != "auto":
        return limits.max_new_tokens
    return read_document(predictions.with_name("metrics.json"), _AnswerLimited).answer_limit.tokens


def _prompts(predictions: Path, split: Path, limit: int) -> list[Prompt]:
    """Prompts to ask (with the tuned model's answer) and, after them, prompts to tokenise; `limit` in all.

    Asked are recall questions found in the sources, or the questions there are instead. Whether they were
    trained on does not matter here.
    """
    check_handed_over(predictions, *(split / f"{part}.jsonl" for part in ("train", "recall", "unseen")))
    answered = cast("list[Prompt]", read_lines(predictions, _Answered))
    recall = [p for p in answered if p["split"] == "recall"]
    asked = [p for p in recall if p["origin"] == "data"] or recall or answered
    held_out = [row for part in ("recall", "unseen") for row in read_texts(split / f"{part}.jsonl")]
    trained = read_texts(split / "train.jsonl")
    rows = {row["id"]: row for row in held_out + trained}
    asked = [{**rows[p["id"]], **p} for p in asked if p["id"] in rows][:limit]
    return (asked + trained)[:limit]


def _ask_export(
    kind: str,
    export: Path,
    run: TrainedRun,
    base: Path,
    questions: MessageSet,
    advance: Callable[[int], None],
) -> RuntimeAnswers:
    """The answers of an export in the runtime of its format."""
    if kind in ("adapter", "merged"):
        on = base if kind == "adapter" else None
        return in_transformers(export, on, run.precision, run.code_allowed, questions, advance)
    if kind == "ollama":
        text = (export / "Modelfile").read_text("utf-8")
        weights = export / text.splitlines()[0].removeprefix("FROM ")
        return in_llama_cpp(weights, text, questions, advance)
    return in_llama_cpp(next(export.glob("*.gguf")), None, questions, advance)


def _compared(
    kind: str, adapter: str, asked: Sequence[Prompt], found: RuntimeAnswers, prompts: PromptParity
) -> ParityResult:
    """The export's answers beside the tuned model's."""
    pairs = list(zip(asked, found.answers, strict=True))
    tuned = np.array([exact_match(q["tuned"], q["output"]) for q in asked])
    now = np.array([exact_match(a.text, q["output"]) for q, a in pairs])
    score = msgspec.to_builtins(paired(tuned, now))
    differing = [
        DifferingAnswer(q["id"], q["question"], q["output"], q["tuned"], a.text)
        for q, a in pairs
        if q["tuned"] != a.text
    ]
    scores = {"tuned": score.pop("base"), "export": score.pop("tuned"), **score}
    return ParityResult(
        format=kind,
        adapter=adapter,
        runtime=found.runtime,
        n=len(asked),
        same=len(asked) - len(differing),
        exact_match=msgspec.convert(scores, ExactMatchParity),
        ended=EndedParity(sum(not q["cut"]["tuned"] for q in asked), sum(not a.cut for a in found.answers)),
        differing=differing[:_SHOWN],
        prompts=prompts,
    )


def _token_parity(chats: list[Chat], trained: list[list[int]], export: list[list[int]]) -> PromptParity:
    """How many prompts have the same token ids, and where the first other one differs."""
    other = [trio for trio in zip(chats, trained, export, strict=True) if trio[1] != trio[2]]
    first = None
    if other:
        chat, wanted, got = other[0]
        pairs = zip(wanted, got, strict=False)
        at = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(wanted), len(got)))
        first = TokenDifference(chat[-1]["content"], at, wanted[at : at + 5], got[at : at + 5])
    return PromptParity(len(chats), len(chats) - len(other), first)
