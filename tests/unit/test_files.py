"""Files: whole or absent, one text for equal values, lines that survive any character."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom import files
from qaloom.files import (
    VOUCHER,
    canonical,
    changed_file,
    damaged_file,
    digest,
    file_digest,
    file_digests,
    known_digests,
    read_json,
    read_lines,
    vouch_for,
    whole,
    write_json,
    write_lines,
    write_text,
)
from qaloom.records import Row, meta_text

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
    rows = [
        Row("1", text, "", "답", "a", 1, "g", meta_text({"k": text})),
        Row("2", "질문", "", text, "a", 2, "g", "{}"),
    ]
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


# Files compared with the digests that are kept of them


def test_a_changed_a_missing_and_a_cut_file_are_named(tmp_path):
    for name in "abc":
        (tmp_path / name).write_text(name * 9)
    digests = file_digests(tmp_path)
    assert list(digests) == ["a", "b", "c"] and changed_file(tmp_path, digests) is None
    (tmp_path / "c").write_text("c" * 8)
    assert changed_file(tmp_path, digests) == "c"
    (tmp_path / "b").unlink()
    assert changed_file(tmp_path, digests) == "b"


def test_a_folder_vouches_for_itself(tmp_path):
    assert damaged_file(tmp_path) == VOUCHER
    (tmp_path / "sub").mkdir()
    for name in ("a", "sub/b", ".hidden", "rng_state_1"):
        (tmp_path / name).write_text(name)
    vouch_for(tmp_path, leaving_out="rng_")
    (tmp_path / ".hidden").write_text("other")
    (tmp_path / "rng_state_1").write_text("other")
    assert damaged_file(tmp_path) is None
    (tmp_path / "sub/b").write_text("sub/c")
    assert damaged_file(tmp_path) == "sub/b"
    (tmp_path / VOUCHER).write_text("[")
    assert damaged_file(tmp_path) == VOUCHER


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A folder with a file that counts as large and as unchanged for long, and the paths that were read."""
    read = []
    monkeypatch.setattr(files, "_LARGE", 4)
    monkeypatch.setattr(files, "_SETTLED", -1)
    monkeypatch.setattr(files, "file_digest", lambda path: read.append(path.name) or file_digest(path))
    (tmp_path / "weights").write_text("weights")
    return tmp_path, read


def test_a_large_file_is_read_once(large):
    folder, read = large
    first = known_digests(folder, ["weights"])
    assert known_digests(folder, ["weights"]) == first == {"weights": file_digest(folder / "weights")}
    assert read == ["weights"]


@pytest.mark.parametrize("change", ["bytes", "bytes of the same age", "replaced", "link"])
def test_a_large_file_that_changed_is_read_again(large, change):
    folder, read = large
    before, path = known_digests(folder, ["weights"]), folder / "weights"
    age = path.stat()
    if change.startswith("bytes"):
        path.write_text("weighty")
    else:
        (folder / "other").write_text("weighty")
        (folder / "other").replace(path) if change == "replaced" else path.unlink()
    if change == "bytes of the same age":
        os.utime(path, ns=(age.st_atime_ns, age.st_mtime_ns))
    if change == "link":
        path.symlink_to("other")
    assert known_digests(folder, ["weights"]) != before and len(read) == 2


def test_a_file_that_just_changed_is_read_again_as_clocks_are_coarse(large, monkeypatch):
    folder, read = large
    monkeypatch.setattr(files, "_SETTLED", 60)
    known_digests(folder, ["weights"]), known_digests(folder, ["weights"])
    assert len(read) == 2


@pytest.mark.parametrize("content", ["", "[]", "{", '{"weights": 1}', '{"weights": [7, 1, 2, 3, "0"]}'])
def test_broken_notes_of_digests_are_no_digests(large, content):
    folder, _ = large
    (folder / ".digests.json").write_text(content)
    assert known_digests(folder, ["weights"]) == {"weights": file_digest(folder / "weights")}
