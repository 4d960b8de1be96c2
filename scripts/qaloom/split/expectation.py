"""Recall to expect of facts with one wording, as measured on the demo, before a model is trained."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from qaloom.split.placement import Wording
from qaloom.text.language import language

_SAMPLE = 1000  # questions whose language is looked at


class _Measured(NamedTuple):
    """Percent of right answers to rewordings that nobody trained: all, English and Korean ones."""

    both: int
    en: int
    ko: int


# docs/augmentation.md, "At equal steps, by kind of wording" (benchmarks/wordings.json): SmolLM2-135M, three seeds.
_TRAINED_ON = {
    "rule-made wordings and keyword forms": _Measured(72, 89, 53),
    "rule-made wordings": _Measured(54, 79, 28),
    "the one wording": _Measured(45, 71, 19),
}
_NAMES = (("keywords", "rule-made wordings and keyword forms"), ("rules", "rule-made wordings"))
_MEASURED_PROVIDERS = {"rules", "keywords", "statement", "reverse", "cloze"}  # not what other models write
_TRUE_REWORDING = _Measured(81, 95, 67)
_QUESTIONS = {"both": "questions", "en": "English questions", "ko": "Korean questions"}


def note_on_single_wordings(placed: Sequence[Wording]) -> str:
    """A sentence on the trained facts with one wording, and the recall to expect of them where it was measured.

    Empty where no fact has one, and where all answers are the same.
    """
    wordings = Counter(w.fact for w in placed if not w.row.parent)
    data = [w for w in placed if not w.row.parent and w.part == "train"]
    single = {w.fact for w in data if wordings[w.fact] == 1}
    if not single or all(w.body == data[0].body for w in data):
        return ""
    counts = f"{len(single):,} of {len({w.fact for w in data}):,} facts to train have one wording"
    providers = {w.row.provider for w in placed if w.row.parent and w.part == "train" and w.fact in single}
    if providers - _MEASURED_PROVIDERS:
        return counts
    made = next((name for provider, name in _NAMES if provider in providers), "the one wording")
    tongues = {language(w.row.question) for w in data[:_SAMPLE]}
    tongue = tongues.pop() if tongues in ({"en"}, {"ko"}) else "both"
    expected, true = getattr(_TRAINED_ON[made], tongue), getattr(_TRUE_REWORDING, tongue)
    return (
        f"{counts}: expect about {expected} % right when they are asked in other words ({made}; the demo's "
        f"{_QUESTIONS[tongue]}, 135 million parameters, docs/augmentation.md); with a second wording of each it was "
        f"{true} %"
    )
