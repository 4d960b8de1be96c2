"""Runtimes that an export is asked in, as its users would: its own files, template and end tokens."""

import importlib.metadata
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from qaloom.errors import DeviceError
from qaloom.export.ollama import render, stops_of, system_of, template_of
from qaloom.inference.answers import answers
from qaloom.inference.chat_template import rendered_ids
from qaloom.inference.llama_cpp import HEADERS, chat_prompt, posted, start_llama_server, token_ids
from qaloom.inference.model import LoadedModel, load_model
from qaloom.inference.prompt import load_tokenizer, own_stop_ids, stop_ids

_NO_TOKEN = -1


Chat = list[dict[str, str]]  # messages: role and content


class MessageSet(NamedTuple):
    """Chats, all of them to be tokenised, the first `asked` answered in at most `limit` tokens each."""

    messages: Sequence[Chat]
    asked: int
    limit: int


class RuntimeReply(NamedTuple):
    """An answer; `cut` when it ran into the length limit instead of ending by itself."""

    text: str
    cut: bool


class RuntimeAnswers(NamedTuple):
    """Token ids of each prompt in a runtime, and its answers to the first of them."""

    runtime: str
    tokens: list[list[int]]
    answers: list[RuntimeReply]


def in_transformers(
    folder: Path, base: Path | None, precision: str, code_allowed: bool, questions: MessageSet,
    advance: Callable[[int], None],
) -> RuntimeAnswers:  # fmt: skip
    """Ask a merged model's folder, or an adapter's on `base`: template, end tokens and weights are theirs.

    A model that does not fit into the GPU in 16 bits is asked in `precision`, as it was trained.
    """
    tokenizer = load_tokenizer(folder, code_allowed)
    tokens = [rendered_ids(tokenizer, chat) for chat in questions.messages]
    stop = stop_ids(tokenizer, "plain") if base else own_stop_ids(folder) or [_NO_TOKEN]
    with tempfile.TemporaryDirectory() as cache:

        def load() -> LoadedModel:
            where = (base or folder, folder if base else None, code_allowed)
            try:
                return LoadedModel(load_model(*where).model, tokenizer)
            except DeviceError:
                if precision not in ("8bit", "4bit"):
                    raise
                return LoadedModel(load_model(*where, precision).model, tokenizer)

        given = answers(
            load, tokens[: questions.asked], stop, questions.limit, Path(cache) / "answers.jsonl", advance
        )
    return RuntimeAnswers(_version("transformers"), tokens, [RuntimeReply(a.text, a.cut) for a in given])


def in_llama_cpp(
    file: Path, modelfile: str | None, questions: MessageSet, advance: Callable[[int], None]
) -> RuntimeAnswers:  # fmt: skip
    """Ask a GGUF file through llama.cpp's chat endpoint or, with the text of a Modelfile, as Ollama would."""
    import httpx

    messages, limit = questions.messages, questions.limit
    longest = max(sum(len(one["content"]) for one in chat) for chat in messages)
    context = longest * 4 + limit + 512  # a character is up to four bytes, a token one
    server = start_llama_server(file, "export", min(context, 8192), slots=1)
    with httpx.Client(base_url=server.listening_address, headers=HEADERS, timeout=None) as client:
        prompts = [_prompt(client, modelfile, chat) for chat in messages]
        tokens = [token_ids(client, text) for text in prompts]
        given = []
        for number, chat in enumerate(messages[: questions.asked]):
            stops = stops_of(modelfile) if modelfile else None
            reply = (
                _completed(client, prompts[number], stops, limit)
                if modelfile
                else _chatted(client, chat, limit)
            )
            given.append(reply)
            advance(len(given))
    return RuntimeAnswers(f"llama.cpp, {_version('xllamacpp')}", tokens, given)


def _prompt(client: Any, modelfile: str | None, chat: Chat) -> str:
    if modelfile is None:
        return chat_prompt(client, chat)
    system = system_of(modelfile) if chat[0]["role"] != "system" else ""
    lead = [{"role": "system", "content": system}] if system else []
    return render(template_of(modelfile), [*lead, *chat])


def _chatted(client: Any, chat: Chat, limit: int) -> RuntimeReply:
    settings = {"temperature": 0, "max_tokens": limit}
    choice = posted(client, "/v1/chat/completions", messages=chat, **settings)["choices"][0]
    return RuntimeReply((choice["message"]["content"] or "").strip(), choice["finish_reason"] == "length")


def _completed(client: Any, prompt: str, stops: list[str] | None, limit: int) -> RuntimeReply:
    settings = {"temperature": 0, "n_predict": limit, "stop": stops}
    reply = posted(client, "/completion", prompt=prompt, **settings)
    return RuntimeReply(reply["content"].strip(), reply["stop_type"] == "limit")


def _version(package: str) -> str:
    return f"{package} {importlib.metadata.version(package)}"
