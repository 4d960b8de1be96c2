"""Conversion of a tuned model to one format that other programs open: adapter, merged weights, GGUF, Ollama."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from qaloom.console import job
from qaloom.errors import ModelError
from qaloom.export.gguf import to_gguf
from qaloom.export.merge import merge, save_tokenizer
from qaloom.export.ollama import begins_by_itself, modelfile
from qaloom.files import vouch_for, write_text
from qaloom.inference.prompt import load_tokenizer, stop_ids
from qaloom.trained_run import TrainedRun, base_manifest, check_converted

_ADAPTER = ("adapter_model.safetensors", "adapter_config.json")


def convert(kind: str, run: Path, base: Path, source: Path | None, out: Path) -> None:
    """Write the format `kind` of the adapter folder `run`, trained on `base`, to the folder `out`.

    `source` is the merged folder that a GGUF file is made of, or the GGUF folder that a Modelfile names;
    the other formats need none. Raises ModelError for a model that cannot take this format.
    """
    if source is None and kind not in ("adapter", "merged"):
        raise ModelError(f"{kind} is made of another format; name its folder with --source")
    if source:
        check_converted(source)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    if kind == "adapter":
        _adapter(TrainedRun(run), base, out)
    elif source is None:
        merge(base, run, out)
    elif kind == "ollama":
        _ollama(TrainedRun(run), base, source, out)
    else:
        quantisation = kind.removeprefix("gguf-")
        name = f"{run.name}-{quantisation}.gguf"
        to_gguf(source, quantisation, out / name, TrainedRun(run).code_allowed)
    for weights in out.glob("*.safetensors"):
        weights.chmod(0o644)  # safetensors lets its owner alone read, and an export is to be handed on
    vouch_for(out)


def _adapter(run: TrainedRun, base: Path, out: Path) -> None:
    """The adapter with its tokenizer; its base under the hub's name where it has one."""
    for name in _ADAPTER:
        shutil.copy2(run.folder / name, out / name)
    save_tokenizer(load_tokenizer(run.folder, run.code_allowed), run.prompt, out, run.system)
    kind, _, reference = base_manifest(base).origin.partition(":")
    if kind == "hub":
        text = (out / _ADAPTER[1]).read_text("utf-8")
        before = run.adapter_config.base_model_name_or_path
        write_text(out / _ADAPTER[1], text.replace(f'"{before}"', f'"{reference.partition("@")[0]}"'))


def _ollama(run: TrainedRun, base: Path, weights: Path, out: Path) -> None:
    tokenizer = load_tokenizer(run.folder, run.code_allowed)
    stop = stop_ids(tokenizer, run.prompt)
    save_tokenizer(tokenizer, run.prompt, out / ".tokenizer", run.system)
    file = next(weights.glob("*.gguf"))
    text = modelfile(
        load_tokenizer(out / ".tokenizer"),
        stop,
        f"../{weights.name}/{file.name}",
        begins_by_itself(file),
        base_manifest(base).licence,
        run.system,
    )
    shutil.rmtree(out / ".tokenizer")
    write_text(out / "Modelfile", text)


def command(
    kind: Annotated[str, typer.Argument(help="adapter, merged, gguf-f16, gguf-q8_0, gguf-q4_k_m or ollama")],
    run: Annotated[Path, typer.Argument(help="folder of a trained run, such as results/train/demo")],
    base: Annotated[Path, typer.Argument(help="its base model, a folder below results/base_model")],
    out: Path,
    source: Annotated[Path | None, typer.Option(help="merged folder (GGUF), GGUF folder (Ollama)")] = None,
) -> None:
    """Write one format of a trained run."""
    convert(kind, run, base, source, out)


if __name__ == "__main__":
    with job():
        typer.run(command)
