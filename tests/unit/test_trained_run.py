"""A trained run's folder, read in one place: an adapter, a whole model, none, and a damaged one."""

from pathlib import Path

import pytest

from qaloom.errors import DataError, ModelError
from qaloom.files import digest, vouch_for, write_json
from qaloom.trained_run import TrainedRun, base_manifest, check_converted

MANIFEST = {
    "rows": "0", "base": "1" * 64, "settings": {"trust_remote_code": True}, "code": "c", "prompt": "plain",
    "adapter": "2" * 64, "versions": {"torch": "2"},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    write_json(tmp_path / "manifest.json", MANIFEST)
    write_json(tmp_path / "plan.json", {"precision": "4bit", "rungs": []})
    write_json(
        tmp_path / "adapter_config.json", {"base_model_name_or_path": "results/base_model/tiny", "r": 8}
    )
    return tmp_path


def test_an_adapter(folder):
    run = TrainedRun(folder)
    assert (run.prompt, run.code_allowed, run.precision) == ("plain", True, "4bit")
    assert (run.base_model, run.adapter_config.r) == (Path("results/base_model/tiny"), 8)
    assert (run.manifest.base, run.manifest.adapter, run.is_full_model) == ("1" * 64, "2" * 64, False)


def test_a_whole_model(folder):
    write_json(folder / "config.json", {})
    assert TrainedRun(folder).is_full_model


def test_no_run(tmp_path):
    with pytest.raises(ModelError, match=r"holds no trained run; name a run, or its folder, such as"):
        TrainedRun(tmp_path / "demo")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"prompt": "chat"}', b'{"prompt": 1}'])
def test_a_damaged_manifest_is_one_line(folder, content):
    (folder / "manifest.json").write_bytes(content)
    for read in (TrainedRun, base_manifest):
        with pytest.raises(
            DataError,
            match=r"manifest.json is damaged or of another version of QA Loom \(.*\); remove it and run",
        ) as caught:
            read(folder)
        assert "\n" not in str(caught.value)


def test_a_base_models_manifest(tmp_path):
    write_json(
        tmp_path / "manifest.json",
        {"origin": "hub:a/b", "sha256": "3" * 64, "licence": None, "files": {"a": digest({})}},
    )
    (tmp_path / "a").write_text("{}")
    assert base_manifest(tmp_path).origin == "hub:a/b" and list(base_manifest(tmp_path).files) == ["a"]


@pytest.mark.parametrize("damage", [lambda path: path.write_text("[]"), lambda path: path.unlink()])
def test_a_file_that_is_not_the_one_the_manifest_names_is_one_line(folder, damage):
    (folder / "adapter_model.safetensors").write_text("{}")
    base = {"origin": "hub:a/b", "sha256": "3" * 64}
    for read, manifest in ((TrainedRun, MANIFEST), (base_manifest, base)):
        (folder / "adapter_model.safetensors").write_text("{}")
        write_json(folder / "manifest.json", manifest | {"files": {"adapter_model.safetensors": digest({})}})
        read(folder)
        damage(folder / "adapter_model.safetensors")
        with pytest.raises(
            ModelError, match=r"adapter_model.safetensors is not the file that .*manifest.json names"
        ):
            read(folder)


def test_a_converted_format_that_was_damaged_is_one_line(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"weights")
    check_converted(tmp_path)  # an older version vouched for none
    vouch_for(tmp_path)
    check_converted(tmp_path)
    (tmp_path / "model.gguf").write_bytes(b"weight")
    with pytest.raises(
        ModelError, match=r"model.gguf is not as it was written.* Remove .* and run the workflow"
    ):
        check_converted(tmp_path)
