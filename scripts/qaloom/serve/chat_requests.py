"""Chat requests as completions of token ids, and the replies to those as chat replies.

A model server that gets text looks for control tokens in it, so a question could close its own turn. It gets
token ids instead, made as in training: text of a message never becomes a control token.
"""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

from qaloom.errors import ModelError, RowTextError
from qaloom.inference.prompt import load_tokenizer, prompt_ids, stop_ids
from qaloom.serve.limits import RequestError
from qaloom.trained_run import TrainedRun

Messages = list[dict[str, Any]]
Cite = Callable[[str], dict[str, Any]]  # fields of a choice that say what its answer rests on
PATH = "/v1/completions"


class ChatPrompt(NamedTuple):
    """A model's prompt: token ids of a chat's messages, and the ids at which an answer ends."""

    ids: Callable[[Messages], list[int]]
    stop: list[int]


def tuned_prompt(run: TrainedRun) -> ChatPrompt:
    """The prompt that a run was trained in, with its system message for chats without one."""
    tokenizer = load_tokenizer(run.folder, run.code_allowed)
    return _prompt(tokenizer, run.prompt, run.system)


def base_prompt(base: Path, code_allowed: bool = False) -> ChatPrompt:
    """The base model's own prompt: chat where it has a template."""
    tokenizer = load_tokenizer(base, code_allowed)
    return _prompt(tokenizer, "chat" if tokenizer.chat_template else "plain", "")


def _prompt(tokenizer: Any, kind: str, system: str) -> ChatPrompt:
    def ids(messages: Messages) -> list[int]:
        own, history, question = chat_turns(messages)
        try:
            return prompt_ids(tokenizer, kind, question, "", own or system, history)
        except (RowTextError, ModelError) as error:
            raise RequestError(400, "unusable_messages", f"the messages cannot be asked: {error}") from None

    return ChatPrompt(ids, stop_ids(tokenizer, kind))


def chat_turns(messages: Messages) -> tuple[str, list[tuple[str, str]], str]:
    """System message, earlier exchanges and question of a chat. Raises RequestError for another order."""
    turns = [(one["role"], _text(one["content"])) for one in messages]
    system = turns.pop(0)[1] if turns and turns[0][0] == "system" else ""
    roles = [role for role, _ in turns]
    if len(turns) % 2 == 0 or roles != (["user", "assistant"] * len(turns))[: len(turns)]:
        raise RequestError(
            400,
            "order_of_messages",
            "messages are a system message or none, then those of user and assistant in turn, the user's last",
        )
    texts = [text for _, text in turns]
    return system, list(zip(texts[:-1:2], texts[1::2], strict=True)), texts[-1]


def _text(content: str | list[dict[str, str]]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def completion_request(body: dict[str, Any], prompt: ChatPrompt) -> dict[str, Any]:
    """The completion that answers a chat request."""
    sent = {name: value for name, value in body.items() if name not in ("messages", "top_logprobs")}
    if sent.pop("logprobs", False):
        sent["logprobs"] = body.get("top_logprobs") or 1
    if sent.get("response_format", {}).get("type") == "json_object":
        sent["json_schema"] = {"type": "object"}  # llama.cpp's name for it
    return sent | {"prompt": prompt.ids(body["messages"]), "stop_token_ids": prompt.stop}


def rests_on_nothing(answer: str) -> dict[str, Any]:
    """The `Cite` of answers that are not grounded."""
    return {}


def chat_reply(reply: dict[str, Any], cite: Cite = rests_on_nothing) -> dict[str, Any]:
    """A completion as a chat reply; `cite` says what its answers rest on."""
    choices = [_choice(one, "message", {"role": "assistant"}) | cite(one["text"]) for one in reply["choices"]]
    return reply | {"object": "chat.completion", "choices": choices}


async def chat_events(lines: AsyncIterator[str], cite: Cite = rests_on_nothing) -> AsyncIterator[bytes]:
    """The events of a streamed completion, as those of a chat reply; the last of a choice says what it rests on."""
    said: dict[int, str] = {}  # by choice; the first event of one names the role
    async for line in lines:
        if line.startswith("data: {"):
            event = json.loads(line.removeprefix("data: "))
            line = "data: " + json.dumps(_chat_event(event, said, cite), ensure_ascii=False)
        yield line.encode() + b"\n"


def _chat_event(event: dict[str, Any], said: dict[int, str], cite: Cite) -> dict[str, Any]:
    if "choices" not in event:
        return event
    choices = []
    for one in event["choices"]:
        number = one.get("index", 0)
        choice = _choice(one, "delta", {} if number in said else {"role": "assistant"})
        said[number] = said.get(number, "") + one["text"]
        choices.append(choice | (cite(said[number]) if one.get("finish_reason") else {}))
    return event | {"object": "chat.completion.chunk", "choices": choices}


def _choice(choice: dict[str, Any], name: str, message: dict[str, str]) -> dict[str, Any]:
    rest = {key: value for key, value in choice.items() if key not in ("text", "logprobs")}
    scores = {"logprobs": _logprobs(choice["logprobs"])} if choice.get("logprobs") else {}
    return rest | {name: message | {"content": choice["text"]}} | scores


def _logprobs(scores: dict[str, Any]) -> dict[str, Any]:
    """A completion's log probabilities in a chat's shape, which llama.cpp gives both of them."""
    if "content" in scores:
        return scores
    each = zip(scores["tokens"], scores["token_logprobs"], scores.get("top_logprobs") or [], strict=False)
    return {"content": [_scored(token, value) | {"top_logprobs": _top(top)} for token, value, top in each]}


def _scored(token: str, value: float | None) -> dict[str, Any]:
    return {"token": token, "logprob": value, "bytes": list(token.encode())}


def _top(tokens: dict[str, float] | None) -> list[dict[str, Any]]:
    return [_scored(token, value) for token, value in (tokens or {}).items()]
