"""Rows as Parquet: the same rows, every column of one type however late a key comes, and one line for other files."""

import pandas
import pyarrow.parquet
import pytest

from qaloom.errors import DataError
from qaloom.files import write_lines
from qaloom.records import Row
from qaloom.workflow import parquet
from qaloom.workflow.parquet import write_parquet


def rows(n):
    late = {"system": "짧게 답한다.", "history": [("안녕?", "안녕하세요.")]}
    return [
        Row(str(i), f"{i}층에는?", "", "강당", "a.jsonl", i, "a", "{}", **(late if i == n - 1 else {}))
        for i in range(n)
    ]


def test_columns_keep_their_type_however_late_a_key_comes(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_BATCH", 2)
    write_lines(tmp_path / "rows.jsonl", rows(5))
    write_lines(tmp_path / "train.jsonl", (row.texts for row in rows(5)))
    for name, keys in (("rows", list(Row.__struct_fields__)), ("train", [*parquet._TEXTS])):
        out = tmp_path / "out" / f"{name}.parquet"
        assert write_parquet(tmp_path / f"{name}.jsonl", out) == 5
        schema = pyarrow.parquet.read_schema(out)
        assert schema.names == keys and str(schema.field("history").type).count("list") == 2
        found = pandas.read_parquet(out)
        assert not found.isna().any().any() and list(found["id"]) == list("01234")
        assert list(found["system"]) == ["", "", "", "", "짧게 답한다."] and len(found["history"][4]) == 1


@pytest.mark.parametrize(
    "line", [{"question": "q"}, {"id": "1", "instruction": "q", "output": "a", "tuned": "b"}]
)
def test_other_files_are_one_line(tmp_path, line):
    write_lines(tmp_path / "a.jsonl", [line])
    with pytest.raises(DataError, match=r"a\.jsonl: line 1 is no row; name a stage's rows\.jsonl"):
        write_parquet(tmp_path / "a.jsonl", tmp_path / "a.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    write_lines(tmp_path / "a.jsonl", [])
    with pytest.raises(DataError, match="holds no row"):
        write_parquet(tmp_path / "a.jsonl", tmp_path / "a.parquet")
