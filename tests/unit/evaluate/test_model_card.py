"""The model card: valid for the hub, and as truthful as the metrics."""

import msgspec
import pytest
from huggingface_hub import ModelCard
from predictions import prediction

from qaloom.evaluate.judge_figures import summarise_verdicts
from qaloom.evaluate.model_card import CardManifest, model_card
from qaloom.evaluate.results import (
    Forgetting,
    Judgement,
    JudgeMetrics,
    Paired,
    PromptQuality,
    RetrievalComparison,
    Verdict,
)
from qaloom.evaluate.summary import compare_lookup, perplexity, summarise
from qaloom.records import SplitManifest
from qaloom.trained_run import BaseOrigin

TRAINED = {
    "prompt": "plain",
    "settings": {
        "method": "lora",
        "lora": {"r": 16, "alpha": None, "dropout": 0, "target_modules": ["q_proj", "v_proj"]},
        "training": {"epochs": 3, "learning_rate": 0.0002, "effective_batch": 8},
    },
    "versions": {"torch": "2.14.1"},
    "automatic": ["training.epochs"],
}
SPLIT = {
    "train": {"rows": 361, "origins": {"data": 149, "augmented": 212}, "sha256": "68c4" * 16},
    "recall": {"rows": 124},
    "unseen": {"rows": 45},
    "facts": {"train": 53},
}


@pytest.fixture
def card(tmp_path):
    def card(
        origin="hub:org/Model@main",
        licence="apache-2.0",
        languages=("ko", "en"),
        unseen=0,
        light=False,
        **more,
    ):
        predictions = [prediction((0.0, 1.0), language=language, light=light) for language in languages * 5]
        predictions += [prediction(split="unseen") for _ in range(unseen)]
        tried = {"chat": PromptQuality(0.25, 0.25, 0.5), "plain": PromptQuality(0.0, 0.0, 0.1)}
        metrics = msgspec.structs.replace(
            summarise(predictions), base_prompt="chat", base_prompts=tried, **more
        )
        base, out = (
            BaseOrigin(origin=origin, licence=licence, sha256="1" * 64),
            tmp_path / "out" / "README.md",
        )
        trained, split = msgspec.convert(TRAINED, CardManifest), msgspec.convert(SPLIT, SplitManifest)
        model_card("demo", metrics, base, trained, split, out)
        return ModelCard.load(out)

    return card


def test_its_head_is_what_the_hub_reads(card):
    data = card().data.to_dict()
    assert data["base_model"] == "org/Model"
    assert data["license"] == "apache-2.0"
    assert data["language"] == ["en", "ko"]
    assert data["library_name"] == "peft"


@pytest.mark.parametrize("origin", ["path:/home/kim/model", "embedded:smollm2-135m-instruct"])
def test_a_model_that_the_hub_does_not_know_is_named_in_the_text_alone(card, origin):
    assert card(origin).data.base_model is None
    assert f"`{origin}`" in card(origin).text


def test_the_table_says_base_tuned_and_interval(card):
    rows = [line for line in card(unseen=4).text.splitlines() if line.startswith("| ")]
    assert rows[2].startswith("| recall | 10 | right | 0.00 | 1.00 | +1.00 (+")
    assert rows[3].startswith("| recall | 10 | exact match | 0.00 | 1.00 | +1.00 (+")
    assert rows[6].startswith("| unseen | 4 | right | 0.00 | 0.00 | +0.00 (-")
    assert rows[10].startswith("| recall, wordings of the sources | 10 | right |")


def test_light_questions_stand_apart(card):
    """They count for nothing, and the hub gets no figure of them."""
    found = card(light=True)
    assert "| recall | 0 | | not available | not available | every question is light |" in found.text
    assert "| light questions | 10 | right | 0.00 | 1.00 |" in found.text
    assert not found.data.eval_results


def test_looking_up_stands_beside_tuning(card):
    asked = [prediction((0.0, 1.0)) for _ in range(20)]
    text = card(lookup=compare_lookup(asked)).text
    assert "the answer of the nearest training question is right on 0.00 of the recall questions" in text
    assert "Tuning adds to that." in text
    as_good = compare_lookup([prediction((1.0, 1.0)) for _ in range(20)])
    assert "For such questions tuning adds nothing to that." in card(lookup=as_good).text


def test_the_hub_gets_the_figures_too(card):
    results = card(unseen=4).data.eval_results
    assert {(r.dataset_name, r.metric_type): r.metric_value for r in results}[
        ("held-out questions (recall)", "exact_match")
    ] == 1.0
    assert len(results) == 8


def test_it_names_data_and_method(card):
    text = card().text
    assert "361 training rows (149 data, 212 augmented) on about 53 facts; held out: 124 recall" in text
    for line in (
        "- LoRA rank: 16",
        "- alpha: 32",
        "- learning rate: 0.0002",
        "- epochs: 3 (auto)",
        "- torch: 2.14.1",
    ):
        assert line in text


def test_it_says_what_the_other_checks_found(card):
    retrieval = RetrievalComparison(4, 3, "exact_match", {}, "both", "tuning", False, None, None, None, None)
    none = perplexity([])
    text = card(retrieval=retrieval, forgetting=Forgetting(30, none, none, Paired(), "lost")).text
    assert (
        "contained the reference with the tuned model with retrieved training rows, then with the tuned"
        in text
    )
    assert "though that may be chance" in text
    assert "On 30 general prompts it has lost most" in text
    assert "general prompts" not in card().text


def judged(first="right", orders=("tuned", "tuned")):
    verdict = Verdict(first) if first else None
    judgement = Judgement(None, verdict, "tuned" if orders else None, list(orders))
    return summarise_verdicts("large", [prediction((0.0, 1.0), judge=judgement)])


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            JudgeMetrics("large", 1, why="server", detail="x"),
            "was not available: its server did not answer, or refused.",
        ),
        (JudgeMetrics("large", 0, why="no_question"), "had no held-out question to judge."),
        (judged(None, ()), "gave no verdict that could be read."),
        (judged(None), "preferred, shown both answers in both orders, the tuned one 1 times"),
        (judged(orders=()), "judged no question as a whole."),
    ],
)
def test_what_a_judge_that_found_little_found(card, found, words):
    assert f"The judge `large` {words}" in card(judge=found).text


def test_what_is_not_known_is_said_to_be_so(card):
    text = card(licence=None, languages=("other",)).text
    assert "| unseen | 0 | | not available |" in text
    assert "Licence of the base model: not named in its card." in text


def test_it_says_how_to_ask(card):
    text = card().text
    assert "Ask it in the `plain` prompt" in text
    assert 'make ask RUN=demo Q="..."' in text
    assert "answered in its chat prompt" in text
    assert "(chat: right 0.25, plain: right 0.00)" in text
