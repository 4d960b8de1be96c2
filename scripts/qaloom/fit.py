"""Command `python -m qaloom.fit`: the memory of each micro-batch on a card, also one that is not here."""

import logging
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from qaloom.base_model.stage import check_reference, embedded_config
from qaloom.config.load import complete
from qaloom.config.settings import RunSettings, typed
from qaloom.console import job
from qaloom.errors import DeviceError, ModelError, first_line
from qaloom.inference.architecture import Architecture, architecture
from qaloom.train.planning.choices import ADAM, choices
from qaloom.train.planning.device import GB, Device, probe
from qaloom.train.planning.plan import plan
from qaloom.train.recipe import Epoch, with_recipe

_RESERVED = 1e9  # of a card's memory, by the CUDA context and a desktop


def would_fit(size: Architecture, run: RunSettings, length: int, device: Device, gpus: int) -> Table:
    """A row for each precision and micro-batch: GB with all activations kept, and with checkpointing."""
    trained = "all trained" if run.method == "full" else f"rank {run.lora.r}"
    table = Table(title=f"{size.parameters / 1e9:.1f} billion parameters, {trained}, rows of {length} tokens")
    for column in ("precision", "micro-batch", "GB", "GB, checkpointing"):
        table.add_column(column, justify="right")
    for precision in ("32bit",) if device.kind == "cpu" else ("16bit", "8bit", "4bit"):
        found = list(choices(size, run, length, precision, (ADAM, False), gpus))
        for plain, recomputed in zip(found[::2], found[1::2], strict=True):
            needs = (_shown(choice.memory_bytes, device) for choice in (plain, recomputed))
            table.add_row(precision, str(plain.micro), *needs)
    return table


def _shown(needed: float, device: Device) -> str:
    return f"{needed / GB:.1f}" + ("" if needed <= device.free_bytes else " does not fit")


def _config(reference: str, folder: Path) -> Path:
    """The config.json of embedded:NAME, hub:ORG/NAME (only this file is fetched) or path:FOLDER."""
    kind, _, rest = reference.partition(":")
    if kind == "path":
        config = Path(rest).expanduser() / "config.json"
        if not config.is_file():
            raise ModelError(f"{reference}: there is no {config}")
        return config
    check_reference(reference)
    if kind == "embedded":
        return embedded_config(rest, folder, Path("cache/models"))
    from huggingface_hub import hf_hub_download

    repository, _, revision = rest.partition("@")
    try:
        return Path(hf_hub_download(repository, "config.json", revision=revision or None))
    except Exception as error:  # the hub's many; each says in its first line what is wrong
        raise ModelError(f"{reference}: its config.json cannot be fetched ({first_line(error)})") from None


def command(
    model: Annotated[str, typer.Option(help="embedded:NAME, hub:ORG/NAME[@REVISION] or path:FOLDER")],
    gpu_memory: Annotated[
        float, typer.Option(help="of a card that is not here, in GiB; 0: what is here")
    ] = 0,
    length: Annotated[int, typer.Option(help="tokens of the longest row")] = 2048,
    batch: Annotated[int, typer.Option(help="rows an optimizer step")] = 8,
    r: Annotated[str, typer.Option(help="rank of the adapter, or auto: by the model's size")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, 4bit, 8bit or 16bit")] = "auto",
    method: Annotated[str, typer.Option(help="lora or full")] = "lora",
    gpus: Annotated[int, typer.Option(help="equal cards of one machine")] = 1,
) -> None:
    """Say whether a model can be trained on a card, and how, without training."""
    logging.disable(logging.WARNING)  # libraries' remarks are no part of a plan
    rank = int(r) if r.isdecimal() else r
    values = {"precision": precision, "method": method, "max_length": length, "lora": {"r": rank}}
    values["training"] = {"effective_batch": batch}
    config = complete({"data": {"sources": ["-"]}, "runs": {"run": values}}, "options")
    with tempfile.TemporaryDirectory() as folder:
        size = architecture(_config(model, Path(folder) / "model").parent)
    if gpu_memory:
        total = int(gpu_memory * 2**30)
        name = f"a card of {gpu_memory:g} GiB"
        device = Device("cuda", name, int(total - _RESERVED), total, gpus, (8, 0))
    else:
        device = probe(size.hidden, size.intermediate)
    # Epochs follow from the rows, which no plan of memory needs.
    settings = with_recipe(config["runs"]["run"], size, Epoch(), device.kind == "cuda")
    run = typed(settings, RunSettings)
    console = Console()
    console.print(would_fit(size, run, length, device, gpus))
    try:
        planned = plan(size, run, [length], device, gpus)
    except DeviceError as error:
        console.print(f"It does not fit: {error}", soft_wrap=True)
        sys.exit(1)
    needed = planned.predicted_memory_bytes / GB
    console.print(f"It fits, in {needed:.1f} of {device.free_bytes / GB:.1f} GB:", soft_wrap=True)
    for line in planned.why:
        console.print(f"- {line}", soft_wrap=True)


if __name__ == "__main__":
    with job():
        typer.run(command)
