"""Packages in a folder of their own, beside those of the environment: pinned with hashes in a requirements file."""

import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from qaloom.errors import ModelError


def install_apart(requirements: Path, folder: Path) -> None:
    """Install into `folder` what a requirements file names, without what that depends on; a folder there stays.

    Raises ModelError, with uv's last line, when it cannot be fetched.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if folder.is_dir():
            return
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
        command += ["--no-deps", "--target", str(part), "--requirement", str(requirements)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["uv ended without a word"])[-1].strip()
            raise ModelError(
                f"{requirements.name} cannot be installed into {folder} ({last}); try again with a network, "
                f"or: uv pip install --no-deps --target {folder} --requirement {requirements}"
            )
        part.replace(folder)
