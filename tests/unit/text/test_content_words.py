"""Content words of questions: the same in other endings, apart where the words are."""

import pytest

from qaloom.text.content_words import (
    differ_in_endings_alone,
    same_stem,
    stems,
    without_final_ending,
)


def core(text):
    """The content words of a question run together."""
    return "".join(stems(text))


@pytest.mark.parametrize(
    "forms",
    [
        [
            "매점은 몇 시에 여나요?",
            "매점은 몇 시에 엽니까?",
            "매점이 몇 시에 여는지 알려 주세요.",
            "매점 몇 시에 열어요?",
        ],
        ["신분증이 필요한가요?", "신분증이 필요합니까?", "신분증이 필요한지 궁금합니다."],
        ["수당을 지급하나요?", "수당을 지급합니까?", "수당이 지급되는지 알고 싶습니다."],
        ["창고의 관리자는 누구인가요?", "창고 관리자는 누구입니까?", "창고 관리자를 알려 주십시오."],
        ["What are the opening hours of the pool?", "Please tell me the opening hours of the pool."],
    ],
)
def test_forms_of_one_question_have_one_core(forms):
    assert len({core(form) for form in forms}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("하늘호는 언제 떠나나요?", "바다호는 언제 떠나나요?"),
        ("코드 ST40는 무슨 뜻인가요?", "코드 ST41는 무슨 뜻인가요?"),
        ("매점은 몇 시에 여나요?", "매점은 몇 시에 닫나요?"),
        ("휴가는 며칠인가요?", "휴게 시간은 얼마인가요?"),
        ("When does the pool open?", "When does the pool close?"),
    ],
)
def test_other_questions_have_other_cores(one, other):
    assert core(one) != core(other)
    assert not differ_in_endings_alone(one, other)


def test_nouns_that_end_like_particles_stay_whole():
    assert stems("효과와 제도, 창고, 광고, 배지, 결과") == ("효과", "제도", "창고", "광고", "배지", "결과")
    assert stems("하늘가 나린가") == ("하늘가", "나린가")


def test_another_word_or_another_order_is_more_than_another_ending():
    assert differ_in_endings_alone("본원의 주소는 어디인가요?", "본원 주소를 알려 주세요.")
    assert not differ_in_endings_alone("본원의 주소는 어디인가요?", "본원이 있는 위치는 어디인가요?")
    assert not differ_in_endings_alone("Where is the pool in Garam?", "In Garam, where is the pool?")


def test_stems_of_names_begin_alike():
    assert (
        same_stem("가람호", "가람")
        and not same_stem("가람호", "가람선")
        and not same_stem("ship", "shipyard")
    )


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("6시입니다", "6시"),
        ("본관1층이에요", "본관1층"),
        ("부서장이승인한다", "부서장이승인"),
        ("st40", "st40"),
        ("", ""),
    ],
)
def test_an_answer_without_its_ending(key, body):
    assert without_final_ending(key) == body
