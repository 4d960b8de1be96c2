"""Replies of a server to texts, each kept in a translation memory as it comes and never asked for twice."""

from collections.abc import Callable, Mapping
from typing import Any

from qaloom.inference.openai_client import Connection, Reply, completions
from qaloom.inference.translation_cache import TranslationMemory


def request_fields(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of each request beside the prompt."""
    return {key: settings[key] for key in ("model", "temperature", "max_tokens", "seed")}


def kept_replies(
    server: Connection,
    prompts: Mapping[str, str],
    understand: Callable[[str, Reply], list[str] | None],
    memory: TranslationMemory,
    advance: Callable[[int], None],
) -> dict[str, list[str]]:
    """Texts read from the server's reply to each prompt, by the prompt's text; one without a usable reply is absent.

    `understand` gets a text and a reply, and returns None for one that is to be asked for again; `advance` the
    number of texts that are done. Raises EndpointError, one line, when the server is gone or refuses.
    """
    known = memory.get(prompts)
    advance(len(known))
    missing = {text: prompt for text, prompt in prompts.items() if text not in known}
    answers = completions(server, missing, understand, answered=bool(known) or server.usage.answered > 0)
    for done, (text, made) in enumerate(answers, len(known) + 1):
        if made is not None:
            memory.put({text: made})
            known[text] = made
        advance(done)
    return known
