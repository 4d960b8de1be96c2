"""Settings outside the usual ranges are reported with the reason; usual ones are not mentioned."""

import re

import pytest
from plans import run_settings

from qaloom.config.load import DEMO, load_config
from qaloom.config.settings import RunSettings, typed
from qaloom.inference.architecture import Architecture, Projection
from qaloom.train.planning.usual_ranges import beyond_the_usual
from qaloom.train.recipe import Epoch, with_recipe

LARGE, SMALL = (
    Architecture(
        1, 64, 64, 64, 1000, True, (Projection("up_proj", 1000, parameters // 1000, 1),), 0, 64000, 0
    )
    for parameters in (8 * 10**9, 10**8)
)


def settings(r=16, rate=0.0002, batch=8, tokens=None):
    training = {"learning_rate": rate, "effective_batch": batch, "effective_tokens": tokens}
    return run_settings(lora={"r": r}, training=training)


def test_the_guides_own_values_and_the_demos_are_usual():
    assert beyond_the_usual(LARGE, settings()) == []
    demo = with_recipe(load_config(DEMO)["runs"]["demo"], SMALL, Epoch(), on_gpu=True)
    assert beyond_the_usual(SMALL, typed(demo, RunSettings)) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"r": 4}, "lora.r 4 is below the usual 8 to 64: the adapter may be too small"),
        ({"r": 128}, "lora.r 128 is above the usual 8 to 64: more memory"),
        ({"rate": 0.001}, "learning_rate 0.001 is above the usual 0.00001 to 0.0002 .* may run away"),
        ({"rate": 0.000001}, "learning_rate 1e-06 is below the usual 0.00001"),
        ({"batch": 16}, "effective_batch 16 is above the usual 1 to 8: fewer steps"),
    ],
)
def test_a_value_beyond_them_is_said_with_its_reason(changed, said):

    [line] = beyond_the_usual(LARGE, settings(**changed))
    assert re.match(said, line)


def test_a_small_model_may_have_a_high_rank_and_rate():
    assert beyond_the_usual(SMALL, settings(r=256, rate=0.002)) == []
    assert beyond_the_usual(LARGE, settings(batch=64, tokens=8192)) == []
