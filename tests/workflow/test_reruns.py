"""Least work: after each kind of change, exactly the jobs that have to run again."""

import json
import os
import shutil
import time
from dataclasses import replace

import pytest
import yaml
from harness import WORDINGS, read_rows, write_rows
from misbehaving import misbehaving

ONE = {"validate_file one.jsonl", "validate", "dedup", "augment", "split"}
TRAINED = {"train first", "train second"}
EVALUATED = {"evaluate first", "evaluate second"}
AFTER_SPLIT = TRAINED | EVALUATED | {"report"}
WHOLE = AFTER_SPLIT | ONE | {"validate_file two.jsonl", "base_model tiny"}


def jobs(project, *arguments):
    run = project.snakemake(*arguments)
    assert run.code == 0, run.output
    return run.jobs


def adapter(project, run="first"):
    return project.path(f"results/train/{run}/adapter_model.safetensors").read_bytes()


def all_new(project):
    """What `git clone` and a copy do: every file gets a new time, in no particular order."""
    now = time.time()
    for number, path in enumerate(sorted(project.folder.rglob("*"), reverse=True)):
        if path.is_file() and ".snakemake" not in path.parts:
            os.utime(path, (now + number / 100, now + number / 100), follow_symlinks=False)


def test_first_run_does_everything_once(first_run):
    project, run = first_run
    assert run.jobs == WHOLE
    assert run.output.count("was trained before on the same rows and settings") == 1
    assert adapter(project, "first") == adapter(project, "second")


def test_nothing_changed(project):
    run = project.snakemake()
    assert (run.code, run.jobs) == (0, set())
    assert "Nothing to be done" in run.output


def test_sources_touched(project):
    for path in project.path("data").iterdir():
        path.touch()
    assert jobs(project) == set()


def test_all_times_new(project):
    all_new(project)
    assert jobs(project) == set()


def test_program_cloned_anew(project, house):
    """Another copy of the program, in another folder, every file of it newer than the results."""
    assert jobs(replace(project, house=house)) == set()


def test_moved_to_another_folder(project):
    project.folder.rename(project.folder.with_name("moved"))
    assert jobs(replace(project, folder=project.folder.with_name("moved"))) == set()


def test_rows_reordered(project):
    one = project.path("data/one.jsonl")
    write_rows(one, reversed(read_rows(one)))
    # The placement names each row's line, and evaluate reads it; the answers come from the cache.
    assert jobs(project) == ONE | EVALUATED | {"report"}


def test_file_renamed_trains_nothing(project):
    project.path("data/one.jsonl").rename(project.path("data/원 문서.jsonl"))
    ran = jobs(project, *(f"results/train/{run}/manifest.json" for run in ("first", "second")))
    assert ran == (ONE - {"validate_file one.jsonl"}) | {"validate_file 원 문서.jsonl"}


def test_row_added(project):
    one = project.path("data/one.jsonl")
    write_rows(one, [*read_rows(one), *fact("the night bus", "stop B")])
    before = adapter(project)
    assert jobs(project) == ONE | AFTER_SPLIT
    assert adapter(project) != before


@pytest.mark.slow
def test_row_changed(project):
    one = project.path("data/one.jsonl")
    changed = [r | {"answer": "Quay 18"} if r["answer"] == "Quay 17" else r for r in read_rows(one)]
    write_rows(one, changed)
    assert jobs(project) == ONE | AFTER_SPLIT


def test_row_removed_without_training(project):
    """How far the change of a row reaches, with what follows the split left out."""
    one = project.path("data/one.jsonl")
    write_rows(one, read_rows(one)[4:])
    assert jobs(project, "results/split/manifest.json") == ONE


def test_file_added(project):
    write_rows(project.path("data/three.jsonl"), fact("the night bus", "stop B"))
    ran = jobs(project, "results/split/manifest.json")
    assert ran == (ONE - {"validate_file one.jsonl"}) | {"validate_file three.jsonl"}


def test_file_removed(project):
    project.path("data/two.jsonl").unlink()
    ran = jobs(project, "results/split/manifest.json")
    assert ran == ONE - {"validate_file one.jsonl"}


def test_row_that_dedup_throws_out(project):
    one = project.path("data/one.jsonl")
    write_rows(one, [*read_rows(one), read_rows(one)[0]])
    assert jobs(project) == ONE | {"report"}


def test_learning_rate_of_one_run(project):
    project.change_run("second", training={"epochs": 1, "learning_rate": 0.001})
    assert jobs(project) == {"train second", "evaluate second", "report"}
    assert adapter(project, "second") != adapter(project, "first")


def test_run_added(project):
    project.change_run("third", lora={"r": 4}, training={"epochs": 1})
    run = project.snakemake()
    assert run.jobs == {"train third", "evaluate third", "report"}
    assert "third was trained before" in run.output


@pytest.mark.slow
def test_evaluation_setting(project):
    project.configure(evaluate={"max_new_tokens": 4, "resamples": 200})
    assert jobs(project) == EVALUATED | {"report"}


@pytest.mark.slow
def test_a_judge_is_asked_by_evaluation_alone_and_once(project):
    """Then its server is gone: what it said is there, and another judge is one warning a run."""
    with misbehaving(lambda prompt: "right" if "<answer>" in prompt else "tie") as server:
        judge = {"url": server.url, "model": "large", "retries": 0, "rubric": "Only {this} counts."}
        settings = {"max_new_tokens": 4, "resamples": 100}
        project.configure(evaluate=settings | {"judge": judge})
        assert jobs(project) == EVALUATED | {"report"}
        prompts = [prompt for prompt, *_ in server.seen]
    assert len(prompts) == len(set(prompts)) > 4
    assert all("Only {this} counts." in prompt for prompt in prompts)
    metrics = project.path("results/evaluate/second/metrics.json")
    found = json.loads(metrics.read_text())["judge"]
    assert found["right"]["tuned"] == 1 and found["better"]["ties"] == found["questions"]
    assert jobs(project) == set()
    assert jobs(project, "--forcerun", "evaluate") == EVALUATED | {"report"}
    assert json.loads(metrics.read_text())["judge"] == found
    project.configure(evaluate=settings | {"judge": judge | {"model": "larger"}})
    run = project.snakemake()
    assert (run.code, run.jobs) == (0, EVALUATED | {"report"})
    assert run.output.count("the judge is not available") == 2 and "Traceback" not in run.output
    assert json.loads(metrics.read_text())["judge"]["why"] == "server"


def test_augmentation_turned_off_reaches_no_earlier_stage(project):
    project.configure(augment={"providers": []})
    assert jobs(project, "results/split/manifest.json") == {"augment", "split"}


def test_config_order_and_comments(project):
    config = yaml.safe_load(project.config.read_text())
    turned = {key: config[key] for key in reversed(config)}
    turned["runs"] = {name: dict(reversed(run.items())) for name, run in turned["runs"].items()}
    project.config.write_text("# a comment\n" + yaml.safe_dump(turned, sort_keys=False) + "# another\n")
    assert jobs(project) == set()


def test_defaults_written_out(project):
    project.configure(dedup={"threshold": 0.9, "jamo": True})
    assert jobs(project) == set()


def test_threads_and_memory(project):
    run = project.snakemake("--set-threads", "train=1", "dedup=1", "--set-resources", "train:mem_mb=9000")
    assert run.jobs == set()


def test_comment_and_docstring_edited(project, house):
    house.edit("scripts/qaloom/dedup/stage.py", '"""', '"""Reworded. ')
    house.append("scripts/qaloom/train/stage.py", "\n# a remark\n")
    house.append("scripts/evaluate.py", "\n# a remark\n")
    assert jobs(replace(project, house=house)) == set()


def test_code_that_decides_no_result(project, house):
    """A command of its own, what talks to a person, and what a machine decides."""
    planning = (f"train/planning/{module}" for module in ("plan", "device", "memory", "fallback", "launcher"))
    for module in ("serve/ask", "console", *planning):
        house.append(f"scripts/qaloom/{module}.py", "\nUNUSED = 1\n")
    assert jobs(replace(project, house=house)) == set()


def test_code_of_the_last_stage(project, house):
    house.append("scripts/qaloom/report/stage.py", "\nADDED = 1\n")
    assert jobs(replace(project, house=house)) == {"report"}


def test_code_of_a_data_stage(project, house):
    """Other code, the same training rows: nothing is trained."""
    house.append("scripts/qaloom/dedup/stage.py", "\nADDED = 1\n")
    assert jobs(replace(project, house=house)) == {"dedup", "augment", "split"}


@pytest.mark.slow
def test_code_of_training(project, house):
    house.append("scripts/qaloom/train/stage.py", "\nADDED = 1\n")
    assert jobs(replace(project, house=house)) == AFTER_SPLIT


def test_metric_added(project, house):
    """A score is a function and its words in the report; nothing is trained or asked again for it."""
    score = '\nSCORES["same_length"] = lambda said, true: float(len(said) == len(true))\n'
    words = "\n".join(f"{key}.same_length: {{en: Length, ko: 길이}}" for key in ("metric", "about"))
    house.append("scripts/qaloom/evaluate/metrics.py", score)
    house.append("scripts/qaloom/report/strings.yaml", f"\n{words}\n")
    assert jobs(replace(project, house=house)) == EVALUATED | {"report"}
    assert "same_length" in project.path("results/evaluate/first/metrics.json").read_text()


def test_caption_edited(project, house):
    """Captions are for `snakemake --report`; the page's own words are the report's."""
    house.append("report/report.rst", "\nMore words.\n")
    assert jobs(replace(project, house=house)) == set()
    house.append("scripts/qaloom/report/page.css", "\n.more {color: red}\n")
    assert jobs(replace(project, house=house)) == {"report"}


@pytest.mark.slow
def test_base_model_changed(project):
    config = project.path("tiny-model/config.json")
    config.write_text(config.read_text().replace("512", "1024"))
    assert jobs(project) == {"base_model tiny"} | AFTER_SPLIT


def test_snakemakes_notes_lost(project):
    shutil.rmtree(project.path(".snakemake"))
    assert jobs(project) == set()


@pytest.mark.slow
def test_snakemakes_notes_lost_and_all_times_new(project):
    before = adapter(project)
    shutil.rmtree(project.path(".snakemake"))
    all_new(project)
    run = project.snakemake()
    assert run.code == 0
    assert adapter(project) == before
    assert run.output.count("was trained before") == len(run.jobs & TRAINED)


def test_results_lost(project):
    before = adapter(project)
    shutil.rmtree(project.path("results"))
    run = project.snakemake()
    assert run.jobs == WHOLE
    assert run.output.count("was trained before") == 2
    assert adapter(project) == before


def test_training_that_fails_leaves_the_last_adapter(project):
    """Snakemake takes the old results away; the cache still has them, so that going back costs nothing."""
    before, kept = adapter(project), cached(project)
    run = yaml.safe_load(project.config.read_text())["runs"]["second"]
    project.change_run("second", max_length=16)
    failed = project.snakemake()
    assert failed.code != 0
    assert failed.jobs == set()
    assert "qaloom: no row keeps its end token" in failed.output
    assert cached(project).items() >= kept.items()
    assert adapter(project) == before
    project.change_run("second", **run, max_length=2048)
    back = project.snakemake()
    assert back.jobs <= {"train second", "evaluate second", "report"}
    assert "second was trained before" in back.output
    assert adapter(project, "second") == before


def cached(project):
    """Finished adapters by their place in the cache."""
    return {path: path.read_bytes() for path in project.path("cache/train").glob("*/finished/*.safetensors")}


def fact(place, answer):
    return [{"question": wording.format(place), "answer": answer} for wording in WORDINGS]
