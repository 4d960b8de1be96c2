"""Small PDF files, Korean ones too, by hand: placed texts and drawings, no embedded font, a map to Unicode."""

from typing import NamedTuple

_TO_UNICODE = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CMapName /All def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
100 beginbfrange
%s
endbfrange
endcmap CMapName currentdict /CMap defineresource pop end end"""
_RANGES = b"\n".join(b"<%02X00> <%02XFF> <%02X00>" % (n, n, n) for n in range(256))


class Placed(NamedTuple):
    """A text at a place in points from the lower left corner."""

    x: float
    y: float
    text: str
    size: float = 10


def lines(
    texts: list[str], x: float = 50, top: float = 780, step: float = 13, size: float = 10
) -> list[Placed]:
    """Texts one below the other."""
    return [Placed(x, top - n * step, text, size) for n, text in enumerate(texts)]


def pdf(pages: list[list[Placed] | None]) -> bytes:
    """A PDF of these pages; None is a scan: a page with a drawing and no text."""
    font = len(pages) * 2 + 3
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(len(pages)))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"]
    for n, placed in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {4 + 2 * n} 0 R "
            f"/Resources << /Font << /F {font} 0 R >> >> >>"
        )
        objects.append(_stream(_content(placed)))
    objects += [
        f"<< /Type /Font /Subtype /Type0 /BaseFont /Any /Encoding /Identity-H /ToUnicode {font + 2} 0 R "
        f"/DescendantFonts [{font + 1} 0 R] >>",
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Any /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) "
        f"/Supplement 0 >> /DW 1000 /W [32 126 500] /FontDescriptor {font + 3} 0 R >>",
        _stream((_TO_UNICODE % _RANGES).decode().replace("100 begin", "256 begin")),
        "<< /Type /FontDescriptor /FontName /Any /Flags 4 /FontBBox [0 -200 1000 800] /ItalicAngle 0 /Ascent 800 "
        "/Descent -200 /CapHeight 700 /StemV 80 >>",
    ]
    return _file(objects)


def _content(placed: list[Placed] | None) -> str:
    if placed is None:
        return "50 50 400 600 re f"
    return "\n".join(
        f"BT /F {p.size} Tf {p.x} {p.y} Td <{p.text.encode('utf-16-be').hex()}> Tj ET" for p in placed
    )


def _stream(text: str) -> str:
    return f"<< /Length {len(text)} >>\nstream\n{text}\nendstream"


def _file(objects: list[str]) -> bytes:
    out, places = "%PDF-1.7\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{text}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    start, count = len(out), len(objects) + 1
    out += f"xref\n0 {count}\n0000000000 65535 f \n{table}"
    out += f"trailer << /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return out.encode("latin-1")
