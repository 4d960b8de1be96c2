"""Server of a run: an OpenAI-compatible endpoint and a chat page, the base model beside the tuned one."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qaloom.console import say
from qaloom.errors import DeviceError, ModelError
from qaloom.export.gguf import to_gguf
from qaloom.export.merge import merge, save_tokenizer
from qaloom.export.parity_verdict import ExportManifest
from qaloom.files import changed_file, known_digests, read_document, read_json, write_json
from qaloom.inference.architecture import architecture, text_part
from qaloom.inference.llama_cpp import HEADERS, start_llama_server
from qaloom.inference.prompt import load_tokenizer
from qaloom.serve.access import Access
from qaloom.serve.app import Backend, application
from qaloom.serve.chat_requests import base_prompt, tuned_prompt
from qaloom.serve.chosen_model import chosen_model
from qaloom.serve.corrections import Corrections
from qaloom.serve.grounded import grounded_in_project
from qaloom.serve.limits import CONTEXT
from qaloom.serve.listening import bound, listening_at, run_until_stopped
from qaloom.serve.sources import Nearest
from qaloom.trained_run import TrainedRun, base_manifest

BASE = "base"
_EXPORTED = ("gguf-q8_0", "gguf-f16", "gguf-q4_k_m")  # exports that can be served, by preference
_QUANTIZATION = "q8_0"  # of a file converted here, where there is no export
_SLOTS = 4  # requests worked on at a time; more of them wait


def serve(
    project: Path, run: str, host: str, port: int, with_base: bool, access: Access, on_rows: bool = False
) -> None:
    """Serve the run's tuned model, and its base model if both fit into memory, until Ctrl-C.

    `on_rows`: its answers are grounded, whatever the project's configuration says.
    Raises ModelError when there is no such trained run, PortError when the address is taken.
    """
    trained = chosen_model(project, run)
    base = _base_folder(project, trained)
    nearest = Nearest(project / "results/split", "final" if trained.is_final else "train")
    grounded = grounded_in_project(project, run, on_rows)
    with bound(host, port) as socket, _backends(project, trained, base, with_base) as backends:
        corrections = Corrections(project, trained.folder.name)
        app = application(backends, nearest, access, corrections, grounded=grounded)
        address = listening_at(socket, host)
        grounds = f"; grounded on at most {grounded.grounding.most} rows" if grounded else ""
        say(f"serve: {' and '.join(backends)} at {address} (API: /v1{grounds}); Ctrl-C ends")
        run_until_stopped(app, socket)


def _base_folder(project: Path, run: TrainedRun) -> Path:
    if run.is_full_model:
        raise ModelError(f"{run.folder} was trained in full and is a model of its own; serve it as any other")
    base = project / run.base_model
    if not (base / "manifest.json").is_file():
        raise ModelError(f"{run.folder} was trained on {base}, which is not there; run the workflow again")
    return base


@contextmanager
def _backends(project: Path, run: TrainedRun, base: Path, with_base: bool) -> Iterator[dict[str, Backend]]:
    """The servers that hold the models, by the names that clients use."""
    from qaloom.serve.vllm import available, running_vllm

    name = run.folder.name
    if available() and not run.changes_base:  # vLLM takes low-rank matrices alone
        with running_vllm(run, base, CONTEXT) as server:
            prompts = {name: tuned_prompt(run), BASE: base_prompt(base, run.code_allowed)}
            yield {one: Backend(*server, one, prompt) for one, prompt in prompts.items()}
        return
    files = {name: _tuned_file(project, run, base)}
    if with_base and name != BASE:
        files[BASE] = _base_file(project, base)
    config = text_part(read_json(base / "config.json"))
    context = min(CONTEXT, config.get("max_position_embeddings", CONTEXT))
    files = _fitting(files, base, context)
    servers = {one: start_llama_server(file, one, context, _SLOTS) for one, file in files.items()}
    yield {
        one: Backend(
            server.listening_address,
            HEADERS,
            one,
            tuned_prompt(run) if one == name else base_prompt(base),
            context,
        )
        for one, server in servers.items()
    }


def _tuned_file(project: Path, run: TrainedRun, base: Path) -> Path:
    """The run's exported GGUF file, else one converted now and kept in the cache."""
    name, adapter = run.folder.name, run.manifest.adapter
    exports = project / "results/export" / name
    manifest = exports / "manifest.json"
    export = read_document(manifest, ExportManifest) if manifest.is_file() else None
    # An export of an earlier training of this run is not this model.
    proven = {kind for kind, one in export.parity.items() if one.adapter == adapter} if export else ()
    for kind in _EXPORTED:
        if export and kind in proven:
            files = {file: one.sha256 for file, one in export.files.items() if file.startswith(f"{kind}/")}
            if changed := changed_file(exports, files):
                say(f"serve: {exports / changed} is not the file that was proven; it is left out")
                continue
            return next((exports / kind).glob("*.gguf"))
    cached = project / "cache/serve" / f"{name}-{adapter[:16]}-{_QUANTIZATION}.gguf"
    return _cached_gguf(cached, name, lambda folder: merge(base, run.folder, folder))


def _base_file(project: Path, base: Path) -> Path:
    cached = project / "cache/serve" / f"base-{base_manifest(base).sha256[:16]}-{_QUANTIZATION}.gguf"
    return _cached_gguf(cached, "the base model", lambda folder: _with_own_prompt(base, folder))


def _with_own_prompt(base: Path, folder: Path) -> None:
    """The base model's folder, with its own prompt in a form that llama.cpp reads: chat where it has one."""
    tokenizer = load_tokenizer(base)
    for file in base.iterdir():
        if file.name != "manifest.json" and not file.name.startswith(("tokenizer", "special_tokens")):
            (folder / file.name).symlink_to(file.resolve())
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    save_tokenizer(tokenizer, "chat" if tokenizer.chat_template else "plain", folder)


def _cached_gguf(cached: Path, model: str, write_model: Callable[[Path], None]) -> Path:
    """A GGUF file of the cache, else converted from the Hugging Face folder that `write_model` fills."""
    voucher = cached.with_suffix(".json")
    with suppress(OSError, ValueError, AttributeError):
        if not changed_file(cached.parent, read_json(voucher)):
            return cached
    say(f"serve: converting {model} to llama.cpp's format, once")
    cached.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent) as folder:
        write_model(Path(folder))
        to_gguf(Path(folder), _QUANTIZATION, cached)
    write_json(voucher, known_digests(cached.parent, [cached.name]))
    return cached


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
    """Bytes of keys and values, in 16 bits, of `context` tokens in every slot and layer."""
    size = architecture(base)
    return size.layers * 2 * size.kv * 2 * context * _SLOTS
