"""Five hundred damaged configurations: each is valid, or one line that names the key or the line."""

import copy
import random
import re
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from qaloom.config.load import DEMO, ROOT, load_config, sources
from qaloom.errors import ConfigError

SECONDS = 5  # of CPU, for one configuration
FILES = [DEMO, *sorted((ROOT / "config/examples").glob("*.yaml"))]
INFINITE = (float("nan"), float("inf"), float("-inf"))
VALUES: list[Any] = [
    *INFINITE, True, False, None, -1, 0, 0.5, 10**18, 10**25, 10**400, 1e308, -0.0, "", " ",
    "1e999", "2e-4", "nan", [], {}, [[["a"]]], {"a": {"b": []}}, ["a"] * 500, "x" * 5_000, "한글", "a\nb",
    "a\rb",
    "\u2028", "\u202e", "e\u0301", "\x1b[31m", "\ud800", "{{ x }}", "{a}", "%s", "$(x)",
    "../../etc/passwd", "**", "-", "~", 7.0,
]  # fmt: skip
KEYS: list[Any] = [
    "",
    "a\nb",
    "\x1b]8;;x\x07",
    "\u2028",
    "한",
    "x" * 3_000,
    1,
    1.5,
    True,
    None,
    "epoch",
    "lr",
    "<<",
]
TEXTS = [  # replacements of a value in the text
    "1e999", ".nan", "9" * 5_000, "0x" + "f" * 3_000, "2026-13-45", "2026-01-01T99:00:00Z", "1:99:99", "0b",
    "*x", "!x y", "!!python/object/apply:os.system ['touch owned']", "!!binary '?'", "!!set {a, b}",
    "!!int x", "&a [*a]", "{<<: 3}", "{<<: {a: 1}}", "[" * 3_000, "[" * 200 + "]" * 200, "{a: " * 500,
    "- - - -", "'", '"', "|",
    ">", "? ?", "=", '"\\ud800"', '"\\0"', '"\\x1b[31m"', "\t", "@", "`", "%", "# x", ": :", "a: b: c",
    "0.5.5", "_", "_1_",
    "1_000", "0o17", "-", "...", "---", "!%1b[31m x", "x" * 90_000, "[" + "a," * 9_000 + "]",
    '"' + "\\n" * 9_000 + '"',
]  # fmt: skip
BYTES = [
    b"\x00",
    b"\xff\xfe",
    b"\x80",
    b"\x85",
    b"\xc2\x85",
    b"\x1b",
    b"\t",
    b"\r",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
    b"&a ",
    b"*a ",
]


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key or index) of a tree."""
    parts = (
        list(tree.items())
        if isinstance(tree, dict)
        else list(enumerate(tree))
        if isinstance(tree, list)
        else []
    )
    for key, value in parts:
        yield tree, key
        yield from places(value)


def change_tree(tree: dict[str, Any], chance: random.Random) -> None:
    holder, key = chance.choice(list(places(tree)))
    match chance.randrange(5):
        case 0:
            del holder[key]
        case 1 | 2:
            holder[key] = chance.choice(VALUES)
        case 3 if isinstance(holder, dict):
            holder[chance.choice(KEYS)] = holder.pop(key)
        case _:
            other, name = chance.choice(list(places(tree)))
            value = other[name]
            inside = value is holder or any(inner is holder for inner, _ in places(value))
            holder[key] = copy.deepcopy(value) if inside else value  # else dumped as an alias


def change_text(content: bytes, chance: random.Random) -> bytes:
    lines = content.split(b"\n")
    at = chance.randrange(len(lines))
    key, colon, _ = lines[at].partition(b":")
    match chance.randrange(6):
        case 0 | 1 | 2:
            lines[at] = key + colon + b" " + chance.choice(TEXTS).encode()
        case 3:
            lines.insert(at, lines[at])  # the same key once more
        case 4:
            lines[at] = chance.choice([b"\t", b"  ", b" "]) + lines[at]
        case _:
            place = chance.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + chance.choice(BYTES) + lines[at][place:]
    return b"\n".join(lines)


TREES = [yaml.safe_load(path.read_bytes()) for path in FILES]


def mutated(seed: int) -> bytes:
    """A shipped configuration with one to three changes of its values, and often one of its text."""
    chance = random.Random(seed)
    tree = copy.deepcopy(chance.choice(TREES))
    for _ in range(chance.randint(1, 3)):
        change_tree(tree, chance)
        if not list(places(tree)):
            break
    content = yaml.dump(tree, allow_unicode=chance.random() < 0.5, sort_keys=False).encode(
        "utf-8", "surrogatepass"
    )
    return change_text(content, chance) if chance.random() < 0.6 else content


def outcome(path: Path) -> str:
    """Empty for a valid configuration, else the line that it is refused with."""
    try:
        sources(load_config(path)["data"]["sources"], ROOT)
    except ConfigError as error:
        return str(error)
    return ""


def is_clear(line: str, path: Path) -> bool:
    """One printable line, not long, about the file and a line or key of it, or about data.sources."""
    about = re.match(rf"{re.escape(str(path))}(, line \d+)?: |data\.sources: ", line)
    return bool(about) and line.isprintable() and len(line) < 700


@pytest.mark.slow
def test_mutated_configurations_are_valid_or_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path, refused = tmp_path / "my.yaml", 0
    load_config(DEMO)
    quiet = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(500):
        path.write_bytes(mutated(seed))
        start = time.process_time()
        line = outcome(path)
        assert time.process_time() - start < SECONDS, seed
        assert not line or is_clear(line, path), (seed, line)
        refused += bool(line)
    assert 250 < refused < 500
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2 * quiet
    assert not (tmp_path / "owned").exists()


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(9)
)
GOOD = "data: {sources: [a]}\nruns: {one: {}}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    {
        LAUGHS + GOOD: "more than 20,000 values; is it an alias",
        "data: {sources: [a]}\nruns: &r {one: *r}\n": "deeper than 20 levels; is it an alias",
        "data: {sources: [a]}\nruns: {one: {r: 1, r: 2}}\n": "line 2: .*the key 'r' stands here twice",
        GOOD + "x: " + "[" * 5_000: "is nested too deep",
        GOOD + "# " + "x" * 10_000_000: "is larger than 100,000 bytes",
        "data: {sources: [a]}\nruns: {one: {base_model: 2026-13-45}}\n": "line 2: .*month must be in",
        "data: {sources: [a]}\nruns: {one: {training: {seed: 18446744073709551616}}}\n": "training.seed: .*64 bits",
        f"data: {{sources: [a]}}\nruns: {{one: {{max_length: {'9' * 5_000}}}}}\n": "line 2: .*4300 digits",
    }.items(),
    ids=["aliases", "an alias of itself", "twice", "deep", "10 MB", "date", "64 bits", "digits"],
)  # fmt: skip
def test_what_yaml_reads_and_nobody_means(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(text)
    line = outcome(path)
    assert re.search(words, line) and is_clear(line, path), line


def test_aliases_and_merge_keys_that_are_meant(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    run: Callable[[str], str] = (
        "runs: {{one: &one {{max_length: 64, training: &t {{epochs: 2}}}}, two: {}}}\n".format
    )
    path.write_text("data: {sources: [a]}\n" + run("{<<: *one, max_length: 128, training: *t}"))
    two = load_config(path)["runs"]["two"]
    assert (two["max_length"], two["training"]["epochs"]) == (128, 2)
