"""PDF documents by pypdfium2: lines with their places, headings by size, rows by gaps, running heads taken out."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pypdfium2
from pypdfium2 import raw

from qaloom.documents.blocks import Block, DocumentText, PageFault, row_block
from qaloom.documents.headings import heading_of
from qaloom.errors import SourceError

_GAP = 1.2  # of the letters' height, between two cells of a row; a space in justified text is narrower
_NEXT = 1.75  # of a line's height, between the tops of two lines of one paragraph
_LARGER = 1.12  # times the size of most letters, from which a short line is a heading
_LONGEST_HEADING = 80  # characters
_EDGE = 3  # lines at the top and at the bottom of a page among which running heads are looked for
_UNREADABLE = 0.2  # share of letters without a meaning (fonts without a map to Unicode)
_RECOGNISE = "recognise its text (OCR) first"
_HYPHENS = "\x02\ufffe\xad"  # what PDFium gives for a hyphen at the end of a line
_HYPHENATED = re.compile(rf"(?:[{_HYPHENS}]|[a-z]-)$")
_NUMBER = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(r"(?:p(?:age|\.)?\s?)?\d{1,4}(?:\s?(?:/|of|쪽|페이지|중)\s?\d{0,4})?", re.I)
_AROUND_NUMBERS = " -–—―~·.|[]()<>【】"
_CONTENTS = re.compile(
    r"(?<![.·…‥])(?<![.·…‥]\s)(?:[.·…‥]\s?+){6,}+\s{0,9}(?:\d{1,5}|[ivxlc]{1,7})?\s?$"
)  # a line of a table of contents
_BULLET = re.compile(
    r"\s?(?:[-•·▪◦‣○●□■◆▶※*]|[①-⑳㉠-㉭]|\(?(?:\d{1,2}|[a-zA-Z]|[가나다라마바사아자차카타파하])[.)])\s"
)
_HANGUL = re.compile("[가-힣]")
_ENDS = re.compile(r"[.!?。:：;]['\"”’)\]]{0,3}$")


class _Line(NamedTuple):
    """A line: its cells, its letters' height, and its place in points from the lower left corner."""

    cells: tuple[str, ...]
    size: float
    left: float
    right: float
    top: float

    @property
    def text(self) -> str:
        return " ".join(self.cells)


def read_pdf(path: Path) -> DocumentText:
    """The text of a PDF by pages. Raises SourceError, one line, when it is damaged or needs a password."""
    document = _opened(path)
    try:
        pages, faults = [], []
        for number in range(len(document)):
            lines, fault = _read_page(document, number)
            pages.append(lines)
            faults += [fault] if fault else []
    finally:
        document.close()
    pages = _without_running_heads(pages)
    body = _body_size(pages)
    sizes = sorted(
        {_rounded(line) for lines in pages for line in lines if _stands_out(line, body)}, reverse=True
    )
    blocks = [block for number, lines in enumerate(pages, 1) for block in _blocks(lines, number, body, sizes)]
    return DocumentText(blocks, faults)


def _opened(path: Path) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD or "password" in str(error).lower():
            raise SourceError("is protected by a password; save it without one") from None
        raise SourceError("is damaged, or no PDF; save or export it again") from None


def _read_page(document: pypdfium2.PdfDocument, number: int) -> tuple[list[_Line], PageFault | None]:
    """The lines of a page, and why it has none that can be used."""
    try:
        page = document[number]
        lines = _lines(page)
    except pypdfium2.PdfiumError:
        return [], PageFault(number + 1, "damaged_page", "it cannot be read; export the document again")
    text = "".join(line.text for line in lines)
    letters, unknown = sum(map(str.isalnum, text)), sum(map(_is_unknown, text))
    if unknown > _UNREADABLE * (letters + unknown):
        return [], PageFault(number + 1, "unreadable_text", f"its font has no map to letters; {_RECOGNISE}")
    if not letters and raw.FPDFPage_CountObjects(page):
        return [], PageFault(number + 1, "no_text", f"it is a scan or a drawing without text; {_RECOGNISE}")
    return lines, None


def _is_unknown(char: str) -> bool:
    return char == "\ufffd" or "\ue000" <= char <= "\uf8ff" or (char < " " and char not in "\t\n\r")


# --- lines --------------------------------------------------------------------------------------------


class _Char(NamedTuple):
    text: str
    left: float
    right: float
    top: float
    size: float


def _lines(page: Any) -> list[_Line]:
    textpage = page.get_textpage()
    try:
        found: list[_Line] = []
        held: list[_Char] = []
        for char in _chars(textpage):
            if char.text in "\r\n":
                found += _line(held)
                held = []
            else:
                held.append(char)
        return found + _line(held)
    finally:
        textpage.close()


def _chars(textpage: Any) -> Iterator[_Char]:
    """The characters of a page in PDFium's order; those that it puts in (spaces, line ends) have no place."""
    low = 0  # the first half of a character beyond U+FFFF
    for index in range(textpage.count_chars()):
        code = raw.FPDFText_GetUnicode(textpage, index)
        if 0xD800 <= code < 0xDC00:
            low = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((low - 0xD800) << 10) + code - 0xDC00 if low else 0xFFFD
        low = 0
        if raw.FPDFText_IsGenerated(textpage, index) == 1 or not code:
            yield _Char(chr(code or 32), 0, 0, 0, 0)
        else:
            left, bottom, right, top = textpage.get_charbox(index, loose=True)
            yield _Char(chr(code), left, right, top, top - bottom)


def _line(chars: Sequence[_Char]) -> list[_Line]:
    """The line that characters make, cut into cells at wide gaps; none of spaces alone."""
    placed = [char for char in chars if char.size and not char.text.isspace()]
    if not placed:
        return []
    size = median(char.size for char in placed)
    cells, cell, last = [], "", None
    for char in chars:
        if char.size and not char.text.isspace():
            if last and char.left - last.right > _GAP * size:
                cells.append(cell)
                cell = ""
            last = char
        cell += char.text
    cells = [" ".join(text.split()) for text in (*cells, cell)]
    end = " " if chars[-1].text == " " and chars[-1].size else ""
    left, right = min(char.left for char in placed), max(char.right for char in placed)
    kept = [text for text in cells if text]
    kept[-1:] = [text + end for text in kept[-1:]]
    return [_Line(tuple(kept), size, left, right, max(char.top for char in placed))] if kept else []


# --- running heads --------------------------------------------------------------------------------------


def _without_running_heads(pages: list[list[_Line]]) -> list[list[_Line]]:
    """The pages without lines that their upper or lower edges share, and without page numbers there."""
    counts = Counter(form for n, lines in enumerate(pages) for form in _forms_at_edges(lines, n))
    often = max(3, 0.4 * sum(map(bool, pages)))
    kept = []
    for page, lines in enumerate(pages):
        running = {at for at in _edge(lines) if any(counts[f] >= often for f in _forms(lines[at], page))}
        numbers = {
            at for at in _edge(lines, 1) if _PAGE_NUMBER.fullmatch(lines[at].text.strip(_AROUND_NUMBERS))
        }
        kept.append([line for at, line in enumerate(lines) if at not in running | numbers])
    return kept


def _edge(lines: Sequence[_Line], most: int = _EDGE) -> set[int]:
    """Numbers of the lines at the top and the bottom, by place, since a footer may come first."""
    by_place = sorted(range(len(lines)), key=lambda at: -lines[at].top)
    return {*by_place[:most], *by_place[-most:]}


def _forms_at_edges(lines: Sequence[_Line], page: int) -> set[str]:
    return {form for at in _edge(lines) for form in _forms(lines[at], page)}


def _forms(line: _Line, page: int) -> set[str]:
    """A line as it is, and with each number in it that may count the pages taken relative to its page.

    A number apart from a running title, which may be another in each chapter, is a form by itself.
    """
    text = line.text
    found = {text.strip()}
    for cell in {line.cells[0].strip(), line.cells[-1].strip()} if len(line.cells) == 2 else ():
        if cell.isdecimal():
            found.add(f"<{int(cell[:9]) - page}>")
    if heading_of(text):
        return found
    for match in _NUMBER.finditer(text[:_LONGEST_HEADING]):
        if len(match[0]) <= 4:
            found.add(f"{text[: match.start()]}<{int(match[0]) - page}>{text[match.end() :]}".strip())
    return found


# --- blocks -------------------------------------------------------------------------------------------


def _rounded(line: _Line) -> float:
    return round(line.size * 2) / 2


def _body_size(pages: Sequence[Sequence[_Line]]) -> float:
    counts: Counter[float] = Counter()
    for line in (line for lines in pages for line in lines):
        counts[_rounded(line)] += len(line.text)
    return max(counts, key=lambda size: counts[size], default=0.0)


def _stands_out(line: _Line, body: float) -> bool:
    """Whether a line is a heading by the size of its letters."""
    short = len(line.text) <= _LONGEST_HEADING and len(line.cells) == 1
    return short and _rounded(line) >= _LARGER * body and any(map(str.isalpha, line.text))


def _blocks(lines: Sequence[_Line], page: int, body: float, sizes: Sequence[float]) -> Iterator[Block]:
    for run in _runs([line for line in lines if not _CONTENTS.search(line.text)], body):
        text = _joined(run)
        if len(run[0].cells) > 1:
            row = row_block(list(run[0].cells), page)
            if row:
                yield row
        elif _stands_out(run[0], body) and len(text) <= 1.5 * _LONGEST_HEADING:
            yield Block("heading", text, page, 1 + sizes.index(_rounded(run[0])))
        elif heading := heading_of(text):
            yield Block("heading", heading.text, page, len(sizes) + heading.level)
            if not heading.alone:
                yield Block("text", text, page)
        else:
            yield Block("text", text, page)


def _runs(lines: Sequence[_Line], body: float) -> Iterator[list[_Line]]:
    """Lines that belong together: those of a paragraph, or of a heading; a table's row by itself."""
    run: list[_Line] = []
    right = max((line.right for line in lines), default=0.0)
    for last, line in pairwise([None, *lines]):
        if run and (last is None or line is None or _breaks(last, line, body, right)):
            yield run
            run = []
        if line is not None:
            run.append(line)
    if run:
        yield run


def _breaks(last: _Line, line: _Line, body: float, right: float) -> bool:
    """Whether a paragraph ends between two lines."""
    if len(last.cells) > 1 or len(line.cells) > 1 or abs(_rounded(last) - _rounded(line)) > 1:
        return True
    if (
        _BULLET.match(line.text)
        or heading_of(line.text)
        or _stands_out(last, body) != _stands_out(line, body)
    ):
        return True
    down = last.top - line.top
    if down > _NEXT * max(last.size, line.size):
        return True
    ended = bool(_ENDS.search(last.text.rstrip()))
    if down < 0:  # another column goes on above
        return ended
    return ended and last.right < right - 4 * last.size


def _joined(run: Sequence[_Line]) -> str:
    """The lines of a paragraph as one, words parted by a hyphen at a line's end put together."""
    text = ""
    for line in run:
        part = line.text
        if _HYPHENATED.search(text.rstrip()) and (part[:1].islower() or text.rstrip()[-1] in _HYPHENS):
            text = text.rstrip()[:-1] + part
        else:
            text = f"{text.rstrip()} {part}" if text else part
    return " ".join("".join(c for c in text if c not in _HYPHENS).split())
