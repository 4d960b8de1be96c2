"""Autotune: how much is timed, which steps, and the choice; real ones are in train/test_stage.py."""

import subprocess
import sys
import time
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from plans import a_plan, run_settings

from qaloom.files import read_document
from qaloom.train import process as trainer
from qaloom.train.planning.autotune import _label, extent, quickest, typical
from qaloom.train.planning.task import AutotuneJob, Measured, ModelLoaded, TrainingTask


@given(st.integers(1, 6), st.floats(0.01, 500), st.floats(60, 5000))
def test_steps_take_half_of_the_time_that_is_allowed(candidates, seconds, allowed):
    count, each = extent(candidates, seconds, allowed)
    assert 0 <= count <= candidates and each <= 4
    assert 2 * count * each * seconds <= allowed / 2
    assert each >= 1 or count == 0


@given(st.lists(st.integers(1, 2000), min_size=8, max_size=80), st.integers(1, 4))
def test_the_steps_timed_are_the_middles_of_equal_parts(lengths, count):
    steps = [[row, row + 1] for row in range(0, len(lengths) - 1, 2)]
    tokens = [sum(lengths[row] for row in step) for step in typical(steps, lengths, count)]
    everything = sorted(sum(lengths[row] for row in step) for step in steps)
    size = len(steps) / count
    assert tokens == [everything[int(size * n + size / 2)] for n in range(count)]


def plan_of(micro: int, **changes):
    return a_plan(
        **{"micro_batch": micro, "accumulation": 8 // micro, "predicted_memory_bytes": micro} | changes,
        why=["as predicted"],
    )


def task(measure=True):
    return TrainingTask("demo", "base", None, run_settings(training={"measure": measure}), None)


def chosen(monkeypatch, folder, events, plans=(8, 4, 2), measure=True, seconds=3000.0):
    """The plan that is chosen, and the autotune jobs, when their process emits `events`."""
    jobs = []

    def run_autotune(work, allowed):
        jobs.append((read_document(work / "job.json", AutotuneJob), allowed))
        return [ModelLoaded(), *events]

    monkeypatch.setattr("qaloom.train.planning.launcher.run_autotune", run_autotune)
    steps, plans = [[n] for n in range(1000)], [plan_of(micro) for micro in plans]
    found = quickest(plans, task(measure), [10] * 1000, steps, seconds, folder)
    assert not (folder / "autotune").exists()
    return found, jobs


def test_the_quickest_wins_and_every_figure_is_kept(monkeypatch, tmp_path):
    events = [Measured(0, 0.5, 9), Measured(1, 0.4, 5), Measured(2, failed="CUDA out of memory")]
    found, [(job, allowed)] = chosen(monkeypatch, tmp_path, events)
    assert found.micro_batch == 4 and allowed == 60 and len(job.candidates) == 3
    assert found.why == ["as predicted", "measured here, seconds a step: 0.5 (8 x 1), 0.4 (4 x 2)"]
    assert [c.micro_batch for c in found.candidates] == [8, 4, 2]
    assert [c.step_seconds for c in found.candidates] == [0.5, 0.4, None]
    assert found.candidates[2].failed == "CUDA out of memory"


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "4 x 2"),
        ({"checkpointing": "unsloth"}, "4 x 2 with checkpointing"),
        ({"graphs": True}, "4 x 2 with CUDA graphs"),
    ],
)
def test_a_plan_is_labelled_by_what_sets_it_apart(changes, label):
    assert _label(plan_of(4, **changes)) == label


def test_figures_tell_graphs_from_eager_plans(monkeypatch, tmp_path):
    events = [Measured(0, 0.5), Measured(1, 0.4)]
    monkeypatch.setattr("qaloom.train.planning.launcher.run_autotune", lambda *_: events)
    plans, steps = [plan_of(8), plan_of(8, graphs=True)], [[n] for n in range(1000)]
    found = quickest(plans, task(), [10] * 1000, steps, 3000.0, tmp_path)
    assert found.graphs and [c.graphs for c in found.candidates] == [False, True]
    assert found.why[-1] == "measured here, seconds a step: 0.5 (8 x 1), 0.4 (8 x 1 with CUDA graphs)"


def test_what_is_as_quick_as_predicted_stays(monkeypatch, tmp_path):
    """Noise of a few hundredths would make another plan of every run."""
    events = [Measured(n, seconds) for n, seconds in enumerate((0.41, 0.5, 0.4))]
    assert chosen(monkeypatch, tmp_path, events)[0].micro_batch == 8


def test_what_was_not_reached_is_kept_as_not_measured(monkeypatch, tmp_path):
    found, _ = chosen(monkeypatch, tmp_path, [Measured(0, 0.5)])
    assert found.micro_batch == 8
    assert [c.step_seconds for c in found.candidates] == [0.5, None, None]


def test_an_autotune_without_figures_leaves_the_prediction(monkeypatch, tmp_path, capsys):
    found, jobs = chosen(monkeypatch, tmp_path, [])
    assert jobs and found.micro_batch == 8 and found.why == ["as predicted"]
    assert "no plan could be timed" in capsys.readouterr().err


@pytest.mark.parametrize("case", [{"measure": False}, {"seconds": 1100.0}, {"plans": (8,)}])
def test_autotune_is_left_out_where_it_cannot_pay(monkeypatch, tmp_path, case):
    found, jobs = chosen(monkeypatch, tmp_path, [], **case)
    assert not jobs and found.micro_batch == 8 and found.candidates is UNSET


def test_long_trainings_are_timed_for_longer(monkeypatch, tmp_path):
    _, [(_, allowed)] = chosen(monkeypatch, tmp_path, [], seconds=100_000.0)
    assert allowed == 2000


SLEEPER = """import pathlib, sys, time
pathlib.Path(sys.argv[-1], "events.jsonl").write_text('{"event": "loaded"}\\n')
time.sleep(60)
"""


def test_what_is_asked_of_the_card_exists():
    """No GPU here: a name that torch.cuda does not have is refused all the same."""
    torch = pytest.importorskip("torch")
    with mock.patch.object(torch, "cuda", autospec=True) as cuda:
        cuda.is_available.return_value, cuda.max_memory_reserved.return_value = True, 7
        assert trainer.settle_memory() == trainer.peak_memory() == 7
        trainer._synchronize()
        assert cuda.reset_peak_memory_stats.called and cuda.synchronize.called


def test_autotune_ends_when_its_time_is_over(monkeypatch, tmp_path):
    from qaloom.train.planning import launcher as launch

    sleeper = [sys.executable, "-c", SLEEPER]
    start, popen = time.monotonic(), subprocess.Popen
    monkeypatch.setattr(launch.subprocess, "Popen", lambda command, **k: popen([*sleeper, command[-1]], **k))
    assert launch.run_autotune(tmp_path, 0.5) == [ModelLoaded()]
    assert time.monotonic() - start < 30
