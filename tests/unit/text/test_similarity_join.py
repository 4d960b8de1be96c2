"""The join against brute force: every pair that rapidfuzz puts at or above the threshold, and no other."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from qaloom.text.similarity_join import Pairs, estimate_seconds, similar_pairs, similar_pairs_between

THRESHOLDS = (0.01, 0.3, 0.5, 0.6, 2 / 3, 0.75, 0.8, 0.84, 0.85, 0.9, 0.93, 0.95, 0.99, 1.0)
ALPHABETS = (
    "ab",
    "abcdefgh 0123",
    "가각간갈감나다라마바사0123",
    "aé漢字𝒳😀🏳️‍🌈\u0301\ud800",
    "\x00a\uffff\U0010ffff",
)
compiled_first = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])


def brute_force(left: list[str], right: list[str], threshold: float) -> dict[tuple[int, int], float]:
    # No score_cutoff: with one, rapidfuzz rounds the cutoff and returns 0 for some pairs exactly at it.
    return {
        (i, j): score
        for i, a in enumerate(left)
        for j, b in enumerate(right)
        if a and b and (score := Indel.normalized_similarity(a, b)) >= threshold
    }


def as_dict(pairs: Pairs) -> dict[tuple[int, int], float]:
    found = list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))
    assert found == sorted(set(found))
    return dict(zip(found, pairs.score.tolist(), strict=True))


def within(scores: dict[tuple[int, int], float]) -> dict[tuple[int, int], float]:
    return {pair: score for pair, score in scores.items() if pair[0] < pair[1]}


def edited(rng: random.Random, text: str, edits: int, alphabet: str) -> str:
    for _ in range(edits):
        at = rng.randrange(len(text) + 1)
        text = (
            text[:at] + text[at + 1 :] if rng.random() < 0.5 else text[:at] + rng.choice(alphabet) + text[at:]
        )
    return text


def check_within(keys: list[str], threshold: float) -> None:
    expected = within(brute_force(keys, keys, threshold))
    assert as_dict(similar_pairs(keys, threshold)) == expected
    with lists_only():
        assert as_dict(similar_pairs(keys, threshold)) == expected


@contextmanager
def lists_only() -> Iterator[None]:
    """So few keys as in a test would be scanned one by one; this sends them through the posting lists."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qaloom.text.similarity_join.POSTING_COST", 0)
        yield


@st.composite
def families(draw: st.DrawFn, longest: int = 40) -> list[str]:
    """Keys of one alphabet, most a few edits away from another, so that many pairs lie near a threshold."""
    alphabet = draw(st.sampled_from(ALPHABETS))
    rng = random.Random(draw(st.integers(0, 2**32)))
    keys = draw(st.lists(st.text(alphabet, max_size=longest), min_size=1, max_size=8))
    for _ in range(draw(st.integers(0, 24))):
        keys.append(edited(rng, rng.choice(keys), rng.randrange(8), alphabet))
    rng.shuffle(keys)
    return keys


@given(families(), st.sampled_from(THRESHOLDS))
@compiled_first
def test_finds_exactly_the_similar_pairs(keys: list[str], threshold: float) -> None:
    check_within(keys, threshold)


@given(families(), families(), st.sampled_from(THRESHOLDS))
@compiled_first
def test_finds_exactly_the_similar_pairs_between_two_lists(
    left: list[str], right: list[str], threshold: float
) -> None:
    right = right + left[:3]
    expected = brute_force(left, right, threshold)
    assert as_dict(similar_pairs_between(left, right, threshold)) == expected
    with lists_only():
        assert as_dict(similar_pairs_between(left, right, threshold)) == expected


@given(st.lists(st.text(max_size=12), max_size=30), st.floats(0.05, 1.0))
@compiled_first
def test_finds_exactly_the_similar_pairs_of_any_text(keys: list[str], threshold: float) -> None:
    check_within(keys, threshold)


@given(st.integers(0, 2**32), st.sampled_from(THRESHOLDS))
@settings(compiled_first, max_examples=40)
def test_keys_around_and_beyond_the_64_characters_of_a_word(seed: int, threshold: float) -> None:
    rng = random.Random(seed)
    alphabet = rng.choice(ALPHABETS)
    keys = ["".join(rng.choices(alphabet, k=n)) for n in (62, 64, 65, 127, 128, 129, 300)]
    keys += [edited(rng, rng.choice(keys), rng.randrange(1, 20), alphabet) for _ in range(40)]
    check_within(keys, threshold)


@given(st.integers(0, 2**32), st.sampled_from([0.84, 0.88, 0.9, 0.93, 0.95]))
@settings(compiled_first, max_examples=60)
def test_keys_of_repeated_blocks(seed: int, threshold: float) -> None:
    """Equally rare q-grams at many places: what each key keeps is then decided by place alone."""
    rng = random.Random(seed)
    blocks = ["".join(rng.choices("abc", k=rng.randrange(2, 7))) for _ in range(rng.randrange(1, 4))]
    keys = ["".join(rng.choice(blocks) for _ in range(rng.randrange(4, 24)))]
    keys += [edited(rng, rng.choice(keys), rng.randrange(1, 5), "abcx") for _ in range(8)]
    check_within(keys, threshold)


@given(st.integers(0, 2**32), st.sampled_from([0.7, 0.84, 0.9, 0.95]))
@settings(compiled_first, max_examples=40)
def test_long_keys_of_the_same_sentences_in_another_order(seed: int, threshold: float) -> None:
    """Alike but for order, so that only the distance tells them apart, and may be given up half-way."""
    rng = random.Random(seed)
    sentences = ["".join(rng.choices("abcdefgh 가나", k=rng.randrange(1, 90))) for _ in range(4)]
    keys = ["".join(rng.sample(sentences, rng.randrange(2, 5))) for _ in range(6)]
    keys += [edited(rng, rng.choice(keys), rng.randrange(1, 24), "abcx가") for _ in range(12)]
    check_within(keys, threshold)


@pytest.mark.parametrize("middle", [63, 64, 150])
def test_a_carry_crosses_words_without_a_match(middle: int) -> None:
    check_within(["zc" + "d" * middle + "cz", "ycy", "ycdcy", "zc" + "e" * middle + "cy"], 0.01)


def templated_keys(n: int) -> list[str]:
    """Questions of few patterns, which is what defeats a filter that counts on rare q-grams."""
    rng = random.Random(7)
    patterns = (
        "{}모델의제{}장에따르면{}의기준값은얼마입니까",
        "whatistheratedvalueofthe{}insection{}ofthe{}manual",
        "{}{}은{}를지원합니까",
    )
    names = [
        "".join(rng.choices("가나다라마바사abcxyz0123456789", k=rng.randrange(2, 14))) for _ in range(60)
    ]
    keys = {
        rng.choice(patterns).format(rng.choice(names), rng.randrange(1000), rng.choice(names))
        for _ in range(2 * n)
    }
    return sorted(keys)[:n]


@pytest.fixture(scope="module")
def templated() -> tuple[list[str], np.ndarray]:
    keys = templated_keys(2000)
    return keys, cdist(keys, keys, scorer=Indel.normalized_similarity, dtype=np.float64)


@pytest.mark.parametrize("way", [nullcontext, lists_only])
@pytest.mark.parametrize("threshold", [0.7, 0.85, 0.9, 0.93, 0.95])
def test_two_thousand_templated_keys(
    templated: tuple[list[str], np.ndarray], threshold: float, way: Callable
) -> None:
    keys, scores = templated
    left, right = np.nonzero(np.triu(scores >= threshold, k=1))
    with way():
        pairs = similar_pairs(keys, threshold)
    assert len(left) > 100
    np.testing.assert_array_equal(pairs.left, left)
    np.testing.assert_array_equal(pairs.right, right)
    np.testing.assert_array_equal(pairs.score, scores[left, right])


@pytest.mark.parametrize("length", [*range(1, 12), 20, 41, 64, 65])
def test_pairs_exactly_at_the_threshold_are_kept_as_rapidfuzz_compares(length: int) -> None:
    same, other = "a" * length, "b" * length
    for edits in range(length + 1):
        keys = [same, same[edits:] + other[:edits]]
        score = Indel.normalized_similarity(*keys)
        if score > 0:
            assert as_dict(similar_pairs(keys, score)) == {(0, 1): score}
            if score < 1:
                assert as_dict(similar_pairs(keys, np.nextafter(score, 2))) == {}


def test_equal_keys_pair_and_empty_keys_do_not() -> None:
    assert as_dict(similar_pairs(["", "나", "", "나"], 0.9)) == {(1, 3): 1.0}
    assert as_dict(similar_pairs_between(["", "나"], ["나", ""], 0.9)) == {(1, 0): 1.0}


@pytest.mark.parametrize("keys", [[], [""], ["가"]])
def test_too_few_keys_give_no_pairs(keys: list[str]) -> None:
    pairs = similar_pairs(keys, 0.9)
    assert (pairs.left.dtype, pairs.right.dtype, pairs.score.dtype) == (np.int64, np.int64, np.float64)
    assert len(pairs.left) == len(pairs.right) == len(pairs.score) == 0
    assert len(similar_pairs_between(keys, [], 0.9).left) == 0


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01, 90, float("nan")])
def test_a_threshold_outside_0_to_1_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        similar_pairs(["a"], threshold)


def test_the_result_does_not_depend_on_threads() -> None:
    keys = templated_keys(2000)
    one, four = similar_pairs(keys, 0.85, threads=1), similar_pairs(keys, 0.85, threads=4)
    for a, b in zip(one, four, strict=True):
        np.testing.assert_array_equal(a, b)


def test_progress_rises_to_the_number_of_keys() -> None:
    steps: list[tuple[int, int]] = []
    similar_pairs(templated_keys(1000), 0.9, progress=lambda done, total: steps.append((done, total)))
    assert steps == sorted(set(steps))
    assert steps[-1] == (1000, 1000)


def test_an_error_in_progress_stops_the_join() -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        similar_pairs(templated_keys(1000), 0.9, progress=stop)


@pytest.mark.parametrize("n", [0, 1, 5, 2000])
def test_estimate_is_a_small_number_for_few_keys(n: int) -> None:
    assert 0 <= estimate_seconds(templated_keys(n), 0.9) < 10


@pytest.mark.parametrize("n", [0, 5, 2000])
def test_estimate_for_two_lists(n: int) -> None:
    keys = templated_keys(2000)
    assert 0 <= estimate_seconds(keys[:n], 0.9, keys) < 10
