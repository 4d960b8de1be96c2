"""Rungs: each lighter than the last, the effective batch the same, an end that is reached."""

from hypothesis import given
from hypothesis import strategies as st

from qaloom.train.planning.fallback import lighter

PLAN = {"precision": "16bit", "micro_batch": 8, "accumulation": 1, "checkpointing": False,
        "graphs": False, "packing": False, "gpus": 1}  # fmt: skip


def climb(planned, wanted="auto", most_packs=None):
    """All rungs below a plan, with what each changes."""
    found = []
    while (rung := lighter(planned, wanted, most_packs)) is not None:
        found.append(rung[0])
        planned = rung[1]
        assert len(found) < 50
    return found, planned


def test_the_order_of_rungs():
    changes, last = climb(PLAN)
    assert changes == ["micro-batch 4", "micro-batch 2", "micro-batch 1", "checkpointing", "8bit", "4bit"]
    assert (last["accumulation"], last["checkpointing"]) == (8, "unsloth")


def test_recorded_passes_are_given_up_first():
    change, planned = lighter(PLAN | {"graphs": True}, "auto", None)
    assert change == "no CUDA graphs" and planned == PLAN


def test_a_precision_that_was_asked_for_is_kept():
    assert climb(PLAN, "16bit")[0][-1] == "checkpointing"


def test_packs_get_shorter_until_each_holds_a_row():
    packed = PLAN | {"packing": True, "micro_batch": 1, "accumulation": 2}
    changes, last = climb(packed, "16bit", most_packs=9)
    assert changes == ["checkpointing", "packs half as long", "packs half as long"]
    assert last["accumulation"] == 8


def test_a_cpu_has_no_smaller_precision():
    assert climb(PLAN | {"precision": "32bit"})[0][-1] == "checkpointing"


@given(st.integers(1, 96), st.sampled_from(["auto", "4bit", "8bit", "16bit"]))
def test_the_effective_batch_stays(micro, wanted):
    planned = PLAN | {"micro_batch": micro, "accumulation": 3}
    while (rung := lighter(planned, wanted, None)) is not None:
        planned = rung[1]
        assert planned["micro_batch"] * planned["accumulation"] == 3 * micro
    assert planned["micro_batch"] == 1
