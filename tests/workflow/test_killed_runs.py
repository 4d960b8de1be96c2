"""Runs that are killed at any moment, or stand on a full disk, and one plain rerun that mends it."""

import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from harness import ROOT, Project, within

pytestmark = pytest.mark.slow
SPLIT = "results/split/manifest.json"
ADAPTER = "results/train/first/manifest.json"
VICTIMS = ("snakemake", "job", "all")
DATA_KILLS = 9  # three of each victim


def data_files(project: Project, stage: str = "") -> dict[str, bytes]:
    """What the data stages have written, also what a killed one left behind."""
    results = project.path("results") / stage
    return {str(p.relative_to(results)): p.read_bytes() for p in results.rglob("*") if p.is_file()}


def at_work(project: Project) -> list[psutil.Process]:
    """Processes that say that they belong to a run in this project, whosoever child they are."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(project.folder) in process.environ().get("QALOOM_RUN", ""):
                found.append(process)
        except psutil.Error:
            continue
    return found


def kill(launcher: subprocess.Popen, what: str) -> None:
    """kill -9 of Snakemake, of one of its jobs, or of all at once, if it is still there."""
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        if what == "all":
            return os.killpg(launcher.pid, signal.SIGKILL)
        snakemake = psutil.Process(launcher.pid).children()
        jobs = [p for one in snakemake for p in one.children(recursive=True) if not p.children()]
        chosen = jobs if what == "job" and jobs else snakemake
        for process in chosen[:1]:
            process.kill()


def is_sound(project: Project) -> None:
    """Nothing is at work, nothing is locked, and no file is half written."""
    assert not at_work(project)
    assert not list(project.path(".snakemake/locks").glob("*"))
    assert not project.path(".snakemake/qaloom.lock").exists()
    assert not list(project.path("results").rglob(".*.part"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, shared_house, tiny_model):
    """Half the demo through its data stages, once without disturbance, and the seconds that took."""
    folder = tmp_path_factory.mktemp("undisturbed") / "project"
    project = Project(folder, shared_house)
    (folder / "data").mkdir(parents=True)
    for name in ("handbook-ko", "products-en", "figures"):
        shutil.copy(ROOT / "data" / "demo" / f"{name}.qa.jsonl", folder / "data")
    project.configure(data={"sources": ["data/*.jsonl"]}, runs={"only": {}})
    started = time.monotonic()
    run = project.make_run(SPLIT)
    assert run.code == 0, run.output
    return data_files(project), time.monotonic() - started, project


def test_data_stages_killed_at_random_moments(undisturbed, tmp_path):
    """A moment in each ninth of the run, early and late, so that every stage is met."""
    whole, seconds, origin = undisturbed
    moments, killed = random.Random(20), 0
    for number in range(3 * DATA_KILLS):
        project = Project(tmp_path / f"project{number}", origin.house)
        project.folder.mkdir()
        shutil.copytree(origin.path("data"), project.path("data"))
        shutil.copy(origin.config, project.config)
        launcher = project.background(*project.launcher(), "--", "--cores", "2", SPLIT)
        time.sleep((0.05 + 0.7 * (number % DATA_KILLS + moments.random()) / DATA_KILLS) * seconds)
        kill(launcher, VICTIMS[killed % 3])
        output, _ = launcher.communicate(timeout=120)
        killed += launcher.returncode != 0
        run = project.make_run(SPLIT)
        assert run.code == 0, output + run.output
        assert data_files(project) == whole, f"kill {number}"
        is_sound(project)
        shutil.rmtree(project.folder)
        if killed == DATA_KILLS:
            return
    pytest.fail("most runs are done before they are killed")


def test_training_killed_at_random_moments(fresh):
    """Of each victim once: while it starts, or with a checkpoint there, from which the rerun then goes on."""
    fresh.change_run("first", training={"epochs": 60})
    moments = random.Random(5)
    log, cache = fresh.path("logs/train/first.log"), fresh.path("cache/train")
    for number, victim in enumerate(VICTIMS):
        for folder in (fresh.path("results/train"), cache, log.parent):
            shutil.rmtree(folder, ignore_errors=True)
        launcher = fresh.background(*fresh.launcher(), "--", "--cores", "2", ADAPTER)
        within(180, lambda process=launcher: log.exists() or process.poll() is not None)
        if number:
            within(180, lambda process=launcher: checkpoints(cache) or process.poll() is not None)
        time.sleep(moments.uniform(0, 0.5 if number else 8))
        kill(launcher, victim)
        launcher.communicate(timeout=120)
        left = checkpoints(cache)
        before = data_files(fresh, "split")
        run = fresh.make_run(ADAPTER)
        assert run.code == 0, run.output
        assert "goes on from checkpoint" in run.output or not left
        assert left or victim != "all"
        assert data_files(fresh, "split") == before
        assert fresh.path(ADAPTER).exists()
        is_sound(fresh)


def checkpoints(cache: Path) -> list[Path]:
    return list(cache.glob("*/checkpoints/*/trainer_state.json"))


def test_full_disk(fresh, tmp_path):
    """A disk that fills up under a run: one line says so, and the rerun with room again is as any other."""
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", small]).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        project = Project(small / "project", fresh.house)
        shutil.copytree(fresh.folder, project.folder)
        launcher = project.background(*project.launcher(), "--", "--cores", "2", SPLIT)
        within(60, project.path("results/validate/stats.json").exists)
        fill(project.path("ballast"))
        output, _ = launcher.communicate(timeout=120)
        full = f"qaloom: the disk that holds {project.folder} is full; free some space and run again"
        assert launcher.returncode == 1
        assert output.splitlines()[-1] == full
        assert "Traceback" not in output
        again = project.make_run(SPLIT)
        assert (again.code, again.output.splitlines()) == (1, [full])
        project.path("ballast").unlink()
        assert project.make_run(SPLIT).code == 0
        assert fresh.make_run(SPLIT).code == 0
        assert data_files(project) == data_files(fresh)
        is_sound(project)
    finally:
        subprocess.run(["umount", "--lazy", small], check=True)


def fill(ballast: Path) -> None:
    """Leave no room on the disk."""
    with pytest.raises(OSError, match="No space"), ballast.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(1 << 16))
