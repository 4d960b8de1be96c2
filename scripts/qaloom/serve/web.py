"""Shared part of the applications that a browser opens: who is answered, bodies within limits, errors as JSON."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from qaloom.serve.access import Access, Guard
from qaloom.serve.limits import Limits, RequestError, decoded

_LOOK = Path(__file__).with_name("look.css")
_POLICY = (  # a page is one file and loads nothing from elsewhere
    "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def guarded(
    routes: Sequence[BaseRoute], access: Access, limits: Limits, lifespan: Any = None, name: str = "serve"
) -> Starlette:
    """An application that answers only what `access` and `limits` allow; its log is logs/`name`."""
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={RequestError: _error, HTTPException: _error, Exception: _error},
        lifespan=lifespan,
    )
    app.state.limits, app.state.name = limits, name
    return app


def page_response(path: Path) -> Response:
    """A page as the browser gets it: one file with the common look, allowed to load nothing from elsewhere."""
    page = path.read_text("utf-8").replace("/* look.css */", _LOOK.read_text("utf-8"), 1)
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


async def json_body(request: Request) -> dict[str, Any]:
    """A request's JSON object. Raises RequestError for what is too large, too slow or no JSON object."""
    limits, parts, size = request.app.state.limits, [], 0
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for part in request.stream():
                size += len(part)
                if size > limits.body:
                    raise RequestError(413, "too_large", f"a request may hold {limits.body:,} bytes")
                parts.append(part)
    except TimeoutError:
        message = f"the request's body did not arrive within {limits.body_seconds:g} s"
        raise RequestError(408, "body_too_slow", message) from None
    except ClientDisconnect:
        raise RequestError(400, "hung_up", "the client hung up") from None
    return decoded(b"".join(parts))


async def _error(request: Request, error: Exception) -> Response:
    """An error as the client gets it; the details of an unexpected one are in the log alone."""
    if isinstance(error, RequestError):
        return error.response()
    if isinstance(error, HTTPException):
        return RequestError(
            error.status_code, "not_found", f"{error.detail}: {request.url.path[:100]}"
        ).response()
    return RequestError(
        500, "unexpected", f"an unexpected error; see logs/{request.app.state.name}"
    ).response()
