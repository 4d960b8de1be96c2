"""The command `qaloom`: its sub-commands are those of modules that are there."""

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from qaloom.__main__ import _COMMANDS, main


@pytest.mark.parametrize("module", [module for module, _ in _COMMANDS.values()])
def test_what_is_named_is_a_command(module):
    tree = ast.parse(Path(find_spec(module).origin).read_text("utf-8"))
    assert "command" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_an_unknown_command_names_those_there_are(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["qaloom", "runn"])
    with pytest.raises(SystemExit, match="there is no command runn; known are init, run, "):
        main()


def test_help_imports_no_stage():
    code = "import sys; from qaloom.__main__ import main; sys.argv = ['qaloom']; main(); print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(f"  {name} " in said for name in _COMMANDS) and said.endswith("False\n")


def test_what_the_rules_import_loads_no_deep_learning_library():
    """Each job of a run imports it again, and torch alone takes two seconds."""
    rules = (Path(__file__).parents[2] / "rules/common.smk").read_text()
    imports = re.findall(r"^    (from qaloom.+ import .+)", rules, re.M)
    assert len(imports) > 10
    code = "\n".join([*imports, "import sys", "print({'torch', 'transformers'} & {*sys.modules})"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
