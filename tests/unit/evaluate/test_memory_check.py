"""Memory check: every part that was trained on is asked, probes apart, and beside the twin's answers."""

import json
import shutil

import pytest
from evaluation_case import MANIFEST
from placements import placement

from qaloom.evaluate.memory_check import MemorySources, memory_check
from qaloom.evaluate.memory_figures import memory_summary
from qaloom.evaluate.model_pair import ModelPair
from qaloom.files import read_json, read_lines, write_json, write_lines
from qaloom.inference.prompt import Question

PLACES = [  # id, part, origin
    ("01", "train", "data"), ("02", "train", "data"), ("03", "train", "augmented"), ("04", "recall", "data"),
    ("05", "recall", "rule"), ("06", "recall", "augmented"), ("07", "unseen", "data"),
]  # fmt: skip
PROBES = ("05", "06")  # one that the twin was asked, and one that it was not


@pytest.fixture(scope="module")
def checked(tiny, tuned, tmp_path_factory):
    """A project with a final model of the evaluated run's weights, and its memory check."""
    project = tmp_path_factory.mktemp("final")
    split, twin, final = (project / f"results/{name}" for name in ("split", "train/demo", "final/demo"))
    for folder in (twin, final):
        shutil.copytree(tuned / "results/train/demo", folder)
    write_json(final / "manifest.json", read_json(final / "manifest.json") | {"adapter": "f" * 64})
    pair = ModelPair("demo", tiny, final, project / "cache")
    pair.max_new_tokens = 6
    said = pair.answers("tuned", "chat", [Question(f"question {i}?") for i, *_ in PLACES], "final")
    rows = [
        {
            "id": i,
            "instruction": f"question {i}?",
            "input": "",
            "output": answer.text if int(i) % 2 else "other",
        }
        for (i, *_), answer in zip(PLACES, said, strict=True)
    ]
    for part in ("train", "recall", "unseen"):
        write_lines(split / f"{part}.jsonl", [r for r, p in zip(rows, PLACES, strict=True) if p[1] == part])
    write_lines(split / "final.jsonl", [row for row in rows if row["id"] not in PROBES])
    write_lines(split / "placement.jsonl", [placement(id=i, split=s, origin=o) for i, s, o in PLACES])
    write_json(split / "manifest.json", MANIFEST | {"final": {"rows": 5}, "train": {"rows": 3}})
    predictions = project / "predictions.jsonl"
    write_lines(predictions, [{"id": i, "scores": {"right": {"tuned": 0.0}}} for i in ("04", "05", "07")])
    sources = MemorySources(split, tiny, final, twin, predictions)
    settings = {"questions": 10, "max_new_tokens": 6}
    return project, memory_check("demo", sources, project / "out", settings, project / "cache"), sources


def test_rows_of_the_sources_are_asked_by_the_part_they_were_in(checked):
    _, found, _ = checked
    assert {part: (one.n, one.right) for part, one in found.by.items()} == {
        "train": (2, 0.5), "recall": (1, 0.0), "unseen": (1, 1.0),
    }  # fmt: skip
    assert (found.trained.n, found.trained.right) == (4, 0.5)
    assert (found.adapter, found.evaluated_adapter, found.is_its_twin) == ("f" * 64, "1" * 64, False)


def test_a_probe_is_no_trained_row_and_is_compared_with_the_twins_answer(checked):
    project, found, _ = checked
    assert (found.probes.n, found.probes.twin, found.probes.final) == (1, 0.0, 1.0)
    written = {a["id"]: a["trained"] for a in read_lines(project / "out/predictions.jsonl")}
    assert written == {"01": True, "02": True, "04": True, "05": False, "07": True}
    assert memory_summary(found) == (
        "it answers 2 of 4 questions right that it was trained on (no test), and 1 of 1 probes, its held-out twin 0"
    )


def test_the_figures_are_the_files_own(checked):
    project, found, _ = checked
    written = json.loads((project / "out/metrics.json").read_text())
    assert written["trained"] == {"n": found.trained.n, "right": found.trained.right}


def test_of_many_rows_a_few_of_each_part_are_asked(checked, tmp_path):
    project, _, sources = checked
    settings = {"questions": 1, "max_new_tokens": 6}
    found = memory_check("demo", sources, tmp_path, settings, project / "cache")
    assert {part: one.n for part, one in found.by.items()} == {"train": 1, "recall": 1, "unseen": 1}
