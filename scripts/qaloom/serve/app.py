"""Web application of `make serve`: an OpenAI-compatible API, and a page to chat on.

It passes requests on to the servers that hold the models, and adds the models' names, the trained defaults and
the nearest training rows.
"""

import asyncio
import contextlib
import functools
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from qaloom.errors import DataError, StorageError
from qaloom.serve.access import Access
from qaloom.serve.chat_requests import (
    PATH,
    ChatPrompt,
    Cite,
    chat_events,
    chat_reply,
    completion_request,
    rests_on_nothing,
)
from qaloom.serve.corrections import FILE, Corrections
from qaloom.serve.grounded import GroundedAnswers
from qaloom.serve.grounded_chat import GroundedChat, abstention_events, abstention_reply, grounded_chat
from qaloom.serve.limits import (
    CONTEXT,
    ChatRequest,
    CompletionRequest,
    CorrectionRequest,
    Limits,
    RequestError,
    SourcesRequest,
    checked,
    parameters,
)
from qaloom.serve.sources import Nearest
from qaloom.serve.web import guarded, json_body, page_response

PAGE = Path(__file__).with_name("chat.html")
_DEFAULTS = {"temperature": 0, "max_tokens": 512}  # as the model was evaluated: the likeliest answer
_FRESH = {"Cache-Control": "no-cache"}
_POLL = 0.25  # seconds between looks at whether the client is still there
T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]


class Backend(NamedTuple):
    """A server that holds a model: its address, headers to send along, the model's name there, its prompt."""

    url: str
    headers: dict[str, str]
    model: str
    prompt: ChatPrompt
    context: int = CONTEXT  # tokens of a question and its answer


def application(
    backends: dict[str, Backend],
    nearest: Nearest,
    access: Access,
    corrections: Corrections,
    limits: Limits = Limits(),
    grounded: GroundedAnswers | None = None,
) -> Starlette:
    """The application over `backends`, by the names that clients use; the first is the tuned model.

    Its answers to chats are `grounded`, where that is given.
    """
    routes = [
        Route("/", _page),
        Route("/health", _health),
        Route("/v1/models", _models),
        Route("/v1/chat/completions", _counted(_forward), methods=["POST"]),
        Route("/v1/completions", _counted(_forward), methods=["POST"]),
        Route("/examples", _examples),
        Route("/sources", _counted(_sources), methods=["POST"]),
        Route("/corrections", _counted(_correct), methods=["POST"]),
    ]
    app = guarded(routes, access, limits, lifespan=_client)
    app.state.backends, app.state.nearest, app.state.corrections = backends, nearest, corrections
    app.state.waiting, app.state.grounded = 0, grounded
    return app


@contextlib.asynccontextmanager
async def _client(app: Starlette) -> AsyncIterator[None]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=16)
    async with httpx.AsyncClient(timeout=None, limits=limits) as app.state.client:
        yield


async def _page(request: Request) -> Response:
    return page_response(PAGE)


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _models(request: Request) -> Response:
    data = [{"id": name, "object": "model", "owned_by": "qaloom"} for name in request.app.state.backends]
    return JSONResponse({"object": "list", "data": data})


def _counted(handler: Handler) -> Handler:
    """A handler that is refused while as many requests are under way as may wait.

    A streamed answer is under way until its last byte is sent.
    """

    @functools.wraps(handler)
    async def counted(request: Request) -> Response:
        state = request.app.state
        if state.waiting >= state.limits.waiting:
            raise RequestError(429, "too_many_requests", f"{state.waiting} requests wait already; try again")
        state.waiting += 1
        streams = False
        try:
            response = await handler(request)
            if streams := isinstance(response, StreamingResponse):
                response.body_iterator = _until_sent(response.body_iterator, state)
            return response
        finally:
            state.waiting -= not streams

    return counted


async def _until_sent(chunks: Any, state: Any) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            yield chunk
    finally:
        state.waiting -= 1


async def _sources(request: Request) -> Response:
    asked = checked(await json_body(request), SourcesRequest)
    found = await asyncio.to_thread(request.app.state.nearest.support, asked.question, asked.answer)
    return JSONResponse(msgspec.to_builtins(found))


async def _examples(request: Request) -> Response:
    return JSONResponse({"questions": request.app.state.nearest.examples()})


async def _correct(request: Request) -> Response:
    """Keep a right answer for review."""
    asked, corrections = checked(await json_body(request), CorrectionRequest), request.app.state.corrections
    try:
        await asyncio.to_thread(corrections.add, asked.question, asked.answer, asked.wrong)
    except DataError as error:
        raise RequestError(400, "invalid_value", str(error)) from None
    except StorageError as error:
        print(f"serve: {error}", file=sys.stderr, flush=True)
        raise RequestError(507, "not_kept", "the correction could not be kept; see logs/serve") from None
    return JSONResponse({"kept": str(FILE)})


async def _forward(request: Request) -> Response:
    """Hand a request to the model that it names and its reply back, as it comes."""
    chats = request.url.path.endswith("/chat/completions")
    body = await json_body(request)
    backend = _backend(request.app.state.backends, body.get("model"))
    sent = {**_DEFAULTS, **parameters(body, ChatRequest if chats else CompletionRequest)}
    sent["model"] = backend.model
    if not chats:
        return await _sent_on(request, backend, sent, None)
    grounded = await _grounded(request.app.state, sent, backend)
    if grounded and grounded.abstention is not None:
        return _abstained(grounded, backend.model)
    sent = await asyncio.to_thread(completion_request, grounded.body if grounded else sent, backend.prompt)
    return await _sent_on(request, backend, sent, grounded.cite if grounded else rests_on_nothing)


async def _grounded(state: Any, sent: dict[str, Any], backend: Backend) -> GroundedChat | None:
    """The chat on near rows; None for another model than the tuned one, and where answers are not grounded."""
    if state.grounded is None or backend is not next(iter(state.backends.values())):
        return None
    return await asyncio.to_thread(grounded_chat, sent, state.grounded, backend.prompt, backend.context)


def _abstained(chat: GroundedChat, model: str) -> Response:
    if not chat.body.get("stream"):
        return JSONResponse(abstention_reply(chat, model))
    return StreamingResponse(abstention_events(chat, model), headers=_FRESH, media_type="text/event-stream")


async def _sent_on(request: Request, backend: Backend, sent: dict[str, Any], cite: Cite | None) -> Response:
    """The reply of a model's server to a completion; of a chat, which has a `cite`, in a chat's shape."""
    end = asyncio.get_running_loop().time() + request.app.state.limits.seconds
    client = request.app.state.client
    asked = client.build_request("POST", backend.url + PATH, json=sent, headers=backend.headers)
    reply = await _while_connected(request, client.send(asked, stream=True), end)
    if reply is None:
        return Response(status_code=499)
    if sent.get("stream") and reply.is_success:
        media_type = reply.headers.get("content-type")
        return StreamingResponse(_chunks(reply, end, cite), headers=_FRESH, media_type=media_type)
    return await _whole(request, reply, end, cite)


async def _whole(request: Request, reply: httpx.Response, end: float, cite: Cite | None) -> Response:
    try:
        content = await _while_connected(request, reply.aread(), end)
    finally:
        await reply.aclose()
    if reply.is_error:
        raise _backend_error(reply.status_code, content or b"")
    if cite and content:
        told = await asyncio.to_thread(chat_reply, msgspec.json.decode(content), cite)
        return JSONResponse(told, reply.status_code)
    return Response(content or b"", reply.status_code, media_type=reply.headers.get("content-type"))


def _backend(backends: dict[str, Backend], name: Any) -> Backend:
    name = name or next(iter(backends))
    if not isinstance(name, str) or name not in backends:
        shown, known = repr(name)[:100], ", ".join(backends)
        raise RequestError(404, "model_not_found", f"there is no model {shown} here; there is {known}")
    return backends[name]


def _backend_error(status: int, content: bytes) -> RequestError:
    """A model server's refusal in the same shape; of a failure the log alone gets the details."""
    with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):
        if status < 500:
            return RequestError(
                status, "refused_by_model", str(msgspec.json.decode(content)["error"]["message"])
            )
    print(f"the model's server answers {status}: {content[:2000]!r}", file=sys.stderr, flush=True)
    return RequestError(502, "model_failed", f"the model's server failed (status {status}); see logs/serve")


async def _chunks(reply: httpx.Response, end: float, cite: Cite | None) -> AsyncIterator[bytes]:
    """The reply's bytes; the model stops when the client goes, since its connection closes too."""
    try:
        async with asyncio.timeout_at(end):
            async for chunk in chat_events(reply.aiter_lines(), cite) if cite else reply.aiter_raw():
                yield chunk
    except TimeoutError:
        yield b"data: " + json.dumps(_too_slow().body()).encode() + b"\n\n"
    except httpx.HTTPError as error:
        yield b"data: " + json.dumps(_gone(error).body()).encode() + b"\n\n"
    finally:
        await asyncio.shield(reply.aclose())


async def _while_connected(request: Request, work: Awaitable[T], end: float) -> T | None:
    """The result of `work`, or None, with the work given up, once the client has hung up."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_POLL)
            if not task.done() and await request.is_disconnected():
                return None
            if not task.done() and asyncio.get_running_loop().time() > end:
                raise _too_slow()
        return task.result()
    except httpx.HTTPError as error:
        raise _gone(error) from None
    finally:
        task.cancel()


def _too_slow() -> RequestError:
    return RequestError(
        408, "too_slow", "the answer takes longer than this server allows; ask for fewer tokens"
    )


def _gone(error: Exception) -> RequestError:
    return RequestError(502, "model_gone", f"the model's server does not answer ({type(error).__name__})")
