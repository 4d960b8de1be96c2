"""Table of model families in docs/models.md: read by the tests, written from their outcomes.

`python tests/support/model_table.py` writes it, after `pytest tests/unit/inference/test_model_table.py -m ''`.
"""

import json
from pathlib import Path

from families import FAMILIES
from family_models import ARCHITECTURES

PAGE = Path(__file__).parents[2] / "docs/models.md"
OUTCOMES = Path(__file__).parents[2] / "build/model_table"
COLUMNS = [
    "labels", "prompt", "stop", "template", "train", "evaluate", "ask", "peft", "merge", "gguf", "ollama", "serve",
]  # fmt: skip
WORKS = "yes"
_BEGIN, _END = "<!-- table -->\n", "<!-- end of table -->\n"


def documented() -> dict[tuple[str, str], str]:
    """The page's cells by family and column: WORKS, or the line of a refusal."""
    table, _, notes = PAGE.read_text("utf-8").partition(_BEGIN)[2].partition(_END)[0].partition("\n\n")
    lines = dict(line.split(". ", 1) for line in notes.splitlines() if line)
    cells = {}
    for row in table.splitlines()[2:]:
        family, _, _, *values = (cell.strip() for cell in row.strip("|").split("|"))
        for column, value in zip(COLUMNS, values, strict=True):
            number = value.removeprefix("refused ")
            cells[family, column] = lines[number] if value != WORKS else WORKS
    return cells


def record(family: str, column: str, outcome: str) -> None:
    """Keep a test's outcome for the page."""
    OUTCOMES.mkdir(parents=True, exist_ok=True)
    (OUTCOMES / f"{family}.{column}.json").write_text(json.dumps(outcome), "utf-8")


def table() -> str:
    """The table of the recorded outcomes, and the lines of refusals."""
    notes: list[str] = []
    rows = [["family", "architecture", "tokenizer", *COLUMNS], ["---"] * (len(COLUMNS) + 3)]
    for family in FAMILIES:
        row = [
            family,
            ARCHITECTURES[family][0].removesuffix("Config").removesuffix("Text"),
            _tokenizer(family),
        ]
        for column in COLUMNS:
            outcome = json.loads((OUTCOMES / f"{family}.{column}.json").read_text("utf-8"))
            if outcome != WORKS and outcome not in notes:
                notes.append(outcome)
            row.append(WORKS if outcome == WORKS else f"refused {notes.index(outcome) + 1}")
        rows.append(row)
    lines = "\n".join(f"{number}. {note}" for number, note in enumerate(notes, 1))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n\n" + (lines and lines + "\n")


def _tokenizer(family: str) -> str:
    return "SentencePiece" if FAMILIES[family].sentencepiece else "byte-level BPE"


if __name__ == "__main__":
    before, _, rest = PAGE.read_text("utf-8").partition(_BEGIN)
    PAGE.write_text(before + _BEGIN + table() + _END + rest.partition(_END)[2], "utf-8")
