"""Paraphrases of questions by a model on a server; see qaloom.inference.openai_client."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qaloom.augment.replies import questions_in_reply
from qaloom.config.addresses import bare_address
from qaloom.inference.openai_client import Connection, Reply
from qaloom.inference.server_replies import kept_replies, request_fields
from qaloom.inference.translation_cache import TranslationMemory

SECTION = "augment.endpoint"
PROMPT = (
    "Reword this question in {n} different ways, in the language that it is in. Keep its meaning exactly, "
    "and every number, date, name, code and quotation as it stands. Write nothing but the {n} questions, "
    "one a line.\n\n{question}"
)


def cache_key(settings: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Everything that decides an answer, as far as it is known outside the server."""
    prompt = settings["prompt"] or PROMPT
    return {
        "url": bare_address(settings["url"]),
        **request_fields(settings),
        "prompt": prompt,
        "per_row": most,  # the key's name in caches of earlier versions
    }


def paraphrases(
    server: Connection,
    questions: Sequence[str],
    most: int,
    memory: TranslationMemory,
    advance: Callable[[int], None],
) -> dict[str, list[str]]:
    """Each question with at most `most` paraphrases; those in the memory are not requested again.

    Each answer is kept as it comes; `advance` gets the number of questions done. Raises EndpointError, one
    line, when the server is gone or refuses.
    """
    wanted = (server.settings["prompt"] or PROMPT).replace("{n}", str(most))
    prompts = {question: wanted.replace("{question}", question) for question in questions}

    def understand(question: str, reply: Reply) -> list[str]:
        return questions_in_reply(reply.text, question)[:most]

    return kept_replies(server, prompts, understand, memory, advance)
