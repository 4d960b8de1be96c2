"""The Makefile's own logic: what a person types after `make`."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def dry(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-n", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_question_of_several_words_with_quotes_goes_through():
    made = dry("ask", 'Q=구내식당은 "언제" 여나요?')
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1].endswith('qaloom ask "demo" "$Q"')


def test_a_misspelt_variable_is_refused():
    made = dry("run", "CONFG=my.yaml")
    assert made.returncode != 0
    assert (
        "unknown variable CONFG; known are CONFIG DATA QUICK DIR PROFILE ARGS RUN Q SERVER HOST PORT "
        "API_KEY_ENV GROUNDED TO" in made.stderr
    )


def test_rows_are_named_and_the_folder_only_where_it_is_given():
    assert '--data "$DATA"' in dry("run", "DATA=my faq.xlsx").stdout
    assert "--directory" not in dry("run", "DATA=faq.xlsx").stdout
    assert '--directory "mine"' in dry("run", "DATA=faq.xlsx", "DIR=mine").stdout
    assert "--quick" in dry("run", "QUICK=1").stdout and "--quick" not in dry("run").stdout


def test_a_question_goes_to_a_server_where_one_is_named():
    made = dry("ask", "Q=a", "SERVER=http://127.0.0.1:8000")
    assert made.stdout.splitlines()[-1].endswith('qaloom ask http://127.0.0.1:8000 "$Q"')


def test_serve_stays_on_this_machine_unless_told_otherwise():
    assert "--host 127.0.0.1 --port 8000" in dry("serve").stdout.replace('"', "")
    assert "--api-key-env" not in dry("serve").stdout
    assert '--api-key-env "MY_KEY"' in dry("serve", "API_KEY_ENV=MY_KEY").stdout
    assert "--grounded" in dry("serve", "GROUNDED=1").stdout
    assert "--host 0.0.0.0 --port 9000" in dry("serve", "HOST=0.0.0.0", "PORT=9000").stdout.replace('"', "")


def test_review_stays_on_this_machine_too_beside_a_server():
    assert '--project "mine" --host "127.0.0.1"' in dry("review", "DIR=mine").stdout
    assert "--port" not in dry("review").stdout
    assert '--port "9001"' in dry("review", "PORT=9001").stdout


@pytest.mark.parametrize(
    ("target", "line"),
    [
        (["publish"], "publish: say where to: TO=FOLDER or TO=hub:ORG/NAME"),
        (["clean-cache", "DIR="], "clean-cache: say which project: DIR=FOLDER"),
    ],
)
def test_what_lacks_a_place_stops_before_it_does_anything(target, line):
    # What a target would do is told by -n; here its recipe runs, with the set-up taken as done.
    done = subprocess.run(
        ["make", "--no-print-directory", "-o", "setup", *target], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert done.stdout.splitlines() == [line]


@pytest.mark.parametrize(("active", "used"), [("base", ".venv/bin/python"), ("mine", "/opt/mine/bin/python")])
def test_conda_is_used_where_one_is_active_but_its_base(active, used):
    environment = os.environ | {"CONDA_DEFAULT_ENV": active, "CONDA_PREFIX": f"/opt/{active}"}
    command = ["make", "-n", "--no-print-directory", "-o", "setup", "run"]
    made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert made.stdout.split()[0] == used


def test_the_image_is_built_from_all_that_its_set_up_reads():
    rule = next(
        line for line in (ROOT / "Makefile").read_text("utf-8").splitlines() if line[:8] == "$(STAMP)"
    )
    let_in = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    set_up = next(i for i, line in enumerate(lines) if line.startswith("RUN make setup"))
    copied = " ".join(line for line in lines[:set_up] if line.startswith("COPY")).split()
    for file in rule.partition(": ")[2].split():
        assert f"!{file.split('/')[0]}" in let_in
        assert file in copied
