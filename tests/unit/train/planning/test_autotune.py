"""Trials: how much is tried, which steps, and who wins; real ones are in test_train.py."""

import subprocess
import sys
import time
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.files import read_json
from qaloom.train import process as trainer
from qaloom.train.planning.autotune import _named, extent, quickest, typical


@given(st.integers(1, 6), st.floats(0.01, 500), st.floats(60, 5000))
def test_what_is_tried_takes_half_of_what_is_allowed(candidates, seconds, allowed):
    count, each = extent(candidates, seconds, allowed)
    assert 0 <= count <= candidates and each <= 4
    assert 2 * count * each * seconds <= allowed / 2
    assert each >= 1 or count == 0


@given(st.lists(st.integers(1, 2000), min_size=8, max_size=80), st.integers(1, 4))
def test_the_steps_tried_are_the_middles_of_equal_parts(lengths, count):
    steps = [[row, row + 1] for row in range(0, len(lengths) - 1, 2)]
    tokens = [sum(lengths[row] for row in step) for step in typical(steps, lengths, count)]
    everything = sorted(sum(lengths[row] for row in step) for step in steps)
    size = len(steps) / count
    assert tokens == [everything[int(size * n + size / 2)] for n in range(count)]


def way(micro: int, checkpointing=False) -> dict:
    reach = {"micro_batch": micro, "accumulation": 8 // micro}
    reach |= {"checkpointing": checkpointing, "graphs": False}
    return reach | {"gpus": 1, "predicted_memory_bytes": micro, "why": ["as predicted"], "rungs": []}


def asked(monkeypatch, folder, events, ways=(8, 4, 2), measure=True, seconds=3000.0):
    """What is chosen, and how many candidates were tried, when a trial tells `events`."""
    tried = []

    def trial(trial_folder, allowed):
        tried.append(read_json(trial_folder / "job.json") | {"allowed": allowed})
        return [{"loaded": True}, *events]

    monkeypatch.setattr("qaloom.train.planning.launcher.trial", trial)
    task = {"name": "demo", "settings": {"training": {"measure": measure}}}
    steps = [[n] for n in range(1000)]
    found = quickest([way(m) for m in ways], task, [10] * 1000, steps, seconds, folder)
    assert not (folder / "trial").exists()
    return found, tried


def test_the_quickest_wins_and_every_figure_is_kept(monkeypatch, tmp_path):
    events = [
        {"candidate": 0, "step_seconds": 0.5, "peak_memory_bytes": 9},
        {"candidate": 1, "step_seconds": 0.4, "peak_memory_bytes": 5},
        {"candidate": 2, "failed": "CUDA out of memory"},
    ]
    found, [job] = asked(monkeypatch, tmp_path, events)
    assert found["micro_batch"] == 4 and job["allowed"] == 60
    assert found["why"] == ["as predicted", "tried here, seconds a step: 0.5 (8 x 1), 0.4 (4 x 2)"]
    assert [c["micro_batch"] for c in found["candidates"]] == [8, 4, 2]
    assert [c["step_seconds"] for c in found["candidates"]] == [0.5, 0.4, None]
    assert found["candidates"][2]["failed"] == "CUDA out of memory"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "4 x 2"),
        ({"checkpointing": "unsloth"}, "4 x 2 recomputing"),
        ({"graphs": True}, "4 x 2 as graphs"),
    ],
)
def test_a_way_is_named_by_what_sets_it_apart(changes, name):
    assert _named(way(4) | changes) == name


def test_figures_tell_graphs_from_launches(monkeypatch, tmp_path):
    events = [{"candidate": n, "step_seconds": 0.5 - 0.1 * n} for n in range(2)]
    launched, played = way(8), way(8) | {"graphs": True}
    monkeypatch.setattr("qaloom.train.planning.launcher.trial", lambda *_: events)
    task = {"name": "demo", "settings": {"training": {"measure": True}}}
    found = quickest([launched, played], task, [10] * 1000, [[n] for n in range(1000)], 3000.0, tmp_path)
    assert found["graphs"] and [c["graphs"] for c in found["candidates"]] == [False, True]
    assert found["why"][-1] == "tried here, seconds a step: 0.5 (8 x 1), 0.4 (8 x 1 as graphs)"


def test_what_is_as_quick_as_predicted_stays(monkeypatch, tmp_path):
    """Noise of a few hundredths would make another plan of every run."""
    events = [{"candidate": n, "step_seconds": seconds} for n, seconds in enumerate((0.41, 0.5, 0.4))]
    assert asked(monkeypatch, tmp_path, events)[0]["micro_batch"] == 8


def test_what_was_not_reached_is_kept_as_not_measured(monkeypatch, tmp_path):
    found, _ = asked(monkeypatch, tmp_path, [{"candidate": 0, "step_seconds": 0.5}])
    assert found["micro_batch"] == 8
    assert [c["step_seconds"] for c in found["candidates"]] == [0.5, None, None]


def test_a_trial_that_told_nothing_leaves_the_prediction(monkeypatch, tmp_path, capsys):
    found, tried = asked(monkeypatch, tmp_path, [])
    assert tried and found["micro_batch"] == 8 and found["why"] == ["as predicted"]
    assert "no way could be measured" in capsys.readouterr().err


@pytest.mark.parametrize("case", [{"measure": False}, {"seconds": 1100.0}, {"ways": (8,)}])
def test_a_trial_that_cannot_pay_is_not_made(monkeypatch, tmp_path, case):
    found, tried = asked(monkeypatch, tmp_path, [], **case)
    assert not tried and found["micro_batch"] == 8 and "candidates" not in found


def test_long_trainings_are_tried_for_longer(monkeypatch, tmp_path):
    _, [job] = asked(monkeypatch, tmp_path, [], seconds=100_000.0)
    assert job["allowed"] == 2000


SLEEPER = """import pathlib, sys, time
pathlib.Path(sys.argv[-1], "events.jsonl").write_text('{"loaded": true}\\n')
time.sleep(60)
"""


def test_what_is_asked_of_the_card_exists():
    """No GPU here: a name that torch.cuda does not have is refused all the same."""
    torch = pytest.importorskip("torch")
    with mock.patch.object(torch, "cuda", autospec=True) as cuda:
        cuda.is_available.return_value, cuda.max_memory_reserved.return_value = True, 7
        assert trainer.settle_memory() == trainer.peak_memory() == 7
        trainer._wait_for_the_card()
        assert cuda.reset_peak_memory_stats.called and cuda.synchronize.called


def test_a_trial_ends_when_its_time_is_over(monkeypatch, tmp_path):
    from qaloom.train.planning import launcher as launch

    sleeper = [sys.executable, "-c", SLEEPER]
    start, popen = time.monotonic(), subprocess.Popen
    monkeypatch.setattr(launch.subprocess, "Popen", lambda command, **k: popen([*sleeper, command[-1]], **k))
    assert launch.trial(tmp_path, 0.5) == [{"loaded": True}]
    assert time.monotonic() - start < 30
