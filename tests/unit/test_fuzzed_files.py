"""Ten thousand files of anything: every line is a row or a rejection, and no file stops the stage."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qaloom.files import read_lines
from qaloom.rows import Rejection, Row
from qaloom.validate import validate_file

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


@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_in_is_out_and_rejected(tmp_path, monkeypatch, data):
    monkeypatch.setattr("os.fsync", lambda number: None)
    content = data.draw(MARKS) + data.draw(FILES)
    if data.draw(st.integers(0, 9)) == 0:
        content = gzip.compress(content)[: data.draw(st.integers(0, 400))]
    source = tmp_path / "source"
    source.write_bytes(content)
    stats = validate_file(source, "a.jsonl", tmp_path / "out")
    rows = read_lines(tmp_path / "out/rows.jsonl", Row)
    rejected = read_lines(tmp_path / "out/rejected.jsonl", Rejection)
    assert stats["in"] == len(rows) + len(rejected) == stats["out"] + stats["rejected"]
    assert sum(stats["reasons"].values()) == len(rejected)
    lines = [item.line for item in [*rows, *rejected]]
    assert len(lines) == len(set(lines))
