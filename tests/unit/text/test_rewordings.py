"""Rewordings of one question, and questions that only look like one."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.text.question_terms import Term, question_terms
from qaloom.text.rewordings import _taken, _taken_as_written, reworded
from qaloom.text.spelling import counted_words

SAME = [
    ("솔내관은 몇 시에 문을 엽니까?", "솔내관이 문을 여는 시각은 언제인가요?"),
    ("토요일에 솔내관 대출은 몇 권까지 되나요?", "솔내관 대출은 토요일에 몇 권까지 됩니까?"),
    ("솔내관 주차 요금은 얼마입니까?", "솔내관 주차 요금"),
    ("솔내관 주차 요금은 얼마입니까?", "혹시 솔내관의 주차 요금이 얼마인지 알려 주시겠어요?"),
    ("반출을 승인하는 사람은 누구입니까?", "반출 승인자는 누구인가요?"),
    ("나래사에 가람사가 내는 위약금은 얼마입니까?", "가람사가 나래사에 내는 위약금은 얼마인가요?"),
    ("KX-20의 정격 전압은 몇 V입니까?", "정격 전압은 KX-20의 경우 몇 V인가요?"),
    ("What is the weight of the lid of the Arden?", "the Arden's lid weight"),
    ("What time does the Arden museum open on Monday?", "On Monday, when does the Arden museum open?"),
    ("How much does Arden pay Belmo in rent?", "Could you please tell me how much Arden pays to Belmo in rent?"),
    ("What does code E-17 mean?", "What is the meaning of code E-17?"),
    ("Can the lid be washed in a dishwasher?", "In a dishwasher, can the lid be washed?"),
    ("How many days in advance must leave be requested?", "Leave must be requested how many days in advance?"),
]  # fmt: skip
DIFFERENT = [
    ("가람사가 나래사에 내는 위약금은 얼마입니까?", "나래사가 가람사에 내는 위약금은 얼마입니까?"),
    ("가람사 나래사 위약금", "나래사가 가람사에 내는 위약금은 얼마입니까?"),
    ("솔내관은 몇 시에 문을 엽니까?", "솔내관은 몇 시에 문을 닫습니까?"),
    ("회의는 언제 합니까?", "회의는 어디에서 합니까?"),
    ("회의는 언제 합니까?", "회의는 합니까?"),
    ("반출할 수 있는 문서는 무엇입니까?", "반출할 수 없는 문서는 무엇인가요?"),
    ("대출은 최대 며칠입니까?", "대출은 최소 며칠인가요?"),
    ("참가자는 몇 명입니까?", "참가자는 몇 팀입니까?"),
    ("3시에 떠나 5시에 닿는 배의 이름은?", "5시에 떠나 3시에 닿는 배의 이름은?"),
    ("KX-20의 정격 전압은?", "KX-21의 정격 전압은 얼마인가요?"),
    ("입사 서류는 무엇입니까?", "퇴사 서류는 무엇인가요?"),
    ("신청 기한은 언제입니까?", "신청서 기한은 언제입니까?"),
    ("What does Arden pay Belmo?", "What does Belmo pay Arden?"),
    ("Who pays Arden?", "Who does Arden pay?"),
    ("How far is it from Arden to Belmo?", "How far is it from Belmo to Arden?"),
    ("When does the shop open?", "Where does the shop open?"),
    ("Can the lid be washed?", "Can the lid not be washed?"),
    ("Is the fee refunded?", "What fee is refunded?"),
    ("Which trainer does a trainee choose?", "Which trainee does a trainer choose?"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_asks_the_same_in_other_words(one, other):
    assert reworded(one, other, Counter()) and reworded(other, one, Counter())


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_asks_for_something_else(one, other):
    assert not reworded(one, other, Counter()) and not reworded(other, one, Counter())


def test_a_word_of_the_project_may_be_misspelt():
    one, other = "가온관의 예약금은 얼마입니까?", "예예약금은 가온관의 경우 얼마인가요?"
    assert reworded(one, other, counted_words([one] * 5 + [other]))


def test_names_of_the_project_are_no_misspellings():
    one, other = "Where is the Ulmmir hall?", "Where is the Lummir hall?"
    assert not reworded(one, other, counted_words([one] * 200 + [other]))


def test_roles_are_read_from_particles_and_prepositions():
    roles = {term.stem: term.role for term in question_terms("가람이 나래에게 낸 돈은?").terms}
    assert roles["가람"] == "s" and roles["나래"] == "to"
    roles = {term.stem: term.role for term in question_terms("How far is it from Arden to Belmo?").terms}
    assert (roles["arden"], roles["belmo"]) == ("from", "to")


_TERMS = st.lists(st.builds(Term, st.sampled_from("abc"), st.just(""), st.just(""), st.sampled_from("abcd")))


@given(_TERMS, _TERMS)
def test_terms_are_paired_by_stem_or_word_as_one_by_one(mine, theirs):
    def alike(one, other):
        return not {one.stem, one.word}.isdisjoint((other.stem, other.word))

    sides = [[dict(enumerate(mine)), dict(enumerate(theirs))] for _ in range(2)]
    assert _taken_as_written(*sides[0]) == _taken(*sides[1], alike)
    assert sides[0] == sides[1]
