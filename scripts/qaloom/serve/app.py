"""The web application of `make serve`: an OpenAI-compatible endpoint, and a page to chat on.

It passes requests on to the servers that hold the models, and adds what those do not know: names for the
models, the trained defaults, the nearest training rows.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from qaloom.serve.sources import Nearest

PAGE = Path(__file__).with_name("chat.html")
_LARGEST = 1_000_000  # bytes of a request
_DEFAULTS = {"temperature": 0, "max_tokens": 512}  # as the model was evaluated: the likeliest answer
_POLICY = (  # the page is one file and loads nothing from elsewhere
    "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_LOOK = 0.25  # seconds between looks at whether the client is still there


class Backend(NamedTuple):
    """A server that holds a model: its address, what to send along, and the model's name there."""

    url: str
    headers: dict[str, str]
    model: str


class _Refused(Exception):
    """A request that cannot be served, as the client is told."""

    def __init__(self, status: int, code: str, message: str):
        self.reply = _error(status, code, message)


def application(backends: dict[str, Backend], nearest: Nearest, hosts: list[str]) -> Starlette:
    """The application over `backends`, by the names that clients use; the first is the tuned model.

    `hosts` are the names it may be called by: another web page could otherwise lead a browser here.
    """
    routes = [
        Route("/", _page),
        Route("/health", _health),
        Route("/v1/models", _models),
        Route("/v1/chat/completions", _passed_on, methods=["POST"]),
        Route("/v1/completions", _passed_on, methods=["POST"]),
        Route("/sources", _sources, methods=["POST"]),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)],
        exception_handlers={_Refused: _told},
        lifespan=_client,
    )
    app.state.backends, app.state.nearest = backends, nearest
    return app


@contextlib.asynccontextmanager
async def _client(app: Starlette) -> AsyncIterator[None]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=16)
    async with httpx.AsyncClient(timeout=None, limits=limits) as app.state.client:
        yield


async def _page(request: Request) -> Response:
    return HTMLResponse(PAGE.read_text("utf-8"), headers={"Content-Security-Policy": _POLICY})


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _models(request: Request) -> Response:
    data = [{"id": name, "object": "model", "owned_by": "qaloom"} for name in request.app.state.backends]
    return JSONResponse({"object": "list", "data": data})


async def _sources(request: Request) -> Response:
    body = await _body(request)
    question, answer = body.get("question"), body.get("answer", "")
    if not isinstance(question, str) or not isinstance(answer, str):
        raise _Refused(400, "invalid_body", "question and answer must be text")
    found = await asyncio.to_thread(request.app.state.nearest.find, question, answer)
    return JSONResponse({"rows": found})


async def _passed_on(request: Request) -> Response:
    """Hand a request to the model that it names and its reply back, as it comes."""
    body = await _body(request)
    backends = request.app.state.backends
    name = body.get("model") or next(iter(backends))
    if not isinstance(name, str) or name not in backends:
        known = ", ".join(backends)
        raise _Refused(404, "model_not_found", f"there is no model {name!r} here; there is {known}")
    backend = backends[name]
    if "max_completion_tokens" in body:
        body["max_tokens"] = body.pop("max_completion_tokens")
    sent = {**_DEFAULTS, **body, "model": backend.model}
    client = request.app.state.client
    asked = client.build_request("POST", backend.url + request.url.path, json=sent, headers=backend.headers)
    reply = await _while_connected(request, client.send(asked, stream=True))
    if reply is None:
        return Response(status_code=499)
    kind = reply.headers.get("content-type")
    if body.get("stream") and reply.is_success:
        return StreamingResponse(_chunks(reply), headers={"Cache-Control": "no-cache"}, media_type=kind)
    try:
        content = await _while_connected(request, reply.aread())
    finally:
        await reply.aclose()
    return Response(content or b"", reply.status_code, media_type=kind)


async def _chunks(reply: httpx.Response) -> AsyncIterator[bytes]:
    """The reply's bytes; the model stops when the client goes, since its connection closes too."""
    try:
        async for chunk in reply.aiter_raw():
            yield chunk
    finally:
        await asyncio.shield(reply.aclose())


async def _while_connected(request: Request, work: Awaitable[Any]) -> Any:
    """The result of `work`, or None, with the work given up, once the client has hung up."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_LOOK)
            if not task.done() and await request.is_disconnected():
                return None
        return task.result()
    except httpx.HTTPError as error:
        raise _Refused(502, "model_gone", f"the model's server does not answer ({error})") from None
    finally:
        task.cancel()


async def _body(request: Request) -> dict[str, Any]:
    """A request's JSON object. Refuses what is too large, is none, or comes from another site's page."""
    origin = request.headers.get("origin")
    if origin and origin.partition("://")[2] != request.headers.get("host"):
        raise _Refused(403, "foreign_page", f"requests from pages of {origin} are not answered")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _LARGEST:
            raise _Refused(413, "too_large", f"a request may hold {_LARGEST:,} bytes")
        parts.append(part)
    try:
        body = msgspec.json.decode(b"".join(parts))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Refused(400, "invalid_json", f"the body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise _Refused(400, "invalid_body", "the body must be a JSON object")
    return body


async def _told(request: Request, refusal: Exception) -> Response:
    return refusal.reply


def _error(status: int, code: str, message: str) -> JSONResponse:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse({"error": {"message": message, "type": kind, "code": code}}, status)
