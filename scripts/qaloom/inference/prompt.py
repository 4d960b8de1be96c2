"""Prompts and their token ids, for training and for asking alike, so that the two cannot differ."""

import os
import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from qaloom.errors import ModelError, RowTextError, first_line
from qaloom.inference.encoding import Encoder, Text, Tokenizer, begin_ids, encoder

_TODAY = "26 Jul 2024"  # for templates that write the date: a prompt is the same on every day
PLAIN = "### Instruction:\n{instruction}\n\n### Response:\n"
PLAIN_WITH_INPUT = "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
_QUESTION, _ANSWER = "the-question-of-the-row", "the-answer-of-the-row"
_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>\s*(</\1>\s*)?$")  # open, or empty
_SAMPLE = "한국어 말뭉치 and English, 1,234.5 %: <b>x</b>"


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
    tokenizer = _as_its_file_says(tokenizer, folder)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _as_its_file_says(tokenizer: Tokenizer, folder: Path) -> Tokenizer:
    """The tokenizer of tokenizer.json where transformers' class for the model would encode otherwise.

    A class named in tokenizer_config.json rebuilds normalisation by its own rules, and can lose characters.
    """
    from tokenizers import Tokenizer as Backend
    from transformers import PreTrainedTokenizerFast

    file = Path(folder) / "tokenizer.json"
    if not (file.is_file() and tokenizer.is_fast):
        return tokenizer
    stored = Backend.from_file(str(file)).encode(_SAMPLE, add_special_tokens=False).ids
    if tokenizer.encode(_SAMPLE, add_special_tokens=False) == stored:
        return tokenizer
    return PreTrainedTokenizerFast.from_pretrained(folder)


def load_error(folder: Path, error: Exception) -> ModelError:
    """The error to raise when transformers cannot load a folder."""
    return ModelError(f"{folder} cannot be loaded ({first_line(error)})")


def prompt_kind(wanted: str, tokenizer: Tokenizer) -> str:
    """The kind of prompt, `chat` or `plain`; `auto` is chat where the tokenizer has a template.

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
    """Token ids up to where the answer begins. Raises RowTextError when a part of the question is a control token."""
    pieces = _prompt_pieces(tokenizer, kind, instruction, input)
    return _begin(tokenizer, kind) + encoder_of(tokenizer, kind).encode(*pieces)


def example(tokenizer: Tokenizer, kind: str, instruction: str, input: str, output: str) -> Example:
    """A training row: the prompt exactly as it will be asked, then the answer and its end.

    Tokens of the answer are those of the whole dialogue where the prompt's tokens begin it. Raises RowTextError
    when template or tokenizer change question or answer, or a part of them is a control token.
    """
    prompt = prompt_ids(tokenizer, kind, instruction, input)
    pieces, encode = _prompt_pieces(tokenizer, kind, instruction, input), encoder_of(tokenizer, kind).encode
    gap = "" if kind == "plain" else _checked_gap(tokenizer, chat_question(instruction, input), output)
    whole = _begin(tokenizer, kind) + encode(*pieces, Text(gap, True), Text(output))
    begins = whole[: len(prompt)] == prompt
    answer = whole[len(prompt) :] if begins else encode(Text(output))
    if _letters(tokenizer.decode(answer, skip_special_tokens=False)) != _letters(output):
        raise RowTextError("the model's tokenizer cannot write its answer")
    return Example(prompt, answer + _end_ids(tokenizer, kind))


def _letters(text: str) -> str:
    """A text without what tokenizers may normalise: compatibility characters and white space."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def stop_ids(tokenizer: Tokenizer, kind: str) -> list[int]:
    """Token ids at which an answer ends: EOS and, in a chat, the template's end of turn."""
    return sorted({tokenizer.eos_token_id, _end_ids(tokenizer, kind)[-1]})


class Frame(NamedTuple):
    """Fixed texts of a chat template: before the question, up to the answer, after the answer.

    `generation` is what the template itself writes when an answer is to begin; `answer` is where ours begins,
    after empty thoughts or the channel of final answers. `gap` is white space that belongs to the answer.
    """

    before: str
    generation: str
    answer: str
    gap: str
    after: str
    in_parts: bool  # the template wants a message's content as a list of parts


def frame(tokenizer: Tokenizer) -> Frame:
    """The fixed texts of a tokenizer's chat template, found by rendering it.

    Raises ModelError when a finished dialogue does not begin as the template asks for an answer.
    """
    return _frame(tokenizer, tokenizer.get_chat_template())


@lru_cache(maxsize=8)  # the same for every row
def _frame(tokenizer: Tokenizer, _template: str) -> Frame:
    for in_parts in (False, True):
        asked, finished = (_render(tokenizer, _QUESTION, answer, in_parts) for answer in (None, _ANSWER))
        if _QUESTION in asked and _ANSWER in finished:
            break
    else:
        raise ModelError("the base model's chat template leaves the question out; write prompt: plain")
    before, _, generation = asked.partition(_QUESTION)
    between, _, after = finished.partition(_QUESTION)[2].partition(_ANSWER)
    if between.startswith(generation):
        middle = between[len(generation) :]
    elif (thought := _THOUGHT.search(generation)) and between.strip() == generation[
        : thought.start()
    ].strip():
        middle = "" if thought[2] else f"\n</{thought[1]}>\n\n"  # a finished dialogue keeps no thoughts
    else:
        raise ModelError(
            f"the base model's chat template asks for an answer after {generation!r} and writes a finished one "
            f"after {between!r}; write prompt: plain"
        )
    answer, gap = (generation + middle, "") if middle.strip() else (generation, middle)
    return Frame(before, generation, answer, gap, after, in_parts)


def encoder_of(tokenizer: Tokenizer, kind: str) -> Encoder:
    """The encoder of a kind of prompt."""
    if kind == "plain":
        return encoder(tokenizer, PLAIN)
    parts = frame(tokenizer)
    return encoder(tokenizer, parts.before + parts.answer + parts.after)


def _prompt_pieces(tokenizer: Tokenizer, kind: str, instruction: str, input: str) -> list[Text]:
    if kind == "plain":
        texts = (PLAIN_WITH_INPUT if input else PLAIN).replace("{instruction}", "\0").replace("{input}", "\0")
        first, *others = (Text(text, True) for text in texts.split("\0"))
        values = (Text(instruction), Text(input))
        return [first, *(piece for pair in zip(values, others, strict=False) for piece in pair)]
    parts = frame(tokenizer)
    question = chat_question(instruction, input)
    kept = _as_rendered(tokenizer, question)
    return [Text(parts.before, True), Text(question if kept is None else kept), Text(parts.answer, True)]


def chat_question(instruction: str, input: str) -> str:
    """A question as a chat message, with the passage that it is about."""
    return f"{instruction}\n\n{input}" if input else instruction


def _as_rendered(tokenizer: Tokenizer, question: str) -> str | None:
    """A question as the template writes it (many trim white space), or None where it changes more than that."""
    parts = frame(tokenizer)
    rendered = _render(tokenizer, question, None, parts.in_parts)
    if rendered.startswith(parts.before) and rendered.endswith(parts.generation):
        kept = rendered[len(parts.before) : len(rendered) - len(parts.generation)]
        if kept.strip() == question.strip():
            return kept
    return None


def _checked_gap(tokenizer: Tokenizer, question: str, output: str) -> str:
    """White space before the answer. Raises RowTextError when the template changes the question or the answer."""
    parts = frame(tokenizer)
    if _as_rendered(tokenizer, question) is None:
        raise RowTextError("the model's chat template changes its question")
    rendered = _render(tokenizer, question, output, parts.in_parts)
    if not rendered.removesuffix(parts.after).rstrip().endswith(output.strip()):
        raise RowTextError("the model's chat template changes its answer")
    return parts.gap


@lru_cache(maxsize=8)
def _begin(tokenizer: Tokenizer, kind: str) -> list[int]:
    """The begin token where the tokenizer adds one; a chat template writes it itself."""
    return begin_ids(tokenizer) if kind == "plain" else []


def _end_ids(tokenizer: Tokenizer, kind: str) -> list[int]:
    """Token ids after an answer, up to the first control token; EOS where the template writes none."""
    if kind == "plain":
        return [tokenizer.eos_token_id]
    encode = encoder_of(tokenizer, kind)
    ids = encode.encode(Text(frame(tokenizer).after.strip(), True))
    control = next((i for i, token in enumerate(ids) if token in encode.control), None)
    return [*ids, tokenizer.eos_token_id] if control is None else ids[: control + 1]


def _render(tokenizer: Tokenizer, question: str, answer: str | None, in_parts: bool) -> str:
    """The chat template's text of a question, and of its answer or where one begins. Raises ModelError."""
    from jinja2 import TemplateError

    turns = [("user", question), *([("assistant", answer)] if answer is not None else [])]
    messages = [
        {"role": role, "content": [{"type": "text", "text": text}] if in_parts else text}
        for role, text in turns
    ]
    try:
        return tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=answer is None, **pinned_values()
        )
    except (TemplateError, TypeError, ValueError) as error:
        raise ModelError(f"the base model's chat template fails ({first_line(error)})") from None


def pinned_values() -> dict[str, Any]:
    """Template variables with fixed values, so that a question always renders the same."""
    return {
        "enable_thinking": False,  # the answer alone, without the reasoning before it
        "date_string": _TODAY,
        "strftime_now": lambda _format: _TODAY,
    }
