"""Ask: answers on stdout, from any folder, and one line when there is nothing to ask."""

import io
import json
import shutil
import subprocess
import sys

import pytest
from chat_servers import serving
from hostile import ESCAPES, raw_controls

from qaloom.console import printable
from qaloom.errors import ModelError
from qaloom.serve import ask
from qaloom.serve.ask import _answer, _asker, _lines, _open, _trained, ask_server, stream_answer
from qaloom.trained_run import TrainedRun


def command(*arguments, cwd, given=""):
    return subprocess.run(
        [sys.executable, "-m", "qaloom.serve.ask", *map(str, arguments)],
        cwd=cwd, input=given, capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def opened(tuned):
    return _open(TrainedRun(tuned / "results/train/demo"))


def test_the_answer_is_all_that_is_on_stdout(tuned, opened):
    loaded, kind = opened[0], opened[1].prompt
    done = command("results/train/demo", "주소?", "--max-new-tokens", "8", cwd=tuned)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == printable(stream_answer(loaded, kind, "주소?", 8))
    said = [line for line in done.stderr.splitlines() if line and "Loading weights" not in line]
    assert said == ["ask: loading the model"]


def test_the_answer_streams_and_is_returned(opened, capsys):
    loaded, kind = opened[0], opened[1].prompt
    answer = stream_answer(loaded, kind, "What is the address?", 8)
    assert answer and capsys.readouterr().out.strip() == answer


def test_the_bases_answer_stands_beside_it(tuned, capsys):
    askers = _asker(str(tuned / "results/train/demo"), 8)
    capsys.readouterr()
    _answer(*askers, "주소?", True)
    tuned, base = capsys.readouterr().out.split("base:  ")
    assert tuned.removeprefix("tuned: ").strip() != base.strip()
    _answer(*askers, "주소?", False)
    assert capsys.readouterr().out.strip() == tuned.removeprefix("tuned: ").strip()


def test_a_run_is_asked_with_its_system_message_and_the_base_in_its_own_template(
    tuned, tmp_path, monkeypatch
):
    run = tmp_path / "results/train/demo"
    shutil.copytree(tuned / "results", tmp_path / "results")
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"system": "너는 안내원이다.", "template": "0"}))
    (run / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    asked = []
    monkeypatch.setattr(
        ask, "stream_answer", lambda loaded, *more: asked.append((loaded.tokenizer, *more)) or ""
    )
    for one in _asker(str(run), 8):
        one("주소?")
    (own, *tuned_asked), (base, *base_asked) = asked
    assert tuned_asked == base_asked == ["chat", "주소?", 8, "너는 안내원이다."]
    assert "im_start" not in own.chat_template
    assert "im_start" in base.chat_template


def test_a_run_is_opened_from_any_folder(tuned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _open(TrainedRun(tuned / "results/train/demo"))[1].prompt == "chat"
    monkeypatch.chdir(tuned / "results/train")
    assert _open(_trained("demo"))[1].prompt == "chat"


def test_a_run_that_is_not_there_is_one_line(tmp_path):
    done = command("results/train/demo", "주소?", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "qaloom: results/train/demo holds no trained run; name a run, or its folder, such as "
        "results/train/demo (after make run)\n"
    )


def test_a_base_model_that_is_gone_is_one_line(tuned, tmp_path):
    run = tmp_path / "results/train/demo"
    shutil.copytree(tuned / "results/train/demo", run)
    with pytest.raises(ModelError, match="trained on results/base_model/tiny, which is not there; run"):
        _open(TrainedRun(run))
    config = json.loads((run / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "/nowhere/model"
    (run / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="trained on /nowhere/model, which"):
        _open(TrainedRun(run))


def test_questions_of_a_file_are_asked_one_a_line(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\n\n  two \n"))
    assert list(_lines()) == ["one", "two"]


@pytest.mark.parametrize("end", ["", EOFError(), KeyboardInterrupt()])
def test_a_conversation_ends_at_an_empty_line_or_a_key(monkeypatch, end):
    typed = iter(["one", " two ", end, "never"])

    def read(prompt):
        line = next(typed)
        if isinstance(line, BaseException):
            raise line
        return line

    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr("builtins.input", read)
    assert list(_lines()) == ["one", "two"]


def test_a_model_that_was_trained_in_full_answers_by_itself(tuned, tmp_path, capsys):
    """It has no base model to be asked beside it, and is served by other tools."""
    from qaloom.serve.server import _base_folder

    run, base = tuned / "results/train/demo", next((tuned / "results/base_model").iterdir())
    full = shutil.copytree(base, tmp_path / "full", ignore=shutil.ignore_patterns("manifest.json"))
    for name in ("manifest.json", "plan.json"):
        shutil.copy(run / name, full / name)
    of_tuned, of_base = _asker(str(full), 8)
    assert of_tuned("주소?").text and capsys.readouterr().out
    with pytest.raises(ModelError, match="was trained in full, so its base model is not in it"):
        of_base("주소?")
    with pytest.raises(ModelError, match="a model of its own"):
        _base_folder(tuned, TrainedRun(full))


@pytest.mark.parametrize("text", ESCAPES)
def test_an_answer_is_not_obeyed_by_a_terminal(tmp_path, capsys, text):
    """The fake model says the question back, which reaches the caller as it is."""
    with serving(tmp_path) as (url, _, _):
        answer = ask_server(url, "demo", text, 99)
    assert text.split()[-1] in answer.text
    assert not raw_controls(capsys.readouterr().out)
