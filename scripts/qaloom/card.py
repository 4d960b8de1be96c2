"""The model card: what a run learned from, how well it answers, and what to know before using it."""

from pathlib import Path
from typing import Any

from qaloom.files import write_text

_TEXT = """\
# {name}

A LoRA adapter for `{origin}`, trained by QA Loom on {language} question-answer rows and evaluated on
wordings of their questions that it was not trained on.

| held-out questions | n | base, exact match | tuned, exact match | difference (95% interval) |
| --- | --- | --- | --- | --- |
{table}

`recall` asks for trained facts in other words. `unseen` asks for facts that were never trained: there the
model cannot know, so its answers show what it makes up. The base model answered in its {base_prompt} prompt.

**Use it** with the `{prompt}` prompt it was trained on: `make ask RUN={name} Q="..."`.

**Limits.** It answers from what it has learned and may be wrong without saying so; check answers that
matter against the document. Licence of the base model: {licence}.
"""


def model_card(
    name: str, metrics: dict[str, Any], base: dict[str, Any], trained: dict[str, Any], out: Path
) -> None:
    """Write a run's card in the hub's format. `base` and `trained` are the two manifests."""
    from huggingface_hub import ModelCard, ModelCardData  # reads HF_HUB_OFFLINE when it is imported

    kind, _, reference = base["origin"].partition(":")
    languages = sorted(metrics["by"]["language"]) or ["unknown"]
    data = ModelCardData(
        language=[code for code in languages if code in ("ko", "en")] or None,
        license=base["licence"],
        base_model=reference.partition("@")[0] if kind == "hub" else None,
        library_name="peft",
        tags=["lora", "question-answering", "qaloom"],
    )
    text = _TEXT.format(
        name=name,
        origin=base["origin"],
        language=" and ".join(languages),
        table="\n".join(_line(part, metrics[part]) for part in ("recall", "unseen")),
        base_prompt=metrics["base_prompt"],
        prompt=trained["prompt"],
        licence=base["licence"] or "not named in its card",
    )
    write_text(out, str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}")) + "\n")


def _line(part: str, figures: dict[str, Any]) -> str:
    score = figures["exact_match"]
    if not figures["n"]:
        return f"| {part} | 0 | not available | not available | no question held out |"
    difference = f"{score['difference']:+.2f}"
    if score["low"] is not None:
        difference += f" ({score['low']:+.2f} to {score['high']:+.2f})"
    return f"| {part} | {figures['n']} | {score['base']:.2f} | {score['tuned']:.2f} | {difference} |"
