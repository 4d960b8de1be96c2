"""Set-up's progress: what is being downloaded, and no set-up that the disk has no room for."""

import runpy
import sys
from pathlib import Path

import pytest

PROGRESS = runpy.run_path(str(Path(__file__).parents[3] / "install/progress.py"))


def uv(folder: Path, packages: int) -> list[str]:
    """A stand-in: it says what a dry run says, notes a real call, and keeps its cache in the same folder."""
    program = folder / "uv"
    program.write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"if sys.argv[1] == 'cache': print({str(folder)!r})\n"
        f"elif '--dry-run' in sys.argv: print('Would download {packages} packages', file=sys.stderr)\n"
        "else: print('error: no such package', file=sys.stderr); sys.exit(2)\n"
    )
    program.chmod(0o755)
    return [str(program), "pip", "sync", "some.lock"]


def test_what_uv_says():
    said = PROGRESS["Said"]()
    downloads = ["Downloading torch (846.0MiB)\n", "Downloading numpy (16.1MiB)\n", " Downloaded numpy\n"]
    said.read(["Resolved 3 packages in 5ms\n", *downloads, " + numpy==2.4.6\n"])
    assert said.downloading == ["torch (846.0MiB)"]
    assert said.lines == [said.last()] == ["Resolved 3 packages in 5ms"]
    said.read(["Installed 3 packages in 9ms\n"])
    assert said.last().endswith("compiling them")


@pytest.mark.parametrize(("packages", "refused"), [(199, True), (3, False)])
def test_a_new_environment_needs_room(tmp_path, packages, refused):
    line = PROGRESS["too_little_room"](tmp_path / "new/.venv", 1e6, uv(tmp_path, packages))
    assert bool(line) is refused
    if line:
        assert line.startswith(f"setup: 1e+06 GB are needed, and {tmp_path} has ")


def test_a_failure_is_repeated(tmp_path, capsys):
    assert PROGRESS["install"](uv(tmp_path, 0), 7.0) == 2
    assert capsys.readouterr().err == "error: no such package\n"
