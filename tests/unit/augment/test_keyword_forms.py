"""Keyword forms: content words that together stand in no question with another answer."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from qaloom.augment.keyword_forms import KeywordForms
from qaloom.records import Row, row_id


def rows_of(*pairs):
    return [Row(row_id(q, "", a), q, "", a, "a.jsonl", n, "a", "{}") for n, (q, a) in enumerate(pairs)]


def forms(*pairs, most=20):
    rows = rows_of(*pairs)
    return KeywordForms(rows).of(rows[0], most)


def words(text):
    return frozenset(text.rstrip("?").split())


def test_all_words_come_first_and_no_form_is_a_single_word():
    found = forms(("Where is the covered bicycle shed?", "at the gate"))
    assert found[0] == "covered bicycle shed"
    assert {len(words(one)) for one in found} == {2, 3}
    assert {words(one) for one in found} <= {
        frozenset(some) for some in (["covered", "bicycle"], ["covered", "shed"], ["bicycle", "shed"],
                                     ["covered", "bicycle", "shed"])
    }  # fmt: skip


def test_words_of_a_question_with_another_answer_name_nothing():
    found = forms(
        ("Where is the covered bicycle shed?", "at the gate"), ("Who cleans the bicycle sheds?", "Mr Hall")
    )
    assert found and all("covered" in words(one) for one in found)
    korean = forms(("기밀 문서 보관 장소는 어디인가요?", "금고"), ("기밀문서는 누가 폐기하나요?", "총무과"))
    assert korean and not any(words(one) <= {"기밀", "문서"} for one in korean)


def test_words_of_the_same_answer_do_not_stand_in_the_way():
    pairs = [("Where is the bicycle shed?", "at the gate"), ("The bicycle shed: where?", "At the gate.")]
    assert any(words(one) == {"bicycle", "shed"} for one in forms(*pairs))


def test_figures_and_limits_are_in_every_form():
    found = forms(("Who approves purchases above 2,000 euros?", "the director"))
    assert found and all({"above", "2,000"} <= words(one) for one in found)
    found = forms(("30명 이상 단체의 입장료는 얼마인가요?", "4천 원"))
    assert found and all("30명" in words(one) and "이상" in words(one) for one in found)


def test_a_question_that_denies_something_has_none():
    assert forms(("Which gloves must not be worn in the lab?", "leather gloves")) == []
    assert forms(("실험실에서 신으면 안 되는 신발은 무엇인가요?", "샌들")) == []
    assert forms(("Where is it?", "here")) == []


def test_the_same_rows_have_the_same_forms_and_as_many_as_wanted():
    pair = ("What colour is the main valve of the gas supply line?", "teal")
    assert forms(pair) == forms(pair)
    assert len(forms(pair, most=3)) == 3 and forms(pair, most=0) == []


NAMES = st.lists(
    st.sampled_from(["pump", "valve", "door", "lamp", "hose", "tank"]), min_size=2, max_size=4, unique=True
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NAMES, st.sampled_from(["north", "south", "east"])), min_size=1, max_size=6))
def test_every_form_names_its_answer_alone(pairs):
    rows = rows_of(*((f"Where is the {' '.join(names)}?", answer) for names, answer in pairs))
    known = KeywordForms(rows)
    for row in rows:
        for one in known.of(row, 8):
            answers = Counter(r.output for r in rows if words(one) <= words(r.instruction))
            assert set(answers) == {row.output}
