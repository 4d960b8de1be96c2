"""Rows that go on together: every kind of model says what it says alone, whoever comes and leaves when."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM

from qaloom.inference.decoding import greedy, use_grouped_attention
from qaloom.inference.model import LoadedModel, load_model
from qaloom.inference.prefix_batch import _PREFILL_TOKENS, _prefix_trees, prefix_cache
from qaloom.inference.scheduler import _TOKEN_BUDGET, Scheduler

PROMPT = st.lists(st.integers(5, 8), min_size=1, max_size=12)
SMALL = {
    "vocab_size": 320, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256,
    "initializer_range": 0.3, "bos_token_id": 1, "eos_token_id": 4, "pad_token_id": 0,
}  # fmt: skip
TOGETHER = [
    "llama", "qwen2", "qwen3", "phi3", "phi", "gemma", "gpt_neox", "gpt2", "stablelm", "olmo2", "cohere",
    "granite", "starcoder2", "smollm3", "opt",
]  # fmt: skip
OTHERWISE = ["gemma2", "gemma3_text", "bloom", "mpt", "falcon", "mamba", "lfm2"]


FURTHER = {"lfm2": {"layer_types": ["conv", "full_attention"]}, "falcon": {"new_decoder_architecture": True}}


def alone(model, tokenizer, prompts, stop, most):
    """What the model says to each prompt by itself, up to its end."""
    said = []
    for prompt in prompts:
        ids = torch.tensor([prompt])
        made = greedy(model, tokenizer, stop, most, input_ids=ids, attention_mask=torch.ones_like(ids))
        answer = made[0, len(prompt) :].tolist()
        said.append(answer[:-1] if answer[-1] in stop else answer)
    return said


def asked(loaded, prompts, stop, most):
    asking = Scheduler(loaded, {str(i): prompt for i, prompt in enumerate(prompts)}, stop, most)
    found = {answer.prompt: answer.ids for some in asking.answers() for answer in some}
    return [found[str(i)] for i in range(len(prompts))]


@pytest.fixture(scope="module")
def loaded(tiny):
    return load_model(tiny)


@settings(max_examples=40, deadline=None)
@given(
    prompts=st.lists(PROMPT, min_size=1, max_size=40, unique_by=tuple),
    stop=st.lists(st.integers(5, 319), max_size=60),
    budget=st.integers(1, 600),
    template=st.lists(st.integers(9, 300), max_size=4),
)
def test_any_prompts_in_any_places_are_answered_as_alone(loaded, prompts, stop, budget, template):
    prompts = [template + prompt for prompt in prompts]
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(_TOKEN_BUDGET, "cpu", budget)
        patched.setitem(_PREFILL_TOKENS, "cpu", 20)
        patched.setattr("qaloom.inference.prefix_batch._ATTENTION_ROWS", 3)
        assert asked(loaded, prompts, stop, 9) == alone(*loaded, prompts, stop, 9)


@settings(deadline=None)
@given(st.lists(PROMPT, min_size=1, max_size=30, unique_by=tuple), st.integers(1, 60))
def test_trees_hold_every_prompt_and_each_beginning_once(prompts, most):
    trees = list(_prefix_trees(prompts, 0, most))
    assert sorted(i for tree in trees for i in tree.paths) == list(range(len(prompts)))
    for tree in trees:
        own = [prompts[i] for i in tree.paths]
        assert len(tree.tokens) == len({tuple(p[:n]) for p in own for n in range(1, len(p) + 1)})
        assert len(tree.tokens) <= most or len(own) == 1
        for i, path in tree.paths.items():
            assert [tree.tokens[node] for node in path] == prompts[i]
            assert [tree.positions[node] for node in path] == list(range(len(path)))
            above = [node for node in range(path[-1] + 1) if path[-1] < tree.ends[node]]
            assert above == path


@pytest.mark.parametrize("kind", TOGETHER + OTHERWISE)
def test_each_kind_of_model_answers_as_alone(kind, tiny, one_thread):
    torch.manual_seed(0)
    given = SMALL | FURTHER.get(kind, {})
    if kind == "falcon":
        del given["head_dim"]
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **given)).eval()
    use_grouped_attention(model)
    of_a_kind = LoadedModel(model, load_model(tiny).tokenizer)
    drawn = torch.Generator().manual_seed(1)
    lengths = (4, 9, 9, 17, 30)
    prompts = [[7, 8, 9, *torch.randint(5, 300, (n,), generator=drawn).tolist()] for n in lengths]
    prompts.append([*prompts[-1][:12], 17, 18])
    assert (prefix_cache(model, [7, 8, 9]) is not None) == (kind in TOGETHER)
    said = alone(*of_a_kind, prompts, [], 12)
    stop = sorted({ids[i] for i, ids in zip((0, 3, 7), said, strict=False)})
    assert asked(of_a_kind, prompts, stop, 12) == alone(*of_a_kind, prompts, stop, 12)
