"""Records that are kept or made: what is made, what comes back, and the progress that is told."""

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from qaloom.inference.response_cache import cached_responses

NAMES = st.lists(st.sampled_from("abcdef"), max_size=12)


class Record(msgspec.Struct):
    prompt: str
    text: str = ""


@given(NAMES, NAMES, st.sets(st.sampled_from("abcdef")))
def test_what_is_kept_is_not_made_again_and_progress_counts_every_name(before, names, without):
    """`without`: names that nothing is made for."""
    told: list[int] = []
    asked: list[str] = []

    def make(missing):
        for name in missing:
            asked.append(name)
            if name not in without:
                yield [Record(name)]

    with TemporaryDirectory() as folder:
        kept = Path(folder) / "kept.jsonl"
        cached_responses(kept, Record, before, make, lambda n: None)
        asked.clear()
        found = cached_responses(kept, Record, names, make, told.append)
    known = set(before) - without
    assert asked == [name for name in dict.fromkeys(names) if name not in known]
    assert [one.prompt for one in found] == [name for name in names if name not in without]
    there = [sum(name in known for name in names)]
    for name in asked:
        if name not in without:
            known.add(name)
            there.append(sum(name in known for name in names))
    assert told == there


def asked_again(cache, names):
    """The names whose responses are made again, with all responses."""
    asked = []

    def make(missing):
        asked.extend(missing)
        yield [Record(name, f"answer {name}") for name in missing]

    return asked, cached_responses(cache, Record, names, make, lambda n: None)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_flipped_byte_is_never_an_answer(at, flip):
    with TemporaryDirectory() as folder:
        cache = Path(folder) / "kept.jsonl"
        _, right = asked_again(cache, ["a", "b", "c"])
        content = bytearray(cache.read_bytes())
        content[at % len(content)] ^= flip
        cache.write_bytes(content)
        asked, found = asked_again(cache, ["a", "b", "c"])
        assert found == right and len(asked) <= 2
        assert asked_again(cache, ["a", "b", "c"]) == ([], right)


def test_damaged_lines_are_counted_and_named(tmp_path, capsys):
    cache = tmp_path / "kept.jsonl"
    asked_again(cache, ["a", "b"])
    cache.write_bytes(cache.read_bytes().replace(b"answer b", b"answer x"))
    assert asked_again(cache, ["a", "b"])[0] == ["b"]
    assert f"{cache}: 1 of its lines are damaged" in capsys.readouterr().err


def test_lines_of_a_version_without_checksums_count(tmp_path):
    cache = tmp_path / "kept.jsonl"
    cache.write_bytes(b'{"prompt":"a","text":"answer a"}\n{"prompt":"b","te')
    assert asked_again(cache, ["a", "b"]) == (["b"], [Record("a", "answer a"), Record("b", "answer b")])
