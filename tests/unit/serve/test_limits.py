"""Limits of make serve: each refusal in OpenAI's shape, whatever is sent, and no memory that stays."""

import asyncio
import gc
import json
import random
import time
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from chat_servers import LETTERS, ROWS, FakeModel, asked
from placements import placement

from qaloom.files import write_lines
from qaloom.serve.access import access_to
from qaloom.serve.app import Backend, application
from qaloom.serve.corrections import Corrections
from qaloom.serve.limits import ChatRequest, Limits, RequestError, decoded, parameters
from qaloom.serve.sources import Nearest

CORRECTIONS = Corrections(Path("unused"), "demo")
MESSAGES = [{"role": "user", "content": "주소는?"}]
CHAT, COMPLETION, SOURCES = "/v1/chat/completions", "/v1/completions", "/sources"


@pytest.fixture(scope="module")
def nearest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("split")
    write_lines(
        folder / "train.jsonl",
        [{"id": i, "instruction": q, "input": "", "output": a} for i, q, a, *_ in ROWS],
    )
    write_lines(folder / "placement.jsonl", [placement(id=i, source=s, line=n) for i, _, _, s, n in ROWS])
    return Nearest(folder)


class OddModel(FakeModel):
    """Fails as a model's server may, where the question asks for it."""

    async def reply(self, request):
        body = await request.json()
        text = asked(body)
        if "<500>" in text:
            raise RuntimeError("secret of the server: Traceback (most recent call last)")
        if "<400>" in text:
            from starlette.responses import JSONResponse

            return JSONResponse({"error": {"message": "too long for me", "code": 400}}, 400)
        if "<html>" in text:
            from starlette.responses import HTMLResponse

            return HTMLResponse("<h1>Bad gateway</h1>", 400)
        return await super().reply(request)


@asynccontextmanager
async def serving(nearest, pause=0.0, limits=Limits(), key=None):
    """A client of the application, in this process; the model stands behind it in the same way."""
    model = OddModel("tuned", pause)
    backend = Backend("http://model", {}, "demo", LETTERS)
    app = application({"demo": backend}, nearest, access_to("127.0.0.1", key), CORRECTIONS, limits)
    transport = httpx.ASGITransport(model.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, timeout=None) as app.state.client:
        inner = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=inner, base_url="http://127.0.0.1:8000", timeout=None
        ) as client:
            client.app = app
            yield client


def chat_body(**more):
    return {"messages": MESSAGES, **more}


def is_an_error(reply):
    """Whether a reply is an error as OpenAI's clients read it, and tells nothing of the program."""
    error = reply.json()["error"]
    assert isinstance(error["message"], str) and isinstance(error["code"], str) and "type" in error
    assert not any(word in reply.text for word in ("Traceback", 'File "', "secret", "site-packages"))
    return True


def deep(levels):
    return b'{"messages": ' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (CHAT, b"[" * 1_000_001, 413, "too_large"),
        (CHAT, deep(40), 400, "too_deep"),
        (CHAT, deep(100_000), 400, "too_deep"),
        (CHAT, b'{"messages": [{"role": "user", "content": "\\ud800"}]}', 400, "invalid_json"),
        (CHAT, chat_body(n=5), 400, "invalid_value"),
        (CHAT, chat_body(max_tokens=4097), 400, "invalid_value"),
        (CHAT, chat_body(max_completion_tokens=10**30), 400, "invalid_value"),
        (CHAT, chat_body(max_tokens=0), 400, "invalid_value"),
        (CHAT, chat_body(max_tokens=True), 400, "invalid_value"),
        (CHAT, chat_body(top_logprobs=21), 400, "invalid_value"),
        (CHAT, chat_body(temperature=-1), 400, "invalid_value"),
        (
            CHAT,
            b'{"messages": [{"role": "user", "content": "a"}], "temperature": 1e999}',
            400,
            "invalid_json",
        ),
        (CHAT, chat_body(n_predict=-1), 400, "invalid_value"),
        (CHAT, chat_body(grammar="root ::= root root"), 400, "invalid_value"),
        (CHAT, chat_body(response_format={"type": "json_schema", "json_schema": {}}), 400, "invalid_value"),
        (CHAT, chat_body(stop=["a"] * 17), 400, "invalid_value"),
        (CHAT, chat_body(logit_bias={str(n): 1 for n in range(301)}), 400, "invalid_value"),
        (CHAT, {"messages": MESSAGES * 257}, 400, "invalid_value"),
        (CHAT, {"messages": []}, 400, "invalid_value"),
        (CHAT, {"messages": [{"role": "root", "content": "a"}]}, 400, "invalid_value"),
        (CHAT, chat_body(model="other"), 404, "model_not_found"),
        (COMPLETION, {"prompt": ["a"] * 17}, 400, "too_many_prompts"),
        (COMPLETION, {"prompt": ["a", 1]}, 400, "too_many_prompts"),
        (COMPLETION, {"prompt": [1] * 4097}, 400, "invalid_value"),
        (COMPLETION, {"prompt": "a", "logprobs": 21}, 400, "invalid_value"),
        (SOURCES, {"question": "a" * 20_001}, 400, "invalid_value"),
        (CHAT, {"messages": [{"role": "user", "content": "<400>"}]}, 400, "refused_by_model"),
        (CHAT, {"messages": [{"role": "user", "content": "<500>"}]}, 502, "model_failed"),
        (CHAT, {"messages": [{"role": "user", "content": "<html>"}]}, 502, "model_failed"),
        ("/nowhere", b"", 404, "not_found"),
    ],
)
def test_every_limit_has_its_status_in_openais_shape(nearest, path, body, status, code):
    async def asked():
        async with serving(nearest) as client:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            reply = await client.post(path, content=content)
            assert (reply.status_code, reply.json()["error"]["code"]) == (status, code) and is_an_error(reply)
            assert (await client.post(CHAT, json=chat_body())).is_success

    asyncio.run(asked())


def test_what_is_within_the_limits_reaches_the_model_as_it_was_sent():
    sent = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}], "n": 4, "stop": ["x"] * 16,
        "temperature": 2, "top_p": 0, "seed": 7, "logprobs": True, "top_logprobs": 20, "stream": True,
        "max_completion_tokens": 4096, "stream_options": {"include_usage": True}, "user": None,
    }  # fmt: skip
    taken = parameters(decoded(json.dumps(sent).encode()), ChatRequest)
    assert taken.pop("max_tokens") == sent.pop("max_completion_tokens") and sent.pop("user") is None
    assert taken == sent


def test_too_many_that_wait_are_refused_and_places_come_free_again(nearest):
    async def asked():
        async with serving(nearest, pause=0.2, limits=Limits(waiting=3)) as client:
            kinds = [{"stream": number % 2 == 0} for number in range(9)]
            replies = await asyncio.gather(*(client.post(CHAT, json=chat_body(**more)) for more in kinds))
            codes = [reply.status_code for reply in replies]
            assert sorted(codes) == [200] * 3 + [429] * 6
            refused = replies[codes.index(429)]
            assert is_an_error(refused) and refused.headers["retry-after"] == "1"
            assert client.app.state.waiting == 0
            assert (await client.post(CHAT, json=chat_body())).is_success

    asyncio.run(asked())


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_takes_too_long_ends_with_a_reason(nearest, stream):
    async def asked():
        async with serving(nearest, pause=3, limits=Limits(seconds=0.2)) as client:
            start = time.monotonic()
            reply = await client.post(CHAT, json=chat_body(stream=stream))
            assert time.monotonic() - start < 2.5 and "takes longer than this server allows" in reply.text
            assert stream or (reply.status_code == 408 and is_an_error(reply))
            assert client.app.state.waiting == 0

    asyncio.run(asked())


def test_a_body_that_does_not_arrive_is_not_waited_for(nearest):
    async def slow():
        yield b'{"messages": '
        await asyncio.sleep(3)
        yield b"[]}"

    async def asked():
        async with serving(nearest, limits=Limits(body_seconds=0.1)) as client:
            reply = await client.post(CHAT, content=slow())
            assert (reply.status_code, reply.json()["error"]["code"]) == (408, "body_too_slow")

    asyncio.run(asked())


def test_an_unexpected_error_tells_the_client_nothing(nearest, monkeypatch):
    async def asked():
        async with serving(nearest) as client:
            client.app.state.nearest = None
            reply = await client.post(SOURCES, json={"question": "a"})
            assert (reply.status_code, reply.json()["error"]["code"]) == (500, "unexpected") and is_an_error(
                reply
            )

    asyncio.run(asked())


# ---------------------------------------------------------------- any request at all

NAMES = [
    "model", "messages", "prompt", "max_tokens", "n", "stop", "seed", "stream", "logprobs", "top_logprobs",
    "temperature", "question", "answer", "logit_bias", "response_format", "stream_options", "n_predict", "x\n",
]  # fmt: skip
FAILING = [{"role": "user", "content": "<500>"}]
VALUES = [
    None, True, False, 0, 1, -1, 5, 10**12, 10**40, 0.5, -1e308, "", "demo", "a" * 300, "\0", "가", "<500>", [], {},
    [[]], ["a"], [1, 2], {"a": {"b": []}}, MESSAGES, [{"role": "user"}], [{"role": "user", "content": None}],
    [{"role": "system", "content": "<400>"}], FAILING,
    [{"role": "user", "content": [{"type": "text", "text": "t"}]}],
]  # fmt: skip


def any_body(draw):
    """Valid now and then, mostly not; sometimes cut short, or with a byte changed."""
    body = {draw.choice(NAMES): draw.choice(VALUES) for _ in range(draw.randrange(draw.choice([1, 6])))}
    if draw.random() < 0.6:
        body |= draw.choice([chat_body(), {"messages": FAILING}, {"prompt": "a"}, {"question": "a"}])
    content = bytearray(json.dumps(body).encode())
    if draw.random() < 0.3 and content:
        content[draw.randrange(len(content))] = draw.randrange(256)
    return bytes(content[: draw.randrange(len(content))] if draw.random() < 0.1 else content)


def any_request(client, draw):
    method = draw.choices(["POST", "GET", "PUT", "OPTIONS"], [20, 2, 1, 1])[0]
    path = draw.choice(
        [CHAT, CHAT, CHAT, COMPLETION, SOURCES, "/", "/v1/models", "/..%2f", "/v1/" + "a" * 200]
    )
    headers = {
        "Content-Type": draw.choice(["application/json", "text/plain", "a/b; c=\xff".encode("latin-1")])
    }
    if draw.random() < 0.1:
        headers["Origin"] = draw.choice(["http://127.0.0.1:8000", "http://evil.example", "null", "://", "x"])
    if draw.random() < 0.1:
        headers["Host"] = draw.choice(
            ["127.0.0.1:8000", "localhost", "evil.example", "[", "[::1]:x", "", "a@b"]
        )
    return client.build_request(method, path, content=any_body(draw), headers=headers)


def test_5000_requests_of_any_kind_are_answered_in_form(nearest):
    """No traceback, none that hangs, and of the valid ones every one is answered."""
    draw, seen = random.Random(7), {}

    async def asked():
        async with serving(nearest) as client:
            for _ in range(5_000):
                reply = await asyncio.wait_for(client.send(any_request(client, draw)), 5)
                seen[reply.status_code] = seen.get(reply.status_code, 0) + 1
                assert reply.status_code < 400 or is_an_error(reply)
                assert reply.status_code not in (500, 503)
            assert client.app.state.waiting == 0

    asyncio.run(asked())
    assert {200, 400, 403, 404, 405, 502} <= set(seen) and seen[200] > 100


def test_memory_is_flat_over_2000_mixed_requests(nearest):
    draw, sizes, process = random.Random(8), [], psutil.Process()

    async def asked():
        async with serving(nearest) as client:
            for number in range(2_000):
                await client.send(any_request(client, draw))
                if number in (500, 1_999):
                    gc.collect()
                    sizes.append(process.memory_info().rss)

    asyncio.run(asked())
    assert sizes[1] - sizes[0] < 16_000_000


def test_a_request_error_is_one_object():
    error = RequestError(429, "too_many_requests", "wait")
    assert error.body()["error"] == {
        "message": "wait", "type": "invalid_request_error", "param": None, "code": "too_many_requests",
    }  # fmt: skip
