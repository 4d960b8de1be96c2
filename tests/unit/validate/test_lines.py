"""Reading: every line becomes a record or one fault, whatever the bytes."""

import gzip

import pytest

from qaloom.errors import SourceError
from qaloom.validate import blocks
from qaloom.validate import lines as reading
from qaloom.validate.lines import Fault
from qaloom.validate.source import read_source, source_of

TWO = '{"question": "본원의 주소는?", "answer": "가람시 솔내구"}\n{"question": "café?", "answer": "yes"}\n'
KOREAN = (
    '{"question": "본원의 주소는?", "answer": "가람시 솔내구"}\n{"question": "몇 층?", "answer": "2층"}\n'
)


def lines(tmp_path, content, name="a.jsonl"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_source(source_of(path)))


def reason(tmp_path, content):
    (line,) = [line for line in lines(tmp_path, content) if line.value is not None]
    return line.value.reason if isinstance(line.value, Fault) else line.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_encodings(tmp_path, encoding):
    read = lines(tmp_path, TWO.encode(encoding))
    assert [line.value["question"] for line in read] == ["본원의 주소는?", "café?"]


@pytest.mark.parametrize("encoding", ["cp949", "euc-kr"])
def test_korean_encodings(tmp_path, encoding):
    read = lines(tmp_path, KOREAN.encode(encoding))
    assert [line.value["question"] for line in read] == ["본원의 주소는?", "몇 층?"]
    assert source_of(tmp_path / "a.jsonl").encoding == "cp949"


def test_one_korean_line_in_a_utf8_file_costs_that_line(tmp_path):
    read = lines(tmp_path, KOREAN.encode() + KOREAN.splitlines()[0].encode("cp949") + b"\n")
    assert [type(line.value) is dict for line in read] == [True, True, False]
    assert read[2].value.reason == "bad_encoding"


def test_gzip_by_content_under_any_name(tmp_path):
    assert len(lines(tmp_path, gzip.compress(TWO.encode()))) == 2
    assert len(lines(tmp_path, gzip.compress(TWO.encode("utf-16")), "b.jsonl.gz")) == 2
    assert len(lines(tmp_path, TWO, "plain.jsonl.gz")) == 2


def test_broken_gzip_keeps_what_came_before(tmp_path):
    rows = "".join(f'{{"question": "{i * 7919}?", "answer": "{i * i}"}}\n' for i in range(90_000))
    read = lines(tmp_path, gzip.compress(rows.encode())[:-5000])
    assert len(read) > 1000
    assert read[-1].value.reason == "damaged_gzip"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"```json\n", "not_json"),
        (b'{"question": "a", "answer": "b" "c"}\n', "not_json"),
        (b'{"question": "a", "answer": "b\n', "not_json"),
        (b'{"question": "a", "answer": "b', "truncated_line"),
        ('{"question": "주소'.encode()[:-1], "truncated_line"),
        (b'{"question": "a", "answer": "b"', "truncated_line"),
        (b'["a", "b"]\n', "not_an_object"),
        (b"7\n", "not_an_object"),
        (b"null\n", "not_an_object"),
        (b'{"question": "a", "answer": "b", "answer": "c"}\n', "duplicate_key"),
        (b'{"question": "a", "answer": "b", "answer" : "c"}\n', "duplicate_key"),
        (b'{"question": "a", "answer": NaN}\n', "nan"),
        (b'{"question": "\\ud800", "answer": "b"}\n', "lone_surrogate"),
        (b'{"question": "a", "meta": {"\\udc00": 1}}\n', "lone_surrogate"),
        (b'{"a":' * 201 + b"1" + b"}" * 201 + b"\n", "too_deep"),
        (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}\n", "too_deep"),
        (b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"\n", "too_deep"),
        (b"[" * 100_000 + b"\n", "too_deep"),
        (b'{"question": "' + b"[" * 300 + b'"}\n', {"question": "[" * 300}),
        (b"\x00\x00\x00\x00\x00\x00\n", "not_json"),
        (b'{"question": 1' + b"0" * 5000 + b"}\n", {"question": "1" + "0" * 5000}),
    ],
)
def test_reasons(tmp_path, line, expected):
    assert reason(tmp_path, line) == expected


def test_a_line_in_another_encoding(tmp_path):
    read = lines(tmp_path, b'{"question": "\xff", "answer": "b"}\n{"question": "a", "answer": "b"}\n')
    assert (read[0].value.reason, read[1].value) == ("bad_encoding", {"question": "a", "answer": "b"})


def test_what_is_kept(tmp_path):
    same = b'{"question": "a", "answer": "b", "answer": "b"}\n'
    assert reason(tmp_path, same) == {"question": "a", "answer": "b"}
    assert reason(tmp_path, b'{"answer": "say \\"yes\\""}\r\n') == {"answer": 'say "yes"'}
    assert reason(tmp_path, '{"answer": "a\u2028b\u0085c"}\n') == {"answer": "a\u2028b\u0085c"}
    (line,) = lines(tmp_path, b'{"answer": "a\tb\x00c"}\n')
    assert (line.value, line.repairs) == ({"answer": "a\tb\x00c"}, ("control_characters",))


def test_blank_lines_and_numbers(tmp_path):
    read = lines(tmp_path, b'\n{"a": 1}\n  \r\n\n{"a": 2}')
    assert [(line.number, line.value) for line in read] == [
        (1, None),
        (2, {"a": 1}),
        (3, None),
        (4, None),
        (5, {"a": 2}),
    ]
    assert lines(tmp_path, b"") == []


def test_lines_longer_than_a_block_and_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 64)
    monkeypatch.setattr(reading, "LINE_LIMIT", 500)
    long = b'{"answer": "' + b"x" * 300 + b'"}\n'
    read = lines(tmp_path, long + b'{"answer": "' + b"x" * 9000 + b'"}\n' + long)
    assert len(read[0].value["answer"]) == len(read[2].value["answer"]) == 300
    assert read[1].value.reason == "too_long_line"
    assert len(read[1].raw) < 700


def test_missing_file(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere.jsonl: cannot be read \(No such file"):
        source_of(tmp_path / "nowhere.jsonl")
    with pytest.raises(SourceError, match="cannot be read"):
        source_of(tmp_path)
