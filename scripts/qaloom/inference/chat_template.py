"""Chat template of an export: it writes the trained prompt, whatever program renders it.

A base model's template alone may write another prompt outside of training: it reads the date, or lets the
model think aloud unless told not to. The values that `qaloom.inference.prompt` passes to it are therefore
written into it.
"""

import re
from typing import Any, NamedTuple

from qaloom.inference.encoding import Tokenizer
from qaloom.inference.frame import SYSTEM_END, frame, pinned_values
from qaloom.inference.prompt import PLAIN, PLAIN_WITH_INPUT, Question, begin_text, chat_question

_PLAIN = (
    "{{{{ '{begin}' }}}}{{% for message in messages %}}{{% if message['role'] == 'system' %}}"
    "{{{{ message['content'] + '{system_end}' }}}}{{% elif message['role'] == 'user' %}}"
    "{{{{ '{before}' + message['content'] + '{after}' }}}}"
    "{{% elif message['role'] == 'assistant' %}}{{{{ message['content'] + '{end}' }}}}"
    "{{% endif %}}{{% endfor %}}"
)
# TRL's mark for the tokens to learn, which other programs' Jinja does not know.
# White space around it goes as where transformers renders it (trim_blocks, lstrip_blocks).
_GENERATION_TAG = re.compile(
    r"(?:(?<!\s)\s*+{%-|(?:^[ \t]++)?{%)\s*+(?:end)?generation\s*+(?:-%}\s*+|%}\n?)", re.MULTILINE
)
# Clients send text; these templates read a list of parts.
_IN_PARTS = (
    "{%- set given = namespace(messages=[]) -%}{%- for m in messages -%}{%- set given.messages = given.messages + "
    "[{'role': m['role'], 'content': [{'type': 'text', 'text': m['content']}] if m['content'] is string "
    "else m['content']}] -%}{%- endfor -%}{%- set messages = given.messages -%}"
)
# The run's own system message, where a client sends none.
_WITH_SYSTEM = (
    "{{%- if messages[0]['role'] != 'system' -%}}"
    "{{%- set messages = [{{'role': 'system', 'content': '{system}'}}] + messages -%}}{{%- endif -%}}"
)
# A system message before the first question, where a template takes none.
_PREFIXED = (
    "{{%- if messages[0]['role'] == 'system' -%}}{{%- set messages = [{{'role': messages[1]['role'], 'content': "
    "messages[0]['content'] + '{system_end}' + messages[1]['content']}}] + messages[2:] -%}}{{%- endif -%}}"
)
_PLACEHOLDERS = [f"\x01{name}\x01" for name in ("first", "answer", "second", "system")]


class TurnTexts(NamedTuple):
    """The fixed texts between the turns of a conversation; `system` is None where a template takes none.

    first question answer-begins answer next question answer-begins; `system` stands around a system
    message, in place of `first`.
    """

    first: str
    answer: str
    next: str
    last: str
    system: tuple[str, str] | None


def trained_template(tokenizer: Tokenizer, kind: str, system: str = "") -> str:
    """The Jinja chat template that writes the trained prompt, whatever the program that renders it.

    `kind` is chat or plain, `system` is for chats that begin without a system message. A plain prompt's input is
    written into the message, see `client_messages`.
    """
    lead = _WITH_SYSTEM.format(system=_quoted(system)) if system else ""
    if kind == "plain":
        before, after = PLAIN.split("{instruction}")
        texts = {"begin": begin_text(tokenizer), "before": before, "after": after, "end": tokenizer.eos_token}
        texts["system_end"] = SYSTEM_END
        return lead + _PLAIN.format(**{name: _quoted(text) for name, text in texts.items()})
    template = _GENERATION_TAG.sub("", tokenizer.get_chat_template())
    used = {name: value for name, value in pinned_values().items() if name in template}
    parts = frame(tokenizer)
    begun = parts.answer.removeprefix(parts.generation)  # empty thoughts, or the channel of answers
    if begun:
        # A newline at a template's very end is not written; in front of more text it would be.
        added = f"{{% if add_generation_prompt %}}{{{{ '{_quoted(begun)}' }}}}{{% endif %}}"
        template = template.removesuffix("\n") + added
    if parts.layout.in_parts:
        template = _IN_PARTS + template
    if frame(tokenizer, system=True).layout.prefixed:
        template = _PREFIXED.format(system_end=_quoted(SYSTEM_END)) + template
    return "".join(_pin(name, value) for name, value in used.items()) + lead + template


def client_messages(kind: str, question: Question) -> list[dict[str, str]]:
    """The chat that a client sends so that the trained template writes the trained prompt.

    Without a system message of its own, the question gets the template's.
    """
    chat = [{"role": "system", "content": question.system}] if question.system else []
    for earlier, answer in question.history:
        chat += [{"role": "user", "content": earlier}, {"role": "assistant", "content": answer}]
    return [*chat, {"role": "user", "content": client_message(kind, question.instruction, question.input)}]


def client_message(kind: str, instruction: str, input: str) -> str:
    """The message of a question, with its input in the prompt's own words."""
    if kind == "plain" and input:
        before, after = PLAIN.split("{instruction}")
        return PLAIN_WITH_INPUT.format(instruction=instruction, input=input)[len(before) : -len(after)]
    return chat_question(instruction, input)


def rendered_ids(tokenizer: Tokenizer, chat: list[dict[str, str]]) -> list[int]:
    """Token ids of a chat up to where an answer begins, as a program has them that knows the template alone."""
    prompt = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return tokenizer(prompt, add_special_tokens=False)["input_ids"]


def turn_texts(tokenizer: Tokenizer) -> TurnTexts:
    """The fixed texts of a tokenizer's chat template, found by rendering it with placeholders."""
    first, answer, second, system = _PLACEHOLDERS
    messages = [("user", first), ("assistant", answer), ("user", second)]
    text = _rendered(tokenizer, messages)
    parts = []
    for placeholder in (first, answer, second):
        before, _, text = text.partition(placeholder)
        parts.append(before)
    return TurnTexts(parts[0], parts[1], parts[2], text, _system(tokenizer, system, first))


def _system(tokenizer: Tokenizer, system: str, user: str) -> tuple[str, str] | None:
    from jinja2 import TemplateError

    try:
        text = _rendered(tokenizer, [("system", system), ("user", user)])
    except TemplateError:
        return None
    if system not in text:
        return None
    before, _, rest = text.partition(system)
    return before, rest.partition(user)[0]


def _rendered(tokenizer: Tokenizer, turns: list[tuple[str, str]]) -> str:
    messages = [{"role": role, "content": content} for role, content in turns]
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def _pin(name: str, value: Any) -> str:
    if callable(value):
        return f"{{%- macro {name}(format) -%}}{value('')}{{%- endmacro -%}}"
    return f"{{%- set {name} = {str(value).lower() if isinstance(value, bool) else repr(value)} -%}}"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
