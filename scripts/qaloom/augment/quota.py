"""Quota of wordings for each fact: which rows share one, and which proposals fill it with the most variety.

The distance of two wordings is Indel's over their content words in order: 0 where only endings, particles or politeness
differ, 1 where no word is shared.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from itertools import chain, combinations

from rapidfuzz.distance import Indel

from qaloom.records import Row
from qaloom.text.closed_answers import closed_class
from qaloom.text.content_words import same_stem, stems
from qaloom.text.normalize import comparison_key

_COMPARED = (
    40  # rows with one answer that are compared pair by pair; of more each counts as a fact of its own
)
_AS_A_RULE = (
    0.8  # share of the questions with a word that have one answer, from which the word tells the fact
)
_SHARED = 0.5  # share of the shorter question's content words that the other has
_PAIRS_OF = 20  # wordings of a fact whose distances are counted


def wording_distance(one: str, other: str) -> float:
    """Distance of two questions, 0 to 1, by their content words in order."""
    return Indel.normalized_distance(stems(one), stems(other))


def mean_distance(wordings: Sequence[str]) -> float | None:
    """Mean distance between the wordings of a fact; None of a single one."""
    pairs = list(combinations(wordings[:_PAIRS_OF], 2))
    return sum(wording_distance(*pair) for pair in pairs) / len(pairs) if pairs else None


def rows_by_fact(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows in groups that state one fact: the same answer and context, and questions that share their words.

    They share more than half of the shorter one's words, or one that hardly occurs with another answer. Where that is
    uncertain rows are apart, so that each gets wordings. Yes, no and none join nothing that differs in a word.
    """
    alike: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        alike[comparison_key(row.output), row.context].append(row)
    often = (
        Counter(stem for row in rows for stem in set(stems(row.instruction)))
        if len(alike) < len(rows)
        else {}
    )
    return [fact for (answer, _), group in alike.items() for fact in _facts_of_group(group, answer, often)]


def _facts_of_group(group: Sequence[Row], answer: str, often: Mapping[str, int]) -> list[list[Row]]:
    if len(group) == 1 or len(group) > _COMPARED:
        return [[row] for row in group]
    closed = bool(closed_class(group[0].output, answer))
    here = Counter(stem for row in group for stem in set(stems(row.instruction)))
    telling = {stem for stem, count in here.items() if count >= _AS_A_RULE * often[stem] and not closed}
    facts: list[list[Row]] = []
    for row in group:
        near = [fact for fact in facts if any(_same_fact(row, other, telling, closed) for other in fact)]
        facts = [fact for fact in facts if fact not in near] + [[*chain(*near), row]]
    return facts


def _same_fact(one: Row, other: Row, telling: Set[str], closed: bool) -> bool:
    """Whether two rows with one answer state one fact, by their questions."""
    left, right = stems(one.instruction), stems(other.instruction)
    if sorted(left) == sorted(right):
        return True
    if closed or _digits(left) != _digits(right) or _other_name(left, right):
        return False
    shared = sum(any(same_stem(a, b) for b in right) for a in left)
    return bool(telling & {*left} & {*right}) or shared > _SHARED * min(len(left), len(right))


def _other_name(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether two questions are alike but for one word in the same place: another name, as a rule."""
    differ = [(a, b) for a, b in zip(left, right, strict=False) if not same_stem(a, b)]
    return len(left) == len(right) and len(differ) == 1


def _digits(words: Sequence[str]) -> list[str]:
    return sorted(word for word in words if any(map(str.isdigit, word)))


def most_varied(have: Sequence[str], texts: Sequence[str], count: int) -> list[int]:
    """Positions of at most `count` of `texts`: each the farthest from `have` and from those before it.

    Of equally far ones the first counts.
    """
    if len(texts) <= count:
        return list(range(len(texts)))
    nearest = {
        i: min((wording_distance(text, one) for one in have), default=1.0) for i, text in enumerate(texts)
    }
    picked: list[int] = []
    while len(picked) < count:
        best = max(nearest, key=lambda i: nearest[i])
        del nearest[best]
        picked.append(best)
        nearest = {i: min(d, wording_distance(texts[i], texts[best])) for i, d in nearest.items()}
    return picked
