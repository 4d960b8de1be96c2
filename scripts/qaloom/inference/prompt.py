"""The prompt that a model is trained on and asked with: one place, so that the two cannot differ."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from qaloom.errors import ModelError, first_line

Tokenizer = Any  # a transformers fast tokenizer; importing its type costs seconds

_TODAY = "26 Jul 2024"  # for templates that write the date: a prompt is the same on every day
PLAIN = "### Instruction:\n{instruction}\n\n### Response:\n"
PLAIN_WITH_INPUT = "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"


class Example(NamedTuple):
    """Token ids of a prompt, and of the answer with its end token that training adds to it."""

    prompt: list[int]
    completion: list[int]


def load_tokenizer(folder: Path, code_allowed: bool = False) -> Any:
    """The tokenizer of a model or adapter folder, with a token to pad with. Raises ModelError."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when transformers is first imported
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=code_allowed)
    except (OSError, ValueError) as error:
        raise load_error(folder, error) from None
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def is_full_model(folder: Path) -> bool:
    """Whether a run's folder holds a whole model (`method: full`), not an adapter."""
    return (folder / "config.json").is_file()


def load_error(folder: Path, error: Exception) -> ModelError:
    """What is raised when transformers cannot load a folder."""
    return ModelError(f"{folder} cannot be loaded ({first_line(error)})")


def prompt_kind(wanted: str, tokenizer: Tokenizer) -> str:
    """`chat` or `plain`: what `auto` means for this tokenizer.

    Raises ModelError when a chat is wanted and there is no template, or no end token to teach.
    """
    if tokenizer.eos_token_id is None:
        raise ModelError(
            "the base model's tokenizer names no end token, so no answer could end; set eos_token there"
        )
    if wanted == "chat" and not tokenizer.chat_template:
        raise ModelError("prompt: chat, but the base model has no chat template; write prompt: plain or auto")
    if wanted != "auto":
        return wanted
    return "chat" if tokenizer.chat_template else "plain"


def prompt_ids(tokenizer: Tokenizer, kind: str, instruction: str, input: str = "") -> list[int]:
    """Token ids up to where the answer begins."""
    if kind == "plain":
        template = PLAIN_WITH_INPUT if input else PLAIN
        return tokenizer(template.format(instruction=instruction, input=input))["input_ids"]
    question = f"{instruction}\n\n{input}" if input else instruction
    # The template writes the begin token itself; the tokenizer must not add a second one.
    return tokenizer(_chat(tokenizer, question), add_special_tokens=False)["input_ids"]


def example(tokenizer: Tokenizer, kind: str, instruction: str, input: str, output: str) -> Example:
    """A training row: the prompt exactly as it will be asked, then the answer and its end."""
    answer = tokenizer(output, add_special_tokens=False)["input_ids"]
    return Example(prompt_ids(tokenizer, kind, instruction, input), answer + _end_ids(tokenizer, kind))


def stop_ids(tokenizer: Tokenizer, kind: str) -> list[int]:
    """Token ids at which an answer ends: EOS and, in a chat, the template's end of turn."""
    return sorted({tokenizer.eos_token_id, _end_ids(tokenizer, kind)[-1]})


@lru_cache(maxsize=8)  # the same for every row
def _end_ids(tokenizer: Tokenizer, kind: str) -> list[int]:
    """What follows an answer, up to the first special token; EOS where the template writes none."""
    end = "" if kind == "plain" else _chat(tokenizer, "question", "answer").rpartition("answer")[2].strip()
    ids = tokenizer(end, add_special_tokens=False)["input_ids"]
    special = next((i for i, token in enumerate(ids) if token in tokenizer.added_tokens_decoder), None)
    return [*ids, tokenizer.eos_token_id] if special is None else ids[: special + 1]


def _chat(tokenizer: Tokenizer, question: str, answer: str | None = None) -> str:
    messages = [{"role": "user", "content": question}]
    if answer is not None:
        messages.append({"role": "assistant", "content": answer})
    return tokenizer.apply_chat_template(
        messages,
        tokenize=False,
        add_generation_prompt=answer is None,
        **pinned_values(),
    )


def pinned_values() -> dict[str, Any]:
    """What a chat template is told beside the messages, so that a question always reads the same."""
    return {
        "enable_thinking": False,  # an answer is what was asked for, not the way there
        "date_string": _TODAY,
        "strftime_now": lambda _format: _TODAY,
    }
