"""Answers: the same in any batch, in order, kept as they come, asked once."""

from types import SimpleNamespace

import pytest
import torch
from tiny_model import make_tokenizer

from qaloom.errors import DeviceError, ModelError
from qaloom.files import read_lines
from qaloom.generate import _TOKENS_AT_ONCE, Loaded, answers, greedy, load
from qaloom.prompt import prompt_ids, stop_ids

QUESTIONS = [
    "주소?",
    "What is the address of the institute?",
    "a",
    "본원의 주소는 어디인가요?",
    "Where? " * 12,
]


class Counting:
    """A model that notes the size of each batch and, above `most`, has no memory for it."""

    def __init__(self, model, most=1000):
        self.model, self.device, self.most, self.batches = model, model.device, most, []

    def generate(self, **inputs):
        size = len(inputs["input_ids"])
        if inputs["past_key_values"] is None:  # else it goes on with a batch
            self.batches.append(size)
        if size > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.model.generate(**inputs)


@pytest.fixture(scope="module")
def loaded(tiny):
    return load(tiny)


@pytest.fixture
def ask(loaded, tmp_path, monkeypatch):
    """Ask the questions; `ask.model` counts, `ask.kept` is the file, `ask.seen` what advance was given."""

    def ask(questions=QUESTIONS, new=12, stop=None):
        prompts = [prompt_ids(loaded.tokenizer, "chat", q) for q in questions]
        stop = stop_ids(loaded.tokenizer, "chat") if stop is None else stop
        return answers(
            lambda: Loaded(ask.model, loaded.tokenizer), prompts, stop, new, ask.kept, ask.seen.append
        )

    monkeypatch.setattr("qaloom.generate._SHORTEST", 0)  # one batch, unless memory or a test says otherwise
    # Equal answers are equal, however long they took.
    monkeypatch.setattr("qaloom.generate.time", SimpleNamespace(monotonic=lambda: 0))
    ask.model, ask.kept, ask.seen = Counting(loaded.model), tmp_path / "cache" / "kept.jsonl", []
    return ask


def test_a_batch_answers_as_one_by_one(ask, monkeypatch):
    together = ask()
    assert ask.model.batches == [5]
    ask.kept.unlink()
    monkeypatch.setitem(_TOKENS_AT_ONCE, "cpu", 1)
    assert ask() == together
    assert ask.model.batches[1:] == [1] * 5
    assert len({answer.text for answer in together}) > 2


def test_answers_that_have_ended_leave_the_batch(ask, loaded, monkeypatch):
    """And the others go on as if they had been alone."""
    monkeypatch.setattr("qaloom.generate._TOKENS_A_STRETCH", 3)
    monkeypatch.setitem(_TOKENS_AT_ONCE, "cpu", 1)
    alone, sizes, real = ask(new=20), [], ask.model.generate
    ask.kept.unlink()
    monkeypatch.setitem(_TOKENS_AT_ONCE, "cpu", 8192)
    ended = sorted({token for a in alone for token in loaded.tokenizer(a.text)["input_ids"]})[:12]
    ask.model.generate = lambda **given: sizes.append(len(given["input_ids"])) or real(**given)
    together = ask(new=20, stop=ended)
    assert sizes[0] == 5 and sizes[-1] < 5 and sizes == sorted(sizes, reverse=True)
    assert len({a.new_tokens for a in together}) > 1
    ask.kept.unlink()
    monkeypatch.setitem(_TOKENS_AT_ONCE, "cpu", 1)
    assert ask(new=20, stop=ended) == together


def test_a_long_prompt_does_not_pad_all_others(ask, monkeypatch):
    together = ask()
    ask.kept.unlink()
    monkeypatch.setattr("qaloom.generate._SHORTEST", 0.5)
    assert ask() == together
    assert len(ask.model.batches) > 2 and sum(ask.model.batches) == 10


def test_a_model_whose_memory_of_the_prompt_cannot_be_parted(ask, monkeypatch):
    together = ask(new=20)
    ask.kept.unlink()
    monkeypatch.setattr("qaloom.generate._narrowed", lambda *_: None)
    assert ask(new=20) == together


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


def test_batches_are_as_large_as_the_budget_allows(ask, monkeypatch):
    monkeypatch.setitem(_TOKENS_AT_ONCE, "cpu", 200)
    ask()
    assert sum(ask.model.batches) == 5 and max(ask.model.batches) < 5
    assert ask.model.batches == sorted(ask.model.batches)  # the longest prompts come first


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
    assert ask.model.batches == [3, 2]
    assert ask.seen == [0, 3, 3, 5]


def test_a_line_that_a_kill_cut_short_is_asked_again(ask):
    first = ask()
    content = ask.kept.read_bytes()
    ask.kept.write_bytes(content[:-7])
    assert ask() == first
    assert ask.model.batches == [5, 1]
    assert ask() == first
    assert ask.model.batches == [5, 1]


def test_a_kill_between_batches_loses_none_of_those_before(ask, monkeypatch):
    monkeypatch.setitem(_TOKENS_AT_ONCE, "cpu", 1)
    real = ask.model.generate

    def killed(**inputs):
        if inputs["past_key_values"] is None and len(ask.model.batches) == 3:
            raise KeyboardInterrupt
        return real(**inputs)

    ask.model.generate = killed
    with pytest.raises(KeyboardInterrupt):
        ask()
    ask.model.generate = real
    assert len(read_lines(ask.kept)) == 3
    ask()
    assert ask.model.batches == [1] * 5


def test_equal_prompts_are_asked_once(ask):
    given = ask(["a", "b", "a", "a"])
    assert ask.model.batches == [2]
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


def test_memory_that_does_not_suffice_halves_the_batch(ask):
    alike = list("abcdefg")
    alone = ask(alike)
    ask.kept.unlink()
    ask.model = Counting(ask.model.model, most=2)
    assert ask(alike) == alone
    assert ask.model.batches == [7, 3, 1, 1, 1, 1, 1, 1, 1]


def test_memory_that_does_not_suffice_for_one_is_a_line(ask):
    ask.model = Counting(ask.model.model, most=0)
    with pytest.raises(DeviceError, match=r"one question with its answer \(\d+ tokens\) does not fit"):
        ask()
    assert ask.model.batches == [5, 2, 1]


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
    assert load(tmp_path).tokenizer.pad_token == "<|im_end|>"


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
        load(folder)
    assert "\n" not in str(caught.value)
