"""Documents of any kind as blocks: what kind a file is by its content, and the reader of that kind."""

import codecs
import re
import zipfile
from pathlib import Path
from typing import Literal

from qaloom.documents.blocks import Block, DocumentText
from qaloom.documents.docx import docx_blocks
from qaloom.documents.headings import heading_of
from qaloom.documents.markup import html_blocks, markdown_blocks
from qaloom.errors import SourceError

DocumentKind = Literal["pdf", "docx", "html", "markdown", "text"]
_CHARSET = re.compile(rb"<meta[^>]{1,200}?charset\s{0,5}=\s{0,5}[\"']?([\w-]{1,40})", re.I)
_MARKDOWN = (".md", ".markdown", ".mdown", ".mkd")
_HEAD = 4096  # bytes by which a kind is known
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_PARAGRAPH = re.compile(r"\n\s*\n")
_KINDS = "PDF, DOCX, HTML, Markdown and plain text are read"


def read_blocks_of(path: Path) -> DocumentText:
    """The text of a document.

    Raises SourceError, without the document's name, when it cannot be read, is of another kind, or holds no text.
    """
    try:
        found = _read(path)
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror or error})") from None
    if not any(map(_says_something, found.blocks)) and not found.faults:
        raise SourceError("holds no text")
    return found


def _says_something(block: Block) -> bool:
    return any(map(str.isalnum, block.text))


def _read(path: Path) -> DocumentText:
    kind = kind_of_document(path)
    if kind == "pdf":
        from qaloom.documents.pdf import read_pdf

        return read_pdf(path)
    if kind == "docx":
        return DocumentText(docx_blocks(path))
    text = _decoded(path.read_bytes(), is_html=kind == "html")
    reader = {"html": html_blocks, "markdown": markdown_blocks, "text": _text_blocks}[kind]
    return DocumentText(reader(text))


def kind_of_document(path: Path) -> DocumentKind:
    """The kind of a document by its content; Markdown and HTML without a head by its name. Raises SourceError."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head[:4] == b"PK\x03\x04":
        if _is_docx(path):
            return "docx"
        raise SourceError(f"is an archive or a file of Office that is not read; {_KINDS}")
    if head[:4] == b"\xd0\xcf\x11\xe0":
        raise SourceError(
            "is an old Office or HWP document, or one with a password; save it as PDF or DOCX without one"
        )
    name = path.suffix.lower()
    if _is_html(head) or name in (".html", ".htm", ".xhtml"):
        return "html"
    if name in (".pdf", ".docx"):
        raise SourceError(f"is no {name[1:].upper()} by its content; save or export it again")
    return "markdown" if name in _MARKDOWN else "text"


def _is_html(head: bytes) -> bool:
    plain = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    return plain.startswith(b"<") and (b"<!doctype html" in plain or b"<html" in plain)


def _is_docx(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "word/document.xml" in archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return path.suffix.lower() == ".docx"


def _decoded(data: bytes, is_html: bool) -> str:
    """A text in UTF-8, UTF-16, Korean CP949, or the encoding that a page of HTML names. Raises SourceError."""
    encodings = [name for bom, name in _BOMS if data.startswith(bom)]
    if not encodings and b"\0" in data[:_HEAD]:
        raise SourceError(f"holds no text but binary data; {_KINDS}")
    named = _CHARSET.search(data[:_HEAD]) if is_html else None
    encodings += ["utf-8", *([named[1].decode("ascii")] if named else []), "cp949"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    raise SourceError("is neither UTF-8 nor Korean in CP949; save it as UTF-8")


_UNDERLINED = re.compile(r"^(?=\S)(?P<title>[^\n]{1,100})\n(?P<line>[=~-])(?P=line){2,}[ \t]*$", re.MULTILINE)


def _text_blocks(text: str) -> list[Block]:
    """Paragraphs between blank lines; a line that numbers a section, or is underlined, is a heading."""
    found = []
    plain = text.replace("\r\n", "\n").replace("\f", "\n\n")
    for paragraph in _PARAGRAPH.split(_UNDERLINED.sub(r"\n\n\g<0>\n\n", plain)):
        lines = [line for line in paragraph.splitlines() if line.strip()]
        if _UNDERLINED.fullmatch("\n".join(lines)):
            found.append(Block("heading", lines[0].strip(), level=1 + "=-~".index(lines[1].strip()[0])))
            continue
        if lines and (heading := heading_of(lines[0])):
            found.append(Block("heading", heading.text, level=heading.level))
            lines = lines[1:] if heading.alone else lines
        if lines:
            found.append(Block("text", "\n".join(" ".join(line.split()) for line in lines)))
    return found
