"""Paraphrases of questions by a causal model in this process: a prompt for each kind of rewording.

A prompt holds examples as earlier exchanges, which small models follow as well, and models without a chat template.
Decoding is greedy: kinds and the order of examples make wordings differ, so that none depends on chance.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from qaloom.augment.replies import questions_in_reply
from qaloom.config.settings import RewordingModelSettings
from qaloom.files import digest
from qaloom.inference.local_model import LocalModel
from qaloom.inference.prompt import Question
from qaloom.inference.translation_cache import TranslationMemory
from qaloom.text.language import language


class Way(NamedTuple):
    """A way to ask for a rewording: its kind, and which example comes first."""

    kind: str
    first: int


class ModelParaphraser:
    """Rewordings by one model; `folder` is where the stage base_model put it."""

    def __init__(self, folder: Path, settings: RewordingModelSettings):
        # What the length limit cut short is no question.
        self.asked = LocalModel(folder, settings, "augment.model", lambda text: text.rpartition("\n")[0])
        self.ways = [Way(kind, first) for first in range(settings.per_kind) for kind in settings.kinds]

    @property
    def cache_key(self) -> dict[str, Any]:
        return self.asked.cache_key

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
            named = {_name(prompt): prompt for prompt in prompts.values()}
            replies = self.asked.replies(named, memory, partial(scaled, advance, done, share))
            done += share * len(prompts)
            for question, prompt in prompts.items():
                if reply := replies.get(_name(prompt)):
                    found[question] += questions_in_reply(reply, question)
        advance(len(found))
        return {question: list(dict.fromkeys(made)) for question, made in found.items()}


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
