"""Keep (`training.keep`): holds the tuned model to its base on general prompts while it learns.

Beside its own rows every optimizer step takes some of the base model's own answers (`base_answers`), and adds
strength * KL(base || tuned), a mean over their tokens in nats, to the loss. Tokens beyond the base's likeliest count
as one: the divergence is then a lower bound of that over the whole vocabulary, and zero for equal models.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import torch

from qaloom.errors import TrainingError
from qaloom.train.base_answers import BaseAnswers
from qaloom.train.cuda_graphs import ReplayedGradients
from qaloom.train.planning.plan import Plan

_WIDTH = 64  # a GPU's rows are filled up to a multiple of it
_COMPARABLE = 0.01  # nats a token; below, rounding shows too much to compare a replay with the eager pass

Batch = dict[str, torch.Tensor]  # ids, places, counted, top and log_probabilities of some answers


def answers_of_steps(answers: int, each: int, steps: int, seed: int) -> list[list[int]]:
    """`each` of the answers for every step; all of them come once before one comes again."""
    random, order = Random(seed), list[int]()
    while len(order) < each * steps:
        order += random.sample(range(answers), answers)
    return [order[step * each : (step + 1) * each] for step in range(steps)]


def batch_of(kept: BaseAnswers, rows: Sequence[int], width: int) -> Batch:
    """Some of the answers as tensors: ids (rows, width), and places (rows, most places), those that count marked."""
    chosen = list(rows)
    ids = np.zeros((len(chosen), width), np.int64)
    wide = min(width, kept.ids.shape[1])
    ids[:, :wide] = kept.ids[chosen, :wide]
    steps = np.arange(kept.top.shape[1])
    counted = steps < kept.counts[chosen, None]
    places = np.where(counted, kept.starts[chosen, None] + steps, 0)
    arrays = {"ids": ids, "places": places.astype(np.int64), "counted": counted}
    arrays |= {"top": kept.top[chosen].astype(np.int64), "log_probabilities": kept.log_probabilities[chosen]}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def divergence(scores: torch.Tensor, batch: Batch) -> torch.Tensor:
    """KL(base || tuned) in nats, summed over the places that count.

    `scores` are the tuned model's at all tokens, (rows, width, vocabulary).
    """
    vocabulary = scores.shape[-1]
    at = batch["places"][..., None].expand(-1, -1, vocabulary)
    tuned = scores.gather(1, at).float().log_softmax(-1)
    base = batch["log_probabilities"].masked_fill(~batch["counted"][..., None], 0.0)
    shares = base.exp()
    each = (shares * (base - tuned.gather(-1, batch["top"]))).sum(-1)
    if batch["top"].shape[-1] < vocabulary:
        rest = (1 - shares.sum(-1)).clamp(min=0)
        others = tuned.scatter(-1, batch["top"], -torch.inf).logsumexp(-1)
        each = each + torch.xlogy(rest, rest) - rest * others
    return each.masked_fill(~batch["counted"], 0.0).sum()


class KeepTerm:
    """The term of every step: its gradients are added before those of the step's own rows.

    `forward` is the model's own forward pass, before a trainer has wrapped it.
    """

    def __init__(self, model: Any, kept: BaseAnswers, strength: float, planned: Plan, seed: int) -> None:
        self.model, self.forward, self.kept, self.strength = model, model.forward, kept, strength
        self.steps = answers_of_steps(len(kept.ids), planned.keep_rows, planned.steps, seed)
        self.dtype, self.device = getattr(torch, planned.dtype), planned.device.kind
        self.at_once = planned.keep_at_once
        self.gpus = planned.gpus
        self.replayed = (
            ReplayedGradients(model, self._weighed, _COMPARABLE * strength) if planned.graphs else None
        )
        self.loss: Any = 0.0  # of the last step, over all GPUs

    def add(self, step: int, accelerator: Any) -> None:
        """Add the gradients of a step, of the answers that are this process's."""
        rows = self.steps[step]
        tokens = int(self.kept.counts[rows].sum())
        mine = rows[accelerator.process_index :: self.gpus]
        loss = torch.zeros((), device=accelerator.device)
        self.model.train()
        for start in range(0, len(mine), self.at_once):
            loss += self._part(mine[start : start + self.at_once], tokens, accelerator)
        self.loss = accelerator.reduce(loss, "sum") if self.gpus > 1 else loss

    def _part(self, rows: list[int], tokens: int, accelerator: Any) -> torch.Tensor:
        """Add some answers' gradients to the parameters'; return their part of the term."""
        # Gradients of several GPUs are averaged, those of float16 scaled.
        scale = self.gpus * (accelerator.scaler.get_scale() if accelerator.scaler else 1.0)
        batch = batch_of(self.kept, rows, self._width(rows))
        batch = {name: x.to(accelerator.device, non_blocking=True) for name, x in batch.items()}
        batch["weight"] = torch.tensor(self.strength * scale / tokens, device=accelerator.device)
        if self.replayed is None:
            loss = self._weighed(batch)
            loss.backward()
            return loss.detach() / scale
        loss, gradients = self.replayed(batch)
        add_gradients(self.replayed.trained, gradients)
        return loss.clone()

    def _width(self, rows: list[int]) -> int:
        """Of the longest answer; on a GPU one width for all, so that there is one shape to capture."""
        if self.device == "cpu":
            return int(self.kept.lengths[rows].max())
        return -(-self.kept.ids.shape[1] // _WIDTH) * _WIDTH

    def _weighed(self, batch: Batch) -> torch.Tensor:
        """The term of a batch. Raises TrainingError when the model does not return its scores."""
        with torch.autocast(self.device, self.dtype, self.dtype != torch.float32, cache_enabled=False):
            scores = self.forward(input_ids=batch["ids"]).logits
        if not torch.is_tensor(scores) or scores.shape[:2] != batch["ids"].shape:
            raise TrainingError("training.keep: this model does not return its scores; set its strength to 0")
        return batch["weight"] * divergence(scores, batch)

    def callback(self, accelerator: Any) -> Any:
        """A transformers TrainerCallback that adds the term, and logs it as `keep_loss`."""
        from transformers import TrainerCallback

        term = self

        class Keep(TrainerCallback):
            def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                term.add(state.global_step, accelerator)

            def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
                if logs is not None and "loss" in logs:
                    logs["keep_loss"] = state.log_history[-1]["keep_loss"] = round(float(term.loss), 6)

        return Keep()


def add_gradients(trained: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor]) -> None:
    """Add what autograd.grad returned to the parameters' gradients, in the type and strides that fused Adam wants."""
    # Unsloth's kernels return transposed views, and in the type of the activations.
    present = []
    for parameter in trained:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        present.append(parameter.grad)
    torch._foreach_add_(present, tuple(gradients))
