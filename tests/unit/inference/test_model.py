"""Answers: the same in any batch, in order, kept as they come, asked once."""

from functools import wraps
from types import SimpleNamespace

import pytest
import torch
from tiny_model import make_tokenizer

from qaloom.errors import DeviceError, ModelError
from qaloom.evaluate.model_pair import _Disabled
from qaloom.inference.answers import answers
from qaloom.inference.decoding import greedy
from qaloom.inference.model import LoadedModel, load_model, optimize_for_cpu
from qaloom.inference.prefix_batch import PrefixBatch
from qaloom.inference.prompt import prompt_ids, stop_ids
from qaloom.inference.scheduler import _TOKEN_BUDGET, Scheduler

QUESTIONS = [
    "주소?",
    "What is the address of the institute?",
    "a",
    "본원의 주소는 어디인가요?",
    "Where? " * 12,
]


class Reading:
    """Notes the size of each group that is read; above `most` rows there is no memory."""

    def __init__(self, most=1000):
        self.most, self.groups, self.real = most, [], Scheduler._prefill

    def __call__(self, asking, rows, shared):
        self.groups.append(len(rows))
        if len(rows) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.real(asking, rows, shared)


@pytest.fixture(scope="module")
def loaded(tiny):
    return load_model(tiny)


@pytest.fixture
def ask(loaded, tmp_path, monkeypatch):
    """Ask the questions; `ask.read` counts, `ask.kept` is the file, `ask.seen` what advance was given."""

    def ask(questions=QUESTIONS, new=12, stop=None):
        prompts = [prompt_ids(loaded.tokenizer, "chat", q) for q in questions]
        stop = stop_ids(loaded.tokenizer, "chat") if stop is None else stop
        return answers(lambda: loaded, prompts, stop, new, ask.kept, ask.seen.append)

    def fresh(most=1000, **given):
        ask.kept.unlink(missing_ok=True)
        ask.read.most, ask.read.groups = most, []
        return ask(**given)

    ask.kept, ask.seen, ask.read, ask.fresh = tmp_path / "cache" / "kept.jsonl", [], Reading(), fresh
    monkeypatch.setattr(Scheduler, "_prefill", lambda *given: ask.read(*given))
    # Equal answers are equal, however long they took.
    monkeypatch.setattr("qaloom.inference.scheduler.time", SimpleNamespace(monotonic=lambda: 0))
    return ask


def ends(loaded):
    """Stop tokens of which some answers hit one early, some late, some never."""
    said = plain_answers(loaded, 20)
    return sorted({ids[i] for i, ids in zip((0, 3, 9, 15), said, strict=False)})


def plain_answers(loaded, new):
    ids = [torch.tensor([prompt_ids(loaded.tokenizer, "chat", q)]) for q in QUESTIONS]
    return [greedy(*loaded, [], new, input_ids=i)[0, i.shape[1] :].tolist() for i in ids]


@pytest.fixture
def of_another_kind(monkeypatch):
    """The model counts as one whose rows cannot go on together."""
    monkeypatch.setattr("qaloom.inference.scheduler.prefix_cache", lambda model, ids: None)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("budget", [1, 150, 300, 16_384])
def test_answers_are_those_of_plain_generate(ask, loaded, monkeypatch, request, together, budget):
    """In groups and places of any size; some leave early, and others take their places."""
    stop = ends(loaded)
    if not together:
        request.getfixturevalue("of_another_kind")
    monkeypatch.setitem(_TOKEN_BUDGET, "cpu", budget)
    given = ask(new=20, stop=stop)
    for answer, ids in zip(given, plain_answers(loaded, 20), strict=True):
        end = next((i for i, token in enumerate(ids) if token in stop), None)
        assert (answer.ids, answer.cut) == (ids[:end], end is None)
        assert answer.new_tokens == len(ids[:end]) + (end is not None)
    assert len({answer.new_tokens for answer in given}) > 2


def test_a_padded_group_is_alike_in_length(ask, of_another_kind, monkeypatch):
    monkeypatch.setattr("qaloom.inference.scheduler._MIN_LENGTH_RATIO", 0)
    together = ask()
    assert ask.read.groups == [5]
    monkeypatch.setattr("qaloom.inference.scheduler._MIN_LENGTH_RATIO", 0.8)
    assert ask.fresh() == together
    assert len(ask.read.groups) > 2 and sum(ask.read.groups) == 5


def test_the_beginning_is_read_once(ask, loaded, monkeypatch):
    together, widths = ask(), []
    real = loaded.model.forward

    @wraps(real)  # generate looks at what it takes
    def forward(**given):
        widths.append(given["input_ids"].shape)
        return real(**given)

    monkeypatch.setattr(loaded.model, "forward", forward)
    assert ask.fresh() == together
    known = 3  # what all prompts begin with
    assert widths[0] == (1, known)
    tokens = sum(answer.prompt_tokens - known for answer in together)
    assert widths[1][0] == 1 and tokens - 5 < widths[1][1] < tokens  # two begin with a W
    assert widths[2] == (5, 1)


def test_free_places_are_taken_by_those_that_wait(ask, loaded, monkeypatch):
    monkeypatch.setitem(_TOKEN_BUDGET, "cpu", 120)
    given = ask(list("abcdefghijkl"), new=20, stop=ends(loaded))
    assert len(given) == 12 and 2 < len(ask.read.groups) < 12


@pytest.mark.parametrize("cache", ["cannot be joined", "cannot be parted"])
def test_a_model_whose_memory_of_the_prompt_is_of_another_kind(ask, loaded, monkeypatch, request, cache):
    stop = ends(loaded)
    together = ask(new=20, stop=stop)
    request.getfixturevalue("of_another_kind")
    if cache == "cannot be parted":
        monkeypatch.delattr("transformers.cache_utils.Cache.reorder_cache")
    assert ask.fresh(new=20, stop=stop) == together


def test_an_adapter_is_merged_and_answers_alike(tiny, tuned):
    plain = load_model(tiny, tuned / "results/train/demo")
    said = plain_answers(plain, 20)
    quick = optimize_for_cpu(load_model(tiny, tuned / "results/train/demo"))
    assert plain_answers(quick, 20) == said
    assert not any("lora" in name for name, _ in quick.model.named_parameters())


@pytest.mark.parametrize("adapter", ["on", "off"])
def test_an_adapter_that_stays_apart_answers_alike(ask, tiny, tuned, monkeypatch, adapter):
    """As on a GPU, where one model with an adapter turned off is the base model, too."""
    apart = load_model(tiny, tuned / "results/train/demo")
    model = apart.model if adapter == "on" else _Disabled(apart.model)
    prompts = [prompt_ids(apart.tokenizer, "chat", q) for q in QUESTIONS]
    assert Scheduler(LoadedModel(model, apart.tokenizer), {"a": prompts[0]}, [], 4).prefix() is not None
    given = answers(lambda: LoadedModel(model, apart.tokenizer), prompts, [], 20, ask.kept, ask.seen.append)
    of_base = plain_answers(load_model(tiny), 20)
    assert [answer.ids for answer in given] == plain_answers(LoadedModel(model, apart.tokenizer), 20)
    assert ([answer.ids for answer in given] == of_base) == (adapter == "off")


def test_sixteen_bits_are_not_merged(tiny, tuned):
    loaded = load_model(tiny, tuned / "results/train/demo")
    loaded.model.to(torch.bfloat16)
    assert optimize_for_cpu(loaded) is loaded


def test_an_answer_knows_what_it_took(ask, loaded):
    (answer,) = ask(["a"], new=5, stop=[])
    assert answer.cost() == {
        "prompt_tokens": len(prompt_ids(loaded.tokenizer, "chat", "a")),
        "new_tokens": 5,
        "seconds": 0,
    }


def test_order_is_the_questions_and_not_the_batches(ask):
    one_way, other_way = ask(), None
    ask.kept.unlink()
    other_way = ask(QUESTIONS[::-1])
    assert other_way == one_way[::-1]


def test_places_are_as_many_as_the_budget_allows(ask, monkeypatch):
    monkeypatch.setitem(_TOKEN_BUDGET, "cpu", 200)
    ask()
    assert sum(ask.read.groups) == 5 and max(ask.read.groups) < 5
    assert ask.read.groups == sorted(ask.read.groups)  # the longest prompts come first


def test_kept_answers_are_not_asked_again_and_load_no_model(ask, loaded):
    first = ask()

    def no_model():
        raise AssertionError("loaded")

    prompts = [prompt_ids(loaded.tokenizer, "chat", q) for q in QUESTIONS]
    assert answers(no_model, prompts, [4], 12, ask.kept, ask.seen.append) == first
    assert ask.seen[-1] == 5


def test_a_new_question_alone_is_asked(ask):
    first = ask(QUESTIONS[:3])
    assert ask()[:3] == first
    assert ask.read.groups == [3, 2]
    assert ask.seen == [0, 3, 3, 5]


def test_a_line_that_a_kill_cut_short_is_asked_again(ask):
    first = ask()
    content = ask.kept.read_bytes()
    ask.kept.write_bytes(content[:-7])
    assert ask() == first
    assert ask.read.groups == [5, 1]
    assert ask() == first
    assert ask.read.groups == [5, 1]


def test_a_kill_loses_no_answer_that_is_there(ask, monkeypatch):
    monkeypatch.setitem(_TOKEN_BUDGET, "cpu", 1)

    def killed(*given):
        if len(ask.read.groups) == 3:
            raise KeyboardInterrupt
        return ask.read(*given)

    with monkeypatch.context() as until, pytest.raises(KeyboardInterrupt):
        until.setattr(Scheduler, "_prefill", killed)
        ask()
    assert len(ask.kept.read_text("utf-8").splitlines()) == 3
    ask()
    assert ask.read.groups == [1] * 5


def test_equal_prompts_are_asked_once(ask):
    given = ask(["a", "b", "a", "a"])
    assert ask.read.groups == [2]
    assert given[0] == given[2] == given[3] != given[1]
    assert ask.seen == [0, 4]


def test_an_answer_at_the_length_limit_is_cut(ask):
    assert [answer.cut for answer in ask(stop=[])] == [True] * 5


def test_an_answer_ends_before_its_end_token(ask, loaded):
    prompt = torch.tensor([prompt_ids(loaded.tokenizer, "chat", "a")])
    ids = greedy(loaded.model, loaded.tokenizer, [], 12, input_ids=prompt)[0, prompt.shape[1] :].tolist()
    end = next(token for token in ids if token != ids[0])
    ended, _ = ask(["a", QUESTIONS[1]], stop=[end])
    assert not ended.cut
    assert ended.text == loaded.tokenizer.decode(ids[: ids.index(end)], skip_special_tokens=True).strip()


def test_memory_that_does_not_suffice_halves_the_places(ask):
    alike = list("abcdefg")
    whole = ask(alike)
    assert ask.fresh(most=2, questions=alike) == whole
    assert ask.read.groups == [7, 3, 1, 1, 1, 1, 1, 1, 1]


def test_memory_that_ends_while_answering_loses_no_question(ask, monkeypatch):
    whole, calls, real = ask(new=20), [], PrefixBatch.decode

    def short(going, stop):
        calls.append(len(going.rows))
        if len(calls) in (1, 3):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(going, stop)

    monkeypatch.setattr(PrefixBatch, "decode", short)
    assert ask.fresh(new=20) == whole
    assert calls[:2] == [5, 2]


def test_memory_that_does_not_suffice_for_one_is_a_line(ask):
    with pytest.raises(DeviceError, match=r"one question with its answer \(\d+ tokens\) does not fit"):
        ask.fresh(most=0)
    assert ask.read.groups == [5, 2, 1]


def test_the_models_own_settings_change_no_answer(ask, loaded, monkeypatch):
    first = ask()
    ask.kept.unlink()
    monkeypatch.setattr(loaded.model.generation_config, "repetition_penalty", 5.0)
    monkeypatch.setattr(loaded.model.generation_config, "temperature", 0.1)
    assert ask() == first


def test_nothing_to_ask_writes_nothing(ask):
    assert ask([]) == []
    assert not ask.kept.exists()


def test_greedy_passes_on_what_it_is_given(loaded):
    seen = {}
    greedy(
        SimpleNamespace(generate=lambda **given: seen.update(given)), loaded.tokenizer, [4], 7, streamer="s"
    )
    assert (seen["streamer"], seen["max_new_tokens"], seen["do_sample"]) == ("s", 7, False)


def test_a_tokenizer_without_a_padding_token_pads_with_its_end(tiny, tmp_path):
    for path in tiny.iterdir():
        (tmp_path / path.name).symlink_to(path)
    for path in tmp_path.glob("tokenizer*"):
        path.unlink()
    tokenizer = make_tokenizer("chatml")
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    assert load_model(tmp_path).tokenizer.pad_token == "<|im_end|>"


@pytest.mark.parametrize("broken", ["weights", "config", "tokenizer", "folder"])
def test_a_folder_that_cannot_be_loaded_is_one_line(tiny, tmp_path, broken):
    for path in tiny.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    name = {"weights": "model.safetensors", "config": "config.json", "tokenizer": "tokenizer.json"}.get(
        broken
    )
    if name:
        (tmp_path / name).write_bytes(b"not what it should be")
    folder = tmp_path if name else tmp_path / "gone"
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)
