"""Prompts and their token ids, for training and for asking alike, so that the two cannot differ."""

import os
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from qaloom.errors import ModelError, RowTextError, first_line
from qaloom.files import read_json
from qaloom.inference.encoding import Encoder, Text, Tokenizer, begin_ids, encoder
from qaloom.inference.frame import SYSTEM_END, Frame, as_rendered, frame, render_chat

PLAIN = "### Instruction:\n{instruction}\n\n### Response:\n"
PLAIN_WITH_INPUT = "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
_SAMPLE = "한국어 말뭉치 and English, 1,234.5 %: <b>x</b>"


History = Sequence[tuple[str, str]]  # earlier exchanges: question and answer


class Question(NamedTuple):
    """A question, the text it is about, and what was said before it; a prompt is made of it."""

    instruction: str
    input: str = ""
    system: str = ""
    history: History = ()


class Example(NamedTuple):
    """Token ids of a prompt, and of the answer with its end token that training adds to it."""

    prompt: list[int]
    completion: list[int]


def load_tokenizer(folder: Path, code_allowed: bool = False, template: str | None = None) -> Any:
    """The tokenizer of a model or adapter folder, with a token to pad with. Raises ModelError.

    `template` is a chat template in place of its own.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when transformers is first imported
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=code_allowed)
        tokenizer = _as_its_file_says(tokenizer, folder)
    except BaseException as error:  # broken files fail anywhere, in tokenizers' Rust as a panic, no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise load_error(folder, error) from None
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if template is not None:
        tokenizer.chat_template = template
    return tokenizer


def _as_its_file_says(tokenizer: Tokenizer, folder: Path) -> Tokenizer:
    """The tokenizer of tokenizer.json where transformers' class for the model would encode otherwise.

    A class named in tokenizer_config.json rebuilds normalisation by its own rules, and can lose characters or
    SentencePiece's space after a special token, or adds tokens of its own that the model has no row for.
    """
    from tokenizers import Tokenizer as Backend
    from transformers import PreTrainedTokenizerFast

    file = Path(folder) / "tokenizer.json"
    if not (file.is_file() and tokenizer.is_fast):
        return tokenizer
    stored = Backend.from_file(str(file))
    sample = _SAMPLE + "".join(
        f"{token}{_SAMPLE} {token} {_SAMPLE}" for token in tokenizer.all_special_tokens
    )
    same = (
        tokenizer.encode(sample, add_special_tokens=False)
        == stored.encode(sample, add_special_tokens=False).ids
    )
    if same and len(tokenizer) == stored.get_vocab_size():
        return tokenizer
    return PreTrainedTokenizerFast.from_pretrained(folder)


def load_error(folder: Path, error: BaseException) -> ModelError:
    """The error to raise when transformers cannot load a folder."""
    return ModelError(f"{folder} cannot be loaded ({first_line(error)})")


def prompt_kind(wanted: str, tokenizer: Tokenizer) -> str:
    """The kind of prompt, `chat` or `plain`, of auto, chat, plain or a template's file, which the tokenizer has.

    Raises ModelError when a chat is wanted and there is no template, or no end token to teach.
    """
    if tokenizer.eos_token_id is None:
        raise ModelError(
            "the base model's tokenizer names no end token, so no answer could end; set eos_token there"
        )
    if wanted == "chat" and not tokenizer.chat_template:
        raise ModelError("prompt: chat, but the base model has no chat template; write prompt: plain or auto")
    if wanted == "plain":
        return wanted
    return "chat" if tokenizer.chat_template else "plain"


def row_question(row: Mapping[str, Any], system: str = "") -> Question:
    """The question of a row of the split's files; `system` is for rows without a message of their own."""
    history = [(question, answer) for question, answer in row.get("history", ())]
    return Question(row["instruction"], row["input"], row.get("system") or system, history)


def prompt_ids(
    tokenizer: Tokenizer,
    kind: str,
    instruction: str,
    input: str = "",
    system: str = "",
    history: History = (),
) -> list[int]:
    """Token ids up to where the answer begins: the fields of a Question, in a `kind` of prompt.

    Raises RowTextError when a part of them is a control token, or the template takes no earlier exchanges.
    """
    pieces, _ = _prompt_pieces(tokenizer, kind, Question(instruction, input, system, history))
    return encoder_of(tokenizer, kind).encode(*pieces)


def example(
    tokenizer: Tokenizer,
    kind: str,
    instruction: str,
    input: str,
    output: str,
    system: str = "",
    history: History = (),
) -> Example:
    """A training row: the prompt exactly as it will be asked, then the answer and its end.

    Tokens of the answer are those of the whole dialogue where the prompt's tokens begin it. Raises RowTextError
    when template or tokenizer change a text of the row, or a part of one is a control token.
    """
    question = Question(instruction, input, system, history)
    pieces, faithful = _prompt_pieces(tokenizer, kind, question)
    if not faithful:
        raise RowTextError("the model's chat template changes its question")
    encode = encoder_of(tokenizer, kind).encode
    prompt = encode(*pieces)
    gap = "" if kind == "plain" else _checked_gap(tokenizer, question, output)
    whole = encode(*pieces, Text(gap, True), Text(output))
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


def own_stop_ids(folder: Path) -> list[int]:
    """Token ids at which the folder's own settings end an answer; none if they name none."""
    settings = folder / "generation_config.json"
    ends = read_json(settings).get("eos_token_id") if settings.is_file() else None
    return [] if ends is None else ends if isinstance(ends, list) else [ends]


def encoder_of(tokenizer: Tokenizer, kind: str) -> Encoder:
    """The encoder of a kind of prompt, the same for every shape of dialogue."""
    return _encoder(tokenizer, kind, tokenizer.chat_template)


@lru_cache(maxsize=8)
def _encoder(tokenizer: Tokenizer, kind: str, _template: str) -> Encoder:
    if kind == "plain":
        return encoder(tokenizer, PLAIN)
    shapes = [frame(tokenizer)]
    for system, earlier in ((True, 0), (False, 1)):
        with suppress(ModelError, RowTextError):
            shapes.append(frame(tokenizer, system, earlier))
    fixed = (text for parts in shapes for text in (*parts.before, parts.answer, parts.after))
    return encoder(tokenizer, "".join(dict.fromkeys(fixed)))


def _prompt_pieces(tokenizer: Tokenizer, kind: str, question: Question) -> tuple[list[Text], bool]:
    """The prompt's fixed and row texts, and whether the template leaves the row's as they are."""
    if kind == "plain":
        return _plain_pieces(tokenizer, question), True
    frame(tokenizer)  # a template of no use is refused before one that lacks turns
    parts, texts = _frame_and_texts(tokenizer, question)
    kept = as_rendered(tokenizer, texts, parts)
    pieces = []
    for before, text in zip(parts.before, texts if kept is None else kept, strict=True):
        pieces += [Text(before, True), Text(text)]
    return [*pieces, Text(parts.answer, True)], kept is not None


def _frame_and_texts(tokenizer: Tokenizer, question: Question) -> tuple[Frame, list[str]]:
    texts = [question.system] if question.system else []
    texts += chain.from_iterable(question.history)
    texts.append(chat_question(question.instruction, question.input))
    return frame(tokenizer, bool(question.system), len(question.history)), texts


def _plain_pieces(tokenizer: Tokenizer, question: Question) -> list[Text]:
    pieces = [Text(begin_text(tokenizer), True)]
    if question.system:
        pieces += [Text(question.system), Text(SYSTEM_END, True)]
    for earlier, answer in question.history:
        pieces += [*_instruction_pieces(earlier, ""), Text(answer), Text(tokenizer.eos_token, True)]
    return pieces + _instruction_pieces(question.instruction, question.input)


def _instruction_pieces(instruction: str, input: str) -> list[Text]:
    texts = (PLAIN_WITH_INPUT if input else PLAIN).replace("{instruction}", "\0").replace("{input}", "\0")
    first, *others = (Text(text, True) for text in texts.split("\0"))
    values = (Text(instruction), Text(input))
    return [first, *(piece for pair in zip(values, others, strict=False) for piece in pair)]


def chat_question(instruction: str, input: str) -> str:
    """A question as a chat message, with the passage that it is about."""
    return f"{instruction}\n\n{input}" if input else instruction


def _checked_gap(tokenizer: Tokenizer, question: Question, output: str) -> str:
    """White space before the answer. Raises RowTextError when the template changes the answer."""
    parts, texts = _frame_and_texts(tokenizer, question)
    rendered = render_chat(tokenizer, [*texts, output], parts.layout)
    if not rendered.removesuffix(parts.after).rstrip().endswith(output.strip()):
        raise RowTextError("the model's chat template changes its answer")
    return parts.gap


@lru_cache(maxsize=8)
def begin_text(tokenizer: Tokenizer) -> str:
    """Beginning of a plain prompt: the begin token where the tokenizer adds one, else nothing.

    It is encoded with the prompt, as programs do that get both as one text: SentencePiece may put a space after it.
    """
    return tokenizer.decode(begin_ids(tokenizer))


def _end_ids(tokenizer: Tokenizer, kind: str) -> list[int]:
    """Token ids after an answer, up to the first control token; EOS where the template writes none."""
    if kind == "plain":
        return [tokenizer.eos_token_id]
    encode = encoder_of(tokenizer, kind)
    ids = encode.encode(Text(frame(tokenizer).after.strip(), True))
    control = next((i for i, token in enumerate(ids) if token in encode.control), None)
    return [*ids, tokenizer.eos_token_id] if control is None else ids[: control + 1]
