"""Passes captured and replayed as CUDA graphs; here a tape of tensor operations stands in for a graph."""

import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from qaloom.compat_unsloth import ATTENTION, LOSS, loss_replaced_by
from qaloom.train import cuda_graphs as graphs
from qaloom.train.cuda_graphs import GraphError, capture
from qaloom.train.tokenized import IGNORED

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore:.*CUDA is not available:UserWarning"),
]


# The loss


def of_loss(loss, hidden, *rest):
    """A loss and the gradient of three times it, with respect to the hidden states."""
    hidden = hidden.clone().requires_grad_()
    value = loss(hidden, *rest)
    return value.detach(), torch.autograd.grad(3 * value, hidden)[0]


def usual(hidden, head, labels, count):
    return cross_entropy(hidden @ head.T, labels, ignore_index=IGNORED, reduction="sum") / count


@pytest.mark.parametrize("tokens", [1, 63, 64, 65, 200])
@pytest.mark.parametrize(("labelled", "count"), [(1.0, 7), (0.4, 50), (0.0, 3)])
def test_the_loss_is_cross_entropy(monkeypatch, tokens, labelled, count):
    """Also in several chunks, with ignored labels, and of no label at all."""
    monkeypatch.setattr(graphs, "_CHUNK_BYTES", 1)  # 64 tokens
    torch.manual_seed(tokens)
    hidden, head = torch.randn(tokens, 8), torch.randn(30, 8)
    labels = torch.where(torch.rand(tokens) < labelled, torch.randint(0, 30, (tokens,)), IGNORED)
    given = hidden, head, labels, torch.tensor(count)
    torch.testing.assert_close(of_loss(graphs._ChunkedCrossEntropy.apply, *given), of_loss(usual, *given))


def test_scores_are_rounded_as_the_usual_ones_are():
    torch.manual_seed(0)
    hidden, head = (4 * torch.randn(50, 64)).bfloat16(), torch.randn(30, 64).bfloat16()
    labels = torch.randint(0, 30, (50,))
    usual = cross_entropy((hidden @ head.T).float(), labels)
    assert abs(usual - cross_entropy(hidden.float() @ head.float().T, labels)) > 1e-4 * usual
    found = graphs._ChunkedCrossEntropy.apply(hidden, head, labels, torch.tensor(50))
    torch.testing.assert_close(found, usual, rtol=1e-6, atol=0)


@pytest.fixture
def unsloths_loss(monkeypatch):
    """A stand-in for Unsloth's module: importing the real one would change transformers for all tests."""
    module = SimpleNamespace(_chunked_ce="Unsloth's own")
    monkeypatch.setitem(sys.modules, LOSS[0], module)
    return module


@pytest.mark.parametrize("count", [None, 5])
def test_each_token_is_scored_on_the_next_one(unsloths_loss, count):
    torch.manual_seed(0)
    hidden, head = torch.randn(2, 6, 8), torch.randn(30, 8)
    labels = torch.randint(0, 30, (2, 6))
    labels[0, :4] = IGNORED
    next_ones = labels[:, 1:].reshape(-1)
    with loss_replaced_by(graphs._loss_without_sync):
        found = unsloths_loss._chunked_ce(hidden, head, None, labels, None, count, None, True, {"softcap": 0})
    wanted = usual(hidden[:, :-1].reshape(-1, 8), head, next_ones, count or (next_ones != IGNORED).sum())
    torch.testing.assert_close(found, wanted)
    assert unsloths_loss._chunked_ce == "Unsloth's own"


@pytest.mark.parametrize(
    "other", [{"bias": 1}, {"mask": 1}, {"scaling": 2.0}, {"shift": False}, {"others": {"softcap": 30}}]
)
def test_another_loss_is_not_replaced(unsloths_loss, other):
    plain = {"bias": None, "mask": None, "count": None, "scaling": None, "shift": True, "others": {}}
    with pytest.raises(GraphError, match="not the plain one"), loss_replaced_by(graphs._loss_without_sync):
        unsloths_loss._chunked_ce(hidden=None, head=None, labels=None, **plain | other)
    assert unsloths_loss._chunked_ce == "Unsloth's own"


# Packed rows

# What Unsloth tells attention of a plain model.
PLAIN = {"n_groups": 1, "sdpa_kwargs": None, "flash_varlen_kwargs": {"dropout_p": 0.0, "causal": True}}
NO_WINDOW = {"sliding_window": None}


def unsloths_attention(patch, plain=lambda **given: "Unsloth's own"):
    """A stand-in for the module of Unsloth's attention."""
    module = SimpleNamespace(_run_attention=plain)
    patch.setitem(sys.modules, ATTENTION[0], module)
    return module


def positions(pack, tail):
    """Of a packed sequence, as the collator fills it up to a multiple of `tail`."""
    each = torch.cat([torch.arange(n) for n in pack])
    return torch.cat([each, torch.zeros(-len(each) % tail, dtype=each.dtype)])[None]


PACKS = st.lists(st.lists(st.integers(2, 40), min_size=1, max_size=20), min_size=1, max_size=6)


@settings(deadline=None)
@given(PACKS, st.sampled_from([1, 8, 64]))
def test_bounds_keep_every_row_apart(packs, tail):
    with pytest.MonkeyPatch.context() as patch:
        unsloths_attention(patch)
        apart = graphs._PackedAttention(packs, tail)
    for pack in packs:
        given = {"position_ids": positions(pack, tail), "input_ids": 1}
        fixed, total = apart.static(given), given["position_ids"].shape[1]
        bounds = fixed.pop("bounds")
        assert bounds.dtype == torch.int32 and len(bounds) == min(total, apart.most + 1)
        ends = [sum(pack[:n]) for n in range(len(pack) + 1)]
        assert bounds[: len(ends)].tolist() == ends  # so that what fills up is in segments of its own
        assert bounds[-1] == total
        assert all(0 <= end - start <= apart.longest for start, end in pairwise(bounds.tolist()))
        whole = fixed.pop("packed_seq_lengths")
        assert whole.tolist() == [total] and whole.dtype == torch.int32
        assert whole is apart.static(given)["packed_seq_lengths"]  # Unsloth knows it again
        assert fixed == given


def attention(query, keys, values):
    """Causal, of one row (tokens x heads x channels)."""
    rows = (x.transpose(0, 1) for x in (query, keys, values))
    return scaled_dot_product_attention(*rows, is_causal=True, enable_gqa=True).transpose(0, 1)


def varlen(query, keys, values, starts, ends, longest, longest_keys, *, window_size, enable_gqa):
    """torch's attention over rows of any length, which a CPU has not."""
    assert starts is ends and longest == longest_keys and window_size == (-1, 0)
    assert enable_gqa == (query.shape[1] != keys.shape[1])
    assert max(int(end - start) for start, end in pairwise(starts)) <= longest
    rows = (slice(*bounds) for bounds in pairwise(starts.tolist()))
    return torch.cat([attention(query[row], keys[row], values[row]) for row in rows])


def varlen_of_older_torch(*given, window_size):
    return varlen(*given, window_size=window_size, enable_gqa=False)


@pytest.mark.parametrize("kernel", [varlen, varlen_of_older_torch])
@pytest.mark.parametrize("groups", [1, 2])
def test_attention_keeps_to_the_bounds_it_is_given(monkeypatch, kernel, groups):
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", kernel)
    dispatch = unsloths_attention(monkeypatch)
    torch.manual_seed(0)
    pack = [5, 2, 7]
    apart = graphs._PackedAttention([pack, [3] * 5], 8)
    bounds = apart.static({"position_ids": positions(pack, 8)})["bounds"]
    query, keys, values = (torch.randn(1, heads, 16, 8) for heads in (4, 4 // groups, 4 // groups))
    given = {"Q": query, "K": keys, "V": values, "context": SimpleNamespace(**NO_WINDOW)}
    given["config"] = SimpleNamespace(**PLAIN | {"n_groups": groups})
    assert dispatch._run_attention(**given) == "Unsloth's own"
    with apart.within(bounds):
        found = dispatch._run_attention(**given)
    assert dispatch._run_attention(**given) == "Unsloth's own"
    rows = (slice(0, 5), slice(5, 7), slice(7, 14))
    for row in rows:
        alone = attention(*(x[0, :, row].transpose(0, 1) for x in (query, keys, values)))
        torch.testing.assert_close(found[0, row], alone)


@pytest.mark.parametrize(
    ("config", "context"),
    [
        ({"sdpa_kwargs": {"scale": 2.0}}, {}),
        ({"flash_varlen_kwargs": {"dropout_p": 0.0, "causal": True, "softcap": 50}}, {}),
        ({}, {"sliding_window": 4}),
    ],
)
def test_attention_of_another_kind_is_refused(monkeypatch, config, context):
    dispatch = unsloths_attention(monkeypatch)
    given = {"config": SimpleNamespace(**PLAIN | config), "context": SimpleNamespace(**NO_WINDOW | context)}
    apart = graphs._PackedAttention([[3]], 8)
    with pytest.raises(GraphError, match="not the plain one"), apart.within(torch.tensor([0, 3, 8])):
        dispatch._run_attention(**given, Q=None, K=None, V=None)


def test_a_model_that_attends_by_other_means_is_refused(monkeypatch):
    """Its rows would be kept apart by nothing."""
    unsloths_attention(monkeypatch)
    with (
        pytest.raises(GraphError, match="would not keep packed rows apart"),
        graphs._PackedAttention([[3]], 8).within(torch.tensor([0, 3, 8])),
    ):
        pass


# Capture and replay

STREAM = SimpleNamespace(wait_stream=lambda other: None)


class Tape(TorchDispatchMode):
    """Stands in for a CUDA graph: the tensor operations of a block, done again on the same memory.

    A graph that is captured has computed nothing yet: what the block copied is spoilt until it is replayed.
    """

    def __init__(self):
        super().__init__()
        self.done = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **kwargs or {})
        self.done.append((function, args, kwargs or {}, result))
        return result

    def __exit__(self, *error):
        super().__exit__(*error)
        for function, args, *_ in self.done:
            if "copy_" in str(function):
                for place in tree_leaves(args[0]):
                    place.fill_(torch.nan)

    @torch.no_grad()
    def replay(self):
        for function, args, kwargs, result in self.done:
            for place, value in zip(tree_leaves(result), tree_leaves(function(*args, **kwargs)), strict=True):
                if torch.is_tensor(place) and place.data_ptr() != value.data_ptr():
                    place.copy_(value)


@pytest.fixture(autouse=True)
def tape(monkeypatch):
    """The tape in the place of CUDA graphs; says whether one is being captured."""
    state = SimpleNamespace(capturing=False)

    @contextmanager
    def capturing(graph, pool, stream, mode):
        assert (pool, stream, mode) == ("pool", STREAM, "thread_local")
        with graph:
            state.capturing = True
            try:
                yield
            finally:
                state.capturing = False

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Tape)
    monkeypatch.setattr(torch.cuda, "graph", capturing)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
    monkeypatch.setattr(torch.cuda, "Stream", lambda: STREAM)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: "the default one")
    monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: None)
    return state


@dataclass
class Output:
    loss: torch.Tensor
    logits: object


class Model(torch.nn.Module):
    """A frozen layer and a learned one; counts how often its forward pass is called from Python."""

    def __init__(self, spoil=lambda model, loss: loss):
        super().__init__()
        torch.manual_seed(0)
        self.frozen, self.learned = torch.nn.Linear(4, 6), torch.nn.Linear(6, 1)
        self.frozen.requires_grad_(False)
        self.calls, self.logits, self.spoil = 0, "no logits", spoil

    def forward(self, inputs, wanted, num_items_in_batch, use_cache=False):
        self.calls += 1
        off = self.learned(self.frozen(inputs).tanh()) - wanted
        return Output(self.spoil(self, (off**2).sum() / num_items_in_batch), self.logits)

    def get_decoder(self):
        return self


def captured(*spoil):
    model = Model(*spoil)
    capture(model, [], 0)
    return model


@pytest.fixture
def plain_loss(monkeypatch):
    monkeypatch.setattr(graphs, "loss_replaced_by", nullcontext)


def batch(rows, seed, count=None):
    random = torch.Generator().manual_seed(seed)
    inputs, wanted = torch.randn(rows, 4, generator=random), torch.randn(rows, 1, generator=random)
    return {"inputs": inputs, "wanted": wanted, "num_items_in_batch": count or rows}


def trained(model, batches, accumulation=1):
    """Train; return the losses, all gradients and the weights."""
    optimizer = torch.optim.SGD(model.learned.parameters(), lr=0.1)
    losses, gradients = [], []
    for number, one in enumerate(batches, 1):
        loss = model(**one).loss
        losses.append(loss.detach())
        (loss / accumulation).backward()
        if number % accumulation == 0:
            gradients += [p.grad.clone() for p in model.learned.parameters()]
            optimizer.step()
            optimizer.zero_grad()
    return losses, gradients, [p.detach() for p in model.parameters()]


@pytest.mark.usefixtures("plain_loss")
def test_the_second_batch_of_a_shape_is_captured_and_later_ones_are_replayed():
    model, calls = captured(), []
    for seed in range(5):
        output = model(**batch(3, seed))
        calls.append(model.calls)
        assert type(output) is Output and output.logits == "no logits"
    assert calls == [1, 4, 4, 4, 4]  # eagerly, once to warm up, once to capture; then never again


@pytest.mark.usefixtures("plain_loss")
@pytest.mark.parametrize("accumulation", [1, 2])
def test_replayed_passes_teach_what_eager_ones_do(accumulation):
    """Shapes alternate, and the count that a loss is divided by changes from batch to batch."""
    batches = [batch((3, 5)[seed // 2 % 2], seed, count=4 + seed % 3) for seed in range(16)]
    model = captured()
    found, wanted = trained(model, batches, accumulation), trained(Model(), batches, accumulation)
    torch.testing.assert_close(found, wanted)
    assert model.calls == 2 * 4
    assert len(set(map(float, found[0]))) == 16


@pytest.mark.usefixtures("plain_loss")
def test_a_loss_read_later_is_its_own_batchs():
    model, batches = captured(), [batch(3, seed) for seed in range(4)]
    losses = [model(**one).loss for one in batches]
    torch.testing.assert_close(losses, [Model()(**one).loss for one in batches])


@pytest.mark.usefixtures("plain_loss")
def test_what_is_not_a_tensor_is_part_of_the_shape():
    model = captured()
    for seed in range(4):
        model(**batch(3, seed), use_cache=seed % 2 == 0)
    assert model.calls == 2 * 4


@pytest.mark.usefixtures("plain_loss")
def test_evaluation_runs_eagerly():
    model = captured()
    for seed in range(3):
        model(**batch(3, seed))
    model.calls = 0
    with torch.no_grad():
        assert not model(**batch(3, 3)).loss.requires_grad
    model.eval()
    assert model(**batch(3, 3)).loss == Model()(**batch(3, 3)).loss
    assert model.calls == 2


@pytest.mark.usefixtures("plain_loss")
def test_shapes_beyond_the_most_run_eagerly(monkeypatch):
    monkeypatch.setattr(graphs, "_MOST_SHAPES", 2)
    model = captured()
    for rows in (1, 2, 3):
        for seed in range(3):
            model(**batch(rows, seed))
    assert model.calls == 4 + 4 + 3
    model(**batch(1, 9))
    assert model.calls == 4 + 4 + 3


LATER = {
    "loss": lambda model, loss: loss * (1 if model.calls < 3 else 1.02),
    "gradients": lambda model, loss: loss + (model.calls > 2) * (shift(model) - shift(model).detach()),
    "not a number": lambda model, loss: loss * (1 if model.calls < 3 else torch.nan),
}


def shift(model):
    return model.learned.weight.sum()


@pytest.mark.usefixtures("plain_loss")
@pytest.mark.parametrize("spoil", LATER.values(), ids=LATER)
def test_a_replay_that_comes_to_something_else_is_refused(spoil):
    model = captured(spoil)
    model(**batch(3, 0))
    with pytest.raises(GraphError, match="replayed, the loss is"):
        model(**batch(3, 1))


@pytest.mark.usefixtures("plain_loss")
def test_a_batch_whose_loss_is_too_small_to_compare_runs_eagerly():
    """Its gradients are rounding, in which replay and eager pass may differ; the next one is captured."""
    model, calls = captured(lambda model, loss: loss * (1e-6 if model.calls in (2, 3) else 1)), []
    for seed in range(6):
        model(**batch(3, seed))
        calls.append(model.calls)
    assert calls == [1, 2, 3, 6, 6, 6]


@pytest.mark.usefixtures("plain_loss")
def test_a_small_loss_that_can_be_compared_is_captured():
    model = captured(lambda model, loss: 1e-3 * loss)
    losses = [float(model(**batch(3, seed)).loss.detach()) for seed in range(3)]
    assert min(losses) > graphs._COMPARABLE_LOSS and max(losses) < graphs._SMALL_LOSS and model.calls == 4


@pytest.mark.usefixtures("plain_loss")
def test_a_batch_without_labels_runs_eagerly():
    model = captured(lambda model, loss: 0 * loss)
    losses = [float(model(**batch(3, seed)).loss.detach()) for seed in range(3)]
    assert losses == [0, 0, 0] and model.calls == 3


@pytest.mark.usefixtures("plain_loss")
def test_a_loss_that_is_no_number_is_not_blamed_on_the_replay():
    """Training stops at it, and names the rows."""
    model = captured(lambda model, loss: torch.nan * loss)
    assert all(model(**batch(3, seed)).loss.isnan() for seed in range(3))
    assert model.calls == 4


@pytest.mark.usefixtures("plain_loss")
def test_a_model_that_returns_its_logits_is_refused():
    model = captured()
    model.logits = torch.zeros(3)
    model(**batch(3, 0))
    with pytest.raises(GraphError, match="returns its logits"):
        model(**batch(3, 1))


@pytest.mark.usefixtures("plain_loss")
def test_an_empty_tensor_stands_for_no_logits():
    model = captured()
    model.logits = torch.zeros(0)
    for seed in range(3):
        model(**batch(3, seed))
    assert model.calls == 4


def create_causal_mask(rows):
    """What transformers' modules have under this name: it looks at a tensor, which no capture may do."""
    MASKS.append(rows)
    return torch.ones(rows, 1)


MASKS: list = []


@pytest.mark.usefixtures("plain_loss")
def test_masks_are_made_once_for_each_shape():
    """Before the capture, which is handed what the pass before it made; eager passes make their own."""

    def masked(model, loss):
        return loss * create_causal_mask(3).mean()

    MASKS.clear()
    model, made = captured(masked), []
    for seed in range(4):
        model(**batch(3, seed))
        made.append(len(MASKS))
    assert made == [1, 3, 3, 3]  # eagerly; eagerly and once to warm up; none while capturing or replaying


@pytest.mark.usefixtures("plain_loss")
def test_padding_is_not_masked_in_a_capture():
    """Rows are filled up at their ends, so that a mask differs from batch to batch of one shape."""

    class Masked(Model):
        def forward(self, attention_mask=None, **given):
            seen.append(attention_mask is not None)
            return super().forward(**given)

    seen, model = [], Masked()
    capture(model, [], 0)
    for seed in range(3):
        model(**batch(3, seed), attention_mask=torch.ones(3, 4 + seed))
    assert seen == [True, True, False, False]


@pytest.mark.usefixtures("plain_loss")
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RuntimeError("operation not permitted\nwhen stream is capturing"), GraphError),
        (ValueError("operation not permitted"), GraphError),
        (torch.OutOfMemoryError("CUDA out of memory"), torch.OutOfMemoryError),
        (KeyError("what this model's own code does not take"), GraphError),
    ],
)
def test_what_stops_a_capture(tape, error, kind):
    """What a graph cannot hold is told from lack of memory."""

    def spoil(model, loss):
        if tape.capturing:
            raise error
        return loss

    model = captured(spoil)
    model(**batch(3, 0))
    with pytest.raises(kind) as caught:
        model(**batch(3, 1))
    assert type(caught.value) is kind and "\n" not in str(caught.value)


def test_a_capture_has_the_loss_that_does_not_wait(unsloths_loss):
    """The eager pass keeps Unsloth's."""
    seen = []
    model = captured(lambda model, loss: (seen.append(unsloths_loss._chunked_ce), loss)[1])
    for seed in range(3):
        model(**batch(3, seed))
    assert [loss == "Unsloth's own" for loss in seen] == [True, True, False, False]


class Packed(torch.nn.Module):
    """Learns from what its one weight makes of Unsloth's attention."""

    def __init__(self, dispatch):
        super().__init__()
        self.weight, self.dispatch = torch.nn.Parameter(torch.tensor([1.0])), dispatch

    def forward(self, inputs, position_ids, packed_seq_lengths, num_items_in_batch):
        values = (inputs * self.weight)[:, None, :, None]
        given = {"config": SimpleNamespace(**PLAIN)}
        given["context"] = SimpleNamespace(**NO_WINDOW, positions=position_ids)
        sums = self.dispatch._run_attention(**given, Q=values, K=values, V=values)
        return Output((sums**2).sum() / num_items_in_batch, None)

    def get_decoder(self):
        return self


def sums(query, keys, values, bounds, *others, window_size):
    """In attention's place: each token's sum over its row so far. Like a kernel, asks for no number."""
    places = torch.arange(len(values))
    rows = torch.bucketize(places, bounds, right=True)
    same = (rows[:, None] == rows) & (places[:, None] >= places)
    return torch.einsum("qk,khd->qhd", same.to(values.dtype), values)


def sums_by_positions(*, config, context, Q, K, V):
    """The same where the rows start at position 0, as Unsloth would know them from their lengths."""
    [starts] = torch.where(context.positions[0] == 0)
    return sums(*(x[0].transpose(0, 1) for x in (Q, K, V)), starts, window_size=(-1, 0))[None]


@pytest.mark.usefixtures("plain_loss")
def test_a_replayed_batch_keeps_its_own_rows_apart(monkeypatch):
    """Packs of one total length are one shape, however many rows each holds."""
    packs = [[3, 5, 4], [12], [2] * 7, [8, 6], [4, 4, 4, 3]]
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", sums)
    dispatch = unsloths_attention(monkeypatch, sums_by_positions)
    usual, model = Packed(dispatch), Packed(dispatch)
    capture(model, packs, 16)
    torch.manual_seed(0)
    for number, pack in enumerate(packs):
        given = {"position_ids": positions(pack, 16), "packed_seq_lengths": torch.tensor(pack)}
        given |= {"inputs": torch.randn(1, 16), "num_items_in_batch": 5 + number}
        given["inputs"][:, sum(pack) :] = 0  # what fills up teaches nothing
        losses = [one(**given).loss for one in (model, usual)]
        for loss in losses:
            loss.backward()
        torch.testing.assert_close(*losses)
        torch.testing.assert_close(model.weight.grad, usual.weight.grad)
