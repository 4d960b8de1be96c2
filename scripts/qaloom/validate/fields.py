"""From a record, in any of the shapes that extractors write, to a question with its answer."""

import json
import re
import unicodedata
from functools import lru_cache
from pathlib import PurePath
from typing import Any, NamedTuple

from qaloom.validate.lines import Fault

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
)
CHATS = ("messages", "conversations", "conversation")
# What the question is asked about: all of it goes into `input`, in this order.
SYSTEMS = ("system", "system_prompt")
HISTORIES = ("history", "chat_history")
CONTEXTS = ("context", "passage", "문맥", "지문", "input")
DOCUMENTS = ("document", "source", "file", "filename", "file_name")
_QUESTIONS = tuple(dict.fromkeys(question for question, _ in PAIRS if question != "input"))
_ANSWERS = tuple(dict.fromkeys(answer for _, answer in PAIRS))
_ROLES = {"system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"}
_ROLES |= {"model": "assistant", "bot": "assistant"}
_SUFFIXES = re.compile(r"(\.qa)?\.(jsonl?|ndjson)(\.gz)?$|\.gz$", re.IGNORECASE)
_FILE_NAME = re.compile(r"\A[^\n]{1,300}\.[A-Za-z][A-Za-z0-9]{1,4}")


class Shaped(NamedTuple):
    """A question with its answer, the remaining keys, and the document that the row itself names."""

    instruction: str
    input: str
    output: str
    meta: dict[str, Any]
    document: str
    repairs: tuple[str, ...] = ()


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
    """Question and answer of a record; context, history and system message become its `input`.

    Every other key goes to `meta` as it is. A number is copied as `raw`, the record's JSON, has it (1.50,
    not 1.5). Keys are compared without case. A fault is one of: duplicate_key, missing_question,
    missing_answer, not_text, bad_history, and for chats bad_chat or multi_turn.
    """
    plan = _plan(tuple(record))
    for one, other in plan.clashes:
        if record[one] != record[other]:
            return Fault(
                "duplicate_key", f"the keys {one} and {other} differ only in case, their values in more"
            )
    if plan.chat:
        return _chat(record, plan)
    if not plan.question or not plan.answer:
        return _missing(record, plan)
    return _pair(record, raw, plan)


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
        if type(question) in (int, float) or type(answer) in (int, float):
            repairs = ("number_to_text",)
        question, answer = texts
    background = _background(record, raw, plan)
    if isinstance(background, Fault):
        return background
    meta = {key: record[key] for key in plan.rest}
    return Shaped(question, background, answer, meta, _document(record, plan), repairs)


def _as_text(record: dict[str, Any], key: str, raw: bytes) -> str | Fault:
    value = record[key] if key else ""
    if value is None:
        return ""
    if type(value) in (int, float):
        return _as_written(record, key, raw)
    if type(value) is str:
        return value
    kind = {bool: "true or false", list: "a list", dict: "an object"}[type(value)]
    return Fault("not_text", f"{key} holds {kind}, not a text")


# A system message that says nothing but to be an assistant tells no rows apart.
_BARE_SYSTEM = re.compile(
    r"(?:you are|you're) an? (?:[a-z]+,? (?:and )?){0,4}assistant[.!]?"
    r"|(?:너는|당신은) (?:[가-힣A-Za-z]+ ){0,4}(?:어시스턴트|비서|도우미|챗봇|조수)(?:입니다|이다|다|야|예요)?[.!]?",
    re.IGNORECASE,
)


def _background(record: dict[str, Any], raw: bytes, plan: _Plan) -> str | Fault:
    """The context of a question: system message, earlier turns, context, input, each a paragraph."""
    if not (plan.systems or plan.histories):
        if not plan.contexts:
            return ""
        if len(plan.contexts) == 1 and type(record[plan.contexts[0]]) is str:
            return record[plan.contexts[0]]
    parts = [_system(record[key]) for key in plan.systems]
    parts += [_history(record[key]) for key in plan.histories]
    parts += [_context(record, key, raw) for key in plan.contexts]
    texts = []
    for part in parts:
        if isinstance(part, Fault):
            return part
        if part.strip():
            texts.append(part)
    return "\n\n".join(dict.fromkeys(texts))


def _system(value: Any) -> str | Fault:
    if value is None:
        return ""
    if type(value) is not str:
        return Fault("not_text", "the system message is not a text")
    return "" if _BARE_SYSTEM.fullmatch(value.strip()) else value


def _context(record: dict[str, Any], key: str, raw: bytes) -> str | Fault:
    value = record[key]
    if type(value) is list and all(type(passage) is str for passage in value):
        return "\n\n".join(value)
    return _as_text(record, key, raw)


def _history(value: Any) -> str | Fault:
    """Earlier turns as text: pairs of question and answer (Alpaca), messages of a chat, or a text."""
    if value is None or type(value) is str:
        return value or ""
    if type(value) is list and all(type(turn) is list and len(turn) == 2 for turn in value):
        sides = [side for turn in value for side in zip("QA", turn, strict=True)]
    else:
        turns = _turns(value)
        if isinstance(turns, Fault):
            return Fault("bad_history", "the history is neither pairs of question and answer nor messages")
        sides = [({"user": "Q", "assistant": "A"}.get(role, role), text) for role, text in turns]
    if not all(type(text) is str for _, text in sides):
        return Fault("bad_history", "a turn of the history is not a text")
    return "\n".join(f"{side}: {text.strip()}" for side, text in sides)


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


def _chat(record: dict[str, Any], plan: _Plan) -> Shaped | Fault:
    turns = _turns(record[plan.chat])
    if isinstance(turns, Fault):
        return turns
    system = _system(turns.pop(0)[1]) if turns and turns[0][0] == "system" else ""
    background = _background(record, b"", plan)
    if isinstance(system, Fault):
        return system
    if isinstance(background, Fault):
        return background
    roles = [role for role, _ in turns]
    if roles != ["user", "assistant"]:
        return _unusable(roles)
    meta = {key: record[key] for key in plan.rest}
    asked_about = "\n\n".join(filter(None, dict.fromkeys((system, background))))
    return Shaped(turns[0][1], asked_about, turns[1][1], meta, _document(record, plan))


def _unusable(roles: list[str]) -> Fault:
    pairs = len(roles) // 2
    if pairs > 1 and roles == ["user", "assistant"] * pairs:
        return Fault("multi_turn", f"the chat has {pairs} turns; only chats of one turn are used")
    order = ", ".join(roles)[:80] or "empty"
    return Fault("bad_chat", f"the chat is not one question and one answer but: {order}")


def _turns(chat: Any) -> list[tuple[str, str]] | Fault:
    if type(chat) is not list:
        return Fault("bad_chat", "the chat is not a list of messages")
    turns = []
    for message in chat:
        if type(message) is not dict:
            return Fault("bad_chat", "a message of the chat is not an object")
        role = message.get("role", message.get("from"))
        text = message.get("content", message.get("value"))
        if type(role) is not str or type(text) is not str:
            return Fault("bad_chat", "a message of the chat lacks a role or a text")
        turns.append((_ROLES.get(role.casefold(), role[:20]), text))
    return turns
