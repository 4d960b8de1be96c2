"""The scores against published rules and examples, rule by rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.evaluate.metrics import (
    SCORES,
    char_f1,
    contains_reference,
    exact_match,
    korquad_normal,
    number_accuracy,
    numbers_and_codes,
    scores,
    squad_normal,
    token_f1,
)
from qaloom.text.language import language

KORQUAD_RULES = [
    ("'독도'", "독도"),  # straight quotes become spaces
    ('"독도"', "독도"),
    ("《삼국사기》", "삼국사기"),  # double angle brackets
    ("〈별 헤는 밤〉", "별 헤는 밤"),  # single angle brackets
    ("<아리랑>", "아리랑"),
    ("‘훈민정음’", "훈민정음"),  # typographic single quotes
    ("서울(한양)", "서울 한양"),  # a bracket parts two words
    ("「경국대전」", "「경국대전」"),  # corner brackets are not on its list
    ("“독도”", "“독도”"),  # nor typographic double quotes
    ("1,200원", "1200원"),  # ASCII punctuation goes without a trace
    ("3.14", "314"),  # the decimal point too
    ("-5도", "5도"),  # and the sign
    ("2024-03-05", "20240305"),
    ("A.B.C", "abc"),
    ("Seoul", "seoul"),  # lower case
    ("가격은  12,000원\t이다.\n", "가격은 12000원 이다"),  # spaces run together, ends trimmed
    ("the 독도", "the 독도"),  # English articles stay, unlike SQuAD
    ("５", "５"),  # full-width digits stay
    ("예·아니오", "예·아니오"),  # the middle dot is not ASCII
    ("~!@#$%^&*_+=[]{}|\\:;/?`", ""),
    ("", ""),
]

SQUAD_RULES = [
    ("The Eiffel Tower", "eiffel tower"),  # lower case, no article
    ("a an the", ""),
    ("an apple, a day", "apple day"),  # no punctuation
    ("theatre and thermos", "theatre and thermos"),  # whole words only
    ("it's", "its"),
    ("U.S.A.", "usa"),
    ("  two   words ", "two words"),
    ("(1969)", "1969"),
]


@pytest.mark.parametrize(("text", "normal"), KORQUAD_RULES)
def test_korquad_normalisation(text: str, normal: str) -> None:
    assert korquad_normal(text) == normal


@pytest.mark.parametrize(("text", "normal"), SQUAD_RULES)
def test_squad_normalisation(text: str, normal: str) -> None:
    assert squad_normal(text) == normal


@pytest.mark.parametrize(
    ("prediction", "reference", "score"),
    [
        ("가람시 물빛로 27", "가람시 물빛로 27", 1),
        ("가람시 물빛로 27.", "가람시 물빛로 27", 1),
        ("《가람시》", "가람시", 1),
        ("가람시물빛로", "가람시 물빛로", 0),  # spaces count
        ("가람시입니다", "가람시", 0),  # so does an ending
        ("OPEN", "open", 1),
        ("1.5", "15", 1),  # the official rules cannot tell these apart
        ("", "답", 0),
        ("", "...", 1),
    ],
)
def test_exact_match(prediction: str, reference: str, score: float) -> None:
    assert exact_match(prediction, reference) == score


@pytest.mark.parametrize(
    ("prediction", "reference", "score"),
    [
        ("서울시", "서울", 0.8),  # 2 of 3 and 2 of 2
        ("서 울", "서울", 1),  # spaces do not count
        ("울서", "서울", 1),  # nor does order
        ("부산", "서울", 0),
        ("가가", "가", 2 / 3),  # counted as often as they stand there
        ("", "서울", 0),
        ("", "", 0),  # as in the official script
        ("12,000원", "12000원", 1),
        ("abcd", "ABxy", 0.5),
    ],
)
def test_char_f1(prediction: str, reference: str, score: float) -> None:
    assert char_f1(prediction, reference) == pytest.approx(score)


@pytest.mark.parametrize(
    ("prediction", "reference", "score"),
    [
        ("the cat sat", "cat sat", 1),
        ("the cat sat down", "a cat sat", 0.8),
        ("dog", "cat", 0),
        ("no no", "no", 2 / 3),
        ("", "", 0),
        ("물빛로 27 입니다", "물빛로 27", 0.8),
    ],
)
def test_token_f1(prediction: str, reference: str, score: float) -> None:
    assert token_f1(prediction, reference) == pytest.approx(score)


@pytest.mark.parametrize(
    ("prediction", "reference", "score"),
    [
        ("주소는 물빛로 27입니다.", "물빛로 27", 1),  # a particle may follow
        ("주소는 물빛로 275입니다.", "물빛로 27", 0),  # a digit may not
        ("It starts at 9 am", "9 AM", 1),
        ("It starts at 19 am", "9 am", 0),
        ("start", "art", 0),
        ("값은 1.5이다", "15", 0),
        ("값은 1.5이다", "5", 0),
        ("값은 5.", "5", 1),
        ("답: (가) 《나》", "가 나", 1),
        ("무엇이든", "...", None),
        ("", "답", 0),
    ],
)
def test_contains_reference(prediction: str, reference: str, score: float | None) -> None:
    assert contains_reference(prediction, reference) == score


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,200원", ["1200 원"]),
        ("１２개", ["12 개"]),
        ("1.5% 또는 3.10", ["1.5 %", "3.10 "]),
        ("2024.3.5", ["2024 년", "3 월", "5 일"]),
        ("영하 5도, −7도", ["－5 도", "－7 도"]),
        ("192.168.1.11", ["192.168.1.11 "]),
        ("12,34", ["12，34 "]),
        ("제3조", ["3 조"]),
        ("삼만 원", ["30000 원"]),
        ("KS-X-1001을 B2에", ["ksx1001 ", "b2 "]),
        ("Room F-16, 10KG", ["f16 ", "10 kg"]),
        ("v2.1", ["v2.1 "]),
        ("e-mail", []),
    ],
)
def test_figures(text: str, found: list[str]) -> None:
    assert [f"{figure.figure} {figure.unit}" for figure in numbers_and_codes(text)] == found


@pytest.mark.parametrize(
    ("prediction", "reference", "score"),
    [
        ("총 1200원", "1,200원", 1),
        ("2024년 3월", "2024년 3월 5일", 0),
        ("2024.3.5.에 시작", "2024년 3월 5일", 1),
        ("3만 원", "30,000원", 1),
        ("5 MW", "5 mW", 0),
        ("5", "5 mW", 1),
        ("5 대 3", "3 대 5", 0),
        ("15", "1.5", 0),
        ("5", "-5", 0),
        ("Room C2", "Room B2", 0),
        ("ks x-1001", "KS-X-1001", 0),
        ("KSX1001입니다", "KS-X-1001", 1),
        ("모릅니다", "모릅니다", None),
    ],
)
def test_number_accuracy(prediction: str, reference: str, score: float | None) -> None:
    assert number_accuracy(prediction, reference) == score


@given(st.text(), st.text())
def test_every_score_is_a_share_or_not_available(prediction: str, reference: str) -> None:
    assert all(score is None or 0 <= score <= 1 for score in scores(prediction, reference).values())


@given(st.text(), st.text(), st.text())
def test_whether_a_score_exists_depends_on_the_reference_alone(one: str, other: str, reference: str) -> None:
    for score in SCORES.values():
        assert (score(one, reference) is None) == (score(other, reference) is None)


@given(st.text())
def test_a_reference_answers_itself(text: str) -> None:
    assert exact_match(text, text) == 1
    assert contains_reference(text, text) in (1, None)
    assert number_accuracy(text, text) in (1, None)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("본원의 주소는?", "ko"),
        ("What does 벼리늘 do?", "en"),
        ("Kubernetes란?", "ko"),
        ("Windows Defender의 설정 방법은?", "ko"),
        ("Where is the office?", "en"),
        ("¿Dónde está?", "other"),
        ("東京はどこ?", "other"),
        ("1234", "other"),
        ("", "other"),
        ("한글".encode().decode().replace("한", "\u1112\u1161\u11ab"), "ko"),  # decomposed
    ],
)
def test_language(text: str, name: str) -> None:
    assert language(text) == name
