"""Validate: in = out + rejected for any bytes; ids after repair; a file with no good row is an error."""

import gzip
import json
from contextlib import suppress
from pathlib import Path

import pandas
import pytest
from datasets import load_dataset
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qaloom.errors import SourceError
from qaloom.files import read_json, read_lines
from qaloom.records import Rejection, Row, row_id
from qaloom.validate.stage import gather, validate_file

GOOD = '{"question": "본원의 주소는?", "answer": "가람시 솔내구"}\n'
GATHERED = {"a.jsonl": GOOD * 2, "b.jsonl": GOOD + "{}\n", "c.jsonl": "\n" + GOOD}


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda number: None)  # most of the time here, and no crash is tested


def validated(tmp_path, content, name="data/a.jsonl"):
    source = tmp_path / "source"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    stats = validate_file(source, name, tmp_path / "out")
    rows, rejected = (
        read_lines(tmp_path / "out/rows.jsonl", Row),
        read_lines(tmp_path / "out/rejected.jsonl", Rejection),
    )
    assert stats == read_json(tmp_path / "out/stats.json")
    assert (stats["in"], stats["out"], stats["rejected"]) == (
        len(rows) + len(rejected),
        len(rows),
        len(rejected),
    )
    assert sum(stats["reasons"].values()) == len(rejected)
    return rows, rejected, stats


def test_a_row_and_a_rejection(tmp_path):
    rows, rejected, stats = validated(tmp_path, GOOD + '\n{"question": "몇 층?", "answer": " "}\n')
    assert rows == [
        Row(
            row_id("본원의 주소는?", "", "가람시 솔내구"),
            "본원의 주소는?",
            "",
            "가람시 솔내구",
            "data/a.jsonl",
            1,
            "a",
            "{}",
        )
    ]
    assert rejected == [
        Rejection(
            "data/a.jsonl", 3, "empty_answer", "the answer is empty", {"question": "몇 층?", "answer": " "}
        )
    ]
    assert stats["blank"] == 1


def test_id_is_of_the_repaired_text_and_repairs_are_noted(tmp_path):
    damaged = json.dumps(
        {"question": "본원의 주소는?".encode().decode("latin-1"), "answer": " 가람시  솔내구"}
    )
    rows, _, stats = validated(tmp_path, GOOD + damaged)
    assert rows[0].id == rows[1].id
    assert rows[1].details == {"repairs": ["mojibake", "whitespace"]}
    assert stats["repairs"] == {"mojibake": 1, "whitespace": 1}


def test_reasoning_and_labels_are_no_part_of_the_row(tmp_path):
    line = {"question": "Q. 무게는?", "answer": "<think>표 2를 본다.</think>\nA. 500 kg입니다."}
    unfinished = {"question": "무게는?", "answer": "<think>표 2를"}
    content = "\n".join(json.dumps(record) for record in (line, unfinished))
    rows, rejected, _ = validated(tmp_path, content)
    assert [(row.instruction, row.output) for row in rows] == [("무게는?", "500 kg입니다.")]
    assert rows[0].details == {"reasoning": "표 2를 본다.", "repairs": ["reasoning", "label"]}
    assert [item.reason for item in rejected] == ["unfinished_reasoning"]


def test_names_are_composed_and_the_row_names_its_document(tmp_path):
    image = '{"question": "무엇?", "answer": "표", "source": "안내도.pdf", "page": 4}'
    rows, _, _ = validated(tmp_path, image, "\u1112\u1161\u11ab.jsonl")
    assert (rows[0].source, rows[0].group) == ("한.jsonl", "안내도.pdf")
    assert rows[0].details == {"source": "안내도.pdf", "page": 4}


def test_a_huge_rejected_line_is_cut_and_its_length_told(tmp_path):
    _, rejected, _ = validated(tmp_path, GOOD + json.dumps({"text": "가" * 30_000}, ensure_ascii=False))
    assert rejected[0].row.endswith("... (90,012 bytes in all)")
    assert len(rejected[0].row) < 2_100


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bytes(tmp_path, data):
    value = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )
    key = st.sampled_from(
        [
            "question",
            "answer",
            "Question",
            "output",
            "input",
            "messages",
            "source",
            "document",
            "x",
            "repairs",
        ]
    )
    record = st.dictionaries(key, value | st.text(max_size=10), max_size=5)
    line = record.map(lambda r: json.dumps(r, ensure_ascii=True).encode()) | st.binary(max_size=40)
    cut = st.sampled_from([b"\n", b"\r\n", b"\n\n", b"", b"\x00", b","])
    content = b"".join(data.draw(st.lists(st.tuples(line, cut).map(b"".join), max_size=6)))
    content = (
        data.draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b"])) + content
    )
    if data.draw(st.booleans()):
        content = gzip.compress(content)[: data.draw(st.integers(0, 400))]
    with suppress(SourceError):  # most of its lines are in no encoding that is read
        validated(tmp_path, content)


@example('{"question": "q", "answer": 123456789012345678901234567890}')
@example('{"question": "q", "answer": 1e999, "n": -9223372036854775809}')
@example('{"question": "q", "answer": "a", "n": 18446744073709551616}')
@settings(max_examples=1, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.just(GOOD))
def test_numbers_beyond_64_bits(tmp_path, line):
    validated(tmp_path, line)


def parts(tmp_path: Path, contents: dict[str, str]) -> list[Path]:
    folders = []
    for i, (name, content) in enumerate(contents.items()):
        (tmp_path / name).write_text(content)
        folders.append(tmp_path / f"part{i}")
        validate_file(tmp_path / name, name, folders[-1])
    return folders


def test_gather_orders_by_name_whatever_the_order_of_the_parts(tmp_path):
    folders = parts(tmp_path, GATHERED)
    stats = gather(folders, tmp_path / "one")
    assert gather(folders[::-1], tmp_path / "two") == stats
    for file in ("rows.jsonl", "rejected.jsonl", "stats.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert (stats["in"], stats["out"], stats["reasons"], stats["blank"]) == (5, 4, {"missing_question": 1}, 1)
    assert [(file["source"], file["in"]) for file in stats["files"]] == [
        ("a.jsonl", 2),
        ("b.jsonl", 2),
        ("c.jsonl", 1),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "{}\nx\n{}\n",
            r"bad.jsonl: no good row among 3 lines \(missing_question 2, not_json 1\); line 1: no key.*rejected.jsonl",
        ),
        ("[\n{},\n{}\n]", r"among 2 lines \(missing_question 2\)"),
    ],
)
def test_a_file_with_no_good_row(tmp_path, content, message):
    with pytest.raises(SourceError, match=message):
        gather(parts(tmp_path, {"a.jsonl": GOOD, "bad.jsonl": content}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_empty_file_beside_a_good_one(tmp_path, capsys):
    assert gather(parts(tmp_path, {"a.jsonl": GOOD, "bare.jsonl": "\n\n"}), tmp_path / "out")["out"] == 1
    assert "bare.jsonl is empty; going on without it." in capsys.readouterr().err
    with pytest.raises(
        SourceError, match=r"a.jsonl: no good row, the file is empty \(and 1 more such files\)"
    ):
        gather(parts(tmp_path, {"a.jsonl": "", "bare.jsonl": "\n\n"}), tmp_path / "other")


def test_an_empty_file_of_a_document_names_what_was_rejected(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = parts(tmp_path, {"rows.jsonl": ""})
    (tmp_path / "rejected.jsonl").write_text("{}\n")
    with pytest.raises(SourceError, match=r"rows\.jsonl: no good row.* is in .*rejected\.jsonl"):
        gather(written, tmp_path / "other")


def test_no_source_at_all(tmp_path):
    with pytest.raises(SourceError, match="matches no file"):
        gather([], tmp_path)


def test_rows_load_in_datasets_and_pandas_whatever_their_further_keys(tmp_path):
    further = [{}, {"page": 4}, {"page": "iv", "tags": ["a"]}, {"source": {"name": "a.pdf"}}, {"system": "s"}]
    lines = [
        json.dumps({"question": f"{n}층에는 무엇이 있나요?", "answer": "강당", **further[n % 5]}) + "\n"
        for n in range(200)
    ]
    rows, _, _ = validated(tmp_path, "".join(lines))
    path = str(tmp_path / "out/rows.jsonl")
    loaded = load_dataset("json", data_files=path, split="train", cache_dir=str(tmp_path), chunksize=1_000)
    assert [loaded[n]["meta"] for n in (0, 1, 3)] == [rows[n].meta for n in (0, 1, 3)]
    assert loaded.column_names == list(Row.__struct_fields__)
    frame = pandas.read_json(path, lines=True)
    assert list(frame["meta"]) == [row.meta for row in rows]
    assert set(frame["history"].map(len)) == {0}
