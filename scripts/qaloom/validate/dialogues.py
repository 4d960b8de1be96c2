"""Dialogues of a record (messages, ShareGPT, TRL's conversational form): system message and exchanges."""

import re
from typing import Any, NamedTuple

from qaloom.validate.lines import Fault
from qaloom.validate.markers import split_reasoning

Turn = tuple[str, str]  # role and text

_ROLES = {"system": "system", "developer": "system", "human": "user", "user": "user", "prompter": "user"}
_ROLES |= {"gpt": "assistant", "assistant": "assistant", "model": "assistant", "bot": "assistant"}
_TOOLS = re.compile(r"tool|function|observation|ipython", re.IGNORECASE)


class Dialogue(NamedTuple):
    """A system message, the exchanges (question and answer) in their order, and codes of repairs."""

    system: str
    exchanges: list[tuple[str, str]]
    repairs: tuple[str, ...]


def is_messages(value: Any) -> bool:
    """Whether a value is a list of messages, as a prompt or a completion may be."""
    return (
        type(value) is list
        and bool(value)
        and all(type(one) is dict and ("role" in one or "from" in one) for one in value)
    )


def dialogue(messages: Any) -> Dialogue | Fault:
    """The dialogue that a list of messages holds. The fault bad_chat: no questions and answers in turn.

    An answer before the first question (`opening_turn`) and a question after the last answer
    (`unanswered_turn`) are left out.
    """
    turns = read_turns(messages)
    if isinstance(turns, Fault):
        return turns
    system = turns.pop(0)[1] if turns and turns[0][0] == "system" else ""
    roles = [role for role, _ in turns]
    repairs: tuple[str, ...] = ()
    if roles[:2] == ["assistant", "user"]:
        turns, repairs = turns[1:], ("opening_turn",)
    if roles[-2:] == ["assistant", "user"] and len(turns) > 2:
        turns, repairs = turns[:-1], (*repairs, "unanswered_turn")
    if not turns or [role for role, _ in turns] != ["user", "assistant"] * (len(turns) // 2):
        order = ", ".join(roles)[:80] or "empty"
        remedy = "; tool calls are not trained: leave these turns out" if _TOOLS.search(order) else ""
        return Fault("bad_chat", f"the chat is not questions and answers in turn but: {order}{remedy}")
    texts = [text for _, text in turns]
    *earlier, last = zip(texts[::2], texts[1::2], strict=True)
    kept = _without_reasoning(earlier)
    return kept if isinstance(kept, Fault) else Dialogue(system, [*kept, last], repairs)


def earlier_turns(value: Any) -> Dialogue | Fault:
    """The dialogue before a question: messages, or pairs of question and answer (Alpaca's history).

    The fault bad_history.
    """
    found = dialogue(value) if is_messages(value) else _pairs(value)
    if isinstance(found, Fault):
        return Fault("bad_history", found.detail)
    kept = _without_reasoning(found.exchanges)
    return kept if isinstance(kept, Fault) else found._replace(exchanges=kept)


def _pairs(value: Any) -> Dialogue | Fault:
    if type(value) is not list:
        return Fault("bad_history", "the history is not a list")
    if not all(type(pair) is list and len(pair) == 2 for pair in value):
        return Fault("bad_history", "the history is neither pairs of question and answer nor messages")
    if not all(type(text) is str for pair in value for text in pair):
        return Fault("bad_history", "a turn of the history is not a text")
    return Dialogue("", [(question, answer) for question, answer in value], ())


def read_turns(messages: Any) -> list[Turn] | Fault:
    """Role (system, user, assistant, or the record's own) and text of each message. The fault bad_chat."""
    if type(messages) is not list:
        return Fault("bad_chat", "the chat is not a list of messages")
    turns = []
    for message in messages:
        if type(message) is not dict:
            return Fault("bad_chat", "a message of the chat is not an object")
        role = message.get("role", message.get("from"))
        text = _text(message.get("content", message.get("value")))
        if type(role) is not str or text is None:
            return Fault("bad_chat", _lacking(message, role))
        turns.append((_ROLES.get(role.casefold(), role[:20]), text))
    return turns


def _lacking(message: dict[str, Any], role: Any) -> str:
    if "tool_calls" in message or "function_call" in message:
        return (
            "a message of the chat calls a tool instead of answering; leave tool calls and their results out"
        )
    if type(message.get("content")) is list:
        return "a message of the chat has parts that are no text (an image, a file); leave them out"
    return (
        "a message of the chat lacks a role"
        if type(role) is not str
        else "a message of the chat lacks a text"
    )


def _text(content: Any) -> str | None:
    """A message's text, which may come in parts; None where a part is no text."""
    if type(content) is not list:
        return content if type(content) is str else None
    parts = [part.get("text") if type(part) is dict else part for part in content]
    texts = [part for part in parts if type(part) is str]
    return "\n".join(texts) if texts and len(texts) == len(parts) else None


def _without_reasoning(exchanges: list[tuple[str, str]]) -> list[tuple[str, str]] | Fault:
    """Exchanges whose answers are without reasoning: of earlier turns templates keep none of it either."""
    kept = []
    for question, answer in exchanges:
        parts = split_reasoning(answer)
        if isinstance(parts, Fault):
            return parts
        kept.append((question, parts[1]))
    return kept
