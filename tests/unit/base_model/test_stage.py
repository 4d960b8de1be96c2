"""Base models: linked, named by reference and by content, and one line for each way they can be missing."""

import json
import shutil
from types import SimpleNamespace

import httpx
import huggingface_hub
import pytest
from huggingface_hub import errors as hub

from qaloom.base_model.stage import EMBEDDED, _gguf, base_model, model_name
from qaloom.errors import ModelError
from qaloom.files import file_digest, read_json
from qaloom.trained_run import base_manifest


@pytest.fixture
def model(tiny, tmp_path):
    """A copy of the tiny model's folder, to be changed."""
    folder = tmp_path / "models" / "tiny"
    shutil.copytree(tiny, folder)
    (folder / "manifest.json").unlink()
    return folder


def link(model, tmp_path, name="out"):
    return base_model(f"path:{model}", tmp_path / name, tmp_path / "cache")


def test_a_path_model_is_linked_with_a_manifest(model, tmp_path):
    manifest = link(model, tmp_path)
    out = tmp_path / "out"
    assert base_manifest(out) == manifest
    assert manifest.origin == f"path:{model}" and manifest.revision is None
    assert manifest.licence == "mit"
    assert set(manifest.files) == {path.name for path in model.iterdir()} - {"README.md"}
    for name in [*manifest.files, "README.md"]:
        assert (out / name).is_symlink() and (out / name).resolve() == (model / name).resolve()


def test_the_sha256_is_the_contents(model, tmp_path):
    first = link(model, tmp_path).sha256
    moved = model.rename(tmp_path / "elsewhere")
    assert link(moved, tmp_path).sha256 == first
    (moved / "README.md").write_text("another card")
    assert link(moved, tmp_path).sha256 == first
    weights = moved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert link(moved, tmp_path).sha256 != first


def test_digests_that_are_kept_beside_a_model_are_no_part_of_it(model, tmp_path):
    first = link(model, tmp_path)
    for folder in (model, tmp_path / "out"):
        (folder / ".digests.json").write_text("{}")
    assert link(model, tmp_path) == first


def test_a_model_may_be_linked_from_a_linked_one(model, tmp_path):
    first = link(model, tmp_path)
    second = base_model(f"path:{tmp_path / 'out'}", tmp_path / "again", tmp_path)
    assert second.sha256 == first.sha256


def test_linking_again_drops_links_to_files_that_are_gone(model, tmp_path):
    (model / "merges.txt").write_text("")
    link(model, tmp_path)
    (model / "merges.txt").unlink()
    link(model, tmp_path)
    assert not (tmp_path / "out" / "merges.txt").is_symlink()


def test_only_its_own_links_are_ever_deleted(model, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    link(model, tmp_path)
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"
    with pytest.raises(ModelError, match="is the model's own folder"):
        base_model(f"path:{model}", model, tmp_path)
    assert (model / "model.safetensors").is_file()


def test_links_hold_where_results_is_itself_a_link(model, tmp_path):
    (tmp_path / "scratch" / "deep" / "results").mkdir(parents=True)
    (tmp_path / "results").symlink_to("scratch/deep/results")
    link(model, tmp_path, "results/base_model/tiny")
    assert read_json(tmp_path / "results/base_model/tiny/config.json")["hidden_size"] == 64


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no weights"),
        ("tokenizer.json", "no tokenizer"),
    ],
)
def test_an_incomplete_folder_is_named_with_what_it_lacks(model, tmp_path, missing, said):
    (model / missing).unlink()
    with pytest.raises(ModelError, match=rf"path:.*: .*{said}") as caught:
        link(model, tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"there is no folder .*nowhere"):
        base_model("path:nowhere", tmp_path / "out", tmp_path)


def test_training_arguments_are_no_weights(model, tmp_path):
    (model / "model.safetensors").rename(model / "training_args.bin")
    with pytest.raises(ModelError, match="no weights"):
        link(model, tmp_path)


def test_a_part_of_the_weights_that_is_missing_is_named(model, tmp_path):
    (model / "model.safetensors").rename(model / "model-00001-of-00002.safetensors")
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    with pytest.raises(ModelError, match=r"lacks model-00002-of-00002.safetensors"):
        link(model, tmp_path)


def test_a_git_lfs_note_is_not_taken_for_weights(model, tmp_path):
    (model / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(ModelError, match="git lfs pull"):
        link(model, tmp_path)


def test_an_unknown_embedded_model_names_those_there_are(tmp_path):
    with pytest.raises(ModelError, match=r"embedded:gpt-9 is not known; there is smollm2-135m-instruct"):
        base_model("embedded:gpt-9", tmp_path / "out", tmp_path)


def test_a_missing_package_or_file_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "packages").mkdir()
    with pytest.raises(ModelError, match=r"packages/no_such_package holds no .gguf file"):
        _gguf("no_such_package", tmp_path)
    monkeypatch.setenv("QALOOM_SMOLLM2_GGUF", str(tmp_path / "gone.gguf"))
    with pytest.raises(ModelError, match=r"QALOOM_SMOLLM2_GGUF names .*gone.gguf"):
        _gguf(next(iter(EMBEDDED.values())), tmp_path)


def test_names_are_readable_and_differ_with_the_reference():
    assert model_name("embedded:smollm2-135m-instruct") == "smollm2-135m-instruct"
    references = [
        "hub:a/Llama-3", "hub:b/Llama-3", "hub:a/Llama-3@main", "hub:a/Llama-3@refs/pr/1",
        "path:/x/Llama-3", "path:/y/Llama-3", "path:/x@1/Llama-3",
    ]  # fmt: skip
    names = [model_name(reference) for reference in references]
    assert len(set(names)) == len(names)
    assert {name[:-9] for name in names} == {"Llama-3"}
    assert model_name("path:/x/Llama-3/")[:-9] == "Llama-3"
    assert model_name("path:내 모델/라마 3")[:-9].isascii()


RESPONSE = httpx.Response(401, request=httpx.Request("GET", "https://huggingface.co/api/models/org/name"))
HUB_ERRORS = [
    (hub.GatedRepoError("Access is restricted", response=RESPONSE), "is gated and HF_TOKEN is not set"),
    (hub.RepositoryNotFoundError("404", response=RESPONSE), "no such model, or a private one"),
    (hub.RevisionNotFoundError("404", response=RESPONSE), "no revision 'v9'; leave it out"),
    (hub.LocalEntryNotFoundError("nothing cached"), "not in the local cache and the hub cannot be reached"),
    (hub.OfflineModeIsEnabled("offline"), "cannot be fetched .*: offline"),
    (
        hub.HfHubHTTPError("500 Server Error\nmore", response=RESPONSE),
        "cannot be fetched .*: 500 Server Error",
    ),
    (hub.HFValidationError("bad name"), "not a name the hub could know"),
    (httpx.ReadTimeout(""), "cannot be fetched .*ReadTimeout"),
    (OSError(28, "No space left on device"), "cannot be fetched .*No space left"),
]


@pytest.mark.parametrize(("error", "said"), HUB_ERRORS, ids=[type(e).__name__ for e, _ in HUB_ERRORS])
def test_every_failure_of_the_hub_is_one_line(monkeypatch, tmp_path, error, said):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(ModelError, match=rf"^hub:org/name@v9.*{said}") as caught:
        base_model("hub:org/name@v9", tmp_path / "out", tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_token_without_access_is_told_from_none(monkeypatch, tmp_path):
    def fail(*args, **kwargs):
        raise HUB_ERRORS[0][0]

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "hf_x")
    with pytest.raises(ModelError, match="HF_TOKEN is set but has no access"):
        base_model("hub:org/name", tmp_path / "out", tmp_path)


def test_a_hub_model_is_linked_out_of_the_hubs_cache(monkeypatch, model, tmp_path, capsys):
    """The cache's layout: snapshots/<commit>/<file> -> blobs/<sha256 for large files>."""
    commit, sha = "c" * 40, file_digest(model / "model.safetensors")
    blobs, snapshot = tmp_path / "hub/blobs", tmp_path / "hub/snapshots" / commit
    blobs.mkdir(parents=True)
    shutil.copytree(model, snapshot)
    (snapshot / "model.safetensors").rename(blobs / sha)
    (snapshot / "model.safetensors").symlink_to(f"../../blobs/{sha}")
    asked = {}

    def download(repository, dry_run=False, **arguments):
        asked.update(arguments, repository=repository)
        sizes = SimpleNamespace(file_size=2_000_000_000, will_download=True)
        return [sizes, SimpleNamespace(file_size=9, will_download=False)] if dry_run else str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    manifest = base_model("hub:org/name@main", tmp_path / "out", tmp_path)
    assert (asked["repository"], asked["revision"]) == ("org/name", "main")
    assert "base_model: downloading org/name: 2.0 GB, of " in capsys.readouterr().err
    assert "*.py" not in asked["allow_patterns"]
    assert manifest.revision == commit
    assert manifest.files["model.safetensors"] == sha
    base_model("hub:org/name", tmp_path / "out", tmp_path, code_allowed=True)
    assert asked["revision"] is None and "*.py" in asked["allow_patterns"]

    (blobs / sha).write_bytes((blobs / sha).read_bytes()[:-1] + b"x")
    with pytest.raises(
        ModelError, match=rf"{sha}, the cached model.safetensors, is damaged; remove it and run"
    ):
        base_model("hub:org/name", tmp_path / "out", tmp_path)
