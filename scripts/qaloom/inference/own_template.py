"""A prompt template of one's own: a Jinja file, checked before anything runs.

Each start of the workflow reads it, so transformers' own renderer, which takes seconds to import, is not used here.
"""

from pathlib import Path
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from qaloom.errors import ConfigError, first_line

_NAMED = ("auto", "chat", "plain")
_QUESTION, _ANSWER = "the-question-of-the-row", "the-answer-of-the-row"


class _Generation(Extension):
    """TRL's {% generation %} around an answer, without effect here."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Any) -> nodes.Node:
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True)).set_lineno(
            line
        )


def is_file_of_template(template: str) -> bool:
    """Whether `prompt.template` names a file."""
    return template not in _NAMED


def read_template(path: str | Path) -> str:
    """The text of a Jinja file. Raises ConfigError, one line, when it writes no question or no answer."""
    try:
        text = Path(path).read_text("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"prompt.template: {path} cannot be read ({error.strerror}); name an existing file"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"prompt.template: {path} is not UTF-8 text; save it as UTF-8") from None
    turns = [{"role": "user", "content": _QUESTION}, {"role": "assistant", "content": _ANSWER}]
    if _QUESTION not in _rendered(text, path, turns[:1]):
        raise ConfigError(f"prompt.template: {path} leaves the question out; write the messages of role user")
    if _ANSWER not in _rendered(text, path, turns):
        raise ConfigError(
            f"prompt.template: {path} leaves the answer out; write the messages of role assistant"
        )
    return text


def _rendered(text: str, path: str | Path, turns: list[dict[str, str]]) -> str:
    """The template's text of a chat, in the sandbox that transformers renders it in."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda _format: ""
    try:
        return environment.from_string(text).render(
            messages=turns, add_generation_prompt=len(turns) == 1, bos_token="<s>", eos_token="</s>"
        )
    except TemplateSyntaxError as error:
        raise ConfigError(
            f"prompt.template: {path}, line {error.lineno}: is not Jinja ({first_line(error)})"
        ) from None
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise ConfigError(f"prompt.template: {path} fails ({first_line(error)})") from None


def _refuse(message: str) -> None:
    raise TemplateError(message)
