"""Documents of other stages without keys or with values of wrong types: a page, or one line with file and remedy."""

import json
import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qaloom.errors import DataError
from qaloom.report.stage import report

FIXTURE = runpy.run_path(str(Path(__file__).parents[2] / "data" / "make_results.py"))
WHOLE = [b"", b"{}", b"[]", b"null", b'{"train"', b"\xff\xfe", b'"text"', b"[" * 5_000]
WRONG: list[Any] = [None, "words", -1, 0.5, True, [], {}, [["a"]], {"a": {"b": None}}]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return FIXTURE["make_results"](tmp_path_factory.mktemp("project") / "results", 9)


def documents(results: Path) -> list[Path]:
    return sorted(
        p for p in results.rglob("*") if p.suffix in (".json", ".jsonl") and "report" not in p.parts
    )


def mutated(content: bytes, number: int) -> Iterator[bytes]:
    """The document's first line, in turn without each of its keys and with a wrong value under it."""
    first, _, rest = content.partition(b"\n") if content.count(b"\n{") else (content, b"", b"")
    value = json.loads(first)
    for at, key in enumerate(value):
        yield json.dumps({k: v for k, v in value.items() if k != key}).encode() + b"\n" + rest
        wrong = WRONG[(at + number) % len(WRONG)]
        yield json.dumps(value | {key: wrong}).encode() + b"\n" + rest


def outcome(results: Path) -> str:
    """The one line that a report is refused with, or nothing."""
    try:
        report(results, ["demo"], results / "report/index.html", {})
    except DataError as error:
        return str(error)
    return ""


def is_one_line_about(line: str, path: Path) -> bool:
    return "\n" not in line and str(path) in line and "run the workflow again" in line


def test_whole_documents_that_are_others(results: Path) -> None:
    for number, path in enumerate(documents(results)):
        content = path.read_bytes()
        for damaged in (WHOLE[number % len(WHOLE)], WHOLE[(number + 3) % len(WHOLE)]):
            path.write_bytes(damaged)
            line = outcome(results)
            assert not line or is_one_line_about(line, path), (path, damaged, line)
        path.write_bytes(content)


@pytest.mark.slow
def test_keys_left_out_and_of_another_type(results: Path, tmp_path: Path) -> None:
    """A third of all such documents; each takes a fifth of a second."""
    shutil.copytree(results, tmp_path / "results")
    refused = tried = 0
    for number, path in enumerate(documents(tmp_path / "results")):
        content = path.read_bytes()
        for damaged in list(mutated(content, number))[number % 3 :: 3] if content.strip() else ():
            path.write_bytes(damaged)
            line = outcome(tmp_path / "results")
            assert not line or is_one_line_about(line, path), (path, damaged[:500], line)
            refused, tried = refused + bool(line), tried + 1
        path.write_bytes(content)
    assert refused > tried / 3 > 30
