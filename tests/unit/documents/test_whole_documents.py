"""Ten PDFs, Korean and English, from page to row: planted replies about what stands in them, good and bad.

Tables, two columns, running heads and feet, text over several lines, a scanned page; replies as in test_gates.
"""

import json
import textwrap
from pathlib import Path

import pypdfium2
import pytest
import yaml
from misbehaving import misbehaving
from pdf_pages import Placed, lines, pdf

from qaloom.config.load import complete
from qaloom.documents.stage import question_document
from qaloom.files import read_lines

CASES = yaml.safe_load((Path(__file__).parents[2] / "data/document_replies.yaml").read_text("utf-8"))
DOCUMENTS = 10
OTHER = "This column lists phone directories of the annex, which nobody has asked about so far."


def squeezed(text: str) -> str:
    return "".join(text.split())


def cases_of(document: int) -> list[dict]:
    """Three cases a document, so that a quote may stand in another passage of it."""
    return [CASES[(document + step) % len(CASES)] for step in (0, 4, 8)]


def page_of(case: dict, number: int, document: int) -> list[Placed]:
    """A case's heading and passage between a running head and foot; every other document has two columns."""
    columns = document % 2 == 1 and "|" not in case["passage"]
    placed = [Placed(50, 815, "가람시설관리공단 규정집 Handbook", 8), Placed(290, 25, f"- {number} -", 8)]
    placed.append(Placed(50, 780, case["heading"].rpartition(" > ")[2], 16))
    korean = any("가" <= c <= "힣" for c in case["passage"])
    wide = (22 if korean else 44) if columns else (46 if korean else 92)
    top = 750
    for line in case["passage"].splitlines():
        cells = line.split(" | ")
        if len(cells) > 1:
            placed += [Placed(50 + 125 * n, top, cell) for n, cell in enumerate(cells)]
            top -= 13
        else:
            wrapped = textwrap.wrap(line, wide, break_long_words=False, break_on_hyphens=False)
            placed += lines(wrapped, top=top)
            top -= 13 * len(wrapped)
    if columns:
        placed += lines(textwrap.wrap(OTHER, 44), x=320, top=750)
    return placed


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> list[tuple[int, Path, Path]]:
    """Each document's number, file and results."""
    folder, found = tmp_path_factory.mktemp("documents"), []

    def reply(prompt: str) -> str:
        flat = squeezed(prompt.rpartition("Passage:")[2])
        about = [c for c in CASES if squeezed(c["passage"].replace("|", ""))[:25] in flat.replace("|", "")]
        replies = [[*one["good"], *(bad[1:] for bad in one["bad"])] for one in about[:1]]
        keys = ("question", "answer", "quote")
        return json.dumps([dict(zip(keys, one, strict=True)) for some in replies for one in some])

    with misbehaving(reply) as server:
        endpoint = {"url": server.url, "model": "m", "retries": 0, "backoff": 0}
        config = {"data": {"sources": [], "documents": ["*.pdf"]}, "runs": {"one": {}}}
        settings = complete(config | {"documents": {"questions": 20, "endpoint": endpoint}})["documents"]
        for number in range(DOCUMENTS):
            file, out = folder / f"{number}.pdf", folder / str(number)
            pages = [page_of(case, n, number) for n, case in enumerate(cases_of(number), 2)]
            file.write_bytes(pdf([None, *pages]))
            question_document(file, file.name, out, settings, folder, folder / "cache")
            found.append((number, file, out))
    return found


def test_good_replies_become_rows_and_each_quote_stands_on_its_page(written):
    kept = 0
    for number, file, out in written:
        rows = read_lines(out / "rows.jsonl")
        with pypdfium2.PdfDocument(file) as document:
            texts = [squeezed(page.get_textpage().get_text_bounded()) for page in document]
        for row in rows:
            assert squeezed(row["quote"].replace("|", "")) in texts[row["page"] - 1], row
        asked = {(row["question"], row["answer"]) for row in rows}
        good = {tuple(reply[:2]) for case in cases_of(number) for reply in case["good"]}
        assert good - asked == set(), file
        kept += len(good)
    assert kept == 150  # of 60 replies; each case stands in two or three documents


def test_bad_replies_are_rejected_with_the_right_reason(written):
    wrong, planted = [], 0
    for number, _, out in written:
        rejected = read_lines(out / "rejected.jsonl")
        reasons = {tuple(r["row"].values()): r["reason"] for r in rejected if isinstance(r["row"], dict)}
        here = squeezed(" ".join(case["passage"] for case in cases_of(number)))
        for reason, *reply in (bad for case in cases_of(number) for bad in case["bad"]):
            planted += 1
            if reason == "quote_elsewhere" and squeezed(reply[2]) not in here:
                reason = "quote_not_found"
            if reasons.get(tuple(reply)) != reason:
                wrong.append((number, reason, reply, reasons.get(tuple(reply))))
    assert planted >= 150 and wrong == []


def test_the_scanned_page_is_named_in_every_document(written):
    for _, _, out in written:
        pages = [
            (r["line"], r["reason"]) for r in read_lines(out / "rejected.jsonl") if r["reason"] == "no_text"
        ]
        assert pages == [(1, "no_text")]
