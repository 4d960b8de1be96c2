"""Settings reach the trainer and the adapter: arguments, real trainings on the CPU, and what is merged of them."""

import json
from pathlib import Path

import pytest
from plans import a_plan, run_settings
from trainings import losses, project, trained

from qaloom.files import read_json, write_json
from qaloom.inference.prompt import load_tokenizer, prompt_ids
from qaloom.train.sft import _arguments

TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'assistant' %}A: {{ m.content }}<|im_end|>\n{% else %}"
    "{{ m.role }}: {{ m.content }}\n{% endif %}{% endfor %}{% if add_generation_prompt %}A: {% endif %}"
)


@pytest.mark.parametrize(
    ("given", "argument", "value"),
    [
        ({}, "optim", "adamw_torch_fused"),
        ({"warmup_fraction": 0.1}, "warmup_steps", 10),
        ({"warmup_steps": 3}, "warmup_steps", 3),
        ({"warmup_steps": 0}, "warmup_steps", 0),
        ({}, "save_steps", 10),
        ({"save_steps": 7}, "save_steps", 7),
        ({"eval_steps": 4, "validation_fraction": 0.1}, "eval_steps", 4),
        ({"eval_steps": 4, "validation_fraction": 0.1}, "save_steps", 8),
        ({"eval_steps": 40, "validation_fraction": 0.1}, "save_steps", 40),
        ({"validation_fraction": 0.1, "save_steps": 7}, "eval_steps", 7),
        ({"neftune_noise_alpha": 5}, "neftune_noise_alpha", 5),
        ({"label_smoothing": 0.1}, "label_smoothing_factor", 0.1),
        ({"max_grad_norm": 0.3}, "max_grad_norm", 0.3),
    ],
)
def test_the_trainers_arguments_are_the_settings(tmp_path, given, argument, value):
    planned = a_plan(steps=100, device=a_plan().device.__class__("cpu", "CPU", 1, 1))
    settings = run_settings(training=given)
    found = getattr(_arguments(planned, settings, tmp_path, "validation_fraction" in given), argument)
    assert getattr(found, "value", found) == value


def reworked(folder: Path, tiny: Path, **config) -> Path:
    """The tiny model with other settings in its config.json, untrained."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    kind = AutoConfig.from_pretrained(tiny)
    for name, value in config.items():
        setattr(kind, name, value)
    AutoModelForCausalLM.from_config(kind).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(folder)
    write_json(folder / "manifest.json", {"origin": "path:x", "sha256": "0" * 64})
    return folder


def run_of(folder: Path, base: Path, **run) -> str:
    """Train the base model with these settings of a run, in `folder`."""
    project(folder, base)
    text = {"data": {"sources": ["x"]}, "runs": {"demo": {"max_length": 256, **run}}}
    (folder / "config.yaml").write_text(json.dumps(text))
    return trained(folder)


def logits(base: Path, adapter: Path | None, prompt: list[int]):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter:
        model = PeftModel.from_pretrained(model, adapter)
    with torch.inference_mode():
        return model(torch.tensor([prompt])).logits


@pytest.mark.slow
def test_a_run_with_every_setting_is_an_ordinary_adapter(tmp_path, tiny):
    """PiSSA, NEFTune, label smoothing, Lion, a system message and a template of one's own, all in one run."""
    (tmp_path / "p.jinja").write_text(TEMPLATE)
    training = {
        "epochs": 2, "effective_batch": 4, "learning_rate": 0.001, "optimizer": "lion_8bit", "save_steps": 1,
        "neftune_noise_alpha": 5, "label_smoothing": 0.2, "warmup_steps": 1,
    }  # fmt: skip
    run_of(
        tmp_path, tiny, precision="16bit", training=training, lora={"r": 4, "init_lora_weights": "pissa"},
        prompt={"template": "p.jinja", "system": "너는 안내원이다."},
    )  # fmt: skip
    out = tmp_path / "out"
    config, manifest = read_json(out / "adapter_config.json"), read_json(out / "manifest.json")
    assert (config["r"], config["init_lora_weights"]) == (8, True)
    assert (manifest["system"], read_json(out / "plan.json")["optimizer"]) == (
        "너는 안내원이다.",
        "lion_8bit",
    )
    tokenizer = load_tokenizer(out)
    assert tokenizer.decode(prompt_ids(tokenizer, "chat", "어디?", "", "s")) == "system: s\nuser: 어디?\nA: "
    prompt = prompt_ids(tokenizer, "chat", "질문 1?", "", manifest["system"])
    before, after = logits(tiny, None, prompt), logits(tiny, out, prompt)
    # Lion's steps are small: an adapter that had kept PiSSA's first values would be far from the base.
    assert 0 < float((after - before).abs().max()) < float(before.abs().max())


@pytest.mark.slow
def test_noise_and_smoothing_change_the_loss(tmp_path, tiny):
    given, found = {"epochs": 1, "effective_batch": 8, "learning_rate": 0.001}, []
    for setting in ("max_grad_norm", "neftune_noise_alpha", "label_smoothing"):
        (tmp_path / setting).mkdir()
        run_of(tmp_path / setting, tiny, training=given | {setting: 0.5})
        found.append(losses(tmp_path / setting)[0])
    plain, noisy, smoothed = found
    assert noisy != pytest.approx(plain, rel=1e-4)
    assert smoothed != pytest.approx(plain, rel=1e-4)


@pytest.mark.slow
def test_biases_and_whole_layers_are_trained_and_merged(tmp_path, tiny):
    from qaloom.export.merge import merge

    base = reworked(tmp_path / "base", tiny, attention_bias=True, tie_word_embeddings=False)
    run_of(
        tmp_path, base, training={"epochs": 2, "effective_batch": 4, "learning_rate": 0.01},
        lora={"bias": "all", "modules_to_save": ["embed_tokens", "lm_head"]},
    )  # fmt: skip
    out = tmp_path / "out"
    prompt = prompt_ids(load_tokenizer(out), "chat", "질문 1?")
    merge(base, out, tmp_path / "merged")
    tuned, merged = logits(base, out, prompt), logits(tmp_path / "merged", None, prompt)
    changed, lost = (tuned - logits(base, None, prompt)).norm(), (tuned - merged).norm()
    assert changed > 0.1 and lost < 0.1 * changed  # what rounding to bfloat16 loses


@pytest.mark.slow
def test_settings_that_this_model_cannot_use_are_one_line(tmp_path, tiny):
    with pytest.raises(AssertionError, match="one matrix for its input embedding"):
        run_of(tmp_path, tiny, lora={"modules_to_save": ["lm_head"]})
    (tmp_path / "bias").mkdir()
    with pytest.raises(AssertionError, match="bias: all, but those layers have no bias"):
        run_of(tmp_path / "bias", tiny, lora={"bias": "all"})
