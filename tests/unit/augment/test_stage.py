"""Augment: what goes on unchanged, what is added, and every gate by its reason code."""

import json
from collections import Counter

import pytest

from qaloom.augment import stage as module
from qaloom.augment.stage import augment
from qaloom.config.load import complete
from qaloom.files import read_lines, write_lines
from qaloom.records import Paraphrases, Rejection, Row, row_id


def settings(**changed):
    """The section `augment` with its defaults, without keyword forms."""
    changed["forms"] = {"keywords": 0} | changed.get("forms", {})
    config = {"data": {"sources": ["a"]}, "runs": {"one": {}}, "augment": changed}
    return complete(config)["augment"]


SETTINGS = settings(wordings=3)
LOOSE = settings(gates={"words_kept": 0, "words_added": 9, "least_similar": 0})


def row(question, answer, input="", line=1, group="doc"):
    return Row(
        row_id(question, input, answer), question, input, answer, "data/a.jsonl", line, group, '{"page":3}'
    )


def run(tmp_path, rows, settings=SETTINGS, name="out", shards=()):
    write_lines(tmp_path / "rows.jsonl", rows)
    stats = augment(tmp_path / "rows.jsonl", tmp_path / name, settings, shards)
    written = read_lines(tmp_path / name / "rows.jsonl", Row)
    rejected = read_lines(tmp_path / name / "rejected.jsonl", Rejection)
    assert stats["in"] == stats["out"] + stats["rejected"] == len(written) + len(rejected)
    assert stats["reasons"] == dict(sorted(Counter(r.reason for r in rejected).items()))
    return stats, written, rejected


def proposing(monkeypatch, table):
    monkeypatch.setattr(module, "rewrite", lambda question: table.get(question, []))


def by_a_model(tmp_path, table):
    """Settings and shards with paraphrases that a model made."""
    write_lines(tmp_path / "shard.jsonl", [Paraphrases(q, "seq2seq", made) for q, made in table.items()])
    return {"settings": settings(providers=["seq2seq"]), "shards": [tmp_path / "shard.jsonl"]}


def test_rows_go_on_unchanged_and_paraphrases_follow_sorted(tmp_path):
    rows = [
        row("본원의 주소는 어디인가요?", "가람시 27"),
        row("Where is the library?", "Second floor", line=2),
    ]
    stats, written, rejected = run(tmp_path, rows)
    assert written[:2] == rows and not rejected
    added = written[2:]
    assert stats["proposed"] == stats["augmented"] == len(added) == 4
    assert [r.id for r in added] == sorted(r.id for r in added)
    by_id = {r.id: r for r in rows}
    for new in added:
        parent = by_id[new.parent]
        assert (new.output, new.input, new.source, new.line, new.group) == (
            parent.output, parent.input, parent.source, parent.line, parent.group,
        )  # fmt: skip
        assert (new.origin, new.provider) == ("augmented", "rules")
        assert new.id == row_id(new.instruction, new.input, new.output)


def test_no_providers_no_paraphrases(tmp_path):
    rows = [row("본원의 주소는 어디인가요?", "가람시 27")]
    stats, written, _ = run(tmp_path, rows, settings(providers=[]))
    assert written == rows and stats["proposed"] == 0


def test_each_fact_gets_its_quota_and_its_own_wordings_count(tmp_path):
    rows = [row(f"{name}의 주소는 어디인가요?", name) for name in ("가람", "나래")]
    rows.append(row("나래 주소가 어떻게 되는지 알려 줄 수 있나요?", "나래", line=3))
    for quota in (1, 2, 3, 4):
        stats, *_ = run(tmp_path, rows, settings(wordings=quota), f"out{quota}")
        assert stats["augmented"] == quota - 1 + max(0, quota - 2)
        assert stats["coverage"] | {"distance": 0} == {
            "wordings": quota, "facts": 2, "at_quota": 2, "below": 0, "without_proposal": 0, "dropped": {},
            "distance": 0,
        }  # fmt: skip


def test_order_of_rows_changes_nothing_that_is_added(tmp_path):
    rows = [row(f"{name}의 주소는 어디인가요?", name) for name in ("가람", "나래", "다솜", "라온")]
    one = run(tmp_path, rows)[1][4:]
    other = run(tmp_path, rows[::-1], name="other")[1][4:]
    assert one == other


@pytest.mark.parametrize(
    "question, proposal, reason",
    [
        (
            "What is the load limit of the harness, 140 or 150 kg?",
            "What is the load limits of the harness, 140 or 150 kg?",
            "near_copy",
        ),
        ("Where is the library?", "where is the LIBRARY", "near_copy"),
        ("Who led the team in 2023?", "Please tell me who led the team in 2032.", "numbers_changed"),
        ("Who led the team in 2023?", "Please tell me who led the team.", "numbers_changed"),
        ("본원의 주소는 어디인가요?", "Where is the head office?", "language_changed"),
        ("Where is the library?", "Where is the museum?", "words_lost"),
        ("Where is the second reading room?", "Please say where the reading room is, the second.", "clash"),
        ("Where is the museum?", "Say where the museum is!", "duplicate"),
    ],
)
def test_gates(tmp_path, question, proposal, reason):
    made = by_a_model(tmp_path, {question: [proposal]})
    rows = [
        row(question, "answer one"),
        row("Please say where the reading room is, the sixth", "answer two", line=2),
        row("Say where the museum is", "answer one", line=3),
    ]
    _, written, rejected = run(tmp_path, rows, **made)
    assert written == rows
    assert [r.reason for r in rejected] == [reason] and rejected[0].detail
    assert rejected[0].row["instruction"] == proposal


def test_a_paraphrase_that_two_facts_share_is_neither_s(tmp_path, monkeypatch):
    proposing(
        monkeypatch,
        {"Limit for pallets?": ["Which limit holds here?"], "Limit for crates?": ["Which limit holds here?"]},
    )
    rows = [row("Limit for pallets?", "5 t"), row("Limit for crates?", "3 t")]
    _, written, rejected = run(tmp_path, rows, LOOSE)
    assert len(written) == 2 and [r.reason for r in rejected] == ["clash", "clash"]


def test_a_paraphrase_that_two_wordings_share_is_kept_once(tmp_path, monkeypatch):
    proposing(
        monkeypatch,
        {
            "Limit for pallets?": ["Which limit holds here?"],
            "Most weight of a pallet?": ["Which limit holds here?"],
        },
    )
    _, written, rejected = run(
        tmp_path, [row("Limit for pallets?", "5 t"), row("Most weight of a pallet?", "5 t")], LOOSE
    )
    assert len(written) == 3 and [r.reason for r in rejected] == ["duplicate"]


def test_the_same_instruction_about_two_contexts_does_not_clash(tmp_path):
    first = row("안내문에 따르면 신청 기한은 언제인가요?", "3월", input="봄 학기 신청은 3월에 받습니다.")
    second = row(
        "안내문에 따르면 신청 기한은 언제인가요?",
        "9월",
        input="가을 강좌에 등록하려면 가을이 시작되는 9월에 오십시오.",
    )
    stats, written, _ = run(tmp_path, [first, second])
    assert stats["augmented"] == 4
    assert {r.input for r in written[2:]} == {first.input, second.input}


def test_the_same_input_gives_the_same_bytes(tmp_path):
    rows = [row(f"{name}의 주소는 어디인가요?", name) for name in ("가람", "나래", "다솜")]
    run(tmp_path, rows)
    run(tmp_path, rows, name="again")
    for name in ("rows.jsonl", "rejected.jsonl", "stats.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert json.loads((tmp_path / "out" / "stats.json").read_text())["augmented"] == 6


def test_what_the_models_propose_is_gathered_from_the_shards_in_the_order_of_providers(tmp_path):
    question = "Where is the reading room of the library?"
    shards = [tmp_path / "0.jsonl", tmp_path / "1.jsonl"]
    write_lines(shards[0], [Paraphrases("Another question?", "seq2seq", ["Never asked for."])])
    better = ["Where can one find the reading room of the library?", "Which is the reading room?"]
    write_lines(shards[1], [Paraphrases(question, "seq2seq", better), Paraphrases(question, "endpoint", [])])
    chosen = settings(providers=["endpoint", "seq2seq"], gates={"words_added": 1})
    stats, written, rejected = run(tmp_path, [row(question, "Floor 2")], chosen, shards=shards)
    assert [(r.instruction, r.provider) for r in written[1:]] == [(better[0], "seq2seq")]
    assert [(r.row["instruction"], r.reworded) for r in rejected] == [(better[1], question)]
    assert stats["providers"] == {
        "endpoint": {"proposed": 0, "kept": 0, "dropped": {}, "spare": 0},
        "seq2seq": {"proposed": 2, "kept": 1, "dropped": {"question_type_changed": 1}, "spare": 0},
    }
    assert stats["examples"] == [{"question": question, "paraphrase": better[0], "provider": "seq2seq"}]


def test_a_question_that_fails_anyway_clashes_with_none(tmp_path):
    """A model that says the same of everything must not cost the one question it says it of rightly."""
    kept = "Could you tell me the load limit of pallets?"
    made = by_a_model(tmp_path, {"The load limit of pallets?": [kept], "Who paints the old doors?": [kept]})
    rows = [row("The load limit of pallets?", "5 t"), row("Who paints the old doors?", "Kim")]
    _, written, rejected = run(tmp_path, rows, **made)
    assert [r.instruction for r in written[2:]] == [kept] and len(rejected) == 1


def test_a_wording_by_rules_is_not_dropped_for_the_words_that_its_form_needs(tmp_path):
    """A model's paraphrase may neither add words nor turn 'starts' into 'start'; a rule's form needs both."""
    rows = [
        row("When does the check-in start?", "14:00"),
        row("Is a badge required for visitors?", "Yes.", line=2),
    ]
    _, written, rejected = run(tmp_path, rows)
    assert not rejected
    assert {
        "Please tell me when the check-in starts.",
        "Please tell me whether a badge is required for visitors.",
    } < {r.instruction for r in written}


def test_forms_follow_the_paraphrases_and_are_counted(tmp_path):
    rows = [row("Where is the old boiler?", "in the cellar")]
    stats, written, _ = run(tmp_path, rows, settings(providers=[], forms={"statement": True, "cloze": True}))
    assert stats["forms"] == {"cloze": 1, "statement": 1} and stats["augmented"] == 0
    assert [r.origin for r in written] == ["data", "form", "form"]
