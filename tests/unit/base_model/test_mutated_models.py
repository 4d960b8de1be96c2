"""Model folders that were damaged at random: one line for each, at once; nothing but a whole model is used."""

import json
import pickle
import random
import shutil
import struct
import time
from pathlib import Path

import pytest
from safetensors import SafetensorError

from qaloom.base_model.stage import base_model
from qaloom.errors import QALoomError
from qaloom.inference.architecture import architecture
from qaloom.inference.model import load_model
from qaloom.inference.prompt import prompt_ids, prompt_kind, stop_ids

ODD = [
    None,
    True,
    -1,
    0,
    1,
    3,
    10**6,
    10**12,
    10**30,
    1e308,
    0.5,
    "",
    "x",
    "../../x",
    "Ünï",
    [],
    [1],
    {},
    {"a": 1},
]
TEXTS = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "chat_template.jinja",
]


def flip(chance, path):
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 1, 8])):
        if content:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def cut(chance, path):
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content) + 1)])


def empty(chance, path):
    path.write_bytes(b"")


def remove(chance, path):
    path.unlink()


def becomes_folder(chance, path):
    path.unlink()
    path.mkdir()


def noise(chance, path):
    path.write_bytes(chance.randbytes(chance.choice([1, 8, 4096])))


def places(value, found=None):
    """All (holder, key) of a JSON value."""
    found = [] if found is None else found
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        found.append((value, key))
        if isinstance(inner, dict | list):
            places(inner, found)
    return found


def odd_value(chance, path):
    """A value of a JSON document dropped, or another one in its place; most often one of the outer ones."""
    if path.suffix != ".json":
        return flip(chance, path)
    document = json.loads(path.read_bytes())
    outer = [(document, key) for key in document]
    holder, key = chance.choice(outer if chance.random() < 0.7 else places(document))
    if chance.random() < 0.3 and isinstance(holder, dict):
        del holder[key]
    else:
        holder[key] = chance.choice(ODD)
    path.write_text(json.dumps(document))


def other_tensors(chance, path):
    """A weight dropped, renamed, added, transposed or of another type, in a file that is well-formed."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(path)
    name = chance.choice(sorted(tensors))
    tensor = tensors.pop(name)
    change = chance.randrange(5)
    if change == 1:
        tensors[name.replace("weight", "wait")] = tensor
    elif change == 2:
        tensors |= {name: tensor, name.replace("0", "7").replace("1", "8"): tensor.clone()}
    elif change == 3:
        tensors[name] = tensor[:-1].clone()
    elif change == 4:
        tensors[name] = tensor.reshape(-1)
    save_file(tensors, path, {"format": "pt"})


def odd_header(chance, path):
    """A header of safetensors that lies about offsets, types or its own length."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    holder, key = chance.choice(places(header))
    holder[key] = chance.choice([*ODD, [0, 10**15], "F64", "I8"])
    text = json.dumps(header).encode()
    size = chance.choice([len(text), len(text), 2**63, 0, len(text) + 5])
    path.write_bytes(struct.pack("<Q", size) + text + content[8 + length :])


class Program:
    """A pickle that runs a program when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def pickled(chance, path):
    name = chance.choice(["pytorch_model.bin", "model.pt", "pytorch_model-00001-of-00001.bin"])
    path.with_name(name).write_bytes(pickle.dumps(Program(path.with_name("ran"))))
    path.unlink()


def indexed(chance, path):
    names = [chance.choice(["model.safetensors", "other.safetensors", "../model.safetensors", 7, None])]
    index = chance.choice([{"weight_map": dict.fromkeys("ab", names[0])}, {"weight_map": names}, [], {}])
    path.with_name("model.safetensors.index.json").write_text(json.dumps(index))


def own_code(chance, path):
    """Python of the model's own, which `trust_remote_code` does not allow."""
    folder = path.parent
    (folder / "modeling_own.py").write_text(
        f"from pathlib import Path\nPath({str(folder / 'ran')!r}).touch()\n"
    )
    for name, classes in (
        ("config.json", ["AutoConfig", "AutoModelForCausalLM"]),
        ("tokenizer_config.json", ["AutoTokenizer"]),
    ):
        if chance.random() < 0.7:
            values = json.loads((folder / name).read_bytes())
            values["auto_map"] = dict.fromkeys(classes, "modeling_own.Own")
            if chance.random() < 0.5:
                values["model_type"] = "own"
            (folder / name).write_text(json.dumps(values))


ANY = [flip, cut, empty, remove, noise, becomes_folder]
WEIGHTS = [other_tensors, other_tensors, odd_header, pickled, indexed, own_code]


def mutated(seed, model, folder):
    """A copy of the model with one to three changes; the names of the changes."""
    chance = random.Random(seed)
    shutil.copytree(model, folder)
    (folder / "manifest.json").unlink(missing_ok=True)
    done = []
    for _ in range(chance.choice([1, 1, 2, 3])):
        weights = chance.random() < 0.4
        path = folder / ("model.safetensors" if weights else chance.choice(TEXTS))
        change = chance.choice(
            ANY + WEIGHTS if weights else [*ANY, odd_value, odd_value, odd_value, odd_value]
        )
        if path.is_file() and (path.stat().st_size or change in ANY):
            try:
                change(chance, path)
            except (
                ValueError,
                KeyError,
                IndexError,
                SafetensorError,
            ):  # a change before has left nothing to change
                continue
            done.append(f"{change.__name__} {path.name}")
    return done


def use(folder, work):
    """What the stages do with a base model, up to the first token of an answer."""
    out = work / "out"
    base_model(f"path:{folder}", out, work / "cache")
    architecture.cache_clear()
    architecture(out)
    loaded = load_model(out)
    kind = prompt_kind("auto", loaded.tokenizer)
    ids = prompt_ids(loaded.tokenizer, kind, "본원의 주소는?")
    assert stop_ids(loaded.tokenizer, kind) and max(ids) < loaded.model.get_input_embeddings().weight.shape[0]
    import torch

    loaded.model(torch.tensor([ids]))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_a_damaged_model_is_one_line_at_once(tiny, tmp_path, part):
    refused = 0
    for seed in range(50 * part, 50 * part + 50):
        work = tmp_path / str(seed)
        done = mutated(seed, tiny, work / "model")
        started = time.process_time()
        try:
            use(work / "model", work)
        except QALoomError as error:
            assert "\n" not in str(error) and len(str(error)) < 1000, (seed, done, error)
            refused += 1
        except Exception as error:
            raise AssertionError(
                f"seed {seed}: {', '.join(done)}: {type(error).__name__}: {error}"
            ) from error
        assert time.process_time() - started < 5, (seed, done)
        assert not list(work.rglob("ran")), (seed, done)
    assert refused > 20


def test_an_undamaged_model_is_used(tiny, tmp_path):
    shutil.copytree(tiny, tmp_path / "model")
    use(tmp_path / "model", tmp_path)
