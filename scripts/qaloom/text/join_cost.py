"""Estimated time of an exact join, reported before it starts where that is long."""

from collections.abc import Sequence

from qaloom.console import duration, say
from qaloom.text.similarity_join import estimate_seconds

_WORTH_ESTIMATING = 20_000  # texts; fewer are joined in the seconds that an estimate takes
_WORTH_SAYING = 10  # seconds
_LONG = 600  # seconds, from which a quicker threshold is looked for
_QUICKER = (0.93, 0.95, 0.97)


def say_cost(
    what: str, keys: Sequence[str], threshold: float, threads: int, others: Sequence[str] = ()
) -> None:
    """Say how long joining `keys`, or keys with `others`, will take, where that is long."""
    if len(keys) + len(others) >= _WORTH_ESTIMATING and (
        line := _cost(what, keys, threshold, threads, others)
    ):
        say(line)


def _cost(what: str, keys: Sequence[str], threshold: float, threads: int, others: Sequence[str] = ()) -> str:
    """The line on a join's time; beyond ten minutes with the threshold that would take less, if one does."""

    def seconds_at(at: float) -> float:
        return estimate_seconds(keys, at, others or None) / threads

    seconds = seconds_at(threshold)
    if seconds < _WORTH_SAYING:
        return ""
    texts = f"{len(keys):,} questions" if not others else f"{len(keys):,} with {len(others):,} texts"
    line = f"{what}: about {duration(seconds)} for {texts} at threshold {threshold:g}"
    if seconds < _LONG:
        return line
    for other in _QUICKER:
        less = seconds_at(other) if other > threshold else seconds
        if less < _LONG:
            return f"{line}; dedup.threshold {other:g} would take about {duration(less)}"
    return f"{line}; no threshold up to {_QUICKER[-1]:g} takes less than {duration(_LONG)}"
