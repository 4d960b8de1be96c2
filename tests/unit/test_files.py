"""Files: whole or absent, one text for equal values, lines that survive any character."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom import files
from qaloom.files import (
    canonical,
    digest,
    file_digest,
    read_json,
    read_lines,
    whole,
    write_json,
    write_lines,
    write_text,
)
from qaloom.records import Row

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "new folder" / "a.txt"
    with whole(path) as stream:
        stream.write(b"half")
        assert not path.exists()
    assert path.read_bytes() == b"half"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_no_part(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), whole(path) as stream:
        stream.write(b"new")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_record_that_cannot_be_written_leaves_no_file(tmp_path):
    with pytest.raises(TypeError):
        write_lines(tmp_path / "a.jsonl", [{"good": 1}, {"bad": object()}])
    assert list(tmp_path.iterdir()) == []


@given(JSON)
def test_canonical_json_is_json_without_spaces_to_spare(value):
    text = canonical(value)
    assert json.loads(text) == value
    assert "\n" not in text


@given(st.dictionaries(st.text(), JSON, max_size=6))
def test_key_order_changes_neither_text_nor_digest(value):
    turned = dict(reversed(value.items()))
    assert canonical(turned) == canonical(value)
    assert digest(turned) == digest(value)


def test_canonical_text_is_pinned():
    assert (
        canonical({"b": [1, None], "a": {"나": "x", "가": 0.1}}) == '{"a":{"가":0.1,"나":"x"},"b":[1,null]}'
    )
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_json_keeps_key_order_and_writes_characters_as_they_are(tmp_path):
    write_json(tmp_path / "a.json", {"b": "주소", "a": 1})
    assert (tmp_path / "a.json").read_text() == '{\n  "b": "주소",\n  "a": 1\n}\n'
    assert list(read_json(tmp_path / "a.json")) == ["b", "a"]


@pytest.mark.parametrize(
    "text", ["a\u2028b", "a\u2029b", "a\rb", "a\r\nb", "a\nb", "a\x85b", "a\x0b\x0cb", "\ufeffa"]
)
def test_any_line_break_stays_inside_its_record(tmp_path, text):
    path = tmp_path / "a.jsonl"
    rows = [Row("1", text, "", "답", "a", 1, "g", {"k": text}), Row("2", "질문", "", text, "a", 2, "g", {})]
    assert write_lines(path, rows) == 2
    assert read_lines(path, Row) == rows
    assert read_lines(path)[0]["instruction"] == text


def test_no_records_make_an_empty_file(tmp_path):
    assert write_lines(tmp_path / "a.jsonl", []) == 0
    assert read_lines(tmp_path / "a.jsonl") == []


def test_a_files_digest_is_its_bytes_sha256(tmp_path):
    write_text(tmp_path / "a", "abc")
    assert file_digest(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(st.lists(st.text(max_size=8), max_size=12))
def test_lines_longer_than_a_block_are_read_whole(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("lines") / "lines.jsonl"
    write_lines(path, ({"text": text} for text in texts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_BLOCK", 7)
        assert [line["text"] for line in files.each_line(path, dict)] == texts
