"""From a record, in any of the shapes that extractors write, to a question with its answer."""

import json
import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from pathlib import PurePath
from typing import Any, NamedTuple

from qaloom.validate.dialogues import Dialogue, dialogue, earlier_turns, is_messages, read_turns
from qaloom.validate.lines import Fault

_NUMBERS = (int, float, Decimal)
# The first pair that a record has in full is its question and answer.
PAIRS = (
    ("question", "answer"),
    ("instruction", "output"),
    ("instruction", "response"),
    ("prompt", "completion"),
    ("prompt", "response"),
    ("query", "answer"),
    ("query", "response"),
    ("q", "a"),
    ("질문", "답변"),
    ("질문", "답"),
    ("input", "output"),
    # Rows for DPO: the chosen answer is the one to learn.
    ("prompt", "chosen"),
    ("question", "chosen"),
    ("instruction", "chosen"),
    ("input", "chosen"),
)
CHATS = ("messages", "conversations", "conversation")
SYSTEMS = ("system", "system_prompt")
HISTORIES = ("history", "chat_history")
# What the question is asked about: all of it goes into `input`, in this order.
CONTEXTS = ("context", "passage", "문맥", "지문", "input")
DOCUMENTS = ("document", "source", "file", "filename", "file_name")
_QUESTIONS = tuple(dict.fromkeys(question for question, _ in PAIRS if question != "input"))
_ANSWERS = tuple(dict.fromkeys(answer for _, answer in PAIRS))
_SUFFIXES = re.compile(r"(\.qa)?\.(jsonl?|ndjson)(\.gz)?$|\.gz$", re.IGNORECASE)
_FILE_NAME = re.compile(r"\A[^\n]{1,300}\.[A-Za-z][A-Za-z0-9]{1,4}")


class Shaped(NamedTuple):
    """A question with its answer, the remaining keys, and the document that the row itself names.

    `history` holds the earlier exchanges of its dialogue, each a question and an answer.
    """

    instruction: str
    input: str
    output: str
    meta: dict[str, Any]
    document: str
    repairs: tuple[str, ...] = ()
    system: str = ""
    history: tuple[tuple[str, str], ...] = ()


class _Plan(NamedTuple):
    """The keys of a record by the part they play; "" where there is none."""

    question: str
    answer: str
    chat: str
    systems: tuple[str, ...]
    histories: tuple[str, ...]
    contexts: tuple[str, ...]
    documents: tuple[str, ...]
    rest: tuple[str, ...]
    clashes: tuple[tuple[str, str], ...]


def shape(record: dict[str, Any], raw: bytes = b"") -> Shaped | Fault:
    """Question and answer of a record, the last of a dialogue; what it is asked about becomes its `input`.

    Every other key goes to `meta` as it is. A number is copied as `raw`, the record's JSON, has it (1.50,
    not 1.5). Keys are compared without case. A fault is one of: duplicate_key, missing_question,
    missing_answer, not_text, bad_history, and for chats bad_chat.
    """
    plan = _plan(tuple(record))
    for one, other in plan.clashes:
        if record[one] != record[other]:
            return Fault(
                "duplicate_key", f"the keys {one} and {other} differ only in case, their values in more"
            )
    if plan.chat:
        return _chat(record, record[plan.chat], plan)
    if any(is_messages(record[key]) for key in (plan.question, plan.answer) if key):
        return _conversational(record, plan)
    if not plan.question or not plan.answer:
        return _missing(record, plan)
    return _pair(record, raw, plan)


def every_answer(found: Shaped) -> list[Shaped]:
    """A row for each answer of a dialogue, with the exchanges before it as its history."""
    exchanges = [*found.history, (found.instruction, found.output)]
    return [
        found._replace(
            instruction=question, output=answer, history=tuple(exchanges[:n]), meta=dict(found.meta)
        )
        for n, (question, answer) in enumerate(exchanges)
    ]


def file_group(name: str) -> str:
    """The document that a source file stands for: its name without folder and .qa.jsonl.gz suffixes."""
    return _SUFFIXES.sub("", PurePath(name).name) or name


@lru_cache(maxsize=4096)
def _plan(keys: tuple[str, ...]) -> _Plan:
    named: dict[str, str] = {}
    clashes = []
    for key in keys:
        folded = key.strip().casefold()
        if folded in named:
            clashes.append((named[folded], key))
        named.setdefault(folded, key)
    question, answer = _best_pair(named)
    chat = next((named[name] for name in CHATS if name in named), "") if not (question and answer) else ""

    def present(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(named[name] for name in names if name in named and named[name] != question)

    background = systems, histories, contexts = present(SYSTEMS), present(HISTORIES), present(CONTEXTS)
    used = {question, answer, chat, *(other for _, other in clashes)}.union(*background)
    rest = tuple(key for key in keys if key not in used)
    return _Plan(
        question, answer, chat, systems, histories, contexts, present(DOCUMENTS), rest, tuple(clashes)
    )


def _best_pair(named: dict[str, str]) -> tuple[str, str]:
    for question, answer in PAIRS:
        if question in named and answer in named:
            return named[question], named[answer]
    question = next((named[name] for name in _QUESTIONS if name in named), "")
    answer = next((named[name] for name in _ANSWERS if name in named), "")
    return question, answer


def _pair(record: dict[str, Any], raw: bytes, plan: _Plan) -> Shaped | Fault:
    question, answer = record[plan.question], record[plan.answer]
    repairs: tuple[str, ...] = ()
    if type(question) is not str or type(answer) is not str:
        texts = _as_text(record, plan.question, raw), _as_text(record, plan.answer, raw)
        for text in texts:
            if isinstance(text, Fault):
                return text
        if type(question) in _NUMBERS or type(answer) in _NUMBERS:
            repairs = ("number_to_text",)
        question, answer = texts
    before = _before(record, raw, plan)
    if isinstance(before, Fault):
        return before
    return _shaped(record, plan, before, [*before.exchanges, (question, answer)], repairs)


def _conversational(record: dict[str, Any], plan: _Plan) -> Shaped | Fault:
    """TRL's form: prompt and answer as messages; an answer may hold the whole dialogue."""
    asked, answered = record.get(plan.question, ""), record[plan.answer] if plan.answer else ""
    messages = answered if is_messages(answered) else [{"role": "assistant", "content": answered}]
    roles = read_turns(messages)
    if isinstance(roles, Fault):
        return roles
    if not any(role == "user" for role, _ in roles):
        messages = [*(asked if is_messages(asked) else [{"role": "user", "content": asked}]), *messages]
    return _chat(record, messages, plan)


def _chat(record: dict[str, Any], messages: Any, plan: _Plan) -> Shaped | Fault:
    found = dialogue(messages)
    if isinstance(found, Fault):
        return found
    before = _before(record, b"", plan)
    if isinstance(before, Fault):
        return before
    system = "\n\n".join(filter(None, dict.fromkeys((_telling(found.system), before.system))))
    exchanges = [*before.exchanges, *found.exchanges]
    return _shaped(record, plan, before._replace(system=system), exchanges, found.repairs)


def _shaped(
    record: dict[str, Any],
    plan: _Plan,
    before: "_Before",
    exchanges: list[tuple[str, str]],
    repairs: tuple[str, ...],
) -> Shaped:
    *history, (question, answer) = exchanges
    if plan.answer.strip().casefold() == "chosen":
        repairs += ("chosen_answer",)
    meta = {key: record[key] for key in plan.rest}
    document = _document(record, plan)
    return Shaped(question, before.context, answer, meta, document, repairs, before.system, tuple(history))


def _as_text(record: dict[str, Any], key: str, raw: bytes) -> str | Fault:
    value = record[key] if key else ""
    if value is None:
        return ""
    if type(value) in _NUMBERS:
        return _as_written(record, key, raw)
    if type(value) is str:
        return value
    kind = {bool: "true or false", list: "a list", dict: "an object"}[type(value)]
    return Fault("not_text", f"{key} holds {kind}, not a text")


# A system message that says nothing but to be an assistant: templates have one of their own.
_BARE_SYSTEM = re.compile(
    r"(?:you are|you're) an? (?:[a-z]+,? (?:and )?){0,4}assistant[.!]?"
    r"|(?:너는|당신은) (?:[가-힣A-Za-z]+ ){0,4}(?:어시스턴트|비서|도우미|챗봇|조수)(?:입니다|이다|다|야|예요)?[.!]?",
    re.IGNORECASE,
)


class _Before(NamedTuple):
    """Context that a record has before its question, beside the chat itself."""

    system: str
    exchanges: list[tuple[str, str]]
    context: str


def _before(record: dict[str, Any], raw: bytes, plan: _Plan) -> _Before | Fault:
    """System message, earlier exchanges, and context (and a history that is a text), each a paragraph."""
    if not (plan.systems or plan.histories):
        if not plan.contexts:
            return _Before("", [], "")
        if len(plan.contexts) == 1 and type(record[plan.contexts[0]]) is str:
            return _Before("", [], record[plan.contexts[0]])
    systems = [_system(record[key]) for key in plan.systems]
    earlier = [_history(record[key]) for key in plan.histories]
    contexts = [_context(record, key, raw) for key in plan.contexts]
    for part in (*systems, *earlier, *contexts):
        if isinstance(part, Fault):
            return part
    told = [part for part in earlier if isinstance(part, str)]
    found = [part for part in earlier if isinstance(part, Dialogue)]
    return _Before(
        _paragraphs([*systems, *(_telling(one.system) for one in found)]),
        [exchange for one in found for exchange in one.exchanges],
        _paragraphs([*told, *contexts]),
    )


def _paragraphs(texts: list[Any]) -> str:
    return "\n\n".join(dict.fromkeys(text for text in texts if text.strip()))


def _system(value: Any) -> str | Fault:
    if value is None:
        return ""
    if type(value) is not str:
        return Fault("not_text", "the system message is not a text")
    return _telling(value)


def _telling(system: str) -> str:
    return "" if _BARE_SYSTEM.fullmatch(system.strip()) else system


def _context(record: dict[str, Any], key: str, raw: bytes) -> str | Fault:
    value = record[key]
    if type(value) is list and all(type(passage) is str for passage in value):
        return "\n\n".join(value)
    return _as_text(record, key, raw)


def _history(value: Any) -> Dialogue | str | Fault:
    """Earlier exchanges: pairs of question and answer (Alpaca), or messages of a chat; or a text."""
    if not value or type(value) is str:
        return value or ""
    return earlier_turns(value)


def _as_written(record: dict[str, Any], key: str, raw: bytes) -> str:
    if not raw:
        return str(record[key])
    return json.loads(raw, parse_int=str, parse_float=str, strict=False)[key]


def _missing(record: dict[str, Any], plan: _Plan) -> Fault:
    seen = ", ".join(key[:30] for key in list(record)[:12]) or "none"
    if not plan.question:
        return Fault(
            "missing_question", f"no key holds a question (question, instruction, prompt); keys seen: {seen}"
        )
    return Fault("missing_answer", f"no key holds an answer (answer, output, completion); keys seen: {seen}")


def _document(record: dict[str, Any], plan: _Plan) -> str:
    for key in plan.documents:
        value = record[key]
        if type(value) is not str or not (value := value.strip()):
            continue
        # These keys may also hold a whole text, or a word such as "manual".
        if _FILE_NAME.fullmatch(value) or (
            key.strip().casefold() == "document" and len(value) <= 200 and "\n" not in value
        ):
            return unicodedata.normalize("NFC", value)
    return ""
