"""Digest of the code that decides a result: its behaviour, not its wording or its place in the library.

Snakemake compares it as a `params` value. A comment, a docstring, an annotation, a log line, an error text or
a moved module reruns nothing.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from qaloom import errors

LIBRARY = Path(__file__).resolve().parent
# Modules and packages that no result depends on: they report to a person, hold values that are parameters
# already, or decide how a machine reaches a result. A CUDA graph is compared with the eager pass,
# and what Unsloth's private interfaces do to a batch is checked (train.sft.check_batch).
_SILENT = (
    "console",
    "errors",
    "config",
    "code_digest",
    "commands",
    "train.planning",
    "train.cuda_graphs",
    "compat_unsloth",
)
_ERRORS = frozenset(name for name in vars(errors) if name.endswith("Error"))


def code_digest(*starts: Path, library: Path = LIBRARY) -> str:
    """Hexadecimal sha256 over the files `starts` and every library module they reach by import.

    Python files count by their syntax tree without docstrings, annotations of functions and variables, calls
    of `say` and `say_outcome`, the texts of QALoomErrors and the places of imported names; other files count by
    their bytes.
    """
    parts = [_content(path) for path in starts]
    parts += sorted(_content(path) for path in _reached(starts, library))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.suffix != ".py" else _content_and_imports(path)[0]


@cache
def _content_and_imports(path: Path) -> tuple[bytes, list[str]]:
    """Content of a Python file that decides its digest, and the modules that it may import, at any place in it."""
    tree = ast.parse(path.read_bytes())
    modules: list[str] = []
    for node in _import_statements(tree.body):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif node.module:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    visitor = _Behaviour()
    tree = visitor.visit(tree)
    used = _drop_unused(tree)
    imported = sorted(f"{name} = {origin}" for name, origin in visitor.imported if name in used)
    return "\n".join([*imported, ast.unparse(tree)]).encode(), modules


class _Behaviour(ast.NodeTransformer):
    """Removes from a syntax tree whatever no result depends on, and collects what the imports bind.

    `imported` holds (bound name, origin). The origin of a library name is the name alone, so that a module
    can be moved; its code counts by itself.
    """

    def __init__(self) -> None:
        self.imported: set[tuple[str, str]] = set()
        self._in_class = False

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit the children; a block that nothing is left of passes."""
        outer, self._in_class = self._in_class, isinstance(node, ast.ClassDef)
        super().generic_visit(node)
        self._in_class = outer
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node

    def visit_Import(self, node: ast.Import) -> None:
        """Collect `import a.b` and drop it."""
        for alias in node.names:
            path, bound = alias.name, alias.asname or alias.name.partition(".")[0]
            self.imported.add((bound, path.rpartition(".")[2] if _of_library(path) else path))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Collect `from a import b` and drop it."""
        for alias in node.names:
            inside = not node.module or _of_library(node.module)
            origin = alias.name if inside else f"{node.module}.{alias.name}"
            self.imported.add((alias.asname or alias.name, origin))

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drop docstrings, `say(...)` and `say_outcome(...)`."""
        match node.value:
            case ast.Constant(value=str()) | ast.Call(func=ast.Name(id="say" | "say_outcome")):
                return None
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """Drop imports for the type checker."""
        return (
            None
            if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            else self.generic_visit(node)
        )

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Keep the type of a QALoomError, and drop its text."""
        match node.exc:
            case ast.Call(func=ast.Name(id=name) as error) if name in _ERRORS:
                node.exc = error
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Drop a parameter's annotation."""
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Drop the annotation of the result."""
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """Drop the annotation of the result."""
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """Drop a variable's annotation; a class's fields keep theirs, which msgspec and dataclasses read."""
        if self._in_class:
            return self.generic_visit(node)
        if node.value is None:
            return None
        return self.visit(ast.Assign([node.target], node.value, lineno=node.lineno))


def _of_library(module: str) -> bool:
    return module.partition(".")[0] == "qaloom"


def _drop_unused(tree: ast.Module) -> set[str]:
    """Drop private functions and constants that nothing refers to once log lines and error texts are gone.

    Returns the names that are used in what is left.
    """
    while True:
        used = _names_used(tree)
        kept = [node for node in tree.body if (name := _private_name(node)) is None or name in used]
        if len(kept) == len(tree.body):
            return used
        tree.body = kept


def _names_used(tree: ast.AST) -> set[str]:
    """Names that are read or deleted anywhere in the tree, and every attribute's name."""
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)}
    return names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def _private_name(node: ast.stmt) -> str | None:
    """The name that a top-level statement gives to a private function or constant, None where it may act.

    A decorator may register the function that it decorates, so a decorated function stays.
    """
    match node:
        case ast.FunctionDef(name=name, decorator_list=[]) | ast.Assign(targets=[ast.Name(id=name)]):
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


def _imports(path: Path, library: Path) -> set[Path]:
    """The library's modules that a file imports, less the silent ones."""
    modules = _content_and_imports(path)[1]
    names = [name.removeprefix("qaloom.") for name in modules if name.startswith("qaloom.")]
    found = (library / f"{name.replace('.', '/')}.py" for name in names if not _is_silent(name))
    return {file for file in found if file.is_file()}


def _import_statements(body: Iterable[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports among statements and, wherever statements hold others, in those; expressions hold none."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        for inner in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from _import_statements(getattr(node, inner, ()))


def _is_silent(name: str) -> bool:
    return any(f"{name}.".startswith(f"{silent}.") for silent in _SILENT)
