"""A real model small enough for every test: two Llama layers, random weights, a byte-level tokenizer."""

import json
import os
from pathlib import Path

import pytest
from tiny_model import VARIANTS, make_tokenizer

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before the first test imports transformers


@pytest.fixture(autouse=True, scope="session")
def _no_fsync():
    """Files of a test need not outlive the machine; waiting for the disk took half of the time of some."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session")
def one_thread():
    """Torch on one thread, so that tests beside each other do not wait for each other."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session", params=list(VARIANTS))
def any_tokenizer(request, tmp_path_factory):
    """Each kind of tokenizer, as it comes back from a folder."""
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp(request.param)
    make_tokenizer(request.param).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, one_thread) -> Path:
    """The Hugging Face folder of the tiny model, with a ChatML template and a manifest."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=320, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=1,
        eos_token_id=4, pad_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    make_tokenizer("chatml").save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    (folder / "manifest.json").write_text(
        json.dumps({"origin": "path:tiny", "sha256": "0" * 64, "licence": "mit"})
    )
    return folder


@pytest.fixture(scope="session")
def tuned(tiny, tmp_path_factory) -> Path:
    """A project whose results/train/demo holds an adapter of the tiny model that changes what it says."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    project = tmp_path_factory.mktemp("project")
    (project / "results/base_model").mkdir(parents=True)
    (project / "results/base_model/tiny").symlink_to(tiny)
    run = project / "results/train/demo"
    torch.manual_seed(1)
    config = LoraConfig(
        r=4, target_modules=["q_proj", "v_proj", "up_proj", "down_proj"], task_type="CAUSAL_LM"
    )
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny), config)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(run)
    make_tokenizer("chatml").save_pretrained(run)
    adapter = json.loads((run / "adapter_config.json").read_text())
    adapter["base_model_name_or_path"] = "results/base_model/tiny"  # as the rule train leaves it
    (run / "adapter_config.json").write_text(json.dumps(adapter))
    settings = {
        "trust_remote_code": False,
        "method": "lora",
        "lora": {"r": 4, "alpha": None, "dropout": 0, "target_modules": ["q_proj", "v_proj"]},
        "training": {"epochs": 1, "learning_rate": 0.001},
    }
    digests = {"adapter": "1" * 64, "base": "0" * 64}
    manifest = {"prompt": "chat", **digests, "settings": settings, "versions": {"torch": "2"}}
    (run / "plan.json").write_text(json.dumps({"precision": "32bit"}))
    (run / "manifest.json").write_text(json.dumps(manifest))
    return project


@pytest.fixture(scope="session")
def translators(tmp_path_factory, one_thread) -> tuple[dict[str, str], Path]:
    """The tiny Marian pair: `augment.seq2seq.translators`, and the folder that base_model made of them."""
    from make_translators import make_pair

    from qaloom.base_model.stage import base_model, model_name

    folder, models = tmp_path_factory.mktemp("pair"), tmp_path_factory.mktemp("models")
    make_pair(folder)
    named = {way: f"path:{folder / way}" for way in ("ko-en", "en-ko")}
    for reference in named.values():
        base_model(reference, models / model_name(reference), models)
    return named, models
