"""Modelfile for Ollama, its template made from the prompt that was trained."""

import json
import re
from pathlib import Path

import gguf
from jinja2.sandbox import SandboxedEnvironment

from qaloom.errors import ModelError
from qaloom.inference.chat_template import turn_texts
from qaloom.inference.prompt import Tokenizer

_QUOTES = '"""'  # begin and end a value
_ACTION = re.compile(r"(\{\{.{0,80}?\}\})", re.DOTALL)
# All actions of Go's template language that our templates use, and the same in Jinja's.
_JINJA = {
    '{{ "{{" }}': "{{ '{{' }}",
    "{{ $later := false }}": "{% set at = namespace(later=false) %}",
    "{{ $later = true }}": "{% set at.later = true %}",
    "{{ if $later }}": "{% if at.later %}",
    "{{ if .System }}": "{% if system %}",
    "{{ .System }}": "{{ system }}",
    "{{ range .Messages }}": "{% for message in messages %}",
    '{{ if eq .Role "user" }}': "{% if message.role == 'user' %}",
    '{{ else if eq .Role "assistant" }}': "{% elif message.role == 'assistant' %}",
    "{{ .Content }}": "{{ message.content }}",
    "{{ else }}": "{% else %}",
}


def modelfile(
    tokenizer: Tokenizer, stop: list[int], weights: str, begins: bool, licence: str | None, system: str = ""
) -> str:
    """The Modelfile of an export. `tokenizer` has the trained template; an answer ends at a `stop` id.

    `weights` is the path of the GGUF file as seen from the Modelfile, `begins` whether llama.cpp puts that
    file's begin token in front by itself.
    """
    stops = [f'PARAMETER stop "{tokenizer.convert_ids_to_tokens(i)}"' for i in stop]
    lines = [
        f"FROM {weights}",
        f'TEMPLATE """{go_template(tokenizer, begins)}"""',
        *([f'SYSTEM """{_unquoted(system)}"""'] if system else []),
        *stops,
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1",
        *([f'LICENSE """{licence.replace(_QUOTES, "")}"""'] if licence else []),
    ]
    return "\n".join(lines) + "\n"


def go_template(tokenizer: Tokenizer, begins: bool) -> str:
    """A tokenizer's chat template in Go's template language, as Ollama reads it.

    Raises ModelError when the prompt holds three quotes in a row, which no Modelfile can.
    """
    texts = turn_texts(tokenizer)
    start = tokenizer.bos_token if begins else ""
    first = _literal(texts.first.removeprefix(start))
    head = first
    if texts.system:
        before, after = texts.system
        head = (
            f"{{{{ if .System }}}}{_literal(before.removeprefix(start))}{{{{ .System }}}}{_literal(after)}"
            f"{{{{ else }}}}{first}{{{{ end }}}}"
        )
    return (
        f"{{{{ $later := false }}}}{head}{{{{ range .Messages }}}}"
        f'{{{{ if eq .Role "user" }}}}{{{{ if $later }}}}{_literal(texts.next)}{{{{ end }}}}'
        "{{ .Content }}{{ $later = true }}"
        f'{{{{ else if eq .Role "assistant" }}}}{_literal(texts.answer)}{{{{ .Content }}}}'
        f"{{{{ end }}}}{{{{ end }}}}{_literal(texts.last)}"
    )


def template_of(modelfile: str) -> str:
    """The TEMPLATE of a Modelfile's text. Raises ModelError when it has none."""
    found = re.search(r'^TEMPLATE """(.*?)"""$', modelfile, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ModelError("the Modelfile holds no TEMPLATE; export the run again")
    return found[1]


def system_of(modelfile: str) -> str:
    """The SYSTEM message of a Modelfile's text; empty where it has none."""
    found = re.search(r'^SYSTEM """(.*?)"""$', modelfile, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def stops_of(modelfile: str) -> list[str]:
    """The texts at which a Modelfile lets an answer end."""
    return re.findall(r'^PARAMETER stop "(.*)"$', modelfile, re.MULTILINE)


def render(template: str, messages: list[dict[str, str]]) -> str:
    """The prompt that Ollama writes of `messages` (role and content) by a template of ours.

    Only what `go_template` writes is known; a test holds this against Go itself. Raises ModelError for an
    action that is not.
    """
    ends: list[str] = []
    words = {"if": "{% endif %}", "range": "{% endfor %}"}
    parts: list[str] = []
    texts: dict[str, str] = {}
    for piece in _ACTION.split(template):
        if not _ACTION.fullmatch(piece):
            texts[f"text{len(texts)}"] = piece
            parts.append(f"{{{{ text{len(texts) - 1} }}}}")
        elif piece == "{{ end }}":
            parts.append(ends.pop())
        elif piece in _JINJA:
            parts.append(_JINJA[piece])
            ends += [end for word, end in words.items() if piece.startswith(f"{{{{ {word} ")]
        else:
            raise ModelError(f"the Modelfile's template holds {piece}, which is not one of ours")
    system = next((m["content"] for m in messages if m["role"] == "system"), "")
    return SandboxedEnvironment().from_string("".join(parts)).render(texts, system=system, messages=messages)


def begins_by_itself(file: Path) -> bool:
    """Whether llama.cpp puts the begin token in front of every text for this GGUF file."""
    fields = gguf.GGUFReader(file).fields
    add_bos = fields.get("tokenizer.ggml.add_bos_token")
    if add_bos is not None:
        return bool(add_bos.contents())
    return fields["tokenizer.ggml.model"].contents() == "llama"  # llama.cpp's default for SentencePiece


def _literal(text: str) -> str:
    return _unquoted(text).replace("{{", '{{ "{{" }}')


def _unquoted(text: str) -> str:
    if _QUOTES in text:
        raise ModelError(f"the trained prompt holds {json.dumps(text)}, which no Modelfile can")
    return text
