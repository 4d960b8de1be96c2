"""A micro-batch's forward and backward pass as one CUDA graph instead of thousands of kernel launches.

With short rows a GPU waits most of a step for its host to launch the next kernel. Batches of one shape need
the same kernels: they are captured once and replayed from then on. The first batch of a shape runs eagerly.
The second runs eagerly and is captured, and the replay must come to the same loss and gradients; if they are
too small to compare, a later batch is captured.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import chain
from typing import Any

import torch

from qaloom.compat_unsloth import MissingInterfaceError, loss_replaced_by, wrap_attention
from qaloom.errors import first_line
from qaloom.train.tokenized import IGNORED

_MOST_SHAPES = 32  # that are captured; batches of others run eagerly
# Relative differences that a replay may have: sums in another order round differently. Rows that see each
# other, or a loss of other tokens, are off by far more.
_LOSS_TOLERANCE, _GRADIENT_TOLERANCE = 0.01, 0.1
_SMALL_LOSS = 0.1  # below it a loss's own rounding shows
# A loss below which rounding shows in the gradients too (float32 rounds a score of 40 by 4e-6): the 8B shape,
# memorized rows, loss 2e-8, was off by a seventh of its gradients' norm. Such batches run eagerly.
_COMPARABLE_LOSS = 1e-4
_CHUNK_BYTES = 2**28  # of the scores that the loss makes at once
_BOUNDS = "bounds"
_PLAIN_OPTIONS = 2  # options that attention gets of any model: no dropout, and that it is causal


class GraphError(Exception):
    """A model's passes cannot be captured, or the replay does not do what the model does."""


def capture(model: Any, packs: Sequence[Sequence[int]], tail: int) -> None:
    """Let a model that trains in bfloat16, under autocast, replay its passes as CUDA graphs.

    The thread goes over to a stream of its own, on which the model must not have been run before.
    `packs` are the rows' lengths in every packed sequence, or nothing where rows are padded; `tail` is the
    most tokens that fill a sequence up. Raises GraphError, as does training when a batch cannot be captured.
    """
    try:
        passes = _CapturedPasses(model, packs, tail)
    except MissingInterfaceError as error:
        raise GraphError(str(error)) from error
    except Exception as error:  # another torch, another card: training goes on eagerly
        raise GraphError(first_line(error)) from error

    @wraps(model.forward)
    def forward(**batch: Any) -> Any:
        return passes.forward(batch)

    model.forward = forward


class _CapturedPasses:
    """CUDA graphs by the shape of a batch, and the buffers where their loss and gradients go."""

    def __init__(self, model: Any, packs: Sequence[Sequence[int]], tail: int):
        self.packed = _PackedAttention(packs, tail) if packs else None
        self.model, self.eager = model, model.forward
        self.trained = [p for p in model.parameters() if p.requires_grad]
        self.gradients = [torch.zeros_like(p) for p in self.trained]
        self.loss = torch.zeros((), device=self.trained[0].device)
        self.pool, self.stream = torch.cuda.graph_pool_handle(), torch.cuda.Stream()
        # Autograd waits for the stream of a leaf's first use, which no capture may do if it is the default.
        self.stream.wait_stream(torch.cuda.current_stream())
        torch.cuda.set_stream(self.stream)
        self.seen: set[tuple] = set()
        self.graphs: dict[tuple, tuple[torch.cuda.CUDAGraph, dict[str, Any], _Masks]] = {}

    def forward(self, batch: dict[str, Any]) -> Any:
        """The model's forward pass, replayed where a batch of this shape was captured."""
        if not (self.model.training and torch.is_grad_enabled()):
            return self.eager(**batch)
        inputs = self._static(batch)
        shape = tuple((name, x.shape if torch.is_tensor(x) else x) for name, x in sorted(inputs.items()))
        if shape not in self.graphs:
            output = self.eager(**batch)
            if shape not in self.seen or len(self.graphs) == _MOST_SHAPES or output.loss < _COMPARABLE_LOSS:
                self.seen.add(shape)
                return output
            self._capture(shape, inputs, output)
        graph, buffers, _ = self.graphs[shape]
        for name, x in inputs.items():
            if torch.is_tensor(x):
                buffers[name].copy_(x)
        graph.replay()
        kind, logits = self.output
        return kind(loss=_ReplayedLoss.apply(self, *self.trained), logits=logits)

    def _static(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch as tensors whose shapes do not depend on how many rows are packed in it.

        Rows are filled up at their ends, with tokens that have no labels and that no earlier token sees: a causal
        model needs no mask for them.
        """
        inputs, count = dict(batch), batch.get("num_items_in_batch")
        inputs.pop("attention_mask", None)
        if isinstance(count, int):
            inputs["num_items_in_batch"] = torch.tensor(count, device=self.loss.device)
        return self.packed.static(inputs) if self.packed else inputs

    def _capture(self, shape: tuple, inputs: dict[str, Any], output: Any) -> None:
        """Capture the passes of that shape, and compare with `output`, this batch's eager one."""
        try:
            if torch.is_tensor(output.logits) and output.logits.numel():
                raise GraphError("the model returns its logits")
            self.output = type(output), output.logits
            loss, gradients = output.loss.detach(), torch.autograd.grad(output.loss, self.trained)
            buffers = {name: x.clone() if torch.is_tensor(x) else x for name, x in inputs.items()}
            graph, masks = torch.cuda.CUDAGraph(), _Masks(self.model)
            self._forward_backward(buffers, masks)  # kernels that eager passes have not called are compiled
            with torch.cuda.graph(graph, self.pool, self.stream, "thread_local"):
                self._forward_backward(buffers, masks)
            graph.replay()
            _compare(loss, gradients, self.loss, self.gradients)
        except (torch.OutOfMemoryError, GraphError):
            raise
        except MissingInterfaceError as error:
            raise GraphError(str(error)) from error
        except Exception as error:  # whatever a model's own code raises while it is captured
            raise GraphError(first_line(_first_cause(error))) from error
        self.graphs[shape] = graph, buffers, masks

    def _forward_backward(self, buffers: dict[str, Any], masks: "_Masks") -> None:
        """Both passes; loss and gradients go to the buffers that all graphs share."""
        batch = dict(buffers)
        # A cached cast would be of the weights as they were.
        autocast = torch.autocast("cuda", torch.bfloat16, cache_enabled=False)
        apart = self.packed.within(batch.pop(_BOUNDS)) if self.packed else masks.made_once()
        with autocast, apart, loss_replaced_by(_loss_without_sync):
            loss = self.eager(**batch).loss
            gradients = torch.autograd.grad(loss, self.trained)
        self.loss.copy_(loss.detach())
        torch._foreach_copy_(self.gradients, gradients)


def _compare(
    loss: torch.Tensor,
    gradients: Sequence[torch.Tensor],
    replayed: torch.Tensor,
    replayed_gradients: Sequence[torch.Tensor],
) -> None:
    """Raise GraphError unless a replay came to the eager pass's loss and gradients."""
    if not loss.isfinite():  # training stops here and names the rows: the replay is not to blame
        return
    differences = [mine - eager for mine, eager in zip(replayed_gradients, gradients, strict=True)]
    norm, off = (float(torch.stack(torch._foreach_norm(x)).norm()) for x in (list(gradients), differences))
    eager, found = float(loss), float(replayed)
    near = abs(found - eager) <= _LOSS_TOLERANCE * max(abs(eager), _SMALL_LOSS)
    if not (near and off <= _GRADIENT_TOLERANCE * norm):  # or not a number
        raise GraphError(
            f"replayed, the loss is {found:.4g} instead of {eager:.4g} and the gradients, of norm "
            f"{norm:.4g}, are off by {off:.4g}"
        )


class ReplayedGradients:
    """A loss and its gradients, of batches that all have one shape: captured once and replayed from then on.

    The first batch runs eagerly; so does the first after it whose loss is at least `least`, which is captured.
    """

    def __init__(self, model: Any, loss_of: Callable[[dict[str, torch.Tensor]], torch.Tensor], least: float):
        self.model, self.loss_of, self.least = model, loss_of, least
        self.trained = [p for p in model.parameters() if p.requires_grad]
        self.graph: torch.cuda.CUDAGraph | None = None
        self.warm = False

    def __call__(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
        """The loss and the gradients, which the next call overwrites. Raises GraphError."""
        if self.graph is None:
            loss, gradients = self._eager(batch)
            if self.warm and loss >= self.least:
                self._capture(batch, loss, gradients)
            self.warm = True
            return loss, gradients
        for name, x in batch.items():
            self.buffers[name].copy_(x)
        self.graph.replay()
        return self.loss, self.gradients

    def _eager(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
        loss = self.loss_of(batch)
        return loss.detach(), torch.autograd.grad(loss, self.trained)

    def _capture(
        self, batch: dict[str, torch.Tensor], loss: torch.Tensor, gradients: Sequence[torch.Tensor]
    ) -> None:
        """Capture the passes of the batch, and compare with its eager ones."""
        try:
            self.buffers = {name: x.clone() for name, x in batch.items()}
            graph, self.masks = torch.cuda.CUDAGraph(), _Masks(self.model)
            with self.masks.made_once():
                self._eager(self.buffers)
            with (
                torch.cuda.graph(
                    graph, stream=torch.cuda.current_stream(), capture_error_mode="thread_local"
                ),
                self.masks.made_once(),
            ):
                self.loss, self.gradients = self._eager(self.buffers)
            graph.replay()
            _compare(loss, gradients, self.loss, self.gradients)
        except (torch.OutOfMemoryError, GraphError):
            raise
        except Exception as error:  # whatever a model's own code raises while it is captured
            raise GraphError(first_line(_first_cause(error))) from error
        self.graph = graph


class _Masks:
    """A model's attention masks for one shape of batch, made by the pass before the capture.

    They depend on the shape alone, as no padding is masked; but transformers and Unsloth look at tensors to see
    that, which waits for the GPU.
    """

    def __init__(self, model: Any):
        self.module = sys.modules[type(model.get_decoder()).__module__]
        self.makers = {
            name: self._kept(maker)
            for name, maker in vars(self.module).items()
            if name.startswith("create_") and name.endswith("_mask")
        }
        self.made: list[Any] = []
        self.next: Iterator[Any] | None = None

    @contextmanager
    def made_once(self) -> Iterator[None]:
        """Keep the masks that the model makes, or hand out those kept from an earlier pass."""
        before = {name: getattr(self.module, name) for name in self.makers}
        self.next = iter(self.made) if self.made else None
        vars(self.module).update(self.makers)
        try:
            yield
        finally:
            vars(self.module).update(before)

    def _kept(self, maker: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(maker)
        def kept(*positional: Any, **given: Any) -> Any:
            if self.next is not None:
                return next(self.next)
            self.made.append(maker(*positional, **given))
            return self.made[-1]

        return kept


def _first_cause(error: Exception) -> Exception:
    """The exception that others followed: a failed capture fails again when it is ended."""
    while isinstance(error.__context__, Exception):
        error = error.__context__
    return error


class _ReplayedLoss(torch.autograd.Function):
    """The loss of the batch that was replayed, whose gradients are computed already."""

    @staticmethod
    def forward(ctx: Any, passes: _CapturedPasses, *trained: torch.Tensor) -> torch.Tensor:
        ctx.gradients = passes.gradients
        return passes.loss.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        return None, *torch._foreach_mul(ctx.gradients, gradient)


def _loss_without_sync(
    hidden: torch.Tensor, head: torch.Tensor, bias: Any, labels: torch.Tensor, mask: Any, count: Any,
    scaling: Any, shift: bool, others: dict[str, Any],
) -> torch.Tensor:  # fmt: skip
    """Unsloth's loss over all tokens; its own waits for the GPU to learn which tokens have labels."""
    if bias is not None or mask is not None or scaling is not None or not shift or any(others.values()):
        raise GraphError("its loss is not the plain one")
    after = torch.cat([labels[:, 1:], labels.new_full((len(labels), 1), IGNORED)], dim=1).reshape(-1)
    count = (after != IGNORED).sum() if count is None else count
    return _ChunkedCrossEntropy.apply(hidden.reshape(-1, hidden.shape[-1]), head, after, count)


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Cross entropy of the tokens with labels over `count`; `head` (vocabulary x hidden) is not trained.

    A chunk of tokens at a time goes to scores and back to its gradient: all scores at once would be large.
    They are rounded to the head's type before the softmax, as Unsloth's are.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Any, head: Any, labels: Any, count: Any) -> torch.Tensor:
        loss, gradient = torch.zeros((), device=hidden.device), torch.empty_like(hidden)
        size = max(64, _CHUNK_BYTES // (4 * len(head)))
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


class _PackedAttention:
    """Keeps packed rows apart by bounds that are data, not shapes: in each sequence room for as many rows.

    Unsloth's own ways either wait for the rows' lengths or, in older torch, launch kernels for every row.
    """

    def __init__(self, packs: Sequence[Sequence[int]], tail: int):
        self.most = max(map(len, packs)) + 1  # the tail is one more
        self.longest = max(tail, *chain.from_iterable(packs))
        self.bounds: torch.Tensor | None = None
        self.used = False
        self.whole: dict[int, torch.Tensor] = {}
        wrap_attention(self._wrapped)

    def static(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch with its rows' bounds (most + 1, int32) from their positions; the last one fills up."""
        starts, total = batch["position_ids"][0] == 0, batch["position_ids"].shape[1]
        places = torch.arange(total, dtype=torch.int32, device=starts.device)
        bounds = torch.where(starts, places, total).sort().values[: self.most + 1]
        bounds[-1] = total
        if total not in self.whole:
            self.whole[total] = torch.tensor([total], dtype=torch.int32, device=starts.device)
        return batch | {_BOUNDS: bounds, "packed_seq_lengths": self.whole[total]}

    @contextmanager
    def within(self, bounds: torch.Tensor) -> Iterator[None]:
        """Let attention keep to these bounds. Raises GraphError when the model's is not Unsloth's."""
        self.bounds, self.used = bounds, False
        try:
            yield
            if not self.used:
                raise GraphError("its attention would not keep packed rows apart")
        finally:
            self.bounds = None

    def _wrapped(self, eager: Callable[..., Any]) -> Callable[..., Any]:
        """Unsloth's attention, by torch's own kernel for rows of any length while there are bounds."""
        from torch.nn.attention.varlen import varlen_attn

        grouped = "enable_gqa" in inspect.signature(varlen_attn).parameters  # since torch 2.12

        def attention(*positional: Any, **given: Any) -> Any:
            bounds = self.bounds
            if bounds is None:
                return eager(*positional, **given)
            self.used = True
            config, groups = given["config"], given["config"].n_groups
            options = len(config.flash_varlen_kwargs or ()) + len(config.sdpa_kwargs or ())
            if given["context"].sliding_window or options > _PLAIN_OPTIONS:
                raise GraphError("its attention is not the plain one")
            query, keys, values = (given[x].squeeze(0).transpose(0, 1).contiguous() for x in ("Q", "K", "V"))
            if not grouped:
                keys, values = (x.repeat_interleave(groups, dim=1) for x in (keys, values))
            kernel: Callable[..., Any] = varlen_attn
            more = {"enable_gqa": groups > 1} if grouped else {}
            lengths = (bounds, bounds, self.longest, self.longest)
            return kernel(query, keys, values, *lengths, window_size=(-1, 0), **more)[None]

        return attention
