"""What computes here, and the one line when a card is there that cannot be used. Cards are stand-ins."""

import json
import subprocess
import sys
from types import SimpleNamespace

import msgspec
import pytest
import torch

from qaloom.errors import DeviceError
from qaloom.train.planning import device as probe

CUDA_13 = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120"]


@pytest.fixture
def no_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def a_card(monkeypatch, name="Tesla T4", capability=(7, 5), free=15e9, built_for=CUDA_13):
    """A card as torch.cuda describes it; matrices stay on the CPU."""
    answers = {
        "is_available": lambda: True,
        "device_count": lambda: 2,
        "get_device_capability": lambda card=0: capability,
        "get_device_name": lambda: name,
        "get_arch_list": lambda: built_for,
        "mem_get_info": lambda card=0: (int(free - card * 1e9), 16_000_000_000),
    }
    for attribute, answer in answers.items():
        monkeypatch.setattr(torch.cuda, attribute, answer)
    monkeypatch.setattr(probe, "matrix_speed", lambda kind, dtype, width, depth: 5e13)
    monkeypatch.setattr(probe, "driver_version", lambda: "580.95.05")


def test_the_device_here_is_seen_from_a_process_of_its_own(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    device = probe.probe(64, 128)
    assert device.kind == "cpu" and 0 < device.free_bytes <= device.total_bytes
    assert list(device.speeds) == ["bfloat16" if device.bfloat16 else "float32"]
    assert min(device.speeds.values()) > 0


@pytest.mark.parametrize(
    ("capabilities", "multiplies"),
    [
        ({"avx512_f": True, "avx512_bf16": False, "cpu_name": "x"}, False),
        ({"avx512_bf16": True}, True),
        ({"amx_tile": True, "amx_bf16": True}, True),
        ({}, False),
    ],
)
def test_a_cpus_number_format_follows_its_instructions(capabilities, multiplies):
    assert probe.multiplies_bfloat16(capabilities) is multiplies


def test_a_card_is_described_by_the_one_with_least_room(monkeypatch):
    a_card(monkeypatch)
    device = probe.look(64, 128)
    assert (device.kind, device.count, device.capability) == ("cuda", 2, (7, 5))
    assert device.free_bytes == 14_000_000_000 and device.driver == "580.95.05"
    assert device.speeds == {"float16": 5e13}
    assert (
        msgspec.convert(json.loads(json.dumps(vars(device))), probe.Device) == device
    )  # as plan.json keeps it


@pytest.mark.parametrize(
    ("name", "capability"), [("Tesla V100-SXM2-32GB", (7, 0)), ("GeForce GTX 1080", (6, 1))]
)
def test_a_card_without_kernels_names_the_set_that_serves_it(monkeypatch, name, capability):
    a_card(monkeypatch, name, capability)
    with pytest.raises(DeviceError, match=rf"{name} has compute capability .* from 7\.5 on; .*torch 2\.8"):
        probe.look(64, 128)


@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 3), (12, 1), (13, 0)])
def test_a_card_with_kernels_of_its_generation_or_newer_ptx_is_used(monkeypatch, capability):
    a_card(monkeypatch, capability=capability)
    assert probe.look(64, 128).capability == capability


def test_memory_held_by_another_process_names_it(monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB")

    a_card(monkeypatch)
    monkeypatch.setattr(probe, "matrix_speed", full)
    monkeypatch.setattr(
        probe, "_smi", lambda query: ["17, /usr/bin/vllm, 200 MiB", "4242, /opt/bin/python3, 15120 MiB"]
    )
    with pytest.raises(DeviceError, match=r"held by pid 4242 \(python3, 15120 MiB\), pid 17 \(vllm"):
        probe.look(64, 128)


def test_a_card_that_fails_is_one_line(monkeypatch):
    def failing(*_):
        raise RuntimeError("CUDA error: uncorrectable ECC error encountered\nCompile with ...")

    a_card(monkeypatch)
    monkeypatch.setattr(probe, "matrix_speed", failing)
    with pytest.raises(DeviceError, match=r"Tesla T4 is there but fails .*ECC error encountered\)$"):
        probe.look(64, 128)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("535.104.05", r"the NVIDIA driver is 535\.104\.05, and CUDA 13 needs driver 580"),
        (None, "needs driver 580"),
    ],
)
def test_a_driver_that_torch_cannot_use_is_one_line(monkeypatch, no_card, version, said):
    monkeypatch.setattr(probe.Path, "exists", lambda path: str(path) == "/proc/driver/nvidia/version")
    monkeypatch.setattr(probe, "driver_version", lambda: version)
    with pytest.raises(DeviceError, match=f"{said}.*CUDA_VISIBLE_DEVICES= to train on the CPU"):
        probe.look(64, 128)


def test_what_stops_the_process_reaches_the_one_that_asked(monkeypatch):
    def run(command, **_):
        assert command[:3] == [sys.executable, "-m", "qaloom.train.planning.device"]
        return SimpleNamespace(stdout='library noise\n{"error": "no card for you"}\n', returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(DeviceError, match=r"^no card for you$"):
        probe.probe()


def test_what_is_lacking_to_compile_kernels_is_named(monkeypatch, tmp_path):
    (tmp_path / "gcc").touch(mode=0o755)
    (tmp_path / "Python.h").touch()
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(probe.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    assert probe.lacking_to_compile() is None
    (tmp_path / "gcc").unlink()
    assert "with a C compiler (gcc), not found here" in probe.lacking_to_compile()
    (tmp_path / "Python.h").unlink()
    assert "(gcc) and Python's headers (python3-dev), not" in probe.lacking_to_compile()
