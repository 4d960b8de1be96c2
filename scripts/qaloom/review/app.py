"""Web application of `make review`: the queue in pieces, rows to merge into, and decisions."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from qaloom.decisions import Action
from qaloom.errors import DataError, StorageError
from qaloom.project_files import DECISIONS
from qaloom.review.queue import KINDS
from qaloom.review.state import ReviewState, RowGone
from qaloom.serve.access import Access
from qaloom.serve.limits import Limits, RequestError, checked
from qaloom.serve.web import guarded, json_body, page_response

_PAGE = Path(__file__).with_name("review.html")
_AT_ONCE = 20  # items in a reply
Text = Annotated[str, Meta(max_length=20_000)]
Name = Annotated[str, Meta(max_length=100)]


class QueueRequest(Struct, forbid_unknown_fields=True):
    """`/queue`: items behind the one of the number `after`, of one kind or all, those open or all."""

    version: int = 0
    after: Annotated[int, Meta(ge=-1)] = -1
    kind: str = ""
    only_open: bool = True


class CandidatesRequest(Struct, forbid_unknown_fields=True):
    """`/candidates`: rows that a row may be merged into."""

    id: Name
    text: Annotated[str, Meta(max_length=1_000)] = ""


class DecisionRequest(Struct, forbid_unknown_fields=True):
    """`/decisions`: what a person decides about a row."""

    action: Action
    id: Name
    by: Name = ""
    why: Annotated[str, Meta(max_length=1_000)] = ""
    question: Text = ""
    answer: Text = ""
    into: Name = ""


def review_application(state: ReviewState, access: Access, limits: Limits = Limits()) -> Starlette:
    """The application over a project's rows."""
    routes = [
        Route("/", _page),
        Route("/health", _health),
        Route("/queue", _queue, methods=["POST"]),
        Route("/candidates", _candidates, methods=["POST"]),
        Route("/decisions", _decide, methods=["POST"]),
    ]
    app = guarded(routes, access, limits, name="review")
    app.state.review = state
    return app


async def _page(request: Request) -> Response:
    return page_response(_PAGE)


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _queue(request: Request) -> Response:
    asked = checked(await json_body(request), QueueRequest)
    if asked.kind and asked.kind not in KINDS:
        raise RequestError(400, "invalid_value", f"kind is one of {', '.join(KINDS)}, or empty for all")
    found = await asyncio.to_thread(
        request.app.state.review.page, asked.version, asked.after, asked.kind, asked.only_open, _AT_ONCE
    )
    return JSONResponse(found)


async def _candidates(request: Request) -> Response:
    asked = checked(await json_body(request), CandidatesRequest)
    found = await asyncio.to_thread(request.app.state.review.candidates, asked.id, asked.text)
    return JSONResponse({"rows": found})


async def _decide(request: Request) -> Response:
    """Append a decision; it is on the disk before the reply."""
    one = checked(await json_body(request), DecisionRequest)
    texts = one.question, one.answer
    try:
        found = await asyncio.to_thread(
            request.app.state.review.decide, one.action, one.id, one.by, one.why, texts, one.into
        )
    except RowGone as error:
        raise RequestError(409, "does_not_fit", str(error)) from None
    except DataError as error:
        raise RequestError(400, "invalid_value", str(error)) from None
    except StorageError as error:
        print(f"review: {error}", file=sys.stderr, flush=True)
        raise RequestError(507, "not_kept", f"{DECISIONS} could not be written; see logs/review") from None
    return JSONResponse({"row": found})
