"""The audit: silent on honest splits, loud on every kind of leak."""

import json

import pytest
from planted_facts import planted_facts
from random_sets import SETTINGS, T, seeded, write

from qaloom.errors import DataError, LeakError
from qaloom.files import read_lines, write_lines
from qaloom.records import Row, row_id
from qaloom.split.leak_audit import audit
from qaloom.split.stage import split

PARTS = ("train", "recall", "unseen")


def honest(folder, number, by="answer"):
    """The three parts of a data set with planted facts, or None where one of them is empty."""
    planted = planted_facts(seeded(number), 30)
    try:
        split(*write(folder, planted.rows), folder / "out", SETTINGS | {"seed": number, "by": by}, T)
    except DataError:
        return None
    parts = {part: read_lines(folder / "out" / f"{part}.jsonl") for part in PARTS}
    return parts if all(parts.values()) else None


def text(question, answer):
    return {"id": row_id(question, "", answer), "instruction": question, "input": "", "output": answer}


def planted_leak(kind, parts, rng):
    """Break one promise; False where these parts have nothing to break."""
    train, recall, unseen = (parts[part] for part in PARTS)
    if kind == "unseen_fact":
        victim = rng.choice(unseen)
        train.append(text(f"{victim['instruction'].rstrip('.?')}!", f" {victim['output'].rstrip('.')} "))
    elif kind == "recall_taught":
        recall.append(text(f"물음 {rng.random()}?", f"답 {rng.random()}"))
    elif kind == "recall_question":
        placed = {p["id"]: p for p in parts["placement"]}
        full = [r for r in recall if not placed[r["id"]].get("light") and not r["input"]]
        if not full:
            return False
        victim = rng.choice(full)
        train.append(text(f"{victim['instruction'].rstrip('.?')}!", victim["output"]))
    elif kind == "ids_disjoint":
        train.append(rng.choice(recall))
    elif kind == "every_row_placed":
        unseen.remove(rng.choice(unseen))
    return True


KINDS = ("unseen_fact", "recall_taught", "recall_question", "ids_disjoint", "every_row_placed")


def try_leak(number, folder):
    """Plant a leak in a split: its kind, and what the audit said; None if it cannot be planted."""
    rng, kind = seeded(number), KINDS[number % len(KINDS)]
    parts = honest(folder, number)
    if parts is None:
        return None
    out = folder / "out"
    parts["placement"] = read_lines(out / "placement.jsonl")
    if not planted_leak(kind, parts, rng):
        return None
    for part in PARTS:
        write_lines(out / f"{part}.jsonl", parts[part])
    try:
        audit(out, T)
    except LeakError as error:
        return kind, str(error)
    return kind, ""


def test_planted_leaks_are_noticed(tmp_path):
    found = [result for number in range(40) if (result := try_leak(number, tmp_path / str(number)))]
    assert {kind for kind, _ in found} == set(KINDS) and len(found) > 25
    assert [(kind, message) for kind, message in found if kind not in message or "\n" in message] == []


@pytest.mark.slow
def test_many_planted_leaks_are_noticed(tmp_path):
    found = [result for number in range(5000, 5300) if (result := try_leak(number, tmp_path / str(number)))]
    assert len(found) > 200 and all(kind in message for kind, message in found)


def test_the_message_names_ids_and_places(tmp_path):
    parts = next(p for n in range(9) if (p := honest(tmp_path / str(n), n)))
    folder = max(tmp_path.iterdir(), key=lambda f: int(f.name)) / "out"
    victim = parts["unseen"][0]
    parts["train"].append(dict(victim, id="0123456789abcdef"))
    write_lines(folder / "train.jsonl", parts["train"])
    place = rf"{victim['id']} \(d\d\.jsonl, line \d+\) states the same fact as 0123456789abcdef"
    with pytest.raises(LeakError, match=place):
        audit(folder, T)
    written = json.loads((folder / "audit.json").read_text())
    assert written["leaks"] >= 1 and written["checks"]["unseen_fact"]["leaks"] >= 1


def test_a_shared_document_is_a_leak_only_where_documents_are_kept_apart(tmp_path):
    parts = next(p for n in range(30) if (p := honest(tmp_path / str(n), n, "document")))
    folder = max(tmp_path.iterdir(), key=lambda f: int(f.name)) / "out"
    placement = read_lines(folder / "placement.jsonl")
    group = next(p["group"] for p in placement if p["id"] == parts["unseen"][0]["id"])
    for p in placement:
        if p["id"] == parts["train"][0]["id"]:
            p["group"] = group
    write_lines(folder / "placement.jsonl", placement)
    audit(folder, T, "answer")
    with pytest.raises(LeakError, match="unseen_document"):
        audit(folder, T, "document")


def test_counts_what_it_compared(tmp_path):
    parts = next(p for n in range(9) if (p := honest(tmp_path / str(n), n)))
    folder = max(tmp_path.iterdir(), key=lambda f: int(f.name)) / "out"
    written = json.loads((folder / "audit.json").read_text())
    assert written["rows"] == {part: len(parts[part]) for part in PARTS} and written["leaks"] == 0
    assert written["checks"]["ids_disjoint"]["compared"] == sum(map(len, parts.values()))


def test_a_split_by_the_text_of_answers_leaks(tmp_path):
    """Three wordings of a ship's time: a split that knows answers by their spelling parts them."""
    ships = [("가람", 6), ("나래", 7), ("다온", 8), ("라온", 9), ("마루", 10)]
    forms = [
        ("{}호의 출항 시각은 언제인가요?", "{}시 00분입니다."),
        ("배 {}가 떠나는 때를 말해 주세요.", "{}시 00분"),
        ("When does the ship {} leave?", "{}:00"),
    ]
    rows = [
        text(question.format(name), answer.format(hour)) for name, hour in ships for question, answer in forms
    ]
    parts = {"unseen": rows[:1], "recall": [], "train": rows[1:]}
    where = {"why": "by_hash", "origin": "data", "fact": "", "group": "a", "source": "a.jsonl", "line": 1}
    for name, part in parts.items():
        write_lines(tmp_path / f"{name}.jsonl", part)
    write_lines(
        tmp_path / "placement.jsonl",
        [{"id": r["id"], "split": n, **where} for n, p in parts.items() for r in p],
    )
    with pytest.raises(LeakError, match="unseen_fact"):
        audit(tmp_path, T)


@pytest.mark.parametrize("kind", ["parent", "asked"])
def test_a_form_of_a_row_that_is_not_trained_is_a_leak(tmp_path, kind):
    rows = [
        Row(i, f"{w} {w * 2}?", "", f"{w * 3}", "a.jsonl", 1, "a", "{}") for i, w in enumerate_ids("qwrtz")
    ]
    forms = [
        Row(f"f{r.id}", "Fill in", "", r.output, "a.jsonl", 1, "a", "{}", "form", r.id, "cloze") for r in rows
    ]
    split(
        *write(tmp_path, [*rows, *forms]), tmp_path / "out", SETTINGS | {"unseen_fraction": 0.5, "seed": 1}, T
    )
    places = read_lines(tmp_path / "out/placement.jsonl")
    held = next(p for p in places if p["split"] == "unseen")
    trained = next(p for p in places if p["split"] == "train" and p["origin"] == "form")
    changed = {"parent": (trained, {"parent": held["id"]}), "asked": (held, {"origin": "form"})}[kind]
    changed[0].update(changed[1])
    write_lines(tmp_path / "out/placement.jsonl", places)
    (tmp_path / "out/manifest.json").unlink()
    with pytest.raises(LeakError, match=r"\(forms\)"):
        audit(tmp_path / "out", T)


def enumerate_ids(letters):
    return [(f"{number:016x}", letter * 4) for number, letter in enumerate(letters)]
