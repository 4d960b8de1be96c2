"""Chosen model: the final one where it fits the project as it is, else the evaluated one, and a line on it."""

import pytest

from qaloom.errors import ModelError
from qaloom.files import read_json, write_json
from qaloom.serve.chosen_model import chosen_model

TWIN = {
    "prompt": "chat",
    "adapter": "1" * 64,
    "base": "b",
    "settings": {"method": "lora"},
    "rows": "r",
    "code": "c",
}
HELD_OUT = {"recall": {"rows": 1}, "unseen": {"rows": 1}, "facts": {}}
FINAL = TWIN | {"adapter": "2" * 64, "rows": "all"}


@pytest.fixture
def project(tmp_path):
    write_json(tmp_path / "results/train/demo/manifest.json", TWIN)
    write_json(tmp_path / "results/final/demo/manifest.json", FINAL)
    parts = {"train": {"rows": 3, "sha256": "r"}, "final": {"rows": 5, "sha256": "all"}}
    write_json(tmp_path / "results/split/manifest.json", HELD_OUT | parts)
    return tmp_path


def chosen(project, capsys):
    found = chosen_model(project, "demo")
    return found.folder.relative_to(project).as_posix(), capsys.readouterr().err


def test_the_final_model_answers_and_is_called_so(project, capsys):
    where, said = chosen(project, capsys)
    assert where == "results/final/demo" and chosen_model(project, "demo").is_final
    assert said == "demo: the final model, trained on all rows; the report's scores are its held-out twin's\n"


def test_without_one_the_evaluated_model_answers_and_says_how_to_make_one(project, capsys):
    (project / "results/final/demo/manifest.json").unlink()
    where, said = chosen(project, capsys)
    assert where == "results/train/demo"
    assert "demo: this model was not taught the 2 rows that were held out" in said
    assert "runs.demo.final: true" in said


def test_with_nothing_held_out_there_is_nothing_to_say(project, capsys):
    (project / "results/final/demo/manifest.json").unlink()
    write_json(
        project / "results/split/manifest.json", HELD_OUT | {"train": {"rows": 3}, "final": {"rows": 3}}
    )
    assert chosen(project, capsys) == ("results/train/demo", "")


@pytest.mark.parametrize(
    "changed", [{"settings": {"method": "full"}}, {"base": "other"}, {"code": "d"}, {"rows": "old"}]
)
def test_a_final_model_of_another_recipe_or_of_other_rows_is_left_aside(project, capsys, changed):
    path = project / "results/final/demo/manifest.json"
    write_json(path, read_json(path) | changed)
    where, said = chosen(project, capsys)
    assert where == "results/train/demo"
    assert "is of other rows or settings than the project has now, so the evaluated model answers" in said


def test_a_run_that_is_not_there_is_one_line(project):
    with pytest.raises(ModelError, match="results/train/other holds no trained run"):
        chosen_model(project, "other")
