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
DOCUMENTS = ("document", "source", "file", "filename", "file_name")
_QUESTIONS = tuple(dict.fromkeys(question for question, _ in PAIRS if question != "input"))
_ANSWERS = tuple(dict.fromkeys(answer for _, answer in PAIRS))
_ROLES = {"system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"}
_ROLES |= {"model": "assistant", "bot": "assistant"}
_SUFFIXES = re.compile(r"(\.qa)?\.(jsonl?|ndjson)(\.gz)?$|\.gz$", re.IGNORECASE)
_FILE_NAME = re.compile(r"[^\n]{1,300}\.[A-Za-z][A-Za-z0-9]{1,4}")


class Shaped(NamedTuple):
    """A question with its answer, the remaining keys, and the document that the row itself names."""

    instruction: str
    input: str
    output: str
    meta: dict[str, Any]
    document: str
    repairs: tuple[str, ...] = ()


class _Plan(NamedTuple):
    """Which keys of a record play which part; "" where none does."""

    question: str
    input: str
    answer: str
    chat: str
    documents: tuple[str, ...]
    rest: tuple[str, ...]
    clashes: tuple[tuple[str, str], ...]


def shape(record: dict[str, Any], raw: bytes = b"") -> Shaped | Fault:
    """Find question and answer in a record; every other key goes to `meta` as it is.

    `raw` is the record's JSON, from which a number is taken as it is written there (1.50, not 1.5).
    Keys count whatever their case. A fault is one of: duplicate_key, missing_question, missing_answer,
    not_text, and for chats bad_chat or multi_turn.
    """
    plan = _plan(tuple(record))
    for one, other in plan.clashes:
        if record[one] != record[other]:
            return Fault(
                "duplicate_key", f"the keys {one} and {other} differ only in case, their values in more"
            )
    if plan.chat and not (plan.question and plan.answer):
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
    chat = next((named[name] for name in CHATS if name in named), "")
    context = named.get("input", "")
    context = "" if context == question else context
    documents = tuple(named[name] for name in DOCUMENTS if name in named)
    taken = {question, answer, context, *(other for _, other in clashes)}
    if not (question and answer):
        taken.add(chat)
    return _Plan(
        question, context, answer, chat, documents, tuple(k for k in keys if k not in taken), tuple(clashes)
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
    context = record[plan.input] if plan.input else ""
    repairs: tuple[str, ...] = ()
    if type(question) is not str or type(answer) is not str or type(context) is not str:
        texts = [_as_text(record, key, raw) for key in (plan.question, plan.input, plan.answer)]
        fault = next((text for text in texts if isinstance(text, Fault)), None)
        if fault:
            return fault
        if [question, context, answer] != texts and any(
            type(v) in (int, float) for v in (question, context, answer)
        ):
            repairs = ("number_to_text",)
        question, context, answer = texts
    meta = {key: record[key] for key in plan.rest}
    return Shaped(question, context, answer, meta, _document(record, plan), repairs)


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
    meta = {key: record[key] for key in plan.rest}
    if turns and turns[0][0] == "system":
        meta["system"] = turns.pop(0)[1]
    roles = [role for role, _ in turns]
    if roles != ["user", "assistant"]:
        if roles == ["user", "assistant"] * (len(roles) // 2) and len(roles) > 2:
            return Fault(
                "multi_turn", f"the chat has {len(roles) // 2} turns; only chats of one turn are used"
            )
        return Fault(
            "bad_chat", f"the chat is not one question and one answer but: {', '.join(roles)[:80] or 'empty'}"
        )
    return Shaped(turns[0][1], "", turns[1][1], meta, _document(record, plan))


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
