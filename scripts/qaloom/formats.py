"""Export formats, and which of them are made of which."""

FORMATS = ("adapter", "merged", "gguf-f16", "gguf-q8_0", "gguf-q4_k_m", "ollama")
_SMALLEST_FIRST = ("gguf-q4_k_m", "gguf-q8_0", "gguf-f16")


def weights_for_ollama(formats: list[str]) -> str | None:
    """The GGUF format that a Modelfile names: the smallest of those that are made."""
    return next((kind for kind in _SMALLEST_FIRST if kind in formats), None)
