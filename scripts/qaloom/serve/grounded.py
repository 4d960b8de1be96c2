"""Grounded answers to people: near rows stand in the prompt, each with its file, document and page, and are cited.

The rows are all of the project's, the held-out ones too: what must be exact comes from them, and not from the model.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from qaloom.base_model.stage import model_name
from qaloom.config.load import PROJECT_FILE, defaults, load_config
from qaloom.config.settings import Language
from qaloom.errors import DataError
from qaloom.evaluate.grounding import Grounding, abstention, asked_text, cited
from qaloom.evaluate.retrieval import Index
from qaloom.files import read_lines
from qaloom.inference.embeddings import Embedder, ResidentEncoder, embedder_of
from qaloom.inference.notes import with_notes
from qaloom.inference.prompt import Question, row_question
from qaloom.records import Placement, check_handed_over, read_questions
from qaloom.report.quotes import Quoted, quoted_rows
from qaloom.text.language import language

Row = dict[str, Any]
Encode = Callable[[Sequence[str]], np.ndarray]
_ROWS = 3  # a prompt, where the switch is set and the configuration names none


class GroundRow(msgspec.Struct, omit_defaults=True):
    """A row in the prompt by its number there; `source` and `line` are empty for one that was added later."""

    number: int
    question: str
    answer: str
    source: str | None = None
    line: int | None = None
    document: str | None = None
    page: int | None = None
    quote: str | None = None


class Ground(msgspec.Struct):
    """Ground of an answer: the rows in its prompt, and the numbers of those that say what it says.

    `supported`: all that it says stands in them, or it abstains; `abstained`: no row was near, and the model was not
    asked.
    """

    rows: list[GroundRow]
    citations: list[int]
    supported: bool
    abstained: bool = False


class Noted(NamedTuple):
    """A question with rows above it, and those rows."""

    text: str
    rows: list[Row]


class Places(NamedTuple):
    """Origin of rows: placement by id, quotes by FILE:LINE, texts of passages by id."""

    rows: dict[str, Placement]
    quotes: dict[str, Quoted]
    passages: dict[str, str]


class GroundedAnswers:
    """Prompts and citations of grounded answers; `text` is the abstention by language."""

    def __init__(self, grounding: Grounding, places: Places, text: dict[Language, str]):
        self.grounding, self.places, self.text = grounding, places, text

    def near(self, question: str, earlier: str = "") -> list[Row]:
        """Rows near a question; of one that goes on from an `earlier` question, near both together."""
        found = self.grounding.near([Question(question)])[0]
        return found or (self.grounding.near([Question(f"{earlier}\n{question}")])[0] if earlier else [])

    def noted(self, question: str, rows: Sequence[Row], fits: Callable[[str], bool]) -> Noted:
        """The question with as many rows above it as fit; the first one's passage too, where there is one."""
        passage = self._passage(rows[0])
        tries = [(rows, [passage])] if passage else []
        tries += [(rows[:most], []) for most in range(len(rows), 0, -1)]
        for some, passages in tries:
            text = with_notes(Question(question), some, language(question), passages).instruction
            if fits(text):
                return Noted(text, list(some))
        return Noted(question, [])

    def ground(self, question: str, rows: Sequence[Row], answer: str) -> Ground:
        """The ground of an answer to the question among the rows in its prompt."""
        found = cited(answer, question, [row | {"quote": self._quote(row)} for row in rows])
        shown = [self._shown(number, row) for number, row in enumerate(rows, 1)]
        return Ground(shown, found.numbers, found.supported)

    def abstain(self, question: str) -> tuple[str, Ground]:
        """The abstention, and that it rests on nothing."""
        return abstention(question, self.text), Ground([], [], True, abstained=True)

    def _quoted(self, row: Row) -> Quoted | None:
        place = self.places.rows.get(row["id"])
        return self.places.quotes.get(f"{place.source}:{place.line}") if place else None

    def _quote(self, row: Row) -> str:
        quoted = self._quoted(row)
        return quoted.quote if quoted else ""

    def _passage(self, row: Row) -> str:
        quoted = self._quoted(row)
        return self.places.passages.get(quoted.passage_id, "") if quoted else ""

    def _shown(self, number: int, row: Row) -> GroundRow:
        place, quoted = self.places.rows.get(row["id"]), self._quoted(row)
        shown = GroundRow(number, asked_text(row_question(row)), row["output"])
        if place:
            shown.source, shown.line, shown.document = place.source, place.line, place.group
        if quoted:
            shown.document, shown.page, shown.quote = quoted.document, quoted.page, quoted.quote
        return shown


class _Passage(msgspec.Struct):
    """Fields read of passages.jsonl."""

    id: str
    text: str


def grounded_in_project(project: Path, run: str, asked_for: bool) -> GroundedAnswers | None:
    """The grounded answers of a project; None where neither its configuration nor a switch asks for them.

    Raises DataError when there are no rows, ConfigError when config.yaml is wrong.
    """
    split = project / "results/split"
    if not (split / "placement.jsonl").is_file():
        if not asked_for:
            return None
        raise DataError(f"{split} holds no rows to put into prompts; run the workflow in this folder first")
    config = load_config(project / PROJECT_FILE) if (project / PROJECT_FILE).is_file() else defaults()
    settings = config["serve"]["grounded"]
    most = settings["rows"] or (_ROWS if asked_for else 0)
    if not most:
        return None
    part = "final" if (split / "final.jsonl").is_file() else "train"
    check_handed_over(split / f"{part}.jsonl", split / "placement.jsonl")
    embedder, encode = _by_meaning(project, config["dedup"])
    index = Index(read_questions(split, part))
    grounding = Grounding(index, most, settings["likeness"], embedder, encode)
    of_run = config["runs"].get(run) or defaults()["runs"]["demo"]
    return GroundedAnswers(grounding, _places(project / "results"), of_run["training"]["abstain"]["text"])


def _by_meaning(project: Path, settings: dict[str, Any]) -> tuple[Embedder | None, Encode | None]:
    """The project's embedding model, where one is named and there, and what encodes questions by it."""
    reference = settings["embedding_model"]
    folder = project / "results/base_model" / model_name(reference) if reference else None
    if folder is None or not (folder / "manifest.json").is_file():
        return None, None
    return embedder_of(settings, folder, project / "cache/embeddings"), ResidentEncoder(folder).vectors


def _places(results: Path) -> Places:
    placed = {one.id: one for one in read_lines(results / "split/placement.jsonl", Placement)}
    passages = [
        one
        for file in sorted(results.glob("documents/*/passages.jsonl"))
        for one in read_lines(file, _Passage)
    ]
    return Places(placed, quoted_rows(results), {one.id: one.text for one in passages})
