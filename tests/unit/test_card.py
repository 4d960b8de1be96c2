"""The model card: valid for the hub, and as truthful as the metrics."""

import pytest
from huggingface_hub import ModelCard

from qaloom.card import model_card
from qaloom.metrics import SCORES
from qaloom.scores import summarise


def prediction(number, split, language="ko", base=0.0, tuned=1.0):
    return {
        "id": str(number), "split": split, "origin": "data", "language": language, "document": "d",
        "cut": {"base": False, "tuned": False},
        "scores": {
            name: {"base": base, "tuned": tuned} for name in SCORES
        },
        "reference": "가람시",
    }  # fmt: skip


@pytest.fixture
def card(tmp_path):
    def card(origin="hub:org/Model@main", licence="apache-2.0", languages=("ko", "en"), unseen=0):
        predictions = [prediction(n, "recall", language) for n, language in enumerate(languages * 5)]
        predictions += [prediction(n, "unseen", tuned=0.0) for n in range(unseen)]
        metrics = summarise(predictions, 200, 7) | {"base_prompt": "chat"}
        base, out = {"origin": origin, "licence": licence}, tmp_path / "out" / "README.md"
        model_card("demo", metrics, base, {"prompt": "plain"}, out)
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
    assert rows[2].startswith("| recall | 10 | 0.00 | 1.00 | +1.00 (+")
    assert rows[3].startswith("| unseen | 4 | 0.00 | 0.00 | +0.00 (-")


def test_what_is_not_known_is_said_to_be_so(card):
    text = card(licence=None, languages=("other",)).text
    assert "| unseen | 0 | not available |" in text
    assert "Licence of the base model: not named in its card." in text


def test_it_says_how_to_ask(card):
    text = card().text
    assert "Use it** with the `plain` prompt" in text
    assert 'make ask RUN=demo Q="..."' in text
    assert "answered in its chat prompt" in text
