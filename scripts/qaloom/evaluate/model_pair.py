"""The ways in which held-out questions are answered: by the base model or the tuned one, in some prompt."""

import gc
from collections.abc import Callable, Sequence
from functools import cache as once
from pathlib import Path
from typing import Any, NamedTuple

from qaloom.code_digest import LIBRARY, code_digest
from qaloom.console import bar
from qaloom.files import digest, read_json
from qaloom.inference.answers import answers
from qaloom.inference.decoding import Answer
from qaloom.inference.likelihood import Likelihood, likelihoods
from qaloom.inference.model import Loaded, load_model, optimize_for_cpu
from qaloom.inference.prompt import is_full_model, load_tokenizer, prompt_ids, stop_ids


class Question(NamedTuple):
    """What stands in a prompt: a question, and the text it is about, if any."""

    instruction: str
    input: str = ""


class ModelPair:
    """A run's base and tuned model, loaded only when an answer is not kept yet.

    A GPU holds one model and turns the adapter off for the base's answers. On a CPU, and after training all
    parameters, they are two models, so that the adapter can be merged.

    `run` is the adapter's folder, `cache` where answers are kept: the base model's once for all its runs.
    """

    def __init__(self, name: str, base: Path, run: Path, max_new_tokens: int, cache: Path):
        self.name, self.max_new_tokens, self.cache = name, max_new_tokens, cache
        self.trained = read_json(run / "manifest.json")
        code_allowed = self.trained["settings"]["trust_remote_code"]
        self.tokenizer = load_tokenizer(run, code_allowed)
        self.base_sha = read_json(base / "manifest.json")["sha256"]
        self.precision = read_json(run / "plan.json")["precision"]
        self.load = once(
            lambda adapter: optimize_for_cpu(load_model(base, adapter, code_allowed, self.precision))
        )
        self.run = run

    @property
    def prompt(self) -> str:
        """The kind of prompt that the run was trained on."""
        return self.trained["prompt"]

    def kinds(self) -> list[str]:
        """The prompts in which the base model is tried: the training prompt and its own chat template.

        Where those are one, the plain prompt is the second.
        """
        other = "chat" if self.tokenizer.chat_template and self.prompt != "chat" else "plain"
        return list(dict.fromkeys([self.prompt, other]))

    def answers(
        self, arm: str, kind: str, asked: Sequence[Question], what: str, most: int | None = None
    ) -> list[Answer]:
        """Answers of `arm` (base or tuned) in the prompt `kind`; `what` names the work on the bar."""
        limit = most or self.max_new_tokens
        prompts = [prompt_ids(self.tokenizer, kind, *one) for one in asked]
        stop, kept = stop_ids(self.tokenizer, kind), self._kept("inference/answers", arm, kind, limit)
        with bar(f"evaluate: {self.name}, {what}", len(prompts), "answers") as advance:
            return answers(self._loader(arm), prompts, stop, limit, kept, advance)

    def likelihoods(
        self, arm: str, kind: str, asked: Sequence[Question], texts: Sequence[list[int]], what: str
    ) -> list[Likelihood]:
        """How likely `arm` finds each text (token ids, without the end token) as the answer."""
        prompts = [prompt_ids(self.tokenizer, kind, *one) for one in asked]
        pairs, kept = list(zip(prompts, texts, strict=True)), self._kept("inference/likelihood", arm, kind)
        with bar(f"evaluate: {self.name}, {what}", len(pairs), "texts") as advance:
            return likelihoods(self._loader(arm), pairs, kept, advance)

    def ids(self, text: str) -> list[int]:
        """A text as it would be answered."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def free(self) -> None:
        """Give the models' memory back, on a GPU to others too; what is asked next loads them anew."""
        if not self.load.cache_info().currsize:
            return
        import torch

        self.load.cache_clear()
        gc.collect()  # an adapter and its layers hold each other
        torch.cuda.empty_cache()

    def _loader(self, arm: str) -> Callable[[], Loaded]:
        return (lambda: self.load(self.run)) if arm == "tuned" else self._base

    def _base(self) -> Loaded:
        import torch

        if not torch.cuda.is_available() or is_full_model(self.run):
            return self.load(None)
        both = self.load(self.run)
        return Loaded(_Disabled(both.model), both.tokenizer)

    def _kept(self, module: str, arm: str, *about: Any) -> Path:
        adapter = self.trained["adapter"] if arm == "tuned" else None
        code = code_digest(LIBRARY / f"{module}.py")
        return self.cache / f"{digest([self.base_sha, adapter, self.precision, *about, code])[:16]}.jsonl"


class _Disabled:
    """A model with an adapter, answering as if it had none."""

    def __init__(self, model: Any):
        self.model = model

    def generate(self, **inputs: Any) -> Any:
        with self.model.disable_adapter():
            return self.model.generate(**inputs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(self, **inputs: Any) -> Any:
        with self.model.disable_adapter():
            return self.model(**inputs)
