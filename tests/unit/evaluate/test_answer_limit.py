"""The length limit of answers follows the lengths of references and training answers."""

import pytest

from qaloom.evaluate.answer_limit import answer_limit


@pytest.mark.parametrize(
    ("references", "trained", "tokens"),
    [
        ([3] * 50, [4] * 50, 16),  # the least
        ([30] * 50, [4] * 50, 40),  # 30 * 1.25 + 1, up to a multiple of 8
        ([4] * 50, [30] * 50, 40),
        ([30] * 999 + [900], [], 40),  # one long reference in a thousand is cut
        ([5000] * 9, [], 1024),  # the most
        ([], [], 16),
    ],
)
def test_auto(references: list[int], trained: list[int], tokens: int) -> None:
    texts = ["a" * n for n in references], ["a" * n for n in trained]
    found = answer_limit("auto", *texts, list)
    assert (found.tokens, found.chosen, found.references) == (tokens, "auto", len(references))
    assert found.cut_references == sum(n >= tokens for n in references)


def test_a_number_stays() -> None:
    found = answer_limit(6, ["abc", "abcdef", "abcdefg"], [], list)
    assert (found.tokens, found.chosen, found.cut_references) == (6, "set", 2)
