"""Split: every row in one part, facts on one side, recall taught, one line when it fails."""

import json
from collections import Counter

import msgspec
import pytest
from msgspec.structs import replace
from random_sets import SETTINGS, T, leaks, random_rows, seeded, with_paraphrases, write

from qaloom.augment.stage import augment
from qaloom.config.load import complete
from qaloom.errors import DataError
from qaloom.files import read_lines, write_lines
from qaloom.records import Placement, Row, row_id
from qaloom.split.stage import split
from qaloom.text.content_words import differ_in_endings_alone

PARTS = ("train", "recall", "unseen")


def row(question, answer, group="a.jsonl", line=1, parent=None, source="a.jsonl"):
    made = ("augmented", parent.id, "rules") if parent else ("data", "", "")
    return Row(row_id(question, "", answer), question, "", answer, source, line, group, "{}", *made)


def word(rng, length):
    return "".join(rng.choice("abcdefghijklmnopqrtuvwxyz") for _ in range(length))


def facts(count, wordings=3):
    """Facts with answers of their own; the wordings of each share a name."""
    rng = seeded(count)
    rows = []
    for _ in range(count):
        name, answer = word(rng, 9), word(rng, 16)
        rows += [
            row(f"{word(rng, 9)} {name} {word(rng, 8)} {word(rng, 5 + i)}?", answer) for i in range(wordings)
        ]
    return rows


def run(folder, rows, **settings):
    paths = write(folder, rows)
    manifest = split(*paths, folder / "out", SETTINGS | settings, T)
    parts = [read_lines(folder / "out" / f"{part}.jsonl") for part in PARTS]
    placement = {p.id: p for p in read_lines(folder / "out" / "placement.jsonl", Placement)}
    return manifest, parts, placement


def statements(rows, parts, placement):
    """All rows, with the probes that the split made."""
    known = {r.id for r in rows}
    texts = [t for part in parts for t in part if t["id"] not in known]
    probes = [
        Row(t["id"], t["instruction"], t["input"], t["output"], "", 1, placement[t["id"]].group, "{}", "rule")
        for t in texts
    ]
    return [*rows, *probes]


def check(rows, settings, manifest, parts, placement):
    """All that a split promises, for any rows."""
    assert leaks(placement, statements(rows, parts, placement), settings.get("by", "answer")) == []
    for name, part in zip(PARTS, parts, strict=True):
        assert [r["id"] for r in part] == sorted(r["id"] for r in part)
        assert {r["id"] for r in part} == {i for i, p in placement.items() if p.split == name}
        assert getattr(manifest, name).rows == len(part)
        assert getattr(manifest, name).light == sum(placement[r["id"]].light for r in part)
    assert {r.id for r in rows} <= set(placement)
    assert all(placement[i].why == "probe" for i in set(placement) - {r.id for r in rows})
    assert all(p.split == "recall" for p in placement.values() if p.light)


def try_random(number, folder):
    rng = seeded(number)
    rows = with_paraphrases(rng, random_rows(rng, rng.choice((3, 8, 20))))
    settings = {"by": rng.choice(("answer", "document")), "seed": number}
    try:
        found = run(folder, rows, **settings)
    except DataError:
        return None
    check(rows, settings, *found)
    return found[2]


def test_every_promise_holds_in_random_data_sets(tmp_path):
    done = [placement for number in range(60) if (placement := try_random(number, tmp_path / str(number)))]
    whys = Counter(p.why for placement in done for p in placement.values())
    assert len(done) > 50 and {"by_hash", "with_parent", "probe"} <= set(whys)


@pytest.mark.slow
def test_every_promise_holds_in_a_thousand_random_data_sets(tmp_path):
    done = [try_random(number, tmp_path / str(number)) for number in range(1000, 2000)]
    assert sum(d is not None for d in done) > 900


def test_fractions_are_met_in_expectation(tmp_path):
    manifest, (train, recall, unseen), _ = run(
        tmp_path, facts(400, 4), unseen_fraction=0.1, recall_fraction=0.25
    )
    assert 20 < manifest.facts.unseen < 62  # 40 expected, 3 sigma is 18
    assert 0.15 < len(recall) / (len(recall) + len(train)) < 0.3
    assert len(train) + len(recall) + len(unseen) == 1600


def test_a_few_rows_have_a_recall_question_at_any_fraction(tmp_path):
    manifest, *_ = run(tmp_path, facts(10), unseen_fraction=0, recall_fraction=0.01, probes=0)
    assert manifest.recall.rows == 5


def test_each_recall_question_names_the_row_that_teaches_it(tmp_path):
    rows = facts(60)
    _, (_, recall, _), placement = run(tmp_path, rows, recall_fraction=0.5)
    answers = {r.id: r.output for r in rows}
    assert len(recall) > 40
    for r in recall:
        assert answers[placement[r["id"]].near] == r["output"]


def test_shared_short_answers_are_several_facts(tmp_path):
    rows = [row(r.instruction, f"{i % 8} o'clock") for i, r in enumerate(facts(120, wordings=1))]
    placement = run(tmp_path, rows, unseen_fraction=0)[2]
    assert len({p.fact for p in placement.values()}) == 120
    assert all(p.why == "probe" for p in placement.values() if p.split == "recall")


def test_questions_that_differ_in_a_code_are_other_questions(tmp_path):
    rows = [
        row(f"통합 결제창 연동 오류 코드 E{100 + i}는 무슨 뜻인가요?", f"{word(seeded(i), 12)} 오류")
        for i in range(150)
    ]
    _, (train, recall, unseen), _ = run(tmp_path, rows, unseen_fraction=0.1, probes=50)
    assert len(train) + len(unseen) == 150 and len(unseen) > 5 and len(recall) == 50


def test_closed_answers_are_placed_by_their_questions(tmp_path):
    rng = seeded(1)
    rows = [
        row(f"Does the {word(rng, 8)} need a {word(rng, 7)}?", ("Yes.", "No.", "no")[i % 3])
        for i in range(90)
    ]
    _, (train, recall, unseen), placement = run(tmp_path, rows, unseen_fraction=0.2)
    for part in (train, unseen):
        assert {placement[r["id"]].closed for r in part} == {"yes", "no"}
    assert {placement[r["id"]].closed for r in recall} == {"yes", "no"}


def test_an_abstention_is_not_the_only_recall_answer(tmp_path):
    rng = seeded(2)
    rows = [row(f"{word(rng, 8)}의 주소는 어디인가요?", "문서에서 확인할 수 없습니다.") for _ in range(40)]
    rows += [row(f"{word(rng, 8)}의 주소는 어디인가요?", f"{word(rng, 9)} {i}번지") for i in range(8)]
    _, (_, recall, _), placement = run(tmp_path, rows, unseen_fraction=0, probes=50)
    closed = Counter(placement[r["id"]].closed for r in recall)
    assert closed[""] >= closed["abstention"] > 0


def test_documents_are_kept_apart(tmp_path):
    rows = [replace(r, group=f"doc{i // 4}") for i, r in enumerate(facts(60, wordings=2))]
    _, (train, _, unseen), placement = run(tmp_path, rows, by="document")
    groups = [{placement[r["id"]].group for r in part} for part in (train, unseen)]
    assert unseen and not groups[0] & groups[1]


def test_a_fact_that_the_train_side_states_is_asked_as_recall(tmp_path):
    """The same question in a document of either side: the unseen one is taught."""
    for seed in range(30):
        rows = [
            row("가람관의 개관 시각은 언제인가요?", "9시", group="one"),
            row("가람관 개관 시각을 알려 주세요.", "9시입니다.", group="two"),
        ]
        rows += [replace(r, group=f"d{i}") for i, r in enumerate(facts(20, 1))]
        placement = run(tmp_path / str(seed), rows, by="document", seed=seed)[2]
        parts = sorted(placement[r.id].split for r in rows[:2])
        assert parts != ["train", "unseen"]
        if placement[rows[0].id].why == "taught":
            assert placement[rows[0].id].near == rows[1].id and placement[rows[0].id].light
            return
    pytest.fail("no seed put the two documents on two sides")


# --- paraphrases and probes ---------------------------------------------------------------------------

NAMES = ("가람연구센터", "나래도서관", "다솜공장", "라온병원", "마루주차장", "바다학교")
ADDRESSES = [row(f"{name}의 주소는 어디인가요?", f"{name} 앞 {i}번지") for i, name in enumerate(NAMES)]


def test_a_paraphrase_goes_where_its_parent_goes(tmp_path):
    rows = facts(60)
    rows += [row(f"please say {r.instruction}", r.output, parent=r) for r in rows]
    _, (_, _, unseen), placement = run(tmp_path, rows, probes=0)
    for r in rows[180:]:
        assert placement[r.id].split == placement[r.parent].split or placement[r.id].split == "recall"
    assert {placement[r["id"]].origin for r in unseen} == {"data", "augmented"}


def test_a_paraphrase_near_a_held_out_question_is_asked_and_not_trained(tmp_path):
    rows = facts(60)
    placement = run(tmp_path / "plain", rows)[2]
    held = next(r for r in rows if placement[r.id].split == "recall")
    taught = next(r for r in rows if r.id == placement[held.id].near)
    spy = row(held.instruction.upper(), taught.output, parent=taught)
    placed = run(tmp_path / "spied", [*rows, spy])[2]
    assert (placed[spy.id].split, placed[spy.id].why, placed[spy.id].near) == (
        "recall",
        "touches_held_out",
        taught.id,
    )


def test_a_fact_with_one_wording_gets_a_probe(tmp_path):
    manifest, (train, recall, _), placement = run(tmp_path, ADDRESSES, unseen_fraction=0, probes=4)
    assert len(train) == 6 and len(recall) == 4 and manifest.recall.origins == {"rule": 4}
    by_id = {r.id: r for r in ADDRESSES}
    for r in recall:
        parent = by_id[placement[r["id"]].near]
        assert r["output"] == parent.output and r["instruction"] != parent.instruction
        assert placement[r["id"]].light == differ_in_endings_alone(r["instruction"], parent.instruction)
        assert r["id"] == row_id(r["instruction"], r["input"], r["output"])
    assert not run(tmp_path / "none", ADDRESSES, unseen_fraction=0, probes=0)[1][1]


def test_augmentation_does_not_train_the_probes(tmp_path):
    plain = run(tmp_path / "plain", ADDRESSES, unseen_fraction=0)[1]
    write_lines(tmp_path / "rows.jsonl", ADDRESSES)
    settings = complete({"data": {"sources": ["a"]}, "augment": {"wordings": 4}, "runs": {"a": {}}})[
        "augment"
    ]
    augment(tmp_path / "rows.jsonl", tmp_path / "augment", settings)
    grown = read_lines(tmp_path / "augment/rows.jsonl", Row)
    found = run(tmp_path / "augmented", grown, unseen_fraction=0)
    check(grown, SETTINGS, *found)
    probes = {r["id"] for r in plain[1]}
    assert probes and probes <= {r["id"] for r in found[1][1]}


def test_a_form_with_other_words_is_the_probe_and_forms_like_it_are_not_trained(tmp_path):
    parent = ADDRESSES[0]
    others = [
        "가람연구센터를 찾아가려면 어느 건물로 가야 하나요?",
        "가람연구센터를 찾아가려면 어느 건물로 가야 합니까?",
    ]
    rows = [*ADDRESSES, *(row(question, parent.output, parent=parent) for question in others)]
    placement = run(tmp_path, rows, unseen_fraction=0)[2]
    assert sorted(placement[r.id].why for r in rows[6:]) == ["like_the_probe", "probe"]
    assert not any(placement[r.id].light for r in rows[6:])


def test_no_probe_for_a_question_that_two_facts_answer(tmp_path):
    rows = [row(ADDRESSES[0].instruction, "물빛로 27"), row(ADDRESSES[0].instruction, "솔내로 3")]
    manifest, (train, recall, _), _ = run(tmp_path, rows, unseen_fraction=0)
    assert len(train) == 2 and not recall and any("recall is empty" in note for note in manifest.notes)


# --- files and messages -------------------------------------------------------------------------------


def test_moving_and_reordering_sources_changes_no_byte(tmp_path):
    rows = with_paraphrases(seeded(3), random_rows(seeded(3), 25))
    run(tmp_path / "a", rows)
    moved = [
        replace(r, source=f"elsewhere/{r.source}", line=r.line + 7, group=f"x{r.group}") for r in rows[::-1]
    ]
    run(tmp_path / "b", moved)
    for name in ("train.jsonl", "recall.jsonl", "unseen.jsonl", "manifest.json", "audit.json"):
        assert (tmp_path / "a/out" / name).read_bytes() == (tmp_path / "b/out" / name).read_bytes()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ADDRESSES[:1], "there is one fact to train"),
        (ADDRESSES[:3], "3 facts: too few"),
        ([row(f"{name}에 주차할 수 있나요?", "예.") for name in NAMES], "the same answer"),
    ],
)
def test_what_cannot_be_measured_is_said_with_a_remedy(tmp_path, capsys, rows, words):
    manifest, *_ = run(tmp_path, rows, unseen_fraction=0.01)
    assert words in manifest.notes[0] and "add" in manifest.notes[0]
    assert len(manifest.notes) == 1 or "the ending alone" in manifest.notes[1]
    assert words in capsys.readouterr().err


def test_nothing_left_to_train_on_is_one_line(tmp_path):
    rows = facts(1, wordings=1)
    seed = next(s for s in range(100) if not _trains(tmp_path, rows, s))
    with pytest.raises(DataError, match="unseen_fraction") as error:
        run(tmp_path, rows, seed=seed, unseen_fraction=0.5)
    assert "\n" not in str(error.value) and not (tmp_path / "out/manifest.json").exists()


def _trains(tmp_path, rows, seed):
    try:
        return run(tmp_path / f"try{seed}", rows, seed=seed, unseen_fraction=0.5)[0].train.rows
    except DataError:
        return 0


def test_no_rows_is_one_line(tmp_path):
    with pytest.raises(DataError, match="no row to split"):
        run(tmp_path, [])


def test_a_paraphrase_without_its_parent_is_one_line(tmp_path):
    rows = facts(5)
    orphan = row("who?", rows[0].output, parent=rows[0])
    with pytest.raises(DataError, match=orphan.id):
        run(tmp_path, [*rows[1:], orphan])


def test_an_old_manifest_does_not_outlive_a_failed_split(tmp_path):
    run(tmp_path, facts(5))
    write_lines(tmp_path / "rows.jsonl", [])
    with pytest.raises(DataError):
        split(tmp_path / "rows.jsonl", tmp_path / "clusters.jsonl", tmp_path / "out", SETTINGS, T)
    assert not (tmp_path / "out/manifest.json").exists()


def test_the_manifest_says_what_was_written(tmp_path):
    manifest, *_ = run(tmp_path, facts(30))
    written = json.loads((tmp_path / "out/manifest.json").read_text())
    assert written == msgspec.to_builtins(manifest)
    assert list(written) == ["train", "recall", "unseen", "final", "facts", "lookalike", "notes"]
    assert set(written["train"]) == {"rows", "origins", "light", "sha256"}


@pytest.mark.parametrize("seed", range(3))
def test_a_final_model_is_trained_on_all_rows_but_probes(tmp_path, seed):
    rng = seeded(seed)
    rows = with_paraphrases(rng, random_rows(rng, 30))
    manifest, parts, placement = run(tmp_path, rows)
    final = read_lines(tmp_path / "out/final.jsonl")
    asked = {p.id for p in placement.values() if p.why in ("probe", "like_the_probe")}
    assert [r["id"] for r in final] == sorted(r["id"] for part in parts for r in part if r["id"] not in asked)
    assert {placement[r["id"]].fact for r in final} == {p.fact for p in placement.values()}
    assert {r.id for r in rows if not r.parent} <= {r["id"] for r in final}
    assert manifest.final.rows == len(final)


def test_with_nothing_held_out_but_probes_a_final_model_has_the_rows_of_its_twin(tmp_path):
    """So that their digests are the same, and nothing is trained twice."""
    rows = [
        row(f"{name}은 어디에 있나요?", f"{name} 옆") for name in ("열람실", "세미나실", "사물함", "복사기")
    ]
    manifest, (train, recall, _), _ = run(tmp_path, rows, unseen_fraction=0.0)
    assert recall and len(train) == 4
    assert manifest.final.sha256 == manifest.train.sha256


def form_of(parent, question, answer):
    return Row(
        row_id(question, "", answer),
        question,
        "",
        answer,
        "a.jsonl",
        1,
        parent.group,
        "{}",
        "form",
        parent.id,
        "cloze",
    )


def test_forms_are_trained_with_their_row_and_never_asked(tmp_path):
    rows = facts(60)
    forms = [form_of(one, f"Fill in the blank: {one.instruction[:-1]} ____", one.output) for one in rows]
    _, plain, _ = run(tmp_path / "plain", rows, unseen_fraction=0.3, recall_fraction=0.3)
    manifest, parts, placement = run(
        tmp_path / "forms", rows + forms, unseen_fraction=0.3, recall_fraction=0.3
    )
    made, trained = {form.id: form.parent for form in forms}, {r["id"] for r in parts[0]}
    of_questions = [[r for r in part if r["id"] not in made] for part in parts]
    assert of_questions == plain and all(plain)  # a form changes no other row's place
    assert {form for form in made if form in trained} == {form for form in made if made[form] in trained}
    assert not made.keys() & {r["id"] for part in parts[1:] for r in part}
    assert Counter(placement[form].split for form in made) == {
        "train": len(plain[0]), "final": len(rows) - len(plain[0]),
    }  # fmt: skip
    final = {r["id"] for r in read_lines(tmp_path / "forms/out/final.jsonl")}
    assert made.keys() <= final and manifest.train.origins["form"] == len(plain[0])


def test_a_form_that_asks_what_is_held_out_is_left_to_the_final_model(tmp_path):
    rows = facts(40)
    _, (_, recall, _), placement = run(tmp_path / "first", rows, recall_fraction=0.4)
    asked = next(r for r in recall if placement[r["id"]].why == "by_hash")
    teacher = next(r for r in rows if r.id == placement[asked["id"]].near)
    form = form_of(teacher, asked["instruction"].rstrip("?") + "!", teacher.output)
    _, _, placement = run(tmp_path / "second", [*rows, form], recall_fraction=0.4)
    assert (placement[form.id].split, placement[form.id].why) == ("final", "touches_held_out")


def test_no_model_is_trained_on_a_form_that_asks_as_a_probe_does(tmp_path):
    rows = [row(f"Where is the {word(seeded(n), 9)} kept?", word(seeded(n + 90), 16)) for n in range(30)]
    _, (_, recall, _), placement = run(tmp_path / "first", rows)
    probe = next(r for r in recall if placement[r["id"]].why == "probe")
    parent = next(r for r in rows if r.id == placement[probe["id"]].parent)
    forms = [form_of(parent, probe["instruction"] + end, parent.output) for end in ("", "!")]
    _, _, placement = run(tmp_path / "second", [*rows, *forms])
    assert placement[probe["id"]].why == "probe" and forms[1].id not in placement
    final = {r["id"] for r in read_lines(tmp_path / "second/out/final.jsonl")}
    assert not final & {probe["id"], forms[1].id}


def test_a_form_of_a_row_that_is_not_there_is_one_line(tmp_path):
    rows = facts(5)
    with pytest.raises(DataError, match="was made of"):
        run(tmp_path, [*rows[1:], form_of(rows[0], "Fill in: ____", "x")])
