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
    assert "unknown variable CONFG; known are CONFIG, DIR, PROFILE, ARGS, RUN and Q" in made.stderr
