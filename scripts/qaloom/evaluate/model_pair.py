"""Base and tuned model of a run, asked questions in some kind of prompt; answers are cached."""

import gc
from collections.abc import Callable, Sequence
from functools import cache as once
from pathlib import Path
from typing import Any

from qaloom.code_digest import LIBRARY, code_digest
from qaloom.console import bar
from qaloom.errors import ModelError
from qaloom.files import digest
from qaloom.inference.answers import answers
from qaloom.inference.decoding import Answer
from qaloom.inference.likelihood import Likelihood, likelihoods
from qaloom.inference.model import LoadedModel, load_model, optimize_for_cpu
from qaloom.inference.prompt import Question, load_tokenizer, prompt_ids, stop_ids
from qaloom.trained_run import TrainedRun, base_manifest


class ModelPair:
    """A run's base and tuned model, loaded only when an answer is not in the cache.

    A GPU holds one model and turns the adapter off for the base's answers. On a CPU, and after training all
    parameters, they are two models, so that the adapter can be merged.

    `run` is the adapter's folder, `cache` the folder of cached answers: the base model's serve all its runs.
    `max_new_tokens`, the longest answer, is set before the first question.
    """

    def __init__(self, name: str, base: Path, run: Path, cache: Path):
        self.name, self.max_new_tokens, self.cache = name, 0, cache
        self.trained = TrainedRun(run)
        code_allowed = self.trained.code_allowed
        self.tokenizer = load_tokenizer(run, code_allowed)
        # A template of the run's own replaced the base model's, which the base is asked in, too.
        self.own = load_tokenizer(base, code_allowed) if self.trained.manifest.template else self.tokenizer
        self.base, self.base_sha = base, base_manifest(base).sha256
        self.precision = self.trained.precision
        self.load = once(self._loaded)
        self.run = run

    @property
    def prompt(self) -> str:
        """The kind of prompt that the run was trained on."""
        return self.trained.prompt

    def kinds(self) -> list[str]:
        """The prompts in which the base model is tried: the training prompt and its own chat template.

        Where those are one, the plain prompt is the second. `own` is the base model's chat template where the
        run has another.
        """
        other = self.own_kind if self.own_kind not in (None, self.prompt) else "plain"
        return list(dict.fromkeys([self.prompt, other]))

    @property
    def own_kind(self) -> str | None:
        """The kind of prompt that is the base model's chat template; None where it has none."""
        if not self.own.chat_template:
            return None
        return "chat" if self.own is self.tokenizer else "own"

    def answers(
        self, model: str, kind: str, questions: Sequence[Question], what: str, most: int | None = None
    ) -> list[Answer]:
        """Answers of `model` (base or tuned) in the prompt `kind`; `what` names the work on the bar."""
        limit = most or self.max_new_tokens
        prompts, stop = self._prompts(kind, questions)
        cached = self._cached("inference/answers", model, kind, limit)
        with bar(f"evaluate: {self.name}, {what}", len(prompts), "answers") as advance:
            return answers(self._loader(model), prompts, stop, limit, cached, advance)

    def likelihoods(
        self, model: str, kind: str, questions: Sequence[Question], texts: Sequence[list[int]], what: str
    ) -> list[Likelihood]:
        """Likelihood under `model` of each text (token ids, without the end token) as the answer."""
        prompts, _ = self._prompts(kind, questions)
        pairs, cached = (
            list(zip(prompts, texts, strict=True)),
            self._cached("inference/likelihood", model, kind),
        )
        with bar(f"evaluate: {self.name}, {what}", len(pairs), "texts") as advance:
            return likelihoods(self._loader(model), pairs, cached, advance)

    def _prompts(self, kind: str, questions: Sequence[Question]) -> tuple[list[list[int]], list[int]]:
        """Token ids of the questions in a kind of prompt, and the ids that end an answer there."""
        tokenizer, kind = (self.own, "chat") if kind == "own" else (self.tokenizer, kind)
        return [prompt_ids(tokenizer, kind, *one) for one in questions], stop_ids(tokenizer, kind)

    def ids(self, text: str) -> list[int]:
        """Token ids of a text as an answer, without the end token."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def free(self) -> None:
        """Free the models' memory, on a GPU for other processes too; the next question loads them again."""
        if not self.load.cache_info().currsize:
            return
        import torch

        self.load.cache_clear()
        gc.collect()  # an adapter and its layers hold each other
        torch.cuda.empty_cache()

    def _loaded(self, adapter: Path | None) -> LoadedModel:
        """The base model, with the adapter. Raises ModelError when they are not those that answers are kept under."""
        loaded = load_model(self.base, adapter, self.trained.code_allowed, self.precision)
        now = TrainedRun(self.run).manifest.adapter, base_manifest(self.base).sha256
        if now != (self.trained.manifest.adapter, self.base_sha):
            raise ModelError(
                f"{self.run} or {self.base} was made anew in the meantime; run the workflow again"
            )
        return optimize_for_cpu(loaded)

    def _loader(self, model: str) -> Callable[[], LoadedModel]:
        return (lambda: self.load(self.run)) if model == "tuned" else self._base

    def _base(self) -> LoadedModel:
        import torch

        if not torch.cuda.is_available() or self.trained.is_full_model or self.trained.changes_base:
            return self.load(None)
        both = self.load(self.run)
        return LoadedModel(_Disabled(both.model), both.tokenizer)

    def _cached(self, module: str, model: str, *about: Any) -> Path:
        adapter = self.trained.manifest.adapter if model == "tuned" else None
        code = code_digest(LIBRARY / f"{module}.py")
        return self.cache / f"{digest([self.base_sha, adapter, self.precision, *about, code])[:16]}.jsonl"


class _Disabled:
    """A model whose adapter is disabled while it generates or is called."""

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
