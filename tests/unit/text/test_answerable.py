"""Rows near to a question that answer another one: other names, values, opposites, one word more."""

import pytest

from qaloom.text.answerable import asks_for_another, words_missing

ROW = ("한빛도서관은 평일 몇 시에 여나요?", "오전 9시")


@pytest.mark.parametrize(
    ("question", "row"),
    [
        ("무지개도서관은 평일 몇 시에 여나요?", ROW),
        ("오류 코드 E74는 무슨 뜻인가요?", ("오류 코드 E31은 무슨 뜻인가요?", "용지 없음")),
        ("Who runs the Willowmere library?", ("Who runs the Norwick library?", "Ada Quillane")),
        ("2019년 매출은 얼마인가요?", ("2018년 매출은 얼마인가요?", "30억 원")),
        ("직원 구내식당 점심시간은 언제인가요?", ("구내식당 점심시간은 언제인가요?", "오전 11시 40분")),
        ("도서관은 주말 몇 시에 여나요?", ("도서관은 평일 몇 시에 여나요?", "오전 9시")),
        ("이용할 수 없는 날은 언제인가요?", ("이용할 수 있는 날은 언제인가요?", "매주 월요일")),
        ("How many pockets has the winter jacket?", ("How many pockets has the rescue vest?", "7")),
        ("What is the maximum load of the hoist?", ("What is the minimum load of the hoist?", "5 kg")),
    ],
)
def test_another_thing_is_asked(question, row):
    assert asks_for_another(question, *row)


@pytest.mark.parametrize(
    ("question", "row"),
    [
        ("한빛도서관은 평일에 언제 열어요?", ROW),
        ("E31 코드의 의미가 궁금합니다.", ("오류 코드 E31은 무슨 뜻인가요?", "용지 없음")),
        ("Which meeting room is the largest one?", ("Largest meeting room?", "the Juniper Room")),
        ("비밀번호 변경 주기는 어떻게 되나요?", ("비밀번호는 며칠마다 바꿔야 하나요?", "90일마다")),
        ("the hoist's load limit, please", ("What load may the hoist carry at most?", "250 kg")),
        ("수강료 12만 8천 원은 언제 내나요?", ("수강료는 얼마이고 언제 내나요?", "128,000원, 첫날 아침")),
    ],
)
def test_the_same_thing_in_other_words_is_not_another(question, row):
    assert not asks_for_another(question, *row)


def test_words_are_missing_by_their_stems():
    assert words_missing("도서관에서 책을 빌려요", "도서관 책") == ["빌리"]
    assert words_missing("the gloves", "a glove") == []
