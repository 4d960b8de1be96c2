"""A digest of the code that decides a result: of what it does, not of how it is written down.

Snakemake compares it as a `params` value, so that an edited comment or a fresh clone reruns nothing.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).resolve().parent
# No result depends on what only talks to a person, on `config`, whose values are parameters, or on what
# decides how a machine reaches a result.
_SILENT = frozenset(
    {"job", "errors", "config", "advice", "fit", "plan", "ladder", "launch", "memory", "probe", "trials"}
)


def code_digest(*starts: Path, library: Path = LIBRARY) -> str:
    """Hexadecimal sha256 over the files `starts` and every library module they reach by import.

    Python files count by their syntax tree without docstrings and comments, other files by their bytes.
    """
    parts = [_text(path) for path in starts]
    parts += [_text(library / f"{name}.py") for name in sorted(_reached(starts, library))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@cache
def _text(path: Path) -> str:
    if path.suffix != ".py":
        return path.read_text(encoding="utf-8")
    return ast.unparse(_without_docstrings(_tree(path)))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _reached(starts: tuple[Path, ...], library: Path) -> set[str]:
    reached: set[str] = set()
    todo = [path for path in starts if path.suffix == ".py"]
    while todo:
        for name in _imports(todo.pop(), library):
            if name not in reached and name not in _SILENT:
                reached.add(name)
                todo.append(library / f"{name}.py")
    return reached


@cache
def _imports(path: Path, library: Path) -> frozenset[str]:
    """Names of the library's modules that a file imports, wherever in it the import stands."""
    names: list[str] = []
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    modules = {name.removeprefix("qaloom.") for name in names if name.startswith("qaloom.")}
    return frozenset(name for name in modules if (library / f"{name}.py").is_file())
