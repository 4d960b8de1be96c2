"""Sources of every kind: the same rows come out of each, and what holds no rows is refused with the remedy."""

import csv
import io
import json

import openpyxl
import pyarrow
import pyarrow.parquet
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qaloom.files import read_lines
from qaloom.validate.source import read_source, source_of
from qaloom.validate.stage import validate_file

KEYS = ("question", "answer", "category")
ROWS = [
    {"question": "휴관일은 언제인가요?", "answer": "매주 월요일", "category": "이용"},
    {"question": 'Which "gate", 1; 2?', "answer": "north\nor south", "category": ""},
]


def records(path, columns=()):
    return [line.value for line in read_source(source_of(path, columns), columns) if line.value is not None]


def as_json_lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_separated(rows, separator=",", encoding="utf-8", end="\n"):
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, KEYS, delimiter=separator, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def as_parquet(rows):
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), out)
    return out.getvalue()


def as_zstandard(content):
    out = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(out, "zstd") as stream:
        stream.write(content)
    return out.getvalue().to_pybytes()


def workbook(sheets, path=None):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
            for cell in sheet[sheet.max_row]:
                cell.data_type = "s" if isinstance(cell.value, str) else cell.data_type
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_workbook(rows):
    return workbook({"Sheet1": [KEYS, *([row[key] for key in KEYS] for row in rows)]})


FORMS = {
    "a.json": lambda rows: json.dumps(rows, ensure_ascii=False).encode(),
    "pretty.json": lambda rows: json.dumps(rows, ensure_ascii=False, indent=2).encode(),
    "concatenated.json": lambda rows: "".join(json.dumps(row, indent=1) for row in rows).encode(),
    "wrapped.json": lambda rows: json.dumps({"version": 1, "data": rows}).encode(),
    "a.jsonl.zst": lambda rows: as_zstandard(as_json_lines(rows)),
    "a.csv": as_separated,
    "a.csv.zst": lambda rows: as_zstandard(as_separated(rows)),
    "bom.csv": lambda rows: as_separated(rows, encoding="utf-8-sig", end="\r\n"),
    "semicolons.csv": lambda rows: as_separated(rows, ";"),
    "a.tsv": lambda rows: as_separated(rows, "\t"),
    "named-wrongly.jsonl": lambda rows: as_separated(rows, "\t"),
    "a.xlsx": as_workbook,
    "a.parquet": as_parquet,
}
# What a cell and a text of Excel may hold; validate takes outer spaces away.
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["C"], include_characters="\n"), min_size=1, max_size=20
)
MADE_ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(KEYS, TEXT)), min_size=1, max_size=4)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@example(ROWS)
@given(MADE_ROWS)
def test_the_same_rows_in_every_form(tmp_path, monkeypatch, rows):
    monkeypatch.setattr("os.fsync", lambda number: None)
    found = {}
    for name, form in {"a.jsonl": as_json_lines, **FORMS}.items():
        (tmp_path / name).write_bytes(form(rows))
        validate_file(tmp_path / name, "a", tmp_path / "out")
        made = read_lines(tmp_path / "out/rows.jsonl") + read_lines(tmp_path / "out/rejected.jsonl")
        found[name] = [
            {key: value for key, value in row.items() if key not in ("line", "row")} for row in made
        ]
    assert {name: made for name, made in found.items() if made != found["a.jsonl"]} == {}
