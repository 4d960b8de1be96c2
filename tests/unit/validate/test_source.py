"""Sources of every kind: the same rows come out of each, and what holds no rows is refused with the remedy."""

import csv
import datetime
import io
import json
import zipfile

import datasets
import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qaloom.errors import SourceError
from qaloom.files import read_lines
from qaloom.validate.lines import Fault
from qaloom.validate.source import header_test, read_source, source_of
from qaloom.validate.stage import validate_file
from qaloom.validate.workbooks import chosen_sheets

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


def workbook(sheets, texts_alone=False):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
            for cell in sheet[sheet.max_row]:
                cell.data_type = "s" if texts_alone and isinstance(cell.value, str) else cell.data_type
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_workbook(rows):
    return workbook({"Sheet1": [KEYS, *([row[key] for key in KEYS] for row in rows)]}, texts_alone=True)


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


def test_a_saved_data_set_and_a_dictionary_of_splits(tmp_path):
    one = datasets.Dataset.from_list(ROWS)
    one.save_to_disk(tmp_path / "one")
    datasets.DatasetDict(train=one, test=one.select([1])).save_to_disk(tmp_path / "two")
    assert records(tmp_path / "one") == ROWS
    found = list(read_source(source_of(tmp_path / "two")))
    assert [(line.place, line.number) for line in found] == [("train", 1), ("train", 2), ("test", 1)]


def test_values_that_json_does_not_have(tmp_path):
    row = {
        "question": "언제?",
        "answer": "봄",
        "at": datetime.date(2026, 3, 5),
        "score": float("nan"),
        "scan": b"\0" * 9,
    }
    (tmp_path / "a.parquet").write_bytes(as_parquet([row]))
    assert records(tmp_path / "a.parquet") == [
        {"question": "언제?", "answer": "봄", "at": "2026-03-05", "score": None, "scan": "(9 bytes)"}
    ]


@pytest.mark.parametrize(
    "content",
    [
        as_separated(ROWS, encoding="cp949", end="\r\n"),
        as_separated(ROWS, "\t", encoding="utf-16"),
        as_separated(ROWS[:1], "|", end="\r"),
        "질문,답변\n휴관일은 언제인가요?,월요일\n\n몇 층?,2층\n".encode("cp949"),
        b"question;answer\nWhich, and when?;north, at 9:00\n",
    ],
)
def test_tables_in_other_encodings_and_with_other_separators(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    found = records(tmp_path / "a.csv")
    assert found in (ROWS, ROWS[:1]) or (found and all(all(row.values()) for row in found))


def test_a_table_names_the_row_that_is_none(tmp_path):
    text = 'question,answer\n"a\nb?",c\nd?,e,f\n"g?,h\ni?,j\n"k?",l\n'
    (tmp_path / "a.csv").write_text(text)
    found = [(line.number, line.value) for line in read_source(source_of(tmp_path / "a.csv"))]
    assert found[:2] == [(1, None), (2, {"question": "a\nb?", "answer": "c"})]
    assert [(number, value.reason) for number, value in found if isinstance(value, Fault)] == [
        (3, "extra_cells"),
        (4, "not_csv"),
    ]
    assert [value["question"] for _, value in found if type(value) is dict] == ["a\nb?", "i?", "k?"]


def test_a_cell_in_another_encoding_costs_its_row(tmp_path):
    (tmp_path / "a.csv").write_bytes("question,answer\n몇 층?,2층\n".encode() + b"caf\xe9?,yes\n")
    good, bad = records(tmp_path / "a.csv")
    assert (good, bad.reason) == ({"question": "몇 층?", "answer": "2층"}, "bad_encoding")


def test_sheets_of_a_workbook(tmp_path):
    head, row = ["번호", "질문", "답변"], [1, "휴관일은 언제인가요?", datetime.date(2026, 3, 5)]
    sheets = {
        "표지": [["2026년 안내"], [None], ["작성", "총무과"]],
        "이용": [["이용 안내", None, None], [], head, row, [], [2, "몇 층?", 2]],
        "요금": [[None, "문답", None], [None, "질문", "답변"], [1, "얼마?", "=1+1"], [2, "무료?", "#N/A"]],
        "빈 시트": [],
    }
    (tmp_path / "a.xlsx").write_bytes(workbook(sheets))
    found = [line for line in read_source(source_of(tmp_path / "a.xlsx")) if line.value is not None]
    assert [(line.place, line.number, line.value["답변"]) for line in found] == [
        ("이용", 4, "2026-03-05"),
        ("이용", 6, "2"),
        ("요금", 3, ""),
        ("요금", 4, ""),
    ]
    assert list(found[0].value) == head
    assert list(found[2].value) == ["column 1", "질문", "답변"]
    assert chosen_sheets(tmp_path / "a.xlsx", header_test(())) == (["이용", "요금"], ["표지"])


def archive(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in names:
            file.writestr(name, "")
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.pdf", b"%PDF-1.7\n", "is a PDF, which holds no rows; name it in data.documents"),
        ("a.docx", archive("word/document.xml"), "is a Word document"),
        ("a.hwpx", archive("mimetype", "Contents/header.xml"), "is a HWPX document"),
        ("a.hwp", b"\xd0\xcf\x11\xe0\xa1\xb1", "is a HWP document"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", "save it as .xlsx, or as CSV UTF-8"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1", "a password"),
        ("a.xlsx", archive("xl/workbook.xml"), "cannot be read as an Excel workbook"),
        ("a.ods", archive("content.xml"), "save it as .xlsx"),
        ("a.zip", archive("a.jsonl"), "unpack it"),
        ("a.png", b"\x89PNG\r\n", "is an image"),
        ("a.html", b"<!DOCTYPE html><p>", "a page of HTML"),
        ("a.parquet", b"PAR1broken", "cannot be read as Parquet"),
        ("a.jsonl", "質問".encode("euc_jp") * 40, "neither UTF-8 nor Korean"),
    ],
)
def test_a_file_without_rows_is_refused_with_the_remedy(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=rf"{name}: .*{told}") as refused:
        records(tmp_path / name)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 450
