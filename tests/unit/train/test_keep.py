"""Keep: the term's value against plain torch, and a training on the CPU against a plain one, step by step."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from plans import run_settings
from trainings import FACTS, project

from qaloom.config.settings import RunSettings, typed
from qaloom.errors import ConfigError
from qaloom.evaluate.forgetting import PROMPTS
from qaloom.files import read_lines
from qaloom.inference.model import load_model
from qaloom.inference.prompt import load_tokenizer, stop_ids
from qaloom.text.language import language
from qaloom.text.near_pairs import near_pairs, question_key
from qaloom.train.base_answers import BaseAnswers
from qaloom.train.keep import add_gradients, answers_of_steps, batch_of, divergence
from qaloom.train.keep_prompts import general_prompts, kept_in_a_step, prompts_to_keep
from qaloom.train.planning.device import Device
from qaloom.train.stage import train
from qaloom.train.tokenized import steps_of_rows, tokenise

VOCABULARY, WIDTH = 12, 7


def some_answers(rng, likeliest):
    """Three answers with the log-probabilities of a random base model, and all of those (rows, places, tokens)."""
    counts = np.array([3, 1, 2], np.int32)
    shares = torch.tensor(rng.normal(size=(3, 3, VOCABULARY)), dtype=torch.float32).log_softmax(-1)
    top = shares.topk(likeliest, dim=-1)
    lengths, starts = np.array([7, 3, 5], np.int32), np.array([3, 1, 2], np.int32)
    ids = rng.integers(1, VOCABULARY, (3, WIDTH)).astype(np.int32)
    kept = BaseAnswers(ids, lengths, starts, counts, top.indices.numpy().astype(np.int32), top.values.numpy())
    return kept, shares


@pytest.mark.parametrize("likeliest", [1, 4, VOCABULARY - 1, VOCABULARY])
def test_the_divergence_is_that_of_the_tokens_with_all_others_as_one(likeliest):
    rng = np.random.default_rng(likeliest)
    kept, shares = some_answers(rng, likeliest)
    scores = torch.tensor(rng.normal(size=(3, WIDTH, VOCABULARY)), dtype=torch.float32, requires_grad=True)
    found = divergence(scores, batch_of(kept, [0, 1, 2], WIDTH))
    found.backward()
    expected = 0.0
    for row in range(3):
        for place in range(kept.counts[row]):
            base = shares[row, place].double().exp().numpy()
            tuned = scores[row, kept.starts[row] + place].detach().double().softmax(-1).numpy()
            kinds = [[token] for token in kept.top[row, place]]
            if others := [t for t in range(VOCABULARY) if t not in kept.top[row, place]]:
                kinds.append(others)
            for kind in kinds:
                p, q = base[kind].sum(), tuned[kind].sum()
                expected += p * np.log(p / q)
    assert float(found.detach()) == pytest.approx(expected, abs=1e-4)
    assert scores.grad.isfinite().all()


def test_equal_models_do_not_diverge():
    kept, shares = some_answers(np.random.default_rng(0), 4)
    scores = torch.zeros(3, WIDTH, VOCABULARY)
    for row in range(3):
        for place in range(kept.counts[row]):
            scores[row, kept.starts[row] + place] = shares[row, place]
    assert float(divergence(scores, batch_of(kept, [0, 1, 2], WIDTH))) == pytest.approx(0, abs=1e-5)


def test_a_transposed_gradient_is_added_as_a_fused_optimizer_wants_it():
    plain, fused = (torch.nn.Parameter(torch.ones(3, 5)) for _ in range(2))
    gradient = torch.arange(15.0, dtype=torch.bfloat16).reshape(5, 3).t()
    for parameter, is_fused in ((plain, False), (fused, True)):
        for _ in range(2):
            add_gradients([parameter], [gradient])
        torch.optim.AdamW([parameter], lr=0.1, fused=is_fused).step()
    assert torch.equal(fused.grad, 2 * gradient.float()) and fused.grad.stride() == fused.stride()
    assert torch.allclose(plain, fused)


def test_every_answer_comes_once_before_one_comes_again():
    steps = answers_of_steps(5, 2, 5, seed=1)
    assert [len(step) for step in steps] == [2] * 5
    order = [row for step in steps for row in step]
    assert sorted(order[:5]) == sorted(order[5:]) == list(range(5))
    assert steps != answers_of_steps(5, 2, 5, seed=2)


@pytest.mark.parametrize(
    ("training", "rows"),
    [
        ({"effective_batch": 8}, 2),
        ({"effective_batch": 1}, 1),
        ({"effective_tokens": 100}, 2),  # of rows of ten tokens
    ],
)
def test_the_share_is_of_a_steps_rows(training, rows):
    settings = run_settings(training=training | {"keep": {"strength": 1, "share": 0.25}})
    kept = kept_in_a_step(settings, [[1] * 5, [1] * 9], [10] * 40)
    assert kept == (rows, 9 + 48)
    assert kept_in_a_step(settings, [], [10] * 40) == (0, 0)


def test_the_built_in_prompts_are_many_in_both_languages_and_none_of_those_that_measure():
    prompts = general_prompts("built-in")
    spoken = [language(prompt) for prompt in prompts]
    assert len(prompts) >= 500 and min(spoken.count("ko"), spoken.count("en")) >= 200
    measuring = [text for texts in yaml.safe_load(PROMPTS.read_text("utf-8")).values() for text in texts]
    keys = [[question_key(text, "") for text in texts] for texts in (measuring, prompts)]
    assert not len(near_pairs(*keys, 0.8)[0])


@pytest.mark.parametrize(
    ("content", "problem"), [(b"# nothing\n\n", "holds no prompt"), (b"\xff\xfe\xff", "UTF-8")]
)
def test_a_file_without_prompts_is_refused(tmp_path, content, problem):
    path = tmp_path / "prompts.txt"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=problem):
        general_prompts(str(path))


def test_prompts_of_ones_own_are_asked_each_once(tmp_path, tiny):
    path = tmp_path / "prompts.txt"
    path.write_text("# mine\nName a color.\n\nName a color.\n" + "숲 " * 400 + "\n", "utf-8")
    settings = run_settings(training={"keep": {"strength": 1, "prompts": str(path)}})
    tokenizer = load_tokenizer(tiny)
    [ids] = prompts_to_keep(settings, tokenizer, "chat", "")
    assert "Name a color." in tokenizer.decode(ids)


# A training beside a plain one

STRENGTH, RATE, LIKELIEST = 0.7, 0.03, 64
CPU = Device("cpu", "CPU", int(8e9), int(8e9), 1)  # that computes in float32


@pytest.mark.slow
def test_the_losses_are_those_of_a_plain_training_step_by_step(tmp_path, tiny, monkeypatch):
    """All parameters are trained, so that both begin with the same ones; two answers stand beside four rows.

    Without Adam, which makes rounding of gradients near zero a whole step.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts.txt").write_text(
        "좋은 아침이에요.\nName a color.\nTwo plus two?\n숲?\n나무?\n", "utf-8"
    )
    keep = {"strength": STRENGTH, "share": 0.5, "prompts": "prompts.txt"}
    more = {
        "optimizer": "sgd",
        "scheduler": "constant",
        "warmup_steps": 0,
        "weight_decay": 0,
        "max_grad_norm": 0,
    }
    settings = project(tmp_path, tiny, keep=keep, learning_rate=RATE, **more) | {"method": "full"}
    train(
        "demo", tmp_path / "train.jsonl", Path("tiny"), Path("out"), settings, Path("cache/train"), device=CPU
    )
    history = [h for h in read_lines(tmp_path / "out/history.jsonl") if "loss" in h]
    expected = plain_losses(tiny, settings | {"lora": settings["lora"] | {"r": 1}})  # full has no rank
    assert [h["step"] for h in history] == [1, 2, 3, 4]
    assert [h["loss"] for h in history] == pytest.approx([loss for loss, _ in expected], abs=1e-4)
    assert [h["keep_loss"] for h in history] == pytest.approx([kept for _, kept in expected], abs=1e-4)
    assert expected[-1][1] > 0.01


def plain_losses(tiny, values):
    """Losses of the rows, and the term of the likeliest tokens and the rest, at each step of a plain loop."""
    settings, tokenizer = typed(values, RunSettings), load_tokenizer(tiny)
    teacher, model = (load_model(tiny).model.float() for _ in range(2))
    _, examples = tokenise(FACTS, tokenizer, "chat")
    texts = base_texts(teacher, tokenizer, prompts_to_keep(settings, tokenizer, "chat", ""))
    steps = steps_of_rows([len(e.prompt) + len(e.completion) for e in examples], settings.training)
    kept = answers_of_steps(len(texts), 2, len(steps), settings.training.seed)
    optimizer, found = torch.optim.SGD(model.parameters(), lr=RATE), []
    for rows, answers in zip(steps, kept, strict=True):
        losses = [cross_entropies(model, examples[row]) for row in rows]
        loss = torch.cat(losses).mean()
        divergences = [divergences_of(teacher, model, *texts[number]) for number in answers]
        term = STRENGTH * torch.cat(divergences).mean()
        (loss + term).backward()
        optimizer.step()
        optimizer.zero_grad()
        found.append((float(loss.detach()), float(term.detach())))
    return found


def base_texts(teacher, tokenizer, prompts):
    """Prompts and the base's greedy answers, token by token, with a last place for the end where one came."""
    texts = []
    for prompt in prompts:
        ids = list(prompt)
        for _ in range(48):
            ids.append(int(teacher(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] in stop_ids(tokenizer, "chat"):
                break
        texts.append((prompt, ids[len(prompt) :]))
    return texts


def cross_entropies(model, one):
    shares = model(torch.tensor([one.prompt + one.completion])).logits[0].log_softmax(-1)
    places = range(len(one.prompt) - 1, len(one.prompt) + len(one.completion) - 1)
    return torch.stack([-shares[at, token] for at, token in zip(places, one.completion, strict=True)])


def divergences_of(teacher, model, prompt, answer):
    ids = torch.tensor([prompt + answer])
    with torch.no_grad():
        base = teacher(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
    tuned = model(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
    top = base.topk(LIKELIEST, dim=-1).indices
    base, tuned = (
        torch.cat([x.gather(-1, top), x.exp().scatter(-1, top, 0).sum(-1, keepdim=True).log()], -1)
        for x in (base, tuned)
    )
    return (base.exp() * (base - tuned)).sum(-1)
