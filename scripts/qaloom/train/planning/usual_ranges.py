"""Settings outside the usual ranges, each with the reason: reported, never refused."""

from qaloom.config.settings import RunSettings
from qaloom.inference.architecture import Architecture

_LARGE = 6.5e9  # parameters: what is sold as 7B and up
_RANKS, _RATES, _ROWS = (8, 64), (1e-5, 2e-4), (1, 8)


def beyond_the_usual(size: Architecture, settings: RunSettings) -> list[str]:
    """A line for each value outside the guide's ranges (PDF2LLM-Tuning-Studio's): r, learning rate, batch.

    A small model needs a higher rank and rate than a large one, so their upper bounds are for 7B and up.
    """
    r, training = settings.lora.r, settings.training
    rate, rows = training.learning_rate, training.effective_batch
    large, lines = size.parameters >= _LARGE, []
    if settings.method == "lora" and r < _RANKS[0]:
        lines.append(f"lora.r {r} is below the usual 8 to 64: the adapter may be too small for the facts")
    if settings.method == "lora" and large and r > _RANKS[1]:
        lines.append(f"lora.r {r} is above the usual 8 to 64: more memory, and it overfits sooner")
    if large and rate > _RATES[1]:
        lines.append(
            f"learning_rate {rate:g} is above the usual 0.00001 to 0.0002 for a model of this size: "
            "the loss may run away"
        )
    if rate < _RATES[0]:
        lines.append(f"learning_rate {rate:g} is below the usual 0.00001: it may learn next to nothing")
    if training.effective_tokens is None and rows > _ROWS[1]:
        lines.append(
            f"effective_batch {rows} is above the usual 1 to 8: fewer steps, so more epochs may be needed"
        )
    return lines
