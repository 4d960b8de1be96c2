"""A look at sources before a run: what they hold, and one line with the remedy where that is no row."""

import json

import openpyxl
import pytest

from qaloom.errors import SourceError
from qaloom.validate.head import check_sources, look_at

GOOD = '{"question": "휴관일은 언제인가요?", "answer": "월요일"}\n'


def written(folder, **files):
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    return [name.replace("_", ".") for name in files]


def test_the_beginning_of_a_source(tmp_path):
    (name,) = written(
        tmp_path, a_csv="질의,회신 내용,출처\n휴관일은 언제인가요?,월요일,이용 안내\n몇 층?,,\n"
    )
    columns = {"question": "질의", "answer": "회신 내용", "document": "출처"}
    head = look_at(tmp_path / name, name, columns)
    assert (head.source.kind, head.keys, head.whole) == ("table", ["질의", "회신 내용", "출처"], True)
    assert [(row.instruction, row.output, row.group, row.details) for row in head.rows] == [
        ("휴관일은 언제인가요?", "월요일", "이용 안내", {"출처": "이용 안내"})
    ]
    assert [one.reason for one in head.rejections] == ["empty_answer"]


def test_a_large_file_is_not_read_to_its_end(tmp_path):
    (name,) = written(tmp_path, a_jsonl=GOOD * 100)
    assert (len(look_at(tmp_path / name).rows), look_at(tmp_path / name).whole) == (50, False)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("qustion,anwser\na?,b\n", r"columns: \{question: qustion, answer: anwser\}"),
        ("번호,질의,상담례 기반 답변\n1,a?,b\n", r'columns: \{question: 질의, answer: "상담례 기반 답변"\}'),
        ("제목,질문내용,답변내용\n1,a?,b\n", r"columns: \{question: 질문내용, answer: 답변내용\}"),
        ("user,assistant\na?,b\n", r"columns: \{question: user, answer: assistant\}"),
        (
            "no,body,date\n1,a?,b\n",
            r"keys seen: no, body, date; name the question and the answer: .* \{question: KEY, answer: KEY\}",
        ),
        ("휴관일은 언제인가요?,월요일\n몇 층?,2층\n", "these are texts, not names"),
        ("질문,설명\na?,b\n", r"keys seen: 질문, 설명; name the answer: data.columns: \{answer: KEY\}"),
        ("question,answer\na?,\nb?,\n", "no good row among 2 lines .*; line 2: the answer is empty"),
    ],
)
def test_one_line_where_no_line_is_a_row(tmp_path, content, told):
    names = written(tmp_path, a_csv=content)
    with pytest.raises(SourceError, match=rf"^a.csv: .*{told}") as refused:
        check_sources(names, tmp_path, {})
    assert "\n" not in str(refused.value)


def test_many_lines_that_fail_alike_stop_a_run_and_others_do_not(tmp_path):
    bad = '{"title": "a", "body": "b"}\n'
    names = written(tmp_path, a_jsonl=bad * 60 + GOOD)
    with pytest.raises(SourceError, match="keys seen: title, body"):
        check_sources(names, tmp_path, {})
    check_sources(written(tmp_path, b_jsonl=(bad + "x\n") * 60 + GOOD), tmp_path, {})
    check_sources(written(tmp_path, c_jsonl=bad * 3 + GOOD), tmp_path, {})


def test_an_empty_source_stops_a_run_only_alone(tmp_path):
    names = written(tmp_path, a_jsonl="", b_jsonl=GOOD)
    check_sources(names, tmp_path, {})
    with pytest.raises(SourceError, match=r"a.jsonl: is empty; name files with rows"):
        check_sources(names[:1], tmp_path, {})


def test_sheets_that_are_left_out_are_named(tmp_path, capsys):
    book = openpyxl.Workbook()
    book.active.append(["question", "answer"])
    book.active.append(["when?", "at 9"])
    book.create_sheet("메모").append(["작성자", "총무과"])
    book.save(tmp_path / "a.xlsx")
    check_sources(["a.xlsx"], tmp_path, {})
    assert "a.xlsx: the sheets 메모 have no columns" in capsys.readouterr().err


def test_a_list_of_own_keys(tmp_path):
    rows = [{"물음": f"{n}층에는 무엇이 있나요?", "풀이": "강당"} for n in range(3)]
    names = written(tmp_path, a_json=json.dumps(rows, ensure_ascii=False))
    with pytest.raises(SourceError, match="question: 물음"):
        check_sources(names, tmp_path, {})
    check_sources(names, tmp_path, {"question": "물음", "answer": "풀이"})
