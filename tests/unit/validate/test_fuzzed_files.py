"""Ten thousand files of anything: every line is a row or a rejection, in each stage, and none stops it."""

import gzip
import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from qaloom.config.load import complete
from qaloom.dedup.stage import dedup
from qaloom.errors import DataError, SourceError
from qaloom.files import read_lines
from qaloom.records import Rejection, Row
from qaloom.split.stage import PARTS, split
from qaloom.validate.stage import validate_file

pytestmark = pytest.mark.slow

KEYS = st.sampled_from(["question", "answer", "instruction", "output", "input", "messages", "source", "x"])
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["가", "\ud800", "\u2028", "ì£¼", "ÁÖ¼Ò", "&amp;", "정보-\n보호", "\0"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)
RECORDS = st.dictionaries(KEYS, VALUES | TEXTS, max_size=5)
GOOD = st.fixed_dictionaries({"question": TEXTS, "answer": TEXTS})
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp949"])


def encoded(record, encoding, ascii_only):
    return json.dumps(record, ensure_ascii=ascii_only).encode(encoding, "replace")


LINES = st.builds(encoded, RECORDS | GOOD, ENCODINGS, st.booleans()) | st.binary(max_size=40)
ENDS = st.sampled_from([b"\n", b"\n", b"\r\n", b"\n\n", b"", b"\0", b"\n\0"])
FILES = st.lists(st.tuples(LINES, ENDS).map(b"".join), max_size=8).map(b"".join)
MARKS = st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b"])


FOREIGN = (
    "is neither UTF-8 nor Korean",
    "UTF-32",
    "which is not read",
    "which holds no rows",
    "cannot be read as",
)


def foreign(error) -> bool:
    """Whether a file is refused as a whole, for its encoding or its kind."""
    return any(told in str(error) for told in FOREIGN)


@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_in_is_out_and_rejected(tmp_path, monkeypatch, data):
    monkeypatch.setattr("os.fsync", lambda number: None)
    content = data.draw(MARKS) + data.draw(FILES)
    if data.draw(st.integers(0, 9)) == 0:
        content = gzip.compress(content)[: data.draw(st.integers(0, 400))]
    source = tmp_path / "source"
    source.write_bytes(content)
    try:
        stats = validate_file(source, "a.jsonl", tmp_path / "out")
    except SourceError as error:
        assert foreign(error)
        return
    rows = read_lines(tmp_path / "out/rows.jsonl", Row)
    rejected = read_lines(tmp_path / "out/rejected.jsonl", Rejection)
    assert stats["in"] == len(rows) + len(rejected) == stats["out"] + stats["rejected"]
    assert sum(stats["reasons"].values()) == len(rejected)
    assert all(item.line >= 1 for item in [*rows, *rejected])


# --- all data stages ----------------------------------------------------------------------------------

# A few questions and answers in many guises, among lines of anything, so that rows meet in every stage.
QUESTIONS = st.sampled_from(
    [
        "본원의 주소는 어디인가요?",
        "본원의 주소는 어디입니까?",
        "본원의 주소가 어디인가요",
        "별관의 주소는 어디인가요?",
        "제3별관의 주소는 어디인가요?",
        "제4별관의 주소는 어디인가요?",
        "이것은 무엇인가요?",
        "휴관일은 언제죠?",
        "What is the load limit of the rope?",
        "What is the load limit of the ropes?",
        "\u2028가\ud800?",
        "가",
        "",
    ]
)
ANSWERS = st.sampled_from(
    [
        "가람시 솔내구 물빛로 27",
        "가람시 솔내구 물빛로 28",
        "가람시 솔내구 물빛로 27입니다.",
        "월요일",
        "예",
        "help@garam.or.kr",
        "문서에 해당 정보가 없습니다.",
        "그리고",
        "22 kN",
        "\0",
        "",
    ]
)
PAIRS = st.fixed_dictionaries(
    {"question": QUESTIONS | TEXTS, "answer": ANSWERS | TEXTS}, optional={"input": TEXTS, "source": TEXTS}
)
ROW_LINES = st.builds(encoded, PAIRS, st.just("utf-8"), st.just(True)).map(lambda line: line + b"\n")
ROW_FILES = st.lists(ROW_LINES | ROW_LINES | LINES.map(lambda line: line + b"\n"), max_size=12).map(b"".join)
CONFIGS = st.fixed_dictionaries(
    {
        "dedup": st.fixed_dictionaries(
            {"threshold": st.sampled_from([0.7, 0.9, 1.0]), "jamo": st.booleans()},
            optional={"pii": st.sampled_from(["mask", "drop"])},
        ),
        "split": st.fixed_dictionaries(
            {
                "by": st.sampled_from(["answer", "document"]),
                "unseen_fraction": st.sampled_from([0.0, 0.3]),
                "recall_fraction": st.sampled_from([0.0, 0.5]),
            }
        ),
    }
)


@settings(
    max_examples=10_000,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes here
)
@given(content=ROW_FILES, config=CONFIGS)
def test_no_row_is_lost_from_source_to_split(tmp_path, monkeypatch, content, config):
    monkeypatch.setattr("os.fsync", lambda number: None)
    config = complete({"data": {"sources": ["-"]}, "runs": {"demo": {}}, **config})
    source, valid, good = (tmp_path / name for name in ("source", "validate", "dedup"))
    source.write_bytes(content)
    try:
        validate_file(source, "a.jsonl", valid)
    except SourceError as error:
        assert foreign(error)
        return
    taken = [(row.source, row.line) for row in read_lines(valid / "rows.jsonl", Row)]
    try:
        stats = dedup(valid / "rows.jsonl", good, config["dedup"], threads=1)
    except DataError as error:
        assert not taken or "no row passes the quality filters" in str(error)
        return
    kept, rejected = read_lines(good / "rows.jsonl", Row), read_lines(good / "rejected.jsonl", Rejection)
    assert Counter(taken) == Counter((item.source, item.line) for item in [*kept, *rejected])
    assert stats["in"] == len(taken) == stats["out"] + stats["rejected"]
    assert sum(stats["reasons"].values()) == len(rejected)
    placed = _split(good, tmp_path / "split", config)
    assert Counter(row.id for row in kept) == Counter(line["id"] for line in placed if not line.get("parent"))


def _split(good, out, config):
    """Split, and check that the parts hold what the placement says; the placement."""
    try:
        split(
            good / "rows.jsonl", good / "clusters.jsonl", out, config["split"], config["dedup"]["threshold"]
        )
    except DataError as error:
        assert "no row is left to train on" in str(error)
        return read_lines(out / "placement.jsonl")
    placed = read_lines(out / "placement.jsonl")
    for part in PARTS:
        written = [line["id"] for line in read_lines(out / f"{part}.jsonl")]
        assert written == [line["id"] for line in placed if line["split"] == part]
    assert {line["split"] for line in placed} <= set(PARTS)
    return placed
