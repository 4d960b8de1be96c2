"""Questions to a tuned model from the command line: one, or one after the other at a prompt."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from qaloom.commands import command_line
from qaloom.config.addresses import bare_address
from qaloom.console import job, printable, say
from qaloom.errors import DataError, ModelError, first_line
from qaloom.inference.model import LoadedModel, load_model
from qaloom.inference.prompt import load_tokenizer, prompt_ids, stop_ids
from qaloom.serve.access import key_in
from qaloom.serve.chosen_model import chosen_model
from qaloom.serve.corrections import FILE, Corrections
from qaloom.serve.grounded import Ground, GroundedAnswers, grounded_in_project
from qaloom.serve.sources import Nearest, NearRows
from qaloom.trained_run import TrainedRun

_CORRECTS = "="  # before the right answer to the question just asked


class Told(NamedTuple):
    """An answer, and what it rests on where it is grounded."""

    text: str
    ground: Ground | None = None


Ask = Callable[[str], Told]


def stream_answer(
    loaded: LoadedModel, kind: str, question: str, max_new_tokens: int, system: str = ""
) -> str:
    """Stream the answer to stdout as it is made, and return it; `system` is the system message, if any."""
    import torch
    from transformers import TextStreamer

    from qaloom.inference.decoding import greedy

    class Streamer(TextStreamer):
        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            super().on_finalized_text(printable(text), stream_end)

    model, tokenizer = loaded
    ids = torch.tensor([prompt_ids(tokenizer, kind, question, system=system)], device=model.device)
    streamer = Streamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "streamer": streamer}
    output = greedy(model, tokenizer, stop_ids(tokenizer, kind), max_new_tokens, **inputs)
    return tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True).strip()


def ask_server(url: str, model: str, question: str, max_new_tokens: int, key: str | None = None) -> Told:
    """Stream the answer of a `make serve` at `url` to stdout as it is made, and return it with its ground, if any.

    Raises ModelError when it cannot be reached or refuses.
    """
    import httpx

    body = {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": max_new_tokens}
    parts: list[str] = []
    ground = None
    try:
        with httpx.stream(
            "POST",
            f"{url}/v1/chat/completions",
            json=body | {"stream": True},
            timeout=None,
            headers=_headers(key),
        ) as reply:
            if reply.is_error:
                reply.read()
                raise ModelError(f"{bare_address(url)} refuses: {_error_message(reply)}")
            for line in reply.iter_lines():
                if line.startswith("data: {"):
                    event = json.loads(line.removeprefix("data: "))
                    if "error" in event:
                        raise ModelError(f"{bare_address(url)} refuses: {event['error']['message']}")
                    parts += _print_delta(event)
                    ground = next(
                        (one["grounding"] for one in event["choices"] if "grounding" in one), ground
                    )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unreachable(url, error) from None
    print(flush=True)
    return Told("".join(parts).strip(), msgspec.convert(ground, Ground) if ground else None)


def _headers(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _print_delta(event: dict[str, Any]) -> list[str]:
    """Print the part of the answer in an event of a streamed reply, and return it."""
    parts = [choice.get("delta", {}).get("content") or "" for choice in event.get("choices", ())]
    print(printable("".join(parts)), end="", flush=True)
    return parts


def _unreachable(url: str, error: Exception) -> ModelError:
    return ModelError(
        f"{bare_address(url)} cannot be asked ({first_line(error)}); is {command_line('serve')} running there?"
    )


def _error_message(reply: Any) -> str:
    try:
        return reply.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return f"status {reply.status_code}"


def _asker(
    run: str | TrainedRun, max_new_tokens: int, key: str | None = None, on_rows: bool = False
) -> tuple[Ask, Ask]:
    """Functions that ask the tuned and the base model of a run, by its name or folder, or of a server."""
    if isinstance(run, str) and (url := _server(run)):
        tuned, base = _served_models(url, key)
        return (
            lambda question: ask_server(url, tuned, question, max_new_tokens, key),
            lambda question: ask_server(url, base, question, max_new_tokens, key),
        )
    loaded, trained = _open(run if isinstance(run, TrainedRun) else _trained(run))
    kind, system = trained.prompt, trained.system
    beside = loaded
    if trained.manifest.template:  # of the run's own, which is not the base model's
        beside = loaded._replace(
            tokenizer=load_tokenizer(Path(loaded.model.name_or_path), trained.code_allowed)
        )
    own = "chat" if beside.tokenizer.chat_template else "plain"

    def ask_base(question: str) -> Told:
        if trained.is_full_model:
            raise ModelError(
                f"{trained.folder} was trained in full, so its base model is not in it; ask it alone"
            )
        if trained.changes_base:
            raise ModelError(
                f"{trained.folder} has trained biases or whole layers, which cannot be turned off; ask it alone"
            )
        with loaded.model.disable_adapter():
            return Told(stream_answer(beside, own, question, max_new_tokens, system))

    def ask_tuned(question: str) -> Told:
        return Told(stream_answer(loaded, kind, question, max_new_tokens, system))

    grounded = grounded_in_project(_project_of(trained), trained.folder.name, on_rows)
    return (partial(_ask_on_rows, ask_tuned, grounded) if grounded else ask_tuned), ask_base


def _ask_on_rows(ask: Ask, grounded: GroundedAnswers, question: str) -> Told:
    """Ask with near rows above the question; without one, print the abstention and ask nothing."""
    rows = grounded.near(question)
    if not rows:
        text, ground = grounded.abstain(question)
        print(printable(text), flush=True)
        return Told(text, ground)
    noted = grounded.noted(question, rows, lambda text: True)
    answer = ask(noted.text).text
    return Told(answer, grounded.ground(question, noted.rows, answer))


def _served_models(url: str, key: str | None) -> tuple[str, str]:
    """The names of the tuned and the base model at a server."""
    import httpx

    try:
        reply = httpx.get(f"{url}/v1/models", timeout=10, headers=_headers(key))
        if reply.is_error:
            raise ModelError(f"{bare_address(url)} refuses: {_error_message(reply)}")
        names = [model["id"] for model in reply.json()["data"]]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise _unreachable(url, error) from None
    return names[0], "base"


def _trained(run: str) -> TrainedRun:
    """The trained run in a folder, or of a run's name in the project that is worked in."""
    if "/" in run or (Path(run) / "manifest.json").is_file():
        return TrainedRun(Path(run))
    return chosen_model(Path(), run)


def _open(run: TrainedRun) -> tuple[LoadedModel, TrainedRun]:
    """A run's tuned model, and the run."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # of loading the weights
    folder = run.folder
    if run.is_full_model:
        say("ask: loading the model")
        return load_model(folder, None, run.code_allowed, run.precision), run
    # The base model is named from the project's folder, three above this one, or from where we are.
    places = (folder.resolve() / "../../.." / run.base_model, run.base_model)
    base = next((path for path in places if path.is_dir()), None)
    if base is None:
        raise ModelError(
            f"{folder} was trained on {run.base_model}, which is not there; run the workflow again to bring it "
            "back"
        )
    say("ask: loading the model")
    return load_model(base, folder, run.code_allowed, run.precision), run


def _server(run: str) -> str:
    """The address of a server without /v1; empty for a run's name or folder."""
    return run.rstrip("/").removesuffix("/v1") if run.startswith(("http://", "https://")) else ""


def _nearest_of(run: str | TrainedRun, key: str | None) -> Callable[[str, str], NearRows] | None:
    """A function that finds the training rows nearest to an answer of a run or a server; None without rows."""
    if isinstance(run, str):
        return partial(_served_sources, _server(run), key)
    split = run.folder.resolve().parents[1] / "split"
    try:
        return Nearest(split, "final" if run.is_final else "train").support
    except DataError:  # the adapter was carried elsewhere, without its rows
        return None


def _served_sources(url: str, key: str | None, question: str, answer: str) -> NearRows:
    import httpx

    body = {"question": question, "answer": answer}
    try:
        reply = httpx.post(f"{url}/sources", json=body, headers=_headers(key), timeout=30)
        return msgspec.convert(reply.json(), NearRows)
    except (httpx.HTTPError, ValueError) as error:
        raise _unreachable(url, error) from None


def _project_of(run: TrainedRun) -> Path:
    """The project that a run's folder lies in, else where we are."""
    results = run.folder.resolve().parents[1]
    return results.parent if results.name == "results" else Path()


def _corrector(run: str | TrainedRun, key: str | None) -> Callable[[str, str, str], None]:
    """A function that keeps a question, the right answer and the wrong one for review, here or at a server."""
    if isinstance(run, TrainedRun):
        return Corrections(_project_of(run), run.folder.name).add
    return partial(_send_correction, _server(run), key)


def _send_correction(url: str, key: str | None, question: str, answer: str, wrong: str) -> None:
    import httpx

    body = {"question": question, "answer": answer, "wrong": wrong}
    try:
        reply = httpx.post(f"{url}/corrections", json=body, headers=_headers(key), timeout=30)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unreachable(url, error) from None
    if reply.is_error:
        raise ModelError(f"{bare_address(url)} refuses: {_error_message(reply)}")


def _say_sources(found: NearRows) -> None:
    """Name the rows on stderr: stdout has the answer alone."""
    if not found.supported:
        say("None of these training rows says this; check the answer before you use it:")
    for row in found.rows:
        say(f"  {row.source or '-'}:{row.line or '-'}  {row.question} -> {row.answer}"[:200])


def _say_ground(ground: Ground) -> None:
    """Name the rows that a grounded answer rests on, by their numbers, on stderr."""
    if ground.abstained:
        say("No row is near enough to this question; the model was not asked.")
    elif not ground.supported:
        say("The rows in the prompt do not say all of this; check the answer before you use it:")
    for row in ground.rows:
        if row.number in ground.citations or not ground.supported:
            page = f", {row.document} page {row.page}" if row.page else ""
            place = f"{row.source or '-'}:{row.line or '-'}{page}"
            say(f"  [{row.number}] {place}  {row.question} -> {row.answer}"[:300])


def _answer(tuned: Ask, base: Ask, question: str, beside: bool) -> Told:
    """Print the answers as they are made, and return the tuned model's."""
    if beside:
        print("tuned: ", end="", flush=True)
    answer = tuned(question)
    if beside:
        print("base:  ", end="", flush=True)
        base(question)
    return answer


def command(
    run: Annotated[
        str,
        typer.Argument(help="a run's name, the folder of a trained run, or a server's address"),
    ],
    question: Annotated[str, typer.Argument(help="without one, questions are read line by line")] = "",
    base: Annotated[bool, typer.Option(help="show the base model's answer too, in its own prompt")] = False,
    max_new_tokens: int = 256,
    api_key_env: Annotated[str, typer.Option(help="environment variable that holds a server's API key")] = "",
    grounded: Annotated[
        bool, typer.Option(help="put near rows into the prompt and cite them; a server decides for itself")
    ] = False,
) -> None:
    """Ask the tuned model of RUN, in the prompt it was trained on."""
    logging.disable(logging.WARNING)  # libraries' remarks are no part of an answer
    key = key_in(api_key_env) if api_key_env else None
    place = run if _server(run) else _trained(run)
    ask_tuned, ask_base = _asker(place, max_new_tokens, key, grounded)
    nearest = _nearest_of(place, key)
    asked, told = "", Told("")
    for line in [question] if question else _lines():
        if asked and line.startswith(_CORRECTS) and sys.stdin.isatty():
            _corrector(place, key)(asked, line.removeprefix(_CORRECTS), told.text)
            say(f"kept for review in {FILE}")
            continue
        asked, told = line, _answer(ask_tuned, ask_base, line, base)
        if told.ground:
            _say_ground(told.ground)
        elif nearest:
            _say_sources(nearest(line, told.text))


def _lines() -> Iterator[str]:
    """Questions: typed until an empty line, or those of a file."""
    if not sys.stdin.isatty():
        yield from filter(None, map(str.strip, sys.stdin))
        return
    say(
        "Ask a question; an empty line or Ctrl-D ends. After a wrong answer, = and the right one keep it for review."
    )
    try:
        while line := input("> ").strip():
            yield line
    except (EOFError, KeyboardInterrupt):
        return


if __name__ == "__main__":
    with job():
        typer.run(command)
