"""A prediction with defaults, for tests that care for some of its fields."""

from itertools import count
from typing import Any

from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.results import Prediction

_FACTS = count()


def prediction(values: tuple[float, float] = (0.0, 0.0), **changed: Any) -> Prediction:
    """One whose every score is the first of `values` for base, the second for tuned; of a fact of its own."""
    base, tuned = values
    fields: dict[str, Any] = {
        "id": "0", "split": "recall", "origin": "data", "language": "ko", "document": "d",
        "question": "누구?", "reference": "가람시", "base": "", "tuned": "", "base_prompt": "chat",
        "cut": {"base": False, "tuned": False}, "fact": f"fact {next(_FACTS)}",
        "scores": {name: {"base": base, "tuned": tuned, "lookup": base} for name in SCORES},
    }  # fmt: skip
    return Prediction(**fields | changed)
