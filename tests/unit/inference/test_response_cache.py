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
