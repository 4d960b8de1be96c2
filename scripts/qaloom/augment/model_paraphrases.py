"""Paraphrases of questions by a causal model in this process: a prompt for each kind of rewording.

A prompt holds examples as earlier exchanges, which small models follow as well, and models without a chat template.
Decoding is greedy: kinds and the order of examples make wordings differ, so that none depends on chance.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from qaloom.augment.replies import questions_in_reply
from qaloom.config.settings import RewordingModelSettings
from qaloom.console import say
from qaloom.errors import DeviceError, ModelError, RowTextError
from qaloom.files import digest
from qaloom.inference.frame import frame
from qaloom.inference.prompt import Question, load_tokenizer, own_stop_ids, prompt_ids, prompt_kind, stop_ids
from qaloom.inference.translation_cache import TranslationMemory
from qaloom.text.language import language
from qaloom.trained_run import base_manifest

_KEEP_AFTER = 1.0  # seconds of answers that a kill may lose: each write waits for the disk


class Way(NamedTuple):
    """A way to ask for a rewording: its kind, and which example comes first."""

    kind: str
    first: int


class ModelParaphraser:
    """Rewordings by one model; its weights are read only when a question has to be asked.

    `folder` is where the stage base_model put the model.
    """

    def __init__(self, folder: Path, settings: RewordingModelSettings):
        self.folder, self.settings = folder, settings
        self.ways = [Way(kind, first) for first in range(settings.per_kind) for kind in settings.kinds]

    @cached_property
    def cache_key(self) -> dict[str, Any]:
        """Everything that decides a reply but the prompt, by which each is kept."""
        return {
            "weights": base_manifest(self.folder).sha256,
            "max_new_tokens": self.settings.max_new_tokens,
            "precision": self.settings.precision,
        }

    def paraphrases(
        self, questions: Sequence[str], memory: TranslationMemory, advance: Callable[[int], None]
    ) -> dict[str, list[str]]:
        """Each question with its rewordings, in the order of kinds; what the memory has is not asked again.

        Questions in a language without prompts get none. `advance` gets the number of questions that are done.
        Raises ModelError when the model cannot be loaded, DeviceError when not even one prompt fits into the GPU's
        memory.
        """
        found: dict[str, list[str]] = {question: [] for question in questions}
        parts = [(way, tongue) for way in self.ways for tongue in _prompts()]
        of = {tongue: [q for q in found if language(q) == tongue] for tongue in _prompts()}
        done, share = 0.0, 1 / len(self.ways)
        for way, tongue in parts:  # prompts that begin with the same examples read them once
            prompts = {question: _prompt(question, way, tongue) for question in of[tongue]}
            replies = self._replies(prompts.values(), memory, partial(scaled, advance, done, share))
            done += share * len(prompts)
            for question, prompt in prompts.items():
                if reply := replies.get(_name(prompt)):
                    found[question] += questions_in_reply(reply, question)
        advance(len(found))
        return {question: list(dict.fromkeys(made)) for question, made in found.items()}

    def _replies(
        self, prompts: Iterable[Question], memory: TranslationMemory, advance: Callable[[int], None]
    ) -> dict[str, str]:
        """The reply to each prompt, by its name; a prompt with a control token in it gets none."""
        by_name = {_name(prompt): prompt for prompt in prompts}
        known = {name: made[0] for name, made in memory.get(by_name).items()}
        advance(len(known))
        missing = {name: by_name[name] for name in by_name if name not in known}
        for made in _collected(self._generated(missing)) if missing else ():
            memory.put({name: [text] for name, text in made.items()})
            known |= made
            advance(len(known))
        return known

    def _generated(self, prompts: dict[str, Question]) -> Iterator[dict[str, str]]:
        """The replies as they come, by name."""
        from qaloom.inference.scheduler import Scheduler

        ids = {name: ids for name, prompt in prompts.items() if (ids := self._ids(prompt))}
        scheduler = Scheduler(
            self.model,
            ids,
            self.stop,
            self.settings.max_new_tokens,
            self._token_budget,
            "augment.model.max_new_tokens",
        )
        for answers in scheduler.answers():
            # What the length limit cut short is no question.
            yield {a.prompt: a.text.rpartition("\n")[0] if a.cut else a.text for a in answers}

    # --- the model ----------------------------------------------------------------------------------------

    @cached_property
    def _code_allowed(self) -> bool:
        return any(self.folder.glob("*.py"))  # base_model links them only where they may run

    @cached_property
    def tokenizer(self) -> Any:
        return load_tokenizer(self.folder, self._code_allowed)

    @cached_property
    def model(self) -> Any:
        """The LoadedModel, in the precision of the settings."""
        from qaloom.inference.model import fitting_precision, load_model, optimize_for_cpu

        precision: str = self.settings.precision
        if precision == "auto":
            precision = fitting_precision(self.folder, self._code_allowed)
        return optimize_for_cpu(load_model(self.folder, None, self._code_allowed, precision))

    @cached_property
    def _token_budget(self) -> int | None:
        from qaloom.inference.model import token_budget

        return token_budget(self.folder, self.model, self._code_allowed)

    @cached_property
    def _kind(self) -> str:
        """chat, or plain for a model without a chat template, or with one that cannot be used."""
        kind = prompt_kind("auto", self.tokenizer)
        if kind == "chat":
            try:
                frame(self.tokenizer)
            except ModelError as error:
                say(f"augment: {self.folder.name} is asked without its chat template: {error}")
                kind = "plain"
        if kind == "plain" and not self.tokenizer.chat_template:
            say(
                f"augment: {self.folder.name} has no chat template: it is asked by examples alone, which an instruct "
                "model follows better; name one in augment.model.reference"
            )
        return kind

    @cached_property
    def stop(self) -> list[int]:
        return sorted({*stop_ids(self.tokenizer, self._kind), *own_stop_ids(self.folder)})

    def _ids(self, prompt: Question) -> list[int] | None:
        """Token ids of a prompt, with as many of its examples as the chat template and the model's positions take."""
        for examples in (prompt.history, prompt.history[:1], ()):
            try:
                ids = prompt_ids(self.tokenizer, self._kind, prompt.instruction, history=examples)
            except RowTextError:
                continue
            if len(ids) + self.settings.max_new_tokens <= self._positions:
                return ids
        return None

    @cached_property
    def _positions(self) -> int:
        """The most tokens that the model takes."""
        found = getattr(self.model.model.config.get_text_config(), "max_position_embeddings", None)
        return found or sys.maxsize


# --- prompts ------------------------------------------------------------------------------------------


@cache
def _prompts() -> dict[str, Any]:
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))


def _prompt(question: str, way: Way, tongue: str) -> Question:
    """The prompt that asks for a rewording, in a language that has prompts."""
    prompts = _prompts()[tongue]

    def ask(one: str) -> str:
        return prompts["ask"].replace("{kind}", prompts["kinds"][way.kind]).replace("{question}", one)

    examples = prompts["examples"][way.first :] + prompts["examples"][: way.first]
    return Question(ask(question), history=tuple((ask(e["question"]), e[way.kind]) for e in examples))


def _name(prompt: Question) -> str:
    """The name that a prompt's reply is kept under: another wording of the prompt is another prompt."""
    return digest([prompt.instruction, prompt.history])


def scaled(advance: Callable[[int], None], start: float, share: float, number: int) -> None:
    """Advance from `start` by a share of a question for each of `number` replies."""
    advance(int(start + number * share))


def _collected(made: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Replies gathered over a second each, also before an error."""
    parts: dict[str, str] = {}
    last = time.monotonic()
    try:
        for part in made:
            parts |= part
            if time.monotonic() - last >= _KEEP_AFTER:
                yield parts
                parts, last = {}, time.monotonic()
    except DeviceError:
        yield parts
        raise
    if parts:
        yield parts
