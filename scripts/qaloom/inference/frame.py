"""Fixed texts of a chat template around the texts of a dialogue, found by rendering it with placeholders."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from qaloom.errors import ModelError, RowTextError, first_line
from qaloom.inference.encoding import Tokenizer

_TODAY = "26 Jul 2024"  # for templates that write the date: a prompt is the same on every day
_ANSWER = "the-answer-of-the-row"
_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>\s*(</\1>\s*)?$")  # open, or empty
SYSTEM_END = "\n\n"  # after a system message that is put before the first question


class Layout(NamedTuple):
    """Form of a dialogue's messages: whether a system message comes first, and in which form.

    `prefixed`: the template takes no system message, so it stands before the first question. `in_parts`: the
    template wants a message's content as a list of parts.
    """

    system: bool = False
    prefixed: bool = False
    in_parts: bool = False


class Frame(NamedTuple):
    """Fixed texts of a chat template: before each text of the dialogue, up to the answer, after the answer.

    `before` has one for the system message, if any, and for each question and answer in turn. `generation` is
    what the template itself writes when an answer is to begin; `answer` is where ours begins, after empty
    thoughts or the channel of final answers. `gap` is white space that belongs to the answer.
    """

    before: tuple[str, ...]
    generation: str
    answer: str
    gap: str
    after: str
    layout: Layout


def frame(tokenizer: Tokenizer, system: bool = False, earlier: int = 0) -> Frame:
    """The fixed texts of a tokenizer's chat template, for a dialogue with so many `earlier` exchanges.

    Raises ModelError when a finished dialogue does not begin as the template asks for an answer, RowTextError
    when the template takes a question but not the exchanges before it.
    """
    return _frame(tokenizer, tokenizer.get_chat_template(), system, earlier)


@lru_cache(maxsize=64)  # the same for every row of a shape
def _frame(tokenizer: Tokenizer, _template: str, system: bool, earlier: int) -> Frame:
    texts = [f"the-question-{n}-of-the-row" for n in range(system + 2 * earlier + 1)]
    problem = ModelError("the base model's chat template leaves the question out; write prompt: plain")
    for layout in _layouts(system):
        try:
            asked = _fixed(render_chat(tokenizer, texts, layout), texts)
            finished = _fixed(render_chat(tokenizer, [*texts, _ANSWER], layout), [*texts, _ANSWER])
        except ModelError as error:
            problem = error
            continue
        if asked and finished:
            return _answered(asked, finished, layout)
    if earlier:
        raise RowTextError("the model's chat template does not write the earlier turns of its dialogue")
    raise problem


def _layouts(system: bool) -> list[Layout]:
    places = [(True, False), (True, True)] if system else [(False, False)]
    return [Layout(*place, in_parts) for in_parts in (False, True) for place in places]


def _fixed(rendered: str, texts: Sequence[str]) -> list[str]:
    """Texts before each of `texts` and after the last; [] where one is missing or comes twice."""
    pieces = []
    for text in texts:
        before, found, rendered = rendered.partition(text)
        if not found:
            return []
        pieces.append(before)
    pieces.append(rendered)
    return [] if any(text in piece for text in texts for piece in pieces) else pieces


def _answered(asked: list[str], finished: list[str], layout: Layout) -> Frame:
    *before, generation = asked
    *same, between, after = finished
    if before != same:
        raise ModelError(
            "the base model's chat template writes a finished dialogue otherwise than one that goes on; write "
            "prompt: plain"
        )
    if between.startswith(generation):
        middle = between[len(generation) :]
    elif (thought := _THOUGHT.search(generation)) and between.strip() == generation[
        : thought.start()
    ].strip():
        middle = "" if thought[2] else f"\n</{thought[1]}>\n\n"  # a finished dialogue keeps no thoughts
    else:
        raise ModelError(
            f"the base model's chat template asks for an answer after {generation!r} and writes a finished one "
            f"after {between!r}; write prompt: plain"
        )
    answer, gap = (generation + middle, "") if middle.strip() else (generation, middle)
    return Frame(tuple(before), generation, answer, gap, after, layout)


def as_rendered(tokenizer: Tokenizer, texts: Sequence[str], parts: Frame) -> list[str] | None:
    """Texts as the template writes them (many trim white space), or None where it changes more than that."""
    rendered, at = render_chat(tokenizer, texts, parts.layout), 0
    kept = []
    following = [*parts.before[1:], parts.generation]
    for before, text, after in zip(parts.before, texts, following, strict=True):
        at += len(before)
        written = next(
            (
                one
                for one in (text, text.strip(), text.lstrip(), text.rstrip())
                if rendered.startswith(one + after, at)
            ),
            None,
        )
        if written is None or not rendered.startswith(before, at - len(before)):
            return None
        kept.append(written)
        at += len(written)
    return kept if rendered[at:] == parts.generation else None


def messages(texts: Sequence[str], layout: Layout) -> list[dict[str, Any]]:
    """The messages of a dialogue's texts: system message if any, then questions and answers in turn."""
    system = layout.system
    if layout.prefixed:
        texts, system = [texts[0] + SYSTEM_END + texts[1], *texts[2:]], False
    roles = ["system"] * system + ["user", "assistant"] * len(texts)
    return [
        {"role": role, "content": [{"type": "text", "text": text}] if layout.in_parts else text}
        for role, text in zip(roles, texts, strict=False)
    ]


def render_chat(tokenizer: Tokenizer, texts: Sequence[str], layout: Layout) -> str:
    """The chat template's text of a dialogue; after a question, up to where an answer begins.

    Raises ModelError when the template fails.
    """
    turns = messages(texts, layout)
    try:
        return tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=turns[-1]["role"] == "user", **pinned_values()
        )
    except Exception as error:  # a template computes: it may divide by zero, or miss a key
        raise ModelError(f"the base model's chat template fails ({first_line(error)})") from None


def pinned_values() -> dict[str, Any]:
    """Template variables with fixed values, so that a question always renders the same."""
    return {
        "enable_thinking": False,  # the answer alone, without the reasoning before it
        "date_string": _TODAY,
        "strftime_now": lambda _format: _TODAY,
    }
