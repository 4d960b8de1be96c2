"""A project whose data stages have run, with something of every kind to review, and its review page."""

import json
from collections.abc import Iterable
from pathlib import Path

from placements import placement

from qaloom.config.load import defaults
from qaloom.dedup.stage import dedup
from qaloom.files import digest, write_lines
from qaloom.records import row_id
from qaloom.serve.corrections import Corrections
from qaloom.validate.reviewed import Review
from qaloom.validate.stage import gather, validate_file

OPEN, NOON = ("구내식당은 언제 여나요?", "오전 11시 30분"), ("구내식당은 언제 여나요?", "오후 1시")
UNCLEAR = ("이건 어떻게 하나요?", "총무팀에 신청서를 냅니다.")
FAILED = ("도서관은 어디에 있나요?", "별관 2층")
QUOTED = ("What does the canoe cost?", "35 euros a day")
OTHERS = [("주차장은 몇 층인가요?", "지하 3층"), ("Who approves travel?", "the head of department")]
CORRECTED = ("주차 요금은 얼마인가요?", "하루 3천 원")
QUOTE = "The canoe costs 35 euros a day."
SOURCES = {"qa/one.jsonl": [OPEN, UNCLEAR, FAILED, OTHERS[0]], "qa/two.jsonl": [NOON, OTHERS[1]]}


def identity(pair: tuple[str, str]) -> str:
    return row_id(pair[0], "", pair[1])


def run_data_stages(project: Path) -> dict:
    """Validate and dedup, as the rules do; the stats of validate."""
    results, parts = project / "results", []
    for path in sorted([*project.glob("qa/*.jsonl"), *project.glob("results/documents/*/rows.jsonl")]):
        name = path.relative_to(project).as_posix()
        parts.append(results / "validate/files" / digest(name)[:12])
        validate_file(path, name, parts[-1])
    decisions = project / "data/decisions.jsonl"
    write = {"write": Review(decisions).write} if decisions.is_file() else {}
    stats = gather(parts, results / "validate", **write)
    dedup(results / "validate/rows.jsonl", results / "dedup", defaults()["dedup"], threads=1)
    return stats


def project_to_review(folder: Path, more: Iterable[tuple[str, str]] = ()) -> Path:
    """A project with a contradiction, an unclear row, a wrong answer, a correction, a quoted row, and others."""
    for name, pairs in SOURCES.items():
        write_lines(folder / name, [{"question": q, "answer": a} for q, a in pairs])
    if more:
        write_lines(folder / "qa/zz.jsonl", [{"question": q, "answer": a} for q, a in more])
    quoted = dict(zip(("question", "answer"), QUOTED, strict=True)) | {"document": "docs/fees.pdf", "page": 2}
    write_lines(folder / "results/documents/fees/rows.jsonl", [quoted | {"quote": QUOTE}])
    run_data_stages(folder)
    failure = {
        "id": "f" * 16, "origin": "rule", "language": "ko", "document": "one", "question": "도서관의 위치는?",
        "reference": FAILED[1], "tuned": "본관 1층", "char_f1": 0.1, "chrf": None, "cut": False, "wordings": 1,
        "nearest": None, "contradicted_by": [],
    }  # fmt: skip
    write_lines(folder / "results/evaluate/demo/failures.jsonl", [failure])
    asked = placement(id=failure["id"], origin="rule", parent=identity(FAILED))
    write_lines(folder / "results/split/placement.jsonl", [asked])
    Corrections(folder, "demo").add(*CORRECTED, "하루 만 원")
    return folder


def decisions_of(project: Path) -> list[dict]:
    return [json.loads(line) for line in (project / "data/decisions.jsonl").read_text("utf-8").splitlines()]
