"""Sentence embeddings by any encoder of a Hugging Face folder: one unit vector a text, kept by content.

Pooling and length are those of the folder's sentence-transformers files where it has them (`1_Pooling/config.json`,
`sentence_bert_config.json`), else the mean over all tokens.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from qaloom.console import bar, say
from qaloom.errors import DeviceError, ModelError
from qaloom.files import read_json, whole
from qaloom.inference.model import device_and_dtype
from qaloom.inference.prompt import load_error
from qaloom.trained_run import base_manifest

_BATCH_TOKENS = 16_384  # of a batch, padding counted
_LONGEST = 512  # tokens, where the folder names no other length
POOLING = "1_Pooling/config.json"


class Embedder(NamedTuple):
    """An embedding model's folder, where its vectors are kept, and the least cosine of two texts that are alike."""

    model: Path
    cache: Path
    threshold: float

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of some texts, float32 [texts, dimensions]."""
        return embed(texts, self.model, self.cache)


class ResidentEncoder:
    """An embedding model that stays in memory, for questions that come one by one; it keeps none of them."""

    def __init__(self, model: Path):
        self.tokenizer, self.model = _load(model)
        self.pooling, self.longest = _pooling(model), _longest(model, self.model.config)

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of a few texts, float32 [texts, dimensions]."""
        tokens = self.tokenizer(list(texts), truncation=True, max_length=self.longest)["input_ids"]
        return _forward(self.tokenizer, self.model, tokens, self.pooling).astype(np.float32)


def embedder_of(
    settings: Mapping[str, Any], model: Path | None, cache: Path = Path("cache/embeddings")
) -> Embedder | None:
    """The embedder of the `dedup` settings, given the model's folder; None where there is none."""
    return Embedder(model, cache, settings["embedding_threshold"]) if model else None


def embed(texts: Sequence[str], model: Path, cache: Path) -> np.ndarray:
    """Unit vectors of some texts, float32 [texts, dimensions].

    `model` is a folder that the base_model stage made. Vectors are kept in `cache`, by the model's content and
    the text. Raises ModelError when the folder cannot be loaded, DeviceError when the model does not fit.
    """
    file = cache / f"{base_manifest(model).sha256[:16]}.npz"
    known = _known(file)
    keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16] for text in texts]
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if missing:
        known |= zip(missing, _encoded(list(missing.values()), model), strict=True)
        _keep(file, known)
    return np.stack([known[key] for key in keys]).astype(np.float32) if keys else np.zeros((0, 1), np.float32)


def _known(file: Path) -> dict[bytes, np.ndarray]:
    if not file.is_file():
        return {}
    try:
        with np.load(file) as kept:  # a zip file, with checksums of its own
            keys = kept["keys"]
            return {key.tobytes(): vector for key, vector in zip(keys, kept["vectors"], strict=True)}
    except (OSError, ValueError, KeyError, BadZipFile):
        say(f"{file} is damaged; its vectors are made anew")
        return {}


def _keep(file: Path, known: dict[bytes, np.ndarray]) -> None:
    keys = np.frombuffer(b"".join(known), dtype=np.uint8).reshape(-1, 16)
    with whole(file) as stream:
        np.savez(stream, keys=keys, vectors=np.stack(list(known.values())))


def _encoded(texts: list[str], folder: Path) -> Iterator[np.ndarray]:
    """The vectors in the order of the texts, which are encoded by length, longest first."""
    tokenizer, model = _load(folder)
    pooling, longest = _pooling(folder), _longest(folder, model.config)
    tokens: list[list[int]] = tokenizer(texts, truncation=True, max_length=longest)["input_ids"]
    order = sorted(range(len(texts)), key=lambda at: -len(tokens[at]))
    found: dict[int, np.ndarray] = {}
    with bar("embedding", len(texts), "questions") as advance:
        while len(found) < len(texts):
            size = max(1, _BATCH_TOKENS // max(1, len(tokens[order[len(found)]])))
            batch = order[len(found) : len(found) + size]
            vectors = _forward(tokenizer, model, [tokens[at] for at in batch], pooling)
            found |= zip(batch, vectors, strict=True)
            advance(len(found))
    return (found[at] for at in range(len(texts)))


def _load(folder: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModel, AutoTokenizer

    device, dtype = device_and_dtype()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModel.from_pretrained(folder, dtype=dtype, device_map={"": device})
    except torch.OutOfMemoryError:
        raise DeviceError(f"{folder} does not fit into the GPU's free memory; close what holds it") from None
    except (OSError, ValueError, KeyError) as error:
        raise load_error(folder, error) from None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise ModelError(f"{folder}: its tokenizer has no padding token; name an encoder model")
    return tokenizer, model.eval()


def _pooling(folder: Path) -> str:
    """mean, cls, max or lasttoken, as sentence-transformers names it."""
    if not (folder / POOLING).is_file():
        return "mean"
    chosen = [
        name
        for name, on in read_json(folder / POOLING).items()
        if name.startswith("pooling_mode_") and on is True
    ]
    names = [
        name.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token") for name in chosen
    ]
    if names and names[0] in ("mean", "cls", "max", "last", "lasttoken"):
        return names[0].removesuffix("token")
    raise ModelError(
        f"{folder}: pooling {', '.join(chosen) or 'of no kind'} is not known; mean, cls, max, lasttoken are"
    )


def _longest(folder: Path, config: Any) -> int:
    file = folder / "sentence_bert_config.json"
    named = read_json(file).get("max_seq_length") if file.is_file() else None
    return min(named or _LONGEST, getattr(config, "max_position_embeddings", None) or _LONGEST)


def _forward(tokenizer: Any, model: Any, tokens: list[list[int]], pooling: str) -> np.ndarray:
    """Unit vectors of a batch, float16 [texts, dimensions]."""
    import torch

    batch = tokenizer.pad({"input_ids": tokens}, padding=True, return_tensors="pt").to(model.device)
    with torch.inference_mode():
        hidden = model(**batch).last_hidden_state.float()
    mask = batch["attention_mask"].unsqueeze(-1).bool()
    if pooling == "mean":
        pooled = hidden.masked_fill(~mask, 0).sum(1) / mask.sum(1)
    elif pooling == "max":
        pooled = hidden.masked_fill(~mask, -torch.inf).amax(1)
    else:
        at = torch.arange(mask.shape[1], device=mask.device) * mask.squeeze(-1)
        last = at.argmax(1) if pooling == "last" else torch.zeros_like(at[:, 0])
        pooled = hidden[torch.arange(len(hidden), device=hidden.device), last]
    vectors: np.ndarray = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy().astype(np.float16)
    return vectors


def near_vectors(
    vectors: np.ndarray, groups: Sequence[Any], threshold: float
) -> Iterator[tuple[int, int, float]]:
    """Pairs (i < j, cosine) of unit vectors at or above the threshold, each within one group."""
    members: dict[Any, list[int]] = {}
    for at, group in enumerate(groups):
        members.setdefault(group, []).append(at)
    for places in map(np.array, members.values()):
        own = vectors[places]
        for start in range(0, len(places), _ROWS):
            scores = own[start : start + _ROWS] @ own[start:].T
            for i, j in np.argwhere(scores >= threshold):
                if i < j:
                    yield int(places[start + i]), int(places[start + j]), float(scores[i, j])


_ROWS = 2048  # rows of one block of cosines
