"""Evaluate, whole, on the tiny model: what is asked of whom, what is kept, what is written."""

import json

import pytest
import torch
from huggingface_hub import ModelCard
from tiny_model import make_tokenizer

import qaloom.evaluate
from qaloom.errors import DataError
from qaloom.evaluate import _Disabled, evaluate
from qaloom.files import digest, read_json, read_lines, write_json, write_lines
from qaloom.generate import load
from qaloom.metrics import SCORES
from qaloom.prompt import prompt_ids

SETTINGS = {
    "max_new_tokens": 6,
    "origins": ["data", "rule", "augmented"],
    "max_questions": 100,
    "resamples": 200,
    "seed": 7,
}
ROWS = [
    # id, split, origin, document, question, input, answer
    ("01", "recall", "data", "a", "본원의 주소는?", "", "가람시"),
    ("02", "recall", "rule", "b", "Where is it?", "The institute.", "Lantern Street"),
    ("03", "recall", "data", "a", "a", "", "b"),
    ("04", "unseen", "data", "c", "Who?", "", "Kim"),
]


@pytest.fixture
def split(tmp_path):
    folder = tmp_path / "split"
    fields = ("id", "split", "origin", "group", "instruction", "input", "output")
    rows = [dict(zip(fields, row, strict=True)) for row in ROWS]
    keys, places = ("id", "instruction", "input", "output"), ("id", "split", "origin", "group")
    for part in ("recall", "unseen"):
        write_lines(folder / f"{part}.jsonl", [{k: r[k] for k in keys} for r in rows if r["split"] == part])
    write_lines(folder / "placement.jsonl", [{k: r[k] for k in places} for r in rows])
    return folder


@pytest.fixture
def run(split, tiny, tuned, tmp_path):
    """Evaluate the adapter, with other settings where they are given."""

    def run(**settings):
        adapter, out, cache = tuned / "results/train/demo", tmp_path / "out", tmp_path / "cache"
        return evaluate("demo", split, tiny, adapter, out, SETTINGS | settings, cache)

    return run


@pytest.fixture
def loads(monkeypatch):
    """The models that were loaded."""
    seen = []

    def counted(*arguments):
        seen.append(arguments)
        return load(*arguments)

    monkeypatch.setattr(qaloom.evaluate, "load", counted)
    return seen


def test_a_run_is_evaluated_and_written(run, tmp_path):
    metrics = run()
    out = tmp_path / "out"
    assert sorted(p.name for p in out.iterdir()) == ["README.md", "metrics.json", "predictions.jsonl"]
    assert read_json(out / "metrics.json") == metrics
    assert (metrics["recall"]["n"], metrics["unseen"]["n"]) == (3, 1)
    assert set(metrics["recall"]["exact_match"]) >= {"base", "tuned", "difference", "low", "high"}
    assert set(metrics["by"]) == {"origin", "language", "document"}
    assert (metrics["prompt"], metrics["run"]) == ("chat", "demo")
    first = read_lines(out / "predictions.jsonl")[1]
    assert first["question"] == "Where is it?\n\nThe institute."
    assert (first["id"], first["split"], first["origin"], first["document"]) == ("02", "recall", "rule", "b")
    assert (first["reference"], first["language"]) == ("Lantern Street", "en")
    assert set(first["scores"]) == set(SCORES) and set(first["cut"]) == {"base", "tuned"}
    assert ModelCard.load(out / "README.md").data.license == "mit"


def test_one_model_is_loaded_and_none_when_all_is_kept(run, loads):
    first = run()
    assert len(loads) == 1
    assert run() == first
    assert len(loads) == 1


def test_another_run_of_the_same_base_asks_the_base_nothing(run, tuned, loads, monkeypatch, tmp_path):
    run()
    asked = []
    real = _Disabled.generate
    monkeypatch.setattr(_Disabled, "generate", lambda self, **given: asked.append(1) or real(self, **given))
    manifest = tuned / "results/train/demo/manifest.json"
    before = manifest.read_text()
    try:
        write_json(manifest, read_json(manifest) | {"adapter": "2" * 64})
        run()
    finally:
        manifest.write_text(before)
    assert len(loads) == 2 and not asked


def test_a_longer_answer_is_another_answer(run, loads):
    run()
    run(max_new_tokens=7)
    assert len(loads) == 2


def test_the_base_answers_without_the_adapter(tiny, tuned):
    both, base = load(tiny, tuned / "results/train/demo"), load(tiny)
    prompt = torch.tensor([prompt_ids(base.tokenizer, "chat", "본원의 주소는?")])
    given = {"input_ids": prompt, "max_new_tokens": 20, "do_sample": False, "pad_token_id": 0}
    said = [model.generate(**given).tolist() for model in (base.model, _Disabled(both.model), both.model)]
    assert said[0] == said[1] != said[2]
    assert both.model.generate(**given).tolist() == said[2]  # and the adapter is back afterwards


def test_predictions_are_what_the_models_say(run, tiny, tuned, tmp_path):
    run()
    loaded = load(tiny, tuned / "results/train/demo")
    prompt = torch.tensor([prompt_ids(loaded.tokenizer, "chat", "a")])
    ids = loaded.model.generate(
        input_ids=prompt, max_new_tokens=6, do_sample=False, eos_token_id=4, pad_token_id=0
    )[0, prompt.shape[1] :]
    said = loaded.tokenizer.decode(ids, skip_special_tokens=True).strip()
    assert {p["id"]: p["tuned"] for p in read_lines(tmp_path / "out/predictions.jsonl")}["03"] == said


@pytest.mark.parametrize("better", ["chat", "plain"])
def test_the_base_is_counted_in_the_prompt_that_serves_it_better(run, split, tmp_path, better):
    run()
    kept = {path: read_lines(path) for path in (tmp_path / "cache").iterdir()}
    assert len(kept) == 3  # tuned; base in its chat template; base in the plain prompt
    tokenizer = make_tokenizer("chatml")
    wanted = {digest(prompt_ids(tokenizer, better, row[4], row[5])): row[6] for row in ROWS}
    for path, answers in kept.items():
        for answer in answers:
            if answer["prompt"] in wanted:
                answer["text"] = wanted[answer["prompt"]]
        write_lines(path, answers)
    metrics = run()
    assert metrics["base_prompt"] == better
    assert metrics["recall"]["exact_match"]["base"] == 1.0
    assert {p["base_prompt"] for p in read_lines(tmp_path / "out/predictions.jsonl")} == {better}


def test_at_most_so_many_questions_of_each_part_are_asked(run, tmp_path):
    metrics = run(max_questions=2)
    assert (metrics["recall"]["n"], metrics["unseen"]["n"]) == (2, 1)
    assert [p["id"] for p in read_lines(tmp_path / "out/predictions.jsonl")] == ["01", "02", "04"]


def test_one_empty_part_is_well(run, split):
    (split / "unseen.jsonl").write_text("")
    assert run()["unseen"]["n"] == 0


def test_no_held_out_question_is_an_error_that_names_the_remedy(run, split, tmp_path):
    for part in ("recall", "unseen"):
        (split / f"{part}.jsonl").write_text("")
    with pytest.raises(DataError, match=r"no held-out question; add rows, or raise split.recall_fraction"):
        run()
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_a_killed_evaluation_leaves_no_metrics_of_an_earlier_one(run, split, tmp_path):
    run()
    (split / "placement.jsonl").write_text(json.dumps({"id": "01"}) + "\n")
    with pytest.raises(KeyError):
        run()
    assert not (tmp_path / "out" / "metrics.json").exists()
