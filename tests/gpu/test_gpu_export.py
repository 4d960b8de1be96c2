"""A run trained in 4 bits on a GPU: merged into 16 bits, it still knows what it learned."""

import subprocess
import sys

import pytest
import yaml

from qaloom.config.load import DEMO
from qaloom.files import read_json

pytestmark = pytest.mark.gpu
ROOT = DEMO.parents[1]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The demo, trained in 4 bits and exported as adapter and merged weights."""
    project = tmp_path_factory.mktemp("project")
    (project / "data").symlink_to(ROOT / "data")
    config = yaml.safe_load(DEMO.read_text("utf-8"))
    config["runs"]["demo"]["precision"] = "4bit"
    config["evaluate"] |= {"retrieval": {"rows": 0}, "forgetting": False}  # neither is about weights
    # In 16 bits a weight is no longer what the adapter was trained on; how much that costs is asked.
    config["export"] = {"formats": ["adapter", "merged"], "max_drop": 1}
    (project / "my.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    command = [
        sys.executable,
        "-m",
        "qaloom.workflow.run",
        "--config",
        "my.yaml",
        "--directory",
        str(project),
    ]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return project / "results"


def test_it_was_trained_in_4_bits_and_merged_into_16(results):
    from safetensors.torch import load_file

    assert read_json(results / "train/demo/plan.json")["precision"] == "4bit"
    merged = results / "export/demo/merged"
    assert "quantization_config" not in read_json(merged / "config.json")
    for file in merged.glob("*.safetensors"):
        assert {str(weight.dtype) for weight in load_file(file).values()} == {"torch.bfloat16"}


@pytest.mark.parametrize("kind", ["adapter", "merged"])
def test_it_recalls_what_the_tuned_model_does_within_the_interval(results, kind):
    found = read_json(results / f"parity/demo/{kind}.json")
    score = found["exact_match"]
    print(f"\n{kind}: {found['same']} of {found['n']} identical, {score}")
    assert found["n"] >= 30
    assert found["prompts"]["same"] == found["prompts"]["n"] == 200
    assert score["low"] <= 0 <= score["high"], score
    assert score["tuned"] > 0.3
