"""Ask a tuned model: one question, or one after the other at a prompt."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from qaloom.errors import ModelError
from qaloom.files import read_json
from qaloom.generate import Loaded, greedy, load
from qaloom.job import job, say
from qaloom.prompt import prompt_ids, stop_ids


def ask(loaded: Loaded, kind: str, question: str, max_new_tokens: int) -> str:
    """Stream the answer to stdout as it is made, and return it."""
    import torch
    from transformers import TextStreamer

    model, tokenizer = loaded
    ids = torch.tensor([prompt_ids(tokenizer, kind, question)], device=model.device)
    streamer = TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "streamer": streamer}
    output = greedy(model, tokenizer, stop_ids(tokenizer, kind), max_new_tokens, **inputs)
    return tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True).strip()


def _open(run: Path) -> tuple[Loaded, str]:
    if not (run / "manifest.json").is_file():
        raise ModelError(
            f"{run} holds no trained run; name a folder such as results/train/demo (after make run)"
        )
    base = Path(read_json(run / "adapter_config.json")["base_model_name_or_path"])
    # It is as training saw it: from the project's folder, three above this one, or from where we are.
    found = next((path for path in (run.resolve() / "../../.." / base, base) if path.is_dir()), None)
    if found is None:
        raise ModelError(
            f"{run} was trained on {base}, which is not there; run the workflow again to bring it back"
        )
    say("ask: loading the model")
    trained = read_json(run / "manifest.json")
    precision = read_json(run / "plan.json")["precision"]
    return load(found, run, trained["settings"]["trust_remote_code"], precision), trained["prompt"]


def _answer(loaded: Loaded, kind: str, question: str, base: bool, max_new_tokens: int) -> None:
    if base:
        print("tuned: ", end="", flush=True)
    ask(loaded, kind, question, max_new_tokens)
    if base:
        print("base:  ", end="", flush=True)
        with loaded.model.disable_adapter():
            own = "chat" if loaded.tokenizer.chat_template else kind
            ask(loaded, own, question, max_new_tokens)


def _command(
    run: Annotated[Path, typer.Argument(help="folder of a trained run, such as results/train/demo")],
    question: Annotated[str, typer.Argument(help="without one, questions are read line by line")] = "",
    base: Annotated[bool, typer.Option(help="show the base model's answer too, in its own prompt")] = False,
    max_new_tokens: int = 256,
) -> None:
    """Ask the tuned model of RUN, in the prompt it was trained on."""
    logging.disable(logging.WARNING)  # what libraries remark is no part of an answer
    loaded, kind = _open(run)
    if question:
        return _answer(loaded, kind, question, base, max_new_tokens)
    for line in _lines():
        _answer(loaded, kind, line, base, max_new_tokens)


def _lines() -> Iterator[str]:
    """Questions: typed until an empty line, or those of a file."""
    if not sys.stdin.isatty():
        yield from filter(None, map(str.strip, sys.stdin))
        return
    say("Ask a question; an empty line or Ctrl-D ends.")
    try:
        while line := input("> ").strip():
            yield line
    except (EOFError, KeyboardInterrupt):
        return


if __name__ == "__main__":
    with job():
        typer.run(_command)
