"""Faults of the machine and of sources under a run: one line each, and a plain rerun that comes to the same."""

import gzip
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import Project, copied, read_rows, rows, within, write_rows

pytestmark = pytest.mark.slow
SPLIT = "results/split/manifest.json"
MEGABYTE = b"a" * 1_000_000


@pytest.fixture(scope="module")
def placed(tmp_path_factory, shared_house, tiny_model) -> Project:
    """The forty rows through their data stages. Not to be changed."""
    project = Project(tmp_path_factory.mktemp("placed") / "project", shared_house)
    write_rows(project.path("data/one.jsonl"), rows()[:20])
    write_rows(project.path("data/two.jsonl"), rows()[20:])
    project.configure(data={"sources": ["data/*"]}, runs={"only": {}})
    assert project.make_run(SPLIT).code == 0
    return project


@pytest.fixture
def project(placed, tmp_path) -> Project:
    return copied(placed, tmp_path)


def stages(project: Project) -> dict[str, bytes]:
    """What the data stages wrote, by name."""
    results = project.path("results")
    return {str(p.relative_to(results)): p.read_bytes() for p in results.rglob("*") if p.is_file()}


def run_under(
    project: Project, limit: Callable[[], None] | None = None, **environment: str
) -> tuple[int, str]:
    """`make run` to the split in an environment, under a limit of the process."""
    done = subprocess.run(
        [sys.executable, *project.launcher(), "--", "--cores", "2", SPLIT],
        cwd=project.folder.parent, env=project.environment() | environment, preexec_fn=limit,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def one_line(output: str, *words: str) -> None:
    said = {line for line in output.splitlines() if line.startswith("qaloom: ")}
    assert len(said) == 1, output
    assert all(word in min(said) for word in words) and "Traceback" not in output, output


def handles(most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


ENVIRONMENTS = {
    "no home, no folder for temporary files": {"HOME": "/nonexistent", "TMPDIR": "/nonexistent"},
    "64 open files": {"limit": handles(64)},
    "another language, no UTF-8": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"},
}


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_poor_environments_come_to_the_same(placed, project, environment):
    shutil.rmtree(project.path("results"))
    code, output = run_under(project, **environment)
    assert code == 0, output
    assert stages(project) == stages(placed)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder on a read-only mount, for which a run needs root."""
    if subprocess.run(["mount", "--bind", folder, folder], check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("name", ["results", "logs", "."])
def test_read_only_folders_are_one_line(project, name):
    before = stages(project)
    write_rows(project.path("data/three.jsonl"), rows()[:4])
    with read_only(project.path(name)):
        code, output = run_under(project)
    assert code == 1
    one_line(output, "cannot be written" if name != "." else "Read-only file system")
    assert stages(project) == before
    assert run_under(project)[0] == 0


def test_stopped_and_continued(placed, project):
    shutil.rmtree(project.path("results"))
    launcher = project.background(*project.launcher(), "--", "--cores", "2", SPLIT)
    within(100, lambda: list(project.path("results/validate").rglob("stats.json")) or launcher.poll())
    os.killpg(launcher.pid, signal.SIGSTOP)
    time.sleep(3)
    os.killpg(launcher.pid, signal.SIGCONT)
    output, _ = launcher.communicate(timeout=300)
    assert launcher.returncode == 0, output
    assert stages(project) == stages(placed)


def test_a_source_that_vanishes_under_a_run(placed, project):
    """The run fails; the next one reads what is there, and once the file is back all is as before."""
    shutil.rmtree(project.path("results"))
    two = project.path("data/two.jsonl")
    launcher = project.background(*project.launcher(), "--", "--cores", "1", SPLIT)
    within(100, lambda: list(project.path("logs").rglob("*.log")) or launcher.poll() is not None)
    kept = two.read_bytes()
    two.unlink()
    launcher.communicate(timeout=300)
    code, output = run_under(project)
    assert code == 0, output
    assert {row["source"] for row in read_rows(project.path("results/validate/rows.jsonl"))} == {
        "data/one.jsonl"
    }
    two.write_bytes(kept)
    assert run_under(project)[0] == 0
    assert stages(project) == stages(placed)


def test_a_source_that_grows_under_a_run_is_read_anew(placed, project):
    shutil.rmtree(project.path("results"))
    two = project.path("data/two.jsonl")
    whole = two.read_bytes()
    write_rows(two, rows()[20:24])
    launcher = project.background(*project.launcher(), "--", "--cores", "1", SPLIT)
    within(100, project.path("results/validate/stats.json").exists)
    two.write_bytes(whole)
    launcher.communicate(timeout=300)
    assert run_under(project)[0] == 0
    assert stages(project) == stages(placed)


def gigabyte_line(path: Path) -> None:
    with path.open("wb") as stream:
        for _ in range(1000):
            stream.write(MEGABYTE)


def gzip_bomb(path: Path) -> None:
    """A gigabyte in a megabyte."""
    with gzip.open(path.with_suffix(".jsonl.gz"), "wb", 9) as stream:
        for _ in range(1000):
            stream.write(MEGABYTE)


@pytest.mark.parametrize("write", [gigabyte_line, gzip_bomb])
def test_a_gigabyte_in_one_line_is_set_aside_in_little_memory(project, write):
    write(project.path("data/odd.jsonl"))
    memory = resource.RLIMIT_AS
    code, output = run_under(project, lambda: resource.setrlimit(memory, (4_000_000_000, 4_000_000_000)))
    assert code == 1
    one_line(output, "no good row among 1 line (too_long_line 1)")


NAMES = ['it\'s "odd".jsonl', "-rf.jsonl", "a\nb.jsonl", "100%s.jsonl", "$(touch x).jsonl", "가 나 #1.jsonl"]


def test_names_that_shells_and_formats_read_otherwise(project):
    """All at once: each row is traced to its file by the very name."""
    for number, name in enumerate(NAMES):
        write_rows(
            project.path(f"data/{name}"), [{"question": f"Where is hut {number}?", "answer": f"Lot {number}"}]
        )
    code, output = run_under(project)
    assert code == 0, output
    found = {row["source"] for row in read_rows(project.path("results/validate/rows.jsonl"))}
    assert found >= {f"data/{name}" for name in NAMES}
    assert not list(project.folder.parent.rglob("x"))


VERSIONS = ("validate/stats.json", "dedup/stats.json", "split/manifest.json", "train/first/manifest.json")


@pytest.mark.parametrize("content", ["{}", '{"train": "words", "in": [], "sha256": 1}'])
def test_results_of_another_version_are_made_anew_or_one_line(first_run, tmp_path, content):
    """A hand-over without what this version notes in it, or of other types: the file and the remedy."""
    project = copied(first_run[0], tmp_path)
    for name in VERSIONS:
        project.path(f"results/{name}").write_text(content + "\n")
    run = project.make_run()
    assert "Traceback" not in run.output and "unexpected" not in run.output
    if run.code:
        one_line(run.output, "is damaged or of another version", "remove it and run the workflow again")
        assert any(f"results/{name}" in run.output for name in VERSIONS)
    for name in VERSIONS:
        project.path(f"results/{name}").unlink(missing_ok=True)
    again = project.make_run()
    assert again.code == 0, again.output
