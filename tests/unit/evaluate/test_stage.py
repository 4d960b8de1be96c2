"""Evaluate, whole, on the tiny model: what is asked of whom, what is kept, what is written."""

import json
import shutil
import weakref

import pytest
import torch
from evaluation_case import MANIFEST, SETTINGS, TRAIN
from huggingface_hub import ModelCard
from misbehaving import misbehaving
from placements import contradiction, placement
from tiny_model import make_tokenizer

import qaloom.evaluate.model_pair
import qaloom.evaluate.stage
from qaloom.errors import ConfigError, DataError
from qaloom.evaluate.grounded import GroundedOptions
from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.metrics_json import from_json, to_json
from qaloom.evaluate.model_pair import _Disabled
from qaloom.evaluate.results import JudgeMetrics
from qaloom.evaluate.stage import Sources, evaluate
from qaloom.files import digest, read_json, read_lines, write_json, write_lines
from qaloom.inference.model import load_model, optimize_for_cpu
from qaloom.inference.prompt import prompt_ids

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
    write_lines(folder / "placement.jsonl", [placement(**{k: r[k] for k in places}) for r in rows])
    write_lines(folder / "train.jsonl", TRAIN)
    write_json(folder / "manifest.json", MANIFEST)
    write_lines(folder / "contradictions.jsonl", [])
    return folder


@pytest.fixture
def run(split, tiny, tuned, tmp_path):
    """Evaluate the adapter, with other settings where they are given."""

    def run(grounded=GroundedOptions(), **settings):
        sources = Sources(split, split / "contradictions.jsonl", tiny, tuned / "results/train/demo")
        out, cache = tmp_path / "out", tmp_path / "cache"
        return to_json(evaluate("demo", sources, out, SETTINGS | settings, cache, grounded))

    return run


@pytest.fixture
def loads(monkeypatch):
    """The models that were loaded."""
    seen = []

    def counted(*arguments):
        seen.append(arguments)
        return load_model(*arguments)

    monkeypatch.setattr(qaloom.evaluate.model_pair, "load_model", counted)
    return seen


def test_a_run_is_evaluated_and_written(run, tmp_path):
    metrics = run()
    out = tmp_path / "out"
    assert sorted(p.name for p in out.iterdir()) == [
        "README.md", "facts.jsonl", "failures.jsonl", "forgetting.jsonl", "lookalike.jsonl",
        "metrics.json", "predictions.jsonl",
    ]  # fmt: skip
    assert read_json(out / "metrics.json") == metrics == to_json(from_json(metrics))
    assert (metrics["recall"]["n"], metrics["unseen"]["n"]) == (3, 1)
    assert set(metrics["recall"]["exact_match"]) >= {"base", "tuned", "difference", "low", "high"}
    assert set(metrics["by"]) == {"wording", "kind", "language", "document", "length"}
    assert (metrics["prompt"], metrics["run"]) == ("chat", "demo")
    first = read_lines(out / "predictions.jsonl")[1]
    assert first["question"] == "Where is it?\n\nThe institute."
    assert (first["id"], first["split"], first["origin"], first["document"]) == ("02", "recall", "rule", "b")
    assert (first["reference"], first["language"]) == ("Lantern Street", "en")
    assert set(first["scores"]["right"]) == {"base", "tuned", "lookup"}
    assert set(first["scores"]) == set(SCORES) and set(first["cut"]) == {"base", "tuned"}
    assert (first["lookup"], first["looked_up"]) == ("Lantern Street", "12")
    assert (metrics["lookup"]["right"]["n"], metrics["lookup"]["helps"]) == (3, False)
    assert metrics["answer_limit"] == {"tokens": 6, "chosen": "set", "references": 4, "cut_references": 2}
    assert ModelCard.load(out / "README.md").data.license == "mit"


def test_no_model_is_loaded_when_all_is_kept(run, loads):
    first = run()
    assert len(loads) == 2  # on a CPU, one with the adapter and one without
    assert run() == first
    assert len(loads) == 2


def test_another_run_of_the_same_base_asks_the_base_nothing(run, tuned, loads, tmp_path):
    run()
    manifest = tuned / "results/train/demo/manifest.json"
    before = manifest.read_text()
    try:
        write_json(manifest, read_json(manifest) | {"adapter": "2" * 64})
        run()
    finally:
        manifest.write_text(before)
    assert len(loads) == 3  # that of the adapter alone


def test_a_longer_answer_is_another_answer(run, loads):
    run()
    run(max_new_tokens=7)
    assert len(loads) == 4


def test_auto_follows_the_lengths_and_light_questions_stand_apart(run, split, tmp_path):
    placed = read_lines(split / "placement.jsonl")
    write_lines(
        split / "placement.jsonl", [one | {"fact": "f", "light": one["id"] != "03"} for one in placed]
    )
    metrics = run(max_new_tokens="auto")
    assert metrics["answer_limit"] == {"tokens": 16, "chosen": "auto", "references": 4, "cut_references": 0}
    assert (metrics["honest"]["n"], metrics["recall"]["n"]) == (1, 3)
    assert {name: part["n"] for name, part in metrics["by"]["wording"].items()} == {"data": 1, "light": 2}
    said = read_lines(tmp_path / "out/predictions.jsonl")
    assert [(p["fact"], p["light"]) for p in said[:3]] == [("f", True), ("f", True), ("f", False)]


def test_the_base_answers_without_the_adapter(tiny, tuned):
    both, base = load_model(tiny, tuned / "results/train/demo"), load_model(tiny)
    prompt = torch.tensor([prompt_ids(base.tokenizer, "chat", "본원의 주소는?")])
    given = {"input_ids": prompt, "max_new_tokens": 20, "do_sample": False, "pad_token_id": 0}
    said = [model.generate(**given).tolist() for model in (base.model, _Disabled(both.model), both.model)]
    assert said[0] == said[1] != said[2]
    assert both.model.generate(**given).tolist() == said[2]  # and the adapter is back afterwards


def test_a_model_trained_in_full_is_evaluated_beside_its_base(split, tiny, tuned, tmp_path):
    """Here with the base's own weights, so that both answer alike."""
    full, run = tmp_path / "full", tuned / "results/train/demo"
    shutil.copytree(tiny, full, ignore=shutil.ignore_patterns("manifest.json"))
    shutil.copy(run / "plan.json", full / "plan.json")
    trained = read_json(run / "manifest.json")
    trained["settings"]["method"] = "full"
    write_json(full / "manifest.json", trained)
    sources = Sources(split, split / "contradictions.jsonl", tiny, full)
    metrics = evaluate("full", sources, tmp_path / "out", SETTINGS, tmp_path / "cache")
    assert metrics.recall.n == 3
    said = read_lines(tmp_path / "out/predictions.jsonl")
    assert {p["base_prompt"] for p in said} == {"chat"}
    assert [p["tuned"] for p in said] == [p["base"] for p in said]
    card = ModelCard.load(tmp_path / "out/README.md")
    assert card.data.library_name == "transformers"
    assert "all its parameters trained" in card.text and "LoRA" not in card.text


def test_predictions_are_what_the_models_say(run, tiny, tuned, tmp_path):
    run()
    loaded = load_model(tiny, tuned / "results/train/demo")
    prompt = torch.tensor([prompt_ids(loaded.tokenizer, "chat", "a")])
    ids = loaded.model.generate(
        input_ids=prompt, max_new_tokens=6, do_sample=False, eos_token_id=4, pad_token_id=0
    )[0, prompt.shape[1] :]
    said = loaded.tokenizer.decode(ids, skip_special_tokens=True).strip()
    assert {p["id"]: p["tuned"] for p in read_lines(tmp_path / "out/predictions.jsonl")}["03"] == said


@pytest.mark.parametrize("better", ["chat", "plain"])
def test_the_base_is_counted_in_the_prompt_that_serves_it_better(run, split, tmp_path, better):
    run()
    cached = (tmp_path / "cache").iterdir()
    kept = {path: [json.loads(line)[1] for line in path.read_bytes().splitlines()] for path in cached}
    assert len(kept) == 5  # tuned; base in its chat template and in the plain prompt; two of likelihoods
    tokenizer = make_tokenizer("chatml")
    wanted = {digest(prompt_ids(tokenizer, better, row[4], row[5])): row[6] for row in ROWS}
    for path, answers in kept.items():
        for answer in answers:
            if "text" in answer and answer["prompt"] in wanted:
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
    assert (run()["unseen"]["n"], run()["unseen"]["why"]) == (0, "nothing_held_out")


def test_look_alikes_are_asked_of_both_models(run, split, tmp_path, capsys):
    made = {"id": "l1", "instruction": "분원의 주소는?", "parent": "11", "replaced": "본원", "put_in": "분원"}
    write_lines(split / "lookalike.jsonl", [made | {"kind": "name"}])
    metrics = run()
    (line,) = read_lines(tmp_path / "out/lookalike.jsonl")
    assert set(line["answers"]) == set(line["outcomes"]) == {"base", "tuned"}
    assert line["parent"] == "11" and metrics["made_up"]["lookalike"]["n"] == 1
    assert metrics["made_up"]["unseen"]["n"] == 1
    assert "makes something up on" in capsys.readouterr().err
    assert "| lookalike | 1 | make something up |" in (tmp_path / "out/README.md").read_text("utf-8")


def test_no_held_out_question_says_why_and_what_to_change(run, split, loads, capsys):
    """The model is trained and can be used; its report says that nothing is known of it."""
    for part in ("recall", "unseen"):
        (split / f"{part}.jsonl").write_text("")
    metrics = run(retrieval={"rows": 2, "max_questions": 5})
    assert metrics["recall"]["exact_match"]["base"] is None
    assert "recall has no questions: nothing was held out; add wordings" in capsys.readouterr().err
    assert not loads


def test_held_out_questions_of_other_origins_are_named(run, capsys):
    metrics = run(origins=["augmented"])
    assert metrics["recall"]["why"] == metrics["unseen"]["why"] == "other_origins"
    assert "all that was held out is of other origins than evaluate.origins names" in capsys.readouterr().err


def test_retrieval_answers_with_rows_and_without(run, tmp_path):
    metrics = run(retrieval={"rows": 2, "max_questions": 2})
    found = metrics["retrieval"]
    assert (found["n"], found["rows"], list(found["models"])) == (
        2, 2, ["base", "tuned", "base_retrieved", "tuned_retrieved"],
    )  # fmt: skip
    assert found["prompts"] == {"base": "chat", "tuned": "chat"}
    first, second, third, unseen = read_lines(tmp_path / "out/predictions.jsonl")
    assert first["retrieved"] == ["11"] and second["retrieved"] == ["12"]
    assert {"base_retrieved", "tuned_retrieved"} <= set(second) & set(second["scores"]["char_f1"])
    assert "retrieved" not in third and "retrieved" not in unseen
    costs = [found["models"][model]["prompt_tokens"] for model in ("tuned", "tuned_retrieved")]
    assert costs[1] > 2 * costs[0]
    assert metrics["recall"]["n"] == 3


def test_forgetting_is_looked_at_in_both_languages(run, tmp_path, loads):
    metrics = run(forgetting=True)
    found = metrics["forgetting"]
    assert found["n"] == 30 and {name: one["n"] for name, one in found["by"].items()} == {"ko": 15, "en": 15}
    assert found["perplexity"]["tuned"] > found["perplexity"]["base"]
    assert found["agreement"]["base"] > 0.9 > found["agreement"]["tuned"]
    assert len(read_lines(tmp_path / "out/forgetting.jsonl")) == 30
    assert run(forgetting=True) == metrics and len(loads) == 2


def test_an_adapter_that_changes_nothing_has_forgotten_nothing(run, tuned):
    """Both models are then one."""
    import torch
    from safetensors.torch import load_file, save_file

    weights = tuned / "results/train/demo/adapter_model.safetensors"
    before = weights.read_bytes()
    try:
        same = {k: torch.zeros_like(v) if "lora_B" in k else v for k, v in load_file(weights).items()}
        save_file(same, weights)
        found = run(forgetting=True)["forgetting"]
    finally:
        weights.write_bytes(before)
    assert found["kind"] == "kept"
    assert found["agreement"]["difference"] == 0
    assert found["perplexity"]["ratio"] == found["own_answers"]["ratio"] == 1


def test_perplexity_of_the_references(run, tiny, tuned, tmp_path):
    """As transformers itself reckons it, one by one."""
    metrics = run()
    loaded = load_model(tiny, tuned / "results/train/demo")
    for prediction in read_lines(tmp_path / "out/predictions.jsonl"):
        row = next(row for row in ROWS if row[0] == prediction["id"])
        prompt = prompt_ids(loaded.tokenizer, "chat", row[4], row[5])
        text = loaded.tokenizer(row[6], add_special_tokens=False)["input_ids"]
        ids = torch.tensor([prompt + text])
        labels = torch.tensor([[-100] * len(prompt) + text])
        with torch.inference_mode():
            loss = loaded.model(input_ids=ids, labels=labels).loss.item()
        assert prediction["nll"]["tuned"] == pytest.approx(loss, abs=1e-4)
    assert metrics["recall"]["perplexity"]["tuned"] > 1


def test_wrong_answers_are_listed_with_what_was_trained(run, split, tmp_path):
    against = contradiction(("11", "a.jsonl", 1, "가람시"), ("13", "a.jsonl", 9, "나루시"))
    write_lines(split / "contradictions.jsonl", [against])
    run()
    found = {one["id"]: one for one in read_lines(tmp_path / "out/failures.jsonl")}
    assert set(found) == {"01", "02", "03"}
    assert found["01"]["nearest"] == {
        "id": "11", "question": "본원의 주소를 말해 주세요.", "answer": "가람시",
    }  # fmt: skip
    assert found["01"]["contradicted_by"] == [{"source": "a.jsonl", "line": 9, "output": "나루시"}]
    assert found["01"]["causes"][0] == "contradicted"


def test_a_judge_on_a_server(run, loads, tmp_path, capsys):
    """One that finds every answer right, and the tuned model's better."""
    with misbehaving(lambda prompt: "right" if "<answer>" in prompt else "A") as server:
        chosen = SETTINGS["judge"] | {"url": server.url, "model": "large", "retries": 0}
        metrics = run(judge=chosen)
        found = metrics["judge"]
        assert (found["questions"], found["right"]["tuned"]) == (3, 1)
        assert (found["better"]["wins"], found["better"]["disagreed"]) == (0, 3)
        assert found["agreement"]["tuned"]["judge_only"] == 3
        said = read_lines(tmp_path / "out/predictions.jsonl")
        assert [p["judge"]["better"] for p in said if p["split"] == "recall"] == ["tie"] * 3
        card = (tmp_path / "out/README.md").read_text()
        assert "`large` found the base model right on 100% and the tuned model on 100% of 3 questions" in card
        asked = len(server.seen)
        assert run(judge=chosen) == metrics and len(server.seen) == asked and len(loads) == 2
    gone = run(judge=chosen | {"model": "larger"})
    assert gone["judge"]["why"] == "server"
    assert gone["recall"] == metrics["recall"] and len(loads) == 2
    assert (
        "The judge `larger` was not available: its server did not answer, or refused."
        in (tmp_path / "out/README.md").read_text()
    )
    assert capsys.readouterr().err.count("evaluate: demo: the judge is not available") == 1


def test_no_model_is_held_while_a_judge_is_asked(run, monkeypatch):
    models, alive = [], []

    def watched(loaded):
        result = optimize_for_cpu(loaded)
        models.append(weakref.ref(result.model))
        return result

    def judged(*_):
        alive.extend(model for model in models if model())
        return JudgeMetrics("large", 3, why="no_verdict")

    monkeypatch.setattr(qaloom.evaluate.model_pair, "optimize_for_cpu", watched)
    monkeypatch.setattr(qaloom.evaluate.stage, "judge_answers", judged)
    run(judge=SETTINGS["judge"] | {"url": "http://127.0.0.1:9/v1", "model": "large"})
    assert len(models) == 2 and not alive


def test_a_judge_that_is_half_named_stops_before_a_model_is_loaded(run, loads):
    with pytest.raises(ConfigError, match=r"evaluate\.judge\.model: is missing"):
        run(judge=SETTINGS["judge"] | {"url": "http://127.0.0.1:9/v1"})
    assert not loads


def test_a_killed_evaluation_leaves_no_metrics_of_an_earlier_one(run, split, tmp_path):
    run()
    (split / "placement.jsonl").write_text(json.dumps({"id": "01"}) + "\n")
    with pytest.raises(
        DataError, match=r"placement.jsonl is damaged .*; remove it and run the workflow again"
    ):
        run()
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_the_grounded_arm_is_asked_by_choice_and_abstains_without_a_near_row(run, tmp_path):
    plain = run()
    assert "grounded" not in plain
    files = [(tmp_path / "out" / name).read_bytes() for name in ("predictions.jsonl", "lookalike.jsonl")]
    options = GroundedOptions(3, 0.2, {"ko": "모릅니다.", "en": "Unknown."})
    found = run(grounded=options)
    assert found["grounded"]["rows"] == 3 and set(found["grounded"]["parts"]) == {
        "recall",
        "unseen",
        "lookalike",
    }
    said = {one["id"]: one for one in read_lines(tmp_path / "out/predictions.jsonl")}
    assert said["01"]["grounded_on"] == ["11"] and said["04"]["grounded_on"] == []
    assert said["04"]["grounded"] == "Unknown."
    assert found["grounded"]["parts"]["unseen"]["models"]["grounded"]["abstains"]["share"] == 1
    del found["grounded"], found["sha256"], plain["sha256"]
    assert found == plain
    run()
    assert files == [
        (tmp_path / "out" / name).read_bytes() for name in ("predictions.jsonl", "lookalike.jsonl")
    ]
