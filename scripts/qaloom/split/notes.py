"""Notes on a split: what cannot be measured or taught with these rows, and what to do."""

from collections import Counter
from collections.abc import Sequence

from qaloom.config.settings import SplitSettings
from qaloom.split.placement import Wording

_FEW_UNITS = 20  # below, a fraction of facts or documents is a matter of luck
_FEW_QUESTIONS = 20  # below, an interval spans most of the scale


def notes_on(placed: Sequence[Wording], units: int, settings: SplitSettings) -> list[str]:
    """Sentences for a person; none when both held-out parts can be relied on.

    Where there is one thing to learn, that alone is said: all else follows from it. So do small parts from few
    facts.
    """
    parts = {part: [w for w in placed if w.part == part] for part in ("train", "recall", "unseen")}
    classes = _classes(placed, parts["train"])
    if one_answer := _answers(parts["train"]):
        return [note for note in (one_answer, classes) if note]
    few = _units(units, settings)
    found = [few, _recall(parts["recall"], settings, bool(few))]
    found += ["" if few else _unseen(parts["unseen"], settings), _light(parts["recall"]), classes]
    return [note for note in found if note]


def _answers(train: Sequence[Wording]) -> str:
    if any(w.body != train[0].body for w in train):
        return ""
    if len({w.fact for w in train}) == 1:
        return "there is one fact to train: a score would say nothing; add rows"
    return "all training rows have the same answer, which is all that a model can learn from them; add rows with others"


def _units(units: int, settings: SplitSettings) -> str:
    if units >= _FEW_UNITS or not settings.unseen_fraction:
        return ""
    what = "document" if settings.by == "document" else "fact"
    return (
        f"{units:,} {what}{'s' * (units != 1)}: too few for a fraction of {settings.unseen_fraction:g}, "
        "so unseen may be far from it or empty, and scores have wide intervals; add rows"
    )


def _recall(recall: Sequence[Wording], settings: SplitSettings, few_facts: bool) -> str:
    if not settings.recall_fraction:
        return ""
    if not recall:
        return (
            "recall is empty, so nothing will be measured: no fact has a second wording and no rule makes one; "
            "add second wordings to some rows, or a provider to augment.providers"
        )
    if len({w.body for w in recall}) == 1 and len(recall) > 1:
        return "all recall questions have the same answer, so a model that always gives it scores full marks; add rows"
    if len(recall) < _FEW_QUESTIONS and not few_facts:
        return f"recall has {len(recall)} question{'s' * (len(recall) != 1)}: scores will have wide intervals; add rows"
    return ""


def _unseen(unseen: Sequence[Wording], settings: SplitSettings) -> str:
    if unseen or not settings.unseen_fraction:
        return ""
    return "unseen is empty: nothing hashed below split.unseen_fraction; recall alone is measured"


def _light(recall: Sequence[Wording]) -> str:
    light = sum(w.light for w in recall)
    if not light:
        return ""
    if light == len(recall):
        return (
            "all recall questions differ from a trained one in the ending alone (light), so nothing will be measured "
            "that looking up does not answer, too; add second wordings to some rows, or a provider to "
            "augment.providers"
        )
    return (
        f"{light:,} of {len(recall):,} recall questions differ from a trained one in the ending alone (light)"
    )


def _classes(placed: Sequence[Wording], train: Sequence[Wording]) -> str:
    """Closed answers that the data have and train has not."""
    trained = {w.closed for w in train}
    missing = Counter(w.closed for w in placed if w.closed and w.closed not in trained and not w.row.parent)
    if not missing:
        return ""
    names = ", ".join(f"{name} ({count})" for name, count in sorted(missing.items()))
    return f"no training row has an answer of these classes: {names}; add rows with such answers"
