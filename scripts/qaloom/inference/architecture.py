"""Size of a decoder, counted on its modules: the model is built without weights, on torch's meta device.

The configuration is resolved by transformers, so that defaults, nested text parts and other names for the same
value (`n_layer`, `num_layers`) count. Experts are counted apart: they are three-dimensional parameters, which are
neither quantised nor given an adapter.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from qaloom.errors import ModelError, first_line
from qaloom.files import read_json

# Of decoders whose code is not part of transformers: their names for its values.
_OTHER_NAMES = {
    "num_hidden_layers": ("num_layers", "n_layer", "n_layers"),
    "hidden_size": ("n_embd", "d_model"),
    "intermediate_size": ("n_inner", "ffn_dim", "ffn_hidden_size"),
    "num_attention_heads": ("n_head", "num_heads", "n_heads"),
    "num_key_value_heads": ("n_head_kv", "num_kv_heads"),
}
ALL_LINEAR = "all-linear"  # peft's name for every projection
# In a mixture of experts peft takes these for the experts' own, in dense layers and shared experts, too, and leaves
# the layers of that name out.
_TAKEN_FOR_EXPERTS = frozenset(("gate_proj", "up_proj", "down_proj"))


class Projection(NamedTuple):
    """A linear layer of one name and size, in so many `layers`."""

    name: str
    inputs: int
    outputs: int
    layers: int

    @property
    def parameters(self) -> int:
        """Weights in all of them."""
        return self.layers * self.inputs * self.outputs


class Architecture(NamedTuple):
    """A decoder's size; `kv` is the width of the keys of all heads, `other` the parameters of a vision tower."""

    layers: int
    hidden: int
    intermediate: int
    kv: int
    vocabulary: int
    tied: bool
    projections: tuple[Projection, ...]
    experts: int
    embedding: int
    other: int

    @property
    def linear(self) -> int:
        """Parameters in the projections, the ones that quantisation shrinks."""
        return sum(projection.parameters for projection in self.projections)

    @property
    def parameters(self) -> int:
        """All parameters of the language model but the norms' few."""
        return self.linear + self.experts + self.embedding

    @property
    def adaptable(self) -> list[Projection]:
        """The projections that can have an adapter."""
        return [p for p in self.projections if not (self.experts and p.name in _TAKEN_FOR_EXPERTS)]

    def adapter(self, r: int, targets: Sequence[str] = (ALL_LINEAR,)) -> int:
        """Parameters of a rank-r adapter on the projections named: r x (inputs + outputs) of each."""
        chosen = (p for p in self.adaptable if ALL_LINEAR in targets or p.name in targets)
        return r * sum(p.layers * (p.inputs + p.outputs) for p in chosen)


@lru_cache(maxsize=4)
def architecture(folder: Path, code_allowed: bool = False) -> Architecture:
    """The size of the model in a folder, from its config.json.

    Raises ModelError when there is none, it is broken, or it is not a decoder's.
    """
    file = folder / "config.json"
    values = _config_json(file)
    try:
        return _counted(_built(folder, code_allowed))
    except Exception as error:  # a broken configuration fails anywhere in transformers, in any way
        if "auto_map" not in values and not _is_unknown(error):
            raise ModelError(f"{file}: cannot be used ({first_line(error)}); name a text decoder") from None
    return _estimated(file, values)


def text_part(config: dict[str, Any]) -> dict[str, Any]:
    """The language model's part of a config.json: nested in models that also take images or sound."""
    return config.get("text_config", config)


def target_projections(size: Architecture, wanted: Sequence[str]) -> list[str]:
    """Names of the projections that get an adapter. Raises ModelError for a name that no layer has."""
    names = sorted({projection.name for projection in size.adaptable})
    unknown = [name for name in wanted if name != ALL_LINEAR and name not in names]
    if unknown:
        raise ModelError(
            f"lora.target_modules: the base model has no layer {unknown[0]} for an adapter; it has "
            f"{', '.join(names)}, and {ALL_LINEAR} stands for all of them"
        )
    return names if ALL_LINEAR in wanted else list(wanted)


def _config_json(file: Path) -> dict[str, Any]:
    try:
        values = read_json(file)
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: cannot be read ({first_line(error)})") from None
    if not isinstance(values, dict):
        raise ModelError(f"{file}: holds no JSON object")
    return values


def _is_unknown(error: Exception) -> bool:
    return isinstance(error, ValueError) and "does not recognize this architecture" in str(error)


def _built(folder: Path, code_allowed: bool) -> Any:
    """The model without weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder, trust_remote_code=code_allowed)
    config = (getattr(config, "quantization_config", None) and _unquantised(config)) or config
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, trust_remote_code=code_allowed)


def _unquantised(config: Any) -> Any:
    del config.quantization_config
    return config


def _counted(model: Any) -> Architecture:
    text = model.config.get_text_config(decoder=True)
    head, table = model.get_output_embeddings(), model.get_input_embeddings()
    vocabulary, hidden = table.weight.shape
    tied = bool(model.config.tie_word_embeddings)
    decoder = {id(p) for p in model.get_decoder().parameters()} | {id(p) for p in head.parameters()}
    layers = list(_projections(model, decoder, head))
    heads = text.num_attention_heads
    width = getattr(text, "head_dim", None) or hidden // heads
    kv = width * (getattr(text, "num_key_value_heads", None) or heads)
    return Architecture(
        layers=text.num_hidden_layers,
        hidden=hidden,
        intermediate=_intermediate(text, hidden),
        kv=kv,
        vocabulary=vocabulary,
        tied=tied,
        projections=tuple(Projection(*key, count) for key, count in sorted(Counter(layers).items())),
        experts=sum(p.numel() for p in model.parameters() if p.dim() == 3 and id(p) in decoder),
        embedding=vocabulary * hidden * (1 if tied else 2),
        other=sum(p.numel() for p in model.parameters() if id(p) not in decoder),
    )


def _projections(model: Any, decoder: set[int], head: Any) -> Iterator[tuple[str, int, int]]:
    """(name, inputs, outputs) of every linear layer of the decoder but its output head."""
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if module is head or weight is None or id(weight) not in decoder:
            continue
        kind = type(module).__name__
        if kind == "Linear":
            yield name.rpartition(".")[2], weight.shape[1], weight.shape[0]
        elif kind == "Conv1D":  # GPT-2's linear layer, its weight transposed
            yield name.rpartition(".")[2], weight.shape[0], weight.shape[1]


def _intermediate(text: Any, hidden: int) -> int:
    """Width of a layer's feed-forward part, of as many experts as one token goes through."""
    one = getattr(text, "intermediate_size", None) or getattr(text, "n_inner", None) or 4 * hidden
    used = getattr(text, "num_experts_per_tok", None)
    return used * (getattr(text, "moe_intermediate_size", None) or one) if used else one


def _estimated(file: Path, values: dict[str, Any]) -> Architecture:
    """The size of a Llama-like decoder whose own code is not run. Raises ModelError when keys are missing."""
    part = text_part(values)

    def value(name: str, default: Any = None) -> Any:
        names = (name, *_OTHER_NAMES.get(name, ()))
        found = next((part[key] for key in names if part.get(key) is not None), default)
        if not isinstance(found, int) or found <= 0:
            kind = values.get("model_type", "unknown")
            raise ModelError(f"{file}: the size of a model of type {kind} cannot be read ({name} is missing)")
        return found

    layers, hidden, heads = value("num_hidden_layers"), value("hidden_size"), value("num_attention_heads")
    width = value("head_dim", hidden // heads)
    query, kv = width * heads, width * value("num_key_value_heads", heads)
    inner, vocabulary = value("intermediate_size", 4 * hidden), value("vocab_size")
    tied = bool(values.get("tie_word_embeddings", part.get("tie_word_embeddings")))
    sizes = {
        "q_proj": (hidden, query), "k_proj": (hidden, kv), "v_proj": (hidden, kv), "o_proj": (query, hidden),
        "gate_proj": (hidden, inner), "up_proj": (hidden, inner), "down_proj": (inner, hidden),
    }  # fmt: skip
    projections = tuple(Projection(name, *size, layers) for name, size in sizes.items())
    embedding = vocabulary * hidden * (1 if tied else 2)
    return Architecture(layers, hidden, inner, kv, vocabulary, tied, projections, 0, embedding, 0)
