"""`snakemake --report`: verdict, data funnel, model card and metrics, each in its category with a caption."""

import json
import re
import zipfile

import pytest
import yaml

pytestmark = pytest.mark.slow


def test_the_report_of_snakemake_holds_page_card_and_funnel(project) -> None:
    run = project.snakemake("--report", "report.zip")
    assert run.code == 0, run.output
    with zipfile.ZipFile(project.path("report.zip")) as archive:
        (page,) = (name for name in archive.namelist() if name.endswith("report.html"))
        text = archive.read(page).decode("utf-8")
    results, runs = _variable(text, "results"), yaml.safe_load(project.config.read_text("utf-8"))["runs"]
    assert all(one["caption"] for one in results.values())
    assert {name: sorted(files["Other"]) for name, files in _variable(text, "categories").items()} == {
        "1. Verdict": ["results/report/index.html"],
        "2. Data": [
            "results/dedup/contradictions.jsonl",
            "results/report/funnel.csv",
            "results/split/audit.json",
        ],
        "3. Model cards": [f"results/evaluate/{run}/README.md" for run in sorted(runs)],
        "4. Metrics": [f"results/evaluate/{run}/metrics.json" for run in sorted(runs)],
    }


def _variable(page: str, name: str) -> dict:
    """A variable of the page's script, which stands on one line."""
    return json.loads(re.search(rf"^ *var {name} = (\{{.*\}});?$", page, re.MULTILINE)[1])
