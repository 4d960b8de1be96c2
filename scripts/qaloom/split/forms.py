"""Placement of forms beside questions: trained with the row that they are made of, and never asked."""

from collections.abc import Sequence

from qaloom.split.fact_pairs import near_question_pairs
from qaloom.split.facts import Comparison
from qaloom.split.placement import Wording, parent_of
from qaloom.split.probes import KEPT_FOR_ASKING
from qaloom.text.differences import Difference


def place_forms(forms: Sequence[Wording], placed: Sequence[Wording], comparison: Comparison) -> list[Wording]:
    """Forms follow a trained parent; what touches a held-out row, or is made of one, is for the final model alone.

    Returned are those that have a place: not what asks as a probe does, which no model is trained on, nor what is
    a row already.
    """
    parents = {w.row.id: w for w in placed}
    new = [form for form in forms if form.row.id not in parents]
    for form in new:
        parent = parent_of(form, parents)
        form.side, form.fact = parent.side, parent.fact
        form.put("train" if parent.part == "train" else "final", "with_parent", parent.row.id)
    held = [w for w in placed if w.part != "train"]
    left_out = set()
    for i, j in near_question_pairs(new, held, comparison.threshold):
        if comparison.asked_alike(new[i], held[j]) != Difference.OTHER:
            new[i].put("final", "touches_held_out", new[i].row.parent)
            if held[j].why in KEPT_FOR_ASKING:
                left_out.add(new[i].row.id)
    return [form for form in new if form.row.id not in left_out]
