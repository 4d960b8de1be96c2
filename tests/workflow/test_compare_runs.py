"""config/examples/compare-runs.yaml, whole, on the tiny model: two runs side by side."""

import json
import re
import shutil

import pytest
import yaml
from harness import MODEL, ROOT

EXAMPLE = ROOT / "config" / "examples" / "compare-runs.yaml"


@pytest.fixture
def compared(fresh):
    """The example and the demo's data in a project, with a model and a training that take seconds."""
    shutil.rmtree(fresh.path("data"))
    shutil.copytree(ROOT / "data", fresh.path("data"))
    config = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    for run in config["runs"].values():
        run |= {"base_model": f"path:{MODEL}", "lora": {"r": 4}, "max_length": 512}
        run["training"] = {"epochs": 1, "learning_rate": 0.002}
    config["evaluate"] = {"max_new_tokens": 4, "retrieval": {"max_questions": 10}}
    fresh.config.write_text(yaml.safe_dump(config), encoding="utf-8")
    return fresh


@pytest.mark.slow
def test_two_runs_side_by_side(compared):
    run = compared.snakemake()
    assert run.code == 0, run.output
    assert {"train chat", "train plain", "evaluate chat", "evaluate plain", "report"} <= run.jobs
    found = json.loads(compared.path("results/report/comparison.json").read_text())
    assert list(found["runs"]) == ["chat", "plain"]
    assert [(one["a"], one["b"]) for one in found["pairs"]] == [("chat", "plain")]
    assert found["n"] > 30
    assert all(one["p"] <= one["p_holm"] <= 1 for one in found["runs"].values())
    page = compared.path("results/report/index.html").read_text(encoding="utf-8")
    scores = re.search(r'<section id="scores">(.*?)</section>', page, re.DOTALL)[1]
    assert "Runs side by side" in scores
    assert "chat – plain" in scores
    # The base model was asked once for both runs; and not again later: test_learning_rate_of_one_run.
    metrics = [
        json.loads(compared.path(f"results/evaluate/{r}/metrics.json").read_text()) for r in found["runs"]
    ]
    assert metrics[0]["base_prompts"].keys() == metrics[1]["base_prompts"].keys() == {"chat", "plain"}
    assert metrics[0]["base_prompts"] == metrics[1]["base_prompts"]
