"""Projects of `make run DATA=faq.xlsx` and `make run QUICK=1`: folders that are made where there are none."""

import os
from collections.abc import Sequence
from glob import escape, glob, has_magic
from pathlib import Path

from msgspec import Struct

from qaloom.commands import command_line, option_text
from qaloom.config.load import PROJECT_FILE, ROOT, load_config, sources
from qaloom.config.yaml_file import one_line
from qaloom.console import say
from qaloom.errors import ConfigError, SourceError
from qaloom.files import is_saved_dataset, read_lines, write_text
from qaloom.validate.head import check_sources

RUN = "model"
QUICK = ROOT / "config" / "quick.yaml"
_EXAMPLES = 3
_HEAD = "# A project made "
_COMPRESSED = (".gz", ".zst")
_KINDS = (".jsonl", ".json", ".csv", ".tsv", ".xlsx", ".parquet")
_TEXT = """\
{head}of {data}, and yours to change: another run with the same file goes on here.
# A key that is left out has its default; config/config.yaml of QA Loom lists all of them.
data:
  sources: [{sources}]  # globs, relative to this folder
  # columns: {{question: 질의, answer: 회신}}  # where columns have names that are not understood by themselves

runs:
  {run}:
    base_model: "embedded:smollm2-135m-instruct"  # or "hub:ORG/NAME", "path:FOLDER": 8B in 4 bits fits a GPU of 8 GB
    final: true  # beside the model that is measured, one that is trained on all rows
    # Rank, learning rate and epochs are chosen by the model's size and the number of rows. To set them:
    # lora: {{r: 128}}
    # training: {{learning_rate: 0.001, epochs: 10}}
"""


class _Answer(Struct):
    """Fields read of an answer of the final model."""

    question: str
    tuned: str
    trained: bool


def data_project(data: str, directory: Path | None = None) -> Path:
    """The folder of the project on a file, a folder or a glob of question-answer rows; made where it is not there.

    `directory` is None for one beside us with the file's name. A project that is there goes on as it is.
    Raises ConfigError where no file matches, or the folder holds something else, and SourceError for files that
    are refused; neither leaves anything behind.
    """
    patterns = _patterns(data)
    folder = directory or Path(_name(data))
    if not _is_there(folder, patterns, named=directory is not None):
        _check(patterns)
        folder.mkdir(parents=True, exist_ok=True)
        written = ", ".join(f'"{_from(folder, pattern)}"' for pattern in patterns)
        write_text(
            folder / PROJECT_FILE, _TEXT.format(head=_HEAD, data=one_line(data), sources=written, run=RUN)
        )
        say(f"{folder}: a new project; its settings are in {folder / PROJECT_FILE}")
    return folder


def quick_project(directory: Path | None = None) -> Path:
    """A folder for a quick look at the demo's rows, apart from the results of the demo itself."""
    folder = directory or Path("quick")
    folder.mkdir(parents=True, exist_ok=True)
    rows = folder / "data"
    if not rows.exists():
        rows.symlink_to(ROOT / "data")
    return folder


def examples(folder: Path) -> list[str]:
    """Lines with answers of the project's final model to a few of its questions; none where it was not asked."""
    path = folder / "results" / "memory_check" / RUN / "predictions.jsonl"
    answers = [one for one in read_lines(path, _Answer) if one.trained] if path.is_file() else []
    chosen = answers[:: max(1, len(answers) // _EXAMPLES)][:_EXAMPLES]
    if not chosen:
        return []
    lines = [f"{part}: {text}" for one in chosen for part, text in (("Q", one.question), ("A", one.tuned))]
    return [
        "Answers of the final model to questions that it was taught:",
        *lines,
        f"Ask it yourself: {command_line('ask', folder, RUN, '...')}",
    ]


def _patterns(data: str) -> list[str]:
    """Globs, as absolute paths, of the files that `data` names. Raises ConfigError where there is none."""
    path = Path(data).expanduser()
    here = os.path.abspath(path)
    if path.is_dir() and not is_saved_dataset(path):
        endings = [kind + packed for kind in _KINDS for packed in ("", *_COMPRESSED)]
        patterns = [os.path.join(escape(here), f"*{ending}") for ending in endings]
        found = [pattern for pattern in patterns if glob(pattern)]
        what = f"the folder {data} holds no {', '.join(_KINDS)}"
    elif path.exists() or not has_magic(data):
        found = [escape(here)] if path.exists() else []
        what = f"there is no {data} in {Path.cwd()}"
    else:
        found, what = [here] if glob(here, recursive=True) else [], f"no file matches {data} in {Path.cwd()}"
    if not found:
        raise ConfigError(
            one_line(
                f"{option_text('DATA')}: {what}; name a file of questions and answers, such as "
                f"{option_text('DATA', 'faq.xlsx')}"
            )
        )
    return found


def _check(patterns: list[str]) -> None:
    """Raise SourceError for files that are refused, unless their columns can be named: that is the project's part."""
    names = [os.path.relpath(name) for name in sources(patterns)]
    try:
        check_sources(names, Path(), {}, quiet=True)
    except SourceError as error:
        if "data.columns" not in str(error):
            raise


def _name(data: str) -> str:
    """The project's name: the file's without its ending; of a folder or a glob that of the folder and -project."""
    path = Path(os.path.abspath(Path(data).expanduser()))
    if not path.is_file():
        folder = next(one for one in (path, *path.parents) if one.is_dir())
        return f"{folder.name or 'data'}-project"
    name = path.name
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return Path(name).stem


def _from(folder: Path, pattern: str) -> str:
    """A glob as the configuration has it: relative to the project where both lie in one folder, else absolute."""
    parent = os.path.abspath(folder.parent)
    inside = os.path.commonpath([parent, pattern]) == parent
    written = os.path.relpath(pattern, folder) if inside else pattern
    return written.replace("\\", "\\\\").replace('"', '\\"')


def _is_there(folder: Path, patterns: Sequence[str], named: bool) -> bool:
    """Whether the folder is a project on these files; `named` by the user it may hold other files beside.

    Raises ConfigError rather than write into anything else. A project that has no results yet may be made anew.
    """
    config = folder / PROJECT_FILE
    if config.is_file():
        named_there = load_config(config)["data"]["sources"]
        if {os.path.abspath(folder / source) for source in named_there} & set(patterns):
            return True
        if config.read_text("utf-8").startswith(_HEAD) and not (folder / "results").exists():
            return False
        raise ConfigError(
            f"{config} is of another project; name a folder of its own for this one: {option_text('DIR', 'FOLDER')}"
        )
    taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if taken and (not named or (folder / "results").exists() or not folder.is_dir()):
        raise ConfigError(
            f"{folder} is there, and no project on these files; name another folder: {option_text('DIR', 'FOLDER')}"
        )
    return False
