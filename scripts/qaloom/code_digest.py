"""Digest of the code that decides a result: its behaviour, not its wording or its place in the library.

Snakemake compares it as a `params` value. A comment, a docstring, a log line, an error text or a moved module
reruns nothing.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

from qaloom import errors

LIBRARY = Path(__file__).resolve().parent
# Modules and packages that no result depends on: they report to a person, hold values that are parameters
# already, or decide how a machine reaches a result. A CUDA graph is compared with the eager pass.
_SILENT = ("console", "errors", "config", "code_digest", "train.planning", "train.cuda_graphs")
_ERRORS = frozenset(name for name in vars(errors) if name.endswith("Error"))


def code_digest(*starts: Path, library: Path = LIBRARY) -> str:
    """Hexadecimal sha256 over the files `starts` and every library module they reach by import.

    Python files count by their syntax tree without docstrings, imports, calls of `say` and the texts of
    QALoomErrors, other files by their bytes.
    """
    parts = [_text(path) for path in starts]
    parts += sorted(_text(path) for path in _reached(starts, library))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@cache
def _text(path: Path) -> str:
    if path.suffix != ".py":
        return path.read_text(encoding="utf-8")
    return ast.unparse(_without_unused(_Behaviour().visit(ast.parse(path.read_text(encoding="utf-8")))))


class _Behaviour(ast.NodeTransformer):
    """Takes out of a syntax tree whatever no result depends on."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Drop docstrings; a body that is empty then passes."""
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        super().generic_visit(node)
        if (
            isinstance(getattr(node, "body", None), list)
            and not node.body
            and not isinstance(node, ast.Module)
        ):
            node.body = [ast.Pass()]
        return node

    def visit_Import(self, node: ast.Import) -> None:
        """Drop `import a.b`: the modules it reaches count themselves."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        """Keep which name stands for which other, and drop where it is defined."""
        renamed = [alias for alias in node.names if alias.asname not in (None, alias.name)]
        return ast.ImportFrom("", renamed, 0) if renamed else None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drop `say(...)`."""
        call = node.value
        talks = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "say"
        return None if talks else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Keep the type of a QALoomError, and drop its text."""
        error = node.exc
        if isinstance(error, ast.Call) and isinstance(error.func, ast.Name) and error.func.id in _ERRORS:
            node.exc = error.func
        return self.generic_visit(node)


def _without_unused(tree: ast.Module) -> ast.Module:
    """Drop private functions and constants that nothing refers to once the talk is gone."""
    while True:
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and _is_read(node)}
        used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        kept = [node for node in tree.body if (name := _private_name(node)) is None or name in used]
        if len(kept) == len(tree.body):
            return tree
        tree.body = kept


def _is_read(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _private_name(node: ast.stmt) -> str | None:
    """The name that a statement at a module's top level gives to a private function or constant."""
    match node:
        case ast.FunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
            return name if name.startswith("_") else None
    return None


def _reached(starts: tuple[Path, ...], library: Path) -> set[Path]:
    reached: set[Path] = set()
    todo = [path for path in starts if path.suffix == ".py"]
    while todo:
        found = _imports(todo.pop(), library) - reached
        reached |= found
        todo += found
    return reached


@cache
def _imports(path: Path, library: Path) -> frozenset[Path]:
    """The library's modules that a file imports, wherever in it the import stands, less the silent ones."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    modules = [name.removeprefix("qaloom.") for name in names if name.startswith("qaloom.")]
    found = (library / f"{name.replace('.', '/')}.py" for name in modules if not _is_silent(name))
    return frozenset(file for file in found if file.is_file())


def _is_silent(name: str) -> bool:
    return any(f"{name}.".startswith(f"{silent}.") for silent in _SILENT)
