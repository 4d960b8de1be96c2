"""GGUF files, llama.cpp's format, of merged models, by llama.cpp's own converter and quantizer."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from qaloom.config.load import ROOT
from qaloom.console import say_outcome
from qaloom.errors import ModelError
from qaloom.export.gguf_proof import proven_vocabulary
from qaloom.inference.prompt import load_tokenizer, own_stop_ids
from qaloom.packages import install_apart
from qaloom.processes import end_with_parent

CONVERTED = ("f16", "q8_0")  # kinds that the converter writes; others need llama.cpp's quantizer
# It brings a gguf package of its own, which must not be found by anything else: so it lies here.
CONVERTER = Path(sysconfig.get_path("data")) / "converter"


def to_gguf(folder: Path, kind: str, out: Path, code_allowed: bool = False) -> None:
    """Write the Hugging Face folder (16-bit) as a GGUF file `out` of kind f16, q8_0 or q4_k_m.

    Its vocabulary encodes as the folder's tokenizer does. Raises ModelError when llama.cpp does not know the
    model or cannot encode so, or a program is missing.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent) as work:
        vocabulary = Path(work) / "vocabulary.gguf"
        proven_vocabulary(load_tokenizer(folder, code_allowed), folder, own_stop_ids(folder), vocabulary)
        _to_gguf(folder, vocabulary, kind, out)


def _to_gguf(folder: Path, vocabulary: Path, kind: str, out: Path) -> None:
    if kind in CONVERTED:
        return _convert(folder, vocabulary, kind, out)
    quantiser = quantiser_path()
    full = out.with_name(f".{out.stem}.f16.gguf")
    try:
        _convert(folder, vocabulary, "f16", full)
        _run([quantiser, str(full), str(out), kind.upper()], out, "llama-quantize")
    finally:
        full.unlink(missing_ok=True)


def quantiser_path() -> str:
    """The path of llama.cpp's quantizer. Raises ModelError when it is not on the PATH."""
    found = shutil.which("llama-quantize")
    if not found:
        raise ModelError(
            "gguf-q4_k_m needs llama.cpp's llama-quantize, which is not on the PATH; install llama.cpp, or "
            "ask for gguf-q8_0 in export.formats"
        )
    return found


def _convert(folder: Path, vocabulary: Path, kind: str, out: Path) -> None:
    install_apart(ROOT / "requirements-converter.txt", CONVERTER)
    command = [sys.executable, "-m", "qaloom.export.gguf_converter", str(vocabulary)]
    command += ["--outtype", kind, "--outfile", str(out)]
    command += ["--model-name", out.stem.lstrip(".")]
    _run([*command, str(folder.resolve())], out, "llama.cpp's converter")


def _run(command: list[str], out: Path, name: str) -> None:
    """Run a program into the job's log; `out` is whole or absent. Raises ModelError with its last line."""
    part = out.with_name(f".{out.name}.part")
    command = [str(part) if word == str(out) else word for word in command]
    path = os.pathsep.join(filter(None, (str(CONVERTER), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=end_with_parent,
    )
    print(done.stdout, file=sys.stderr, flush=True)
    if done.returncode or not part.is_file():
        part.unlink(missing_ok=True)
        raise ModelError(
            f"{name} cannot make {out.name} ({_last_line(done.stdout)}); leave GGUF and Ollama out of "
            "export.formats for this model"
        )
    part.replace(out)
    say_outcome(f"convert: {out.name}: {out.stat().st_size / 1e6:,.0f} MB")


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
