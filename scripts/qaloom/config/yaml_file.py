"""YAML files of a person, read within limits: size, depth, number of values, and no key twice.

A few lines of YAML whose aliases repeat each other are billions of values, and PyYAML reads 10 MB in minutes.
"""

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from qaloom.errors import ConfigError

_LARGEST = 100_000  # bytes; nine times the demo's configuration, each of whose keys has a comment
_DEEPEST = 20
_MOST = 20_000  # values
_LARGEST_INTEGER = 2**63 - 1
_LONGEST = 400  # characters of a message


class _Loader(yaml.SafeLoader):
    """SafeLoader that names the line of each key that stands twice, and of a date or number that is none."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if isinstance(node, yaml.MappingNode):
            scalars = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
            twice = {key for key, n in Counter((key.tag, key.value) for key in scalars).items() if n > 1}
            for key in scalars[::-1]:
                if (key.tag, key.value) in twice:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {key.value!r} stands here twice", problem_mark=key.start_mark
                    )
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as error:  # a date such as 2026-13-45, an integer of 5,000 digits
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None


def read_yaml(path: Path) -> Any:
    """The content of a YAML file. Raises ConfigError, one line, when it cannot be read or is beyond the limits."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ConfigError(
                f"{path}: is larger than {_LARGEST:,} bytes; a configuration is a page of settings"
            )
        return yaml.load(content.decode("utf-8-sig"), _Loader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name an existing file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deep; write the keys as in config/config.yaml") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be parsed"
        raise ConfigError(one_line(f"{path}{where}: is not valid YAML ({problem})")) from None


def check_values(values: Any, name: str) -> None:
    """Raise ConfigError for values that no schema refuses.

    That is what is nested too deep or too many (aliases that repeat each other or themselves), numbers that are
    not finite (comparisons with nan are all false) or larger than 64 bits, text that cannot be written, and keys
    that are not text (YAML 1.1 reads `no`, `on` and 1.5 as other things).
    """
    for count, (key, depth, value) in enumerate(_each(values, "", 0)):
        if depth > _DEEPEST or count > _MOST:
            what = f"deeper than {_DEEPEST} levels" if depth > _DEEPEST else f"more than {_MOST:,} values"
            raise ConfigError(one_line(f"{name}: {key}: {what}; is it an alias (*) of what it stands in?"))
        keys = value if isinstance(value, dict) else ()
        if problem := _problem(value) or next(filter(None, map(_problem_of_key, keys)), ""):
            raise ConfigError(one_line(f"{name}: {key or 'top level'}: {problem}"))


def without_aliases(value: Any) -> Any:
    """A copy in which each alias (*) is a part of its own, so that a default filled into one is not in the other."""
    if isinstance(value, dict):
        return {key: without_aliases(part) for key, part in value.items()}
    return [without_aliases(part) for part in value] if isinstance(value, list) else value


def _each(value: Any, key: str, depth: int) -> Iterator[tuple[str, int, Any]]:
    """Every value with its key and depth, outer ones first."""
    yield key, depth, value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in parts:
        yield from _each(inner, f"{key}.{part}" if key else str(part), depth + 1)


def _problem(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a finite number; write one such as 0.1"
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        return "the number is larger than 64 bits; write a smaller one"
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= mark <= "\udfff" for mark in value)):
        return f"{value!r} holds a character that no file can; take it out"
    return ""


def _problem_of_key(key: Any) -> str:
    if isinstance(key, str):
        return _problem(key)
    return f"the key {yaml.safe_dump(key).split(chr(10))[0]} is not text in YAML; write it in quotes"


def one_line(message: str) -> str:
    """A message as one line without control characters; the middle of a long one is left out."""
    text = "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in message)
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"
