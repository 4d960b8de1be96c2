"""Every pattern of the text package in linear time: adversarial strings of 100 KB."""

import re
import time
from importlib import import_module
from pathlib import Path

import pytest

import qaloom.text

MODULES = sorted(path.stem for path in Path(qaloom.text.__path__[0]).glob("*.py") if path.stem != "__init__")
OWN = [name for name in MODULES if not name.startswith("rephrase")]
SIZE = 100_000
BASES = [
    "1",
    "가",
    "a",
    "A",
    " ",
    "-",
    ".",
    ",",
    "1 ",
    "1.",
    "1,",
    "a ",
    "가 ",
    "삼만 ",
    "1/",
    "(1",
    "[1,",
    "*a",
    "Mar ",
    "십백",
    "0",
    "1:",
    "01 ",
    "+82 ",
    "~",
    "1~",
    "twenty ",
    "\n",
    "°C",
    "a-",
]
PATTERNS = {
    f"{name}.{attribute}": pattern
    for name in OWN
    for attribute, pattern in vars(import_module(f"qaloom.text.{name}")).items()
    if isinstance(pattern, re.Pattern)
}


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_backtracks(name):
    for base in BASES:
        text = base * (SIZE // len(base)) + "x"
        started = time.process_time()
        for _ in PATTERNS[name].finditer(text):
            pass
        taken = time.process_time() - started
        assert taken < 0.5, f"{base!r}: {taken:.1f} s"
