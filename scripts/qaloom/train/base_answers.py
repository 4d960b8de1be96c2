"""The base model's answers to general prompts, and its likeliest tokens at each place of them: a process.

Started by `qaloom.train.planning.launcher`. It reads `job.json` in its folder of `cache/keep`, caches the greedy
answers beside that folder, and writes `base_answers.npz` last. `training.keep` holds the tuned model to them.
"""

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from qaloom.errors import QALoomError, first_line
from qaloom.files import read_document, whole
from qaloom.inference.answers import answers
from qaloom.inference.decoding import Answer
from qaloom.inference.likelihood import scores_of_texts
from qaloom.inference.model import LoadedModel, load_model, optimize_for_cpu
from qaloom.processes import end_with_parent
from qaloom.train.keep_prompts import FILE
from qaloom.train.planning.task import BaseAnswersJob, Failed, Finished, StepDone, emit

_LIKELIEST = 64  # tokens of each place that are kept; all others count as one
_BATCH_TOKENS = 1024  # prompts and answers whose scores are made at once


class BaseAnswers(NamedTuple):
    """Answers of the base model, and its log-probabilities of the likeliest tokens (k) at their `counts` places.

    A place is one that an answer's token is predicted at; that of its end belongs to it.
    """

    ids: np.ndarray  # (answers, longest) int32: prompt and answer, filled up with zeros
    lengths: np.ndarray  # (answers,) int32
    starts: np.ndarray  # (answers,) int32: the first place
    counts: np.ndarray  # (answers,) int32
    top: np.ndarray  # (answers, most places, k) int32
    log_probabilities: np.ndarray  # (answers, most places, k) float32


def read_base_answers(file: Path) -> BaseAnswers:
    """Read what the process has written."""
    with np.load(file) as arrays:
        return BaseAnswers(*(arrays[name] for name in BaseAnswers._fields))


def answer_prompts(folder: Path) -> None:
    """Answer the prompts of `folder`/job.json and write FILE beside it; a failure is an event, and exit code 1."""
    end_with_parent()
    try:
        _answer(folder, read_document(folder / "job.json", BaseAnswersJob))
        emit(folder, Finished())
    except QALoomError as error:
        emit(folder, Failed(str(error), type(error).__name__))
        sys.exit(1)
    except Exception as error:
        traceback.print_exc()
        emit(folder, Failed(first_line(error), "unexpected"))
        sys.exit(1)


def _answer(folder: Path, job: BaseAnswersJob) -> None:
    if job.threads:
        import torch

        torch.set_num_threads(job.threads)
    loaded = optimize_for_cpu(load_model(Path(job.base), None, job.code_allowed, job.precision))
    given = answers(
        lambda: loaded,
        job.prompts,
        job.stop,
        job.most,
        Path(job.answers),
        lambda done: emit(folder, StepDone(done)),
    )
    with whole(folder / FILE) as stream:
        np.savez(stream, **base_answers(loaded, job.prompts, given)._asdict())


def base_answers(
    loaded: LoadedModel, prompts: Sequence[list[int]], given: Sequence[Answer], likeliest: int = _LIKELIEST
) -> BaseAnswers:
    """The answers with the likeliest tokens at their places, by the model that gave them."""
    # A token more stands for the end, which is predicted, too; which token it is changes nothing before it.
    texts = [(p, a.ids if a.cut else [*a.ids, 0]) for p, a in zip(prompts, given, strict=True)]
    lengths = [len(p) + len(a.ids) for p, a in zip(prompts, given, strict=True)]
    counts = [len(text) for _, text in texts]
    likeliest = min(likeliest, loaded.model.config.get_text_config().vocab_size)
    ids = np.zeros((len(texts), max(lengths)), np.int32)
    top = np.zeros((len(texts), max(counts), likeliest), np.int32)
    log_probabilities = np.full(top.shape, -np.inf, np.float32)
    for number, (prompt, text) in enumerate(texts):
        ids[number, : lengths[number]] = (prompt + text)[: lengths[number]]
    for batch in _batches(lengths):
        values, tokens = _likeliest(loaded.model, [texts[number] for number in batch], likeliest)
        for row, number in enumerate(batch):
            top[number, : counts[number]] = tokens[row][-counts[number] :]
            log_probabilities[number, : counts[number]] = values[row][-counts[number] :]
    starts = [len(prompt) - 1 for prompt in prompts]
    of_answers = [np.array(one, np.int32) for one in (lengths, starts, counts)]
    return BaseAnswers(ids, of_answers[0], of_answers[1], of_answers[2], top, log_probabilities)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    queue = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    while queue:
        size = max(1, _BATCH_TOKENS // lengths[queue[0]])
        yield queue[:size]
        queue = queue[size:]


def _likeliest(
    model: Any, texts: list[tuple[list[int], list[int]]], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities and ids, (texts, places, count) each."""
    scores, _ = scores_of_texts(model, texts)
    found = scores.log_softmax(-1).topk(count, dim=-1)
    return found.values.cpu().numpy(), found.indices.cpu().numpy()


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin halt a machine with other work
    answer_prompts(Path(sys.argv[1]))
