"""Each score against its official rules, written out anew here, or its reference implementation."""

import random
import re
import string
import unicodedata
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from kiwipiepy import Kiwi
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import CHRF

from qaloom.evaluate.metrics import (
    SCORES,
    char_f1,
    chrf,
    exact_match,
    korquad_normal,
    rouge_l,
    squad_normal,
    token_f1,
)

MODULES = Path(__file__).parents[3] / "scripts/qaloom/evaluate/hf_modules"
WORDS = [
    "가람시", "솔내구", "물빛로", "27", "1,200원", "3.5%", "-5도", "KS-X-1001", "9:30", "본원의", "은",
    "(한양)", "‘훈민정음’", "《삼국사기》", "〈별〉", "「법」", "“독도”", "예·아니오", "the", "A", "an",
    "Lantern", "Street,", "U.S.A.", "it's", "theatre", "e-mail", "２０２４", "ㄱㄴ", "ㅋㅋ", "한글",
    "2024.3.5", "...", "!?", "\t", "서울(한양)",
]  # fmt: skip


def cases(n: int = 300) -> list[tuple[str, str]]:
    """Pairs of Hangul, Latin, digits and punctuation: the reference changed a little, or another text."""
    chance = random.Random(7)
    pairs = []
    for _ in range(n):
        reference = [chance.choice(WORDS) for _ in range(chance.randint(0, 6))]
        said = list(reference) if chance.random() < 0.7 else [chance.choice(WORDS) for _ in range(3)]
        for _ in range(chance.randint(0, 2)):
            said.insert(chance.randint(0, len(said)), chance.choice(WORDS))
        if said and chance.random() < 0.3:
            said.pop(chance.randrange(len(said)))
        pairs.append((chance.choice(["", " "]).join(said), " ".join(reference)))
    return pairs


PAIRS = cases()


def korquad_official(text: str) -> str:
    """evaluate-v1.0.py, rule by rule: each mark to a space, lower case, no ASCII punctuation, one space."""
    for mark in ["'", '"', "《", "》", "<", ">", "〈", "〉", "(", ")", "‘", "’"]:
        text = text.replace(mark, " ")
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(text.split())


def squad_official(text: str) -> str:
    """evaluate-v1.1.py: lower case, no ASCII punctuation, articles to spaces, one space."""
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def official_f1(said: list[str], wanted: list[str]) -> float:
    same = sum((Counter(said) & Counter(wanted)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(said), same / len(wanted)
    return 2 * precision * recall / (precision + recall)


def characters(text: str) -> list[str]:
    return [c for word in korquad_official(text).split() for c in word]


def test_there_are_enough_cases_of_every_kind() -> None:
    text = "".join(map("".join, PAIRS))
    assert len(set(PAIRS)) > 200
    assert all(mark in text for mark in "《》〈〉()‘’「“·%-,.:")
    scored = [exact_match(*pair) for pair in PAIRS]
    assert 30 < sum(scored) < 270


@pytest.mark.parametrize("pair", PAIRS)
def test_korquad_and_squad_agree_with_the_official_rules(pair: tuple[str, str]) -> None:
    said, reference = pair
    for text in pair:
        assert korquad_normal(text) == korquad_official(text)
        assert squad_normal(text) == squad_official(text)
    assert exact_match(said, reference) == (korquad_official(said) == korquad_official(reference))
    assert char_f1(said, reference) == pytest.approx(official_f1(characters(said), characters(reference)))
    words = squad_official(said).split(), squad_official(reference).split()
    assert token_f1(said, reference) == pytest.approx(official_f1(*words))


class Morphemes:
    """A tokenizer for rouge_score: Kiwi's morphemes that hold a letter or digit."""

    def __init__(self) -> None:
        self.kiwi = Kiwi(num_workers=1)

    def tokenize(self, text: str) -> list[str]:
        found = (token.form for token in self.kiwi.tokenize(unicodedata.normalize("NFC", text).lower()))
        return [form for form in found if any(c.isalnum() for c in form)]


def test_rouge_agrees_with_rouge_score_on_words_and_on_morphemes() -> None:
    words, parts = RougeScorer(["rougeL"]), RougeScorer(["rougeL"], tokenizer=Morphemes())
    seen = Counter()
    for said, reference in PAIRS:
        korean = any("가" <= c <= "힣" or "ㄱ" <= c <= "ㅎ" for c in reference)
        ascii_only = (said + reference).isascii()
        if korean or ascii_only:
            scorer = parts if korean else words
            official = scorer.score(reference, said)["rougeL"].fmeasure
            ours = rouge_l(said, reference)
            assert (0 if ours is None else ours) == pytest.approx(official), (said, reference)
            seen[korean] += 1
    assert seen[True] > 150 and seen[False] > 10


@pytest.mark.parametrize(
    ("said", "reference", "score"),
    [
        ("police kill the gunman", "police killed the gunman", 0.75),  # Lin 2004, section 3.1
        ("the gunman kill police", "police killed the gunman", 0.5),
        ("문서를 제출합니다.", "문서를 제출해야 합니다.", 2 * 5 / (5 + 7)),  # without 어야 하
        ("", "가람시", 0),
        ("무엇", "...", None),
    ],
)
def test_rouge_by_hand(said: str, reference: str, score: float | None) -> None:
    assert rouge_l(said, reference) == (None if score is None else pytest.approx(score))


def chrf_by_hand(said: str, reference: str) -> float:
    """chrF++ from its definition: mean F2 over the orders that both texts are long enough for."""
    letters = ["".join(text.split()) for text in (said, reference)]
    words = [text.split() for text in (said, reference)]
    precision, recall = [], []
    for parts, orders in ((letters, range(1, 7)), (words, range(1, 3))):
        for order in orders:
            grams = [Counter(tuple(p[i : i + order]) for i in range(len(p) - order + 1)) for p in parts]
            if grams[0] and grams[1]:
                same = (grams[0] & grams[1]).total()
                precision.append(same / grams[0].total())
                recall.append(same / grams[1].total())
    p, r = (sum(x) / len(x) if x else 0 for x in (precision, recall))
    return 5 * p * r / (4 * p + r) if p + r else 0.0


@pytest.mark.parametrize(
    ("said", "reference"),
    [
        ("가람시 솔내구", "가람시 솔내구 물빛로 27"),
        ("물빛로 27", "물빛로 72"),
        ("the cat sat", "the cat sat on the mat"),
        ("가", "나"),
        ("본원", "본원"),
    ],
)
def test_chrf_follows_its_definition(said: str, reference: str) -> None:
    assert chrf(said, reference) == pytest.approx(chrf_by_hand(said, reference))


def test_chrf_is_sacrebleus() -> None:
    official = CHRF(word_order=2)
    for said, reference in PAIRS:
        expected = official.sentence_score(said, [reference]).score / 100 if reference.strip() else None
        assert chrf(said, reference) == expected


@pytest.fixture(scope="module")
def evaluate() -> ModuleType:
    """Hugging Face's library, whose import takes seconds: not while tests are collected."""
    import evaluate

    return evaluate


def test_the_evaluate_module_gives_the_same_means(evaluate: ModuleType) -> None:
    said, wanted = zip(*PAIRS, strict=True)
    every = evaluate.load(str(MODULES / "qa_scores")).compute(predictions=said, references=wanted)
    assert list(every) == list(SCORES)
    for name, score in SCORES.items():
        values = [v for v in map(score, said, wanted) if v is not None]
        alone = evaluate.load(str(MODULES / "qa_scores"), name)
        found = alone.compute(predictions=said, references=wanted)
        assert found == {name: pytest.approx(sum(values) / len(values))} == {name: every[name]}


def test_the_evaluate_module_knows_what_is_not_available(evaluate: ModuleType) -> None:
    numbers = evaluate.load(str(MODULES / "qa_scores"), "number_accuracy")
    assert numbers.compute(predictions=["모름"], references=["모름"]) == {"number_accuracy": None}
    with pytest.raises(KeyError, match="there are right, exact_match"):
        evaluate.load(str(MODULES / "qa_scores"), "bleu")


def test_evaluate_modules_combine(evaluate: ModuleType) -> None:
    both = evaluate.combine([evaluate.load(str(MODULES / "qa_scores"), n) for n in ("char_f1", "rouge_l")])
    found = both.compute(predictions=["서울의"], references=["서울"])
    assert found == {"char_f1": pytest.approx(0.8), "rouge_l": pytest.approx(2 / 3)}
