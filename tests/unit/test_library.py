"""The library's own rules: short modules and functions, and one meaning for a public name."""

import ast
from collections import defaultdict
from pathlib import Path
from statistics import median

import qaloom

LIBRARY = Path(qaloom.__path__[0])
TREES = {path.relative_to(LIBRARY): ast.parse(path.read_text("utf-8")) for path in LIBRARY.rglob("*.py")}


def test_no_module_is_long() -> None:
    lines = {path: len((LIBRARY / path).read_text("utf-8").splitlines()) for path in TREES}
    assert len(lines) > 100
    assert [path for path, count in lines.items() if count > 400] == []


def test_functions_are_short() -> None:
    functions = [
        node.end_lineno - node.lineno + 1
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert median(functions) <= 10
    assert sorted(functions)[int(0.9 * len(functions))] <= 25
    assert max(functions) <= 45


def test_a_public_name_is_defined_in_one_module() -> None:
    modules: defaultdict[str, set[Path]] = defaultdict(set)
    for path, tree in TREES.items():
        if path.name == "__main__.py":
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].add(path)
    del modules["command"]  # of a module that is a command line
    assert {name: paths for name, paths in modules.items() if len(paths) > 1} == {}
