"""Exports in the workflow: exactly the jobs that are asked for, and a fault stops what would get out."""

import json
from dataclasses import replace

import pytest
import yaml
from harness import copied

pytestmark = pytest.mark.slow
ADAPTER = {"convert first adapter", "parity first adapter"}
MERGED = {"convert first merged", "parity first merged"}


@pytest.fixture(scope="module")
def first_export(second_run, tmp_path_factory):
    """A finished project, its first run exported as an adapter, and the jobs of that. Not to be changed."""
    project = copied(second_run[0], tmp_path_factory.mktemp("exported"))
    project.change_run("first", final=False)
    project.configure(export={"runs": {"first": ["adapter"]}, "max_drop": 1})
    return project, project.jobs()


@pytest.fixture
def exported(first_export, tmp_path):
    return copied(first_export[0], tmp_path)


def test_only_what_is_asked_for_and_only_once(first_export):
    """What is not asked for is not exported: test_reruns.test_nothing_changed."""
    exported, jobs = first_export
    assert jobs == ADAPTER | {"export first", "report"}  # with a final model: test_final
    manifest = json.loads(exported.path("results/export/first/manifest.json").read_text())
    assert manifest["formats"] == ["adapter"]
    assert "adapter_model.safetensors" in "".join(manifest["files"])
    assert 'id="exports"' in exported.path("results/report/index.html").read_text()
    assert exported.planned() == {}


def test_a_further_format_makes_itself_alone(exported):
    exported.configure(export={"runs": {"first": ["adapter", "merged"]}, "max_drop": 1})
    assert exported.jobs() == MERGED | {"export first", "report"}
    exported.configure(export={"runs": {"first": ["adapter", "merged"]}, "max_drop": 0.9})
    assert exported.planned().keys() == {"export first", "report"}


def test_another_run_trained_anew_leaves_an_export_as_it_is(exported):
    """It is given out once more, after the report; nothing of it is made or asked again."""
    exported.change_run("second", training={"epochs": 1, "learning_rate": 0.0003})
    assert exported.planned().keys() == {"train second", "evaluate second", "report", "export first"}


def test_a_wrong_template_is_not_given_out(project, house):
    project = replace(project, house=house)
    project.change_run("first", final=False)
    project.configure(export={"formats": ["merged"], "max_drop": 1})
    line = "    template = trained_template(tokenizer, kind, system)\n"
    house.edit("scripts/qaloom/export/merge.py", line, line + "    template += 'Answer: '\n")
    run = project.make_run()
    assert run.code == 1
    last = run.output.splitlines()[-2]
    assert "is not exported, since it does not answer as trained: merged: " in last
    assert "prompts are tokenised otherwise than in training (wrong chat template or tokenizer)" in last
    assert not project.path("results/export/first/manifest.json").exists()
    assert "not released" in project.path("results/report/index.html").read_text()


def test_a_quantiser_that_is_missing_stops_the_run_before_it_begins(project, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    project.configure(export={"formats": ["gguf-q4_k_m"]})
    run = project.snakemake()
    assert run.code != 0
    assert run.jobs == set()
    assert "qaloom: gguf-q4_k_m needs llama.cpp's llama-quantize, which is not on the PATH" in run.output


def test_a_run_that_does_not_exist_cannot_be_exported(project):
    project.configure(export={"runs": {"third": ["merged"]}})
    run = project.snakemake()
    assert "export.runs: there is no run 'third'" in run.output
    assert set(yaml.safe_load(project.config.read_text())["runs"]) == {"first"}
