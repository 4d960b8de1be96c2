"""A micro-batch's forward and backward pass as one CUDA graph instead of thousands of kernel launches.

With short rows a GPU waits most of a step for its host to launch the next kernel. Batches of one shape need
the same kernels: they are recorded once and played back from then on. The first batch of a shape runs as
ever. The second runs as ever and is recorded, and the recording must come to the same loss and gradients;
if they are too small to tell, a later one is.
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import wraps
from itertools import chain
from typing import Any

import torch

from qaloom.errors import first_line
from qaloom.train.tokenized import IGNORED

_MOST = 32  # shapes that are recorded; batches of others run as ever
# How far off a recording may be, relatively: sums in another order round differently. Rows that see each
# other, or a loss of other tokens, are off by far more.
_LOSS, _GRADIENT = 0.01, 0.1
_SMALL = 0.1  # a loss below which its own rounding shows
# A loss below which rounding shows in the gradients too (float32 rounds a score of 40 by 4e-6): the 8B shape,
# rows known by heart, loss 2e-8, was off by a seventh of its gradients' norm. Such batches run as ever.
_TELLING = 1e-4
_CHUNK = 2**28  # bytes of the scores that the loss makes at once
_BOUNDS = "bounds"
_TOLD = 2  # things that attention is told of any model: no dropout, and that it is causal


class GraphError(Exception):
    """A model's passes cannot be recorded, or the recording does not do what the model does."""


def record(model: Any, packs: Sequence[Sequence[int]], tail: int) -> None:
    """Let a model that trains in bfloat16, under autocast, play back its passes.

    The thread goes over to a stream of its own, on which the model must not have been run before.
    `packs` are the rows' lengths in every packed sequence, or nothing where rows are padded; `tail` is the
    most tokens that fill a sequence up. Training raises GraphError when a batch cannot be recorded.
    """
    graphs = _Graphs(model, packs, tail)

    @wraps(model.forward)
    def forward(**given: Any) -> Any:
        return graphs.output_of(given)

    model.forward = forward


class _Graphs:
    """Recordings by the shape of a batch, and the places where their loss and gradients go."""

    def __init__(self, model: Any, packs: Sequence[Sequence[int]], tail: int):
        self.model, self.plain = model, model.forward
        self.learned = [p for p in model.parameters() if p.requires_grad]
        self.gradients = [torch.zeros_like(p) for p in self.learned]
        self.loss = torch.zeros((), device=self.learned[0].device)
        self.pool, self.stream = torch.cuda.graph_pool_handle(), torch.cuda.Stream()
        # Autograd waits for the stream of a leaf's first use, which no recording may do if it is the default.
        self.stream.wait_stream(torch.cuda.current_stream())
        torch.cuda.set_stream(self.stream)
        self.seen: set[tuple] = set()
        self.recorded: dict[tuple, tuple[torch.cuda.CUDAGraph, dict[str, Any]]] = {}
        self.apart = _Apart(packs, tail) if packs else None

    def output_of(self, given: dict[str, Any]) -> Any:
        """What the model's forward pass gives for these arguments."""
        if not (self.model.training and torch.is_grad_enabled()):
            return self.plain(**given)
        fixed = self._fixed(given)
        shape = tuple((name, x.shape if torch.is_tensor(x) else x) for name, x in sorted(fixed.items()))
        if shape not in self.recorded:
            output = self.plain(**given)
            if shape not in self.seen or len(self.recorded) == _MOST or output.loss < _TELLING:
                self.seen.add(shape)
                return output
            self._record(shape, fixed, output)
        graph, places = self.recorded[shape]
        for name, x in fixed.items():
            if torch.is_tensor(x):
                places[name].copy_(x)
        graph.replay()
        kind, logits = self.output
        return kind(loss=_Played.apply(self, *self.learned), logits=logits)

    def _fixed(self, given: dict[str, Any]) -> dict[str, Any]:
        """A batch as tensors whose shapes say nothing of how many rows are packed in it."""
        fixed, count = dict(given), given.get("num_items_in_batch")
        if isinstance(count, int):
            fixed["num_items_in_batch"] = torch.tensor(count, device=self.loss.device)
        return self.apart.fixed(fixed) if self.apart else fixed

    def _record(self, shape: tuple, fixed: dict[str, Any], output: Any) -> None:
        """Record the passes of that shape, and compare with `output`, this batch's the usual way."""
        try:
            if torch.is_tensor(output.logits):
                raise GraphError("the model hands on its logits")
            self.output = type(output), output.logits
            loss, gradients = output.loss.detach(), torch.autograd.grad(output.loss, self.learned)
            places = {name: x.clone() if torch.is_tensor(x) else x for name, x in fixed.items()}
            graph = torch.cuda.CUDAGraph()
            self._pass(places)  # kernels that the usual way has not called are chosen and compiled
            with torch.cuda.graph(graph, self.pool, self.stream, "thread_local"):
                self._pass(places)
            graph.replay()
            self._compare(loss, gradients)
        except (torch.OutOfMemoryError, GraphError):
            raise
        except Exception as error:  # whatever a model's own code does not take
            raise GraphError(first_line(error)) from error
        self.recorded[shape] = graph, places

    def _pass(self, places: dict[str, Any]) -> None:
        """Forward and backward; loss and gradients go where those of all recordings go."""
        given = dict(places)
        # A cached cast would be of the weights as they were.
        exact = torch.autocast("cuda", torch.bfloat16, cache_enabled=False)
        apart = self.apart.within(given.pop(_BOUNDS)) if self.apart else nullcontext()
        with exact, apart, _loss_without_waiting():
            loss = self.plain(**given).loss
            gradients = torch.autograd.grad(loss, self.learned)
        self.loss.copy_(loss.detach())
        torch._foreach_copy_(self.gradients, gradients)

    def _compare(self, loss: torch.Tensor, gradients: Sequence[torch.Tensor]) -> None:
        if not loss.isfinite():  # training stops here and names the rows: nothing that a recording did
            return
        apart = torch._foreach_sub(self.gradients, gradients)
        norm, off = (float(torch.stack(torch._foreach_norm(x)).norm()) for x in (gradients, apart))
        usual, again = float(loss), float(self.loss)
        near = abs(again - usual) <= _LOSS * max(abs(usual), _SMALL)
        if not (near and off <= _GRADIENT * norm):  # or not a number
            raise GraphError(
                f"recorded, the loss is {again:.4g} instead of {usual:.4g} and the gradients, of norm "
                f"{norm:.4g}, are off by {off:.4g}"
            )


class _Played(torch.autograd.Function):
    """The loss of the batch that was played, whose gradients are there already."""

    @staticmethod
    def forward(ctx: Any, graphs: _Graphs, *learned: torch.Tensor) -> torch.Tensor:
        ctx.gradients = graphs.gradients
        return graphs.loss.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        return None, *torch._foreach_mul(ctx.gradients, gradient)


@contextmanager
def _loss_without_waiting() -> Iterator[None]:
    """Put a loss of all tokens in the place of Unsloth's, which waits to learn which have labels."""
    from unsloth_zoo.fused_losses import cross_entropy_loss as unsloth

    def loss(hidden, head, bias, labels, mask, count, scaling, shift, others):
        if bias is not None or mask is not None or scaling is not None or not shift or any(others.values()):
            raise GraphError("its loss is not the plain one")
        after = torch.cat([labels[:, 1:], labels.new_full((len(labels), 1), IGNORED)], dim=1).reshape(-1)
        count = (after != IGNORED).sum() if count is None else count
        return _Loss.apply(hidden.reshape(-1, hidden.shape[-1]), head, after, count)

    before, unsloth._chunked_ce = unsloth._chunked_ce, loss
    try:
        yield
    finally:
        unsloth._chunked_ce = before


class _Loss(torch.autograd.Function):
    """Cross entropy of the tokens with labels over `count`; `head` (vocabulary x hidden) is not trained.

    A chunk of tokens at a time goes to scores and back to its gradient: all scores at once would be large.
    They are rounded to the head's type before the softmax, as Unsloth's are.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Any, head: Any, labels: Any, count: Any) -> torch.Tensor:
        loss, gradient = torch.zeros((), device=hidden.device), torch.empty_like(hidden)
        size = max(64, _CHUNK // (4 * len(head)))
        for part, back, label in zip(*(x.split(size) for x in (hidden, gradient, labels)), strict=True):
            learned, label = (label != IGNORED)[:, None], label.clamp(min=0)[:, None]
            with torch.autocast("cuda", enabled=False):
                scores = (part.to(head.dtype) @ head.T).float().log_softmax(-1)
                loss -= (scores.gather(1, label) * learned).sum()
                share = scores.exp_().scatter_add_(1, label, -torch.ones_like(label, dtype=scores.dtype))
                back.copy_((share * (learned / count)).to(head.dtype) @ head)
        ctx.save_for_backward(gradient)
        return loss / count

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        return ctx.saved_tensors[0] * gradient, None, None, None


class _Apart:
    """Keeps packed rows apart by bounds that are data, not shapes: in each sequence room for as many rows.

    Unsloth's own ways either wait for the rows' lengths or, in older torch, launch kernels for every row.
    """

    def __init__(self, packs: Sequence[Sequence[int]], tail: int):
        self.most = max(map(len, packs)) + 1  # the tail is one more
        self.longest = max(tail, *chain.from_iterable(packs))
        self.bounds: torch.Tensor | None = None
        self.whole: dict[int, torch.Tensor] = {}
        self._attend()

    def fixed(self, given: dict[str, Any]) -> dict[str, Any]:
        """The rows' bounds (most + 1, int32) from their positions; all that fills up is of the last ones."""
        starts, total = given["position_ids"][0] == 0, given["position_ids"].shape[1]
        places = torch.arange(total, dtype=torch.int32, device=starts.device)
        bounds = torch.where(starts, places, total).sort().values[: self.most + 1]
        bounds[-1] = total
        if total not in self.whole:
            self.whole[total] = torch.tensor([total], dtype=torch.int32, device=starts.device)
        return given | {_BOUNDS: bounds, "packed_seq_lengths": self.whole[total]}

    @contextmanager
    def within(self, bounds: torch.Tensor) -> Iterator[None]:
        """Let attention keep to these bounds. Raises GraphError when the model's is not Unsloth's."""
        self.bounds, self.asked = bounds, False
        try:
            yield
            if not self.asked:
                raise GraphError("its attention would not keep packed rows apart")
        finally:
            self.bounds = None

    def _attend(self) -> None:
        from torch.nn.attention.varlen import varlen_attn
        from unsloth.utils import attention_dispatch

        plain = attention_dispatch._run_attention
        grouped = "enable_gqa" in inspect.signature(varlen_attn).parameters  # since torch 2.12

        def run(*, config: Any, context: Any, Q: Any, K: Any, V: Any) -> Any:
            if self.bounds is None:
                return plain(config=config, context=context, Q=Q, K=K, V=V)
            self.asked = True
            told = len(config.flash_varlen_kwargs or ()) + len(config.sdpa_kwargs or ())
            if context.sliding_window or told > _TOLD:
                raise GraphError("its attention is not the plain one")
            query, keys, values = (x.squeeze(0).transpose(0, 1).contiguous() for x in (Q, K, V))
            if not grouped:
                keys, values = (x.repeat_interleave(config.n_groups, dim=1) for x in (keys, values))
            options = {"enable_gqa": config.n_groups > 1} if grouped else {}
            lengths = (self.bounds, self.bounds, self.longest, self.longest)
            return varlen_attn(query, keys, values, *lengths, window_size=(-1, 0), **options)[None]

        attention_dispatch._run_attention = run
