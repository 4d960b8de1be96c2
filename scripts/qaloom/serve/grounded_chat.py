"""Grounded chats: near rows put into the last message, or the abstention in the shape of a model's reply."""

import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec

from qaloom.serve.chat_requests import ChatPrompt, Cite, chat_turns
from qaloom.serve.grounded import GroundedAnswers


class GroundedChat(NamedTuple):
    """A chat request with near rows in its last message, and what says on which an answer rests.

    `abstention` is set where no row is near, and the model is not to be asked.
    """

    body: dict[str, Any]
    cite: Cite
    abstention: str | None = None


def grounded_chat(
    body: dict[str, Any], grounded: GroundedAnswers, prompt: ChatPrompt, context: int
) -> GroundedChat:
    """The chat request on near rows, as many as fit into `context` tokens with the answer. Raises RequestError."""
    messages = body["messages"]
    _, history, question = chat_turns(messages)
    rows = grounded.near(question, history[-1][0] if history else "")
    if not rows:
        text, ground = grounded.abstain(question)
        return GroundedChat(body, lambda _: {"grounding": msgspec.to_builtins(ground)}, text)

    def with_last(text: str) -> list[dict[str, Any]]:
        return [*messages[:-1], messages[-1] | {"content": text}]

    def fits(text: str) -> bool:
        return len(prompt.ids(with_last(text))) + (body.get("max_tokens") or 0) <= context

    noted = grounded.noted(question, rows, fits)

    def cite(answer: str) -> dict[str, Any]:
        return {"grounding": msgspec.to_builtins(grounded.ground(question, noted.rows, answer))}

    return GroundedChat(body | {"messages": with_last(noted.text)}, cite)


def abstention_reply(chat: GroundedChat, model: str) -> dict[str, Any]:
    """The abstention as a chat reply of as many choices as were asked for."""
    message = {"role": "assistant", "content": chat.abstention}
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return _reply(chat, model, "chat.completion", "message", message) | {"usage": usage}


async def abstention_events(chat: GroundedChat, model: str) -> AsyncIterator[bytes]:
    """The abstention as the events of a streamed chat reply."""
    delta = {"role": "assistant", "content": chat.abstention}
    event = _reply(chat, model, "chat.completion.chunk", "delta", delta)
    yield f"data: {json.dumps(event, ensure_ascii=False)}\n\ndata: [DONE]\n\n".encode()


def _reply(chat: GroundedChat, model: str, kind: str, part: str, content: dict[str, Any]) -> dict[str, Any]:
    choices = [
        {"index": number, part: content, "finish_reason": "stop", **chat.cite("")}
        for number in range(chat.body.get("n") or 1)
    ]
    about = {"id": f"chatcmpl-{secrets.token_hex(12)}", "object": kind, "created": int(time.time())}
    return about | {"model": model, "choices": choices}
