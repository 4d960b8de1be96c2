"""Chat template of an export: it writes the trained prompt, whatever program renders it.

A base model's template alone may write another prompt outside of training: it reads the date, or lets the
model think aloud unless told not to. The values that `qaloom.inference.prompt` passes to it are therefore
written into it.
"""

import re
from typing import Any, NamedTuple

from qaloom.inference.encoding import Tokenizer, begin_ids
from qaloom.inference.prompt import PLAIN, PLAIN_WITH_INPUT, chat_question, frame, pinned_values

_PLAIN = (
    "{{{{ '{begin}' }}}}{{% for message in messages %}}{{% if message['role'] == 'user' %}}"
    "{{{{ '{before}' + message['content'] + '{after}' }}}}"
    "{{% elif message['role'] == 'assistant' %}}{{{{ message['content'] + '{end}' }}}}"
    "{{% endif %}}{{% endfor %}}"
)
# TRL's mark for the tokens to learn, which other programs' Jinja does not know.
_GENERATION_TAG = re.compile(r"{%-?\s*(?:end)?generation\s*-?%}")
# Clients send text; these templates read a list of parts.
_IN_PARTS = (
    "{%- set given = namespace(messages=[]) -%}{%- for m in messages -%}{%- set given.messages = given.messages + "
    "[{'role': m['role'], 'content': [{'type': 'text', 'text': m['content']}] if m['content'] is string "
    "else m['content']}] -%}{%- endfor -%}{%- set messages = given.messages -%}"
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


def trained_template(tokenizer: Tokenizer, kind: str) -> str:
    """The Jinja chat template that writes the trained prompt, whatever the program that renders it.

    `kind` is chat or plain. A plain prompt's input is written into the message, see `client_message`.
    """
    if kind == "plain":
        before, after = PLAIN.split("{instruction}")
        begin = tokenizer.decode(begin_ids(tokenizer))
        texts = {"begin": begin, "before": before, "after": after, "end": tokenizer.eos_token}
        return _PLAIN.format(**{name: _quoted(text) for name, text in texts.items()})
    template = _GENERATION_TAG.sub("", tokenizer.get_chat_template())
    used = {name: value for name, value in pinned_values().items() if name in template}
    parts = frame(tokenizer)
    begun = parts.answer.removeprefix(parts.generation)  # empty thoughts, or the channel of answers
    if begun:
        # A newline at a template's very end is not written; in front of more text it would be.
        added = f"{{% if add_generation_prompt %}}{{{{ '{_quoted(begun)}' }}}}{{% endif %}}"
        template = template.removesuffix("\n") + added
    if parts.in_parts:
        template = _IN_PARTS + template
    return "".join(_pin(name, value) for name, value in used.items()) + template


def client_message(kind: str, instruction: str, input: str) -> str:
    """The message that a chat client sends so that the trained template writes the trained prompt."""
    if kind == "plain" and input:
        before, after = PLAIN.split("{instruction}")
        return PLAIN_WITH_INPUT.format(instruction=instruction, input=input)[len(before) : -len(after)]
    return chat_question(instruction, input)


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
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
