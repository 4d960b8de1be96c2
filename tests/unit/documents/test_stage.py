"""A document's rows: what a server is asked, what is kept of its replies, and what is said of the rest."""

import json

import pytest
from misbehaving import misbehaving
from tiny_model import scripted_scheduler

from qaloom.config.load import complete
from qaloom.documents.folder import folder_name
from qaloom.documents.questions import model_of_documents
from qaloom.documents.stage import question_document
from qaloom.errors import ConfigError, EndpointError
from qaloom.files import read_json, read_lines
from qaloom.inference.local_model import LocalModel

TEXT = "# Fees\n\nA tent costs 12 euros a day.\n\n# Hours\n\nThe office opens at 9 a.m. every day.\n"
TENT = {"question": "What does a tent cost?", "answer": "12 euros", "quote": "A tent costs 12 euros"}
HOURS = {"question": "When does the office open?", "answer": "At 9:00.", "quote": "opens at 9 a.m."}


def reply(prompt: str) -> str:
    return json.dumps(
        [TENT, TENT | {"answer": "21 euros"}] if "tent" in prompt else [HOURS, {"question": "?"}]
    )


@pytest.fixture
def server():
    with misbehaving(reply) as found:
        yield found


@pytest.fixture
def ask(server, tmp_path):
    def asked(text: str | bytes = TEXT, **settings) -> dict:
        path = tmp_path / "a.md"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        endpoint = {
            "url": server.url,
            "model": "m",
            "retries": 1,
            "backoff": 0,
            **settings.pop("endpoint", {}),
        }
        whole = complete({
            "data": {"sources": [], "documents": ["a.md"]}, "runs": {"one": {}},
            "documents": settings | {"endpoint": endpoint},
        })  # fmt: skip
        stats = question_document(
            path, "docs/a.md", tmp_path / "out", whole["documents"], tmp_path / "models", tmp_path / "cache"
        )
        assert stats == read_json(tmp_path / "out/stats.json")
        return stats

    return asked


def test_rows_rejections_and_coverage(ask, server, tmp_path):
    stats = ask()
    counts = {key: stats[key] for key in ("passages", "without_question", "in", "out", "rejected", "reasons")}
    assert counts == {
        "passages": 2, "without_question": 0, "in": 4, "out": 2, "rejected": 2,
        "reasons": {"figure_not_in_passage": 1, "malformed_reply": 1},
    }  # fmt: skip
    rows, passages = (read_lines(tmp_path / "out" / f"{name}.jsonl") for name in ("rows", "passages"))
    assert [row | {"passage_id": ""} for row in rows] == [
        {**TENT, "document": "docs/a.md", "page": None, "heading": "Fees", "passage_id": ""},
        {**HOURS, "document": "docs/a.md", "page": None, "heading": "Hours", "passage_id": ""},
    ]
    assert [one["questions"] for one in passages] == [1, 1]
    assert [row["passage_id"] for row in rows] == [one["id"] for one in passages]
    prompt, _, body = server.seen[0]
    assert "Heading: " in prompt and "at most 5" in prompt and (body["temperature"], body["seed"]) == (0, 7)


def test_only_a_changed_passage_is_asked_about_again(ask, server):
    ask()
    assert ask(TEXT.replace("12", "13"))["without_question"] == 1
    assert len(server.seen) == 3 and "13 euros" in server.seen[2][0]
    ask(questions=1)
    assert len(server.seen) == 5


def test_a_reply_without_json_is_asked_for_once_more_and_not_kept(ask, server, tmp_path):
    server.script["tent"] = ["I can't.", "Still no."]
    stats = ask()
    assert (stats["out"], stats["reasons"]["malformed_reply"], len(server.seen)) == (1, 2, 3)
    assert read_lines(tmp_path / "out/rejected.jsonl")[0]["row"] == "Still no."
    assert ask()["out"] == 2 and len(server.seen) == 4


def test_a_document_that_cannot_be_read_gives_no_row_and_a_line(ask, server, tmp_path, capsys):
    stats = ask(b"\0\1")
    assert (stats["out"], stats["reasons"], server.seen) == (0, {"document_unreadable": 1}, [])
    assert "docs/a.md holds no text but binary data" in capsys.readouterr().err
    assert (tmp_path / "out/rows.jsonl").read_bytes() == b""


def test_a_server_that_is_gone_is_one_line(ask):
    with pytest.raises(EndpointError, match=r"documents\.endpoint"):
        ask(endpoint={"url": "http://127.0.0.1:9/v1", "retries": 0})


def test_a_model_in_the_process_writes_them_and_is_asked_about_a_changed_passage_alone(
    tiny, tmp_path, monkeypatch
):
    scripted = scripted_scheduler(monkeypatch)
    scripted.reply = staticmethod(lambda prompt: "No." if "13" in prompt else reply(prompt))
    seen = scripted.prompts

    def ask(text, positions=10_000):
        monkeypatch.setattr(LocalModel, "_positions", positions)
        (tmp_path / "a.md").write_text(text)
        written = {"provider": "model", "model": {"reference": "path:tiny"}}
        config = {"data": {"sources": [], "documents": ["a.md"]}, "runs": {"one": {}}, "documents": written}
        settings = complete(config)["documents"]
        places = tmp_path / "out", settings, tiny.parent, tmp_path / "cache"
        return question_document(tmp_path / "a.md", "a.md", *places)

    assert (ask(TEXT)["out"], len(seen)) == (2, 2) and "Heading: Fees" in seen[0]
    changed = ask(TEXT.replace("12", "13"))
    assert (changed["out"], changed["reasons"]["malformed_reply"], len(seen)) == (1, 2, 3)
    assert ask(TEXT.replace("12", "13")) == changed and len(seen) == 3
    assert ask(TEXT.replace("9 a.m.", "8 a.m."), 1500)["reasons"] == {
        "figure_not_in_passage": 1,
        "not_asked": 1,
    }
    assert read_lines(tmp_path / "out/rejected.jsonl")[-1]["row"] == "The office opens at 8 a.m. every day."


def test_the_model_is_that_of_the_runs_and_no_server_is_wanted():
    def config(*models, **documents):
        runs = {f"run{n}": {"base_model": model} for n, model in enumerate(models)}
        return complete(
            {"data": {"sources": [], "documents": ["a.md"]}, "runs": runs, "documents": documents}
        )

    assert model_of_documents(config("hub:a/b", provider="model")) == "hub:a/b"
    with pytest.raises(ConfigError, match=r"documents\.model\.reference: base could be any of"):
        config("hub:a/b", "hub:c/d", provider="model")
    with pytest.raises(ConfigError, match=r"documents\.endpoint\.url: is missing"):
        model_of_documents(config("hub:a/b"))
    none = complete({"data": {"sources": ["a"]}, "runs": {"one": {}}, "documents": {"provider": "model"}})
    assert model_of_documents(none) is None


def test_folders_of_documents_are_told_apart():
    one, other = folder_name("a/보고서 1.pdf"), folder_name("b/보고서 1.pdf")
    assert one != other and one.startswith("보고서_1.pdf-") and "/" not in folder_name("x/" + "y" * 300)
