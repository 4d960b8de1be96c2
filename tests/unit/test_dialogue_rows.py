"""Rows with a system message and earlier turns, through the stages that compare, reword and split them."""

from qaloom.augment.stage import augment
from qaloom.config.load import complete
from qaloom.dedup.stage import dedup
from qaloom.files import read_lines, write_lines
from qaloom.records import Row, context_text, other_wording, row_context
from qaloom.split.stage import split
from qaloom.validate.stage import ReadOptions, validate_file

CONFIG = complete({"data": {"sources": ["-"]}, "runs": {"demo": {}}})
WEEKDAY = [("평일에는 몇 시에 여나요?", "9시에 엽니다.")]
STAFF = [("평일에는 몇 명이 근무하나요?", "네 명이 근무합니다.")]


def row(question, answer, line, system="", history=()):
    made = Row("", question, "", answer, "a.jsonl", line, "a", "{}", system=system, history=list(history))
    made.id = made.identity
    return made


ROWS = [
    row("그럼 주말에는요?", "10시에 엽니다.", 1, history=WEEKDAY),
    row("그럼 주말에는요?", "10시에 엽니다.", 2, history=STAFF),
    row("보증은 어떻게 되나요?", "1년", 3, system="너는 냉장고 담당자다."),
    row("보증은 어떻게 되나요?", "1년", 4, system="너는 세탁기 담당자다."),
    row("보증은 어떻게 되나요?", "1년", 5, system="너는 세탁기 담당자다."),
]


def deduplicated(folder):
    write_lines(folder / "in.jsonl", ROWS)
    dedup(folder / "in.jsonl", folder / "dedup", CONFIG["dedup"], threads=1)
    return read_lines(folder / "dedup/rows.jsonl", Row)


def test_the_context_is_what_a_comparison_sees_beside_the_question():
    assert context_text("", [], "i") == "i"
    assert context_text("s", [("a", "b")], "i") == "s\n\nQ: a\nA: b\n\ni"
    assert row_context(ROWS[0].texts) == ROWS[0].context == "Q: 평일에는 몇 시에 여나요?\nA: 9시에 엽니다."
    assert len({one.id for one in ROWS}) == 4


def test_the_same_question_under_another_context_is_no_duplicate(tmp_path):
    kept = deduplicated(tmp_path)
    assert len(kept) == 4
    assert {(one.system, tuple(map(tuple, one.history))) for one in kept} == {
        (one.system, tuple(one.history)) for one in ROWS
    }


def test_personal_data_in_a_dialogue_is_masked(tmp_path):
    write_lines(
        tmp_path / "in.jsonl", [row("어디로 보내나요?", "거기로", 1, "s", [("메일은?", "a@example.com")])]
    )
    dedup(tmp_path / "in.jsonl", tmp_path / "out", CONFIG["dedup"] | {"pii": "mask"}, threads=1)
    [kept] = read_lines(tmp_path / "out/rows.jsonl", Row)
    assert "@" not in kept.history[0][1]
    assert kept.id == kept.identity


def test_another_wording_rewords_the_last_question_alone(tmp_path):
    made = other_wording(ROWS[0], "주말에는 언제 여나요?", "augmented", "rules")
    assert (made.instruction, made.history, made.parent) == ("주말에는 언제 여나요?", WEEKDAY, ROWS[0].id)
    deduplicated(tmp_path)
    augment(tmp_path / "dedup/rows.jsonl", tmp_path / "augment", CONFIG["augment"])
    written = {one.id: one for one in read_lines(tmp_path / "augment/rows.jsonl", Row)}
    for one in written.values():
        if one.parent:
            assert (one.system, one.history) == (written[one.parent].system, written[one.parent].history)


def test_the_splits_files_keep_system_and_history(tmp_path):
    rows = deduplicated(tmp_path)
    settings = CONFIG["split"] | {"unseen_fraction": 0, "recall_fraction": 0}
    split(tmp_path / "dedup/rows.jsonl", tmp_path / "dedup/clusters.jsonl", tmp_path / "split", settings, 0.9)
    texts = {line["id"]: line for line in read_lines(tmp_path / "split/train.jsonl")}
    for one in rows:
        assert texts[one.id].get("system", "") == one.system
        assert texts[one.id].get("history", []) == [list(pair) for pair in one.history]


def test_of_a_dialogue_every_answer_may_become_a_row(tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_text(
        '{"conversations": [{"from": "human", "value": "Q: 언제 여나요?"}, {"from": "gpt", "value": "A: 9시"},'
        ' {"from": "human", "value": "주말에는요?"}, {"from": "gpt", "value": "10시"}]}\n'
    )
    stats = validate_file(source, "a.jsonl", tmp_path / "out", ReadOptions("all"))
    first, last = read_lines(tmp_path / "out/rows.jsonl", Row)
    assert (stats["in"], stats["out"]) == (2, 2)
    assert (first.instruction, first.output, first.history) == ("언제 여나요?", "9시", [])
    assert (last.instruction, [tuple(pair) for pair in last.history]) == (
        "주말에는요?",
        [("언제 여나요?", "9시")],
    )
