"""Export formats, and which of them are made of which."""

from typing import Any

FORMATS = ("adapter", "merged", "gguf-f16", "gguf-q8_0", "gguf-q4_k_m", "ollama")
_SMALLEST_FIRST = ("gguf-q4_k_m", "gguf-q8_0", "gguf-f16")


def wanted_formats(settings: dict[str, Any], run: str) -> list[str]:
    """The formats to make for a run, by the configuration's `export:`, in the order of FORMATS.

    A Modelfile names a GGUF file, so one comes along.
    """
    asked = settings["runs"].get(run, settings["formats"])
    needed = [*asked, weights_for_ollama(asked) or "gguf-q8_0"] if "ollama" in asked else asked
    return [kind for kind in FORMATS if kind in needed]


def weights_for_ollama(formats: list[str]) -> str | None:
    """The GGUF format that a Modelfile names: the smallest of those that are made."""
    return next((kind for kind in _SMALLEST_FIRST if kind in formats), None)
