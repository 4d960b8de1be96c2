"""Merge of an adapter into its base model, in 16 bits, whatever precision it was trained in."""

import json
from pathlib import Path
from typing import Any

from qaloom.console import bar, say_outcome
from qaloom.errors import ModelError
from qaloom.files import read_json, write_json, write_text
from qaloom.inference.chat_template import trained_template
from qaloom.inference.prompt import Tokenizer, load_error, load_tokenizer, stop_ids
from qaloom.inference.tokenizer_files import write_tokenizer
from qaloom.trained_run import TrainedRun, base_manifest


def merge(base: Path, run: Path, out: Path) -> None:
    """Write the model that base and adapter are together to `out`, a Hugging Face folder in 16 bits.

    Each weight is added in float32 and rounded once. The folder's chat template is the trained prompt, its
    generation settings stop where training ended an answer. Raises ModelError when the base is another one
    than trained on, or quantised itself.
    """
    trained = TrainedRun(run)
    _check_base(base, run, trained.manifest.base)
    tokenizer = load_tokenizer(run, trained.code_allowed)
    model = _merged(base, run, trained.code_allowed)
    model.generation_config.eos_token_id = stop_ids(tokenizer, trained.prompt)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    save_tokenizer(tokenizer, trained.prompt, out, trained.system)
    say_outcome(f"convert: {run.name}: merged in {str(model.dtype).removeprefix('torch.')}")


def save_tokenizer(tokenizer: Tokenizer, kind: str, out: Path, system: str = "") -> None:
    """Save a tokenizer with the trained prompt, and the run's system message, for its chat template.

    Byte-level BPE has a token for every byte and needs no byte fallback. Transformers notes it all the same
    when it reads a tokenizer from a GGUF file, and llama.cpp's converter then takes the vocabulary for
    SentencePiece's: such a file loads, and answers nothing.
    """
    template = trained_template(tokenizer, kind, system)
    write_tokenizer(tokenizer, out)
    for former in out.glob("*.jinja"):
        former.unlink()
    write_text(out / "chat_template.jinja", template)
    path = out / "tokenizer.json"
    if not path.is_file():
        return
    inner = read_json(path)
    if inner["model"].get("byte_fallback") and "ByteLevel" in json.dumps(inner["pre_tokenizer"]):
        inner["model"]["byte_fallback"] = False
        write_json(path, inner)


def _check_base(base: Path, run: Path, trained_on: str) -> None:
    now = base_manifest(base).sha256
    if now != trained_on:
        raise ModelError(
            f"{run.name} was trained on another base model ({trained_on[:12]}) than {base} is now "
            f"({now[:12]}); run the workflow to train it again"
        )
    if "quantization_config" in read_json(base / "config.json"):
        raise ModelError(
            f"{base} is itself quantised, and a merge would be no better; name its 16-bit model as base_model"
        )


def _merged(base: Path, run: Path, code_allowed: bool) -> Any:
    import torch
    from peft import PeftModel
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        model = AutoModelForCausalLM.from_pretrained(base, dtype="auto", trust_remote_code=code_allowed)
        adapted = PeftModel.from_pretrained(model, str(run))
    except (OSError, ValueError, SafetensorError) as error:
        raise load_error(base, error) from None
    layers = [layer for layer in adapted.modules() if hasattr(layer, "get_delta_weight")]
    with bar(f"convert: {run.name}, merging", len(layers), "weights") as advance, torch.inference_mode():
        for done, layer in enumerate(layers, 1):
            _add(layer)
            advance(done)
    merged = adapted.unload()
    # What is 16 bits already keeps its kind; of float32, bfloat16 keeps the range.
    return merged.to(torch.bfloat16) if merged.dtype == torch.float32 else merged


def _add(layer: Any) -> None:
    """Add a layer's adapter to its weight as PEFT does (DoRA scales, too), rounding the sum alone."""
    # Of experts, which one parameter holds, peft keeps that parameter's name.
    weight = getattr(layer.get_base_layer(), getattr(layer, "parameter_name", "weight"))
    kind = weight.dtype
    weight.data = weight.data.float()
    layer.merge()
    weight.data = weight.data.to(kind)
