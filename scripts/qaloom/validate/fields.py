"""From a record, in any of the shapes that extractors write, to a question with its answer."""

import json
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from pathlib import PurePath
from typing import Any, NamedTuple

from qaloom.validate.columns import (
    DOCUMENTS,
    Columns,
    KeyParts,
    folded,
    has_pair,
    keys_seen,
    plan_of,
    remedy_for,
)
from qaloom.validate.dialogues import Dialogue, dialogue, earlier_turns, is_messages, read_turns
from qaloom.validate.lines import Fault

_DEEPEST = 4  # lists in each other that questions may be in
_NUMBERS = (int, float, Decimal)
_SUFFIXES = re.compile(
    r"(\.qa)?\.(jsonl?|ndjson|csv|tsv|xls[xm]|parquet)(\.gz|\.zst)?$|\.gz$|\.zst$", re.IGNORECASE
)
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


def shape(record: dict[str, Any], raw: bytes = b"", columns: Columns = ()) -> Shaped | Fault:
    """Question and answer of a record, the last of a dialogue; what it is asked about becomes its `input`.

    Every other key goes to `meta` as it is. A number is copied as `raw`, the record's JSON, has it (1.50,
    not 1.5). Keys are compared without case. A fault is one of: duplicate_key, missing_question,
    missing_answer, not_text, bad_history, and for chats bad_chat.
    """
    plan = plan_of(tuple(record), columns)
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
        return _missing(record, plan, columns)
    return _pair(record, raw, plan)


def nested_records(
    record: dict[str, Any], columns: Columns = (), depth: int = _DEEPEST
) -> Iterator[dict[str, Any]]:
    """The questions with answers that a record has in lists of its own (SQuAD's data, paragraphs, qas), each one with
    the texts and numbers around it. Any other record is given as it is.
    """
    found = [] if has_pair(tuple(record), columns) else list(_inner_records(record, columns, depth))
    yield from found or [record]


def _inner_records(record: dict[str, Any], columns: Columns, depth: int) -> Iterator[dict[str, Any]]:
    lists = [value for value in record.values() if _is_nested(value)] if depth else []
    around = {key: value for key, value in record.items() if type(value) not in (list, dict)} if lists else {}
    for inner in chain.from_iterable(lists):
        if has_pair(tuple(inner), columns):
            yield around | inner
        else:
            yield from _inner_records(around | inner, columns, depth - 1)


def _is_nested(value: Any) -> bool:
    return type(value) is list and bool(value) and all(type(one) is dict for one in value)


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


def _pair(record: dict[str, Any], raw: bytes, plan: KeyParts) -> Shaped | Fault:
    question, answer = record[plan.question], record[plan.answer]
    repairs: tuple[str, ...] = ()
    if type(question) is not str or type(answer) is not str:
        texts = _as_text(record, plan.question, raw), _as_text(record, plan.answer, raw)
        for text in texts:
            if isinstance(text, Fault):
                return text
        repairs = _text_repairs(question, answer)
        question, answer = texts
    before = _before(record, raw, plan)
    if isinstance(before, Fault):
        return before
    if "first_answer" in repairs:
        plan = plan._replace(rest=(*plan.rest, plan.answer))  # the others are kept, too
    return _shaped(record, plan, before, [*before.exchanges, (question, answer)], repairs)


def _text_repairs(*values: Any) -> tuple[str, ...]:
    """Codes of what was done to values that are no texts."""
    found = []
    if any(type(value) in _NUMBERS for value in values):
        found.append("number_to_text")
    if any(type(value) is bool for value in values):
        found.append("boolean_to_text")
    if any(len(_alternatives(value) or ()) > 1 for value in values):
        found.append("first_answer")
    return tuple(found)


def _alternatives(value: Any) -> list[str] | None:
    """The different texts of a list or of SQuAD's {text: [...]}, in their order; None where there is another value."""
    if type(value) is dict:
        value = value.get("text")
    if type(value) is str:
        return [value]
    if type(value) is not list:
        return None
    texts = [one.get("text") if type(one) is dict else one for one in value]
    return list(dict.fromkeys(map(str, texts))) if all(type(text) is str for text in texts) else None


def _conversational(record: dict[str, Any], plan: KeyParts) -> Shaped | Fault:
    """TRL's form: prompt and answer as messages; an answer may hold the whole dialogue."""
    asked, answered = record.get(plan.question, ""), record[plan.answer] if plan.answer else ""
    messages = answered if is_messages(answered) else [{"role": "assistant", "content": answered}]
    roles = read_turns(messages)
    if isinstance(roles, Fault):
        return roles
    if not any(role == "user" for role, _ in roles):
        messages = [*(asked if is_messages(asked) else [{"role": "user", "content": asked}]), *messages]
    return _chat(record, messages, plan)


def _chat(record: dict[str, Any], messages: Any, plan: KeyParts) -> Shaped | Fault:
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
    plan: KeyParts,
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
    if type(value) is bool:
        return str(value).lower()
    texts = _alternatives(value)
    if texts is None:
        kind = "a list of other things than texts" if type(value) is list else "an object"
        advice = "write its text there (of pandas, use to_json(orient='records', lines=True))"
        return Fault("not_text", f"{key} holds {kind}, not a text; {advice}")
    if len(texts) > 1 and folded(key) != "answers":
        return Fault(
            "not_text", f"{key} holds {len(texts)} different texts; join them into one, or keep the best"
        )
    return texts[0] if texts else ""


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


def _before(record: dict[str, Any], raw: bytes, plan: KeyParts) -> _Before | Fault:
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


def _missing(record: dict[str, Any], plan: KeyParts, columns: Columns) -> Fault:
    told = f"keys seen: {keys_seen(record)}; {remedy_for(tuple(record), columns)}"
    if not plan.question:
        return Fault("missing_question", f"no key holds a question (question, instruction, prompt); {told}")
    return Fault("missing_answer", f"no key holds an answer (answer, output, completion); {told}")


def _document(record: dict[str, Any], plan: KeyParts) -> str:
    for key in plan.documents:
        value = record[key]
        if type(value) is not str or not (value := value.strip()):
            continue
        # These keys may also hold a whole text, or a word such as "manual".
        named = folded(key) not in DOCUMENTS[1:] and len(value) <= 200 and "\n" not in value
        if named or _FILE_NAME.fullmatch(value):
            return unicodedata.normalize("NFC", value)
    return ""
