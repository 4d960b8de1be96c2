"""Append-only JSONL cache of responses, keyed by prompt digest: what a killed run had is not asked again.

A line is a JSON list of a checksum and the response, so that a damaged response is none.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from qaloom.console import say

_LINE = re.compile(rb'\["([0-9a-f]{16})",(.*)\]', re.DOTALL)


class Response(Protocol):
    """A msgspec Struct whose field `prompt` is its key."""

    @property
    def prompt(self) -> str: ...


R = TypeVar("R", bound=Response)


def cached_responses(
    cache: Path,
    kind: type[R],
    keys: Sequence[str],
    generate: Callable[[list[str]], Iterator[list[R]]],
    advance: Callable[[int], None],
) -> list[R]:
    """A response of type `kind` for each key, in the order of `keys`.

    Those in the JSON Lines file `cache` are taken from there; `generate` gets the other keys, each once, and
    yields responses in batches, which are appended at once; a key that it yields no response for is left out.
    `advance` gets the number there are.
    """
    known = _read(cache, kind)
    missing = [key for key in dict.fromkeys(keys) if key not in known]
    often = Counter(keys)
    there = len(keys) - sum(often[key] for key in missing)
    advance(there)
    if missing:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with cache.open("ab", buffering=0) as stream:  # one write a batch: two runs may share the file
            stream.write(b"\n" if _ends_within_a_line(cache) else b"")
            for batch in generate(missing):
                stream.write(b"".join(map(_line, batch)))
                known |= {response.prompt: response for response in batch}
                there += sum(often[response.prompt] for response in batch)
                advance(there)
    return [known[key] for key in keys if key in known]


def _read(cache: Path, kind: type[R]) -> dict[str, R]:
    """Responses of earlier runs; a line that a kill cut short, or whose checksum is another, is none."""
    known: dict[str, R] = {}
    decode, damaged = msgspec.json.Decoder(kind).decode, 0
    for line in cache.read_bytes().splitlines() if cache.is_file() else ():
        held = _LINE.fullmatch(line)
        if held and _checksum(held[2]) != held[1]:
            damaged += 1
            continue
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            response = decode(held[2] if held else line)  # versions before wrote the response alone
            known[response.prompt] = response
    if damaged:
        say(
            f"{cache}: {damaged:,} of its lines are damaged, as their checksums show; their prompts are asked anew"
        )
    return known


def _line(response: Response) -> bytes:
    text = msgspec.json.encode(response)
    return b'["%s",%s]\n' % (_checksum(text), text)


def _checksum(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:16].encode()


def _ends_within_a_line(cache: Path) -> bool:
    """Whether a kill cut the file's last line short."""
    content = cache.read_bytes()
    return bool(content) and not content.endswith(b"\n")
