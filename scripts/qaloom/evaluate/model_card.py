"""Model card: training data and method of a run, its metrics, and its limits."""

from pathlib import Path
from typing import Any

import msgspec

from qaloom.commands import command_line
from qaloom.evaluate.grounded import grounded_line
from qaloom.evaluate.results import (
    MODELS,
    EvaluationMetrics,
    Forgetting,
    GroundedComparison,
    JudgeMetrics,
    LookupComparison,
    Paired,
    PartMetrics,
    Rate,
    Retention,
    RetrievalComparison,
)
from qaloom.evaluate.retention import retention_line
from qaloom.evaluate.summary import HEADLINE, PARTS
from qaloom.files import write_text
from qaloom.records import SplitManifest
from qaloom.trained_run import BaseOrigin

_TEXT = """\
# {name}

{what} by QA Loom on {language} question-answer rows and evaluated on
wordings of their questions that were held out from training.

## Data

{data}

## Method

{method}

## How well it answers

{table}

{made_up}`recall` asks for trained facts in other words; questions that differ from a trained one in the ending alone
(`light`) stand apart and do not count for it. `unseen` asks for facts that were kept out of training: the model
cannot know them, so its answers show what it makes up. An answer is right by its kind: a short one matches exactly,
a long one keeps figures, names and half of the wording, yes, no and abstentions are of the same class. The base
model answered in its {base_prompt} prompt, the best of those tried ({tried}). Intervals are 95% confidence intervals
of paired differences.{more}

## Use

Ask it in the `{prompt}` prompt it was trained on: `{ask}`.

## Limits

It answers from what it has learned and may be wrong without saying so; check answers that matter against
the document. The scores above hold for questions like those asked here.

## Licence

Licence of the base model: {licence}. It applies to this model, too.
The owner of the training rows decides what may be done with them.
"""
_ANSWERS_THAT = {"abstains": "abstain", "right": "are right", "made_up": "make something up"}
_OVER_REFUSAL = {"abstains": "abstain although it was taught"}
_LOOK_ALIKES = (
    "`lookalike` asks trained questions with another name, number or code put in, so that nothing known answers them: "
    "whatever is not an abstention there is made up."
)
_NOT_JUDGED = {
    "no_question": "had no held-out question to judge",
    "no_verdict": "gave no verdict that could be read",
    "server": "was not available: its server did not answer, or refused",
}
_SHOWN = {
    HEADLINE: "right",
    "exact_match": "exact match",
    "char_f1": "character F1",
    "contains_reference": "contains the answer",
}
_WORDINGS = {
    "data": "recall, wordings of the sources",
    "probe": "recall, probes",
    "light": "light questions",
}
_BEST = {
    "neither": "the base model alone",
    "tuning": "the tuned model alone",
    "retrieval": "the base model with retrieved training rows",
    "both": "the tuned model with retrieved training rows",
}
_FORGETTING = {
    "kept": "it continues much as the base model does",
    "changed": "it often continues otherwise than the base model",
    "lost": "it has lost most of the base model's language",
    "unknown": "nothing was measured, as the base model answered none",
}


class CardLora(msgspec.Struct):
    """Settings of an adapter as the card shows them."""

    r: int
    alpha: int | None
    dropout: int | float
    target_modules: list[str]


class CardSettings(msgspec.Struct):
    """Settings of a run as the card shows them."""

    method: str
    lora: CardLora
    training: dict[str, Any]


class CardManifest(msgspec.Struct):
    """Fields of a trained run's manifest that the card shows."""

    prompt: str
    settings: CardSettings
    versions: dict[str, str]
    template: str | None = None
    system: str = ""
    automatic: list[str] = []


def model_card(
    name: str,
    metrics: EvaluationMetrics,
    base: BaseOrigin,
    trained: CardManifest,
    split: SplitManifest,
    out: Path,
) -> None:
    """Write a run's card in the hub's format. `base`, `trained` and `split` are the three manifests."""
    from huggingface_hub import ModelCard  # reads HF_HUB_OFFLINE when it is imported

    languages = sorted(metrics.by["language"]) or ["unknown"]
    tried = (f"{kind}: right {q.right:.2f}" for kind, q in metrics.base_prompts.items())
    full = trained.settings.method == "full"
    what = "`{}`, all its parameters trained" if full else "A LoRA adapter for `{}`, trained"
    text = _TEXT.format(
        name=name,
        what=what.format(base.origin),
        language=" and ".join(languages),
        data=_data(split),
        method=_method(trained),
        table="\n".join(_table(metrics)),
        made_up=_made_up(metrics),
        base_prompt=metrics.base_prompt,
        tried=", ".join(tried),
        more=_more(metrics),
        prompt=trained.prompt,
        ask=command_line("ask", run=name, question="..."),
        licence=base.licence or "not named in its card",
    )
    head = _head(name, metrics, base, languages, full)
    write_text(out, str(ModelCard(f"---\n{head.to_yaml()}\n---\n\n{text}")) + "\n")


def _head(name: str, metrics: EvaluationMetrics, base: BaseOrigin, languages: list[str], full: bool) -> Any:
    """The card's metadata for the hub (a ModelCardData)."""
    from huggingface_hub import EvalResult, ModelCardData

    kind, _, reference = base.origin.partition(":")
    results = [
        EvalResult(
            task_type="question-answering",
            dataset_type="qaloom",
            dataset_name=f"held-out questions ({part})",
            dataset_split=part,
            metric_type=score,
            metric_value=round(tuned, 4),
        )
        for part in PARTS
        for score in _SHOWN
        if (tuned := _shown_part(metrics, part).scores[score].tuned) is not None
    ]
    return ModelCardData(
        language=[code for code in languages if code in ("ko", "en")] or None,
        license=base.licence,
        base_model=reference.partition("@")[0] if kind == "hub" else None,
        library_name="transformers" if full else "peft",
        tags=["question-answering", "qaloom"] if full else ["lora", "question-answering", "qaloom"],
        model_name=name if results else None,
        eval_results=results or None,
    )


def _data(split: SplitManifest) -> str:
    train = split.train
    origins = ", ".join(f"{n} {origin}" for origin, n in train.origins.items())
    held_out = ", ".join(f"{getattr(split, part).rows} {part}" for part in PARTS)
    return (
        f"{train.rows} training rows ({origins}) on about {split.facts.train} facts; held out: "
        f"{held_out}. Digest of the training rows: `{train.sha256[:16]}`."
    )


def _method(trained: CardManifest) -> str:
    """Settings that it was trained with, chosen ones with the word auto; alpha null is twice r."""
    lora, training = trained.settings.lora, trained.settings.training
    adapter = {
        "LoRA rank": _with_auto(trained, "lora.r", lora.r),
        "alpha": lora.alpha or 2 * lora.r,
        "dropout": lora.dropout,
        "layers": ", ".join(lora.target_modules),
    }
    facts = {
        **(adapter if trained.settings.method == "lora" else {}),
        **{
            key.replace("_", " "): _with_auto(trained, f"training.{key}", value)
            for key, value in training.items()
        },
        "prompt": _prompt(trained),
        **{f"{library}": version for library, version in trained.versions.items()},
    }
    return "\n".join(f"- {key}: {value}" for key, value in facts.items())


def _with_auto(trained: CardManifest, name: str, value: Any) -> Any:
    return f"{value} (auto)" if name in trained.automatic else value


def _prompt(trained: CardManifest) -> str:
    """The kind of prompt, and the system message of questions that have none of their own."""
    own = ", by a template of its own" if trained.template else ""
    system = " ".join(trained.system.split())
    return trained.prompt + own + (f', system message "{system}"' if system else "")


def _table(metrics: EvaluationMetrics) -> list[str]:
    lines = [
        "| held-out questions | n | score | base | tuned | difference |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in PARTS:
        part = _shown_part(metrics, name)
        if not part.n:
            why = "every question is light" if part.why == "light_only" else "no question held out"
            lines.append(f"| {name} | 0 | | not available | not available | {why} |")
            continue
        lines += [_line(name, words, part.scores[score]) for score, words in _SHOWN.items()]
    return [
        *lines,
        *(_line(_WORDINGS[name], "right", part.scores[HEADLINE]) for name, part in _wordings(metrics)),
    ]


def _shown_part(metrics: EvaluationMetrics, name: str) -> PartMetrics:
    """A part as the card shows it: of recall, the honest questions."""
    return metrics.part("honest" if name == "recall" else name)


def _wordings(metrics: EvaluationMetrics) -> list[tuple[str, PartMetrics]]:
    return [(name, metrics.by["wording"][name]) for name in _WORDINGS if name in metrics.by["wording"]]


def _line(part: str, words: str, found: Paired) -> str:
    if found.base is None:
        return f"| {part} | 0 | {words} | not available | not available | no reference to score |"
    difference = f"{found.difference:+.2f}"
    if found.low is not None:
        difference += f" ({found.low:+.2f} to {found.high:+.2f})"
    return f"| {part} | {found.n} | {words} | {found.base:.2f} | {found.tuned:.2f} | {difference} |"


def _made_up(metrics: EvaluationMetrics) -> str:
    """Rates of answers that abstain or make something up, as a table and what it says; empty if not measured."""
    measured = {part: found for part, found in metrics.made_up.items() if found.n}
    if not measured:
        return ""
    lines = ["| questions | n | answers that | base | tuned |", "| --- | --- | --- | --- | --- |"]
    for part, found in measured.items():
        names = _OVER_REFUSAL if part == "recall" else _ANSWERS_THAT
        for name, words in names.items():
            base, tuned = (getattr(found.models[model], name) for model in MODELS)
            if isinstance(tuned, Rate):
                lines.append(f"| {part} | {found.n} | {words} | {_rate(base)} | {_rate(tuned)} |")
    return "\n".join([*lines, "", _LOOK_ALIKES, "", ""])


def _rate(found: Rate) -> str:
    return f"{found.share:.0%} ({found.low:.0%} to {found.high:.0%})"


def _more(metrics: EvaluationMetrics) -> str:
    """Results of the further checks, where they were made."""
    lines = []
    if isinstance(looked_up := metrics.lookup, LookupComparison) and looked_up.right.base is not None:
        lines.append(_lookup(looked_up))
    if isinstance(found := metrics.retrieval, RetrievalComparison):
        doubt = "" if found.clear else ", though that may be chance"
        lines.append(
            f"Most answers contained the reference with {_BEST[found.best]}, then with "
            f"{_BEST[found.second]}{doubt}."
        )
    if isinstance(on_rows := metrics.grounded, GroundedComparison):
        lines.append(f"With at most {on_rows.rows} near rows in the prompt: {grounded_line(on_rows)}.")
    if isinstance(general := metrics.forgetting, Forgetting):
        lines.append(f"On {general.n} general prompts {_FORGETTING[general.kind]}.")
    if isinstance(kept := metrics.retention, Retention):
        lines.append(f"It {retention_line(kept)}." if kept.known else f"{retention_line(kept).capitalize()}.")
    if isinstance(judged := metrics.judge, JudgeMetrics):
        lines.append(_judge(judged))
    return "".join(f"\n\n{line}" for line in lines)


def _lookup(found: LookupComparison) -> str:
    """Tuning against looking up, in two sentences."""
    right = found.right
    between = "" if right.low is None else f" ({right.low:+.2f} to {right.high:+.2f})"
    verdict = "Tuning adds to that" if found.helps else "For such questions tuning adds nothing to that"
    return (
        f"Without any model, the answer of the nearest training question is right on {right.base:.2f} of the "
        f"recall questions; tuned less that is {right.difference:+.2f}{between}. {verdict}."
    )


def _judge(found: JudgeMetrics) -> str:
    """The judge's metrics in a line."""
    name = f"The judge `{found.model}`"
    if found.why:
        return f"{name} {_NOT_JUDGED[found.why]}."
    right, better, agreed = found.right, found.better, found.agreement["tuned"]
    kappa = "" if agreed.kappa is None else f", kappa {agreed.kappa:.2f}"
    parts = []
    if right.n:
        parts.append(
            f"found the base model right on {right.base:.0%} and the tuned model on {right.tuned:.0%} "
            f"of {right.n} questions (on tuned answers it agrees with exact match in "
            f"{agreed.share:.0%}{kappa})"
        )
    if better.n:
        parts.append(
            f"preferred, shown both answers in both orders, the tuned one {better.wins} times and the "
            f"base one {better.losses} times"
        )
    return f"{name} {'; it '.join(parts) or 'judged no question as a whole'}."
