"""Questions that a model writes about passages, on a server or in this process; replies are kept by content."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qaloom.config.addresses import bare_address
from qaloom.config.settings import LocalModelSettings, typed
from qaloom.console import say
from qaloom.documents.passages import Passage
from qaloom.documents.replies import proposals_in_reply
from qaloom.inference.local_model import LocalModel
from qaloom.inference.openai_client import Reply, check_server, connection
from qaloom.inference.prompt import Question
from qaloom.inference.server_replies import kept_replies, request_fields
from qaloom.inference.translation_cache import TranslationMemory, open_memory
from qaloom.trained_run import folder_of_base

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


def model_of_documents(config: Mapping[str, Any]) -> str | None:
    """The model in the process that writes questions from the documents of a configuration, if one does.

    Raises ConfigError where a server does and is not named.
    """
    settings = config["documents"]
    if not config["data"]["documents"]:
        return None
    if settings["provider"] == "model":
        return str(settings["model"]["reference"])
    check_server(settings["endpoint"], SECTION)
    return None


def decisive_for_documents(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the section `documents` that decides its rows: not how a server is reached."""
    part = {"passage": settings["passage"], **_asked(settings)}
    return part | {"model": settings["model"]} if settings["provider"] == "model" else part


def _asked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that decide a reply, beside the passage and the weights of a model in the process."""
    wanted = {"prompt": _template(settings), "questions": settings["questions"]}
    if settings["provider"] == "model":
        return wanted
    chosen = settings["endpoint"]
    return {"url": bare_address(chosen["url"] or ""), **request_fields(chosen), **wanted}


def replies_about(
    passages: Sequence[Passage],
    settings: Mapping[str, Any],
    models: Path,
    cache: Path,
    advance: Callable[[int], None],
) -> tuple[dict[str, str], dict[str, str]]:
    """The reply to each passage by its id, and the last reply to those that got none of use.

    `models` holds the folders of base_model. What was asked before about the same heading and text is not asked
    again, whatever document it stands in. Raises EndpointError, ModelError, DeviceError or StorageError, one line
    each; what was answered until then is kept.
    """
    contents = {f"{passage.heading}\n\n{passage.text}": passage for passage in passages}
    prompts = {content: _prompt(passage, settings) for content, passage in contents.items()}
    if settings["provider"] == "model":
        of_content, no_use = _model_replies(prompts, settings, models, cache, advance)
    else:
        of_content, no_use = _server_replies(prompts, settings, cache, advance)
    by_id = [{contents[content].id: text for content, text in made.items()} for made in (of_content, no_use)]
    return by_id[0], by_id[1]


def _model_replies(
    prompts: Mapping[str, str],
    settings: Mapping[str, Any],
    models: Path,
    cache: Path,
    advance: Callable[[int], None],
) -> tuple[dict[str, str], dict[str, str]]:
    """Replies by their prompts' names, those of use and the others; a greedy reply is not asked for twice."""
    chosen = typed(settings["model"], LocalModelSettings)
    model = LocalModel(folder_of_base(chosen.reference, models), chosen, "documents.model")
    asked = {content: Question(prompt) for content, prompt in prompts.items()}
    with open_memory(cache, model.cache_key | _asked(settings)) as memory:
        made = model.replies(asked, memory, advance)
        _say_asked(memory, cache)
    of_use = {content: text for content, text in made.items() if proposals_in_reply(text) is not None}
    return of_use, {content: text for content, text in made.items() if content not in of_use}


def _server_replies(
    prompts: Mapping[str, str], settings: Mapping[str, Any], cache: Path, advance: Callable[[int], None]
) -> tuple[dict[str, str], dict[str, str]]:
    """Replies by their prompts' names, those of use and the others, asked for twice."""
    no_use: dict[str, str] = {}

    def understand(content: str, reply: Reply) -> list[str] | None:
        if proposals_in_reply(reply.text) is not None:
            return [reply.text]
        no_use[content] = reply.text
        return None

    chosen = settings["endpoint"]
    with (
        open_memory(cache, _asked(settings)) as memory,
        connection(chosen, SECTION, request_fields(chosen)) as server,
    ):
        made = kept_replies(server, prompts, understand, memory, advance)
        _say_asked(memory, cache)
    return {content: texts[0] for content, texts in made.items()}, no_use


def _say_asked(memory: TranslationMemory, cache: Path) -> None:
    say(f"documents: {memory.made:,} passages asked about, {memory.found:,} found in {cache}")


def _template(settings: Mapping[str, Any]) -> str:
    own = settings["endpoint"]["prompt"] if settings["provider"] == "endpoint" else None
    return str(own or PROMPT)


def _prompt(passage: Passage, settings: Mapping[str, Any]) -> str:
    wanted = _template(settings).replace("{n}", str(settings["questions"]))
    return wanted.replace("{heading}", passage.heading or "-").replace("{passage}", passage.text)
