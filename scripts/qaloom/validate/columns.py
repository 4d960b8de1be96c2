"""Keys (or columns) of a record by the part they play: known names, those of `data.columns`, and guesses at others."""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz

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
    ("question", "answers"),  # SQuAD
    # Rows for DPO: the chosen answer is the one to learn.
    ("prompt", "chosen"),
    ("question", "chosen"),
    ("instruction", "chosen"),
    ("input", "chosen"),
)
CHATS = ("messages", "conversations", "conversation")
SYSTEMS = ("system", "system_prompt", "system_message")
HISTORIES = ("history", "chat_history")
# What the question is asked about: all of it goes into `input`, in this order.
CONTEXTS = ("context", "passage", "문맥", "지문", "input")
DOCUMENTS = ("document", "source", "file", "filename", "file_name")
_QUESTIONS = tuple(dict.fromkeys(question for question, _ in PAIRS if question != "input"))
_ANSWERS = tuple(dict.fromkeys(answer for _, answer in PAIRS))
ROW_KEYS = frozenset((*_QUESTIONS, *_ANSWERS, *CHATS, *SYSTEMS, *HISTORIES, *CONTEXTS, "rejected"))
_LONG = 40  # characters; a key is a name, not a sentence
_CERTAIN = 80  # of 100: similarity of a misspelt name, by Indel
_ASKING = re.compile(
    r"질의|질문|문의|물음|문제|발화|사용자|\bq\b|quest|query|prompt|instruct|\bask|\buser|\bhuman"
)
_ANSWERING = re.compile(
    r"답|응답|회신|해설|챗봇|상담원|\ba\b|\bans|answ|respon|reply|complet|output|assist|\bbot|\bgpt"
)
_WHOLE = re.compile(r"내용|본문|text|content|body")  # of two such names, the text and not its title

Columns = tuple[tuple[str, str], ...]  # part and key, as data.columns has them


class KeyParts(NamedTuple):
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


@lru_cache(maxsize=4096)
def plan_of(keys: tuple[str, ...], columns: Columns = ()) -> KeyParts:
    """The part that each key of a record plays. Keys of `columns` come first, known names after them."""
    named: dict[str, str] = {}
    clashes = []
    for key in keys:
        name = folded(key)
        if name in named:
            clashes.append((named[name], key))
        named.setdefault(name, key)
    own = {part: named[folded(key)] for part, key in columns if folded(key) in named}
    question, answer = _best_pair(named, own)
    chat = own.get("messages", "")
    if not chat and not (question and answer):
        chat = next((named[name] for name in CHATS if name in named), "")

    def present(part: str, names: tuple[str, ...]) -> tuple[str, ...]:
        found = (*filter(None, [own.get(part)]), *(named[name] for name in names if name in named))
        return tuple(key for key in dict.fromkeys(found) if key not in (question, answer))

    background = present("system", SYSTEMS), present("history", HISTORIES), present("context", CONTEXTS)
    used = {question, answer, chat, *(other for _, other in clashes)}.union(*background)
    rest = tuple(key for key in keys if key not in used)
    return KeyParts(question, answer, chat, *background, present("document", DOCUMENTS), rest, tuple(clashes))


def has_pair(keys: Sequence[str], columns: Columns = ()) -> bool:
    """Whether keys hold a question and an answer, or a chat."""
    plan = plan_of(tuple(keys), columns)
    return bool(plan.chat or (plan.question and plan.answer))


def folded(key: str) -> str:
    """A key as it is compared: without case, outer spaces, and whether Hangul is composed."""
    return unicodedata.normalize("NFC", key).strip().casefold()


def keys_seen(keys: Iterable[str]) -> str:
    """The first keys of a record, as a message names them."""
    return ", ".join(key[:30] for key in list(keys)[:12]) or "none"


@lru_cache(maxsize=256)
def remedy_for(keys: tuple[str, ...], columns: Columns = ()) -> str:
    """Remedy for a record that lacks question or answer: a line of the configuration, with the likeliest keys."""
    names = {folded(key) for key in keys}
    if "role" in names and names & {"text", "content", "value"}:
        return "the record is one message; write a chat as one record, {messages: [{role: ..., content: ...}, ...]}"
    if names == {"text"}:
        return (
            "the text seems to hold question and answer together; write them as two keys, question and answer"
        )
    if {"columns", "data"} <= names:
        return "the table seems to be pandas' own form; use to_json(orient='records', lines=True)"
    if any(len(key) > _LONG or key.rstrip().endswith(("?", "？")) for key in keys):
        return "these are texts, not names; put question and answer under such keys (in a table, into a first row)"
    plan = plan_of(keys, columns)
    free = [key for key in keys if key not in (plan.question, plan.answer)]
    likely = {
        "question": "" if plan.question else _likeliest(free, _ASKING, _QUESTIONS),
        "answer": "" if plan.answer else _likeliest(free, _ANSWERING, _ANSWERS),
    }
    missing = [part for part, known in (("question", plan.question), ("answer", plan.answer)) if not known]
    if all(likely[part] for part in missing) and len(set(likely.values())) > 1:
        return f"if that is where they are, write data.columns: {_flow({part: likely[part] for part in missing})}"
    named = {part: likely[part] or "KEY" for part in missing}
    return f"name the {' and the '.join(missing)}: data.columns: {_flow(named)}"


def _best_pair(named: dict[str, str], own: dict[str, str]) -> tuple[str, str]:
    if not own.keys() & {"question", "answer"}:
        for question, answer in PAIRS:
            if question in named and answer in named:
                return named[question], named[answer]
    question = own.get("question") or next((named[name] for name in _QUESTIONS if name in named), "")
    answer = own.get("answer") or next((named[name] for name in _ANSWERS if name in named), "")
    return question, answer


def _likeliest(keys: Sequence[str], words: re.Pattern[str], known: Sequence[str]) -> str:
    """The key that holds one of the words, else is spelled much like a known name; "" if none does."""
    spoken = [key for key in keys if words.search(folded(key).replace("_", " "))]
    if spoken:
        return next((key for key in spoken if _WHOLE.search(folded(key))), spoken[0])
    long = [name for name in known if len(name) > 3]
    near = [(max(fuzz.ratio(folded(key), name) for name in long), key) for key in keys]
    best = max(near, default=(0.0, ""), key=lambda pair: pair[0])
    return best[1] if best[0] >= _CERTAIN else ""


def _flow(parts: dict[str, str]) -> str:
    """A YAML mapping in one line, its texts in quotes where they need them."""
    shown = {
        part: key
        if re.fullmatch(r"[\w가-힣]+", key) and not key.isdecimal()
        else json.dumps(key, ensure_ascii=False)
        for part, key in parts.items()
    }
    return "{" + ", ".join(f"{part}: {key}" for part, key in shown.items()) + "}"
