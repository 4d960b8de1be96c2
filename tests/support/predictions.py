"""A prediction with defaults, for tests that care for some of its fields."""

from typing import Any

from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.results import Prediction


def prediction(values: tuple[float, float] = (0.0, 0.0), **changed: Any) -> Prediction:
    """One whose every score is the first of `values` for the base model, the second for the tuned one."""
    base, tuned = values
    fields: dict[str, Any] = {
        "id": "0", "split": "recall", "origin": "data", "language": "ko", "document": "d",
        "question": "누구?", "reference": "가람시", "base": "", "tuned": "", "base_prompt": "chat",
        "cut": {"base": False, "tuned": False},
        "scores": {name: {"base": base, "tuned": tuned} for name in SCORES},
    }  # fmt: skip
    return Prediction(**fields | changed)
