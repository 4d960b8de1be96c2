"""A user's mistake: a failing exit code, one line that names place and remedy, nothing half written."""

import re

import pytest
from harness import MODEL, Run, write_rows

WAYS = pytest.mark.parametrize("way", ["snakemake", "make_run"])


def refused(run: Run, *words: str) -> None:
    """The one line for a person holds these words; through `make run` a failed job's is said again, last."""
    assert run.code != 0
    said = [line for line in run.output.splitlines() if line.startswith("qaloom: ")]
    assert len(set(said)) == 1, run.output
    for word in words:
        assert word in said[0]
    assert "Traceback" not in run.output
    assert not re.search(r"^  File ", run.output, re.M)


def files(project, *folders):
    return {p for folder in folders for p in project.path(folder).rglob("*") if p.is_file()}


def refused_before_anything_ran(project, run, *words):
    refused(run, *words)
    assert run.jobs == set()
    assert not files(project, "results", "cache", "logs")


# One of each place that finds them; tests/unit/config has the others.
MISTAKES = {
    "no such source": (
        {"data": {"sources": ["dat/*.jsonl"]}},
        "data.sources: 'dat/*.jsonl' matches no file",
        "DIR=",
    ),
    "unknown key of a run": (
        {"runs": {"first": {"lora": {"rank": 8}}}},
        "runs.first.lora: unknown key 'rank'; write runs.NAME.lora.r",
    ),
    "unknown start": (
        {"runs": {"first": {"start_from": "zeroth"}}},
        "runs.first.start_from: there is no run 'zeroth'",
    ),
    "odd base model": (
        {"runs": {"first": {"base_model": "gpt2"}}},
        "runs.first.base_model: 'gpt2'",
        "hub:ORG/NAME",
    ),
}


# Of plain snakemake, which takes seconds to start: one mistake of each check that it makes.
BY_HAND = ("no such source", "unknown key of a run", "unknown start")


@pytest.mark.parametrize(
    ("mistake", "way"), [*((one, "make_run") for one in MISTAKES), *((one, "snakemake") for one in BY_HAND)]
)
def test_mistake_in_the_configuration(fresh, way, mistake):
    sections, *words = MISTAKES[mistake]
    fresh.configure(**sections)
    refused_before_anything_ran(fresh, getattr(fresh, way)(), *words)


def test_source_with_braces_in_its_name(fresh):
    write_rows(fresh.path("data/{one}.jsonl"), [])
    words = "data.sources: 'data/{one}.jsonl' has braces in its name; rename it"
    refused_before_anything_ran(fresh, fresh.make_run(), words)
    refused_before_anything_ran(fresh, fresh.snakemake(), words)


def test_configuration_that_is_not_yaml(fresh):
    fresh.config.write_text("data: [unclosed\nruns: {}\n")
    refused_before_anything_ran(fresh, fresh.make_run(), "config.yaml, line 2: is not valid YAML")
    assert fresh.snakemake().code != 0


def test_configuration_that_is_not_text(fresh):
    fresh.config.write_bytes("data: {sources: [원.jsonl]}".encode("cp949"))
    refused_before_anything_ran(fresh, fresh.make_run(), "config.yaml: is not UTF-8 text")


def test_configuration_that_is_not_there(fresh):
    fresh.config.unlink()
    refused_before_anything_ran(
        fresh, fresh.make_run(), "config.yaml: no such file", "name your configuration"
    )


def test_folder_that_is_not_there(fresh):
    gone = fresh.path("gone")
    run = fresh.python("-m", "qaloom.workflow.run", "--config", str(fresh.config), "--directory", str(gone))
    refused(run, "DIR: there is no folder", str(gone))
    assert not gone.exists()


@pytest.mark.parametrize(
    ("way", "reference", "words"),
    [
        ("snakemake", "path:gone", "there is no folder gone"),
        ("make_run", f"path:{MODEL}/weightless", "holds no weights"),
        ("make_run", "embedded:smollm", "embedded:smollm is not known; there is smollm2-135m-instruct"),
    ],
)
def test_base_model_that_is_not_there(fresh, way, reference, words):
    weightless = fresh.path(f"{MODEL}/weightless")
    weightless.mkdir()
    (weightless / "config.json").write_text("{}")
    fresh.configure(runs={"first": {"base_model": reference}})
    run = getattr(fresh, way)()
    refused(run, reference, words)
    assert run.jobs == set()


@WAYS
def test_hub_model_without_network(fresh, way, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HOME", str(fresh.path("hub")))
    fresh.configure(runs={"first": {"base_model": "hub:some/model"}})
    run = getattr(fresh, way)()
    refused(run, "hub:some/model is not in the local cache and the hub cannot be reached", "path:FOLDER")
    assert not files(fresh, "results/base_model")
    if way == "make_run":
        last = run.output.splitlines()[-4:]  # other jobs may end after it
        assert any(line.startswith("qaloom: hub:some/model") for line in last)


@WAYS
def test_source_without_a_good_row(fresh, way):
    write_rows(fresh.path("data/list.jsonl"), [{"name": "not a question"}, {"name": "nor this"}])
    run = getattr(fresh, way)("results/split/manifest.json")
    refused(run, "data/list.jsonl: no good row among 2 lines", "line 1: no key holds a question")
    assert "validate" not in run.jobs
    assert not fresh.path("results/validate/rows.jsonl").exists()
    assert not list(fresh.folder.rglob("*.part"))
    if way == "make_run":  # before anything else is said
        assert len(run.output.splitlines()) == 1


def test_refused_project_runs_once_it_is_mended(fresh):
    fresh.configure(dedup={"threshold": 2})
    assert fresh.make_run().code != 0
    fresh.configure(dedup={"threshold": 0.9})
    run = fresh.make_run("results/split/manifest.json")
    assert (run.code, "split" in run.jobs) == (0, True)
