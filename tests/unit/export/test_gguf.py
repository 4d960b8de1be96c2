"""GGUF and Ollama, whole: converted by llama.cpp's converter, asked through llama.cpp, faults found."""

import os
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
from family_models import family_model
from taught import LIMIT, ROWS, teach

from qaloom.base_model.stage import EMBEDDED, _gguf
from qaloom.errors import ModelError
from qaloom.export.convert import convert
from qaloom.export.gguf import CONVERTER, to_gguf
from qaloom.export.ollama import begins_by_itself, modelfile
from qaloom.export.parity import parity
from qaloom.export.parity_verdict import parity_failures
from qaloom.export.runtimes import MessageSet, in_llama_cpp
from qaloom.files import VOUCHER, read_json, write_json
from qaloom.inference.llama_cpp import start_llama_server
from qaloom.inference.prompt import load_tokenizer, prompt_ids

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base(tmp_path_factory, one_thread):
    """A tiny Llama with SmolLM2's vocabulary, which llama.cpp knows, as transformers reads it from a GGUF."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    gguf = _gguf(next(iter(EMBEDDED.values())), tmp_path_factory.mktemp("cache"))
    source = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=source.backend_tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>",
        pad_token="<|endoftext|>", unk_token="<|endoftext|>",
    )  # fmt: skip
    tokenizer.chat_template = source.chat_template
    folder = tmp_path_factory.mktemp("base")
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=1,
        eos_token_id=2, pad_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    write_json(folder / "manifest.json", {"origin": "path:tiny", "sha256": "0" * 64, "licence": "mit"})
    return folder


@pytest.fixture(scope="module")
def project(base, tmp_path_factory):
    """A project with its run as merged weights, GGUF of two kinds, and a Modelfile."""
    project = teach(base, tmp_path_factory.mktemp("taught"))
    merged, q8 = (converted(project, kind) for kind in ("merged", "gguf-q8_0"))
    made = {"merged": None, "gguf-f16": merged, "gguf-q8_0": merged, "ollama": q8}
    for kind, source in made.items():
        convert(kind, project / "results/train/demo", base, source, converted(project, kind))
    return project


def converted(project, kind):
    return project / "results/convert/demo" / kind


def asked(project, kind, folder, out):
    results = project / "results"
    return parity(
        kind, folder, results / "train/demo", results / "base_model/tiny", results / "split",
        results / "evaluate/demo/predictions.jsonl", out, {"questions": 200, "max_new_tokens": LIMIT},
    )  # fmt: skip


def changed(file, out, *arguments):
    """A GGUF file with other metadata."""
    command = [
        sys.executable,
        "-m",
        "gguf.scripts.gguf_new_metadata",
        "--force",
        *arguments,
        str(file),
        str(out),
    ]
    environment = os.environ | {"PYTHONPATH": str(CONVERTER)}
    subprocess.run(command, check=True, capture_output=True, env=environment)


@pytest.mark.parametrize("kind", ["merged", "gguf-f16", "gguf-q8_0", "ollama"])
def test_every_format_answers_as_trained(project, kind, tmp_path):
    found = asked(project, kind, converted(project, kind), tmp_path / "out.json")
    assert (found.n, found.prompts.same, found.ended.export) == (4, 8, 4)
    assert found.exact_match.export == 1
    assert parity_failures(found, 0.05) == []
    assert ("llama.cpp" in found.runtime) == (kind != "merged")


@pytest.fixture(scope="module")
def more_trained(tmp_path_factory, one_thread):
    """A project whose run trained biases, input embedding and output head besides, as GGUF and Modelfile."""
    folder = tmp_path_factory.mktemp("more")
    base = family_model("deepseek-r1", folder / "base")
    project = teach(base, folder, bias="all", modules_to_save=["embed_tokens", "lm_head"])
    for kind, source in {"merged": None, "gguf-f16": "merged", "ollama": "gguf-f16"}.items():
        made_of = converted(project, source) if source else None
        convert(kind, project / "results/train/demo", base, made_of, converted(project, kind))
    return project


@pytest.mark.parametrize("kind", ["merged", "gguf-f16", "ollama"])
def test_trained_biases_and_whole_layers_answer_as_trained(more_trained, kind, tmp_path):
    found = asked(more_trained, kind, converted(more_trained, kind), tmp_path / "out.json")
    assert (found.n, found.prompts.same, found.exact_match.export) == (4, 8, 1)
    assert parity_failures(found, 0.05) == []


def test_trained_biases_and_whole_layers_are_in_the_file(more_trained):
    """Without them the answers might be right by the adapter alone."""
    import numpy as np
    from gguf import GGUFReader
    from safetensors.numpy import load_file

    (file,) = converted(more_trained, "gguf-f16").glob("*.gguf")
    found = {tensor.name: tensor.data for tensor in GGUFReader(file).tensors}
    adapter = load_file(more_trained / "results/train/demo/adapter_model.safetensors")
    before = load_file(more_trained / "base/model.safetensors")
    names = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output.weight": "lm_head.weight",
        "blk.0.attn_v.bias": "model.layers.0.self_attn.v_proj.bias",
    }
    for in_file, name in names.items():
        (trained,) = (value for key, value in adapter.items() if _same_weight(key, name))
        assert np.abs(found[in_file].astype(np.float32) - trained).max() < 0.01 * np.abs(trained).max()
        assert np.abs(trained - before[name]).max() > 0.02


def _same_weight(key, name):
    """Whether peft's name of a weight is that of the base model's."""
    return key.removeprefix("base_model.model.").replace(".base_layer", "") == name


def test_a_wrong_template_is_found(project, tmp_path):
    template = (converted(project, "merged") / "chat_template.jinja").read_text()
    other = template.replace("a helpful AI assistant", "a pirate")
    changed(
        converted(project, "gguf-f16") / "demo-f16.gguf", tmp_path / "demo.gguf", "--chat-template", other
    )
    (why, *_) = parity_failures(asked(project, "gguf-f16", tmp_path, tmp_path / "out.json"), 0.05)
    assert "8 of 8 prompts are tokenised otherwise than in training (wrong chat template or tokenizer)" in why


def test_a_modelfile_with_another_template_is_found(project, tmp_path):
    for kind in ("gguf-q8_0", "ollama"):
        shutil.copytree(converted(project, kind), tmp_path / kind)
    file = tmp_path / "ollama/Modelfile"
    file.write_text(file.read_text().replace("<|im_start|>user", "<|im_start|>human"))
    (tmp_path / "ollama" / VOUCHER).unlink()  # else it counts as damaged
    (why, *_) = parity_failures(asked(project, "ollama", tmp_path / "ollama", tmp_path / "out.json"), 0.05)
    assert "8 of 8 prompts are tokenised otherwise" in why


def test_another_base_is_found(project, base, tmp_path):
    whole = shutil.copytree(converted(project, "merged"), tmp_path / "whole")
    shutil.copy(base / "model.safetensors", whole / "model.safetensors")
    to_gguf(whole, "f16", tmp_path / "export/demo.gguf")
    why = parity_failures(asked(project, "gguf-f16", tmp_path / "export", tmp_path / "out.json"), 0.05)[-1]
    assert why.startswith("exact match falls from 1.00 to 0.00")
    assert "another base model" in why


def test_a_byte_fallback_noted_where_there_is_none_does_no_harm(project, tmp_path):
    """Transformers notes it when it reads a tokenizer from a GGUF file; save_tokenizer takes it out."""
    whole = shutil.copytree(converted(project, "merged"), tmp_path / "whole")
    inner = read_json(whole / "tokenizer.json")
    assert inner["model"]["byte_fallback"] is False
    inner["model"]["byte_fallback"] = True
    write_json(whole / "tokenizer.json", inner)
    to_gguf(whole, "f16", tmp_path / "export/demo.gguf")
    found = asked(project, "gguf-f16", tmp_path / "export", tmp_path / "out.json")
    assert found.prompts.same == 8 and parity_failures(found, 0.05) == []


def test_what_is_no_gguf_file_is_one_line(tmp_path):
    (tmp_path / "a.gguf").write_text("no")
    with pytest.raises(ModelError, match=r"a\.gguf cannot be loaded by llama\.cpp"):
        start_llama_server(tmp_path / "a.gguf", "demo", 256, 1, threads=1)


def test_a_begin_token_stands_once_whoever_writes_it(project, tmp_path):
    """llama.cpp writes one by itself where the file says so, and the template then must not."""
    whole = shutil.copytree(converted(project, "merged"), tmp_path / "whole")
    template = "{{ bos_token }}" + (whole / "chat_template.jinja").read_text()
    (whole / "chat_template.jinja").write_text(template)
    file = converted(project, "gguf-f16") / "demo-f16.gguf"
    assert begins_by_itself(file) is False
    changed(file, tmp_path / "b.gguf", "--chat-template", template)
    environment = os.environ | {"PYTHONPATH": str(CONVERTER)}
    command = [sys.executable, "-m", "gguf.scripts.gguf_set_metadata", "--force", str(tmp_path / "b.gguf")]
    subprocess.run([*command, "tokenizer.ggml.add_bos_token", "1"], check=True, env=environment)
    assert begins_by_itself(tmp_path / "b.gguf") is True
    tokenizer = load_tokenizer(whole)
    chat = [{"role": "user", "content": "본원 12"}]
    wanted = [prompt_ids(tokenizer, "chat", "본원 12")]
    assert wanted[0][:2] == [1, 1]
    text = modelfile(tokenizer, [2], "b.gguf", True, None)
    for words in (None, text):
        heard = in_llama_cpp(tmp_path / "b.gguf", words, MessageSet([chat], 0, 8), lambda done: None)
        assert heard.tokens == wanted


@contextmanager
def make_serve(project):
    """make serve as a user starts it: its address and its process."""
    command = [sys.executable, "-m", "qaloom.serve", "demo", "--project", str(project), "--port", "0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            url = next(line for line in process.stderr if "Ctrl-C" in line).split(" at ")[1].split(" ")[0]
            yield url, process
        finally:
            process.terminate()


def test_200_requests_8_at_a_time_through_the_real_server(project):
    """None lost, none mixed up, a hang-up and nonsense survived."""
    from concurrent.futures import ThreadPoolExecutor

    import httpx

    with (
        make_serve(project) as (url, _),
        httpx.Client(base_url=url, timeout=60) as client,
        ThreadPoolExecutor(8) as pool,
    ):

        def ask(number):
            _, question, answer = ROWS[number % len(ROWS)]
            body = {"messages": [{"role": "user", "content": question}]}
            reply = client.post("/v1/chat/completions", json=body)
            return reply.json()["choices"][0]["message"]["content"].strip() == answer

        long = {"messages": [{"role": "user", "content": "word " * 5000}]}
        refused = client.post("/v1/chat/completions", json=long)
        assert refused.status_code == 400
        assert "exceeds the available context size" in refused.json()["error"]["message"]
        for _ in range(10):  # clients that hang up, with an answer under way and before it
            chat = {"messages": [{"role": "user", "content": ROWS[0][1]}], "stream": True}
            with client.stream("POST", "/v1/chat/completions", json=chat) as reply:
                next(reply.iter_bytes())
            with socket.create_connection(url.removeprefix("http://").split(":")) as gone:
                gone.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n{")
        assert client.post("/v1/chat/completions", content=b"{").status_code == 400
        assert all(pool.map(ask, range(200)))


MIXED = [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Where is it?"}]}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "본원의 주소는?"}], "stream": True}),
    (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": "a"}], "logprobs": True, "top_logprobs": 5},
    ),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "word " * 300}], "max_tokens": 2}),
    ("/v1/chat/completions", {"messages": [], "n": 9}),
    ("/v1/completions", {"prompt": "When does it", "max_tokens": 4}),
    ("/sources", {"question": "address?", "answer": "가람시"}),
    ("/nowhere", {}),
]


def test_memory_is_flat_over_2000_mixed_requests_to_the_real_server(project):
    """After the first 500, by when every cache of llama.cpp and of the C library is as large as it gets."""
    import httpx
    import psutil

    sizes = []
    with make_serve(project) as (url, process), httpx.Client(base_url=url, timeout=60) as client:
        for number in range(2_000):
            path, body = MIXED[number % len(MIXED)]
            reply = client.post(path, json=body)
            assert reply.status_code == {4: 400, 7: 404}.get(number % len(MIXED), 200), reply.text
            if number in (500, 1_999):
                sizes.append(psutil.Process(process.pid).memory_info().rss)
    assert sizes[1] - sizes[0] < 32_000_000
