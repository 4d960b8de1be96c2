"""Facts linked by an embedding model: translated twins, reworded questions, and what an encoder overlooks."""

import re
from pathlib import Path

import numpy as np
import pytest
from random_sets import SETTINGS, T, write

from qaloom.errors import LeakError
from qaloom.files import read_lines
from qaloom.inference.embeddings import Embedder
from qaloom.records import Placement, Row, row_id
from qaloom.split.facts import Statement, comparison_of
from qaloom.split.leak_audit import audit
from qaloom.split.meaning import languages_note, link_by_meaning
from qaloom.split.stage import split

EMBEDDER = Embedder(Path(), Path(), 0.88)
NAMES = {
    "한빛": "Hanbit", "윤슬": "Yunseul", "가람": "Garam", "나래": "Narae", "다온": "Daon", "라온": "Raon",
    "마루": "Maru", "바다": "Bada", "새롬": "Saerom", "아름": "Areum", "초롱": "Chorong", "하람": "Haram",
}  # fmt: skip
TOPICS = {"운영": "runs", "재단": "foundation", "여나요": "open", "엽니다": "opens", "refund": "money"}


@pytest.fixture(autouse=True)
def encoder(monkeypatch):
    """A stub that knows words in both languages: the topic of a text, mostly, and the names in it."""
    axes = [*NAMES.values(), *TOPICS.values()]

    def vector(text):
        for korean, english in (NAMES | TOPICS).items():
            text = text.replace(korean, f" {english} ")
        found = np.array([float(axis in re.findall("[A-Za-z]+", text)) for axis in axes])
        found[len(NAMES) :] *= 3
        return found / max(1e-9, np.linalg.norm(found))

    monkeypatch.setattr(
        "qaloom.inference.embeddings.embed",
        lambda texts, model, cache: np.array([vector(t) for t in texts], np.float32).reshape(-1, len(axes)),
    )


def row(question, answer):
    return Row(row_id(question, "", answer), question, "", answer, "a.jsonl", 1, "a.jsonl", "{}")


def twins(one_answer=False):
    """Who runs each library, in Korean, twice, and in English."""
    rows, names = [], [*NAMES.items()]
    for (korean, english), (other, another) in zip(names, names[1:] + names[:1], strict=True):
        other, another = names[0] if one_answer else (other, another)
        rows += [
            row(f"{korean}도서관은 누가 운영하나요?", f"{other}재단에서 맡습니다."),
            row(f"{korean}도서관 운영, 누가 하나요?", f"{other}재단에서 맡습니다."),
            row(f"Who runs the {english} library?", f"The {another} foundation does."),
        ]
    return rows


def linked(*rows):
    """Pairs of questions that are linked."""
    statements = [Statement(one) for one in rows]
    links = link_by_meaning(statements, comparison_of(statements, T), EMBEDDER)
    return {frozenset((rows[i].question, rows[j].question)) for i, j in links}


def test_each_twin_is_linked_with_its_own_though_all_have_one_answer():
    rows = twins(one_answer=True)
    found = linked(*rows)
    assert len(found) == 3 * len(NAMES)  # of three wordings
    for pair in found:
        korean = {name for name in NAMES for text in pair if name in text or NAMES[name] in text}
        assert len(korean) == 1, pair


def test_other_values_are_other_facts():
    nine = row("한빛도서관은 몇 시에 여나요?", "9시에 엽니다.")
    assert linked(nine, row("When does the Hanbit library open?", "It opens at 9:00."))
    assert not linked(nine, row("When does the Hanbit library open?", "It opens at 10:00."))
    assert not linked(nine, row("When does the Hanbit library open on day 3?", "It opens at 9:00."))


def test_yes_is_not_no():
    yes = row("한빛도서관은 오늘 여나요?", "예")
    assert linked(yes, row("Is the Hanbit library open today?", "Yes"))
    assert not linked(yes, row("Is the Hanbit library open today?", "No"))


def test_questions_of_one_language_keep_what_an_encoder_overlooks():
    asked = row("How do I get my money back for a cancelled course?", "Write to the office.")
    alike = row("How can I obtain a refund for a course that was cancelled?", "Write to the office.")
    other = row("How do I get no money back for a cancelled course?", "Write to the office.")
    assert frozenset((asked.question, alike.question)) in linked(asked, alike, other)
    assert frozenset((asked.question, other.question)) not in linked(asked, alike, other)


def placed(folder, rows, embedder, seed):
    paths = write(folder, rows)
    manifest = split(*paths, folder / "out", SETTINGS | {"seed": seed}, T, embedder)
    return manifest, {p.id: p for p in read_lines(folder / "out/placement.jsonl", Placement)}


def given_away(rows, placement):
    """Unseen questions about a library of which train says who runs it, in whatever language."""
    names = {one.id: next(n for n in NAMES if n in one.question or NAMES[n] in one.question) for one in rows}
    taught = {names[i] for i in names if placement[i].split == "train"}
    return [i for i in names if placement[i].split == "unseen" and names[i] in taught]


def test_no_fact_of_unseen_is_trained_in_the_other_language(tmp_path):
    without = 0
    for seed in range(8):
        rows = twins()
        manifest, placement = placed(tmp_path / f"with-{seed}", rows, EMBEDDER, seed)
        assert given_away(rows, placement) == []
        assert not any("languages" in note or "Korean" in note for note in manifest.notes)
        without += len(given_away(rows, placed(tmp_path / f"{seed}", rows, None, seed)[1]))
    assert without > 8


def test_the_audit_finds_twins_on_both_sides(tmp_path):
    rows = twins()
    seed = next(n for n in range(9) if given_away(rows, placed(tmp_path / str(n), rows, None, n)[1]))
    audit(tmp_path / str(seed) / "out", T)
    with pytest.raises(LeakError, match="unseen_fact"):
        audit(tmp_path / str(seed) / "out", T, embedder=EMBEDDER)


def test_a_project_in_two_languages_is_told_so(tmp_path):
    (note,) = languages_note([Statement(one) for one in twins()])
    assert note.startswith(
        "questions are Korean (67%) and English (33%): a fact of unseen that is trained in the"
    )
    assert note in placed(tmp_path, twins(), None, 1)[0].notes
    korean = [one for one in twins() if "library" not in one.question]
    english = [one for one in twins() if "library" in one.question][:2]
    assert languages_note([Statement(one) for one in korean + english]) == []


def test_the_order_of_rows_links_the_same():
    rows = twins(one_answer=True)
    assert linked(*rows) == linked(*rows[::-1])
