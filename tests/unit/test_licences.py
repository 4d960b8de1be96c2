"""The licence check of CI: what set-up installs is of a known licence, and what is not is named."""

import re
import runpy
from importlib.metadata import PathDistribution, distributions
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHECK = runpy.run_path(str(ROOT / ".ci/licences.py"))


def package(folder: Path, *lines: str) -> PathDistribution:
    path = folder / "a-1.dist-info"
    path.mkdir(exist_ok=True)
    (path / "METADATA").write_text("\n".join(("Metadata-Version: 2.4", "Name: a", "Version: 1", *lines, "")))
    return PathDistribution(path)


def test_what_is_installed_is_of_a_known_licence():
    assert CHECK["unknown"]([one for one in distributions() if one.metadata["Name"] != "qaloom"]) == []


def test_what_is_named_is_locked():
    lock = "".join((ROOT / f"requirements{part}.lock").read_text("utf-8") for part in ("", "-dev"))
    assert [name for name in CHECK["NAMED"] if not re.search(rf"^{name}==", lock, re.MULTILINE)] == []


@pytest.mark.parametrize(
    ("licence", "allowed"),
    {
        "MIT": True, "MIT AND BSD-3-Clause": True, "Apache-2.0 OR GPL-3.0-only": True, "(MIT OR Apache-2.0)": True,
        "GPL-3.0-only": False, "MIT AND AGPL-3.0-or-later": False, "": False, "MITx": False,
        "GPL-3.0-only OR SSPL-1.0": False, "MIT AND (Apache-2.0 OR GPL-2.0-only)": True,
    }.items(),
)  # fmt: skip
def test_expressions(licence, allowed):
    assert CHECK["is_allowed"](licence) is allowed


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["License-Expression: AGPL-3.0-only"], "a 1: AGPL-3.0-only"),
        (["Classifier: License :: OSI Approved", "Classifier: License :: Other"], "a 1: Other"),
        (["License: Beerware"], "a 1: Beerware"),
        ([], "a 1: "),
    ],
)  # fmt: skip
def test_a_package_of_an_unknown_licence_is_a_line(tmp_path, lines, said):
    assert CHECK["unknown"]([package(tmp_path, *lines)]) == [said]


def test_a_package_that_states_an_allowed_one_passes(tmp_path):
    assert CHECK["unknown"]([package(tmp_path, "License: BSD-3-Clause")]) == []


def test_the_workflow_runs_both_checks():
    jobs = yaml.safe_load((ROOT / ".github/workflows/dependencies.yml").read_text("utf-8"))["jobs"]
    commands = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    assert any("pip-audit --strict" in command and "requirements.lock" in command for command in commands)
    assert ".venv/bin/python .ci/licences.py" in commands
