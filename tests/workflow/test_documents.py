"""Documents to rows, up to validate: what a change of a document, and a decision about a row, runs and asks again."""

import json
import re

import pytest
from harness import House, Project, read_rows, write_rows
from misbehaving import Misbehaving, misbehaving
from pdf_pages import Placed, lines, pdf

VALIDATED = "results/validate/stats.json"
FEE = "The {} costs {} euros a day and is lent by the office in Harbour Street."


def fee(thing: str, price: int) -> list[Placed]:
    return [Placed(50, 780, f"Lending of the {thing}", 16), *lines([FEE.format(thing, price)], top=740)]


def reply(prompt: str) -> str:
    """A good question and one with another figure, from the passage of a prompt."""
    thing, price = re.findall(r"The (\w+) costs (\d+) euros", prompt)[0]
    quote = f"The {thing} costs {price} euros a day"
    good = {"question": f"What does the {thing} cost?", "answer": f"{price} euros a day", "quote": quote}
    return json.dumps([good, good | {"answer": f"{int(price) + 1} euros a day"}])


@pytest.fixture
def server():
    with misbehaving(reply) as found:
        yield found


@pytest.fixture
def project(tmp_path, shared_house: House, server: Misbehaving) -> Project:
    project = Project(tmp_path / "project", shared_house)
    docs = project.path("docs")
    docs.mkdir(parents=True)
    docs.joinpath("fees.pdf").write_bytes(pdf([fee("tent", 12), fee("canoe", 35), None]))
    docs.joinpath("broken.pdf").write_bytes(b"%PDF-1.7\nno more of it")
    project.configure(
        data={"sources": [], "documents": ["docs/*"]},
        documents={"endpoint": {"url": server.url, "model": "any", "retries": 0}},
        runs={"one": {}},
    )
    return project


def test_a_change_of_a_document_asks_again_for_what_changed_alone(project, server):
    first = project.snakemake(VALIDATED)
    assert first.code == 0, first.output
    read = [f"documents {name}" for name in ("broken.pdf", "fees.pdf")]
    assert ran(project) == [*read, "validate", "validate_file", "validate_file"]
    assert "docs/broken.pdf is damaged, or no PDF" in first.output
    assert "page 3 set aside: it is a scan" in first.output
    rows = read_rows(project.path("results/validate/rows.jsonl"))
    assert {(row["group"], row["output"], row["meta"].count("costs")) for row in rows} == {
        ("docs/fees.pdf", "12 euros a day", 1),
        ("docs/fees.pdf", "35 euros a day", 1),
    }
    pages = {row["output"]: json.loads(row["meta"])["page"] for row in rows}
    assert pages == {"12 euros a day": 1, "35 euros a day": 2}
    assert len(server.seen) == 2

    project.path("docs/fees.pdf").write_bytes(pdf([fee("tent", 12), fee("canoe", 40), None]))
    again = project.snakemake(VALIDATED)
    assert ran(project) == ["documents fees.pdf", "validate", "validate_file"], again.output
    assert [re.findall(r"The \w+ costs \d+", prompt) for prompt, *_ in server.seen[2:]] == [
        ["The canoe costs 40"]
    ]
    a_persons_decision_reruns_validate_alone(project)


def a_persons_decision_reruns_validate_alone(project):
    """It holds then; rows of documents keep page and quote."""
    dropped, edited = sorted(
        read_rows(project.path("results/validate/rows.jsonl")), key=lambda row: row["output"]
    )
    who = {
        "source": edited["source"],
        "line": edited["line"],
        "by": "kim",
        "when": "2026-01-01T00:00:00+00:00",
    }
    texts = {"question": "What is the fee of the canoe?", "answer": edited["output"]}
    write_rows(
        project.path("data/decisions.jsonl"),
        [
            {"action": "drop", "id": dropped["id"], **who},
            {"action": "edit", "id": edited["id"], **who, **texts},
        ],
    )
    run = project.snakemake(VALIDATED)
    assert ran(project) == ["validate"], run.output
    (row,) = read_rows(project.path("results/validate/rows.jsonl"))
    assert row["instruction"] == texts["question"] and json.loads(row["meta"])["page"] == 2


def ran(project: Project) -> list[str]:
    """The rules of the jobs that the last run did, and the documents among their names."""
    jobs = [json.loads(line) for line in project._notes.read_text("utf-8").splitlines()]
    return sorted(
        " ".join([rule, *(v[:-7] for k, v in what.items() if k == "document")]) for rule, what in jobs
    )
