"""Least work: after each kind of change, exactly the jobs that have to run again."""

import json
import os
import shutil
import time
from dataclasses import replace

import pytest
import yaml
from harness import WORDINGS, House, read_rows, write_rows
from misbehaving import misbehaving

ONE = {"validate_file one.jsonl", "validate", "dedup", "augment", "split"}
AFTER_SPLIT = {"train first", "evaluate first", "report"}
WHOLE = AFTER_SPLIT | ONE | {"validate_file two.jsonl", "base_model tiny"}


def adapter(project, run="first"):
    return project.path(f"results/train/{run}/adapter_model.safetensors").read_bytes()


def all_new(project):
    """What `git clone` and a copy do: every file gets a new time, in no particular order."""
    now = time.time()
    for number, path in enumerate(sorted(project.folder.rglob("*"))):
        if path.is_file() and ".snakemake" not in path.parts:
            os.utime(path, (now - number / 100, now - number / 100), follow_symlinks=False)


def test_first_run_does_everything_once(first_run):
    assert first_run[1].jobs == WHOLE
    assert "was trained before" not in first_run[1].output


def test_run_added(second_run):
    project, run = second_run
    assert run.jobs == {"train second", "evaluate second", "report"}
    assert run.output.count("second was trained before on the same rows and settings") == 1
    assert adapter(project, "first") == adapter(project, "second")


def test_nothing_changed(project):
    run = project.snakemake()
    assert (run.code, run.jobs) == (0, set())
    assert "Nothing to be done" in run.output
    assert not project.path("results/export").exists()


def test_what_only_looks_like_a_change_of_the_project(project):
    """Another folder, all times new, defaults written out, other order of keys, comments, threads, memory."""
    project.configure(dedup={"threshold": 0.9, "jamo": True})
    config = yaml.safe_load(project.config.read_text())
    turned = {key: config[key] for key in reversed(config)}
    turned["runs"] = {name: dict(reversed(run.items())) for name, run in turned["runs"].items()}
    project.config.write_text("# a comment\n" + yaml.safe_dump(turned, sort_keys=False) + "# another\n")
    all_new(project)
    project.folder.rename(project.folder.with_name("moved"))
    moved = replace(project, folder=project.folder.with_name("moved"))
    run = moved.snakemake("--set-threads", "train=1", "dedup=1", "--set-resources", "train:mem_mb=9000")
    assert (run.code, run.jobs) == (0, set()), run.output


def test_what_only_looks_like_a_change_of_the_program(project, house):
    """Another copy in another folder, newer than the results, with edits that decide no result.

    Comments, docstrings, captions; a command of its own, what talks to a person, what a machine decides.
    """
    house.edit("scripts/qaloom/dedup/stage.py", '"""', '"""Reworded. ')
    house.append("scripts/qaloom/train/stage.py", "\n# a remark\n")
    house.append("scripts/evaluate.py", "\n# a remark\n")
    house.append("report/report.rst", "\nMore words.\n")
    planning = (f"train/planning/{module}" for module in ("plan", "device", "memory", "fallback", "launcher"))
    for module in ("serve/ask", "console", *planning):
        house.append(f"scripts/qaloom/{module}.py", "\nUNUSED = 1\n")
    run = replace(project, house=house).snakemake()
    assert (run.code, run.jobs) == (0, set()), run.output


def test_rows_reordered(project):
    one = project.path("data/one.jsonl")
    write_rows(one, reversed(read_rows(one)))
    # The placement names each row's line, and evaluate reads it; the answers come from the cache.
    assert project.jobs() == ONE | {"evaluate first", "report"}


def test_file_renamed_trains_nothing(project):
    project.path("data/one.jsonl").rename(project.path("data/원 문서.jsonl"))
    ran = project.jobs("results/train/first/manifest.json")
    assert ran == (ONE - {"validate_file one.jsonl"}) | {"validate_file 원 문서.jsonl"}


def test_dry_run_says_what_will_and_may_run_and_writes_nothing(two_runs):
    two_runs.configure(augment={"providers": []})
    two_runs.change_run("second", training={"epochs": 2})
    before = set(two_runs.path("results").rglob("*"))
    run = two_runs.snakemake("-n")
    assert (run.code, run.jobs) == (0, set())
    assert "recall questions: base" not in run.output
    assert set(two_runs.path("results").rglob("*")) == before
    *_, augment, split, train, estimate = run.output.splitlines()
    assert estimate.startswith("This takes between ") and "last time (an estimate)" in estimate
    assert [augment, split, train] == [
        "Will run augment, train second, report: settings changed.",
        "Will run split, evaluate second: input is made anew.",
        "May run train first, evaluate first: only if their input comes out different.",
    ]


def test_row_added(project):
    one = project.path("data/one.jsonl")
    write_rows(one, [*read_rows(one), *fact("the night bus", "stop B")])
    before = adapter(project)
    assert project.jobs() == ONE | AFTER_SPLIT
    assert adapter(project) != before


def test_row_changed_or_removed(project):
    """To the split, which takes seconds; that other training rows are trained on is planned then."""
    one, split = project.path("data/one.jsonl"), "results/split/manifest.json"
    write_rows(one, [r | {"answer": "Quay 18"} if r["answer"] == "Quay 17" else r for r in read_rows(one)])
    assert project.jobs(split) == ONE
    assert project.planned().keys() == AFTER_SPLIT
    write_rows(one, read_rows(one)[4:])
    assert project.jobs(split) == ONE


def test_file_restored_from_an_older_copy(project):
    """Of another content, but older than all that was made since."""
    one = project.path("data/one.jsonl")
    write_rows(one, read_rows(one)[4:])
    os.utime(one, (1e9, 1e9))
    run = project.snakemake("results/split/manifest.json")
    assert run.jobs == ONE
    assert "Will run validate_file data/one.jsonl: data/one.jsonl changed." in run.output


def test_a_failed_run_fails_again_until_it_is_mended(project):
    """What was made of earlier rows is still there, and must not pass for up to date."""
    one = project.path("data/one.jsonl")
    good = one.read_text()
    one.write_text("no JSON\n")
    for _ in range(2):
        run = project.snakemake()
        assert run.code == 1 and "qaloom: data/one.jsonl: no good row among 1 line" in run.output
    one.write_text(good)
    assert project.jobs("results/split/manifest.json") == ONE
    assert project.jobs() <= {"report", "evaluate first"}


def test_row_that_dedup_throws_out(project):
    one = project.path("data/one.jsonl")
    write_rows(one, [*read_rows(one), read_rows(one)[0]])
    assert project.jobs() == ONE | {"report"}


def test_learning_rate_of_one_run(two_runs):
    """The other run stays as it is, and no answer that is there, such as the base model's, is made again."""
    answers = {path: path.read_bytes() for path in two_runs.path("cache/generate").iterdir()}
    two_runs.change_run("second", training={"epochs": 1, "learning_rate": 0.003})
    assert two_runs.jobs() == {"train second", "evaluate second", "report"}
    assert adapter(two_runs, "second") != adapter(two_runs, "first")
    assert {path: path.read_bytes() for path in answers} == answers


@pytest.mark.slow
def test_a_judge_is_asked_by_evaluation_alone_and_once(project):
    """Then its server is gone: what it said is there, and another judge is one warning."""
    with misbehaving(lambda prompt: "right" if "<answer>" in prompt else "tie") as server:
        judge = {"url": server.url, "model": "large", "retries": 0, "rubric": "Only {this} counts."}
        settings = {"max_new_tokens": 4}
        project.configure(evaluate=settings | {"judge": judge})
        assert project.jobs() == {"evaluate first", "report"}
        prompts = [prompt for prompt, *_ in server.seen]
    assert len(prompts) == len(set(prompts)) > 4
    assert all("Only {this} counts." in prompt for prompt in prompts)
    metrics = project.path("results/evaluate/first/metrics.json")
    found = json.loads(metrics.read_text())["judge"]
    assert found["right"]["tuned"] == 1 and found["better"]["ties"] == found["questions"]
    assert project.jobs() == set()
    assert project.jobs("--forcerun", "evaluate") == {"evaluate first", "report"}
    assert json.loads(metrics.read_text())["judge"] == found
    project.configure(evaluate=settings | {"judge": judge | {"model": "larger"}})
    run = project.snakemake()
    assert (run.code, run.jobs) == (0, {"evaluate first", "report"})
    assert run.output.count("the judge is not available") == 1 and "Traceback" not in run.output
    assert json.loads(metrics.read_text())["judge"]["why"] == "server"


def test_augmentation_turned_off_reaches_no_earlier_stage_and_shows_no_earlier_figures(project):
    project.configure(augment={"providers": []})
    run = project.snakemake("results/split/manifest.json")
    assert run.jobs == {"augment", "split"}
    assert run.stdout == ""


def test_code_and_words_of_the_last_stage(project, house):
    for file, more in (("stage.py", "ADDED = 1"), ("page.css", ".more {color: red}")):
        changed = House.of(house.folder, project.folder.parent / file)
        changed.append(f"scripts/qaloom/report/{file}", f"\n{more}\n")
        assert replace(project, house=changed).planned() == {"report": "the program changed"}


def test_code_of_a_data_stage(project, house):
    """Other code, the same training rows: nothing is trained."""
    house.append("scripts/qaloom/dedup/stage.py", "\nADDED = 1\n")
    assert replace(project, house=house).jobs() == {"dedup", "augment", "split"}


def test_code_of_training(project, house):
    house.append("scripts/qaloom/train/stage.py", "\nADDED = 1\n")
    found = replace(project, house=house).planned()
    assert found.keys() == AFTER_SPLIT
    assert found["train first"] == "the program changed"


def test_metric_added(project, house):
    """A score is a function and its words in the report; nothing is trained or asked again for it."""
    score = '\nSCORES["same_length"] = lambda said, true: float(len(said) == len(true))\n'
    words = "\n".join(f"{key}.same_length: {{en: Length, ko: 길이}}" for key in ("metric", "about"))
    house.append("scripts/qaloom/evaluate/metrics.py", score)
    house.append("scripts/qaloom/report/strings.yaml", f"\n{words}\n")
    assert replace(project, house=house).jobs() == {"evaluate first", "report"}
    assert "same_length" in project.path("results/evaluate/first/metrics.json").read_text()


def test_base_model_changed(project):
    config = project.path("tiny-model/config.json")
    config.write_text(config.read_text().replace("512", "1024"))
    assert project.planned().keys() == {"base_model tiny"} | AFTER_SPLIT


def test_snakemakes_notes_lost(project):
    shutil.rmtree(project.path(".snakemake"))
    assert project.jobs() == set()


@pytest.mark.slow
def test_snakemakes_notes_lost_and_all_times_new(project):
    before = adapter(project)
    shutil.rmtree(project.path(".snakemake"))
    all_new(project)
    run = project.snakemake()
    assert run.code == 0
    assert adapter(project) == before
    assert run.output.count("was trained before") == len(run.jobs & {"train first"})


def test_results_lost(project):
    before = adapter(project)
    shutil.rmtree(project.path("results"))
    run = project.snakemake()
    assert run.jobs == WHOLE
    assert run.output.count("was trained before") == 1
    assert adapter(project) == before


def test_training_that_fails_leaves_the_last_adapter(two_runs):
    """Snakemake takes the old results away; the cache still has them, so that going back costs nothing."""
    before, kept = adapter(two_runs), cached(two_runs)
    run = yaml.safe_load(two_runs.config.read_text())["runs"]["second"]
    two_runs.change_run("second", max_length=16)
    failed = two_runs.snakemake()
    assert failed.code != 0
    assert failed.jobs == set()
    assert "qaloom: no row keeps its end token" in failed.output
    assert cached(two_runs).items() >= kept.items()
    assert adapter(two_runs) == before
    two_runs.change_run("second", **run, max_length=2048)
    back = two_runs.snakemake()
    assert back.jobs <= {"train second", "evaluate second", "report"}
    assert "second was trained before" in back.output
    assert adapter(two_runs, "second") == before


def cached(project):
    """Finished adapters by their place in the cache."""
    return {path: path.read_bytes() for path in project.path("cache/train").glob("*/finished/*.safetensors")}


def fact(place, answer):
    return [{"question": wording.format(place), "answer": answer} for wording in WORDINGS]
