"""Ask a tuned model: one question, or one after the other at a prompt."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from qaloom.console import job, say
from qaloom.errors import ModelError, first_line
from qaloom.files import read_json
from qaloom.inference.model import Loaded, load_model
from qaloom.inference.prompt import is_full_model, prompt_ids, stop_ids


def stream_answer(loaded: Loaded, kind: str, question: str, max_new_tokens: int) -> str:
    """Stream the answer to stdout as it is made, and return it."""
    import torch
    from transformers import TextStreamer

    from qaloom.inference.decoding import greedy

    model, tokenizer = loaded
    ids = torch.tensor([prompt_ids(tokenizer, kind, question)], device=model.device)
    streamer = TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "streamer": streamer}
    output = greedy(model, tokenizer, stop_ids(tokenizer, kind), max_new_tokens, **inputs)
    return tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True).strip()


def ask_server(url: str, model: str, question: str, max_new_tokens: int) -> str:
    """Stream the answer of a `make serve` at `url` to stdout as it is made, and return it.

    Raises ModelError when it cannot be reached or refuses.
    """
    import httpx

    body = {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": max_new_tokens}
    parts = []
    try:
        with httpx.stream(
            "POST", f"{url}/v1/chat/completions", json=body | {"stream": True}, timeout=None
        ) as reply:
            if reply.is_error:
                reply.read()
                raise ModelError(f"{url} refuses: {_told(reply)}")
            for line in reply.iter_lines():
                if line.startswith("data: {"):
                    parts += _said(json.loads(line.removeprefix("data: ")))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unreachable(url, error) from None
    print(flush=True)
    return "".join(parts).strip()


def _said(event: dict[str, Any]) -> list[str]:
    """Print what an event of a streamed reply adds to the answer, and return it."""
    parts = [choice.get("delta", {}).get("content") or "" for choice in event.get("choices", ())]
    print("".join(parts), end="", flush=True)
    return parts


def _unreachable(url: str, error: Exception) -> ModelError:
    return ModelError(f"{url} cannot be asked ({first_line(error)}); is make serve running there?")


def _told(reply: Any) -> str:
    try:
        return reply.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return f"status {reply.status_code}"


def _asker(run: str, max_new_tokens: int) -> tuple[Callable[[str], Any], Callable[[str], Any]]:
    """How to ask the tuned and the base model of a run's folder, or of a server's address."""
    if run.startswith(("http://", "https://")):
        url = run.rstrip("/").removesuffix("/v1")
        tuned, base = _served_models(url)
        return (
            lambda question: ask_server(url, tuned, question, max_new_tokens),
            lambda question: ask_server(url, base, question, max_new_tokens),
        )
    loaded, kind = _open(Path(run))
    own = "chat" if loaded.tokenizer.chat_template else kind

    def of_base(question: str) -> str:
        if is_full_model(Path(run)):
            raise ModelError(f"{run} was trained in full, so its base model is not in it; ask it alone")
        with loaded.model.disable_adapter():
            return stream_answer(loaded, own, question, max_new_tokens)

    return lambda question: stream_answer(loaded, kind, question, max_new_tokens), of_base


def _served_models(url: str) -> tuple[str, str]:
    """The names of the tuned and the base model at a server."""
    import httpx

    try:
        names = [model["id"] for model in httpx.get(f"{url}/v1/models", timeout=10).json()["data"]]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise _unreachable(url, error) from None
    return names[0], "base"


def _open(run: Path) -> tuple[Loaded, str]:
    if not (run / "manifest.json").is_file():
        raise ModelError(
            f"{run} holds no trained run; name a folder such as results/train/demo (after make run)"
        )
    trained = read_json(run / "manifest.json")
    code_allowed = trained["settings"]["trust_remote_code"]
    precision = read_json(run / "plan.json")["precision"]
    if is_full_model(run):
        say("ask: loading the model")
        return load_model(run, None, code_allowed, precision), trained["prompt"]
    base = Path(read_json(run / "adapter_config.json")["base_model_name_or_path"])
    # It is as training saw it: from the project's folder, three above this one, or from where we are.
    found = next((path for path in (run.resolve() / "../../.." / base, base) if path.is_dir()), None)
    if found is None:
        raise ModelError(
            f"{run} was trained on {base}, which is not there; run the workflow again to bring it back"
        )
    say("ask: loading the model")
    return load_model(found, run, code_allowed, precision), trained["prompt"]


def _answer(tuned: Callable[[str], Any], base: Callable[[str], Any], question: str, beside: bool) -> None:
    if beside:
        print("tuned: ", end="", flush=True)
    tuned(question)
    if beside:
        print("base:  ", end="", flush=True)
        base(question)


def _command(
    run: Annotated[
        str,
        typer.Argument(help="folder of a trained run, such as results/train/demo, or a make serve's address"),
    ],
    question: Annotated[str, typer.Argument(help="without one, questions are read line by line")] = "",
    base: Annotated[bool, typer.Option(help="show the base model's answer too, in its own prompt")] = False,
    max_new_tokens: int = 256,
) -> None:
    """Ask the tuned model of RUN, in the prompt it was trained on."""
    logging.disable(logging.WARNING)  # what libraries remark is no part of an answer
    ask_tuned, ask_base = _asker(run, max_new_tokens)
    for line in [question] if question else _lines():
        _answer(ask_tuned, ask_base, line, base)


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
