"""The guard on two sets of hand-written Korean rows, each pair labelled (see docs/near-duplicates.md).

The guard was mended on what the first set showed, then met the second, and was mended once more.
"""

from collections import Counter

import pytest
from bench_guard import HAND_WRITTEN, UNSEEN, Pair, confusion, hand_written
from rapidfuzz.distance import Indel

from qaloom.files import read_lines
from qaloom.text.normalize import comparison_key

THRESHOLD = 0.9


@pytest.fixture(scope="module")
def outcomes():
    """Each pair's label, kind, both rows, and what became of it."""
    rows = read_lines(HAND_WRITTEN)
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    tables = confusion(rows, [Pair(str(n), 2 * n + 1, 2 * n + 2) for n in range(len(pairs))])
    return [(*pair, max(tables[str(n)].items(), key=lambda item: item[1])[0]) for n, pair in enumerate(pairs)]


def similarity(one, other):
    return Indel.normalized_similarity(comparison_key(one["question"]), comparison_key(other["question"]))


def of(outcomes, label):
    return [item for item in outcomes if item[0]["label"] == label]


def test_the_rows_are_many_korean_and_labelled_by_pair():
    rows = read_lines(HAND_WRITTEN)
    assert len(rows) >= 150
    for one, other in zip(rows[::2], rows[1::2], strict=True):
        assert [one[key] for key in ("pair", "label", "kind")] == [
            other[key] for key in ("pair", "label", "kind")
        ]
    assert Counter(row["label"] for row in rows).keys() == {
        "duplicate",
        "different",
        "contradiction",
        "paraphrase",
    }


def test_what_differs_in_a_digit_code_or_negation_is_not_merged(outcomes):
    critical = [o for o in of(outcomes, "different") if o[0]["kind"] in ("digit", "code", "negation")]
    assert [one["question"] for one, _, outcome in critical if outcome == "merged"] == []


def test_other_names_and_places_are_other_questions(outcomes):
    different = [o for o in of(outcomes, "different") if o[0]["kind"] in ("name", "place")]
    assert {outcome for *_, outcome in different} == {"both kept"}


def test_duplicates_at_or_above_the_threshold_are_merged(outcomes):
    near = [o for o in of(outcomes, "duplicate") if similarity(*o[:2]) >= THRESHOLD]
    assert len(near) >= 17
    # A misspelt particle (가지 for 까지) or ending (헤야 for 해야) could be another one, so both rows stay.
    apart = [other["question"] for _, other, outcome in near if outcome != "merged"]
    assert [question for question in apart if "가지" not in question and "헤야" not in question] == []


def test_contradictions_are_found_whatever_the_similarity(outcomes):
    found = of(outcomes, "contradiction")
    assert sum(outcome == "contradiction" for *_, outcome in found) >= 0.9 * len(found)


def test_paraphrases_are_neither_merged_nor_reported(outcomes):
    assert {outcome for *_, outcome in of(outcomes, "paraphrase")} == {"both kept"}


def test_the_second_set():
    table = hand_written(UNSEEN)
    assert sum(table["duplicate"].values()) == 38 and table["duplicate"]["merged"] >= 30
    assert table["contradiction"]["contradiction"] >= 0.9 * sum(table["contradiction"].values())
    for kind, least in (("look_alike", 70), ("paraphrase", 14), ("same_answer", 9)):
        assert table[kind] == {"merged": 0, "contradiction": 0, "both kept": least, "filtered": 0}
