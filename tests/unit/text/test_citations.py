"""Citations: a row is named only where it says what the answer says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.text.answerable import stated_values
from qaloom.text.citations import answer_sentences, says
from qaloom.text.content_words import stems

CODE = ("오류 코드 E31은 무슨 뜻인가요?", "용지 걸림. 덮개를 여세요.")
LOAD = ("How much may the Norwick hoist carry?", "250 kg on two hooks")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (CODE, "용지 걸림."),
        (CODE, "E31은 용지 걸림입니다."),
        (LOAD, "The hoist may carry 250 kg."),
        (LOAD, "250kg"),
        (("What is deducted from my pay for parking?", "15 dollars a month"), "You pay $15 for each month."),
        (("회의실 예약은 필요한가요?", "예약하지 않습니다."), "예약하지 않습니다."),
    ],
)
def test_a_row_says_it(row, sentence):
    assert says(*row, sentence)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (CODE, "E32는 용지 걸림입니다."),
        (CODE, "E31은 토너 부족입니다."),
        (LOAD, "The hoist may carry 260 kg."),
        (LOAD, "The hoist may carry 250 g."),
        (LOAD, "The Willowmere hoist may carry 250 kg."),
        (LOAD, "How much may the hoist carry?"),  # the question alone, said back
        (("회의실 예약은 필요한가요?", "예약하지 않습니다."), "예약합니다."),
        (LOAD, ""),
        (LOAD, "..."),
    ],
)
def test_a_row_does_not_say_it(row, sentence):
    assert not says(*row, sentence)


def test_sentences_of_an_answer():
    assert answer_sentences("It opens at 9.30. It closes at 17.\n\n- \nBring a card!") == [
        "It opens at 9.30.",
        "It closes at 17.",
        "Bring a card!",
    ]


WORDS = st.lists(st.sampled_from(["alpha", "bravo", "7", "12", "kilo", "zulu", "40"]), min_size=1, max_size=4)


@given(WORDS, WORDS, WORDS)
def test_what_a_row_says_agrees_with_sets_of_words(question, answer, sentence):
    """Oracle: of bare words and numbers, all must stand in the row, and one in its answer."""
    row, said = {*question, *answer}, " and ".join(sentence)
    oracle = {*sentence} <= row and not {*sentence}.isdisjoint(answer)
    assert stated_values(said) <= {*sentence} == {*stems(said)}
    assert says(" and ".join(question), " and ".join(answer), said) == oracle
