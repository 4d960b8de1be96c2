"""A causal model in this process that is asked prompts: greedy replies, each kept in a translation memory."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from qaloom.config.settings import LocalModelSettings
from qaloom.console import say
from qaloom.errors import DeviceError, ModelError, RowTextError
from qaloom.inference.frame import frame
from qaloom.inference.prompt import Question, load_tokenizer, own_stop_ids, prompt_ids, prompt_kind, stop_ids
from qaloom.inference.translation_cache import TranslationMemory
from qaloom.trained_run import base_manifest

_KEEP_AFTER = 1.0  # seconds of answers that a kill may lose: each write waits for the disk


class LocalModel:
    """A model whose weights are read only when something has to be asked.

    `folder` is where the stage base_model put it; `section` is the key of `settings` in the configuration, such as
    augment.model; `whole` gives what is used of a reply that the length limit cut short.
    """

    def __init__(
        self, folder: Path, settings: LocalModelSettings, section: str, whole: Callable[[str], str] = str
    ):
        self.folder, self.settings, self.section, self.whole = folder, settings, section, whole

    @cached_property
    def cache_key(self) -> dict[str, Any]:
        """Everything that decides a reply but the prompt, by which each is kept."""
        return {
            "weights": base_manifest(self.folder).sha256,
            "max_new_tokens": self.settings.max_new_tokens,
            "precision": self.settings.precision,
        }

    def replies(
        self, prompts: Mapping[str, Question], memory: TranslationMemory, advance: Callable[[int], None]
    ) -> dict[str, str]:
        """The reply to each prompt by its name, under which the memory keeps it; what it has is not asked again.

        A prompt that holds a control token, or does not fit into the model's positions, gets none. `advance` gets the
        number of prompts that are done. Raises ModelError when the model cannot be loaded, DeviceError when not even
        one prompt fits into the GPU's memory.
        """
        known = {name: made[0] for name, made in memory.get(prompts).items()}
        advance(len(known))
        missing = {name: prompts[name] for name in prompts if name not in known}
        for made in _collected(self._generated(missing)) if missing else ():
            memory.put({name: [text] for name, text in made.items()})
            known |= made
            advance(len(known))
        return known

    def _generated(self, prompts: Mapping[str, Question]) -> Iterator[dict[str, str]]:
        """The replies as they come, by name."""
        from qaloom.inference.scheduler import Scheduler

        ids = {name: ids for name, prompt in prompts.items() if (ids := self.ids(prompt))}
        limit = f"{self.section}.max_new_tokens"
        scheduler = Scheduler(
            self.model, ids, self.stop, self.settings.max_new_tokens, self.token_budget, limit
        )
        for answers in scheduler.answers():
            yield {a.prompt: self.whole(a.text) if a.cut else a.text for a in answers}

    def ids(self, prompt: Question) -> list[int] | None:
        """Token ids of a prompt, with as many of its earlier exchanges as template and positions take; None if none."""
        for exchanges in (prompt.history, prompt.history[:1], ()):
            try:
                ids = prompt_ids(self.tokenizer, self._kind, prompt.instruction, history=exchanges)
            except RowTextError:
                continue
            if len(ids) + self.settings.max_new_tokens <= self._positions:
                return ids
        return None

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
    def token_budget(self) -> int | None:
        from qaloom.inference.model import token_budget

        return token_budget(self.folder, self.model, self._code_allowed)

    @cached_property
    def _kind(self) -> str:
        """chat, or plain for a model without a chat template, or with one that cannot be used."""
        kind, stage = prompt_kind("auto", self.tokenizer), self.section.partition(".")[0]
        if kind == "chat":
            try:
                frame(self.tokenizer)
            except ModelError as error:
                say(f"{stage}: {self.folder.name} is asked without its chat template: {error}")
                kind = "plain"
        if kind == "plain" and not self.tokenizer.chat_template:
            say(
                f"{stage}: {self.folder.name} has no chat template; an instruct model does better what it is asked: "
                f"name one in {self.section}.reference"
            )
        return kind

    @cached_property
    def stop(self) -> list[int]:
        return sorted({*stop_ids(self.tokenizer, self._kind), *own_stop_ids(self.folder)})

    @cached_property
    def _positions(self) -> int:
        """The most tokens that the model takes."""
        found = getattr(self.model.model.config.get_text_config(), "max_position_embeddings", None)
        return found or sys.maxsize


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
