"""Trace: every stage's say on a row, from files that the stages themselves wrote."""

import io
import json
import shutil

import pytest
from hostile import HOSTILE, raw_controls
from rich.console import Console

from qaloom.augment.stage import augment
from qaloom.config.load import complete
from qaloom.dedup.stage import dedup
from qaloom.errors import DataError
from qaloom.evaluate.fact_ledger import fact_ledger
from qaloom.evaluate.memory_figures import MemoryAnswer
from qaloom.files import read_lines, write_lines
from qaloom.records import Placement, Row, other_wording
from qaloom.split.stage import split
from qaloom.validate.reviewed import Review
from qaloom.validate.stage import gather, validate_file
from qaloom.workflow.trace import StageHistory, show, trace

ADDRESS = "가람연구소 본원의 주소는 어디인가요?"
LINES = [
    (ADDRESS, "가람시 솔내구 물빛로 27"),
    (ADDRESS.replace("주소는", "주소가"), "가람시 솔내구 물빛로 27"),  # nearly the same, and the survivor
    (ADDRESS.replace(" ", ""), "가람시 솔내구 물빛로 27."),
    ("구내식당은 몇 시에 문을 여나요?", "오전 11시 30분"),
    ("구내식당은  몇 시에 문을 여나요?", "오후 1시 정각"),  # contradiction, repaired
    ("이것은 무엇인가?", "소화기"),
    ("빈 답을 가진 질문은?", ""),
    ("담당자에게 연락하려면 어디로 전화하나요?", "test@example.com 으로 메일을 보내세요"),
    *((f"{name} 창고의 관리 책임자는 누구인가요?", f"{name} 관리팀 이몽룡 과장") for name in "동서남북"),
    ("구내식당은몇 시에 문을 여나요", "오전 11시30분"),  # exact duplicate
]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    project = tmp_path_factory.mktemp("project")
    out = project / "results"
    settings = complete({"data": {"sources": ["-"]}, "runs": {"demo": {}}, "dedup": {"pii": "mask"}})
    lines = [json.dumps({"question": q, "answer": a}, ensure_ascii=False) for q, a in LINES]
    (project / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    validate_file(project / "a.jsonl", "a.jsonl", out / "validate/files/a")
    gather([out / "validate/files/a"], out / "validate")
    dedup(out / "validate/rows.jsonl", out / "dedup", settings["dedup"], threads=1)
    augment(out / "dedup/rows.jsonl", out / "augment", settings["augment"])
    split(out / "augment/rows.jsonl", out / "dedup/clusters.jsonl", out / "split", settings["split"], 0.9)
    held = read_lines(out / "split/recall.jsonl") + read_lines(out / "split/unseen.jsonl")
    asked = [
        {"id": row["id"], "split": "recall", "question": row["instruction"], "base": "모름", "tuned": "맞음"}
        for row in held
    ]
    write_lines(out / "evaluate/demo/predictions.jsonl", asked)
    write_lines(out / "evaluate/demo/facts.jsonl", fact_ledger(out / "split", [], [], {}))
    return out


def told(results, wanted):
    stream = io.StringIO()
    show(trace(results, wanted), Console(file=stream))
    return stream.getvalue()


def identity(results, line, stage="validate"):
    return next(row.id for row in read_lines(results / stage / "rows.jsonl", Row) if row.line == line)


def test_the_survivor_names_what_it_took_in(results):
    text = told(results, identity(results, 2))
    assert f"question  {LINES[1][0]}" in text
    assert "a.jsonl, line 2: unchanged" in text
    assert "kept, a.jsonl, line 2" in text
    assert "absorbed a.jsonl, line 1 (nearly the same, 0.9" in text
    assert "absorbed a.jsonl, line 13 (the same)" in told(results, identity(results, 4))


def test_a_duplicate_names_its_survivor(results):
    text = told(results, identity(results, 1))
    assert "line 1: near_duplicate (0.9" in text
    assert f"merged into {identity(results, 2)}" in text
    assert "recall: " in text or "train: " in text  # a rule makes the same question again


def test_contradiction_and_repair(results):
    text = told(results, identity(results, 5))
    assert "line 5: repaired (whitespace)" in text
    assert f"contradicted (1.000) by {identity(results, 4)} (a.jsonl, line 4)" in text


def test_a_filtered_row(results):
    assert "set aside, unclear_question" in told(results, "이것은 무엇인가")


def test_a_line_that_became_no_row_is_found_by_its_text(results):
    assert "a.jsonl, line 7: empty_answer" in told(results, "빈 답을 가진")


def test_a_row_from_a_document_shows_page_and_quote_also_where_it_is_reworded(tmp_path):
    line = {"question": "텐트는 하루에 얼마인가요?", "answer": "12유로", "document": "rules.pdf", "page": 4}
    (tmp_path / "a.jsonl").write_text(json.dumps(line | {"quote": "텐트는 하루 12유로"}, ensure_ascii=False))
    validate_file(tmp_path / "a.jsonl", "a.jsonl", tmp_path / "out/validate/files/a")
    gather([tmp_path / "out/validate/files/a"], tmp_path / "out/validate")
    (row,) = read_lines(tmp_path / "out/validate/rows.jsonl", Row)
    write_lines(
        tmp_path / "out/augment/rows.jsonl", [other_wording(row, "텐트 값은 얼마죠?", "augmented", "model")]
    )
    for question in ("텐트는 하루에", "텐트 값은"):
        shown = told(tmp_path / "out", question)
        assert "document  rules.pdf, page 4" in shown and "quote     텐트는 하루 12유로" in shown


def test_what_a_person_decided_is_found_by_the_rows_id_in_its_source(results, tmp_path):
    """An edited row by its old id and its new one; a dropped one, too."""
    before = {line: identity(results, line) for line in (9, 10, 11)}
    texts = {"question": "동쪽 창고는 누가 관리하나요?", "answer": "이몽룡 과장"}
    made = [
        {
            "action": action,
            "id": before[line],
            "source": "a.jsonl",
            "line": line,
            "by": "kim",
            "when": "now",
            **more,
        }
        for action, line, more in (("edit", 9, texts), ("drop", 10, {}), ("approve", 11, {"why": "seen"}))
    ]
    (tmp_path / "decisions.jsonl").write_text("".join(json.dumps(one) + "\n" for one in made))
    gather([results / "validate/files/a"], tmp_path / "validate", Review(tmp_path / "decisions.jsonl").write)
    edited = told(tmp_path, before[9])
    assert "a.jsonl, line 9: edited by kim, now; it was " + before[9] in edited
    assert told(tmp_path, identity(tmp_path, 9)) == edited
    assert "line 10: dropped_by_review: dropped by review (kim, now)" in told(tmp_path, before[10])
    assert "line 11: unchanged; approved by kim, now: seen" in told(tmp_path, before[11])


def test_a_masked_row_has_two_ids(results):
    before, after = identity(results, 8), identity(results, 8, "dedup")
    assert before != after
    assert f"as {after} with personal data masked" in told(results, before)
    assert "line 8: unchanged" in told(results, after)


def test_a_paraphrase_names_its_parent_and_the_parent_names_it(results):
    made = [row for row in read_lines(results / "augment/rows.jsonl", Row) if row.parent]
    row = made[0]
    assert f"made by rules, of {row.parent}" in told(results, row.id)
    assert f"{row.id} by rules" in told(results, row.parent)


def test_place_and_reason_of_every_row(results):
    for place in read_lines(results / "split/placement.jsonl"):
        line = told(results, place["id"]).split("\nsplit\n  ")[1].splitlines()[0]
        assert line.startswith(f"{place['split']}: ")
        assert place["why"] not in line  # a sentence, not the code
        assert place.get("near", "") in line


def test_answers_are_shown_by_run_also_those_to_other_wordings(results):
    asked = read_lines(results / "evaluate/demo/predictions.jsonl")
    assert asked
    text = told(results, asked[0]["id"])
    assert "evaluate, run demo\n  base      모름\n  tuned     맞음" in text
    probe = next(p for p in read_lines(results / "split/placement.jsonl") if p["why"] == "probe")
    assert f"{probe['id']}, recall: " in told(results, probe["parent"])


def test_the_ledger_says_what_became_of_the_fact(results):
    row = read_lines(results / "split/placement.jsonl", Placement)[0]
    text = told(results, row.id)
    assert f"fact      {row.fact}: " in text
    assert "kept from training" in text if row.split == "unseen" else "taught, but not asked" in text


def test_a_prefix_is_enough_and_several_hits_are_listed(results):
    full = identity(results, 1)
    assert told(results, full[:8].upper()) == told(results, full)
    text = told(results, "창고의 관리")
    assert "hits; name one by its id" in text
    assert all(identity(results, line) in text for line in (9, 10, 11, 12))


def test_a_stage_that_has_not_run(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"question": "본원은 몇 층인가요?", "answer": "삼 층"}\n')
    validate_file(tmp_path / "a.jsonl", "a.jsonl", tmp_path / "validate")
    text = told(tmp_path, "본원은 몇 층")
    assert text.count("not run yet") == 4


@pytest.mark.parametrize(
    ("wanted", "message"), [("없는 질문", "no row in"), ("?!", "a piece of its question")]
)
def test_nothing_fits(results, wanted, message):
    with pytest.raises(DataError, match=message):
        trace(results, wanted)


def test_no_results(tmp_path):
    with pytest.raises(DataError, match="after make run"):
        trace(tmp_path, "abcdef")


def test_a_final_model_says_whether_it_was_trained_on_the_row(results):
    final = {row["id"] for row in read_lines(results / "split/final.jsonl")}
    [held] = [row for row in read_lines(results / "split/unseen.jsonl") if row["id"] in final][:1]
    answer = MemoryAnswer(held["id"], "unseen", "data", "?", "!", "Now I know", {"tuned": False}, 0.0, True)
    assert "final model" not in told(results, held["id"])
    write_lines(results / "memory_check/demo/predictions.jsonl", [answer])
    text = told(results, held["id"])
    assert "final model, run demo\n  trained on this row\n  final     Now I know" in text
    [probe] = [row for row in read_lines(results / "split/recall.jsonl") if row["id"] not in final][:1]
    assert "final model, run demo\n  not trained on this row\n" in told(results, probe["id"])
    shutil.rmtree(results / "memory_check")


def test_a_rows_text_is_not_obeyed_by_a_terminal():
    out = io.StringIO()
    show([StageHistory(text, [text]) for text in HOSTILE], Console(file=out, force_terminal=False, width=400))
    assert not raw_controls(out.getvalue())
    assert r"\x9b31mred" in out.getvalue() and "{{ 7 * 7 }}" in out.getvalue()
