"""Ask any OpenAI-compatible server (vLLM, Ollama, llama.cpp): many prompts at once, and with patience."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from qaloom.errors import ConfigError, EndpointError
from qaloom.job import say

_LONGEST_WAIT = 60  # seconds between two tries, also where a server asks for more

Understood = TypeVar("Understood")


class Reply(NamedTuple):
    """What a server says to a prompt, and the tokens that it counted."""

    text: str
    prompt_tokens: int
    completion_tokens: int


class Usage:
    """What all tries cost: requests, and tokens as the server counted them."""

    def __init__(self) -> None:
        self.requests = self.prompt = self.completion = self.unusable = 0

    def __str__(self) -> str:
        return f"{self.requests:,} requests, {self.prompt:,} prompt and {self.completion:,} completion tokens"


class Server(NamedTuple):
    """A connection; `section` is where the configuration names it, `sent` what goes with each prompt."""

    client: httpx.Client
    pool: ThreadPoolExecutor
    settings: Mapping[str, Any]
    section: str
    sent: Mapping[str, Any]
    usage: Usage


class _PassingError(Exception):
    """What may be gone at the next try; `after` is how many seconds the server asks to wait."""

    def __init__(self, what: str, after: float = 0.0, dead: bool = True):
        super().__init__(what)
        self.after, self.dead = after, dead


def named(settings: Mapping[str, Any]) -> bool:
    """Whether the settings of a server name one."""
    return bool(settings["url"] or settings["model"])


def check(settings: Mapping[str, Any], section: str) -> None:
    """Raise ConfigError when no server is named or its key's variable is not set; before anything runs."""
    for key in ("url", "model"):
        if not settings[key]:
            raise ConfigError(f"{section}.{key}: is missing, and a model server is to be asked; add it")
    try:
        httpx.URL(settings["url"])
    except httpx.InvalidURL as error:
        raise ConfigError(f"{section}.url: is no address ({error})") from None
    name = settings["key_env"]
    if name and not os.environ.get(name):
        raise ConfigError(f"{section}.key_env: {name} is not set; export it, or take the key out")


@contextmanager
def server(settings: Mapping[str, Any], section: str, sent: Mapping[str, Any]) -> Iterator[Server]:
    """A connection to the server that `settings`, those of `section`, name; ends with the cost line."""
    check(settings, section)
    key = os.environ.get(settings["key_env"] or "", "")
    usage = Usage()
    limits = httpx.Limits(max_connections=settings["concurrency"])
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with (
        httpx.Client(headers=headers, timeout=settings["timeout"], limits=limits) as client,
        ThreadPoolExecutor(settings["concurrency"]) as pool,
    ):
        try:
            yield Server(client, pool, settings, section, sent, usage)
        finally:
            pool.shutdown(cancel_futures=True)
            if usage.requests:
                refused = f"; {usage.unusable:,} prompts got no usable answer" if usage.unusable else ""
                say(f"{section.partition('.')[0]}: {settings['model']}: {usage}{refused}")


def ask(
    server: Server, prompts: Mapping[str, str], understand: Callable[[str, Reply], Understood | None]
) -> Iterator[tuple[str, Understood | None]]:
    """What comes of each prompt, by its name, as it comes; None when no try gave an answer of any use.

    `understand` makes something of a name and a reply, or None of a reply that is to be asked for again.
    Raises EndpointError, one line, when the server is gone or refuses, after what else was under way.
    """
    asked = {server.pool.submit(_tried, server, *one, understand): one[0] for one in prompts.items()}
    failed: BaseException | None = None
    for future in as_completed(asked):
        if future.cancelled():
            continue
        if error := future.exception():
            failed = failed or error
            for other in asked:
                other.cancel()
        else:
            yield asked[future], future.result()
    if failed:
        raise failed


def without_thoughts(text: str) -> str:
    """An answer without what a reasoning model writes before it; some templates hold the opening tag."""
    return text.rpartition("</think>")[2].partition("<think>")[0]


def _tried(
    server: Server, name: str, prompt: str, understand: Callable[[str, Reply], Understood | None]
) -> Understood | None:
    """What comes of one prompt; None when the server is well but its answer is never usable."""
    settings = server.settings
    attempts = Retrying(
        stop=stop_after_attempt(settings["retries"] + 1),
        wait=_wait(settings["backoff"]),
        retry=retry_if_exception_type(_PassingError),
        reraise=True,
    )

    def attempt() -> Understood:
        if (understood := understand(name, _reply(server, prompt))) is None:
            raise _PassingError("gives no answer of the kind that was asked for", dead=False)
        return understood

    try:
        return attempts(attempt)
    except _PassingError as error:
        if not error.dead:
            server.usage.unusable += 1
            return None
        tries = f"{settings['retries'] + 1} tries" if settings["retries"] else "one try"
        raise EndpointError(
            f"{server.section}: {_place(settings)}: {error} after {tries}; start the server, or raise "
            "timeout or retries; what it answered is kept"
        ) from None


def _wait(seconds: float) -> Callable[[RetryCallState], float]:
    grows = wait_random_exponential(multiplier=seconds, max=_LONGEST_WAIT)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, _PassingError) else 0.0
        return min(_LONGEST_WAIT, asked or grows(state))

    return wait


def _reply(server: Server, prompt: str) -> Reply:
    """One try. A failure that may pass, and an answer without a text, is worth another."""
    body = {"messages": [{"role": "user", "content": prompt}], **server.sent}
    server.usage.requests += 1
    try:
        response = server.client.post(f"{server.settings['url'].rstrip('/')}/chat/completions", json=body)
    except httpx.TimeoutException:
        raise _PassingError(f"no answer within {server.settings['timeout']:g} s") from None
    except httpx.RequestError as error:
        raise _PassingError(f"cannot be reached ({type(error).__name__})") from None
    _refuse(response, server)
    reply = _read(response)
    server.usage.prompt += reply.prompt_tokens
    server.usage.completion += reply.completion_tokens
    if not reply.text.strip():
        raise _PassingError("gives an empty completion", dead=False)
    return reply


def _refuse(response: httpx.Response, server: Server) -> None:
    """Raise what a status other than 200 means: try again, or give up with the remedy."""
    code, settings, section = response.status_code, server.settings, server.section
    if code == 200:
        return
    if code in (408, 409, 425, 429) or code >= 500:
        after = response.headers.get("retry-after", "")
        raise _PassingError(f"answers {code}", float(after) if re.fullmatch(r"\d+(\.\d+)?", after) else 0.0)
    remedies = {
        401: f"set the key in the variable that {section}.key_env names ({settings['key_env']})",
        403: f"the key in {settings['key_env']} has no access to {settings['model']}",
        404: f"check {section}.url (it usually ends in /v1) and model ({settings['model']})",
    }
    remedy = remedies.get(code, "see the server's log")
    raise EndpointError(f"{section}: {_place(settings)}: answers {code}; {remedy}")


def _read(response: httpx.Response) -> Reply:
    """A completion and its tokens, 0 where they are not counted; half a surrogate pair becomes ?."""
    try:
        body = response.json()
        text, counted = body["choices"][0]["message"]["content"], body.get("usage")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise _PassingError("gives no completion", dead=False) from None
    known = counted if isinstance(counted, dict) else {}
    tokens = [known.get(f"{kind}_tokens") for kind in ("prompt", "completion")]
    whole = text.encode(errors="replace").decode() if isinstance(text, str) else ""
    return Reply(whole, *(number if isinstance(number, int) else 0 for number in tokens))


def _place(settings: Mapping[str, Any]) -> str:
    """The server's address without a password that it may hold."""
    url = httpx.URL(settings["url"])
    return str(url.copy_with(username=None, password=None, query=None))
