"""A final model: trained once more on all rows, asked, exported, and no more often than needed."""

import json

import pytest
from harness import WORDINGS, copied, read_rows, write_rows

pytestmark = pytest.mark.slow
FINAL = {"train_final first", "memory_check first"}
ONE = {"validate_file one.jsonl", "validate", "dedup", "augment", "split"}
TWIN = {"train first", "evaluate first"}


def record(project, name):
    return json.loads(project.path(f"results/{name}").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def first_final(first_run, tmp_path_factory):
    """A finished project whose run gets a final model, exported as an adapter. Not to be changed."""
    project = copied(first_run[0], tmp_path_factory.mktemp("final"))
    project.change_run("first", final=True)
    project.configure(export={"runs": {"first": ["adapter"]}, "max_drop": 1})
    assert project.planned().keys() == {
        *FINAL,
        "convert first adapter",
        "parity first adapter",
        "export first",
        "report",
    }
    return project, project.snakemake()


@pytest.fixture
def final(first_final, tmp_path):
    return copied(first_final[0], tmp_path)


def test_it_is_trained_on_all_rows_beside_its_twin_which_stays(first_final, first_run):
    project, run = first_final
    assert run.code == 0, run.output
    assert run.jobs == FINAL | {"convert first adapter", "parity first adapter", "export first", "report"}
    final, twin = (record(project, f"{stage}/first/manifest.json") for stage in ("final", "train"))
    split = record(project, "split/manifest.json")
    assert (final["rows"], twin["rows"]) == (split["final"]["sha256"], split["train"]["sha256"])
    assert (final["settings"], final["code"]) == (twin["settings"], twin["code"])
    assert twin == record(first_run[0], "train/first/manifest.json") and final["adapter"] != twin["adapter"]
    plans = [record(project, f"{stage}/first/plan.json") for stage in ("final", "train")]
    steps = [-(-split[part]["rows"] // 8) for part in ("final", "train")]
    assert [plan["steps"] for plan in plans] == steps
    assert f"{steps[0]} steps, {steps[1]} in the evaluated run: as many epochs, more rows" in plans[0]["why"]
    assert project.planned() == {}


def test_what_is_exported_is_the_final_model_with_its_twins_scores(first_final):
    project, _ = first_final
    digests = [record(project, f"{stage}/first/manifest.json")["adapter"] for stage in ("final", "train")]
    exported = record(project, "export/first/manifest.json")
    assert [exported["adapter"], exported["evaluated_adapter"]] == digests
    assert exported["parity"]["adapter"]["adapter"] == digests[0]
    weights = [
        project.path(f"results/{folder}/adapter_model.safetensors")
        for folder in ("export/first/adapter", "final/first")
    ]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    card = project.path("results/export/first/README.md").read_text(encoding="utf-8")
    assert "not this model's own, but its held-out twin's" in card
    assert all(digest[:16] in card for digest in digests)
    page = project.path("results/report/index.html").read_text(encoding="utf-8")
    assert page.count("These figures are those of the model that the held-out questions were kept from.") == 1
    assert all(digest in page for digest in digests)


def test_an_export_is_compared_with_the_final_models_own_answers(final):
    parity = record(final, "parity/first/adapter.json")
    answers = final.path("results/memory_check/first/predictions.jsonl")
    asked = [a for a in read_rows(answers) if a["split"] == "recall" and a["origin"] == "data"]
    assert parity["same"] == parity["n"] == len(asked) > 3
    write_rows(answers, read_rows(answers)[1:])
    assert final.planned().keys() == {"parity first adapter", "export first", "report"}


def test_a_row_added_trains_both_and_a_format_neither(final):
    final.configure(export={"runs": {"first": ["adapter", "merged"]}, "max_drop": 1})
    merged = {"convert first merged", "parity first merged"}
    assert final.planned().keys() == merged | {"export first", "report"}
    one = final.path("data/one.jsonl")
    write_rows(
        one,
        [*read_rows(one), *({"question": w.format("the night bus"), "answer": "stop B"} for w in WORDINGS)],
    )
    assert final.jobs("results/split/manifest.json") == ONE
    assert final.planned().keys() >= TWIN | FINAL | merged | {
        "convert first adapter",
        "export first",
        "report",
    }


def test_a_final_model_that_is_no_longer_wanted_is_not_exported(final):
    final.change_run("first", final=False)
    planned = final.planned()
    assert planned.keys() == {"convert first adapter", "parity first adapter", "export first", "report"}
    final.configure(export={})
    assert final.planned().keys() == {"report"}


def test_with_nothing_held_out_the_evaluated_model_is_the_final_one(project):
    project.configure(split={"recall_fraction": 0, "unseen_fraction": 0})
    project.change_run("first", final=True)
    run = project.snakemake()
    assert run.code == 0, run.output
    assert run.jobs == {"split", *TWIN, *FINAL, "report"}
    line = "first, final: nothing was held out that could be trained, so this is the model that is evaluated"
    assert run.output.count(line) == 1
    assert len(list(project.path("cache/train").glob("*/finished"))) == 2  # of the fixture's, and of this
    digests = [record(project, f"{stage}/first/manifest.json")["adapter"] for stage in ("final", "train")]
    assert digests[0] == digests[1]
    page = project.path("results/report/index.html").read_text(encoding="utf-8")
    assert "so the evaluated model is the final one" in page
