"""Offline bundle: one tar file with the program and the wheels it needs, for a host without a network.

It contains the files that git tracks and the wheels of requirements.lock and requirements-converter.txt for
this machine's Python and platform, which the Makefile installs. The demo's base model is one of them.
"""

import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from typing import Annotated

import typer

from qaloom.config.load import ROOT
from qaloom.console import job, say
from qaloom.errors import BundleError

_CONVERTER = ROOT / "requirements-converter.txt"  # installed beside the lock's packages, not among them
_NAME = "qaloom-offline"  # the folder that the tar file unpacks to


def bundle(out: Path, lock: Path = ROOT / "requirements.lock", build: Path = ROOT / "build") -> None:
    """Write the bundle to `out`; wheels already in `build` are not downloaded again.

    Raises BundleError when a wheel cannot be downloaded or the program is not in a git repository.
    """
    wheels = build / "wheels"
    wanted = _download(lock, wheels)
    part = out.with_name(f".{out.name}.part")
    with tarfile.open(part, "w") as tar:  # wheels are compressed already
        for name in _tracked():
            tar.add(ROOT / name, f"{_NAME}/{name}")
        tar.add(lock, f"{_NAME}/requirements.lock")
        for wheel in wanted:
            tar.add(wheel, f"{_NAME}/wheels/{wheel.name}")
    part.replace(out)
    size = out.stat().st_size / 1e9
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    say(f"{out}: {len(wanted)} wheels, {size:.1f} GB, for {python} on {sysconfig.get_platform()}")


def _download(lock: Path, wheels: Path) -> list[Path]:
    """Packages of the lock for this platform, checked against its hashes; some have no wheel but an sdist."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
    command += ["--requirement", str(lock), "--requirement", str(_CONVERTER), "--dest", str(wheels)]
    report = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if report.returncode:
        raise BundleError(f"not all of {lock.name} could be downloaded; see pip's lines above")
    prefixes = ("Saved ", "File was already downloaded ")
    saved = [line.split()[-1] for line in report.stdout.splitlines() if line.strip().startswith(prefixes)]
    return sorted({wheels / Path(name).name for name in saved})


def _tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        raise BundleError(f"{ROOT} is not a git repository; bundle a clone")
    return [name for name in listing.stdout.split("\0") if name and name != "requirements.lock"]


def command(
    out: Annotated[Path, typer.Argument(help="the tar file to write")] = Path("qaloom-offline.tar"),
    lock: Annotated[Path, typer.Option(help="another lock file than the project's")] = ROOT
    / "requirements.lock",
) -> None:
    """Pack the program and its wheels for a host without a network."""
    bundle(out, lock)


if __name__ == "__main__":
    with job():
        typer.run(command)
