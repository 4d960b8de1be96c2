"""Out-of-memory fallback: each plan needs less, the effective batch stays the same, an end is reached."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from plans import a_plan

from qaloom.train.planning.fallback import fallback

PLAN = a_plan(micro_batch=8)


def all_fallbacks(planned, wanted="auto"):
    """The changes from a plan down to the one that needs least, and that one."""
    found = []
    while (following := fallback(planned, wanted)) is not None:
        found.append(following[0])
        planned = following[1]
        assert len(found) < 50
    return found, planned


def test_the_order_of_fallbacks():
    changes, last = all_fallbacks(PLAN)
    assert changes == ["micro-batch 4", "micro-batch 2", "micro-batch 1", "checkpointing", "8bit", "4bit"]
    assert (last.accumulation, last.checkpointing) == (8, "unsloth")


def test_graphs_are_given_up_first():
    change, planned = fallback(replace(PLAN, graphs=True), "auto")
    assert change == "no CUDA graphs" and planned == PLAN


def test_a_precision_that_was_asked_for_is_kept():
    assert all_fallbacks(PLAN, "16bit")[0][-1] == "checkpointing"


def test_packs_get_shorter_until_each_holds_a_row():
    changes, last = all_fallbacks(a_plan(packing=True, accumulation=2, most_packs=9), "16bit")
    assert changes == ["checkpointing", "packs half as long", "packs half as long"]
    assert last.accumulation == 8


def test_a_cpu_has_no_smaller_precision():
    assert all_fallbacks(replace(PLAN, precision="32bit"))[0][-1] == "checkpointing"


@given(st.integers(1, 96), st.sampled_from(["auto", "4bit", "8bit", "16bit"]))
def test_the_effective_batch_stays(micro, wanted):
    planned = a_plan(micro_batch=micro, accumulation=3)
    while (following := fallback(planned, wanted)) is not None:
        planned = following[1]
        assert planned.micro_batch * planned.accumulation == 3 * micro
    assert planned.micro_batch == 1
