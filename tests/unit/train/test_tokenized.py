"""What a row teaches, the order of rows, packs, and the part that is kept to validate."""

import itertools
import math
from collections import Counter
from random import Random
from string import ascii_letters

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Indel
from tiny_model import make_tokenizer

from qaloom.errors import TrainingError
from qaloom.inference.prompt import Example, prompt_ids, stop_ids
from qaloom.text.normalize import comparison_key
from qaloom.train.tokenized import (
    cut,
    end_ids,
    features,
    filled,
    packed,
    parts,
    row_order,
    tokenise,
    validation,
)


def row(answer, question="주소?", id="00000000000000ab"):
    return {"id": id, "instruction": question, "input": "", "output": answer}


def shortened(rows, tokenizer, kind, limit):
    return cut(*tokenise(rows, tokenizer, kind), limit, end_ids(tokenizer, kind))[1]


# What a row teaches


@pytest.mark.parametrize("kind", ["chat", "plain"])
def test_a_row_teaches_its_answer_and_its_end_alone(kind):
    tokenizer = make_tokenizer("llama3")
    [one] = shortened([row("가람시")], tokenizer, kind, 512)
    taught = features(one)
    prompt = prompt_ids(tokenizer, kind, "주소?")
    assert taught["input_ids"][: len(prompt)] == prompt
    assert taught["labels"][: len(prompt)] == [-100] * len(prompt)
    learned = taught["labels"][len(prompt) :]
    assert learned == taught["input_ids"][len(prompt) :]
    assert tokenizer.decode(learned[:-1]) == "가람시" and learned[-1] in stop_ids(tokenizer, kind)
    assert len(taught["attention_mask"]) == len(taught["labels"]) == len(taught["input_ids"])


def test_answers_that_are_too_long_are_cut_and_counted(capsys):
    tokenizer = make_tokenizer("plain")
    short, long = shortened([row("가"), row("가" * 500)], tokenizer, "plain", 64)
    assert len(long.prompt) + len(long.completion) == 64
    assert long.completion[-1] != tokenizer.eos_token_id == short.completion[-1]
    assert "1 of 2 rows are longer than max_length 64; their answers are cut" in capsys.readouterr().err


def test_rows_of_exactly_the_length_are_whole(capsys):
    tokenizer = make_tokenizer("plain")
    [one] = shortened([row("가람시")], tokenizer, "plain", 512)
    length = len(one.prompt) + len(one.completion)
    assert shortened([row("가람시")], tokenizer, "plain", length) == [one]
    assert capsys.readouterr().err == ""


def test_a_question_without_room_for_its_answer_is_left_out_and_counted(capsys):
    rows = [row("가"), row("나", "왜" * 100)]
    [kept] = shortened(rows, make_tokenizer("plain"), "plain", 64)
    assert kept == shortened(rows[:1], make_tokenizer("plain"), "plain", 64)[0]
    said = capsys.readouterr().err
    assert "1 of 2 rows are left out, as their questions alone reach max_length 64" in said
    assert rows[1]["id"] in said


def test_no_end_token_left_to_learn_is_an_error():
    with pytest.raises(TrainingError, match="no row keeps its end token"):
        shortened([row("가" * 500)], make_tokenizer("plain"), "plain", 64)


# The order of rows


@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=60),
    batch=st.integers(1, 12),
    epochs=st.sampled_from([0.3, 1, 2, 2.5]),
)
def test_each_row_comes_once_an_epoch(lengths, batch, epochs):
    order = row_order(lengths, batch, epochs, 7)
    assert len(order) == max(1, round(epochs * len(lengths)))
    times = Counter(order)
    assert set(times) <= set(range(len(lengths)))
    assert max(times.values()) <= math.ceil(epochs)
    if epochs == int(epochs):
        assert [times[row] for row in range(len(lengths))] == [epochs] * len(lengths)
    assert order == row_order(lengths, batch, epochs, 7)


def test_a_step_holds_rows_of_similar_length():
    lengths = [10] * 33 + [300] * 31
    steps = [row_order(lengths, 8, 4, 7)[start : start + 8] for start in range(0, 4 * 64, 8)]
    assert sum(len({lengths[row] for row in step}) == 2 for step in steps) <= 4


def test_another_seed_and_another_epoch_have_another_order():
    lengths = list(range(100))
    order = row_order(lengths, 4, 2, 7)
    assert order != row_order(lengths, 4, 2, 8)
    assert order[:100] != order[100:]


# Steps counted in tokens


@given(
    lengths=st.lists(st.integers(1, 100), min_size=1, max_size=60),
    tokens=st.integers(100, 400),
    epochs=st.sampled_from([0.5, 1, 2]),
)
def test_a_step_never_exceeds_its_tokens_and_no_row_is_lost(lengths, tokens, epochs):
    steps = filled(lengths, tokens, epochs, 7)
    assert all(0 < sum(lengths[row] for row in step) <= tokens for step in steps)
    order = [row for step in steps for row in step]
    assert len(order) == max(1, round(epochs * len(lengths)))
    if epochs == int(epochs):
        assert Counter(order) == {row: epochs for row in range(len(lengths))}
    for step, following in itertools.pairwise(steps):  # each is as full as the next row allows
        assert sum(lengths[row] for row in step) + lengths[following[0]] > tokens
    assert steps == filled(lengths, tokens, epochs, 7)


def test_a_row_longer_than_a_step_is_an_error():
    with pytest.raises(TrainingError, match="500 tokens, more than effective_tokens 400"):
        filled([20, 500], 400, 1, 7)


@given(lengths=st.lists(st.integers(1, 100), min_size=1, max_size=30), count=st.integers(1, 8))
def test_a_steps_parts_hold_all_its_rows_in_about_equal_tokens(lengths, count):
    step = list(range(len(lengths)))
    held = parts(step, lengths, count)
    assert len(held) == count and sorted(row for part in held for row in part) == step
    totals = [sum(lengths[row] for row in part) for part in held]
    assert max(totals) <= sum(lengths) / count + max(lengths)  # what the plan reckons with


def test_a_pack_keeps_its_rows_apart_and_an_empty_one_teaches_nothing():
    pack = packed([Example([1, 2], [3]), Example([4], [5, 6])], pad=0)
    assert pack == {
        "input_ids": [1, 2, 3, 4, 5, 6],
        "labels": [-100, -100, 3, -100, 5, 6],
        "seq_lengths": [3, 3],
    }
    assert set(packed([], pad=0)["labels"]) == {-100}


# The validation part


def test_each_fact_keeps_a_wording_in_training():
    rows = [row(f"답 {n % 12}.", f"질문 {n}?", f"{n:016x}") for n in range(200)]
    rest, kept = validation(rows, 0.3, 7)
    assert sorted(r["id"] for r in rest + kept) == sorted(r["id"] for r in rows)
    assert 30 <= len(kept) <= 90
    assert {comparison_key(r["output"]) for r in rest} == {comparison_key(r["output"]) for r in rows}
    assert validation(rows, 0, 7) == (rows, [])


def test_a_fact_with_one_wording_is_never_kept_back():
    rows = [row(f"답 {n}", f"질문 {n}?", f"{n:016x}") for n in range(50)]
    assert validation(rows, 0.5, 7) == (rows, [])


def test_near_equal_questions_stay_on_one_side():
    """Facts of two unlike wordings, the first of which has a near-duplicate."""
    rows = []
    for fact in range(40):
        for number, word in enumerate(
            "".join(Random(f"{fact} {n}").sample(ascii_letters, 20)) for n in (0, 1)
        ):
            rows.append(row(f"답 {fact}", word, f"{fact:08x}{number:08x}"))
        rows.append(row(f"답 {fact}", rows[-2]["instruction"] + "x", f"{fact:08x}{2:08x}"))
    rest, kept = validation(rows, 0.3, 7)
    assert len(kept) >= 10 and any(r["id"].endswith("2") for r in kept)
    assert not near(rest, kept)
    assert {r["output"] for r in rest} == {r["output"] for r in rows}


QUESTIONS = st.text("ab", min_size=8, max_size=14)


def near(one, other, at=0.9):
    keys = [[comparison_key(r["instruction"]) for r in part] for part in (one, other)]
    return [pair for pair in itertools.product(*keys) if Indel.normalized_similarity(*pair) >= at]


@settings(deadline=None)
@given(st.lists(st.tuples(QUESTIONS, st.integers(0, 3)), max_size=25), st.floats(0.1, 1))
def test_no_validated_question_is_near_a_trained_one(found, fraction):
    """Against all pairs; every fact keeps a wording, and no row is lost."""
    rows = [row(f"답 {fact}", question, f"{n:016x}") for n, (question, fact) in enumerate(found)]
    rest, kept = validation(rows, fraction, 7)
    assert not near(rest, kept)
    assert {r["output"] for r in rest} == {r["output"] for r in rows}
    assert sorted(r["id"] for r in [*rest, *kept]) == [r["id"] for r in rows]


@settings(deadline=None)
@given(st.integers(0, 39))
def test_a_row_that_goes_moves_no_row_of_another_fact(gone):
    rows = [row(f"답 {n % 8}", f"질문 {n}?", f"{n:016x}") for n in range(40)]
    kept = {r["id"] for r in validation(rows, 0.3, 7)[1] if int(r["id"], 16) % 8 != gone % 8}
    fewer = [r for n, r in enumerate(rows) if n != gone]
    assert kept == {r["id"] for r in validation(fewer, 0.3, 7)[1] if int(r["id"], 16) % 8 != gone % 8}


def test_a_row_that_the_template_changes_is_left_out_with_its_reason(capsys):
    tokenizer = make_tokenizer("chatml")
    tokenizer.chat_template = tokenizer.chat_template.replace("m.content", "m.content | replace('x', 'y')")
    rows = [
        {"id": "1", "instruction": "ab", "input": "", "output": "c"},
        {"id": "2", "instruction": "axb", "input": "", "output": "c"},
        {"id": "3", "instruction": "ab", "input": "", "output": "xc"},
    ]
    kept, examples = tokenise(rows, tokenizer, "chat")
    assert [row["id"] for row in kept] == ["1"] and len(examples) == 1
    assert (
        "2 of 3 rows are left out; the first is 2: the model's chat template changes"
        in capsys.readouterr().err
    )
    with pytest.raises(TrainingError, match="no row can be put into the model's prompt; 2: "):
        tokenise(rows[1:], tokenizer, "chat")
