"""Limits on requests to `make serve`, and errors in the shape of OpenAI's API."""

from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.responses import JSONResponse

from qaloom.files import nesting

CONTEXT = 4096  # tokens of a question and its answer, unless the model takes fewer
_DEPTH = 32  # of nested JSON


class Limits(NamedTuple):
    """Limits that concern no single parameter: sizes in bytes, times in seconds."""

    body: int = 1_000_000
    body_seconds: float = 30.0  # for a request's body to arrive
    seconds: float = 600.0  # for a whole answer
    waiting: int = 64  # requests under way at a time


class RequestError(Exception):
    """A request that is not served; the client gets status, code and message."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def body(self) -> dict[str, Any]:
        """The error as OpenAI's API words it."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": None, "code": self.code}}

    def response(self) -> JSONResponse:
        """The error as a response."""
        headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}}.get(self.status)
        return JSONResponse(self.body(), self.status, headers)


Text = Annotated[str, Meta(max_length=1_000_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Ids = Annotated[list[Annotated[int, Meta(ge=0, lt=2**31)]], Meta(min_length=1, max_length=CONTEXT)]


class TextPart(Struct, forbid_unknown_fields=True):
    """A part of a message; other than text is not taken."""

    type: Literal["text"]
    text: str


class ChatMessage(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str | Annotated[list[TextPart], Meta(max_length=64)]
    name: Annotated[str, Meta(max_length=64)] | None = None


class StreamOptions(Struct, forbid_unknown_fields=True):
    """`stream_options`."""

    include_usage: bool = False


class ResponseFormat(Struct, forbid_unknown_fields=True):
    """`response_format`; a schema, which can ask for any amount of work, is not taken."""

    type: Literal["text", "json_object"]


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """Parameters of both kinds of requests, with their ranges; those that are not sent stay UNSET."""

    model: str | UnsetType | None = UNSET
    max_tokens: Annotated[int, Meta(ge=1, le=CONTEXT)] | UnsetType | None = UNSET
    temperature: Annotated[float, Meta(ge=0, le=2)] | UnsetType | None = UNSET
    top_p: Share | UnsetType | None = UNSET
    min_p: Share | UnsetType | None = UNSET
    top_k: Annotated[int, Meta(ge=-1, le=1_000)] | UnsetType | None = UNSET
    n: Annotated[int, Meta(ge=1, le=4)] | UnsetType | None = UNSET
    stop: str | Annotated[list[str], Meta(max_length=16)] | UnsetType | None = UNSET
    seed: Annotated[int, Meta(ge=-(2**31), lt=2**32)] | UnsetType | None = UNSET
    stream: bool | UnsetType | None = UNSET
    stream_options: StreamOptions | UnsetType | None = UNSET
    presence_penalty: Penalty | UnsetType | None = UNSET
    frequency_penalty: Penalty | UnsetType | None = UNSET
    repeat_penalty: Annotated[float, Meta(gt=0, le=2)] | UnsetType | None = UNSET
    repetition_penalty: Annotated[float, Meta(gt=0, le=2)] | UnsetType | None = UNSET
    logit_bias: Annotated[dict[str, float], Meta(max_length=300)] | UnsetType | None = UNSET
    user: Annotated[str, Meta(max_length=1_000)] | UnsetType | None = UNSET


class ChatRequest(Parameters, kw_only=True):
    """`/v1/chat/completions`."""

    messages: Annotated[list[ChatMessage], Meta(min_length=1, max_length=256)]
    max_completion_tokens: Annotated[int, Meta(ge=1, le=CONTEXT)] | UnsetType | None = UNSET
    logprobs: bool | UnsetType | None = UNSET
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | UnsetType | None = UNSET
    response_format: ResponseFormat | UnsetType | None = UNSET


class CompletionRequest(Parameters, kw_only=True):
    """`/v1/completions`."""

    prompt: str | Annotated[list[str | int | Ids], Meta(min_length=1, max_length=CONTEXT)]
    logprobs: Annotated[int, Meta(ge=0, le=20)] | UnsetType | None = UNSET
    echo: bool | UnsetType | None = UNSET


class SourcesRequest(Struct):
    """`/sources`: a question, and the answer to it."""

    question: Annotated[str, Meta(max_length=20_000)]
    answer: Annotated[str, Meta(max_length=20_000)] = ""


class CorrectionRequest(Struct, forbid_unknown_fields=True):
    """`/corrections`: a question, the right answer to it, and the wrong one that the model gave."""

    question: str
    answer: str
    wrong: str = ""


_PROMPTS = 16
S = TypeVar("S", bound=Struct)


def decoded(content: bytes) -> dict[str, Any]:
    """A request's JSON object. Raises RequestError for anything else, and for one nested too deeply."""
    try:
        body = msgspec.json.decode(content)
        if nesting(body) > _DEPTH:
            raise RecursionError
    except RecursionError:
        raise RequestError(400, "too_deep", f"the JSON may be nested {_DEPTH} levels deep") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise RequestError(400, "invalid_json", f"the body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise RequestError(400, "invalid_body", "the body must be a JSON object")
    return body


def parameters(body: dict[str, Any], kind: type[ChatRequest | CompletionRequest]) -> dict[str, Any]:
    """The parameters of a request that are set, within their ranges. Raises RequestError naming the first other."""
    request = checked(body, kind)
    if isinstance(request, CompletionRequest) and isinstance(request.prompt, list):
        ids = sum(isinstance(one, int) for one in request.prompt)
        if 0 < ids < len(request.prompt) or (not ids and len(request.prompt) > _PROMPTS):
            raise RequestError(
                400, "too_many_prompts", f"a request may hold {_PROMPTS} prompts, all of a kind"
            )
    values = msgspec.to_builtins(request)
    if values.get("max_completion_tokens") is not None:
        values["max_tokens"] = values.pop("max_completion_tokens")
    return {name: value for name, value in values.items() if value is not None}


def checked(body: dict[str, Any], kind: type[S]) -> S:
    """A request as its Struct. Raises RequestError that names what is missing, unknown or out of range."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise RequestError(400, "invalid_value", str(error)) from None
