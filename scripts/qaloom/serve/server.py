"""Serve a run: an OpenAI-compatible endpoint and a chat page, the base model beside the tuned one."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qaloom.console import say
from qaloom.errors import DeviceError, ModelError, QALoomError
from qaloom.export.gguf import to_gguf
from qaloom.export.merge import merge, save_tokenizer
from qaloom.files import read_json
from qaloom.inference.llama_cpp import HEADERS, start_llama_server
from qaloom.inference.prompt import is_full_model, load_tokenizer
from qaloom.serve.app import Backend, application
from qaloom.serve.sources import Nearest

BASE = "base"
_EXPORTED = ("gguf-q8_0", "gguf-f16", "gguf-q4_k_m")  # which of a run's exports is served, by preference
_KEPT = "q8_0"  # what is made where there is no export
_SLOTS = 4  # requests worked on at a time; more of them wait
_CONTEXT = 4096  # tokens of a question and its answer, unless the model takes fewer
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class PortError(QALoomError):
    """The address to serve on cannot be had."""


def serve(project: Path, run: str, host: str, port: int, with_base: bool) -> None:
    """Serve the run's tuned model, and its base model if both fit into memory, until Ctrl-C.

    Raises ModelError when there is no such trained run, PortError when the address is taken.
    """
    folder = project / "results/train" / run
    if not (folder / "manifest.json").is_file():
        raise ModelError(f"{folder} holds no trained run; name one with RUN= (after make run)")
    base = _base_folder(project, folder)
    nearest = Nearest(project / "results/split")
    with _bound(host, port) as socket, _backends(project, folder, base, with_base) as backends:
        _listen(application(backends, nearest, _hosts(host)), socket, list(backends))


def _base_folder(project: Path, run: Path) -> Path:
    if is_full_model(run):
        raise ModelError(f"{run} was trained in full and is a model of its own; serve it as any other")
    base = project / read_json(run / "adapter_config.json")["base_model_name_or_path"]
    if not (base / "manifest.json").is_file():
        raise ModelError(f"{run} was trained on {base}, which is not there; run the workflow again")
    return base


@contextmanager
def _backends(project: Path, run: Path, base: Path, with_base: bool) -> Iterator[dict[str, Backend]]:
    """The servers that hold the models, by the names that clients use."""
    from qaloom.serve.vllm import available, started

    if available():
        with started(run, base, _CONTEXT) as server:
            yield {run.name: Backend(*server, run.name), BASE: Backend(*server, BASE)}
        return
    files = {run.name: _tuned_file(project, run, base)}
    if with_base and run.name != BASE:
        files[BASE] = _base_file(project, base)
    context = min(_CONTEXT, read_json(base / "config.json").get("max_position_embeddings", _CONTEXT))
    files = _fitting(files, base, context)
    servers = {name: start_llama_server(file, name, context, _SLOTS) for name, file in files.items()}
    yield {name: Backend(one.listening_address, HEADERS, name) for name, one in servers.items()}


def _tuned_file(project: Path, run: Path, base: Path) -> Path:
    """The run's exported GGUF file, else one made now and kept in the cache."""
    exports = project / "results/export" / run.name
    adapter = read_json(run / "manifest.json")["adapter"]
    proven = read_json(exports / "manifest.json")["parity"] if (exports / "manifest.json").is_file() else {}
    for kind in _EXPORTED:
        # An export of an earlier training of this run is not this model.
        if kind in proven and proven[kind]["adapter"] == adapter:
            return next((exports / kind).glob("*.gguf"))
    kept = project / "cache/serve" / f"{run.name}-{adapter[:16]}-{_KEPT}.gguf"
    return _made(kept, run.name, lambda folder: merge(base, run, folder))


def _base_file(project: Path, base: Path) -> Path:
    sha = read_json(base / "manifest.json")["sha256"]
    kept = project / "cache/serve" / f"base-{sha[:16]}-{_KEPT}.gguf"
    return _made(kept, "the base model", lambda folder: _with_own_prompt(base, folder))


def _with_own_prompt(base: Path, folder: Path) -> None:
    """The base model's folder, with its own prompt in a form that llama.cpp reads: chat where it has one."""
    tokenizer = load_tokenizer(base)
    for file in base.iterdir():
        if file.name != "manifest.json" and not file.name.startswith(("tokenizer", "special_tokens")):
            (folder / file.name).symlink_to(file.resolve())
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    save_tokenizer(tokenizer, "chat" if tokenizer.chat_template else "plain", folder)


def _made(kept: Path, what: str, fill: Any) -> Path:
    """A GGUF file kept from before, or made of the Hugging Face folder that `fill` writes."""
    if kept.is_file():
        return kept
    say(f"serve: bringing {what} into llama.cpp's format, once")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        fill(Path(folder))
        to_gguf(Path(folder), _KEPT, kept)
    return kept


def _fitting(files: dict[str, Path], base: Path, context: int) -> dict[str, Path]:
    """The models that fit into the memory that is free: both, or the tuned one alone.

    A model takes its file's size, and keys and values of every token in every slot, in 16 bits.
    """
    import psutil

    free = psutil.virtual_memory().available
    needed = {name: file.stat().st_size + _cache_bytes(base, context) for name, file in files.items()}
    tuned = next(iter(files))
    if needed[tuned] > free:
        raise DeviceError(
            f"{tuned} needs {needed[tuned] / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} GiB are free; "
            "close what holds it"
        )
    if sum(needed.values()) > free:
        say(
            f"serve: the base model is left out: both need {sum(needed.values()) / 2**30:.1f} GiB of memory, "
            f"and {free / 2**30:.1f} GiB are free"
        )
        return {tuned: files[tuned]}
    return files


def _cache_bytes(base: Path, context: int) -> int:
    config = read_json(base / "config.json")
    heads = config.get("num_attention_heads", 1)
    width = config.get("head_dim") or config.get("hidden_size", 0) // heads
    layer = 2 * config.get("num_key_value_heads", heads) * width * 2
    return config.get("num_hidden_layers", 0) * layer * context * _SLOTS


@contextmanager
def _bound(host: str, port: int) -> Iterator[Any]:
    """The address to serve on, taken before the models are loaded."""
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except (OSError, OverflowError) as error:
            raise PortError(f"{host}:{port} cannot be served on ({error}); choose another PORT=") from None
        yield bound


def _hosts(host: str) -> list[str]:
    """The names this server answers to: on loopback only its own, elsewhere any."""
    return list(_LOOPBACK) if host in _LOOPBACK else ["*"]


def _listen(app: Any, bound: Any, models: list[str]) -> None:
    import uvicorn

    host, port = bound.getsockname()[:2]
    if host not in _LOOPBACK:
        say(f"serve: anyone who reaches {host} may ask, without a password")
    shown = f"[{host}]" if ":" in host else host
    bound.listen()  # whoever asks as soon as the address is said waits, and is not refused
    say(f"serve: {' and '.join(models)} at http://{shown}:{port} (API: /v1); Ctrl-C ends")
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
    server.run(sockets=[bound])
