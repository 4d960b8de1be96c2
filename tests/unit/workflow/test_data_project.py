"""Projects that are made of a file's name: found again, never over something else; what a run of them ends with."""

import os

import pytest
from datasets import Dataset

from qaloom.config.load import PROJECT_FILE, load_config, sources
from qaloom.config.settings import Settings, typed
from qaloom.errors import ConfigError, SourceError
from qaloom.files import write_lines, write_text
from qaloom.workflow.data_project import QUICK, data_project, examples, quick_project


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_rows(path):
    table = path.suffix in (".csv", ".tsv")
    write_text(path, "질문,답변\n연차는?,15일\n" if table else '{"question": "연차는?", "answer": "15일"}\n')


def found(folder):
    """The files that the project's configuration names."""
    names = sources(load_config(folder / PROJECT_FILE)["data"]["sources"], folder)
    return sorted(os.path.relpath((folder / name).resolve()) for name in names)


@pytest.mark.parametrize(
    ("file", "project"),
    [
        ("faq.xlsx", "faq"),
        ("질문 답변 [1].csv", "질문 답변 [1]"),
        ("rows.v2.jsonl.gz", "rows.v2"),
        ('a "quoted" name.jsonl', 'a "quoted" name'),
        ("in/faq.parquet", "faq"),
    ],
)
def test_a_project_is_named_after_its_file_and_found_again(here, file, project):
    write_rows(here / file)
    folder = data_project(file)
    assert str(folder) == project and found(folder) == [file]
    settings = typed(load_config(folder / PROJECT_FILE), Settings)
    assert settings.has_final("model") and settings.runs["model"].lora.r == "auto"
    edited = (folder / PROJECT_FILE).read_text("utf-8").replace("final: true", "final: false")
    write_text(folder / PROJECT_FILE, edited)
    assert data_project(str(here / file)) == folder  # named otherwise
    assert (folder / PROJECT_FILE).read_text("utf-8") == edited


def test_folders_and_globs(here):
    for name in ("a.jsonl", "b.csv", "c.pdf"):
        write_rows(here / "qa" / name)
    assert found(data_project("qa")) == ["qa/a.jsonl", "qa/b.csv"]
    write_rows(here / "qa" / "d.tsv")
    assert data_project("qa").name == "qa-project"  # goes on
    Dataset.from_list([{"question": "연차는?", "answer": "15일"}]).save_to_disk(here / "saved")
    assert '["../saved"]' in (data_project("saved") / PROJECT_FILE).read_text("utf-8")
    assert found(data_project("qa/*.csv", here / "mine")) == ["qa/b.csv"]
    assert str(data_project("qa/*.jsonl", here / "other")) == str(here / "other")


def test_a_project_moves_with_its_file_and_names_one_elsewhere_in_full(here):
    write_rows(here / "a" / "faq.jsonl")
    inside, outside = data_project("a/faq.jsonl", here / "a/p"), data_project("a/faq.jsonl", here / "b/p")
    assert '["../faq.jsonl"]' in (inside / PROJECT_FILE).read_text("utf-8")
    assert f'["{here / "a/faq.jsonl"}"]' in (outside / PROJECT_FILE).read_text("utf-8")


def test_what_is_no_project_on_these_files_is_never_written_into(here):
    for file in ("docs.csv", "faq.csv", "faq.jsonl", "docs/page.md"):
        write_rows(here / file)
    with pytest.raises(ConfigError, match=r"^docs is there, and no project on these files; .*DIR=FOLDER$"):
        data_project("docs.csv")
    assert data_project("docs.csv", here / "docs") == here / "docs"  # as told
    folder = data_project("faq.csv")
    assert found(data_project("faq.jsonl")) == ["faq.jsonl"]  # nothing was made of the other file yet
    (folder / "results").mkdir()
    with pytest.raises(ConfigError, match=r"faq/config.yaml is of another project; .*DIR=FOLDER$"):
        data_project("faq.csv")


@pytest.mark.parametrize("data", ["none.xlsx", "*.xlsx", "empty"])
def test_data_that_is_not_there_is_one_line_and_makes_nothing(here, data):
    (here / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"^DATA: .*such as DATA=faq\.xlsx$"):
        data_project(data)
    assert [path.name for path in here.iterdir()] == ["empty"]


def test_a_refused_file_leaves_nothing_behind_unless_its_columns_can_be_named(here):
    write_text(here / "x.pdf", "%PDF-1.4\n")
    with pytest.raises(SourceError, match=r"^x\.pdf: is a PDF"):
        data_project("x.pdf")
    assert [path.name for path in here.iterdir()] == ["x.pdf"]
    write_text(here / "own.csv", "번호,질의,회답문\n1,연차는 며칠입니까?,15일입니다.\n")
    assert (data_project("own.csv") / PROJECT_FILE).is_file()


def test_the_quick_look_reads_the_demo_in_a_folder_of_its_own(here):
    folder = quick_project()
    assert quick_project() == folder and folder.name == "quick"
    config = load_config(QUICK)
    assert sources(config["data"]["sources"], folder)
    assert config["runs"]["quick"]["training"]["epochs"] < 1


def test_a_run_ends_with_three_answers_of_the_final_model(here):
    assert examples(here) == []
    answers = [{"question": f"q{n}", "tuned": f"a{n}", "trained": n != 0} for n in range(10)]
    path = here / "results/memory_check/model/predictions.jsonl"
    path.parent.mkdir(parents=True)
    write_lines(path, answers)
    _, *lines, last = examples(here)
    assert lines == ["Q: q1", "A: a1", "Q: q4", "A: a4", "Q: q7", "A: a7"]
    assert last == f'Ask it yourself: make ask DIR={here} RUN=model Q="..."'
