"""Ask any OpenAI-compatible server (vLLM, Ollama, llama.cpp) for other wordings of a question."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any, NamedTuple

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
from qaloom.translation_memory import Memory

PROMPT = (
    "Reword this question in {n} different ways, in the language that it is in. Keep its meaning exactly, "
    "and every number, date, name, code and quotation as it stands. Write nothing but the {n} questions, "
    "one a line.\n\n{question}"
)
_LONGEST_WAIT = 60  # seconds between two tries, also where a server asks for more


class Usage:
    """What the answers cost: requests, and tokens as the server counted them."""

    def __init__(self) -> None:
        self.requests = self.prompt = self.completion = self.unusable = 0

    def __str__(self) -> str:
        return f"{self.requests:,} requests, {self.prompt:,} prompt and {self.completion:,} completion tokens"


class _PassingError(Exception):
    """What may be gone at the next try; `after` is how many seconds the server asks to wait."""

    def __init__(self, what: str, after: float = 0.0, dead: bool = True):
        super().__init__(what)
        self.after, self.dead = after, dead


class _Server(NamedTuple):
    client: httpx.Client
    settings: dict[str, Any]
    per_row: int
    usage: Usage


def maker(settings: dict[str, Any], per_row: int) -> dict[str, Any]:
    """Everything that decides an answer, as far as one can know it from outside."""
    decides = {key: settings[key] for key in ("url", "model", "temperature", "max_tokens", "seed")}
    return decides | {"prompt": settings["prompt"] or PROMPT, "per_row": per_row}


def check(settings: dict[str, Any]) -> None:
    """Raise ConfigError when no server is named or the key's variable is not set; before anything runs."""
    for key in ("url", "model"):
        if not settings[key]:
            raise ConfigError(
                f"augment.endpoint.{key}: is missing, and augment.providers names endpoint; add it"
            )
    name = settings["key_env"]
    if name and not os.environ.get(name):
        raise ConfigError(f"augment.endpoint.key_env: {name} is not set; export it, or take the key out")


@contextmanager
def server(settings: dict[str, Any], per_row: int) -> Iterator[_Server]:
    """A connection to the server that `settings`, `augment.endpoint`, name; ends with the cost line."""
    check(settings)
    key = os.environ.get(settings["key_env"] or "", "")
    usage = Usage()
    limits = httpx.Limits(max_connections=settings["concurrency"])
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(headers=headers, timeout=settings["timeout"], limits=limits) as client:
        try:
            yield _Server(client, settings, per_row, usage)
        finally:
            if usage.requests:
                refused = f"; {usage.unusable:,} questions got no usable answer" if usage.unusable else ""
                say(f"augment: {settings['model']}: {usage}{refused}")


def reword(
    server: _Server, questions: Sequence[str], memory: Memory, advance: Callable[[int], None]
) -> dict[str, list[str]]:
    """Each question with its rewordings; what the memory has is not asked again.

    Each answer is kept as it comes; `advance` gets the number done. Raises EndpointError, one line, when the
    server is gone or refuses.
    """
    known = memory.get(questions)
    advance(len(known))
    todo = [question for question in dict.fromkeys(questions) if question not in known]
    with ThreadPoolExecutor(server.settings["concurrency"]) as pool:
        asked = {pool.submit(_reword, server, question): question for question in todo}
        try:
            for done, future in enumerate(as_completed(asked), len(known) + 1):
                if (variants := future.result()) is not None:
                    memory.put({asked[future]: variants})
                    known[asked[future]] = variants
                advance(done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return known


def _reword(server: _Server, question: str) -> list[str] | None:
    """The rewordings of one question; None when the server is well but its answer is never usable."""
    settings = server.settings
    attempts = Retrying(
        stop=stop_after_attempt(settings["retries"] + 1),
        wait=_wait(settings["backoff"]),
        retry=retry_if_exception_type(_PassingError),
        reraise=True,
    )
    try:
        return attempts(_ask, server, question)
    except _PassingError as error:
        if not error.dead:
            server.usage.unusable += 1
            return None
        tries = f"{settings['retries'] + 1} tries" if settings["retries"] else "one try"
        raise EndpointError(
            f"augment.endpoint: {_place(settings)}: {error} after {tries}; start the server, or raise "
            "timeout or retries; what it answered is kept"
        ) from None


def _wait(seconds: float) -> Callable[[RetryCallState], float]:
    grows = wait_random_exponential(multiplier=seconds, max=_LONGEST_WAIT)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, _PassingError) else 0.0
        return min(_LONGEST_WAIT, asked or grows(state))

    return wait


def _ask(server: _Server, question: str) -> list[str]:
    settings = server.settings
    prompt = (
        (settings["prompt"] or PROMPT).replace("{n}", str(server.per_row)).replace("{question}", question)
    )
    body = {
        "model": settings["model"],
        "messages": [{"role": "user", "content": prompt}],
        **{key: settings[key] for key in ("temperature", "max_tokens", "seed")},
    }
    server.usage.requests += 1
    try:
        response = server.client.post(f"{settings['url'].rstrip('/')}/chat/completions", json=body)
    except httpx.TimeoutException:
        raise _PassingError(f"no answer within {settings['timeout']:g} s") from None
    except httpx.TransportError as error:
        raise _PassingError(f"cannot be reached ({type(error).__name__})") from None
    _refuse(response, settings)
    return _variants(_content(response, server.usage), question, server.per_row)


def _refuse(response: httpx.Response, settings: dict[str, Any]) -> None:
    """Raise what a status other than 200 means: try again, or give up with the remedy."""
    code = response.status_code
    if code == 200:
        return
    if code in (408, 409, 425, 429) or code >= 500:
        after = response.headers.get("retry-after", "")
        raise _PassingError(f"answers {code}", float(after) if re.fullmatch(r"\d+(\.\d+)?", after) else 0.0)
    remedies = {
        401: f"set the key in the variable that augment.endpoint.key_env names ({settings['key_env']})",
        403: f"the key in {settings['key_env']} has no access to {settings['model']}",
        404: f"check augment.endpoint.url (it usually ends in /v1) and model ({settings['model']})",
    }
    remedy = remedies.get(code, "see the server's log")
    raise EndpointError(f"augment.endpoint: {_place(settings)}: answers {code}; {remedy}")


def _content(response: httpx.Response, usage: Usage) -> str:
    """The text of a completion; counts its tokens. A broken body is worth another try."""
    try:
        body = response.json()
        content = body["choices"][0]["message"]["content"]
        counted = body.get("usage") or {}
        usage.prompt += int(counted.get("prompt_tokens", 0))
        usage.completion += int(counted.get("completion_tokens", 0))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise _PassingError("gives no completion", dead=False) from None
    if not isinstance(content, str) or not content.strip():
        raise _PassingError("gives an empty completion", dead=False)
    return content


def _variants(content: str, question: str, most: int) -> list[str]:
    """The questions in an answer, without numbering, quotes, thoughts and the question itself."""
    lines = re.sub(r"(?s)<think>.*?(?:</think>|$)", "", content).splitlines()
    bare = [
        re.sub(r"^\s*(?:[-*•]|\(?\d{1,2}[.)])\s+", "", line).strip().strip('"“”').strip() for line in lines
    ]
    return [line for line in dict.fromkeys(bare) if line and line != question and not line.endswith(":")][
        :most
    ]


def _place(settings: dict[str, Any]) -> str:
    """The server's address without a password that it may hold."""
    url = httpx.URL(settings["url"])
    return str(url.copy_with(username=None, password=None, query=None))
