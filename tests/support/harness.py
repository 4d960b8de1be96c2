"""The workflow as its user runs it: a copy of the program, a small project, and what a run did."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from qaloom.files import digest

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "tests/workflow/plugins"
PROGRAM = ("Snakefile", "rules", "scripts", "config", "profiles", "report")
MODEL = "tiny-model"
# The profile's `quiet: progress` would keep from a logger, too, which jobs finished.
_OURS = ("--logger", "executed", "--quiet", "host", "--cores", "2")
_OURS_OF_MAKE_RUN = ("--logger", "qaloom", "executed", "--quiet", "host", "--cores", "2")

PLACES = {
    "the maritime archive": "Quay 17",
    "old Doctor Fenwick": "Mill Lane 4",
    "a workshop for violins": "Thorn Court, second yard",
    "glassblowing classes": "Annex B",
    "the lost property desk": "Platform 3",
    "our Danish consul": "Harbour House, top floor",
    "fresh oysters": "the north pier",
    "an evening of chess": "Cafe Zugzwang",
    "winter bicycle storage": "under the viaduct",
    "permits for fishing": "Room 212",
}
WORDINGS = (
    "Where is {}?",
    "Tell me which place to visit for {}.",
    "I am looking for {}; where must I go?",
    "{}: in what spot would one find that?",
)


def rows(places: Iterable[str] = PLACES) -> list[dict[str, str]]:
    """Four questions about each place."""
    return [{"question": w.format(p), "answer": PLACES[p]} for p in places for w in WORDINGS]


def write_rows(path: Path, records: Iterable[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def within(seconds: float, condition: Callable[[], Any]) -> None:
    """Wait until the condition holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@dataclass(frozen=True)
class House:
    """A copy of the program, so that it can be edited and nobody else edits it meanwhile."""

    folder: Path

    @classmethod
    def of(cls, source: Path, folder: Path) -> "House":
        folder.mkdir(exist_ok=True)
        for name in PROGRAM:
            if (source / name).is_dir():
                shutil.copytree(
                    source / name, folder / name, ignore=shutil.ignore_patterns("*.pyc*", "*.tmp*")
                )
            else:
                shutil.copy2(source / name, folder / name)
        # Only the library: scripts/ itself would shadow other packages.
        (folder / "path").mkdir()
        for package in ("qaloom", "snakemake_logger_plugin_qaloom"):
            (folder / "path" / package).symlink_to(f"../scripts/{package}")
        return cls(folder)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the first `old` in a file of the program."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name} holds no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def append(self, name: str, text: str) -> None:
        with (self.folder / name).open("a", encoding="utf-8") as stream:
            stream.write(text)


@dataclass(frozen=True)
class Run:
    """What a run did: its exit code, the jobs that ran to their end, and what a person saw."""

    code: int
    jobs: set[str]
    output: str
    stdout: str


@dataclass(frozen=True)
class Project:
    """A user's folder: data, configuration, results."""

    folder: Path
    house: House

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def path(self, name: str) -> Path:
        return self.folder / name

    def configure(self, **sections: Any) -> None:
        """Put these sections in the configuration, over those that are there; `augment` without keyword forms."""
        if "augment" in sections:
            sections["augment"] = {"forms": {"keywords": 0}} | sections["augment"]
        before = yaml.safe_load(self.config.read_text(encoding="utf-8")) if self.config.exists() else {}
        text = yaml.safe_dump(before | sections, allow_unicode=True, sort_keys=False)
        self.config.write_text(text, encoding="utf-8")

    def change_run(self, name: str, **settings: Any) -> None:
        """Change settings of one run, or add it."""
        runs = yaml.safe_load(self.config.read_text(encoding="utf-8"))["runs"]
        runs[name] = runs.get(name, {"base_model": f"path:{MODEL}"}) | settings
        runs[name]["training"] = {"keep": {"strength": 0}} | runs[name].get("training", {})
        self.configure(runs=runs)

    def snakemake(self, *arguments: str) -> Run:
        """What a person types: plain snakemake."""
        command = ["-m", "snakemake", "--snakefile", str(self.house.folder / "Snakefile")]
        command += ["--configfile", str(self.config), "--directory", str(self.folder)]
        return self.python(*command, *_OURS, *arguments)

    def jobs(self, *arguments: str) -> set[str]:
        """Run to a good end; the jobs that this took."""
        run = self.snakemake(*arguments)
        assert run.code == 0, run.output
        return run.jobs

    def planned(self) -> dict[str, str]:
        """Of a dry run: each job that will run for certain, and why."""
        run = self.snakemake("-n")
        assert (run.code, run.jobs) == (0, set()), run.output
        sentences = re.findall(r"^Will run (.*): (.*)\.$", run.output, re.MULTILINE)
        return {
            job.replace(self.model_name, "tiny"): why for names, why in sentences for job in names.split(", ")
        }

    def make_run(self, *arguments: str) -> Run:
        """What `make run` calls, from another folder."""
        return self.python(*self.launcher(), "--", *_OURS_OF_MAKE_RUN, *arguments)

    def launcher(self, *options: str) -> list[str]:
        """`make run` on this project, for `python`."""
        return [
            "-m",
            "qaloom.workflow.run",
            "--config",
            str(self.config),
            "--directory",
            str(self.folder),
            *options,
        ]

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.house.folder / "path"), str(PLUGINS)])
        hidden = {"PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "", "NO_COLOR": "1", "OMP_NUM_THREADS": "2"}
        # Bytecode is kept wherever the tests run: each job of each run would compile the program anew.
        hidden["PYTHONDONTWRITEBYTECODE"] = ""
        return os.environ | hidden | {"EXECUTED_JOBS": str(self._notes)}

    @property
    def _notes(self) -> Path:
        return self.folder.parent / f".{self.folder.name}.jobs"

    def background(self, *arguments: str) -> subprocess.Popen[str]:
        """Start what `python` runs to its end, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder.parent,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A shell that starts the tests in the background has them ignore Ctrl-C, and so their children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def python(self, *arguments: str) -> Run:
        """Run a module with the project's copy of the program, from the folder above the project."""
        self._notes.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder.parent,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        return Run(done.returncode, self._executed(), done.stdout + done.stderr, done.stdout)

    def _executed(self) -> set[str]:
        """Jobs as `rule` or `rule what`, where what is the run, the model or the source file's name."""
        if not self._notes.exists():
            return set()
        sources = {
            digest(str(p.relative_to(self.folder)))[:12]: p.name for p in self.folder.rglob("*.jsonl*")
        }
        jobs = [json.loads(line) for line in self._notes.read_text().splitlines()]
        named = {" ".join([rule, *(sources.get(v, v) for v in what.values())]) for rule, what in jobs}
        return {job.replace(self.model_name, "tiny") for job in named} - {"all"}

    @property
    def model_name(self) -> str:
        from qaloom.base_model.stage import model_name

        return model_name(f"path:{MODEL}")


def copied(project: Project, folder: Path) -> Project:
    """A copy in `folder`: same content, same times."""
    shutil.copytree(project.folder, folder / "project", symlinks=True)
    return Project(folder / "project", project.house)
