"""The wheel holds all that a run reads, and starts one from an unpacked copy as an installed one does."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The wheel, unpacked."""
    folder = tmp_path_factory.mktemp("site")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def qaloom(site: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "qaloom", *arguments]
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_all_that_git_tracks_for_a_run_is_in_it(site):
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = [name for name in listing.stdout.split("\0") if name]
    shared = ("Snakefile", "rules/", "config/", "profiles/", "report/", "data/demo/")
    for name in tracked:
        if name.startswith("scripts/qaloom/"):
            assert (site / name.removeprefix("scripts/")).is_file(), name
        elif name.startswith(shared) or (name.startswith("scripts/") and name.count("/") == 1):
            assert (site / "qaloom/share" / name).is_file(), name
    assert "qaloom = qaloom.__main__:main" in next(site.glob("*.dist-info/entry_points.txt")).read_text()


@pytest.mark.slow
def test_a_new_project_is_planned_with_nothing_but_the_wheel(site):
    qaloom(site, "init", "my-project")
    planned = qaloom(site, "run", "-n", "--directory", "my-project")
    assert "Will run base_model smollm2-135m-instruct, validate_file (6)" in planned
    assert f"{site}/qaloom/share/profiles/default" in planned
