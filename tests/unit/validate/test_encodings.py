"""Encodings: Korean files are read, files of other encodings refused, and none is read as something else."""

import json
import sys
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.errors import SourceError
from qaloom.files import read_lines
from qaloom.records import Row
from qaloom.validate.encodings import UnknownEncodingError, find_encoding, from_cp949
from qaloom.validate.lines import Fault
from qaloom.validate.source import read_source, source_of
from qaloom.validate.stage import validate_file

KOREAN = ("본원의 주소는 어디인가요?", "가람시 솔내구 물빛로 27입니다.")
FOREIGN = [
    ("euc_jp", "本院の住所はどこですか？", "水辺通り二十七番地です。"),
    ("shift_jis", "本院の住所はどこですか？", "水辺通り二十七番地です。"),
    ("iso2022_jp", "本院の住所はどこですか？", "水辺通り二十七番地です。"),
    ("gb18030", "研究院的地址在哪里？", "在水边路二十七号，靠近车站。"),
    ("gb2312", "图书馆几点开门？", "每天上午九点到下午六点。"),
    ("big5", "圖書館幾點開門？", "每天上午九點到下午六點。"),
    ("latin-1", "Où se trouve l'Institut ?", "Près de l'église, à côté du café."),
    ("cp1252", "Wann öffnet die Bücherei?", "Täglich außer Sonntag um zehn – pünktlich."),
    ("koi8-r", "Где находится институт?", "Набережная улица, дом двадцать семь."),
    ("cp1251", "Где находится институт?", "Набережная улица, дом двадцать семь."),
    ("johab", *KOREAN),
    ("utf-32", *KOREAN),
]


def source(tmp_path, rows, encoding, ending="\n"):
    path = tmp_path / "a.jsonl"
    lines = (json.dumps({"question": q, "answer": a}, ensure_ascii=False) + ending for q, a in rows)
    path.write_bytes("".join(lines).encode(encoding))
    return path


def questions(path):
    return [line.value["question"] for line in read_source(source_of(path))]


@pytest.mark.parametrize("encoding", ["cp949", "euc-kr", "utf-8", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("count", [1, 3, 200])
def test_korean_files_are_read(tmp_path, encoding, ending, count):
    assert questions(source(tmp_path, [KOREAN] * count, encoding, ending)) == [KOREAN[0]] * count


@pytest.mark.parametrize(
    ("question", "answer"), [("주소는?", "가람시"), ("몇 층?", "2층"), ("개원일", "3월 1일")]
)
def test_a_short_korean_file_is_read(tmp_path, question, answer):
    assert questions(source(tmp_path, [(question, answer)], "cp949")) == [question]


def test_korean_with_hanja_marks_and_latin_is_read(tmp_path):
    rows = [
        ("憲法 第1條는 무엇을 정하나요?", "大韓民國은 民主共和國이라고 정합니다."),
        ("온도는 몇 ℃인가요?", "① 25℃ ② 30℃ · ‘상온’"),
    ]
    assert questions(source(tmp_path, rows, "cp949")) == [question for question, _ in rows]


def test_syllables_that_ks_x_1001_spells_out_are_put_together(tmp_path):
    path = source(tmp_path, [KOREAN, ("똠얌꿍은 무엇인가요?", "태국의 국물 요리입니다.")], "euc_kr")
    assert b"\xa4\xd4" in path.read_bytes()
    assert questions(path)[1] == "똠얌꿍은 무엇인가요?"


@pytest.mark.parametrize(("encoding", "question", "answer"), FOREIGN)
@pytest.mark.parametrize("count", [1, 50])
def test_a_file_of_another_encoding_is_refused(tmp_path, encoding, question, answer, count):
    path = source(tmp_path, [(question, answer)] * count, encoding)
    with pytest.raises(
        SourceError, match=r"is neither UTF-8 nor Korean in CP949 \(it.*\); save it as UTF-8"
    ) as caught:
        list(read_source(source_of(path)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("encoding", "question", "answer"), FOREIGN[:10])
def test_a_foreign_line_costs_itself_alone(tmp_path, encoding, question, answer):
    path = source(tmp_path, [KOREAN] * 9, "cp949")
    path.write_bytes(
        path.read_bytes() + source(tmp_path, [(question * 3, answer * 3)], encoding).read_bytes()
    )
    *korean, foreign = read_source(source_of(path))
    assert [line.value["question"] for line in korean] == [KOREAN[0]] * 9
    assert isinstance(foreign.value, Fault) or foreign.value["question"] == question * 3


def test_utf8_lines_of_a_cp949_file_are_read_as_utf8():
    text = "본원의 주소는 어디인가요?"
    assert from_cp949(text.encode()) == from_cp949(text.encode("cp949")) == text.encode()


def of_two_bytes(codec, first):
    """The characters that a codec writes as two bytes, by the first of them; hypothesis takes seconds to find them."""
    pairs = (bytes((row, cell)).decode(codec, "ignore") for row in first for cell in range(0xA1, 0xFF))
    return "".join(pairs)


CHARACTERS = {
    "euc_jp": st.sampled_from(of_two_bytes("euc_jp", (0xA4, 0xA5)))
    | st.sampled_from(of_two_bytes("euc_jp", range(0xA1, 0xFF))),
    "gb2312": st.sampled_from(of_two_bytes("gb2312", range(0xB0, 0xF8))),
    "latin-1": st.characters(min_codepoint=0xA1, max_codepoint=0xFF),
}


@pytest.mark.parametrize("encoding", CHARACTERS)
def test_no_foreign_text_is_read_as_korean(encoding):
    @given(st.text(CHARACTERS[encoding], min_size=4, max_size=40))
    def check(text):
        raw = json.dumps({"q": text}, ensure_ascii=False).encode(encoding, "ignore")
        with suppress(UnknownEncodingError):
            assert find_encoding(lambda: [raw], lambda: [raw]) != "cp949"

    check()


# Numbers of further keys


NUMBERS = ["12345678901234567890", "-98765432109876543210987654321", "1e400", "0.1000", "1.50", "-0.0", "7", "0.1",
           "3.141592653589793238462643383279", "1E-400"]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_of_further_keys_stay_as_they_are(tmp_path, number):
    path = tmp_path / "a.jsonl"
    path.write_text(
        f'{{"question": "주소는?", "answer": "가람시", "n": {number}, "deep": {{"n": [{number}]}}}}\n'
    )
    validate_file(path, "a.jsonl", tmp_path / "out")
    [row] = read_lines(tmp_path / "out/rows.jsonl", Row)
    written = json.loads(row.meta, parse_int=str, parse_float=str)
    assert Decimal(written["n"]) == Decimal(number) and written["deep"]["n"] == [written["n"]]
    assert len(written["n"]) >= len(number) - 2 and Decimal(str(row.details["n"])) == Decimal(number)


def test_a_number_of_too_many_digits_or_too_large_stays_as_its_text(tmp_path):
    path = tmp_path / "a.jsonl"
    digits = "7" * (sys.get_int_max_str_digits() + 1)
    path.write_text(
        f'{{"question": "주소는?", "answer": "가람시", "n": {digits}, "x": 1e99999999999999999999}}\n'
    )
    validate_file(path, "a.jsonl", tmp_path / "out")
    [row] = read_lines(tmp_path / "out/rows.jsonl", Row)
    assert row.details == {"n": digits, "x": "1e99999999999999999999"}
