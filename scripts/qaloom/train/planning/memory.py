"""Memory that a training step of a model takes."""

from typing import NamedTuple

from qaloom.inference.architecture import Architecture

BYTES_A_WEIGHT = {"32bit": 4.0, "16bit": 2.0, "8bit": 1.06, "4bit": 0.56}


class MicroBatch(NamedTuple):
    """One micro-batch of a training step, as far as memory goes."""

    precision: str  # 32bit on a CPU, 16bit | 8bit | 4bit on a GPU
    tokens: int  # with padding
    checkpointing: bool
    optimizer: str
    full: bool = False  # all parameters are trained, not an adapter
    offloaded: bool = False  # the input embedding waits in RAM; only the rows looked up cross over
    graphs: bool = False  # replayed as CUDA graphs, which keep activations and gradients of their own
    saved: int = 0  # parameters of layers that are trained whole beside the adapter, in float32
    scores: int = (
        0  # scores (tokens x vocabulary) that the loss is made of, smoothed or of the base's answers
    )
    kept: int = 0  # tokens of the base's answers that go through the model together, after the micro-batch


# Bytes of an adapter's parameter and its gradient in float32, and of the moments that optimizers keep of it.
_BYTES_ON_GPU = 8
_MOMENTS = {
    "adamw_torch_fused": 8, "adamw_torch": 8, "paged_adamw_32bit": 8, "adamw_8bit": 2, "paged_adamw_8bit": 2,
    "ademamix": 12, "adafactor": 1, "lion_32bit": 4, "paged_lion_32bit": 4, "lion_8bit": 1, "paged_lion_8bit": 1,
    "sgd": 0, "adagrad": 4, "rmsprop": 4,
}  # fmt: skip
# On a CPU, with what saving and the C library keep (SmolLM2, 8 short rows: 3.2 GB at r 16, 6.6 GB at r 128).
_BYTES_ON_CPU = 100
_PROCESS = {"32bit": 1.1e9}  # what torch and unsloth hold on a CPU; a GPU's free memory is counted after that
# Times the activations that captured graphs keep: the largest batch's, and what shapes leave between them
# (8B, 8 rows of up to 448 tokens: 42.8 to 50.1 GB by their order; packed 2,048 tokens: 34.3 GB). Beside them
# the loss's scores (SmolLM2: 0.9 GB more than all else, at r 16 and r 128).
_GRAPH_ACTIVATIONS, _GRAPH_FIXED = 1.6, 0.9e9
_SCORE = 14  # bytes of a score and its logarithm: in 16 bits, in float32, and the gradients of both
_FIXED = 0.1e9  # the loss's chunk, work space of kernels


def predicted_memory(size: Architecture, r: int, step: MicroBatch) -> float:
    """Peak bytes of a training step: weights, what is trained with its optimizer, activations.

    The coefficients of _activations are fitted to peaks of the 8B and the 1.5B shape on one H100
    (benchmarks/gpu_training.json, docs/benchmarks.md).
    """
    width = 4 if step.precision == "32bit" else 2
    embedding = size.embedding - (size.vocabulary * size.hidden if step.offloaded else 0)
    weights = size.linear * BYTES_A_WEIGHT[step.precision] + (embedding + size.experts + size.other) * width
    moments = _MOMENTS[step.optimizer]
    each = _BYTES_ON_CPU if step.precision == "32bit" else _BYTES_ON_GPU + moments
    if step.full:  # the gradient and torch's moments have the weights' own width
        trained = (1 + moments / 4) * width * size.parameters
    else:
        trained = each * size.adapter(r) + (_BYTES_ON_GPU + moments) * step.saved
    trained += _SCORE * step.scores
    activations = max(_activations(size, step, tokens, width) for tokens in (step.tokens, step.kept))
    graphs = 0.0
    if step.graphs:  # those of the base's answers are captured beside those of the rows
        held = sum(_activations(size, step, tokens, width) for tokens in (step.tokens, step.kept) if tokens)
        graphs = _GRAPH_ACTIVATIONS * held + (8 if step.kept else 4) * size.adapter(r) + _GRAPH_FIXED
    fixed = _FIXED + _PROCESS.get(step.precision, 0)
    return weights + trained + activations + graphs + fixed


def _activations(size: Architecture, step: MicroBatch, tokens: int, width: int) -> float:
    """Bytes that a forward pass of so many tokens leaves for its backward pass.

    A layer's are 2.3 times the intermediate and 5.35 times the hidden channels; with checkpointing the
    layers' inputs wait in RAM, and 2.4 layers' worth is on the card at once. In 8 bits the products' own
    copies come on top.
    """
    layer = tokens * width * (2.3 * size.intermediate + 5.35 * size.hidden)
    if step.precision == "32bit":
        layer *= 1.5  # nothing is fused
    if step.precision != "8bit":
        return layer * (2.4 if step.checkpointing else size.layers)
    if step.checkpointing:
        return 1.25 * 2.4 * layer + 0.4e9
    return 1.6 * size.layers * layer + 0.5 * size.linear
