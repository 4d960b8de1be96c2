"""The Makefile's own logic: what a person types after `make`."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def dry(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-n", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_question_of_several_words_with_quotes_goes_through():
    made = dry("ask", 'Q=구내식당은 "언제" 여나요?')
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1].endswith('results/train/demo "$Q"')


def test_a_misspelt_variable_is_refused():
    made = dry("run", "CONFG=my.yaml")
    assert made.returncode != 0
    assert (
        "unknown variable CONFG; known are CONFIG DIR PROFILE ARGS RUN Q SERVER HOST PORT TO" in made.stderr
    )


def test_a_question_goes_to_a_server_where_one_is_named():
    made = dry("ask", "Q=a", "SERVER=http://127.0.0.1:8000")
    assert made.stdout.splitlines()[-1].endswith('qaloom.ask http://127.0.0.1:8000 "$Q"')


def test_serve_stays_on_this_machine_unless_told_otherwise():
    assert "--host 127.0.0.1 --port 8000" in dry("serve").stdout.replace('"', "")
    assert "--host 0.0.0.0 --port 9000" in dry("serve", "HOST=0.0.0.0", "PORT=9000").stdout.replace('"', "")


def test_nothing_is_published_without_a_place():
    assert "say where to: TO=FOLDER or TO=hub:ORG/NAME" in dry("publish").stdout
