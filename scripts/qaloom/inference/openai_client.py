"""Client for OpenAI-compatible servers (vLLM, Ollama, llama.cpp): concurrent requests, with retries."""

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_attempt,
    stop_when_event_set,
    wait_random_exponential,
)

from qaloom.config.addresses import bare_address, full_address
from qaloom.console import say
from qaloom.errors import ConfigError, EndpointError

_MAX_WAIT = 60  # seconds between two tries, also where a server asks for more
_MESSAGE = 150  # characters shown of a server's error message

Parsed = TypeVar("Parsed")


class Reply(NamedTuple):
    """A server's answer to a prompt, and the tokens that it counted."""

    text: str
    prompt_tokens: int
    completion_tokens: int


class Usage:
    """The cost of all tries: requests, and tokens as the server counted them."""

    def __init__(self) -> None:
        self.requests = self.answered = self.prompt = self.completion = self.unusable = 0
        self.refusal = ""

    def __str__(self) -> str:
        cost = f"{self.requests:,} requests, {self.prompt:,} prompt and {self.completion:,} completion tokens"
        refusal = f" ({self.refusal})" if self.refusal else ""
        return cost + (f"; {self.unusable:,} prompts got no usable answer{refusal}" if self.unusable else "")


class Connection(NamedTuple):
    """A connection; `section` is where the configuration names it, `sent` goes along with each prompt.

    Once `closed` is set, nothing is tried again.
    """

    client: httpx.Client
    pool: ThreadPoolExecutor
    settings: Mapping[str, Any]
    section: str
    sent: Mapping[str, Any]
    usage: Usage
    closed: threading.Event


class _RetryableError(Exception):
    """A failure that may be gone at the next try; `after` is how many seconds the server asks to wait."""

    def __init__(self, what: str, after: float = 0.0):
        super().__init__(what)
        self.after = after


class _UnusableError(Exception):
    """The server works, and its answer cannot be used; waiting would change nothing."""


class _RejectedError(Exception):
    """The server rejects the prompt: too long for it, or against its rules."""


def is_configured(settings: Mapping[str, Any]) -> bool:
    """Whether the settings of a server name one."""
    return bool(settings["url"] or settings["model"])


def check_server(settings: Mapping[str, Any], section: str) -> None:
    """Raise ConfigError when no server is named or its key's variable is not set; before anything runs."""
    for key in ("url", "model"):
        if not settings[key]:
            raise ConfigError(f"{section}.{key}: is missing, and a model server is to be asked; add it")
    full = full_address(section, settings["url"])
    try:
        wrong = _address_fault(httpx.URL(full))
    except (httpx.InvalidURL, ValueError) as error:  # its text may quote a password
        wrong = str(error) if "@" not in full else "it, or the password in it, cannot be read"
    if wrong:
        raise ConfigError(f"{section}.url: is no address ({wrong}); give one like http://HOST:8000/v1")
    name = settings["key_env"]
    key = os.environ.get(name or "", "")
    if name and not key:
        raise ConfigError(f"{section}.key_env: {name} is not set; export it, or take the key out")
    if not re.fullmatch(r"[!-~]*", key):
        raise ConfigError(
            f"{section}.key_env: {name} holds a blank, a line break or another character that no key "
            "has; export it anew"
        )


def _address_fault(url: httpx.URL) -> str:
    """The fault that keeps an address from being asked; empty if there is none."""
    host = url.raw_host.decode()
    if not host:
        return "it names no host"
    if "%" in host:
        return "its host holds a character that no host has"
    if not all(0 < len(label) < 64 for label in host.removesuffix(".").split(".")):
        return "a part of its host is empty or longer than 63 letters"
    return "its port is above 65535" if (url.port or 0) > 65535 else ""


@contextmanager
def connection(settings: Mapping[str, Any], section: str, sent: Mapping[str, Any]) -> Iterator[Connection]:
    """A connection to the server that `settings`, those of `section`, name; ends with the cost line."""
    check_server(settings, section)
    key = os.environ.get(settings["key_env"] or "", "")
    usage = Usage()
    closed = threading.Event()
    limits = httpx.Limits(max_connections=settings["concurrency"])
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole addresses
    with (
        httpx.Client(headers=headers, timeout=settings["timeout"], limits=limits) as client,
        ThreadPoolExecutor(settings["concurrency"]) as pool,
    ):
        try:
            yield Connection(client, pool, settings, section, sent, usage, closed)
        finally:
            closed.set()
            pool.shutdown(cancel_futures=True)
            if usage.requests:
                say(f"{section.partition('.')[0]}: {settings['model']}: {usage}")


def completions(
    server: Connection,
    prompts: Mapping[str, str],
    parse: Callable[[str, Reply], Parsed | None],
    answered: bool,
) -> Iterator[tuple[str, Parsed | None]]:
    """The parsed reply to each prompt, by its name, as it comes; None when no try gave a usable answer.

    `parse` gets a name and a reply, and returns None for a reply that is to be asked for again. `answered`:
    others like them were answered before; a prompt that is rejected is then one without a usable answer.
    Raises EndpointError, one line, when the server is gone or rejects all, after what else was under way.
    """
    asked: dict[Future[Parsed | None], str] = {
        server.pool.submit(_with_retries, server, name, text, parse): name for name, text in prompts.items()
    }
    failed: BaseException | None = None
    refusals = []
    for future in as_completed(asked):
        if future.cancelled():
            continue
        error = future.exception()
        if isinstance(error, _RejectedError):
            refusals.append(asked[future])
            server.usage.refusal = str(error)
        elif error:
            failed = failed or error
            for other in asked:
                other.cancel()
        else:
            yield asked[future], future.result()
    if failed:
        raise failed
    if refusals and len(refusals) == len(prompts) and not answered:
        raise EndpointError(f"{server.section}: {_place(server.settings)}: {server.usage.refusal}")
    server.usage.unusable += len(refusals)
    yield from ((name, None) for name in refusals)


def _with_retries(
    server: Connection, name: str, prompt: str, parse: Callable[[str, Reply], Parsed | None]
) -> Parsed | None:
    """The parsed reply to one prompt; None when the server works but twice gave no usable answer."""
    settings = server.settings
    closed = stop_when_event_set(server.closed)
    patiently = Retrying(
        stop=stop_after_attempt(settings["retries"] + 1) | closed,
        wait=_wait(settings["backoff"]),
        sleep=sleep_using_event(server.closed),
        retry=retry_if_exception_type(_RetryableError),
        reraise=True,
    )
    twice = Retrying(
        stop=stop_after_attempt(min(2, settings["retries"] + 1)) | closed,
        retry=retry_if_exception_type(_UnusableError),
        reraise=True,
    )

    def attempt() -> Parsed:
        if (parsed := parse(name, _reply(server, prompt))) is None:
            raise _UnusableError
        return parsed

    try:
        return twice(patiently, attempt)
    except _UnusableError:
        server.usage.unusable += 1
        return None
    except _RetryableError as error:
        tries = f"{settings['retries'] + 1} tries" if settings["retries"] else "one try"
        raise EndpointError(
            f"{server.section}: {_place(settings)}: {error} after {tries}; start the server, or raise "
            "timeout or retries; what it answered is kept"
        ) from None


def _wait(seconds: float) -> Callable[[RetryCallState], float]:
    grows = wait_random_exponential(multiplier=seconds, max=_MAX_WAIT)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, _RetryableError) else 0.0
        return min(_MAX_WAIT, asked or grows(state))

    return wait


def _reply(server: Connection, prompt: str) -> Reply:
    """One try; raises one of the three errors above, EndpointError for what no retry can mend."""
    body = {"messages": [{"role": "user", "content": prompt}], **server.sent}
    server.usage.requests += 1
    try:
        response = server.client.post(_completions_address(server), json=body)
    except httpx.TimeoutException:
        raise _RetryableError(f"no answer within {server.settings['timeout']:g} s") from None
    except httpx.RequestError as error:
        raise _RetryableError(f"cannot be reached ({type(error).__name__})") from None
    _refuse(response, server)
    reply = _read(response)
    server.usage.answered += 1
    server.usage.prompt += reply.prompt_tokens
    server.usage.completion += reply.completion_tokens
    if not reply.text.strip():
        raise _UnusableError
    return reply


def _refuse(response: httpx.Response, server: Connection) -> None:
    """Raise the error of a status other than 200: try again, skip the prompt, or give up with the remedy."""
    code, settings, section = response.status_code, server.settings, server.section
    if code == 200:
        return
    if code in (408, 409, 425, 429) or code >= 500:
        after = response.headers.get("retry-after", "")
        raise _RetryableError(f"answers {code}", float(after) if re.fullmatch(r"\d+(\.\d+)?", after) else 0.0)
    remedies = {
        401: f"set the key in the variable that {section}.key_env names ({settings['key_env']})",
        403: f"the key in {settings['key_env']} has no access to {settings['model']}",
        404: f"check {section}.url (it usually ends in /v1) and model ({settings['model']})",
    }
    if response.has_redirect_location:
        to = bare_address(_shown(response.headers["location"], server))
        remedies[code] = f"it moved to {to}; set {section}.url"
    remedy, message = remedies.get(code, "see the server's log"), _message(response, server)
    text = f"answers {code}; {remedy}" + (message and f"; it says: {message}")
    if code in (400, 413, 422):
        raise _RejectedError(text)
    raise EndpointError(f"{section}: {_place(settings)}: {text}")


def _message(response: httpx.Response, server: Connection) -> str:
    """The server's own message of a failure, in one of the usual forms; else nothing."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return ""
    error = body.get("error", body) if isinstance(body, dict) else None
    text = error.get("message") if isinstance(error, dict) else error
    return _shown(text, server) if isinstance(text, str) else ""


def _shown(text: str, server: Connection) -> str:
    """The beginning of a server's text, in one line and without the key."""
    key = server.client.headers.get("authorization", "").removeprefix("Bearer ")
    url = httpx.URL(full_address(server.section, server.settings["url"]))
    secrets = [key, url.password, *url.params.values()]
    masked = text
    for secret in filter(None, secrets):
        masked = masked.replace(secret, "***")
    return " ".join("".join(c if c.isprintable() else " " for c in masked).split())[:_MESSAGE]


def _read(response: httpx.Response) -> Reply:
    """A completion and its tokens, 0 where they are not counted; half a surrogate pair becomes ?."""
    try:
        body = response.json()
        text, counted = body["choices"][0]["message"]["content"], body.get("usage")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise _UnusableError from None
    known = counted if isinstance(counted, dict) else {}
    tokens = [known.get(f"{kind}_tokens") for kind in ("prompt", "completion")]
    whole = text.encode(errors="replace").decode() if isinstance(text, str) else ""
    return Reply(whole, *(number if isinstance(number, int) else 0 for number in tokens))


def _place(settings: Mapping[str, Any]) -> str:
    """The server's address without the secrets that it may hold."""
    return bare_address(settings["url"])


def _completions_address(server: Connection) -> httpx.URL:
    """The address to post a chat to, with the password or query of the server's; a key takes a password's place."""
    url = httpx.URL(full_address(server.section, server.settings["url"]))
    secret = {} if "authorization" not in server.client.headers else {"username": None, "password": None}
    return url.copy_with(path=f"{url.path.rstrip('/')}/chat/completions", **secret)
