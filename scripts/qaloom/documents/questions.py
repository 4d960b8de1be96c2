"""Questions that a model on a server writes about passages: the prompt, and replies kept by a passage's content."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qaloom.config.addresses import bare_address
from qaloom.console import say
from qaloom.documents.passages import Passage
from qaloom.documents.replies import proposals_in_reply
from qaloom.inference.openai_client import Reply, connection
from qaloom.inference.server_replies import kept_replies, request_fields
from qaloom.inference.translation_cache import open_memory

SECTION = "documents.endpoint"
PROMPT = """\
Write questions with their answers from the passage below, at most {n}, for people who will ask without seeing it.

- A question names what it asks about and can be understood alone. It never speaks of the passage, the document, the \
page, or a table or figure in it.
- An answer is short and complete, says nothing but what the passage says, and keeps figures and names as they are.
- A quote holds the words of the passage that give the answer, copied letter by letter.
- All of it is in the language of the passage. Where it states fewer facts, write fewer questions; where none, [].

Reply with nothing but JSON: [{"question": "...", "answer": "...", "quote": "..."}]

Heading: {heading}
Passage:
{passage}"""


def decisive_for_documents(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the section `documents` that decides its rows: not how a server is reached."""
    return {"passage": settings["passage"], **_cache_key(settings)}


def _cache_key(settings: Mapping[str, Any]) -> dict[str, Any]:
    chosen = settings["endpoint"]
    return {
        "url": bare_address(chosen["url"] or ""),
        **request_fields(chosen),
        "prompt": chosen["prompt"] or PROMPT,
        "questions": settings["questions"],
    }


def replies_about(
    passages: Sequence[Passage], settings: Mapping[str, Any], cache: Path, advance: Callable[[int], None]
) -> tuple[dict[str, str], dict[str, str]]:
    """The reply to each passage by its id, and the last reply to those that got none of use.

    What was asked before about the same heading and text is not asked again, whatever document it stands in.
    Raises EndpointError or StorageError, one line each; what was answered until then is kept.
    """
    contents = {f"{passage.heading}\n\n{passage.text}": passage for passage in passages}
    prompts = {content: _prompt(passage, settings) for content, passage in contents.items()}
    unusable: dict[str, str] = {}

    def understand(content: str, reply: Reply) -> list[str] | None:
        if proposals_in_reply(reply.text) is not None:
            return [reply.text]
        unusable[contents[content].id] = reply.text
        return None

    chosen = settings["endpoint"]
    with (
        open_memory(cache, _cache_key(settings)) as memory,
        connection(chosen, SECTION, request_fields(chosen)) as server,
    ):
        made = kept_replies(server, prompts, understand, memory, advance)
        say(f"documents: {memory.made:,} passages asked about, {memory.found:,} found in {cache}")
    return {contents[content].id: texts[0] for content, texts in made.items()}, unusable


def _prompt(passage: Passage, settings: Mapping[str, Any]) -> str:
    wanted = (settings["endpoint"]["prompt"] or PROMPT).replace("{n}", str(settings["questions"]))
    return wanted.replace("{heading}", passage.heading or "-").replace("{passage}", passage.text)
