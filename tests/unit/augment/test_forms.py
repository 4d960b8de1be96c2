"""Forms beside questions: made where a rule is sure, marked, and with the answer word for word."""

import pytest
from msgspec.structs import replace

from qaloom.augment.forms import forms_of
from qaloom.config.settings import FormSettings
from qaloom.records import Row, row_id

AUTO = FormSettings(statement=False, reverse=False, cloze=False, keywords="auto")
ALL = FormSettings(statement=True, reverse=True, cloze=True, keywords=0)
NONE = FormSettings(statement=False, reverse=False, cloze=False, keywords=0)


def row(question, answer, input=""):
    return Row(row_id(question, input, answer), question, input, answer, "a.jsonl", 3, "a", {"page": 1})


def made(*rows, settings=ALL):
    return {form.provider: (form.instruction, form.output) for form in forms_of(rows, settings)}


def test_forms_of_an_english_and_a_korean_row():
    assert made(row("How much does the red kettle cost?", "30 euros")) == {
        "statement": ("State a fact from the documents.", "The red kettle costs 30 euros."),
        "reverse": ('Which question does "30 euros" answer?', "How much does the red kettle cost?"),
        "cloze": ("Fill in the blank: The red kettle costs ____.", "30 euros"),
    }
    assert made(row("창고의 주소는 어디인가요?", "바다로 3")) == {
        "statement": ("문서에 있는 사실을 하나 적어 주세요.", "창고의 주소는 바다로 3입니다."),
        "reverse": ("다음이 답인 질문을 적어 주세요: 바다로 3", "창고의 주소는 어디인가요?"),
        "cloze": ("빈칸에 들어갈 말을 적어 주세요: 창고의 주소는 ____입니다.", "바다로 3"),
    }


def test_a_form_knows_its_row_and_is_marked():
    parent = row("Where is the old boiler?", "in the cellar")
    for form in forms_of([parent], ALL):
        assert (form.origin, form.parent, form.source, form.line) == ("form", parent.id, "a.jsonl", 3)
        assert form.id == form.identity != parent.id


def test_each_is_a_choice():
    one = row("Where is the old boiler?", "in the cellar")
    assert not made(one, settings=NONE)
    assert set(made(one, settings=replace(NONE, cloze=True))) == {"cloze"}


def test_an_answer_of_two_rows_is_not_asked_for():
    rows = [row("Where is the boiler?", "in the cellar"), row("Where is the wine?", "In the cellar.")]
    assert {form.provider for form in forms_of(rows, ALL)} == {"statement", "cloze"}


@pytest.mark.parametrize(
    "one",
    [
        row("Is a badge required?", "Yes."),
        row("연차는 언제 쓰나요?", "제공된 문맥에서 찾을 수 없습니다."),
        row("What does it cost?", "5 euros", input="A list of prices."),
        row("Где стоит котёл?", "в подвале"),
        row("", "x"),
    ],
)
def test_what_says_nothing_by_itself_has_no_form(one):
    assert forms_of([one], ALL) == []


def test_rows_that_make_the_same_form_make_it_once():
    one = row("Where is the boiler?", "in the cellar")
    assert len(forms_of([one, replace(one, id="other", line=9)], replace(ALL, reverse=False))) == 2


def test_keyword_forms_keep_the_answer_and_are_marked():
    one = row("Where is the old boiler?", "in the cellar")
    forms = forms_of([one], replace(NONE, keywords=4))
    assert {form.instruction for form in forms} >= {"old boiler"}
    assert {(form.output, form.origin, form.provider) for form in forms} == {
        ("in the cellar", "form", "keywords")
    }


def test_what_is_a_row_already_is_no_form():
    one = row("Where is the old boiler?", "in the cellar")
    keywords = row("old boiler", "in the cellar")
    assert all(form.id != keywords.id for form in forms_of([one, keywords], replace(NONE, keywords=4)))
    assert all(form.id != keywords.id for form in forms_of([one], replace(NONE, keywords=4), {keywords.id}))


def test_automatic_keyword_forms_are_of_few_rows_alone(monkeypatch, capsys):
    rows = [
        row(f"Where is the old {thing} of the town hall?", thing) for thing in ("boiler", "kettle", "lamp")
    ]
    assert forms_of(rows, AUTO) == forms_of(rows, replace(NONE, keywords=8)) != []
    monkeypatch.setattr("qaloom.augment.forms._FEW_ROWS", 2)
    assert forms_of(rows, AUTO) == [] != forms_of(rows, replace(NONE, keywords=8))
    assert "no keyword forms, as there are more than 2 rows" in capsys.readouterr().err


def test_no_keyword_form_denies_what_its_question_does_not():
    one = row("환불 신청은 며칠 안에 해야 하나요?", "7일")
    texts = [form.instruction for form in forms_of([one], replace(NONE, keywords=8))]
    assert texts and not any("안" in text.rstrip("?").split() for text in texts)
