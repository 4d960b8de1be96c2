"""Private interfaces of Unsloth and accelerate: each is there in the installed version, and can be missed."""

import ast
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from plans import a_plan, run_settings

from qaloom import compat_unsloth
from qaloom.compat_unsloth import ATTENTION, LOSS, ORIGINAL_FORWARD, TRUNCATED_TO
from qaloom.inference.prompt import Example
from qaloom.train import autotune_process
from qaloom.train.cuda_graphs import GraphError, capture
from qaloom.train.planning.task import AutotuneJob, Measured, NotCaptured, TrainingTask
from qaloom.train.process import _failure_event


def source(module: str) -> str:
    """An installed module's text; importing Unsloth would change transformers for all other tests."""
    package, *rest = module.split(".")
    [folder] = find_spec(package).submodule_search_locations
    return Path(folder, *rest).with_suffix(".py").read_text()


# A failure here names what the installed version changed: mend qaloom/compat_unsloth.py.


@pytest.mark.parametrize(
    ("interface", "arguments"),
    [
        (ATTENTION, ["config", "context", "Q", "K", "V"]),
        (LOSS, ["hidden_states", "lm_head_weight", "lm_head_bias", "labels", "mask", "n_items", "scaling",
                "shift_labels", "kwargs"]),
    ],
    ids=lambda value: value[-1],
)  # fmt: skip
def test_the_installed_unsloth_has(interface, arguments):
    module, name = interface
    functions = [node for node in ast.parse(source(module)).body if isinstance(node, ast.FunctionDef)]
    [found] = [node for node in functions if node.name == name] or pytest.fail(f"{module} has no {name}")
    assert [a.arg for a in [*found.args.args, *found.args.kwonlyargs]] == arguments


def test_the_installed_unsloth_calls_its_attention_and_loss_by_these_names():
    """A function that is replaced must be looked up where it is called."""
    for module, name in (ATTENTION, LOSS):
        calls = [node.func for node in ast.walk(ast.parse(source(module))) if isinstance(node, ast.Call)]
        assert name in {call.id for call in calls if isinstance(call, ast.Name)}, f"{module} calls no {name}"


def test_the_installed_unsloth_reads_the_mark_of_truncated_rows():
    assert f'_TRUNCATION_ATTESTATION_ATTR = "{TRUNCATED_TO}"' in source("unsloth.models.rl")


def test_the_installed_accelerate_keeps_the_forward_pass_there():
    assert f"model.{ORIGINAL_FORWARD} = model.forward" in source("accelerate.accelerator")


# Without them training goes on: an event here is one line and an eager attempt (planning/test_launcher.py)


@pytest.fixture
def renamed(monkeypatch):
    """Unsloth's modules with the private functions under other names."""
    for module, name in (ATTENTION, LOSS):
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{f"{name}_renamed": len}))


@pytest.fixture
def streams(monkeypatch):
    """What torch.cuda needs to begin with, without a card."""
    stream = SimpleNamespace(wait_stream=lambda other: None)
    for name, answer in (("graph_pool_handle", "pool"), ("Stream", stream), ("current_stream", stream)):
        monkeypatch.setattr(torch.cuda, name, lambda answer=answer: answer)
    monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: None)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", object)


class Model(torch.nn.Linear):
    """A model with a loss; counts its passes."""

    passes = 0

    def forward(self, inputs):
        self.passes += 1
        return SimpleNamespace(loss=super().forward(inputs).square().sum(), logits=None)

    def get_decoder(self):
        return self


@pytest.mark.usefixtures("renamed")
def test_without_its_attention_packed_rows_are_trained_eagerly():
    with pytest.raises(GraphError) as caught:
        capture(Model(2, 1), [[3, 4]], 8)
    line = "the installed Unsloth has no unsloth.utils.attention_dispatch._run_attention"
    assert _failure_event(caught.value) == NotCaptured(line)


@pytest.mark.usefixtures("renamed", "streams")
@pytest.mark.filterwarnings("ignore:.*CUDA is not available:UserWarning")
def test_without_its_loss_the_next_attempt_is_eager():
    model = Model(2, 1)
    capture(model, [], 8)
    model(inputs=torch.ones(3, 2)).loss.backward()
    with pytest.raises(GraphError) as caught:
        model(inputs=torch.ones(3, 2))
    line = "the installed Unsloth has no unsloth_zoo.fused_losses.cross_entropy_loss._chunked_ce"
    assert _failure_event(caught.value) == NotCaptured(line)


@pytest.mark.usefixtures("renamed")
def test_autotune_leaves_out_a_candidate_that_cannot_be_captured(monkeypatch, tmp_path):
    def make_trainer(model, *_):
        capture(model, [[3, 4]], 8)

    tokenizer = type("Tokenizer", (), {"pad_token_id": 0, "__len__": lambda _: 9})()
    monkeypatch.setattr(autotune_process, "make_trainer", make_trainer)
    monkeypatch.setattr(autotune_process, "load_tokenizer", lambda *_: tokenizer)
    plan = a_plan(graphs=True, packing=True)
    job = AutotuneJob(TrainingTask("demo", "base", None, run_settings(), None), [plan], [[0]])
    found = autotune_process.measured(3, Model(2, 1), plan, job, [Example([1], [2])], tmp_path)
    assert found == Measured(3, failed=found.failed) and "no unsloth.utils.attention_dispatch" in found.failed


def test_a_missing_module_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, ATTENTION[0], None)
    with pytest.raises(
        compat_unsloth.MissingInterfaceError,
        match=rf"^{ATTENTION[0]} cannot be imported \(ModuleNotFoundError",
    ):
        compat_unsloth.wrap_attention(lambda attention: attention)


def test_a_forward_pass_is_restored():
    model = Model(2, 1)
    forward = model.forward
    model.forward, model._original_forward = len, forward
    compat_unsloth.restore_forward(model, forward)
    assert model.forward == forward and ORIGINAL_FORWARD not in vars(model)
