"""The device that training runs on: GPU or CPU, free memory, driver, and one line when it cannot be used.

`probe` looks in a process of its own, so that the process that plans and waits holds no GPU memory.
`python -m qaloom.train.planning.device` prints what training would see.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType

import msgspec

from qaloom.console import job
from qaloom.errors import DeviceError, QALoomError
from qaloom.inference.model import compute_dtype

GB = 1e9
_DRIVERS = ("/proc/driver/nvidia/version", "/usr/lib/wsl/lib/nvidia-smi")
_SMI = ("nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi")
_NEWEST_DRIVER = 580  # what CUDA 13, which this build of torch brings, asks for
_HELD = 0.5  # of the card: more than this held by another process is worth a line
# What served these cards last: CUDA 12.6 builds of torch hold kernels from Maxwell to Hopper.
_OLDER_SET = "torch 2.8 from the cu126 wheels"


@dataclass(frozen=True)
class Device:
    """Where training runs, and its own memory (RAM on a CPU): the least of `count` equal cards."""

    kind: str  # cuda | cpu
    name: str
    free_bytes: int
    total_bytes: int
    count: int = 1
    capability: tuple[int, int] | None = None
    driver: str | None = None
    speeds: dict[str, float] = field(default_factory=dict)  # FLOP/s of a matrix product, by number format
    bfloat16: bool = False  # a CPU has instructions that multiply it


def probe(width: int = 2048, depth: int = 8192) -> Device:
    """The device that training will run on, its speed measured on a layer of `width` x `depth` channels.

    Raises DeviceError when a GPU driver is there and its card cannot be used: driver too old, a card that
    this build of torch has no kernels for, or its memory held by other processes.
    """
    command = [sys.executable, "-m", "qaloom.train.planning.device", "--json", str(width), str(depth)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    seen = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    if "error" in seen:
        raise DeviceError(seen["error"])
    if done.returncode or not seen:
        raise DeviceError(f"torch cannot look at this machine's devices (exit code {done.returncode})")
    return msgspec.convert(seen, Device)


def gpu_is_here() -> bool:
    """Whether this host has a GPU's driver, and its cards are not hidden; nothing is asked of a card."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") == ""
    return not hidden and any(Path(driver).exists() for driver in _DRIVERS)


def look(width: int, depth: int) -> Device:
    """The device here, seen from this process: on a GPU it creates a CUDA context. Raises DeviceError."""
    import torch

    if torch.cuda.is_available():
        return _gpu(torch, width, depth)
    if gpu_is_here():
        raise DeviceError(_unusable(driver_version()))
    import psutil

    memory, name = psutil.virtual_memory(), f"CPU, {torch.get_num_threads()} threads"
    bfloat16 = multiplies_bfloat16(torch.cpu.get_capabilities())
    dtype = "bfloat16" if bfloat16 else "float32"
    speeds = {dtype: matrix_speed("cpu", dtype, width, depth)}
    return Device("cpu", name, memory.available, memory.total, speeds=speeds, bfloat16=bfloat16)


def multiplies_bfloat16(capabilities: Mapping[str, object]) -> bool:
    """Whether a CPU has such instructions: avx512_bf16, amx_bf16, and their like on other processors.

    A timing would say otherwise while other work loads the machine, and a run would be trained in another format.
    """
    return any(bool(there) for name, there in capabilities.items() if name.endswith("bf16"))


def matrix_speed(kind: str, dtype: str, width: int, depth: int) -> float:
    """FLOP/s of a matrix product of the shape that a step is made of, best of a few."""
    import torch

    a, b = (
        torch.randn(rows, width, device=kind, dtype=torch.float32).to(getattr(torch, dtype))
        for rows in (1024, depth)
    )
    synchronize = torch.cuda.synchronize if kind == "cuda" else (lambda: None)
    times = []
    for _ in range(8):
        synchronize()
        start = time.perf_counter()
        a @ b.T
        synchronize()
        times.append(time.perf_counter() - start)
    return 2 * len(a) * width * depth / min(times)


def driver_version() -> str | None:
    """The NVIDIA driver's version, as nvidia-smi reports it; None without nvidia-smi."""
    lines = _smi("--query-gpu=driver_version")
    return lines[0] if lines else None


def holders() -> list[str]:
    """Other processes that hold GPU memory: 'pid 4242 (python3, 20480 MiB)', the largest first."""
    rows = [line.split(", ") for line in _smi("--query-compute-apps=pid,name,used_memory")]
    named = [row for row in rows if len(row) == 3 and row[0] != str(os.getpid())]
    named.sort(key=lambda row: -int("".join(c for c in row[2] if c.isdigit()) or 0))
    return [f"pid {pid} ({Path(name).name}, {memory})" for pid, name, memory in named]


def lacking_to_compile() -> str | None:
    """One line on what Triton, which compiles kernels at run time, lacks here, or None."""
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    missing = [] if compiler else ["a C compiler (gcc)"]
    if not Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        missing.append("Python's headers (python3-dev)")
    return f"Triton compiles kernels with {' and '.join(missing)}, not found here" if missing else None


def _gpu(torch: ModuleType, width: int, depth: int) -> Device:
    cards = range(torch.cuda.device_count())
    capability = min(torch.cuda.get_device_capability(card) for card in cards)
    name, driver = torch.cuda.get_device_name(), driver_version()
    _check_kernels(name, capability, torch.cuda.get_arch_list())
    try:
        memory = [torch.cuda.mem_get_info(card) for card in cards]
        dtype = compute_dtype(capability)
        speeds = {dtype: matrix_speed("cuda", dtype, width, depth)}
    except (torch.OutOfMemoryError, RuntimeError) as error:
        raise DeviceError(_failing(name, error)) from None
    free, total = min(memory)
    return Device("cuda", name, free, total, len(memory), capability, driver, speeds)


def _check_kernels(name: str, capability: tuple[int, int], built_for: list[str]) -> None:
    """Raise DeviceError when this build of torch holds no code that runs on the card.

    Binary code (sm_XY) runs on its own major version from its minor on; PTX (compute_XY) on all later ones.
    """
    major, minor = capability
    parts = [(kind, int(number[:-1]), int(number[-1])) for kind, number in map(_architecture, built_for)]
    runs = any(kind == "sm" and m == major and n <= minor for kind, m, n in parts)
    runs |= any(kind == "compute" and (m, n) <= capability for kind, m, n in parts)
    if parts and not runs:
        oldest = min((m, n) for _, m, n in parts)
        raise DeviceError(
            f"{name} has compute capability {major}.{minor}, and this build of torch has kernels from "
            f"{oldest[0]}.{oldest[1]} on; an older set serves it ({_OLDER_SET}), or hide the card with "
            "CUDA_VISIBLE_DEVICES= to train on the CPU"
        )


def _architecture(name: str) -> tuple[str, str]:
    kind, _, number = name.partition("_")
    return kind, "".join(character for character in number if character.isdigit())


def _unusable(version: str | None) -> str:
    escape = "or hide the card with CUDA_VISIBLE_DEVICES= to train on the CPU"
    if version and version.split(".")[0].isdigit() and int(version.split(".")[0]) < _NEWEST_DRIVER:
        return (
            f"the NVIDIA driver is {version}, and CUDA 13 needs driver {_NEWEST_DRIVER} or newer; "
            f"update the driver, {escape}"
        )
    return (
        f"an NVIDIA driver is here but torch cannot use the GPU; CUDA 13 needs driver {_NEWEST_DRIVER} or "
        f"newer (nvidia-smi shows yours), {escape}"
    )


def _failing(name: str, error: Exception) -> str:
    others = holders()
    if "out of memory" in str(error).lower() and others:
        return f"{name} has no free memory: it is held by {', '.join(others[:3])}; end that first"
    return f"{name} is there but fails at its first operation ({str(error).splitlines()[0]})"


def _smi(query: str) -> list[str]:
    """Lines of an nvidia-smi query, none where it is missing or fails."""
    for program in _SMI:
        try:
            command = [program, query, "--format=csv,noheader"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        return [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return []


def _print_json(width: int, depth: int) -> None:
    """The device, or why there is none, as one line of JSON."""
    try:
        print(json.dumps(asdict(look(width, depth))))
    except QALoomError as error:
        print(json.dumps({"error": str(error)}))


def _print() -> None:
    seen = probe()
    memory = f"{seen.free_bytes / GB:.1f} of {seen.total_bytes / GB:.1f} GB free"
    print(f"{seen.name}: {memory}" + (f", driver {seen.driver}" if seen.driver else ""))
    for line in [*(f"held by {other}" for other in holders()), lacking_to_compile()]:
        if line and seen.kind == "cuda":
            print(line)


if __name__ == "__main__":
    with job():
        _print_json(*map(int, sys.argv[2:])) if "--json" in sys.argv else _print()
