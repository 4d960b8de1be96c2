"""Completeness of a model's folder: its configuration, weights and tokenizer fit each other, before any work.

The weights are compared by transformers' own loader on torch's meta device: names and shapes count, with the loader's
rules for tied weights and renamed layers, and no weight is read.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qaloom.errors import ModelError, first_line
from qaloom.files import read_json
from qaloom.inference.embeddings import POOLING
from qaloom.inference.prompt import load_tokenizer

_PICKLES = ("*.pt", "*.pth", "*.pkl", "*.ckpt")
_MOST = 1 << 31  # of any size in a config.json
_COUNTS = re.compile(r"layer|depth|block|expert|n_head|num_heads|attention_heads|key_value_heads")
_NUMBER = re.compile(r"\d+")


def check_complete(folder: Path, reference: str, code_allowed: bool = False) -> None:
    """Raise ModelError, one line that names file and remedy, when a model's folder is incomplete or inconsistent.

    A model that is quantised, or whose own code may not run, is checked but for the shapes of its weights.
    """
    config = _config(folder, reference)
    tensors = _tensors(folder, reference)
    _check_counts(config, tensors, folder, reference)
    vocabulary = None
    if "quantization_config" not in config and ("auto_map" not in config or code_allowed):
        vocabulary = _check_weights(folder, reference, config, tensors, code_allowed)
    tokenizer = load_tokenizer(folder, code_allowed)
    ids = max(tokenizer.get_vocab().values(), default=-1) + 1
    if not ids or (vocabulary and ids > vocabulary):
        raise ModelError(
            f"{reference}: the tokenizer in {folder} has {ids:,} tokens and the model {vocabulary or 0:,}; copy the "
            "tokenizer files that belong to the model there"
        )


def _config(folder: Path, reference: str) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        config = read_json(file)
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{reference}: {file} cannot be read ({first_line(error)}); copy it again") from None
    if not isinstance(config, dict):
        raise ModelError(f"{reference}: {file} holds no JSON object; copy it again")
    return config


def _tensors(folder: Path, reference: str) -> dict[str, Path]:
    """The names of all weights in safetensors files, with their file; empty for a model in pytorch_model*.bin.

    Raises ModelError for a file that is cut, broken, or missing in the index.
    """
    from safetensors import SafetensorError, safe_open

    tensors: dict[str, Path] = {}
    for file in sorted(filter(Path.is_file, folder.glob("*.safetensors"))):
        try:
            with safe_open(file, "pt") as opened:
                tensors |= dict.fromkeys(opened.keys(), file)
        except (OSError, SafetensorError, ValueError) as error:
            raise ModelError(f"{reference}: {file} is damaged ({first_line(error)}); copy it again") from None
    for name, part in weight_map(folder, reference).items():
        if tensors.get(name) is None:
            raise ModelError(f"{reference}: {folder / part} lacks the weight {name}; copy it again")
    if not tensors and not any(folder.glob("pytorch_model*.bin")):
        pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
        found = f"only {pickles[0]}, which may hold a program" if pickles else "no weights"
        raise ModelError(f"{reference}: {folder} holds {found}; copy its *.safetensors there")
    return tensors


def weight_map(folder: Path, reference: str) -> dict[str, str]:
    """The file of each weight, by the index of a model in several files. Raises ModelError when it is damaged."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return {}
    try:
        named = read_json(index)["weight_map"]
        if all(isinstance(file, str) and Path(file).name == file for file in named.values()):
            return named
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise ModelError(f"{reference}: {index} is damaged; copy it again")


def _check_counts(config: dict[str, Any], tensors: dict[str, Path], folder: Path, reference: str) -> None:
    """Raise ModelError for sizes that no model has: to build it would take all memory or for ever."""
    for key, value in _integers(config):
        most = max(1024, 4 * len(tensors)) if _COUNTS.search(key) else _MOST
        if abs(value) > most:
            raise ModelError(
                f"{reference}: {folder / 'config.json'}: {key} is {value:.4g}; copy the file again"
            )


def _integers(values: Any, key: str = "") -> Iterator[tuple[str, float]]:
    """Numbers in a JSON value with the key that they stand under."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield from _integers(value, str(name))
    elif isinstance(values, list):
        for value in values:
            yield from _integers(value, key)
    elif isinstance(values, int | float) and not isinstance(values, bool):
        yield key, values


def _model_class(folder: Path, config: dict[str, Any]) -> str:
    """The name of transformers' class for a decoder, a translation model, or an encoder of sentence embeddings."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    if config.get("is_encoder_decoder"):
        return "AutoModelForSeq2SeqLM"
    encoder = str(config.get("model_type")) in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return "AutoModel" if encoder or (folder / POOLING).is_file() else "AutoModelForCausalLM"


def _check_weights(
    folder: Path, reference: str, config: dict[str, Any], tensors: dict[str, Path], code_allowed: bool
) -> int:
    """Compare the weights with the model that the configuration describes; return the embedding's rows."""
    import transformers

    kind = _model_class(folder, config)
    try:
        model, found = getattr(transformers, kind).from_pretrained(
            folder,
            device_map="meta",
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            trust_remote_code=code_allowed,
            local_files_only=True,
            weights_only=True,
        )
        rows, expected = model.get_input_embeddings().weight.shape[0], set(model.state_dict())
    except Exception as error:  # a broken configuration fails anywhere in transformers, in any way
        raise ModelError(
            f"{reference}: {folder} cannot be loaded ({first_line(error)}); copy it again"
        ) from None
    for name, there, wanted in sorted(found["mismatched_keys"]):
        raise ModelError(
            f"{reference}: {tensors.get(name, folder)}: {name} is {list(there)} and config.json makes it "
            f"{list(wanted)}; copy both from one model"
        )
    for name in sorted(
        found["missing_keys"] if kind != "AutoModel" else ()
    ):  # an encoder may lack its pooler
        raise ModelError(
            f"{reference}: {folder} lacks the weight {name} (of {len(found['missing_keys'])}); copy it again"
        )
    shapes = {_NUMBER.sub("#", name) for name in expected}
    for name in sorted(found["unexpected_keys"]):
        if _NUMBER.sub("#", name) in shapes:
            raise ModelError(
                f"{reference}: {tensors.get(name, folder)} holds {name}, of which config.json knows nothing; copy both "
                "from one model"
            )
    return rows
