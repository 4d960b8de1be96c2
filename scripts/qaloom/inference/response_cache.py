"""What a model said, kept as it comes: a killed run, and the next one, asks only what is not there yet."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec


def cached_responses(
    kept: Path,
    kind: type[msgspec.Struct],
    names: Sequence[str],
    make: Callable[[list[str]], Iterator[list[Any]]],
    advance: Callable[[int], None],
) -> list[Any]:
    """A record of type `kind` for each name (its field `prompt`), in the order of `names`.

    Those in the JSON Lines file `kept` are taken from there; `make` gets the names of the others, each once,
    and yields records in batches, which are appended at once; a name that it yields no record for is left
    out. `advance` gets the number there are.
    """
    known = _known(kept, kind)
    missing = [name for name in dict.fromkeys(names) if name not in known]
    often = Counter(names)
    there = len(names) - sum(often[name] for name in missing)
    advance(there)
    if missing:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("ab", buffering=0) as stream:  # one write a batch: two runs may share the file
            stream.write(b"\n" if _torn(kept) else b"")
            for batch in make(missing):
                stream.write(b"".join(msgspec.json.encode(record) + b"\n" for record in batch))
                known |= {record.prompt: record for record in batch}
                there += sum(often[record.prompt] for record in batch)
                advance(there)
    return [known[name] for name in names if name in known]


def _known(kept: Path, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Records of earlier runs; a line that a kill cut short is none."""
    known: dict[str, Any] = {}
    decode = msgspec.json.Decoder(kind).decode
    for line in kept.read_bytes().splitlines() if kept.is_file() else ():
        with suppress(msgspec.DecodeError):
            record = decode(line)
            known[record.prompt] = record
    return known


def _torn(kept: Path) -> bool:
    """Whether a kill cut the file's last line short."""
    content = kept.read_bytes()
    return bool(content) and not content.endswith(b"\n")
