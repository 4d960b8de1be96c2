"""Renders facts.yaml to the demo data.

Reads   tests/data/facts.yaml
Writes  data/demo/<document>.qa.jsonl, tests/data/faults.json

    python tests/data/make_demo.py

The same facts.yaml gives the same files, byte for byte.
"""

import json
import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
DEMO = "data/demo"
LABELS = "tests/data/faults.json"

# kind -> what the pipeline should do with the row, and the stage that does it.
OUTCOME = {
    "empty": ("rejected", "validate"),
    "not_json": ("rejected", "validate"),
    "truncated_line": ("rejected", "validate"),
    "wrong_shape": ("rejected", "validate"),
    "refusal": ("rejected", "dedup"),
    "truncated_answer": ("rejected", "dedup"),
    "unclear_question": ("rejected", "dedup"),
    "exact_duplicate": ("merged", "dedup"),
    "missing_spaces": ("merged", "dedup"),
    "near_duplicate": ("merged", "dedup"),
    "contradiction": ("reported", "dedup"),
    "mojibake": ("merged", "dedup"),
    "nfd": ("merged", "dedup"),
}
# The outcome of a damaged row whose wording stands nowhere else.
REPAIRED = ("repaired", "validate")


@dataclass(frozen=True)
class Pair:
    """A question with its answer, and the short context it may need."""

    question: str
    answer: str
    context: str = ""


@dataclass(frozen=True)
class Line:
    """One line of a document, with the wording or the fault it was written from."""

    text: str
    fact: str | None = None
    wording: int | None = None
    fault: dict[str, Any] | None = None


def load(path: Path = HERE / "facts.yaml") -> dict[str, Any]:
    """facts.yaml as it stands, each fact's `document` as a list and each wording as a Pair."""
    source = yaml.safe_load(path.read_text(encoding="utf-8"))
    for fact in source["facts"]:
        if isinstance(fact["document"], str):
            fact["document"] = [fact["document"]]
        fact["wordings"] = [pair(wording, fact["answer"]) for wording in fact["wordings"]]
    return source


def pair(wording: str | dict[str, str], answer: str) -> Pair:
    if isinstance(wording, str):
        return Pair(wording, answer)
    return Pair(wording["ask"], answer, wording["input"])


# ---------------------------------------------------------------- shapes


def upper(row: Pair, figure: dict[str, Any]) -> dict[str, Any]:
    return {"QUESTION": row.question, "ANSWER": row.answer}


def lower(row: Pair, figure: dict[str, Any]) -> dict[str, Any]:
    return {"question": row.question, "answer": row.answer}


def instruction(row: Pair, figure: dict[str, Any]) -> dict[str, Any]:
    return {"instruction": row.question, "output": row.answer}


def instruction_input(row: Pair, figure: dict[str, Any]) -> dict[str, Any]:
    return {"instruction": row.question, "input": row.context, "output": row.answer}


def image(row: Pair, figure: dict[str, Any]) -> dict[str, Any]:
    stem = Path(figure["source"]).stem
    return {
        "QUESTION": row.question,
        "ANSWER": row.answer,
        "source": figure["source"],
        "image_path": f"images/{stem}/p{figure['page']:03d}-fig{figure['index']}.png",
        "page": figure["page"],
        "section": figure["section"],
        "figure_index": figure["index"],
    }


SHAPES: dict[str, Callable[[Pair, dict[str, Any]], dict[str, Any]]] = {
    "upper": upper,
    "lower": lower,
    "instruction": instruction,
    "instruction-input": instruction_input,
    "image": image,
}
# The figure of an image row that belongs to no fact.
COVER = {"source": "safety-charts-2026.pdf", "page": 1, "section": "Cover", "index": 1}


def to_json(row: Any) -> str:
    return json.dumps(row, ensure_ascii=False)


# ---------------------------------------------------------------- damage


def mojibake(text: str) -> str:
    """UTF-8 bytes read as Latin-1."""
    return text.encode("utf-8").decode("latin-1")


def decomposed(text: str) -> str:
    """Hangul syllables taken apart into jamo (NFD)."""
    return unicodedata.normalize("NFD", text)


def without_spaces(text: str) -> str:
    return "".join(text.split())


DAMAGE = {"mojibake": mojibake, "nfd": decomposed, "missing_spaces": without_spaces}


def faulty_pair(fault: dict[str, Any], fact: dict[str, Any] | None) -> Pair:
    """The row a fault is made of: a copied or extra wording, its texts replaced, then damaged."""
    start = Pair("", "")
    if fact and "copy" in fault:
        start = fact["wordings"][fault["copy"] - 1]
    elif fact:
        start = Pair(fact["extra"], fact["answer"])
    damage = DAMAGE.get(fault["kind"], str)
    question = fault.get("question", start.question)
    answer = fault.get("answer", start.answer)
    return Pair(damage(question), damage(answer), damage(start.context))


def faulty_text(fault: dict[str, Any], fact: dict[str, Any] | None, shape: str) -> str:
    """The line of a fault, as it is written."""
    if "raw" in fault:
        return fault["raw"]
    if "row" in fault:
        return to_json(fault["row"])
    figure = fact.get("figure", COVER) if fact else COVER
    text = to_json(SHAPES[shape](faulty_pair(fault, fact), figure))
    # Cut within the answer, which comes before the image keys.
    return text[: text.index(fact["answer"]) + 2] if fault["kind"] == "truncated_line" else text


# ---------------------------------------------------------------- documents


def good_lines(source: dict[str, Any], document: str) -> Iterator[Line]:
    """The wordings that belong to a document; a fact with two documents alternates between them."""
    render = SHAPES[source["documents"][document]["shape"]]
    for fact in source["facts"]:
        for number, wording in enumerate(fact["wordings"], 1):
            if fact["document"][(number - 1) % len(fact["document"])] == document:
                text = to_json(render(wording, fact.get("figure", COVER)))
                yield Line(text, fact["id"], number)


def with_faults(source: dict[str, Any], document: str) -> list[Line]:
    """A document's good lines with its faults at seeded places; a cut line is the last one."""
    facts = {fact["id"]: fact for fact in source["facts"]}
    shape = source["documents"][document]["shape"]
    rng = random.Random(f"{source['seed']} {document}")
    lines, last = list(good_lines(source, document)), []
    for fault in (f for f in source["faults"] if f["document"] == document):
        text = faulty_text(fault, facts.get(fault.get("fact")), shape)
        line = Line(text, fault.get("fact"), fault=fault)
        if fault["kind"] == "truncated_line":
            last.append(line)
        else:
            lines.insert(int(rng.random() * (len(lines) + 1)), line)
    return lines + last


def document_text(lines: list[Line]) -> str:
    """The file's text; a cut last line has no newline either."""
    text = "\n".join(line.text for line in lines)
    cut = lines[-1].fault is not None and lines[-1].fault["kind"] == "truncated_line"
    return text if cut else text + "\n"


# ---------------------------------------------------------------- labels


def path_of(document: str) -> str:
    return f"{DEMO}/{document}.qa.jsonl"


def places(documents: dict[str, list[Line]]) -> dict[tuple[str, int], dict[str, Any]]:
    """Where each good row stands: (fact, wording) -> {source, line}."""
    return {
        (line.fact, line.wording): {"source": path_of(document), "line": number}
        for document, lines in documents.items()
        for number, line in enumerate(lines, 1)
        if line.fault is None
    }


def label(line: Line, source: str, number: int, where: dict[Any, Any]) -> dict[str, Any]:
    """What a faulty line is and what should become of it; `twin` is the good row it repeats."""
    kind = line.fault["kind"]
    expect, stage = REPAIRED if "extra" in line.fault else OUTCOME[kind]
    twin = where[line.fact, line.fault["copy"]] if expect in ("merged", "reported") else None
    return {
        "source": source,
        "line": number,
        "kind": kind,
        "fact": line.fact,
        "expect": expect,
        "stage": stage,
        "twin": twin,
    }


def labels(documents: dict[str, list[Line]]) -> list[dict[str, Any]]:
    where = places(documents)
    return [
        label(line, path_of(document), number, where)
        for document, lines in documents.items()
        for number, line in enumerate(lines, 1)
        if line.fault
    ]


def build(source: dict[str, Any]) -> dict[str, bytes]:
    """Every generated file: path relative to the project -> bytes."""
    documents = {name: with_faults(source, name) for name in source["documents"]}
    files = {path_of(name): document_text(lines) for name, lines in documents.items()}
    rows = ",\n".join("  " + to_json(row) for row in labels(documents))
    files[LABELS] = f"[\n{rows}\n]\n"
    return {path: text.encode("utf-8") for path, text in files.items()}


def main() -> None:
    for path, data in build(load()).items():
        (PROJECT / path).parent.mkdir(parents=True, exist_ok=True)
        (PROJECT / path).write_bytes(data)
        print(f"{path}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
