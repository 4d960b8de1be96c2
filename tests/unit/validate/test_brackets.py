"""Records of JSON text: what json.loads reads as a whole comes out in pieces, wherever blocks end."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.validate import brackets
from qaloom.validate.brackets import LIST, record_spans, wrapping_of

KNOWN = frozenset({"question", "answer", "messages"})
VALUES = st.recursive(
    st.none() | st.integers() | st.text('ab가{}[]",:\\\n', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text('k"\\', max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)
ROWS = st.lists(st.fixed_dictionaries({"question": VALUES, "x": VALUES}), min_size=1, max_size=4)
WRITERS = [
    lambda rows, indent: json.dumps(rows, indent=indent, ensure_ascii=False),
    lambda rows, indent: json.dumps({"version": 1, "data": rows, "n": [1]}, indent=indent),
    lambda rows, indent: "\n".join(json.dumps(row, indent=indent) for row in rows),
    lambda rows, indent: "\ufeff" + json.dumps(rows, indent=indent) + json.dumps(rows[:1], indent=indent),
]


def blocks(text, size):
    raw = text.encode()
    return [raw[at : at + size] for at in range(0, len(raw), size)]


@given(ROWS, st.sampled_from(range(len(WRITERS))), st.sampled_from([None, 1]), st.integers(1, 40))
def test_records_are_those_of_the_whole_document(rows, writer, indent, size):
    text = WRITERS[writer](rows, indent)
    wanted = rows + rows[:1] if writer == 3 else rows
    found = list(record_spans(blocks(text, size), wrapping_of(text.encode(), KNOWN)))
    assert [json.loads(span.raw) for span in found if span.raw] == wanted
    assert not any(span.between for span in found)
    lines = text.encode().split(b"\n")
    assert all(span.raw.split(b"\n")[0][:20] in lines[span.number - 1] for span in found)


@pytest.mark.parametrize(
    ("text", "wrapping"),
    [
        ('[{"question": 1}]', LIST),
        ('{"question": 1}{"question": 2}', LIST),
        ('{"version": 1, "data": [{"title": 1}]}', b"{["),
        ('{"result": {"rows": [{"q": 1}]}}', b"{{["),
        ('{"about": {"by": [{"name": 1}]}, "data": [{"question": 1}]}', b"{["),
        ('{"question": "a", "answers": [{"text": "b"}]}', LIST),
        ('{"id": 1, "chat": [{"role": "user"}]}', LIST),
        ('{"Messages": [{"x": 1}]}', LIST),
    ],
)
def test_what_wraps_the_records(text, wrapping):
    assert wrapping_of(text.encode(), KNOWN) == wrapping


def test_a_damaged_record_costs_that_record():
    text = '[\n{"a": "x"},\n{"a": "say "no"},\n{"a": 1,\n "b": "c},\n{"a": 2}, 7, {"a": 3}]'
    found = [span.raw.strip(b",\n") for span in record_spans([text.encode()])]
    assert found == [b'{"a": "x"}', b'{"a": "say "no"}', b'{"a": 1,\n "b": "c}', b'{"a": 2}', b'{"a": 3}']
    broken = '{"a": 1}\n{"a": [2}\n'
    assert [span.ended for span in record_spans([broken.encode()])] == [True, False]
    assert [span.between for span in record_spans([b'["x", {"a": 1}, 7]'])] == [b'"x"', b"7"]


@pytest.mark.parametrize(
    "middle", ["1,\n" * 60, '"' + "x" * 300 + '",\n', "1," * 60 + '"' + "x{" * 90 + '",\n']
)
def test_a_record_above_the_limit_is_cut_and_lines_are_counted_on(monkeypatch, middle):
    monkeypatch.setattr(brackets, "LINE_LIMIT", 50)
    text = '[{"a": [\n' + middle + '2]},\n{"a": 3}]'
    scan = brackets._Scan(LIST)
    found = []
    for block in [*blocks(text, 16), b""]:
        found += scan.feed(block, final=not block)
        assert len(scan.rest) <= 120
    long, short = found
    assert (len(long.raw), short.raw, short.number) == (51, b'{"a": 3}', 3 + middle.count("\n"))
