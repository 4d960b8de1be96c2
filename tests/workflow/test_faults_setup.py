"""`make setup` that is killed at any step, and once more: a small copy with a lock of two small packages."""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from harness import ROOT, within

pytestmark = pytest.mark.slow
MODULES = 3_000  # of one package, so that it takes a while to put in place
# The project itself, built by a backend of a few lines, so that nothing is fetched.
BACKEND = """
import zipfile
def build_editable(folder, config=None, metadata=None):
    name = "house-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("house.pth", "")
        wheel.writestr("house-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: house\\nVersion: 1.0\\n")
        wheel.writestr("house-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("house-1.0.dist-info/RECORD", "")
    return name
"""
PROJECT = """
[project]
name = "house"
version = "1.0"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# uv, which notes its call first.
UV = """#!/bin/sh
echo "$*" >> {notes}
{uv} "$@"
"""


def wheel(folder: Path, name: str, modules: int) -> str:
    """Write a wheel; its line in a lock."""
    path, about = folder / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    files = {f"{name}/__init__.py": "", **{f"{name}/m{i}.py": f"VALUE = {i}\n" for i in range(modules)}}
    files[f"{about}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    files[f"{about}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{about}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """The Makefile with wheels of its own, and an environment that has uv alone."""
    house = tmp_path / "house"
    (house / "wheels").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", house)
    shutil.copytree(ROOT / "install", house / "install")
    lock = wheel(house / "wheels", "large", MODULES) + wheel(house / "wheels", "small", 1)
    (house / "requirements.lock").write_text(lock)
    (house / "requirements-converter.txt").write_text(wheel(house / "wheels", "other", 1))
    (house / "backend.py").write_text(BACKEND)
    (house / "pyproject.toml").write_text(PROJECT)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", house / ".venv"], check=True)
    uv = house / ".venv/bin/uv"
    uv.write_text(UV.format(notes=house / "called", uv=Path(sys.executable).with_name("uv")))
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    return house


def setup(house: Path) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CONDA", "MAKE"))}
    return subprocess.Popen(
        ["make", "--no-print-directory", "setup"], cwd=house, text=True, start_new_session=True,
        env=environment | {"UV_CACHE_DIR": str(house / "uv-cache")}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def calls(house: Path) -> int:
    return len((house / "called").read_text().splitlines()) if (house / "called").exists() else 0


def missing(house: Path) -> list[str]:
    """Modules of the large package that are not in place, and packages that are not there."""
    site = next(house.glob(".venv/lib/python*/site-packages"))
    there = {path.name for path in (site / "large").glob("m*.py")}
    lost = [f"m{i}.py" for i in range(MODULES) if f"m{i}.py" not in there]
    return lost + [p for p in ("small", "house-1.0.dist-info") if not (site / p).exists()]


# The first call says what there is to download.
@pytest.mark.parametrize(("call", "seconds"), [(2, 0.0), (2, 0.1), (2, 0.3), (3, 0.05), (4, 0.05)])
def test_a_set_up_that_is_killed_is_finished_by_the_next(house, call, seconds):
    first = setup(house)
    within(120, lambda: calls(house) >= call or first.poll() is not None)
    time.sleep(seconds)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    stamped = (house / ".venv/.qaloom-synced").exists()
    again = setup(house)
    output, _ = again.communicate(timeout=300)
    assert again.returncode == 0, output
    assert missing(house) == []
    assert (house / ".venv/converter/other").exists()
    assert stamped or not (house / ".venv/.qaloom-syncing").exists()


def test_packages_that_look_installed_and_lack_files_are_put_in_place(house):
    """A package that a killed set-up left half placed: its record is there, its modules are not."""
    assert setup(house).wait(300) == 0
    site = next(house.glob(".venv/lib/python*/site-packages"))
    for path in (site / "large").glob("m1*.py"):
        path.unlink()
    (house / ".venv/.qaloom-synced").unlink()
    (house / ".venv/.qaloom-syncing").touch()
    again = setup(house)
    output, _ = again.communicate(timeout=300)
    assert again.returncode == 0, output
    assert missing(house) == []
