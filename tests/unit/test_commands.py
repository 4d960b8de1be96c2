"""Commands as messages name them: make's in a clone, qaloom's in a wheel, also on a Korean terminal."""

from pathlib import Path

import pytest

from qaloom import commands
from qaloom.commands import command_line, option_text
from qaloom.errors import ConfigError, DataError, ModelError
from qaloom.report.recommendation import Phrase, Recommendation, in_words
from qaloom.sentences import line_in_korean
from qaloom.trained_run import TrainedRun
from qaloom.workflow.run import run
from qaloom.workflow.status import status_lines


@pytest.fixture
def in_wheel(monkeypatch, tmp_path):
    monkeypatch.setattr(commands, "SHARE", tmp_path)


def test_a_clone_is_used_by_make():
    assert command_line("run") == "make run"
    assert command_line("status", Path("a b")) == "make status DIR='a b'"
    assert command_line("ask", Path("p"), "demo", "...") == 'make ask DIR=p RUN=demo Q="..."'
    assert option_text("DIR") == "DIR" and option_text("DATA", "faq.xlsx") == "DATA=faq.xlsx"
    assert option_text("ARGS", "--forcerun evaluate") == 'ARGS="--forcerun evaluate"'


@pytest.mark.usefixtures("in_wheel")
def test_a_wheel_is_used_by_its_own_command():
    assert command_line("run") == "qaloom run"
    assert command_line("ask", Path("a b"), "demo", "...") == "cd 'a b' && qaloom ask demo \"...\""
    assert option_text("DIR") == "--directory" and option_text("DATA", "faq.xlsx") == "--data faq.xlsx"
    assert option_text("ARGS", "--forcerun evaluate") == "-- --forcerun evaluate"


@pytest.mark.usefixtures("in_wheel")
@pytest.mark.parametrize("language", ["en", "ko"])
def test_messages_of_a_wheel_name_no_make(language, tmp_path):
    with pytest.raises(DataError) as no_state:
        next(status_lines(tmp_path, 0.0))
    with pytest.raises(ModelError) as no_model:
        TrainedRun(tmp_path)
    with pytest.raises(ConfigError, match=r"^--directory: there is no folder"):
        run(None, tmp_path / "none", None, [])
    lines = [str(no_state.value), str(no_model.value), 'Ask it yourself: cd faq && qaloom ask model "..."']
    said = [line_in_korean(line) if language == "ko" else line for line in lines]
    answers = Phrase("because.answers", {"tuned": "90 %", "base": "1 %", "n": "9"})
    said.append(in_words(Recommendation("ready", answers, [], "next.ready", []), language).next_step)
    assert all("qaloom" in line and "make" not in line for line in said)
    assert language == "en" or all(line != other for line, other in zip(said, lines, strict=False))
