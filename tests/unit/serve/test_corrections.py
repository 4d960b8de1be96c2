"""Right answers for review: appended as rows that the workflow reads, refused within limits, by page and terminal."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from chat_servers import CLIENT, serving

from qaloom.errors import DataError, ModelError, StorageError
from qaloom.serve import ask, corrections
from qaloom.serve.access import access_to
from qaloom.serve.corrections import FILE, Corrections
from qaloom.trained_run import TrainedRun
from qaloom.validate.head import look_at


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("split")
    with serving(folder) as (url, *_):
        yield url, folder / FILE


def post(url, body, **headers):
    return CLIENT.post(f"{url}/corrections", content=json.dumps(body), headers=headers)


def test_corrections_are_rows_for_review_one_a_line(tmp_path):
    kept = Corrections(tmp_path, "demo")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: kept.add(f"{n}층은?", f" 강당\n{n} ", "모름"), range(40)))
    head = look_at(tmp_path / FILE)
    assert {(row.instruction, row.output) for row in head.rows} == {
        (f"{n}층은?", f"강당\n{n}") for n in range(40)
    }
    first = json.loads((tmp_path / FILE).read_text("utf-8").partition("\n")[0])
    assert list(first) == ["question", "answer", "wrong", "run", "added"] and first["run"] == "demo"


def test_a_last_line_that_was_left_open_stays_whole(tmp_path):
    kept = Corrections(tmp_path, "demo")
    kept.path.parent.mkdir()
    kept.path.write_text('{"question": "q", "answer": "a"}')
    kept.add("주소는?", "물빛로 27", "")
    assert [json.loads(line)["answer"] for line in kept.path.read_text("utf-8").splitlines()] == [
        "a",
        "물빛로 27",
    ]


def test_what_cannot_be_kept_is_one_line(tmp_path, monkeypatch):
    kept = Corrections(tmp_path, "demo")
    for question, answer, wrong in (("", "a", ""), ("q", " \n", ""), ("q", "a", "x" * 20_001)):
        with pytest.raises(DataError, match="a correction"):
            kept.add(question, answer, wrong)
    monkeypatch.setattr(corrections, "_MOST", 300)
    with pytest.raises(StorageError, match=r"corrections\.jsonl is full; review"):
        for _ in range(9):
            kept.add("주소는?", "물빛로 27", "")
    assert 0 < kept.path.stat().st_size <= 300
    blocked = Corrections(tmp_path / "file", "demo")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        blocked.add("q", "a", "")


def test_the_server_keeps_a_correction(served):
    url, path = served
    reply = post(url, {"question": "주소는?", "answer": "물빛로 27", "wrong": "솔내로 3"})
    assert reply.status_code == 200 and reply.json() == {"kept": str(FILE)}
    assert json.loads(path.read_text("utf-8").splitlines()[-1])["wrong"] == "솔내로 3"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"question": "q"}, 400),
        ({"question": "q", "answer": " "}, 400),
        ({"question": "q", "answer": "a", "path": "../x"}, 400),
        ({"question": "q", "answer": ["a"]}, 400),
        ({"question": "q", "answer": "a" * 20_001}, 400),
        ({"question": "q", "answer": "a" * 1_000_000}, 413),
    ],
)
def test_the_server_refuses_other_bodies(served, body, status):
    before = served[1].read_bytes() if served[1].exists() else b""
    reply = post(served[0], body)
    assert reply.status_code == status and reply.json()["error"]["message"]
    assert (served[1].read_bytes() if served[1].exists() else b"") == before


def test_other_sites_and_whoever_has_no_key_keep_nothing(tmp_path):
    body = {"question": "q", "answer": "a"}
    with serving(tmp_path, access=access_to("127.0.0.1", "a-key")) as (url, *_):
        assert post(url, body).status_code == 401
        key = {"Authorization": "Bearer a-key"}
        assert post(url, body, Origin="https://other.example", **key).status_code == 403
        assert post(url, body, Host="other.example", **key).status_code == 400
        assert not (tmp_path / FILE).exists()
        assert post(url, body, **key).status_code == 200


def test_a_full_file_is_said_without_its_path(served, monkeypatch):
    monkeypatch.setattr(corrections, "_MOST", 1)
    reply = post(served[0], {"question": "q", "answer": "a"})
    assert reply.status_code == 507 and str(served[1].parent) not in reply.text


def test_a_conversation_corrects_its_last_answer(served, monkeypatch, capsys):
    url, path = served
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(ask, "_lines", lambda: iter(["= nothing asked yet", "주소는 어디?", "= 물빛로 27"]))
    ask.command(url, "", False, 64, "")
    kept = json.loads(path.read_text("utf-8").splitlines()[-1])
    assert (kept["question"], kept["answer"], kept["wrong"]) == (
        "주소는 어디?",
        "물빛로 27",
        "tuned: 주소는 어디?",
    )
    assert f"kept for review in {FILE}" in capsys.readouterr().err
    with pytest.raises(ModelError, match="a correction needs"):
        ask._send_correction(url, None, "q", " ", "")


@pytest.mark.parametrize(("folder", "kept_in"), [("p/results/train/demo", "p"), ("adapters/demo", ".")])
def test_a_run_asked_here_keeps_corrections_in_its_project(tmp_path, monkeypatch, folder, kept_in):
    monkeypatch.chdir(tmp_path)
    run = object.__new__(TrainedRun)
    run.folder = tmp_path / folder
    ask._corrector(run, None)("q", "a", "b")
    assert json.loads((tmp_path / kept_in / FILE).read_text("utf-8"))["run"] == "demo"
