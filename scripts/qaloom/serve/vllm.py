"""vLLM server of base model and adapter, where the command vllm is on the PATH and there is a GPU.

vLLM pins a torch of its own, so it lives in an environment of its own (`uv tool install vllm`).
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qaloom.console import say
from qaloom.errors import DeviceError
from qaloom.export.merge import save_tokenizer
from qaloom.inference.prompt import load_tokenizer
from qaloom.processes import end_with_parent
from qaloom.trained_run import TrainedRun

_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # what --max-lora-rank takes
_PATIENCE = 900  # seconds for a large model to load


def available() -> bool:
    """Whether the command vllm is on the PATH and a GPU is there."""
    if shutil.which("vllm") is None:
        return False
    import torch

    return torch.cuda.is_available()


@contextmanager
def running_vllm(run: TrainedRun, base: Path, context: int) -> Iterator[tuple[str, dict[str, str]]]:
    """A vLLM server with `base` and the adapter of `run`, both asked in the trained prompt.

    Yields its address and the headers that it wants. Raises DeviceError when it does not come up.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    key = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = load_tokenizer(run.folder, run.code_allowed)
        save_tokenizer(tokenizer, run.prompt, Path(folder), run.system)
        template = Path(folder) / "chat_template.jinja"
        # The key goes by the environment: every user of the machine can read a command line.
        environment = os.environ | {"VLLM_API_KEY": key}
        with subprocess.Popen(
            vllm_command(run, base, template, port, context), env=environment, preexec_fn=end_with_parent
        ) as server:
            try:
                headers = {"Authorization": f"Bearer {key}"}
                _wait(server, f"http://127.0.0.1:{port}")
                yield f"http://127.0.0.1:{port}", headers
            finally:
                server.terminate()


def vllm_command(run: TrainedRun, base: Path, template: Path, port: int, context: int) -> list[str]:
    """The command that starts vLLM: the base model as `base`, the adapter under the run's name."""
    r = run.adapter_config.r
    rank = next((rank for rank in _RANKS if rank >= r), r)
    quantized = ["--quantization", "bitsandbytes"] if run.precision in ("4bit", "8bit") else []
    return [
        "vllm", "serve", str(base), "--served-model-name", "base",
        "--enable-lora", "--max-lora-rank", str(rank), "--lora-modules", f"{run.folder.name}={run.folder}",
        "--chat-template", str(template), "--max-model-len", str(context),
        "--host", "127.0.0.1", "--port", str(port),
        *quantized, *(["--trust-remote-code"] if run.code_allowed else []),
    ]  # fmt: skip


def _wait(server: subprocess.Popen, url: str) -> None:
    import httpx

    say("serve: vLLM is loading the model")
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(1)
    raise DeviceError("vLLM did not start; its messages are in logs/serve")
