"""Running a project: from another folder, twice at once, killed, stopped, and what a person reads of it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from unicodedata import normalize

import pytest
import yaml
from harness import PROGRAM, ROOT, read_rows, rows, within, write_rows

SPLIT = "results/split/manifest.json"
LOCKS = ".snakemake/locks"


def listing(folder):
    return {p for p in folder.rglob("*") if "__pycache__" not in p.parts}


def started(project, *arguments):
    """`make run` in the background, in a process group of its own, once Snakemake has locked the folder."""
    process = project.background(*project.launcher(), "--", "--cores", "2", *arguments)
    within(20, lambda: any(project.path(LOCKS).glob("*")))
    return process


def group_is_gone(process):
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_own_project_from_another_folder(fresh):
    """One run, forty rows, both commands; the program's folder and the caller's stay as they were."""
    fresh.configure(runs={"mine": yaml.safe_load(fresh.config.read_text())["runs"]["first"]})
    fresh.config.rename(fresh.path("my.yaml"))
    caller, program = listing(fresh.folder.parent), listing(fresh.house.folder)
    run = fresh.python(
        "-m", "qaloom.workflow.run", "--config", "my.yaml", "--directory", "project", "--", "--cores", "2"
    )
    assert run.code == 0, run.output
    assert sorted(p.name for p in fresh.path("results").iterdir()) == [
        "augment", "base_model", "dedup", "evaluate", "report", "split", "train", "validate",
    ]  # fmt: skip
    assert [p.name for p in fresh.path("results/train").iterdir()] == ["mine"]
    assert listing(fresh.house.folder) == program
    assert {p for p in listing(fresh.folder.parent) if fresh.folder not in p.parents} <= caller
    reads_well(run)

    snakefile = str(fresh.house.folder / "Snakefile")
    again = fresh.python(
        "-m",
        "snakemake",
        "-s",
        snakefile,
        "--configfile",
        "project/my.yaml",
        "-d",
        "project",
        "--cores",
        "all",
    )
    assert again.code == 0
    assert "Nothing to be done" in again.output
    assert "recall questions: base" not in again.output


def reads_well(run):
    """Each stage says its line, in order, and the last lines are the figures and where the report is."""
    lines = run.output.splitlines()
    stages = ("validate: ", "dedup: ", "augment: ", "split: ", "train: mine: ", "evaluate: mine: knows")
    done = [line for line in lines if re.match(r"\d+ of 10  ", line)]
    found = [
        next(i for i, line in enumerate(done) if line.split("  ")[1].startswith(stage)) for stage in stages
    ]
    assert found == sorted(found) and len(done) == 10
    for noise in ("Reason:", "Finished jobid", "steps (", "Warning", "Provided"):
        assert noise not in run.output
    assert run.stdout.splitlines()[-1] == "report: project/results/report/index.html"


def test_second_run_at_once_is_refused(fresh):
    process = started(fresh, SPLIT)
    second = fresh.make_run(SPLIT)
    assert second.code == 1
    assert f"qaloom: another run is active in {fresh.folder}; wait for it or stop it" in second.output
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert fresh.path(SPLIT).exists()


@pytest.mark.slow
def test_claim_lasts_as_long_as_snakemake(fresh):
    """Only the outer process is killed: Snakemake still works there, and its lock is not taken away."""
    process = started(fresh, SPLIT)
    process.kill()
    assert fresh.make_run(SPLIT).code == 1
    process.communicate()  # the pipe closes when Snakemake ends
    within(20, lambda: fresh.path(SPLIT).exists())


def test_lock_of_a_killed_run_is_taken_away(fresh):
    process = started(fresh, SPLIT)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    within(10, lambda: group_is_gone(process))
    assert any(fresh.path(LOCKS).glob("*"))
    run = fresh.make_run(SPLIT)
    assert run.code == 0, run.output
    assert "was killed; removing its lock and going on" in run.output
    assert "split" in run.jobs


def test_lock_of_a_snakemake_started_by_hand_is_respected(fresh):
    locks = fresh.path(LOCKS)
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text(SPLIT + "\n")
    run = fresh.make_run(SPLIT)
    assert (run.code, run.jobs) == (1, set())
    assert "started by hand" in run.output
    assert "--unlock" in run.output
    assert "Traceback" not in run.output


@pytest.mark.parametrize("how", ["Ctrl-C", "kill"])
def test_stopped_in_order(fresh, how):
    """Terminals send Ctrl-C to the whole group, kill goes to one; neither leaves a process or a lock."""
    process = started(fresh, SPLIT)
    within(30, lambda: any(fresh.path("logs").rglob("*.log")))
    if how == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    process.communicate(timeout=60)
    assert process.returncode != 0
    within(10, lambda: group_is_gone(process))
    assert not any(fresh.path(LOCKS).glob("*"))
    run = fresh.make_run(SPLIT)
    assert run.code == 0, run.output
    assert "taking its lock away" not in run.output


def test_sources_come_and_go_by_the_glob_whatever_their_names(fresh):
    """Hangul composed and taken apart, spaces, brackets, quotes: each is a source, until it is gone."""
    stats, names = (
        "results/validate/stats.json",
        ["원 문서.jsonl", "이름 \u1112\u1161\u11ab.jsonl", "it's [a] & b.jsonl"],
    )
    for number, name in enumerate(names):
        write_rows(fresh.path(f"data/{name}"), rows()[number * 4 : number * 4 + 4])
    fresh.path("data/one.jsonl").unlink()
    first = fresh.snakemake(stats)
    assert first.code == 0, first.output
    assert first.jobs == {"validate", *(f"validate_file {name}" for name in [*names, "two.jsonl"])}
    fresh.path(f"data/{names[2]}").unlink()
    assert fresh.snakemake(stats).jobs == {"validate"}
    read = {row["source"] for row in read_rows(fresh.path("results/validate/rows.jsonl"))}
    assert read == {normalize("NFC", f"data/{name}") for name in [*names[:2], "two.jsonl"]}


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "config" / "examples").glob("*.yaml")))
def test_example_configuration_dry_runs(fresh, name):
    shutil.rmtree(fresh.path("data"))
    shutil.copytree(ROOT / "data", fresh.path("data"))
    shutil.copy(fresh.house.folder / "config" / "examples" / name, fresh.config)
    run = fresh.snakemake("-n")
    assert run.code == 0, run.output
    for trained in yaml.safe_load(fresh.config.read_text())["runs"]:
        assert f"Training {trained}" in run.output


def test_demo_dry_runs_without_a_config_file(shared_house, tmp_path, monkeypatch):
    """Plain `snakemake` in a clone takes config/config.yaml."""
    for name in (*PROGRAM, "data"):
        (tmp_path / name).symlink_to((ROOT if name == "data" else shared_house.folder) / name)
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "2"]
    path = {"PYTHONPATH": str(shared_house.folder / "path")}
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Training demo" in done.stdout + done.stderr
