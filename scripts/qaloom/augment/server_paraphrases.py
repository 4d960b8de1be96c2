"""Paraphrases of questions by a model on a server; see qaloom.inference.openai_client."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qaloom.augment.translation_cache import TranslationMemory
from qaloom.config.addresses import bare_address
from qaloom.inference.openai_client import Connection, Reply, completions, strip_thinking

SECTION = "augment.endpoint"
PROMPT = (
    "Reword this question in {n} different ways, in the language that it is in. Keep its meaning exactly, "
    "and every number, date, name, code and quotation as it stands. Write nothing but the {n} questions, "
    "one a line.\n\n{question}"
)


def cache_key(settings: Mapping[str, Any], per_row: int) -> dict[str, Any]:
    """Everything that decides an answer, as far as it is known outside the server."""
    prompt = settings["prompt"] or PROMPT
    return {
        "url": bare_address(settings["url"]),
        **request_fields(settings),
        "prompt": prompt,
        "per_row": per_row,
    }


def request_fields(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of each request beside the prompt."""
    return {key: settings[key] for key in ("model", "temperature", "max_tokens", "seed")}


def paraphrases(
    server: Connection,
    questions: Sequence[str],
    per_row: int,
    memory: TranslationMemory,
    advance: Callable[[int], None],
) -> dict[str, list[str]]:
    """Each question with at most `per_row` paraphrases; those in the memory are not requested again.

    Each answer is kept as it comes; `advance` gets the number of questions done. Raises EndpointError, one
    line, when the server is gone or refuses.
    """
    known = memory.get(questions)
    advance(len(known))
    wanted = (server.settings["prompt"] or PROMPT).replace("{n}", str(per_row))
    prompts = {q: wanted.replace("{question}", q) for q in questions if q not in known}

    def understand(question: str, reply: Reply) -> list[str]:
        return _variants(reply.text, question, per_row)

    answers = completions(server, prompts, understand, answered=bool(known) or server.usage.answered > 0)
    for done, (question, variants) in enumerate(answers, len(known) + 1):
        if variants is not None:
            memory.put({question: variants})
            known[question] = variants
        advance(done)
    return known


def _variants(text: str, question: str, most: int) -> list[str]:
    """The questions in an answer, without numbering, quotes, thoughts and the question itself."""
    lines = strip_thinking(text).splitlines()
    bare = [
        re.sub(r"^\s*(?:[-*•]|\(?\d{1,2}[.)])\s+", "", line).strip().strip('"“”').strip() for line in lines
    ]
    return [line for line in dict.fromkeys(bare) if line and line != question and not line.endswith(":")][
        :most
    ]
