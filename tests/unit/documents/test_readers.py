"""Readers: every kind of document as passages, and what is set aside."""

from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import given
from hypothesis import strategies as st
from pdf_pages import Placed, lines, pdf

from qaloom.documents.blocks import Block
from qaloom.documents.passages import passages
from qaloom.documents.readers import read_blocks_of
from qaloom.errors import SourceError

W = nsdecls("w")
HEAD, FOOT = Placed(50, 820, "가람연구원 복무규정", 8), (300, 20)
BODY = lines(["본문의 글자 크기를 정하는 문단으로, 이 쪽에서 가장 많은 글자를 차지하는 글이다."] * 2, top=200)


def read(tmp_path: Path, name: str, content: bytes):
    path = tmp_path / name
    path.write_bytes(content)
    return read_blocks_of(path)


def page(number: int, *placed: Placed) -> list[Placed]:
    return [HEAD, Placed(*FOOT, f"- {number} -", 8), *placed, *BODY]


def shown(blocks) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in blocks if "본문의 글자" not in block.text]


def test_a_pdf_gives_headings_paragraphs_and_rows_without_running_heads(tmp_path):
    article = lines(
        ["제3조(연차휴가) ① 직원은 15일의 휴가를 받고, 승인은 3일 전까지", "받아야 한다."], top=740
    )
    cells = [(50, "직급"), (200, "정원"), (300, "금액(만원)")], [(50, "과장"), (200, "12명"), (300, "30")]
    table = [Placed(x, 700 - 13 * n, text) for n, row in enumerate(cells) for x, text in row]
    broken = lines(["It is a long line of infor-", "mation for all."], top=700)
    found = read(
        tmp_path,
        "rules.pdf",
        pdf([page(1, Placed(50, 780, "제1장 총칙", 16), *article), page(2, *table), page(3, *broken)]),
    )
    assert shown(found.blocks) == [
        ("heading", "제1장 총칙"),
        ("heading", "제3조(연차휴가)"),
        ("text", "제3조(연차휴가) ① 직원은 15일의 휴가를 받고, 승인은 3일 전까지 받아야 한다."),
        ("row", "직급 | 정원 | 금액(만원)"),
        ("row", "과장 | 12명 | 30"),
        ("text", "It is a long line of information for all."),
    ]
    assert [block.page for block in found.blocks] == [1, 1, 1, 2, 2, 3]
    assert found.faults == []


def test_columns_are_read_one_after_the_other(tmp_path):
    left = lines(["The left column begins here and goes on", "to its end."], top=780)
    right = lines(["The right column begins here and", "ends here."], x=320, top=780)
    texts = [text for _, text in shown(read(tmp_path, "a.pdf", pdf([left + right])).blocks)]
    assert texts == [
        "The left column begins here and goes on to its end.",
        "The right column begins here and ends here.",
    ]


def test_a_page_without_text_is_named_and_a_blank_one_is_not(tmp_path):
    found = read(tmp_path, "a.pdf", pdf([BODY, None, []]))
    assert [(fault.page, fault.reason) for fault in found.faults] == [(2, "no_text")]
    private = [Placed(50, 700, "\ue001\ue002\ue003\ue004")]
    assert read(tmp_path, "b.pdf", pdf([private])).faults[0].reason == "unreadable_text"


def test_a_changed_page_changes_its_own_passages_alone(tmp_path):
    def ids(second: str) -> dict[int | None, set[str]]:
        pages = [
            page(n, *lines([text], top=700)) for n, text in enumerate(("First rule of the house.", second), 1)
        ]
        found = passages(read(tmp_path, "a.pdf", pdf([*pages, page(3)])).blocks, "a.pdf", 300)
        return {number: {p.id for p in found if p.page == number} for number in (1, 2)}

    before, after = ids("The fee is 5 euros a day."), ids("The fee is 6 euros a day.")
    assert before[1] == after[1] and not before[2] & after[2]


def encrypted() -> bytes:
    plain = pdf([BODY])
    keys = f"/O <{'41' * 32}> /U <{'42' * 32}>"
    locked = f"trailer << /Encrypt << /Filter /Standard /V 1 /R 2 {keys} /P -4 >> /ID [<41> <41>] "
    return plain.replace(b"trailer << ", locked.encode())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", b"%PDF-1.7\nno more", "is damaged, or no PDF"),
        ("a.pdf", encrypted(), "is protected by a password"),
        ("a.pdf", b"text", "is no PDF by its content"),
        ("a.docx", b"PK\x03\x04 broken", "is damaged, or no Word document"),
        ("a.hwp", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Office or HWP document"),
        ("a.bin", b"\0\1\2\3", "holds no text but binary data"),
        ("a.txt", b"\xff\xfe\xfd\x80\x81", "is neither UTF-8 nor Korean in CP949"),
        ("a.txt", b" \n", "holds no text"),
        ("a.html", b"<!-- nothing -->", "holds no text"),
        ("a.pdf", pdf([[]]), "holds no text"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(tmp_path, name, content, said):
    with pytest.raises(SourceError, match=said):
        read(tmp_path, name, content)


def test_a_missing_file_is_one_line_too(tmp_path):
    with pytest.raises(SourceError, match=r"cannot be read \(No such file"):
        read_blocks_of(tmp_path / "none.pdf")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_plain_text_in_its_encodings(tmp_path, encoding):
    text = "제1장 총칙\n\n운영 시간\n=====\n평일은 9시부터\n18시까지다.\n\n제2조에 따라 쉰다.\n"
    assert shown(read(tmp_path, "a.txt", text.encode(encoding)).blocks) == [
        ("heading", "제1장 총칙"),
        ("heading", "운영 시간"),
        ("text", "평일은 9시부터\n18시까지다."),
        ("text", "제2조에 따라 쉰다."),
    ]


def test_markdown_and_html_give_the_same_blocks(tmp_path):
    markdown = (
        "---\ntitle: x\n---\n# Fees\n\nA *tent* costs\n12 euros.\n\n- one\n- two\n\n|a|b|\n|-|-|\n|1|2|\n"
    )
    page = (
        "<html><head><title>x</title></head><body><nav>menu</nav><main><h1>Fees</h1><p>A <em>tent</em> costs<br>"
        "12 euros.</p><script>no()</script><ul><li>one<li>two</ul><table><tr><th>a<th>b<tr><td>1<td>2"
        "</table></main></body></html>"
    )
    wanted = [
        ("heading", "Fees"), ("text", "A tent costs 12 euros."), ("text", "one"), ("text", "two"), ("row", "a | b"),
        ("row", "1 | 2"),
    ]  # fmt: skip
    assert shown(read(tmp_path, "a.md", markdown.encode()).blocks) == wanted
    assert shown(read(tmp_path, "a.html", page.encode()).blocks) == wanted


def test_a_table_that_lays_out_a_page_is_no_table(tmp_path):
    page = "<html><table><tr><td><h2>Menu</h2><p>One fact.</p></td><td><table><tr><td>a<td>b</table></table></html>"
    assert shown(read(tmp_path, "a.html", page.encode()).blocks) == [
        ("heading", "Menu"), ("text", "One fact."), ("row", "a | b"),
    ]  # fmt: skip


def test_a_page_in_the_encoding_that_it_names(tmp_path):
    page = '<!doctype html><meta charset="euc-kr"><p>평일은 9시부터 연다.</p>'.encode("euc-kr")
    assert shown(read(tmp_path, "a.html", page).blocks) == [("text", "평일은 9시부터 연다.")]


def test_a_word_document(tmp_path):
    document = docx.Document()
    document.add_heading("복무규정", 0)
    document.add_heading("휴가", 1)
    told = document.add_paragraph("직원은 ")
    for mark, kind, text in (("ins", "t", "15일의 "), ("del", "delText", "10일의 ")):
        run = f'<w:r><w:{kind} xml:space="preserve">{text}</w:{kind}></w:r>'
        told._p.append(parse_xml(f"<w:{mark} {W}>{run}</w:{mark}>"))
    told.add_run("휴가를 받는다.")
    control = (
        f"<w:sdt {W}><w:sdtContent><w:p><w:r><w:t>누리집에 올린다.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    )
    document.element.body.insert(-1, parse_xml(control))
    table = document.add_table(2, 3)
    for at, text in enumerate(("직급", "정원", "비고", "과장", "12명")):
        table.cell(at // 3, at % 3).text = text
    table.cell(1, 1).merge(table.cell(1, 2))
    document.save(tmp_path / "a.docx")
    assert read_blocks_of(tmp_path / "a.docx").blocks == [
        Block("heading", "복무규정"),
        Block("heading", "휴가", level=2),
        Block("text", "직원은 15일의 휴가를 받는다."),
        Block("text", "누리집에 올린다."),
        Block("row", "직급 | 정원 | 비고"),
        Block("row", "과장 | 12명"),
    ]


# --- passages -----------------------------------------------------------------------------------------


def test_passages_lie_below_their_headings_and_what_states_nothing_is_left_out():
    blocks = [
        Block("heading", "A", level=1), Block("heading", "B", level=2), Block("text", "A fact about B, which is long."),
        Block("text", "More."), Block("heading", "C", level=1), Block("text", "Menu"),
        Block("text", "Another fact, about C this time."),
    ]  # fmt: skip
    assert [(p.heading, p.text) for p in passages(blocks, "a", 500)] == [
        ("A > B", "A fact about B, which is long.\n\nMore."),
        ("C", "Menu\n\nAnother fact, about C this time."),
    ]


def test_a_table_stays_together_and_a_longer_one_keeps_its_head():
    rows = [Block("row", "name | price in euros")] + [
        Block("row", f"thing {n} | {n}00 euros") for n in range(6)
    ]
    intro = Block("text", "What things cost, as of this year and until further notice.")
    assert [p.text.count("\n") for p in passages([intro, *rows], "a", 170)] == [0, 6]
    parts = passages(rows, "a", 80)
    assert len(parts) == 3 and all(part.text.startswith("name | price") for part in parts)


WORDS = st.lists(st.sampled_from(["regulation.", "사용한다.", "in", "15", "a" * 70]), min_size=1, max_size=40)


@given(st.lists(WORDS.map(" ".join), min_size=1, max_size=8))
def test_no_word_is_lost_or_made_and_no_passage_of_paragraphs_is_above_the_limit(paragraphs):
    found = passages([Block("text", text) for text in ["x" * 16, *paragraphs]], "a", 100)
    assert all(len(p.text) <= 100 for p in found)
    kept = {word for p in found for word in p.text.split()}
    assert kept == {"x" * 16, *(word for text in paragraphs for word in text.split())}
