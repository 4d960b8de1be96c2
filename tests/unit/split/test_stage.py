"""Split: no leak by an oracle of its own, stateless placement, recall by origin, one line when it fails."""

import json
from collections import Counter, defaultdict

import msgspec
import pytest
from msgspec.structs import replace
from random_sets import SETTINGS, T, asked, leaks, near, random_rows, seeded, with_paraphrases, write

from qaloom.augment.stage import augment
from qaloom.config.load import complete
from qaloom.errors import DataError
from qaloom.files import read_lines, write_lines
from qaloom.records import Row, row_id
from qaloom.split.stage import split
from qaloom.text.normalize import comparison_key

PARTS = ("train", "recall", "unseen")


def row(question, answer, group="a.jsonl", line=1, parent=None, source="a.jsonl"):
    made = ("augmented", parent.id, "rules") if parent else ("data", "", "")
    return Row(row_id(question, "", answer), question, "", answer, source, line, group, {}, *made)


def facts(count, wordings=4):
    """Facts whose wordings, questions and answers are all far apart."""
    rng = seeded(count)
    word = lambda n: "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(n))  # noqa: E731
    return [
        row(f"{word(9)} {word(8)} {word(9)}?", answer)
        for answer in (word(16) for _ in range(count))
        for _ in range(wordings)
    ]


def run(folder, rows, **settings):
    paths = write(folder, rows)
    manifest = split(*paths, folder / "out", SETTINGS | settings, T)
    parts = [read_lines(folder / "out" / f"{part}.jsonl") for part in PARTS]
    placement = {p["id"]: p for p in read_lines(folder / "out" / "placement.jsonl")}
    return manifest, parts, placement


def check(rows, settings, manifest, parts, placement):
    """All that a split promises, for any rows."""
    train, recall, unseen = parts
    documents = {i: p["group"] for i, p in placement.items()} if settings.get("by") == "document" else None
    assert not leaks(train, recall, unseen, documents)
    for name, part in zip(PARTS, parts, strict=True):
        assert [r["id"] for r in part] == sorted(r["id"] for r in part)
        assert {r["id"] for r in part} == {i for i, p in placement.items() if p["split"] == name}
        assert getattr(manifest, name).rows == len(part)
    assert {r.id for r in rows} <= set(placement)
    assert all(placement[i]["why"] == "probe" for i in set(placement) - {r.id for r in rows})
    assert manifest.recall.origins.get("rule", 0) == sum(p["origin"] == "rule" for p in placement.values())
    aside = Counter(p["why"] for p in placement.values() if p["split"] == "aside")
    assert manifest.set_aside == dict(aside) and set(aside) <= {"touches_train", "touches_held_out"}
    _nothing_set_aside_without_cause(rows, placement)


def _nothing_set_aside_without_cause(rows, placement):
    by_id = {r.id: r for r in rows}
    for i, p in placement.items():
        if p["split"] == "aside" and by_id[i].origin == "data":
            other = by_id[p["near"]]
            one = by_id[i]
            alike = near(f"{one.instruction}\n{one.input}", f"{other.instruction}\n{other.input}")
            assert (
                alike
                or comparison_key(one.output) == comparison_key(other.output)
                or near(one.output, other.output)
            )


def try_random(number, folder, paraphrases=True):
    rng = seeded(number)
    rows = random_rows(rng, rng.choice((3, 8, 20)))
    rows = with_paraphrases(rng, rows) if paraphrases else rows
    settings = {"by": rng.choice(("answer", "document")), "seed": number}
    try:
        found = run(folder, rows, **settings)
    except DataError:
        return None
    check(rows, settings, *found)
    return rows, settings, found


def test_no_leak_in_random_data_sets(tmp_path):
    done = [try_random(number, tmp_path / str(number)) for number in range(80)]
    done = [d for d in done if d]
    assert len(done) > 65
    whys = Counter(p["why"] for *_, (_, _, placement) in done for p in placement.values())
    # The random sets meet every way that a row can go.
    assert set(whys) == {
        "by_hash", "last_wording", "near_train_question", "probe", "with_parent", "touches_train",
        "touches_held_out",
    }  # fmt: skip


@pytest.mark.slow
def test_no_leak_in_a_thousand_random_data_sets(tmp_path):
    done = [try_random(number, tmp_path / str(number)) for number in range(1000, 2000)]
    assert sum(d is not None for d in done) > 900


def grow(number, folder):
    """Split a data set and the same with rows added; the sides of the rows in both."""
    rng = seeded(number)
    rows = random_rows(rng, 12)
    more = [r for r in random_rows(rng, 12) if r.id not in {old.id for old in rows}]
    settings = {"by": rng.choice(("answer", "document")), "seed": number}
    try:
        before, after = (
            run(folder / name, some, **settings)[2] for name, some in (("few", rows), ("many", rows + more))
        )
    except DataError:
        return []
    return [(before[r.id]["split"], after[r.id]["split"]) for r in rows]


def crossings(moves):
    return [m for m in moves if set(m) in ({"train", "unseen"}, {"recall", "unseen"})]


def test_growth_carries_no_row_across(tmp_path):
    moves = [m for number in range(40) for m in grow(number, tmp_path / str(number))]
    assert len(moves) > 700 and not crossings(moves)
    # What is set aside is never taken in later: the train side only grows.
    assert not [m for m in moves if m[0] == "aside" and m[1] != "aside"]


@pytest.mark.slow
def test_growth_carries_no_row_across_in_many_data_sets(tmp_path):
    moves = [m for number in range(1000, 1500) for m in grow(number, tmp_path / str(number))]
    assert not crossings(moves)


def test_a_trained_wording_hardly_ever_becomes_a_recall_question(tmp_path):
    rows = facts(80, wordings=3)
    before = run(tmp_path / "few", [r for i, r in enumerate(rows) if i % 3], recall_fraction=0.25)[2]
    after = run(tmp_path / "many", rows, recall_fraction=0.25)[2]
    moved = [i for i, p in before.items() if p["split"] == "train" and after[i]["split"] == "recall"]
    assert len(moved) <= 5  # 160 rows; only where both wordings hashed below the fraction (1 fact in 16)
    assert all(before[i]["why"] == "last_wording" for i in moved)


def test_fractions_are_met_in_expectation(tmp_path):
    manifest, (train, recall, unseen), _ = run(
        tmp_path, facts(400), unseen_fraction=0.1, recall_fraction=0.25
    )
    assert 20 < manifest.facts["unseen"] < 62  # 40 expected, 3 sigma is 18
    assert 0.2 < len(recall) / (len(recall) + len(train)) < 0.3
    assert not manifest.set_aside and len(train) + len(recall) + len(unseen) == 1600


def test_recall_and_unseen_are_the_same_with_and_without_paraphrases(tmp_path):
    for number in range(25):
        rng = seeded(number)
        rows = random_rows(rng, 15)
        try:
            without = run(tmp_path / f"{number}a", rows)[1]
            with_them = run(tmp_path / f"{number}b", with_paraphrases(rng, rows))
        except DataError:
            continue
        (_, parts, placement) = with_them
        for part in (1, 2):
            kept = [r for r in parts[part] if placement[r["id"]]["origin"] != "augmented"]
            assert kept == without[part]


def test_a_paraphrase_of_a_recall_wording_is_not_trained(tmp_path):
    rows = facts(60)
    rows += [row(f"please say {r.instruction}", r.output, parent=r) for r in rows]
    _, (train, recall, _), placement = run(tmp_path, rows)
    for r in rows[240:]:
        assert placement[r.id]["split"] in (placement[r.parent]["split"], "aside")
    assert {placement[r["id"]]["origin"] for r in recall} == {"data", "augmented"}
    assert {placement[r["id"]]["origin"] for r in train} == {"data", "augmented"}


def test_a_paraphrase_near_a_held_out_question_is_set_aside(tmp_path):
    rows = facts(60)
    placement = run(tmp_path / "plain", rows)[2]
    held = next(r for r in rows if placement[r.id]["split"] == "recall")
    taught = next(r for r in rows if placement[r.id]["split"] == "train")
    spy = row(f"{held.instruction} x", taught.output, parent=taught)
    placed = run(tmp_path / "spied", [*rows, spy])[2]
    assert (placed[spy.id]["split"], placed[spy.id]["why"], placed[spy.id]["near"]) == (
        "aside",
        "touches_held_out",
        held.id,
    )
    assert placed[held.id]["split"] == "recall"


def test_an_unseen_row_whose_question_or_long_answer_is_trained_is_set_aside(tmp_path):
    rows = facts(60, wordings=1)
    placement = run(tmp_path / "plain", rows, recall_fraction=0)[2]
    held = [r for r in rows if placement[r.id]["split"] == "unseen"][:2]
    taught = next(r for r in rows if placement[r.id]["split"] == "train")
    # One more train row each: near the question of the first, near the answer of the second.
    more = [
        row(f"{held[0].instruction} x", taught.output),
        row("quite another question?", f"{held[1].output}x"),
    ]
    placed = run(tmp_path / "more", [*rows, more[0]], recall_fraction=0)[2]
    assert placed[held[0].id]["why"] == "touches_train" and placed[held[0].id]["near"] == more[0].id
    for seed in range(20):  # the near answer is a fact of its own; find a seed that trains it
        placed = run(tmp_path / f"s{seed}", [*rows, more[1]], recall_fraction=0, seed=seed)[2]
        for one, other in ((held[1], more[1]), (more[1], held[1])):
            if placed[other.id]["split"] == "train":
                assert placed[one.id]["split"] in ("train", "aside")


def test_short_answers_meet_by_chance(tmp_path):
    rows = [row(f"{r.instruction}", f"{i}번 창구") for i, r in enumerate(facts(120, wordings=1))]
    manifest, *_ = run(tmp_path, rows)
    assert manifest.unseen.rows and not manifest.set_aside


def test_documents_are_kept_apart(tmp_path):
    rows = [row(r.instruction, r.output, group=f"doc{i // 4}") for i, r in enumerate(facts(60, wordings=2))]
    _, (train, _, unseen), placement = run(tmp_path, rows, by="document")
    groups = [{placement[r["id"]]["group"] for r in part} for part in (train, unseen)]
    assert unseen and not groups[0] & groups[1]


def test_a_fact_with_one_wording_gets_a_probe(tmp_path):
    names = ["가람연구센터", "나래도서관", "다솜공장", "라온병원", "마루주차장", "바다학교"]
    rows = [row(f"{name}의 주소는 어디인가요?", f"{name} 앞 {i}번지") for i, name in enumerate(names)]
    manifest, (train, recall, _), placement = run(tmp_path, rows, unseen_fraction=0, probes=4)
    assert len(train) == 6 and len(recall) == 4
    assert manifest.recall.origins == {"rule": 4} and any("probe" in note for note in manifest.notes)
    by_id = {r.id: r for r in rows}
    for r in recall:
        parent = by_id[placement[r["id"]]["parent"]]
        assert r["output"] == parent.output and not near(asked(r), f"{parent.instruction}\n")
        assert r["id"] == row_id(r["instruction"], r["input"], r["output"])
    assert not run(tmp_path / "none", rows, unseen_fraction=0, probes=0)[1][1]


def test_a_probe_is_the_same_and_not_trained_where_augmentation_made_the_same_question(tmp_path):
    names = ["가람연구센터", "나래도서관", "다솜공장", "라온병원", "마루주차장", "바다학교"]
    rows = [row(f"{name}의 주소는 어디인가요?", f"{name} 앞 {i}번지") for i, name in enumerate(names)]
    plain = run(tmp_path / "plain", rows, unseen_fraction=0)[1]
    write_lines(tmp_path / "rows.jsonl", rows)
    settings = complete({"data": {"sources": ["a"]}, "augment": {"per_row": 3}, "runs": {"a": {}}})["augment"]
    augment(tmp_path / "rows.jsonl", tmp_path / "augment", settings)
    grown = read_lines(tmp_path / "augment/rows.jsonl", Row)
    found = run(tmp_path / "augmented", grown, unseen_fraction=0)
    check(grown, SETTINGS, *found)
    assert found[1][1] == plain[1] and len(plain[1]) == SETTINGS["probes"]
    assert len(found[1][0]) > 6  # what is not near a probe is trained


def test_no_probe_for_a_question_that_two_facts_answer(tmp_path):
    rows = [
        row("가람연구센터의 주소는 어디인가요?", "물빛로 27"),
        row("가람연구센터의 주소는 어디인가요?", "솔내로 3"),
    ]
    manifest, (train, recall, _), _ = run(tmp_path, rows, unseen_fraction=0)
    assert len(train) == 2 and not recall and any("recall is empty" in note for note in manifest.notes)


def test_each_recall_fact_keeps_a_wording_in_train(tmp_path):
    _, _, placement = run(tmp_path, facts(60), recall_fraction=0.5, unseen_fraction=0)
    of_fact = defaultdict(Counter)
    for p in placement.values():
        of_fact[p["fact"]][p["split"]] += 1
    assert all(c["train"] for c in of_fact.values()) and max(c["recall"] for c in of_fact.values()) == 3


def test_moving_and_reordering_sources_changes_no_byte(tmp_path):
    rows = with_paraphrases(seeded(3), random_rows(seeded(3), 25))
    run(tmp_path / "a", rows)
    moved = [
        replace(r, source=f"elsewhere/{r.source}", line=r.line + 7, group=f"x{r.group}") for r in rows[::-1]
    ]
    run(tmp_path / "b", moved)
    for name in ("train.jsonl", "recall.jsonl", "unseen.jsonl", "manifest.json", "audit.json"):
        assert (tmp_path / "a/out" / name).read_bytes() == (tmp_path / "b/out" / name).read_bytes()


def test_too_few_facts_are_named_in_the_notes(tmp_path):
    manifest, (train, _, unseen), _ = run(tmp_path, facts(2, wordings=2), unseen_fraction=0.01)
    assert len(train) + manifest.recall.rows == 4 and not unseen
    assert any("2 facts" in note for note in manifest.notes) and any(
        "unseen is empty" in note for note in manifest.notes
    )


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
    assert list(written) == ["train", "recall", "unseen", "facts", "set_aside", "notes"]
    assert set(written["train"]) == {"rows", "origins", "sha256"}
