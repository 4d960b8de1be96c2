"""Files that hold no rows as they are (documents, images, archives): refused, each with what to do instead."""

import re
import zipfile
from pathlib import Path

from qaloom.errors import SourceError

_ASK = "where a model writes questions and answers from it (docs/documents.md), not"
_DOCUMENT = f"holds no rows; name it in data.documents, {_ASK}"
_AS_DOCUMENT = f"is not read; save it as PDF or DOCX and name that in data.documents, {_ASK}"
_RECOGNISE = (
    f"is not read; save its recognised text (OCR) as PDF or text and name that in data.documents, {_ASK}"
)
_SAVE_AS = "is not read; save it as .xlsx, or as CSV UTF-8, and name that file"
_UNPACK = "is not read; unpack it and name the files in it"
_ARROW = "is not read; name the folder that datasets saved, or write it as Parquet"
_WRITE_AS = "is not read; write it as JSON Lines or Parquet and name that file"
_KINDS = (  # how a file begins, what that is, what to do
    (b"%PDF", "a PDF", _DOCUMENT),
    (b"\x89PNG", "an image", _RECOGNISE),
    (b"\xff\xd8\xff", "an image", _RECOGNISE),
    (b"GIF8", "an image", _RECOGNISE),
    (b"II*\x00", "an image", _RECOGNISE),
    (b"MM\x00*", "an image", _RECOGNISE),
    (b"{\\rtf", "an RTF document", _AS_DOCUMENT),
    (b"HWP Document File", "a HWP document", _AS_DOCUMENT),
    (b"SQLite format 3", "an SQLite database", "is not read; export its table as CSV and name that file"),
    (b"ARROW1", "an Arrow file", _ARROW),
    (b"\xff\xff\xff\xff", "an Arrow file", _ARROW),
    (b"7z\xbc\xaf", "an archive", _UNPACK),
    (b"Rar!", "an archive", _UNPACK),
    (b"BZh", "a bzip2 file", "is not read; unpack it (bunzip2 FILE) and name that file"),
    (b"\xfd7zXZ", "an xz file", "is not read; unpack it (unxz FILE) and name that file"),
    (b"\x80\x04", "a pickle", _WRITE_AS),
    (b"\x80\x05", "a pickle", _WRITE_AS),
    (b"\x93NUMPY", "a NumPy file", _WRITE_AS),
)
_OLE = b"\xd0\xcf\x11\xe0"  # Office up to 2003, HWP, and workbooks with a password
_OLE_NAMES = {".xls": ("an old Excel workbook", _SAVE_AS), ".hwp": ("a HWP document", _AS_DOCUMENT)}
_OLE_NAMES |= {
    ".xlsx": ("an Excel workbook with a password", "is not read; save it without and name that file")
}
_PARTS = (  # of a ZIP file, what it is by the names in it
    ("word/", "a Word document", _DOCUMENT),
    ("ppt/", "a PowerPoint file", _AS_DOCUMENT),
    ("Contents/", "a HWPX document", _AS_DOCUMENT),
    ("xl/workbook.bin", "an Excel workbook of the kind .xlsb", _SAVE_AS),
    ("content.xml", "an OpenDocument file", _SAVE_AS),
)
_MARKUP = re.compile(rb"(?:<!doctype html|<html|<\?xml)\b", re.IGNORECASE)


def is_workbook(path: Path, head: bytes) -> bool:
    """Whether a file is an Excel workbook of the kinds .xlsx and .xlsm."""
    return head[:4] == b"PK\x03\x04" and "xl/workbook.xml" in _names_in(path)


def refuse_foreign(path: Path, head: bytes) -> None:
    """Raise SourceError, one line with the remedy, for a file that holds no rows that could be read."""
    kind, remedy = _kind_of(path, head)
    if kind:
        raise SourceError(f"{path}: is {kind}, which {remedy} under data.sources")


def _kind_of(path: Path, head: bytes) -> tuple[str, str]:
    if head[:4] == b"PK\x03\x04":
        names = _names_in(path)
        found = (
            (kind, remedy) for part, kind, remedy in _PARTS if any(name.startswith(part) for name in names)
        )
        return next(found, ("an archive", _UNPACK))
    if head[:4] == _OLE:
        return _OLE_NAMES.get(path.suffix.lower(), ("an Office document of an old kind", _AS_DOCUMENT))
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "an image", _RECOGNISE
    if _MARKUP.match(head.lstrip(b"\xef\xbb\xbf \t\r\n")):
        return "a page of HTML or XML", _DOCUMENT
    return next(((kind, remedy) for magic, kind, remedy in _KINDS if head.startswith(magic)), ("", ""))


def _names_in(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return []
