"""Probes: questions for facts with a single wording, asked and never trained.

A probe is a form of the question that a rule, a model or a server made. A form with other content words, or
in another order, is taken where there is one, and all forms like it are kept from training; else one that
differs in its ending alone, marked light.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from qaloom.config.settings import SplitSettings
from qaloom.records import other_wording
from qaloom.split.placement import Wording, hash_share
from qaloom.text.content_words import differ_in_endings_alone
from qaloom.text.rephrase import rewrite

KEPT_FOR_ASKING = ("probe", "like_the_probe")  # reason codes of wordings that no model is trained on


def make_probes(data: Sequence[Wording], made: Sequence[Wording], settings: SplitSettings) -> list[Wording]:
    """Hold paraphrases out, in place, and return rule-made probes, for at most `settings.probes` facts."""
    forms = _forms(made)
    wanted = settings.probes if settings.recall_fraction else 0
    asked = {w.question for w in data}
    probes: list[Wording] = []
    for parent in _in_turn(_single_wordings(data), settings.seed):
        if not wanted:
            break
        rule_made = [w for w in _rule_made(parent) if w.question not in asked]
        if chosen := _choose(parent, rule_made, forms[parent.row.id], settings.seed):
            wanted -= 1
            asked.update(w.question for w in chosen)
            probes += [w for w in chosen if w.row.origin == "rule"]
    return probes


def _forms(made: Iterable[Wording]) -> Mapping[str, list[Wording]]:
    """The paraphrases of each trained row."""
    forms: dict[str, list[Wording]] = defaultdict(list)
    for wording in made:
        if wording.part == "train":
            forms[wording.row.parent].append(wording)
    return forms


def _single_wordings(data: Sequence[Wording]) -> list[Wording]:
    """The row of each trained fact with a single wording; of a question with two answers, neither."""
    rows = Counter(w.fact for w in data)
    questions = Counter(w.question for w in data)
    return [w for w in data if w.part == "train" and rows[w.fact] == 1 and questions[w.question] == 1]


def _in_turn(single: Sequence[Wording], seed: int) -> list[Wording]:
    """By hash, closed answers after the others and one of each in turn, so that no constant answer passes."""
    ordered = sorted(single, key=lambda w: (hash_share(seed, "probe", w.question), w.row.id))
    classes: dict[str, list[Wording]] = defaultdict(list)
    for wording in ordered:
        classes[wording.closed].append(wording)
    open_ended = classes.pop("", [])
    fewest = min(map(len, classes.values()), default=0) if len(classes) > 1 else 0
    if open_ended and not fewest:
        fewest = min([len(open_ended), *map(len, classes.values())])
    return [
        *open_ended,
        *(w for i in range(fewest) for members in classes.values() for w in members[i : i + 1]),
    ]


def _rule_made(parent: Wording) -> list[Wording]:
    row = parent.row
    wordings = []
    for question in rewrite(row.instruction):
        probe = other_wording(row, question, "rule", "rules")
        wordings.append(Wording(probe, None, parent.answer))
    return wordings


def _choose(
    parent: Wording, rule_made: Sequence[Wording], made: Sequence[Wording], seed: int
) -> list[Wording]:
    """Hold one form out, and with it the paraphrases that are like it.

    Rules come first, so that most probes are the same with and without paraphrases.
    """
    of_rules, of_others = (_by_hash(forms, seed) for forms in (rule_made, made))
    full, of_others_full = (
        [w for w in forms if not differ_in_endings_alone(w.row.question, parent.row.question)]
        for forms in (of_rules, of_others)
    )
    probe = next(iter([*full, *of_others_full, *of_rules, *of_others]), None)
    if probe is None:
        return []
    light = probe not in full and probe not in of_others_full
    others = [w for w in made if w is not probe and (w.question == probe.question or _like(w, probe, light))]
    for wording in (probe, *others):
        wording.side, wording.fact = "train", parent.fact
        wording.put("recall", "probe" if wording is probe else "like_the_probe", parent.row.id)
    return [probe, *others]


def _by_hash(forms: Sequence[Wording], seed: int) -> list[Wording]:
    return sorted(forms, key=lambda w: (hash_share(seed, "form", w.question), w.row.id))


def _like(wording: Wording, probe: Wording, light: bool) -> bool:
    return not light and differ_in_endings_alone(wording.row.question, probe.row.question)
