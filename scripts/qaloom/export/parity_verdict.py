"""Whether an export may be given out: how it compares to the tuned model, in sentences."""

from typing import Any


def parity_summary(found: dict[str, Any]) -> str:
    """How one export compares, in one line."""
    score, prompts = found["exact_match"], found["prompts"]
    between = "" if score["low"] is None else f" (95% {score['low']:+.2f} to {score['high']:+.2f})"
    answered = (
        f"{found['same']} of {found['n']} answers identical, exact match {score['tuned']:.2f} -> "
        f"{score['export']:.2f}{between}"
        if found["n"]
        else "no question to ask"
    )
    return f"{found['format']}: {answered}, {prompts['same']} of {prompts['n']} prompts tokenised alike"


def parity_failures(found: dict[str, Any], max_drop: float) -> list[str]:
    """What keeps an export from being given out, in sentences; nothing when it answers as trained.

    `max_drop` is the largest fall of exact match, and the largest share of answers without an end, that is
    let pass.
    """
    prompts, ends, score = found["prompts"], found["ended"], found["exact_match"]
    wrong = []
    if prompts["same"] < prompts["n"]:
        first = prompts["first"]
        wrong.append(
            f"{prompts['n'] - prompts['same']} of {prompts['n']} prompts are tokenised otherwise than in "
            f"training (wrong chat template or tokenizer); the first, {first['message']!r}, differs at token "
            f"{first['at']}: {first['trained']} in training, {first['export']} here"
        )
    if ends["tuned"] - ends["export"] > max_drop * found["n"]:
        wrong.append(
            f"{ends['tuned'] - ends['export']} of {found['n']} answers do not end where the tuned model's do "
            "(the end token is missing or another)"
        )
    if found["n"] and -score["difference"] > max_drop:
        first = found["differing"][0]
        wrong.append(
            f"exact match falls from {score['tuned']:.2f} to {score['export']:.2f}, more than "
            f"export.max_drop ({max_drop}) allows, with {found['same']} of {found['n']} answers identical "
            f"(another base model, or weights that lost too much); the first that differs, "
            f"{first['question']!r}: {first['tuned']!r} became {first['export']!r}"
        )
    return wrong
