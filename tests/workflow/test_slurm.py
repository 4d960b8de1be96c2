"""The workflow through a real Slurm of one node, which this module starts (tests/slurm/one_node.sh)."""

import os
import re
import shutil
import signal
import subprocess
from dataclasses import replace

import pytest
from harness import ROOT, Project, within

pytestmark = pytest.mark.slow
ONE_NODE = ROOT / "tests" / "slurm" / "one_node.sh"
PROFILE = "profiles/slurm/config.yaml"
SPLIT = "results/split/manifest.json"
SLURM = ("--profile", "slurm")


@pytest.fixture(scope="module", autouse=True)
def slurm(tmp_path_factory):
    if os.geteuid() or not shutil.which("slurmctld"):
        pytest.skip(f"Slurm is not installed ({ONE_NODE.relative_to(ROOT)} install, as root)")
    folder = tmp_path_factory.mktemp("slurm")
    subprocess.run([ONE_NODE, "start", folder], check=True)
    yield
    subprocess.run([ONE_NODE, "stop", folder], check=True)


@pytest.fixture
def project(fresh_but_trained, house) -> Project:
    """A copy of the profile that asks for the jobs' states soon, as they are short here."""
    house.edit(PROFILE, "status-checks: 20", "status-checks: 4")
    house.edit(PROFILE, "latency-wait: 60", "latency-wait: 10")
    return replace(fresh_but_trained, house=house)


def held() -> list[str]:
    """The ids of the jobs that are pending or at work."""
    return subprocess.run(
        ["squeue", "-h", "-o", "%i"], capture_output=True, text=True, check=True
    ).stdout.split()


def jobs_of(project: Project) -> list[dict[str, str]]:
    """All jobs that Slurm was given for a project, oldest first, as scontrol shows them."""
    shown = subprocess.run(
        ["scontrol", "show", "job", "-o"], capture_output=True, text=True, check=True
    ).stdout
    lines = [line for line in shown.splitlines() if str(project.folder) in line]
    jobs = [dict(re.findall(r"(\w+)=(\S+)", line)) for line in lines]
    return [job | {"rule": re.sub("^rule_|_wildcards_.*", "", job["Comment"])} for job in jobs]


def started(project: Project):
    """`make run PROFILE=slurm` in the background, once Slurm runs a job of it."""
    process = project.background(*project.launcher(*SLURM), "--", SPLIT)
    within(60, lambda: any(job["JobState"] == "RUNNING" for job in jobs_of(project)))
    return process


def test_whole_project_with_a_job_that_needs_more_memory(project, house):
    """Each rule is a job, but base_model; dedup is killed for its memory and gets more."""
    house.edit(PROFILE, "240\n    gpu: 1\n", "240\n    gpu: 2\n")
    house.edit(PROFILE, "attempt * max(4000, 20 * input.size_mb)", "150 + (attempt - 1) * 3000")
    house.edit("scripts/dedup.py", "    dedup(", "    __import__('time').sleep(4)\n    dedup(")
    run = project.python(*project.launcher(*SLURM), "--", "--logger", "executed")
    assert run.code == 0, run.output
    assert project.path("results/report/index.html").exists()
    assert run.stdout.count("of 6 questions right (base model") == 1
    jobs = jobs_of(project)
    assert [job["rule"] for job in jobs if job["rule"] != "validate_file"] == [
        "validate", "dedup", "dedup", "augment", "split", "train", "evaluate", "report",
    ]  # fmt: skip
    dedups = [job for job in jobs if job["rule"] == "dedup"]
    assert [job["MinMemoryNode"] for job in dedups] == ["150M", "3150M"]
    assert [job["JobState"] == "COMPLETED" for job in dedups] == [False, True]
    for job in jobs:
        gpus = {"train": "gres:gpu:1", "evaluate": "gres:gpu:2"}
        assert job.get("TresPerJob") == gpus.get(job["rule"]), job
        assert job["NumTasks"] == "1"
    assert project.python(*project.launcher(*SLURM)).output.count("Nothing to be done") == 1


def test_ctrl_c_leaves_no_job(project, house):
    house.edit(
        "scripts/validate_file.py",
        "    validate_file(",
        "    __import__('time').sleep(60)\n    validate_file(",
    )
    process = started(project)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0, output
    within(10, lambda: not held())
    assert not any(project.path(".snakemake/locks").glob("*"))


def test_killed_snakemake_is_run_again(project, house):
    """Its jobs live on: plain snakemake names them and starts nothing, make run ends them and goes on."""
    slow = "    __import__('time').sleep(60)\n    validate_file("
    house.edit("scripts/validate_file.py", "    validate_file(", slow)
    process = started(project)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    orphans = held()
    assert len(orphans) == 2

    plain = ("--workflow-profile", str(house.folder / "profiles/slurm"), SPLIT)
    assert project.snakemake("--unlock", *plain).code == 0
    refused = project.snakemake(*plain)
    assert refused.code != 0
    assert "if no other run is active there, cancel them: scancel " + " ".join(orphans) in refused.output
    assert held() == orphans

    house.edit("scripts/validate_file.py", slow, "    validate_file(")
    run = project.python(*project.launcher(*SLURM), "--", SPLIT)
    assert run.code == 0, run.output
    assert f"({', '.join(orphans)}); cancelling them" in run.output
    assert not held()
    undisturbed = [job for job in jobs_of(project) if job["JobState"] == "COMPLETED"]
    assert sorted(job["rule"] for job in undisturbed) == [
        "augment", "dedup", "split", "validate", "validate_file", "validate_file",
    ]  # fmt: skip
