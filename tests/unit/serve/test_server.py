"""Serve: what goes on to the model, what is refused and how, and that no reply is lost or mixed up."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from chat_servers import LETTERS, chat, running, serving
from msgspec import to_builtins

from qaloom.errors import DataError, DeviceError, ModelError
from qaloom.export.parity_verdict import (
    EndedParity,
    ExactMatchParity,
    ExportManifest,
    ParityResult,
    PromptParity,
)
from qaloom.files import write_json
from qaloom.serve.access import PortError, access_to
from qaloom.serve.app import Backend, application
from qaloom.serve.ask import ask_server
from qaloom.serve.corrections import Corrections
from qaloom.serve.listening import bound
from qaloom.serve.server import _cache_bytes, _fitting, _tuned_file
from qaloom.serve.sources import Nearest
from qaloom.serve.vllm import vllm_command
from qaloom.trained_run import BaseOrigin, TrainedRun


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("split")) as all_three:
        yield all_three


def test_a_question_reaches_the_tuned_model_as_it_was_evaluated(served):
    url, tuned, _ = served
    assert chat(url, "주소?").json()["choices"][0]["message"]["content"] == "tuned: 주소?"
    assert {key: tuned.seen[-1][key] for key in ("model", "temperature", "max_tokens")} == {
        "model": "demo",
        "temperature": 0,
        "max_tokens": 512,
    }


def test_what_a_client_sets_is_kept(served):
    url, tuned, base = served
    chat(url, "a", temperature=0.7, max_completion_tokens=5, top_p=0.5)
    assert (tuned.seen[-1]["temperature"], tuned.seen[-1]["max_tokens"], tuned.seen[-1]["top_p"]) == (
        0.7,
        5,
        0.5,
    )
    assert chat(url, "b", model="base").json()["choices"][0]["message"]["content"] == "base: b"
    assert base.seen[-1]["model"] == "x"


def test_the_models_are_listed_tuned_first(served):
    listed = httpx.get(f"{served[0]}/v1/models").json()
    assert [model["id"] for model in listed["data"]] == ["demo", "base"]


def test_200_requests_8_at_a_time_none_lost_none_mixed_up(served):
    url, _, _ = served
    with ThreadPoolExecutor(8) as pool:
        asked = [("demo" if n % 3 else "base", f"question {n}") for n in range(200)]
        replies = list(pool.map(lambda one: chat(url, one[1], model=one[0], stream=False), asked))
    said = [reply.json()["choices"][0]["message"]["content"] for reply in replies]
    assert said == [f"{'tuned' if name == 'demo' else 'base'}: {question}" for name, question in asked]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{nope", 400, "the body is not valid JSON"),
        (b"\xff\xfe", 400, "the body is not valid JSON"),
        (b"[1]", 400, "the body must be a JSON object"),
        (b"", 400, "the body is not valid JSON"),
        (b"{}", 400, "Object missing required field `messages`"),
        (b'{"model": "other"}', 404, "there is no model 'other' here; there is demo, base"),
        (b'{"model": ["demo"]}', 404, "there is no model ['demo'] here"),
        (b'"' + b"a" * 1_000_001, 413, "a request may hold 1,000,000 bytes"),
    ],
)
def test_a_bad_request_is_answered_clearly_and_the_server_lives_on(served, body, status, words):
    url = served[0]
    reply = httpx.post(f"{url}/v1/chat/completions", content=body)
    assert reply.status_code == status
    assert words in reply.json()["error"]["message"]
    assert chat(url, "still there?").is_success


def test_other_sites_pages_and_names_are_refused(served):
    url = served[0]
    foreign = httpx.post(f"{url}/sources", json={"question": "a"}, headers={"Origin": "http://evil.example"})
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "foreign_page")
    assert httpx.get(f"{url}/v1/models", headers={"Host": "evil.example"}).status_code == 400
    own = httpx.post(f"{url}/sources", json={"question": "a"}, headers={"Origin": url})
    assert own.is_success


def test_a_client_that_hangs_up_ends_the_models_work(tmp_path):
    with serving(tmp_path, pause=0.2) as (url, tuned, _):
        with httpx.stream(
            "POST",
            f"{url}/v1/chat/completions",
            json={"messages": [{"role": "user", "content": "word " * 100}], "stream": True},
        ) as reply:
            next(reply.iter_lines())
        end = time.monotonic() + 5
        while not tuned.given_up and time.monotonic() < end:
            time.sleep(0.05)
        assert tuned.given_up == 1
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                f"{url}/v1/chat/completions",
                json={"messages": [{"role": "user", "content": "a"}]},
                timeout=0.05,
            )
        assert chat(url, "still there?").is_success


def test_a_model_that_is_gone_is_said_to_be(tmp_path):
    with serving(tmp_path) as (url, _, _):
        assert chat(url, "a").is_success
    app = application(
        {"demo": Backend("http://127.0.0.1:9", {}, "demo", LETTERS)},
        Nearest(tmp_path),
        access_to("127.0.0.1", None),
        Corrections(tmp_path, "demo"),
    )
    with running(app) as url:
        reply = chat(url, "a")
        assert reply.status_code == 502
        assert "the model's server does not answer" in reply.json()["error"]["message"]


def test_the_nearest_rows_name_file_and_line_one_row_a_fact(served):
    body = {"question": "본원 주소는?", "answer": "가람시 솔내구 물빛로 27"}
    rows = httpx.post(f"{served[0]}/sources", json=body).json()["rows"]
    assert (rows[0]["answer"], rows[0]["source"], rows[0]["line"]) == (
        "가람시 솔내구 물빛로 27",
        "qa/office.jsonl",
        3,
    )
    assert len({row["answer"] for row in rows}) == len(rows) == 3


def test_what_the_model_said_counts_for_the_nearest_rows(served):
    def nearest(answer):
        reply = httpx.post(f"{served[0]}/sources", json={"question": "?", "answer": answer})
        return reply.json()["rows"][0]["source"]

    assert nearest("the head of department") == "qa/travel.jsonl"
    assert nearest("weekdays from 9:30 to 17:00") == "qa/library.jsonl"


def test_an_answer_that_no_near_row_says_is_not_supported(served):
    def supported(answer):
        reply = httpx.post(f"{served[0]}/sources", json={"question": "본원 주소는?", "answer": answer})
        return reply.json()["supported"]

    assert supported("가람시 솔내구 물빛로 27") and supported("문서에 없는 내용이라 알 수 없습니다.")
    assert not supported("가람시 솔내구 물빛로 72")


def test_questions_to_try_are_of_the_data(served):
    questions = httpx.get(f"{served[0]}/examples").json()["questions"]
    assert 1 <= len(questions) <= 3 and all(question.strip() for question in questions)


def test_sources_wants_text(served):
    reply = httpx.post(f"{served[0]}/sources", json={"question": 1})
    assert (reply.status_code, reply.json()["error"]["message"]) == (
        400,
        "Expected `str`, got `int` - at `$.question`",
    )


def test_no_rows_no_server(tmp_path):
    with pytest.raises(DataError, match="holds no training rows; run the workflow"):
        Nearest(tmp_path)


# ---------------------------------------------------------------- ask against a server


def test_ask_streams_what_the_server_says(served, capsys):
    assert ask_server(served[0], "demo", "When is it open?", 8).text == "tuned: When is it open?"
    assert capsys.readouterr().out.strip() == "tuned: When is it open?"


def test_ask_says_what_the_server_refuses_and_when_there_is_none(served):
    with pytest.raises(ModelError, match="refuses: there is no model 'other' here"):
        ask_server(served[0], "other", "a", 8)
    with pytest.raises(ModelError, match=r"cannot be asked .*; is make serve running there?"):
        ask_server("http://127.0.0.1:9", "demo", "a", 8)


# ---------------------------------------------------------------- where, and with how much memory


def test_a_port_in_use_is_one_line():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = pytest.raises(
            PortError, match=rf"127.0.0.1:{port} cannot be served on .*; choose another PORT"
        )
        with refused, bound("127.0.0.1", port):
            pass


CONFIG = {
    "model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64,
    "intermediate_size": 128, "vocab_size": 320,
}  # fmt: skip


def manifest(adapter):
    return {
        "prompt": "chat",
        "adapter": adapter * 64,
        "base": "0" * 64,
        "settings": {"trust_remote_code": False},
    }


@pytest.fixture
def files(tmp_path):
    write_json(tmp_path / "config.json", CONFIG)
    for name in ("demo", "base"):
        (tmp_path / name).write_bytes(b"0" * 1000)
    return {name: tmp_path / name for name in ("demo", "base")}


def free(monkeypatch, size):
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": size}))


def test_both_models_must_fit_into_memory(files, tmp_path, monkeypatch, capsys):
    one = 1000 + _cache_bytes(tmp_path, 100)
    assert (
        _cache_bytes(tmp_path, 100) == 2 * 2 * 64 * 2 * 100 * 4
    )  # layers, K and V, width, bytes, tokens, slots
    free(monkeypatch, 2 * one)
    assert list(_fitting(files, tmp_path, 100)) == ["demo", "base"]
    free(monkeypatch, 2 * one - 1)
    assert list(_fitting(files, tmp_path, 100)) == ["demo"]
    assert "the base model is left out" in capsys.readouterr().err
    free(monkeypatch, one - 1)
    with pytest.raises(DeviceError, match=r"demo needs .* GiB of memory"):
        _fitting(files, tmp_path, 100)


def test_keys_and_values_of_a_nested_config_count(tmp_path):
    """As Gemma 3 has it, whose decoder's settings stand in text_config."""
    decoder = CONFIG | {"num_key_value_heads": 1, "head_dim": 32}
    write_json(tmp_path / "config.json", {"model_type": "gemma3", "text_config": decoder})
    assert _cache_bytes(tmp_path, 100) == 2 * 2 * 32 * 2 * 100 * 4


def test_an_export_of_this_training_is_served_and_none_of_an_earlier_one(tmp_path, monkeypatch):
    run, made = tmp_path / "results/train/demo", []
    write_json(run / "manifest.json", manifest("a"))
    monkeypatch.setattr("qaloom.serve.server._cached_gguf", lambda cached, *_: made.append(cached.name))
    _tuned_file(tmp_path, TrainedRun(run), tmp_path)
    assert made == ["demo-aaaaaaaaaaaaaaaa-q8_0.gguf"]
    export = tmp_path / "results/export/demo"
    result = ParityResult(
        "gguf-f16", "a" * 64, "llama.cpp", 0, 0, ExactMatchParity(*[None] * 2, 0, *[None] * 4),
        EndedParity(0, 0), [], PromptParity(0, 0, None),
    )  # fmt: skip
    origin = BaseOrigin(origin="path:tiny", sha256="0" * 64)
    exported = ExportManifest("demo", origin, ["gguf-f16"], {"gguf-f16": result}, {}, "1" * 64)
    write_json(export / "manifest.json", to_builtins(exported))
    write_json(export / "gguf-f16/demo-f16.gguf", {})
    assert _tuned_file(tmp_path, TrainedRun(run), tmp_path) == export / "gguf-f16/demo-f16.gguf"
    write_json(run / "manifest.json", manifest("b"))
    _tuned_file(tmp_path, TrainedRun(run), tmp_path)
    assert made[1:] == ["demo-bbbbbbbbbbbbbbbb-q8_0.gguf"]


# ---------------------------------------------------------------- vLLM


def test_vllm_gets_base_and_adapter_in_the_trained_prompt(tmp_path):
    run = tmp_path / "demo"
    write_json(run / "adapter_config.json", {"r": 20, "base_model_name_or_path": "base"})
    write_json(run / "plan.json", {"precision": "16bit"})
    write_json(run / "manifest.json", manifest("a"))
    words = vllm_command(TrainedRun(run), tmp_path / "base", tmp_path / "t.jinja", 8001, 4096)
    assert words[:3] == ["vllm", "serve", str(tmp_path / "base")]
    text = " ".join(words)
    assert f"--lora-modules demo={run}" in text
    assert f"--chat-template {tmp_path / 't.jinja'}" in text
    assert "--max-lora-rank 32" in text, "vLLM takes only some ranks"
    assert "--host 127.0.0.1 --port 8001" in text
    assert "--quantization" not in text
    write_json(run / "plan.json", {"precision": "4bit"})
    again = vllm_command(TrainedRun(run), tmp_path / "base", tmp_path / "t.jinja", 8001, 4096)
    assert again[-2:] == ["--quantization", "bitsandbytes"]
