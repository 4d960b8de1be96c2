"""llama.cpp server inside this process, to ask a GGUF file through."""

import os
import secrets
from pathlib import Path
from typing import Any

from qaloom.errors import DeviceError, ModelError, first_line

KEY = secrets.token_urlsafe(32)
HEADERS = {"Authorization": f"Bearer {KEY}"}


def start_llama_server(gguf: Path, name: str, context: int, slots: int, threads: int | None = None) -> Any:
    """Serve a GGUF file on a free port of the loopback interface; it ends with the returned object.

    `context` is the longest prompt with its answer, in tokens; `slots` requests are worked on at a time,
    further ones wait. The address is `.listening_address`. Raises ModelError when the file cannot be
    loaded, DeviceError when llama.cpp is not installed.
    """
    try:
        import xllamacpp
    except ImportError as error:
        raise DeviceError(
            f"llama.cpp cannot be used ({first_line(error)}); install xllamacpp again"
        ) from None
    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.model_alias = {name}
    params.n_ctx, params.n_parallel = context * slots, slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads or _threads()
    params.warmup, params.cache_ram_mib = False, 0
    # Any web page or user of this machine could otherwise find the port and ask.
    params.api_keys = [KEY]
    try:
        return xllamacpp.Server(params)
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{gguf} cannot be loaded by llama.cpp ({first_line(error)})") from None


def chat_prompt(client: Any, chat: list[dict[str, str]]) -> str:
    """The prompt that the server writes of a chat by its file's template; `client` is an httpx one."""
    return posted(client, "/apply-template", messages=chat)["prompt"]


def token_ids(client: Any, prompt: str) -> list[int]:
    """Token ids of a prompt, its control tokens and the begin token among them."""
    return posted(client, "/tokenize", content=prompt, add_special=True, parse_special=True)["tokens"]


def posted(client: Any, path: str, **body: Any) -> Any:
    """The server's reply to a request. Raises ModelError when it refuses."""
    reply = client.post(path, json=body)
    if reply.is_error:
        raise ModelError(f"llama.cpp cannot answer: {reply.text.strip()[:300]}")
    return reply.json()


def _threads() -> int:
    """As many as a rule may use (Snakemake sets OMP_NUM_THREADS), else as many as this process has."""
    return int(os.environ.get("OMP_NUM_THREADS", 0)) or len(os.sched_getaffinity(0))
