"""The review's application: the queue's order and pieces, decisions kept at once, what is refused."""

import asyncio
import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace as Stand

import httpx
import pytest
from placements import placement
from reviewed_project import (
    CORRECTED,
    FAILED,
    NOON,
    OPEN,
    OTHERS,
    QUOTE,
    QUOTED,
    UNCLEAR,
    decisions_of,
    identity,
    project_to_review,
    run_data_stages,
)

from qaloom.config.load import defaults
from qaloom.dedup.stage import dedup
from qaloom.errors import DataError
from qaloom.files import read_lines, write_lines
from qaloom.records import Row
from qaloom.review.app import review_application
from qaloom.review.queue import KINDS, Item
from qaloom.review.state import ReviewState
from qaloom.serve.access import access_to
from qaloom.validate.stage import gather, validate_file


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return project_to_review(tmp_path_factory.mktemp("made"))


@pytest.fixture
def project(made, tmp_path):
    return shutil.copytree(made, tmp_path / "project")


@pytest.fixture
def page(project):
    return client(project)


class Page:
    """Requests to an application without a socket."""

    def __init__(self, app):
        self.app = app

    def post(self, path, json=None, headers=None, method="POST"):
        async def sent():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as asked:
                return await asked.request(method, path, json=json, headers=headers)

        return asyncio.run(sent())


def client(project, key=None):
    return Page(review_application(ReviewState(project, "kim"), access_to("127.0.0.1", key)))


def queue(page, **asked):
    return page.post("/queue", json=asked).json()


def decide(page, action, pair, status=200, **more):
    reply = page.post("/decisions", json={"action": action, "id": identity(pair), **more})
    assert reply.status_code == status, reply.text
    return reply.json()


def test_what_is_unclear_comes_first_with_its_reason_and_place(page):
    found = queue(page)
    assert [item["kind"] for item in found["items"]] == [*KINDS, "row"]
    contradiction, unclear, failed, correction, quoted, *others = found["items"]
    assert {(one["question"], one["answer"]) for one in contradiction["sides"]} == {OPEN, NOON}
    assert unclear["about"]["reason"] == "unclear_question" and "행 안에" in unclear["about"]["detail"]["ko"]
    assert failed["about"]["failures"] == [
        {"run": "demo", "question": "도서관의 위치는?", "answer": "본관 1층"}
    ]
    assert failed["sides"][0]["id"] == identity(FAILED)
    assert correction["about"]["wrong"] == "하루 만 원"
    assert (correction["sides"][0]["source"], correction["sides"][0]["line"]) == (
        "review/corrections.jsonl",
        1,
    )
    side = quoted["sides"][0]
    assert (side["document"], side["page"], side["quote"]) == ("docs/fees.pdf", "2", QUOTE)
    assert [item["sides"][0]["question"] for item in others] == [q for q, _ in OTHERS]
    assert found["counts"]["row"] == {"open": 2, "total": 2} and found["user"] == "kim"


@pytest.mark.parametrize(
    ("decided", "is_open"),
    [
        ({}, True), ({"a": "approve"}, True), ({"a": "approve", "b": "edit"}, False), ({"a": "drop"}, False),
        ({"a": "merge"}, False), ({"a": "drop", "b": "drop"}, False), ({"a": "edit"}, True),
    ],
)  # fmt: skip
def test_a_contradiction_is_settled_by_one_row_that_stays_or_two_approved(decided, is_open):
    in_force = {row: Stand(action=action) for row, action in decided.items()}
    assert Item("contradiction", ("a", "b")).is_open(in_force) == is_open


def test_each_decision_is_a_line_with_who_when_and_why(page, project):
    decide(page, "approve", UNCLEAR, why="아는 절차", by="이검토")
    decide(page, "edit", FAILED, question=" 도서관은 몇 층인가요? ", answer="별관 2층")
    decide(page, "drop", NOON)
    decide(page, "merge", OTHERS[0], into=identity(OTHERS[1]))
    decide(page, "approve", CORRECTED)
    lines = decisions_of(project)
    assert [(one["action"], one["by"]) for one in lines] == [
        ("approve", "이검토"), ("edit", "kim"), ("drop", "kim"), ("merge", "kim"), ("approve", "kim"),
    ]  # fmt: skip
    assert lines[0] | {"when": ""} == {
        "action": "approve", "id": identity(UNCLEAR), "source": "qa/one.jsonl", "line": 2, "by": "이검토",
        "when": "", "why": "아는 절차",
    }  # fmt: skip
    assert (lines[1]["question"], lines[4]["answer"]) == ("도서관은 몇 층인가요?", CORRECTED[1])
    found = queue(page)
    assert [item["kind"] for item in found["items"]] == ["document", "row"] and found["decided"] == 5
    rest = queue(page, only_open=False)["items"]
    assert len(rest) == 7 and rest[2]["sides"][0]["decision"]["question"] == "도서관은 몇 층인가요?"


def test_decisions_hold_after_the_data_stages_and_the_queue_follows(page, project):
    decide(page, "approve", UNCLEAR)
    decide(page, "edit", NOON, question=OPEN[0], answer="오전 11시 30분.")
    decide(page, "drop", OTHERS[1])
    decide(page, "approve", CORRECTED)
    before = queue(page)["version"]
    stats = run_data_stages(project)
    assert stats["decisions"] == {"approve": 2, "drop": 1, "edit": 1}
    kept = {row.output for row in read_lines(project / "results/dedup/rows.jsonl", Row)}
    assert {UNCLEAR[1], CORRECTED[1], OTHERS[0][1]} <= kept and OTHERS[1][1] not in kept
    found = queue(page)
    assert found["version"] != before and found["misfits"]["total"] == 0
    assert found["counts"]["set_aside"]["total"] == found["counts"]["contradiction"]["total"] == 0
    edited = [
        item for item in queue(page, only_open=False)["items"] if item["sides"][0]["id"] == identity(NOON)
    ]
    assert edited[0]["sides"][0]["decision"]["answer"] == "오전 11시 30분."


def test_rows_whose_personal_data_is_masked_are_found_by_their_place(tmp_path):
    """Results name them by other ids than their sources do."""
    pair = ("담당자 메일은?", "one@example.com")
    project = project_to_review(tmp_path / "project", [pair])
    masked = defaults()["dedup"] | {"pii": "mask"}
    dedup(project / "results/validate/rows.jsonl", project / "results/dedup", masked, threads=1)
    kept = [
        row for row in read_lines(project / "results/dedup/rows.jsonl", Row) if row.source == "qa/zz.jsonl"
    ]
    assert {row.id for row in kept}.isdisjoint({identity(pair)})
    placed = placement(id="f" * 16, origin="rule", parent=kept[0].id, source="qa/zz.jsonl", line=kept[0].line)
    write_lines(project / "results/split/placement.jsonl", [placed])
    found = queue(client(project))["items"]
    failed = next(item for item in found if item["kind"] == "failed")
    assert (failed["sides"][0]["source"], failed["sides"][0]["line"]) == ("qa/zz.jsonl", kept[0].line)
    assert failed["sides"][0]["answer"] == pair[1]


def test_undo_takes_back_the_last_decision_alone(page):
    decide(page, "undo", FAILED, 409)
    decide(page, "approve", FAILED)
    assert decide(page, "drop", FAILED)["row"]["decision"]["action"] == "drop"
    assert decide(page, "undo", FAILED)["row"]["decision"]["action"] == "approve"
    assert decide(page, "undo", FAILED)["row"]["decision"] is None


def test_approving_an_edited_row_keeps_its_new_text(page, project):
    decide(page, "edit", FAILED, question="Q?", answer="A")
    assert decide(page, "approve", FAILED)["row"]["decision"]["action"] == "edit"
    assert len(decisions_of(project)) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"action": "burn"}, 400), ({"action": "edit", "question": "q", "answer": " "}, 400),
        ({"action": "merge"}, 400), ({"action": "merge", "into": identity(FAILED)}, 400),
        ({"action": "merge", "into": "0" * 16}, 409), ({"action": "drop", "id": "0" * 16}, 409),
        ({"action": "drop", "path": "../x"}, 400), ({"action": "edit", "question": "q" * 20_001}, 400),
    ],
)  # fmt: skip
def test_what_is_no_decision_on_a_row_is_refused_and_leaves_no_line(page, project, body, status):
    reply = page.post("/decisions", json={"id": identity(FAILED)} | body)
    assert reply.status_code == status and reply.json()["error"]["message"]
    assert not (project / "data/decisions.jsonl").exists()


def test_rows_are_not_merged_in_a_circle(page):
    decide(page, "merge", OPEN, into=identity(NOON))
    decide(page, "merge", NOON, 409, into=identity(OPEN))
    decide(page, "drop", FAILED)
    decide(page, "merge", UNCLEAR, 409, into=identity(FAILED))


def test_decisions_that_fit_no_row_and_half_lines_are_shown(page, project):
    decide(page, "drop", FAILED)
    path = project / "data/decisions.jsonl"
    path.write_bytes(path.read_bytes() + b'{"action":"dr')
    rows = (project / "qa/one.jsonl").read_text("utf-8").replace("별관 2층", "별관 3층")
    (project / "qa/one.jsonl").write_text(rows, "utf-8")
    run_data_stages(project)
    found = queue(page)
    assert found["unreadable"] == [2] and found["misfits"]["total"] == 1
    assert found["misfits"]["shown"][0]["reason"] == "no_row"
    assert page.post("/decisions", json={"action": "undo", "id": identity(FAILED)}).status_code == 200
    assert queue(page)["misfits"]["total"] == 0


def test_rows_to_merge_into_are_alike_or_hold_a_text(page):
    def asked(text):
        rows = page.post("/candidates", json={"id": identity(OPEN), "text": text}).json()["rows"]
        return [row["question"] for row in rows]

    assert asked("")[0] == NOON[0] and asked("HEAD of") == [OTHERS[1][0]] and asked("없는 말") == []


def test_two_pages_and_many_decisions_leave_whole_lines(project):
    pages = [client(project), client(project)]
    pairs = [OPEN, NOON, UNCLEAR, FAILED, QUOTED, *OTHERS]
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda n: decide(pages[n % 2], "approve", pairs[n % 7], why="긴 이유 " * 100), range(60))
        )
    assert len(decisions_of(project)) == 60
    assert {page.post("/queue", json={}).json()["decided"] for page in pages} == {7}


def test_other_sites_and_whoever_has_no_key_see_and_decide_nothing(project):
    page, body = client(project, "a-key"), {"action": "drop", "id": identity(FAILED)}
    shown = page.post("/", method="GET")
    assert shown.status_code == 200 and "default-src 'none'" in shown.headers["content-security-policy"]
    for path, asked in (("/queue", {}), ("/candidates", {"id": "a"}), ("/decisions", body)):
        assert page.post(path, json=asked).status_code == 401
        key = {"Authorization": "Bearer a-key"}
        assert (
            page.post(path, json=asked, headers=key | {"Origin": "https://other.example"}).status_code == 403
        )
        assert page.post(path, json=asked, headers=key | {"Host": "other.example"}).status_code == 400
    assert not (project / "data/decisions.jsonl").exists()


def test_a_file_that_cannot_be_written_is_said_without_its_path(page, project):
    (project / "data").write_text("")
    reply = page.post("/decisions", json={"action": "drop", "id": identity(FAILED)})
    assert reply.status_code == 507 and str(project) not in reply.text


def test_a_project_that_was_never_run_is_one_line(tmp_path):
    with pytest.raises(DataError, match=r"holds no validated rows; run the workflow first: make run"):
        ReviewState(tmp_path, "kim")


def test_many_rows_come_in_pieces(tmp_path):
    rows = [(f"{n}번 사물함은 어디에 있나요?", f"{n % 97}층 {n}호") for n in range(5_000)]
    write_lines(tmp_path / "qa/many.jsonl", [{"question": q, "answer": a} for q, a in rows])
    validate_file(tmp_path / "qa/many.jsonl", "qa/many.jsonl", tmp_path / "results/validate/files/0")
    gather([tmp_path / "results/validate/files/0"], tmp_path / "results/validate")
    page = client(tmp_path)
    first = page.post("/queue", json={})
    assert len(first.content) < 20_000 and len(first.json()["items"]) == 20
    version = first.json()["version"]
    later = queue(page, version=version, after=4_989)
    assert [item["sides"][0]["question"] for item in later["items"]] == [q for q, _ in rows[4_990:]]
    assert queue(page, version=version, after=4_999)["items"] == []
    assert len(queue(page, version=version - 1, after=4_999)["items"]) == 20


def test_while_results_are_written_anew_the_old_queue_stays(page, project):
    stats = project / "results/validate/stats.json"
    kept, before = stats.read_bytes(), queue(page)["version"]
    assert queue(client(project))["version"] == before  # after another start, too
    stats.unlink()
    assert queue(page)["version"] == before
    stats.write_bytes(kept)
    os.utime(stats, (time.time() + 5,) * 2)
    assert queue(page)["version"] != before
    assert json.loads(kept)["out"] == 7
