"""Settings outside the usual ranges are reported with the reason; usual ones are not mentioned."""

import re

import pytest
from plans import run_settings

from qaloom.config.load import DEMO, load_config
from qaloom.config.settings import RunSettings, typed
from qaloom.train.planning.memory import Shape
from qaloom.train.planning.usual_ranges import beyond_the_usual

LARGE = Shape(32, 4096, 14336, 4096, 1024, 128256, False)
SMALL = Shape(30, 576, 1536, 576, 192, 49152, True)


def settings(r=16, rate=0.0002, batch=8, tokens=None):
    training = {"learning_rate": rate, "effective_batch": batch, "effective_tokens": tokens}
    return run_settings(lora={"r": r}, training=training)


def test_the_guides_own_values_and_the_demos_are_usual():
    assert beyond_the_usual(LARGE, settings()) == []
    assert beyond_the_usual(SMALL, typed(load_config(DEMO)["runs"]["demo"], RunSettings)) == []


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
