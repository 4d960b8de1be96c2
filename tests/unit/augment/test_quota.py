"""Quota: rows of one fact, and the choice of wordings that differ most."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.augment.quota import mean_distance, most_varied, rows_by_fact, wording_distance
from qaloom.records import Row


def facts(*rows):
    made = [Row(str(n), q, "", a, "a.jsonl", n, "doc", "{}") for n, (q, a) in enumerate(rows)]
    return sorted(sorted(int(row.id) for row in fact) for fact in rows_by_fact(made))


def test_wordings_of_one_fact_are_together():
    found = facts(
        ("When is the reference library open?", "from 9:30 to 17:00"),
        ("What are the opening hours of the institute's library?", "from 9:30 to 17:00"),
        ("I need a book; at what times can I visit the library?", "from 9:30 to 17:00"),
        ("비밀번호 변경 주기를 알려 주세요.", "90일마다"),
        ("비밀번호를 며칠이나 쓰고 나면 다시 바꿔야 하나요?", "90일마다"),
    )
    assert found == [[0, 1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("How long is the leave of new employees?", "How long is the leave of old employees?", "15 days"),
        ("Where is the library?", "Where is the laboratory?", "Second floor"),
        ("2번 창고의 관리자는 누구인가요?", "3번 창고의 관리자는 누구인가요?", "총무팀 과장"),
        ("Is smoking allowed?", "Is cycling allowed?", "No."),
        ("주차가 되나요?", "출입증이 필요한가요?", "예"),
    ],
)
def test_another_name_number_or_a_mere_yes_is_another_fact(one, other, answer):
    assert facts((one, answer), (other, answer)) == [[0], [1]]


def test_the_same_question_of_another_answer_is_another_fact():
    assert facts(("Where is it?", "here"), ("Where is it?", "there")) == [[0], [1]]


def test_distance_is_of_content_words():
    assert wording_distance("회의는 언제 시작하나요?", "회의는 언제 시작하는지 알려 주세요.") == 0
    assert (
        wording_distance("Where are spare fuses stored?", "Please tell me where spare fuses are stored.") == 0
    )
    assert wording_distance("Where are spare fuses stored?", "Opening hours on Sunday?") == 1
    assert 0 < wording_distance("Where are spare fuses stored?", "Which shelf holds spare fuses?") < 1
    assert mean_distance(["Where is it?"]) is None


words = st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta", "omega"]), min_size=1, max_size=4).map(
    " ".join
)


@given(have=st.lists(words, max_size=2), texts=st.lists(words, max_size=6), count=st.integers(0, 4))
def test_each_choice_is_the_farthest_from_all_before(have, texts, count):
    picked = most_varied(have, texts, count)
    assert len(picked) == len(set(picked)) == min(count, len(texts))
    if len(texts) <= count:
        return
    before = list(have)
    for position, chosen in enumerate(picked):
        left = [i for i in range(len(texts)) if i not in picked[:position]]
        far = {i: min((wording_distance(texts[i], one) for one in before), default=1.0) for i in left}
        assert chosen == min(i for i in left if far[i] == max(far.values()))
        before.append(texts[chosen])


def test_mean_distance_of_all_pairs():
    wordings = ["spare fuses place", "spare fuses", "where does one put fuses"]
    pairs = [wording_distance(*pair) for pair in combinations(wordings, 2)]
    assert mean_distance(wordings) == pytest.approx(sum(pairs) / 3)
