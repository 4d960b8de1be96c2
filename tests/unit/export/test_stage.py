"""Export: what is written is the trained model, and what is not does not get out, with the right words."""

import os
import shutil
import stat

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file
from taught import LIMIT, ROWS, teach

from qaloom.errors import ModelError
from qaloom.export.convert import convert
from qaloom.export.gguf import to_gguf
from qaloom.export.merge import merge
from qaloom.export.parity import parity
from qaloom.export.parity_verdict import (
    EndedParity,
    ExactMatchParity,
    ParityResult,
    PromptParity,
    parity_failures,
    parity_summary,
)
from qaloom.export.stage import ParityError, RunRecords, export
from qaloom.files import VOUCHER, read_json, write_json

BOUND = 0.05


@pytest.fixture(scope="module")
def project(tiny, tmp_path_factory):
    """A project whose run says every answer, with its merged weights and its adapter as exports."""
    project = teach(tiny, tmp_path_factory.mktemp("taught"))
    for kind in ("merged", "adapter"):
        convert(kind, run(project), base(project), None, converted(project, kind))
    return project


def run(project):
    return project / "results/train/demo"


def base(project):
    return project / "results/base_model/tiny"


def converted(project, kind):
    return project / "results/convert/demo" / kind


def asked(project, kind, folder):
    predictions = project / "results/evaluate/demo/predictions.jsonl"
    out = project / "results/parity/demo" / f"{kind}.json"
    settings = {"questions": 200, "max_new_tokens": "auto"}
    return parity(
        kind, folder, run(project), base(project), project / "results/split", predictions, out, settings
    )


@pytest.fixture
def merged(project, tmp_path):
    """A copy of the merged model, to plant a fault in."""
    folder = shutil.copytree(converted(project, "merged"), tmp_path / "merged")
    (folder / VOUCHER).unlink()  # or the fault would be found by its digest
    return folder


# ---------------------------------------------------------------- merged weights and adapters


@pytest.mark.parametrize("dora", [False, True])
def test_a_merged_model_is_base_and_adapter(project, tmp_path, dora):
    """Whatever kind of adapter it is: DoRA rescales what it adds to."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base(project), dtype=torch.float32)
    torch.manual_seed(0)
    config = LoraConfig(r=4, target_modules=["q_proj", "up_proj"], use_dora=dora, init_lora_weights=False)
    adapted = get_peft_model(model, config).eval()
    for name, weight in adapted.named_parameters():
        if "magnitude" in name:
            weight.data *= 1.5
    folder = shutil.copytree(run(project), tmp_path / "run", ignore=shutil.ignore_patterns("adapter*"))
    adapted.save_pretrained(folder)
    merge(base(project), folder, tmp_path / "merged")
    whole = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
    ids = torch.arange(5, 25)[None]
    apart = (whole(ids).logits - adapted(ids).logits).abs().max()
    assert apart < 0.05 * adapted(ids).logits.abs().max()


def test_merged_weights_are_base_and_adapter_in_16_bits_rounded_once(project):
    weights = load_file(converted(project, "merged") / "model.safetensors")
    before, lora = (
        load_file(base(project) / "model.safetensors"),
        load_file(run(project) / "adapter_model.safetensors"),
    )
    name = "model.layers.1.mlp.down_proj"
    added = (
        lora[f"base_model.model.{name}.lora_B.weight"] @ lora[f"base_model.model.{name}.lora_A.weight"] * 2
    )
    wanted = (before[f"{name}.weight"] + added).to(torch.bfloat16)
    assert torch.equal(weights[f"{name}.weight"], wanted)
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_16_bits_of_the_bases_own_kind(project, tmp_path, kind):
    halved = shutil.copytree(base(project), tmp_path / "base")
    weights = load_file(halved / "model.safetensors")
    save_file(
        {k: v.to(getattr(torch, kind)) for k, v in weights.items()},
        halved / "model.safetensors",
        {"format": "pt"},
    )
    write_json(halved / "config.json", read_json(halved / "config.json") | {"dtype": kind})
    convert("merged", run(project), halved, None, tmp_path / "out")
    assert {str(w.dtype) for w in load_file(tmp_path / "out/model.safetensors").values()} == {f"torch.{kind}"}


@pytest.mark.parametrize("kind", ["merged", "adapter"])
def test_an_export_answers_as_trained(project, kind):
    found = asked(project, kind, converted(project, kind))
    assert (found.n, found.same, found.prompts.same, found.prompts.n) == (4, 4, 8, 8)
    assert found.exact_match.tuned == found.exact_match.export == 1
    assert parity_failures(found, BOUND) == []
    assert parity_summary(found).startswith(f"{kind}: 4 of 4 answers identical, exact match 1.00 -> 1.00")


def test_plain_transformers_and_peft_answer_it_without_us(project):
    """As a user would: the folder's own template, end tokens and weights, nothing else."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    whole = AutoModelForCausalLM.from_pretrained(converted(project, "merged"), dtype=torch.float32)
    bare = AutoModelForCausalLM.from_pretrained(base(project), dtype=torch.float32)
    with_adapter = PeftModel.from_pretrained(bare, converted(project, "adapter"))
    for folder, model in (("merged", whole), ("adapter", with_adapter)):
        tokenizer = AutoTokenizer.from_pretrained(converted(project, folder))
        for _, question, answer in ROWS:
            chat = [{"role": "user", "content": question}]
            inputs = tokenizer.apply_chat_template(
                chat, add_generation_prompt=True, return_dict=True, return_tensors="pt"
            )
            output = model.generate(**inputs, max_new_tokens=LIMIT, do_sample=False)
            said = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
            assert said == answer


@pytest.mark.slow
def test_unsloth_loads_the_adapter_unchanged(project):
    import subprocess
    import sys

    code = (
        "from unsloth import FastLanguageModel\n"
        f"model, tokenizer = FastLanguageModel.from_pretrained({str(converted(project, 'adapter'))!r}, "
        "max_seq_length=512, load_in_4bit=False, dtype=None)\n"
        "FastLanguageModel.for_inference(model)\n"
        f"chat = [{{'role': 'user', 'content': {ROWS[1][1]!r}}}]\n"
        "ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True, "
        "return_tensors='pt').to(model.device)\n"
        f"out = model.generate(**ids, max_new_tokens={LIMIT}, do_sample=False)\n"
        "print('SAID', tokenizer.decode(out[0, ids['input_ids'].shape[1]:], skip_special_tokens=True))\n"
    )
    environment = os.environ | {"UNSLOTH_DISABLE_STATISTICS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert f"SAID {ROWS[1][2]}" in done.stdout, done.stdout + done.stderr


def test_another_base_model_is_no_base_to_merge_into(project, tmp_path):
    other = shutil.copytree(base(project), tmp_path / "other")
    write_json(other / "manifest.json", read_json(other / "manifest.json") | {"sha256": "f" * 64})
    with pytest.raises(
        ModelError, match=r"demo was trained on another base model \(000000000000\) than .* \(ffff"
    ):
        convert("merged", run(project), other, None, tmp_path / "out")


def test_a_quantised_base_cannot_be_merged_into_16_bits(project, tmp_path):
    other = shutil.copytree(base(project), tmp_path / "other")
    config = read_json(other / "config.json") | {"quantization_config": {"load_in_4bit": True}}
    write_json(other / "config.json", config)
    with pytest.raises(ModelError, match=r"is itself quantised.*; name its 16-bit model as base_model"):
        convert("merged", run(project), other, None, tmp_path / "out")


def test_an_adapter_names_its_base_as_the_hub_does(project, tmp_path):
    known = shutil.copytree(base(project), tmp_path / "known")
    write_json(known / "manifest.json", read_json(known / "manifest.json") | {"origin": "hub:org/name@abc"})
    convert("adapter", run(project), known, None, tmp_path / "out")
    assert read_json(tmp_path / "out/adapter_config.json")["base_model_name_or_path"] == "org/name"


# ---------------------------------------------------------------- planted faults


def test_a_wrong_template_is_found(project, merged):
    template = (merged / "chat_template.jinja").read_text()
    (merged / "chat_template.jinja").write_text(template.replace("assistant\n", "assistant: "))
    (why, *_) = parity_failures(asked(project, "merged", merged), BOUND)
    assert why.startswith(
        "8 of 8 prompts are tokenised otherwise than in training (wrong chat template or tokenizer); the "
        "first, '본원의 주소는?', differs at token "
    )


def test_a_missing_end_token_is_found(project, merged):
    settings = read_json(merged / "generation_config.json")
    write_json(merged / "generation_config.json", settings | {"eos_token_id": None})
    found = asked(project, "merged", merged)
    assert found.ended == EndedParity(tuned=4, export=0)
    assert parity_failures(found, BOUND)[0] == (
        "4 of 4 answers do not end where the tuned model's do (the end token is missing or another)"
    )


def test_another_base_is_found(project, merged):
    weights = load_file(base(project) / "model.safetensors")
    save_file(weights, merged / "model.safetensors", {"format": "pt"})
    found = asked(project, "merged", merged)
    why = parity_failures(found, BOUND)[-1]
    assert why.startswith(
        "exact match falls from 1.00 to 0.00, more than export.max_drop (0.05) allows, with 0 of 4"
    )
    assert (
        "(another base model, or weights that lost too much); the first that differs, '본원의 주소는?'" in why
    )
    assert found.differing[0].tuned == "가람시"


def test_a_fall_within_the_bound_passes():
    score = ExactMatchParity(0.8, 0.75, 20, -0.05, -0.1, 0.0, 0.3)
    found = ParityResult(
        "merged", "1" * 64, "here", 20, 18, score, EndedParity(20, 19), [], PromptParity(9, 9, None)
    )
    assert parity_failures(found, 0.05) == []
    found.ended.export = 18
    assert len(parity_failures(found, 0.05)) == 1


# ---------------------------------------------------------------- what is given out


@pytest.fixture
def given(project, tmp_path):
    """Export adapter and merged weights, with the parity results changed where they are given."""
    for kind in ("merged", "adapter"):
        asked(project, kind, converted(project, kind))

    def given(*kinds, memory=None, **changes):
        parities = {}
        for kind in kinds:
            parities[kind] = tmp_path / f"{kind}.json"
            write_json(parities[kind], read_json(project / f"results/parity/demo/{kind}.json") | changes)
        folders = {kind: converted(project, kind) for kind in kinds}
        about = RunRecords(project / "results/evaluate/demo/README.md", base(project), run(project), memory)
        return export("demo", folders, parities, about, tmp_path / "out", BOUND)

    return given


def test_the_manifest_names_sizes_digests_base_and_licence(given, tmp_path):
    manifest = given("merged", "adapter")
    weights = tmp_path / "out/merged/model.safetensors"
    assert manifest.files["merged/model.safetensors"].bytes == weights.stat().st_size
    assert len(manifest.files["merged/model.safetensors"].sha256) == 64
    assert (manifest.base_model.licence, manifest.base_model.origin) == ("mit", "path:tiny")
    assert read_json(tmp_path / "out/manifest.json") == msgspec.to_builtins(manifest)
    assert set(manifest.files) == {
        p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").glob("*/*")
    }
    assert stat.S_IMODE(weights.stat().st_mode) == 0o644


def test_the_model_card_travels_along_with_what_was_measured(given, tmp_path):
    from huggingface_hub import ModelCard

    given("merged")
    card = ModelCard.load(tmp_path / "out/README.md")
    assert (card.data.license, card.data.library_name) == ("mit", "transformers")
    assert "| `merged` | 0." in card.text
    assert "| 4 of 4 | 1.00 to 1.00 | 8 of 8 |" in card.text


@pytest.fixture
def memory(tmp_path):
    """Figures of a final model whose twin was trained on 20 of its 30 rows."""
    share = {"n": 10, "right": 0.9}
    probes = {"n": 4, "twin": 0.25, "final": 0.5, "difference": 0.25, "low": -0.5, "high": 1, "p": 0.4}
    figures = {
        "run": "demo", "adapter": "f" * 64, "evaluated_adapter": "1" * 64, "rows": 30, "evaluated_rows": 20,
        "answer_limit": {"tokens": 16, "chosen": "set", "references": 10, "cut_references": 0},
        "trained": share, "by": {"train": share}, "probes": probes,
    }  # fmt: skip
    write_json(tmp_path / "memory.json", figures)
    return tmp_path / "memory.json"


def test_the_card_of_a_final_model_says_whose_scores_it_shows(given, memory, tmp_path):
    from huggingface_hub import ModelCard

    manifest = given("merged", memory=memory)
    assert (manifest.adapter, manifest.evaluated_adapter) == ("f" * 64, "1" * 64)
    card = ModelCard.load(tmp_path / "out/README.md")
    intro = card.text.partition("\n## ")[0]
    assert "**The scores below are not this model's own, but its held-out twin's.**" in intro
    assert "(adapter `ffffffffffffffff`)" in intro and "(adapter `1111111111111111`)" in intro
    assert "all 30 rows" in intro and "on 20 of them" in intro
    assert "9 of 10 questions right that it was trained on (no test), and 2 of 4 probes" in intro
    assert {result.dataset_name for result in card.data.eval_results} == {
        "held-out questions to its twin (recall)"
    }
    assert read_json(tmp_path / "out/manifest.json")["final"] == read_json(memory)


def test_a_final_model_that_is_its_twin_has_scores_of_its_own(given, memory, tmp_path):
    write_json(memory, read_json(memory) | {"adapter": "1" * 64})
    assert given("merged", memory=memory).adapter == "1" * 64
    assert "twin" not in (tmp_path / "out/README.md").read_text("utf-8")


def test_what_does_not_answer_as_trained_is_not_given_out(given, tmp_path):
    given("merged", "adapter")
    before = (tmp_path / "out/merged/model.safetensors").stat().st_ino
    with pytest.raises(
        ParityError, match="demo is not exported, since it does not answer as trained: merged: 4 of 4"
    ):
        given("merged", ended={"tuned": 4, "export": 0})
    assert not (tmp_path / "out/manifest.json").exists()
    assert (tmp_path / "out/merged/model.safetensors").stat().st_ino == before


def test_a_format_that_is_no_longer_asked_for_goes(given, tmp_path):
    given("merged", "adapter")
    given("adapter")
    assert [path.name for path in (tmp_path / "out").glob("*/")] == ["adapter"]


# ---------------------------------------------------------------- formats


def test_q4_without_a_quantiser_is_one_line(project, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        ModelError, match=r"gguf-q4_k_m needs llama.cpp's llama-quantize, which is not on the PATH"
    ):
        to_gguf(converted(project, "merged"), "q4_k_m", tmp_path / "a.gguf")


def test_q4_goes_through_the_quantiser_on_the_path(project, tmp_path, monkeypatch):
    fake = tmp_path / "bin/llama-quantize"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\necho "$3" > "$2"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("qaloom.export.gguf._convert", lambda *given: given[-1].write_text(given[-2]))
    to_gguf(converted(project, "merged"), "q4_k_m", tmp_path / "a.gguf")
    assert (tmp_path / "a.gguf").read_text() == "Q4_K_M\n"
    assert [path.name for path in tmp_path.glob(".*")] == []
