"""English sentences of the stages in Korean, for the report and for a Korean terminal; sentences.yaml holds them."""

import re
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).with_suffix(".yaml")
# What may stand for a name: n, n2 … a number; s, s2 … the s of a plural; rest, reasons anything, or nothing.
_MEANINGS = (
    (re.compile(r"n\d*"), r"[\d.,]*\d"),
    (re.compile(r"s\d*"), "s?"),
    (re.compile("rest|reasons"), ".*?"),
    (re.compile(".*"), ".+?"),
)
_LONGEST_NAME = 80  # characters of a stage, a run or a file before a sentence


def in_korean(sentence: str) -> str | None:
    """A sentence in Korean; None where the file does not have it."""
    for english, korean in _patterns():
        if found := english.fullmatch(sentence):
            return korean.format(**{name: _value(name, text) for name, text in found.groupdict().items()})
    return None


def line_in_korean(line: str) -> str:
    """A line of the terminal: its sentence in Korean, the names before it as they are."""
    if (found := in_korean(line)) is not None:
        return found
    name, colon, rest = line.partition(": ")
    return f"{name}: {line_in_korean(rest)}" if colon and len(name) <= _LONGEST_NAME else line


def _value(name: str, text: str) -> str:
    """A value as it stands in the Korean sentence: it may be a sentence itself, after a comma or semicolon."""
    if name.startswith("job"):
        return line_in_korean(text)
    start = text[:2] if text.startswith(("; ", ", ")) else ""
    korean = in_korean(text.removeprefix(start)) if text else None
    return text if korean is None else start + korean


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """English sentences as patterns, each with its Korean."""
    pairs = []
    for english, korean in yaml.safe_load(_FILE.read_text("utf-8")):
        parts = re.split(r"\{(\w+)\}", english)
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = (f"(?P<{name}>{_meaning(name)})" for name in parts[1::2])
        pairs.append((re.compile("".join(parts), re.DOTALL), korean))
    return pairs


def _meaning(name: str) -> str:
    return next(meaning for names, meaning in _MEANINGS if names.fullmatch(name))
