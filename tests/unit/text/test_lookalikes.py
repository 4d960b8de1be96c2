"""Look-alike questions: what is replaced, the particles, and what stays."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.text.lookalike_names import COINED, PLACE_NAMES, STEMS, TRANSLITERATED
from qaloom.text.lookalikes import _mentions, look_alikes


def made(question, fresh=lambda *_: True, allowed=lambda _: True, common=lambda _: 0, seed=3):
    return next(look_alikes(question, seed, fresh, allowed, common), None)


@pytest.mark.parametrize(
    ("question", "replaced", "rest", "kind"),
    [
        ("한빛도서관은 몇 시에 문을 여나요?", "한빛도서관", "도서관은 몇 시에 문을 여나요?", "name"),
        ("도서관의 개관 시각은 언제인가요?", "", " 도서관의 개관 시각은 언제인가요?", "name"),
        ("연구동의 개관 시각은 언제인가요?", "연구동", "동의 개관 시각은 언제인가요?", "name"),
        ("이서윤 과장의 내선번호는 몇 번인가요?", "이서윤", " 과장의 내선번호는 몇 번인가요?", "name"),
        ("한라산의 높이는 얼마인가요?", "한라산", "산의 높이는 얼마인가요?", "name"),
        ("가람호의 출항 시각은 언제인가요?", "가람호", "호의 출항 시각은 언제인가요?", "name"),
        ("오류 코드 TS1는 무슨 뜻인가요?", "TS1", " 무슨 뜻인가요?", "code"),
        ("제5조는 무엇을 규정하나요?", "5", "조는 무엇을 규정하나요?", "number"),
        ("3호선의 배차 간격은 얼마인가요?", "3", "호선의 배차 간격은 얼마인가요?", "number"),
        ("What does error 404 mean?", "404", " mean?", "code"),
        ("When does the Harbor Library open?", "Harbor Library", " Library open?", "name"),
        ("When does the library open?", "", " library open?", "name"),
        ("What is in Room 204?", "204", "?", "number"),
    ],
)
def test_what_is_replaced(question, replaced, rest, kind):
    found = made(question)
    assert (found.replaced, found.kind) == (replaced, kind)
    assert found.question.endswith(rest) and found.question != question
    assert found.put_in in found.question


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("구글은 언제 설립되었나요?", "는 언제 설립되었나요?"),
        ("구글이 만든 것은 무엇인가요?", "가 만든 것은 무엇인가요?"),
        ("구글을 누가 세웠나요?", "를 누가 세웠나요?"),
        ("구글과 합친 곳은 어디인가요?", "와 합친 곳은 어디인가요?"),
        ("서울은 언제 생겼나요?", "시는 언제 생겼나요?"),
        ("Debian은 무엇인가요?", "는 무엇인가요?"),
    ],
)
def test_particles_fit_what_is_put_in(question, rest):
    assert made(question).question.endswith(rest)


def test_the_particle_behind_a_number_is_as_it_is_spoken():
    for seed in range(30):
        found = made("오류 코드 E31은 무슨 뜻인가요?", seed=seed)
        assert found.question.removeprefix(f"오류 코드 {found.put_in}")[0] == (
            "은" if found.put_in[-1] in "013678" else "는"
        )


@pytest.mark.parametrize(
    "question",
    [
        "10명 이상 예약하면 할인이 되나요?",
        "3년 이상 근속하면 휴가가 며칠 늘어나나요?",
        "연체하면 어떻게 되나요?",
        "How long is annual leave after 5 years?",
        "What is a class?",
        "What is in Appendix B?",
        "Do I have to like “Monty Python’s Flying Circus”?",
        "코드 GC12~GC99는 무슨 뜻인가요?",
        "데비안이 무엇인지 알겠어요. 그것은 왜 필요한가요?",
        "다른 도서관의 책을 받으려면 며칠이 걸리나요?",
    ],
)
def test_questions_without_a_place_for_another_name(question):
    assert made(question) is None


def test_what_the_data_mention_is_not_put_in():
    assert made("한빛도서관은 언제 여나요?", fresh=lambda *_: False) is None
    taken = {"E3", "E4"}
    found = made("오류 코드 E1은 무슨 뜻인가요?", fresh=lambda code, _: code not in taken and len(code) == 3)
    assert len(found.put_in) == 3


def test_reserved_names_are_left_alone():
    found = made("한빛도서관은 언제 여나요?", allowed=lambda name: name == "윤슬")
    assert found.put_in == "윤슬도서관"


def test_a_rare_name_in_passing_stays_and_what_the_data_are_about_goes():
    question = "How do I run a large Python program under Windows with tracing enabled?"
    assert made(question) is None
    found = made(question, common=lambda text: 40 if text == "Python" else 1)
    assert found.replaced == "Python" and "Windows" in found.question


def test_coined_names_have_a_sure_particle_and_stand_once():
    for name in (*COINED, *TRANSLITERATED):
        last = name[-1]
        assert last in "aeio" or (ord(last) - 0xAC00) % 28 == 0, name
        assert name[0] not in "AEIOU"
    everything = (*COINED, *PLACE_NAMES, *STEMS, *TRANSLITERATED)
    assert len(everything) == len(set(everything))


def test_the_same_seed_makes_the_same_question():
    assert made("한빛도서관은 언제 여나요?", seed=1) == made("한빛도서관은 언제 여나요?", seed=1)
    assert len({made("한빛도서관은 언제 여나요?", seed=seed).put_in for seed in range(20)}) > 5


@given(st.text("aA가나1-. ", max_size=20), st.text("aA가나1", min_size=1, max_size=3))
def test_a_name_is_mentioned_where_it_stands_as_a_word(question, name):
    pattern = rf"(?<![A-Za-z0-9가-힣]){re.escape(name)}(?![A-Za-z0-9])"
    assert list(_mentions(question, name)) == [match.start() for match in re.finditer(pattern, question)]
