"""No regular expression of the library backtracks: 100 KB of adversarial text in a fifth of a second of CPU time.

Patterns are found in the modules' globals (also inside containers and functions' defaults), by syntax in calls of
`re` inside functions, and in the configuration's schema. The texts are made of each pattern's own literals and
classes, repeated, before a tail that cannot match; a hang is ended by a timer and fails by the pattern's name.
"""

import ast
import importlib
import itertools
import pkgutil
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import qaloom
from qaloom.config.load import SCHEMA

LENGTH = 100_000
SECONDS = 0.2
# A sixteenth of the text comes first: where that takes so long that 256 times as long (a quadratic
# pattern) would be too long, and the whole text is tried.
SHARE = 16
SUSPECT = SECONDS / SHARE**2
HANG = 1.0
# What is repeated, and what may go before it.
GENERIC = [
    *(
        "a",
        "A",
        "가",
        "말해",
        " ",
        "\n",
        "\t",
        "a ",
        "가 ",
        "a\n",
        "1",
        "1.",
        "1-",
        "1,234",
        "-",
        ".",
        "a-",
        "a@",
        "a.b",
    ),
    *(
        "(",
        "[",
        "{",
        "<",
        '"',
        "'",
        "`",
        "&",
        "&amp;",
        "|a",
        "?",
        "_",
        "/",
        "a,b ",
        "\xc3\xa9",
        "the the ",
        "What is ",
    ),
]


def modules(part: str) -> Iterator[ModuleType]:
    """The modules of one package of the library, or one module; imported here, as collecting must be quick."""
    names = [f"qaloom.{part}"]
    for found in pkgutil.walk_packages([str(Path(qaloom.__path__[0]) / part)], f"qaloom.{part}."):
        names.append(found.name)
    for name in names:
        if not name.endswith("__main__") and "hf_modules" not in name:
            try:
                yield importlib.import_module(name)
            except ImportError:  # what an optional package is for
                continue


def held(value: object, name: str, depth: int = 0) -> Iterator[tuple[str, re.Pattern[str]]]:
    """The patterns in a value: in itself, its items, a partial's or function's arguments."""
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield name, value
    elif isinstance(value, dict) and depth < 4:
        for key, item in itertools.islice(value.items(), 500):
            yield from held(item, f"{name}[{key!r}]", depth + 1)
            yield from held(key, f"{name}.keys", depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)) and depth < 4:
        for place, item in enumerate(itertools.islice(value, 500)):
            yield from held(item, f"{name}[{place}]", depth + 1)
    elif isinstance(value, type) and str(value.__module__).startswith("qaloom") and depth < 2:
        for key, item in vars(value).items():
            yield from held(item, f"{name}.{key}", depth + 1)
    elif callable(value) and str(getattr(value, "__module__", "")).startswith("qaloom"):
        for item in [*(getattr(value, "__defaults__", None) or ()), *(getattr(value, "args", None) or ())]:
            yield from held(item, f"{name}()", depth + 1)


_CALLS = ("compile", "sub", "subn", "split", "search", "match", "fullmatch", "findall", "finditer")
# Patterns that a function makes of a text or a list: alternatives of escaped texts between fixed pieces.
MADE_OF_TEXTS = {
    "qaloom.config.load": "re.search(pattern.replace(",  # the schema's, which are tried by themselves
    "qaloom.documents.gates": "re.search(pattern, _plain(text))",  # letters of a quote, spaces between
    "qaloom.evaluate.judge": "re.compile(f'<(?=",
    "qaloom.evaluate.metrics": "re.search(_edge(wanted[0]",
    "qaloom.inference.encoding": "re.compile('|'.join(longest_first",
    "qaloom.sentences": "re.compile(''.join(parts)",
    "qaloom.text.lookalikes": "re.compile(f'(?<![A-Za-z0-9가-힣]){re.escape(slot.text)}",
}


def inline(module: ModuleType) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Patterns in calls of `re` anywhere in a module's source, as far as its globals say what they are."""
    if not module.__file__:
        return
    for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
        call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
        if not (call and isinstance(node.func.value, ast.Name) and node.func.attr in _CALLS):
            continue
        if getattr(module, node.func.value.id, None) is not re and node.func.value.id != "re":
            continue
        try:
            yield f"{module.__name__}:{node.lineno}", compiled(node, vars(module))
        except NameError:
            known, written = MADE_OF_TEXTS.get(module.__name__), ast.unparse(node).replace('"', "'")
            assert known and written.startswith(known), f"{module.__name__}:{node.lineno}: {written}"


def compiled(call: ast.Call, names: dict[str, object]) -> re.Pattern[str]:
    """The pattern of a call of `re`, with its flags; a NameError where a function's own names make it."""
    name = call.func.attr  # type: ignore[attr-defined]
    at = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(name, 2)
    written = call.args[at] if len(call.args) > at else None
    written = next((keyword.value for keyword in call.keywords if keyword.arg == "flags"), written)
    pattern, flags = (
        eval(compile(ast.Expression(node), "pattern", "eval"), names) if node else 0
        for node in (call.args[0], written)
    )
    if isinstance(pattern, bytes):
        pattern = pattern.decode("latin-1")
    return pattern if isinstance(pattern, re.Pattern) else re.compile(pattern, flags)


def patterns(part: str) -> dict[str, re.Pattern[str]]:
    found: dict[tuple[str, int], tuple[str, re.Pattern[str]]] = {}
    for module in modules(part):
        for key, value in vars(module).items():
            for name, pattern in held(value, f"{module.__name__}.{key}"):
                if key.startswith("__"):
                    continue
                found.setdefault((pattern.pattern, pattern.flags), (name, pattern))
        for name, pattern in inline(module):
            found.setdefault((pattern.pattern, pattern.flags), (name, pattern))
    return dict(found.values())


# --- texts made of a pattern --------------------------------------------------------------------------

_parser = re._parser  # type: ignore[attr-defined]


def pieces(tree: object) -> list[str]:
    """Short texts that parts of a pattern match: its literals in a row, a sign of each class, each branch."""
    found: list[str] = []
    run = ""
    for op, value in tree:  # type: ignore[attr-defined]
        name = str(op)
        if name == "LITERAL":
            run += chr(value)
            continue
        if name == "IN":
            run += sign(value)
            continue
        found += [run] if run else []
        run = ""
        for inner in nested(name, value):
            found += pieces(inner)
    return [*found, run] if run else found


def nested(name: str, value: object) -> list[object]:
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return [value[2]]  # type: ignore[index]
    if name == "SUBPATTERN":
        return [value[3]]  # type: ignore[index]
    if name == "BRANCH":
        return list(value[1])  # type: ignore[index]
    if name in ("ASSERT", "ASSERT_NOT"):
        return [value[1]]  # type: ignore[index]
    if name == "ATOMIC_GROUP":
        return [value]
    return []


_CATEGORIES = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a", "CATEGORY_NOT_SPACE": "a"}


def sign(items: object) -> str:
    """A character of a class."""
    for op, value in items:  # type: ignore[attr-defined]
        if str(op) == "LITERAL":
            return chr(value)
        if str(op) == "RANGE":
            return chr(value[0])
        if str(op) == "CATEGORY":
            return _CATEGORIES.get(str(value), "a")
    return "a"


def whole(tree: object) -> str:
    """A text that goes through a pattern from its start, each repeat taken once or twice."""
    text = ""
    for op, value in tree:  # type: ignore[attr-defined]
        name = str(op)
        if name == "LITERAL":
            text += chr(value)
        elif name == "IN":
            text += sign(value)
        elif name in ("ANY", "NOT_LITERAL"):
            text += "a"
        elif name.endswith("REPEAT"):
            text += whole(value[2]) * max(1, min(value[0], 3))
        elif name == "SUBPATTERN":
            text += whole(value[3])
        elif name == "BRANCH":
            text += whole(value[1][0])
    return text


def texts(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """What an adversarial text begins with, and what it then repeats until a tail that cannot match."""
    tree = _parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    short = list(dict.fromkeys(piece for piece in pieces(tree) if piece))[:30]
    head = whole(tree)[:200]
    units = [*short, "".join(short), " ".join(short), head, f"{head} "]
    units += [first + other for first, other in itertools.pairwise(short[:10])]
    yield from (("", unit) for unit in dict.fromkeys([*units, *GENERIC]) if unit)
    yield from ((head, unit) for unit in [*short[:6], "말해", " "])
    yield "이것 ", "말해"


def built(head: str, unit: str, length: int) -> str:
    return head + (unit * (length // len(unit) + 1))[:length] + "\x01x"


# --- the clock ----------------------------------------------------------------------------------------


class Hang(BaseException):
    """A search that did not end in time."""


def _ring(number: int, frame: object) -> None:
    raise Hang


def seconds(run: object, text: str) -> float:
    start = time.process_time()
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, HANG)
        run(text)  # type: ignore[operator]
    except Hang:
        pass
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.process_time() - start


def slow(pattern: re.Pattern[str]) -> Iterator[str]:
    """The first text that takes too long, the better of two measurements."""
    runs = {
        "search": pattern.search,
        "match": pattern.match,
        "fullmatch": pattern.fullmatch,
        "sub": lambda text: pattern.sub("", text),
    }
    for head, unit in texts(pattern):
        short = built(head, unit, LENGTH // SHARE)
        for name, run in runs.items():
            if seconds(run, short) < SUSPECT:
                continue
            text = built(head, unit, LENGTH)
            took = min(seconds(run, text) for _ in range(2))
            if took > SECONDS:
                yield f"{name} of {head[:20]!r} and {unit[:40]!r} repeated: {took:.2f} s"
                return


@pytest.fixture(autouse=True)
def _timer():
    before = signal.signal(signal.SIGVTALRM, _ring)
    yield
    signal.signal(signal.SIGVTALRM, before)


def test_patterns_are_found():
    found = patterns("text")
    assert len(found) > 30
    assert "qaloom.text.refusals._WHOLE" in found
    assert any(":" in name for name in found)


def test_a_pattern_that_backtracks_is_caught():
    assert list(slow(re.compile(r"(?:가|가나|나)*다")))
    assert list(slow(re.compile(r"\s+$")))


@pytest.mark.parametrize("part", [found.name for found in pkgutil.iter_modules(qaloom.__path__)])
def test_no_pattern_backtracks(part):
    found = {name: next(slow(pattern), None) for name, pattern in patterns(part).items()}
    assert not {name: text for name, text in found.items() if text}


def of_schema(value: object) -> Iterator[str]:
    """The patterns of the configuration's schema."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "pattern" and isinstance(item, str):
                yield item
            else:
                yield from of_schema(item)
    elif isinstance(value, list):
        for item in value:
            yield from of_schema(item)


def test_no_pattern_of_the_schema_backtracks():
    found = set(of_schema(yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))))
    assert len(found) > 5
    assert {pattern: text for pattern in found if (text := next(slow(re.compile(pattern)), None))} == {}


def test_patterns_in_functions_are_found():
    source = """
import re
_ONE = "a+"
def f(text, own):
    re.sub(rf"{_ONE}b", "", text)
    return re.search("x", text, re.IGNORECASE)
"""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    found = {compiled(call, {"re": re, "_ONE": "a+"}) for call in calls}
    assert {(p.pattern, bool(p.flags & re.IGNORECASE)) for p in found} == {("a+b", False), ("x", True)}
