"""Progress of an installation by uv: every few seconds what has been written, and what is being downloaded.

    python install/progress.py ENVIRONMENT GB uv pip sync ...

GB is the size of the finished environment. Stops with one line where the disk has less room than that. Needs
the standard library alone: there is no other package yet.
"""

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

_SECONDS_BETWEEN_LINES = 10.0
_MANY = 50  # packages to download: the environment is new
_BLANK = " " * 100


class Said:
    """Output of uv so far: names of packages being downloaded, and `lines`, all that is not a list of packages."""

    def __init__(self) -> None:
        self.downloading: list[str] = []
        self.lines: list[str] = []

    def last(self) -> str:
        """Last line of uv; after 'Installed' it compiles in silence, where it was told to."""
        line = (self.lines or ["resolving"])[-1]
        return f"{line}, compiling them" if line.startswith("Installed") else line

    def read(self, stream: Iterable[str]) -> None:
        """Take in lines until the stream ends."""
        for line in map(str.rstrip, stream):
            verb, _, name = line.strip().partition(" ")
            if verb in ("Downloading", "Building"):
                self.downloading.append(name)
            elif verb in ("Downloaded", "Built"):
                self.downloading = [one for one in self.downloading if one.partition(" ")[0] != name]
            elif not re.match(r" [-+~] ", line):
                self.lines.append(line)


def install(command: list[str], gigabytes: float) -> int:
    """Run uv and show its progress; its exit code. What it said is repeated where it fails."""
    said, started = Said(), time.monotonic()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        reader = threading.Thread(target=said.read, args=[process.stderr])
        reader.start()
        try:
            _show(process, said, gigabytes, started)
        except KeyboardInterrupt:
            process.wait()
            return 130
        reader.join()
    if process.returncode:
        print(*said.lines, sep="\n", file=sys.stderr)
    else:
        print(f"  installed in {_clock(time.monotonic() - started)}")
    return process.returncode


def _show(process: subprocess.Popen[str], said: Said, gigabytes: float, started: float) -> None:
    on_terminal = sys.stdout.isatty()
    while process.poll() is None:
        try:
            process.wait(1.0 if on_terminal else _SECONDS_BETWEEN_LINES)
        except subprocess.TimeoutExpired:
            what = ", ".join(said.downloading[:3]) or said.last()
            line = f"  {_written(process.pid):.1f} of {gigabytes:g} GB, {_clock(time.monotonic() - started)}: {what}"
            print(
                f"\r{line:.100}{_BLANK[len(line) :]}" if on_terminal else line,
                end="\n"[on_terminal:],
                flush=True,
            )
    if on_terminal:
        print(f"\r{_BLANK}\r", end="")


def _written(pid: int) -> float:
    """GB that a process wrote."""
    try:
        return int(re.search(r"wchar: (\d+)", Path(f"/proc/{pid}/io").read_text())[1]) / 1e9  # type: ignore[index]
    except OSError:
        return 0.0


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def too_little_room(environment: Path, gigabytes: float, command: list[str]) -> str | None:
    """The line that says that the disk has no room; None where it has, or where there is little to download."""
    dry = subprocess.run([*command, "--dry-run"], capture_output=True, text=True, check=False)
    downloads = re.search(r"Would download (\d+)", dry.stderr)
    if not downloads or int(downloads[1]) < _MANY:
        return None
    said = subprocess.run([command[0], "cache", "dir"], capture_output=True, text=True, check=False)
    # On one disk a file is there once, under two names.
    free, where = min(_room(environment), _room(Path(said.stdout.strip())))
    if free < gigabytes:
        return f"setup: {gigabytes:g} GB are needed, and {where} has {free:.1f} GB free; make room there"
    print(f"  {downloads[1]} packages to download; {where} has {free:.0f} GB free")
    return None


def _room(folder: Path) -> tuple[float, str]:
    """GB free on the disk of a folder, also of one that is still to be made."""
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    return shutil.disk_usage(there).free / 1e9, str(there)


if __name__ == "__main__":
    environment, gigabytes, command = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    print(f"Setting up {environment}: {gigabytes:g} GB, a few minutes the first time", flush=True)
    if refused := too_little_room(environment, gigabytes, command):
        sys.exit(refused)
    sys.exit(install(command, gigabytes))
