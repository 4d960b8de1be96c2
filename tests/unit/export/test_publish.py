"""Publish: only what was proven, only where one was told to, and never over somebody else's files."""

import pytest

from qaloom.errors import ModelError
from qaloom.export.publish import PublishError, publish
from qaloom.files import file_digest, read_json, write_json, write_text

FOREIGN = {"../mine": {"bytes": 1, "sha256": "0"}}


def manifest(formats, files):
    base = {"origin": "path:tiny", "revision": None, "licence": "mit", "sha256": "0" * 64}
    return {
        "run": "demo", "base_model": base, "formats": formats, "parity": {}, "files": files, "sha256": "1" * 64
    }  # fmt: skip


@pytest.fixture
def export(tmp_path):
    """An export of two files."""
    folder = tmp_path / "results/export/demo"
    files = {}
    for name in ("merged/model.safetensors", "ollama/Modelfile"):
        write_text(folder / name, name)
        files[name] = {"bytes": len(name), "sha256": file_digest(folder / name)}
    write_text(folder / "README.md", "card")
    write_text(folder / "merged/.left-behind", "not part of it")
    write_json(folder / "manifest.json", manifest(["merged", "ollama"], files))
    return folder


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_folder_gets_the_proven_files_card_and_manifest(export, tmp_path):
    out = tmp_path / "out"
    assert publish(export, str(out)) == str(out)
    assert names(out) == ["README.md", "manifest.json", "merged/model.safetensors", "ollama/Modelfile"]
    assert read_json(out / "manifest.json") == read_json(export / "manifest.json")
    publish(export, str(out))


def test_a_file_that_changed_since_it_was_proven_is_not_published(export, tmp_path):
    (export / "merged/model.safetensors").write_text("other")
    with pytest.raises(ModelError, match=r"merged/model.safetensors is not the file that was proven"):
        publish(export, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_without_a_proven_export_nothing_is_published(export, tmp_path):
    (export / "manifest.json").unlink()
    with pytest.raises(ModelError, match=r"holds no proven export; set export.formats and run"):
        publish(export, str(tmp_path / "out"))


def test_other_peoples_files_stay(export, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("mine")
    with pytest.raises(PublishError, match="holds other files; name a new folder"):
        publish(export, str(tmp_path / "out"))
    with pytest.raises(PublishError, match="is the export itself"):
        publish(export, str(export))
    with pytest.raises(PublishError, match="name a folder, or hub:ORG/NAME"):
        publish(export, "s3://bucket/model")


def test_a_manifest_that_is_not_ours_does_not_make_a_folder_ours(export, tmp_path):
    out = tmp_path / "out"
    for content in ({"sha256": "0"}, manifest([], FOREIGN), manifest([], {"a": {}}), ["run"]):
        write_json(out / "manifest.json", content)
        write_text(tmp_path / "mine", "mine")
        with pytest.raises(PublishError, match="holds other files"):
            publish(export, str(out))
        assert (tmp_path / "mine").exists() and names(out) == ["manifest.json"]


def test_a_format_that_is_no_longer_exported_goes_from_the_folder_too(export, tmp_path):
    out = tmp_path / "out"
    publish(export, str(out))
    manifest = read_json(export / "manifest.json")
    del manifest["files"]["ollama/Modelfile"]
    write_json(export / "manifest.json", manifest | {"formats": ["merged"]})
    publish(export, str(out))
    assert names(out) == ["README.md", "manifest.json", "merged/model.safetensors"]


CALLS = []


class FakeHub:
    """What huggingface_hub would be told to do."""

    def create_repo(self, name, **more):
        CALLS.append(("create_repo", name, more))
        return type("Url", (str,), {"repo_id": name})(f"hub/{name}")

    def upload_folder(self, **more):
        CALLS.append(("upload_folder", more.pop("repo_id"), more))


def test_a_hub_repository_is_private_unless_told_otherwise(export, monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi", FakeHub)
    CALLS.clear()
    assert publish(export, "hub:org/demo") == "hub/org/demo"
    (_, name, made), (_, _, sent) = CALLS
    assert (name, made) == ("org/demo", {"private": True, "exist_ok": True})
    assert sent["allow_patterns"] == [
        "merged/model.safetensors",
        "ollama/Modelfile",
        "README.md",
        "manifest.json",
    ]
    assert (sent["folder_path"], sent["commit_message"]) == (export, "demo: merged, ollama")
    publish(export, "hub:org/demo", public=True)
    assert CALLS[2][2]["private"] is False


def test_a_hub_that_refuses_is_one_line(export, monkeypatch):
    import httpx

    def refuse(*_, **__):
        raise httpx.ConnectError("no route")

    monkeypatch.setattr("huggingface_hub.HfApi.create_repo", refuse)
    with pytest.raises(
        PublishError, match=r"hub:org/demo cannot be written to \(ConnectError: no route\); export HF_"
    ):
        publish(export, "hub:org/demo")


def test_a_name_that_the_hub_could_not_know_is_one_line(export):
    with pytest.raises(PublishError, match="hub:a b is not a name the hub could know; write hub:ORG/NAME"):
        publish(export, "hub:a b")
