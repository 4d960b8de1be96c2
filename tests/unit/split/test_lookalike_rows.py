"""Look-alikes of a split: nothing that is known is asked for, nothing is asked that is trained."""

import pytest
from random_sets import SETTINGS, T, write

from qaloom.files import read_lines
from qaloom.records import LookAlikeRow, Row, row_id
from qaloom.split.facts import comparison_of
from qaloom.split.lookalike_rows import Mentioned, in_turn, is_for_asking, make_look_alikes, mentioned_in
from qaloom.split.placement import Wording
from qaloom.split.stage import split
from qaloom.text.normalize import comparison_key


def placed(pairs, part="train"):
    rows = [Row(row_id(q, "", a), q, "", a, "a.jsonl", n, "a", "{}") for n, (q, a) in enumerate(pairs, 1)]
    wordings = [Wording(row, comparison_key(row.question), comparison_key(row.output)) for row in rows]
    for wording in wordings:
        wording.part = part
    return wordings


def made(wordings, **more):
    parents = in_turn(wordings, 7)
    return make_look_alikes(
        parents, wordings, comparison_of(wordings, 0.9), 7, mentioned_in(wordings), **more
    )


CODES = [(f"오류 코드 E{n}는 무슨 뜻인가요?", f"뜻 {n}") for n in range(10, 60)]
SHIPS = [
    (f"{name}호의 출항 시각은 언제인가요?", f"{n}시")
    for n, name in enumerate(["가람", "나래", "다온", "라온", "마루", "바다"])
]


@pytest.mark.parametrize("pairs", [CODES, SHIPS])
def test_nothing_known_is_asked_for(pairs):
    wordings = placed(pairs)
    found = made(wordings)
    assert found
    text = " ".join(q + a for q, a in pairs)
    assert all(one.put_in not in text for one in found)
    assert {one.parent for one in found} <= {w.row.id for w in wordings}
    assert len({one.instruction for one in found}) == len(found)


def test_asking_and_training_share_no_question_and_no_name():
    wordings = placed(SHIPS + CODES)
    asked, trained = made(wordings), made(wordings, use="training")
    assert asked and trained
    assert not {one.parent for one in asked} & {one.parent for one in trained}
    assert not {one.put_in for one in asked if one.kind == "name"} & {one.put_in for one in trained}
    assert all(is_for_asking(7, one.put_in.removesuffix("호")) for one in asked if one.kind == "name")


def test_held_out_rows_and_paraphrases_are_no_models():
    assert made(placed(CODES, "unseen")) == []
    wordings = placed(CODES)
    for wording in wordings:
        wording.row.origin = "augmented"
    assert made(wordings) == []


def test_at_most_so_many_and_the_same_each_time():
    wordings = placed(CODES)
    assert len(made(wordings, most=5)) == 5
    assert made(wordings, most=5) == made(list(reversed(wordings)), most=5) == made(wordings)[:5]


def test_nothing_is_made_of_questions_without_names():
    assert made(placed([("연체하면 어떻게 되나요?", "정지"), ("What is a class?", "a type")])) == []
    assert made([]) == []


def test_mentions_are_found_in_any_notation():
    mentioned = Mentioned(["Error KP-3381 in 은하 수 도서관, 제 5 조"])
    assert not mentioned.nowhere("KP3381", "code")
    assert not mentioned.nowhere("은하수", "name")
    assert not mentioned.nowhere("5", "number")
    assert mentioned.nowhere("KP-3382", "code") and mentioned.nowhere("무지개", "name")


def test_a_word_counts_once_a_question():
    mentioned = Mentioned([], ["은하관의 은하관 KP-3381", "(은하관) KP", "무지개"])
    assert [mentioned.common(text) for text in ("은하관", "KP", "KP-3381", "무지개 은하관", "")] == [
        2,
        2,
        1,
        1,
        0,
    ]


def test_a_split_writes_them_and_says_so(tmp_path, capsys):
    rows = [w.row for w in placed(CODES)]
    manifest = split(*write(tmp_path, rows), tmp_path / "out", SETTINGS, T)
    written = read_lines(tmp_path / "out/lookalike.jsonl", LookAlikeRow)
    assert len(written) == manifest.lookalike > 10
    assert f"{manifest.lookalike} look-alike questions" in capsys.readouterr().err
    split(*write(tmp_path, rows[:1]), tmp_path / "out", SETTINGS | {"unseen_fraction": 0.0}, T)
