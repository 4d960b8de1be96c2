"""Arms of bench_wordings.py: what each trains on, beside one wording a fact.

Made on a machine with the language tools, and written to one file: a machine that trains needs none of them.
`arms` of the result holds rows and, where an arm has its own, settings of training and adapter.
"""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import yaml

from qaloom.augment.forms import forms_of
from qaloom.augment.paraphrase_filters import content_words
from qaloom.config.settings import FormSettings
from qaloom.records import Row, row_id
from qaloom.text.keywords import search_words
from qaloom.text.rephrase import rewrite

FACTS = Path(__file__).resolve().parents[1] / "tests/data/facts.yaml"
WORDINGS = (
    4  # of a fact that counts here: the first is trained, the second is the true rewording, two are asked
)
Fact = dict[str, Any]
Rows = list[dict[str, str]]

FRAMES = {
    "en": ["I have a question. {}", "{} Please answer briefly.", "A customer asks: {}", "Hello! {}",
           "Could you help me? {}", "For my notes: {}", "{} Thanks.", "Quick question: {}"],
    "ko": ["질문이 있습니다. {}", "{} 짧게 답해 주세요.", "고객이 묻습니다. {}", "안녕하세요. {}",
           "좀 도와주세요. {}", "메모해 두려고 합니다. {}", "{} 감사합니다.", "급합니다. {}"],
}  # fmt: skip


def facts() -> list[Fact]:
    """The demo's facts with four wordings that ask without a text beside them."""
    found = yaml.safe_load(FACTS.read_text(encoding="utf-8"))["facts"]
    return [fact for fact in found if sum(isinstance(w, str) for w in fact["wordings"]) == WORDINGS]


def row(fact: Fact, question: str, answer: str | None = None) -> dict[str, str]:
    output = fact["answer"] if answer is None else answer
    return {"id": row_id(question, "", output), "instruction": question, "input": "", "output": output}


def prepared(given: dict[str, list[dict[str, str]]], base: Path) -> dict[str, Any]:
    """All arms, with the questions that every arm is asked; `given` are wordings by name: fact and question."""
    known = facts()
    asked = [
        row(fact, question) | {"fact": fact["id"], "language": fact["lang"]}
        for fact in known
        for question in fact["wordings"][2:]
    ]
    return {
        "asked": asked,
        "arms": {name: arm(known, parts) for name, parts in chosen(known, given, base).items()},
    }


def arm(known: Sequence[Fact], parts: dict[str, Any]) -> dict[str, Any]:
    """The rows of an arm, each once, and its settings."""
    rows = [
        made for fact in known for made in [row(fact, fact["wordings"][0]), *further(fact, parts["from"])]
    ]
    of_id = {made["id"]: made for made in rows}
    return {"rows": list(of_id.values())} | {key: value for key, value in parts.items() if key != "from"}


def further(fact: Fact, sources: Sequence[Callable[[Fact], Rows]]) -> Rows:
    return [made for source in sources for made in source(fact)]


def chosen(
    known: Sequence[Fact], given: dict[str, list[dict[str, str]]], base: Path
) -> dict[str, dict[str, Any]]:
    """Sources of rows, and settings, by the arm's name."""
    own = Generators(known, base)
    of = {name: first(own.source(name)) for name in own.NAMES}
    of |= {name: from_rows(rows) for name, rows in given.items()}
    arms: dict[str, dict[str, Any]] = {"one": {"from": []}}
    arms |= {name: {"from": [source]} for name, source in of.items()}
    arms |= {" + ".join(names): {"from": [of[name] for name in names]} for names in TOGETHER}
    for name in given:
        arms[f"rules + {name}"] = {"from": [of["rules"], of[name]]}
        arms[f"rules + keywords + {name}"] = {"from": [of["rules"], of["keywords"], of[name]]}
    counted = ["rules", "keywords", *given]
    arms |= {f"{name}, {n} a fact": {"from": [first(of[name], n)]} for n, name in product((1, 2, 4), counted)}
    arms |= {f"one ({name})": {"from": [], **settings} for name, settings in SETTINGS.items()}
    return arms


TOGETHER = (
    ("rules", "keywords"),
    ("rules", "statement", "reverse"),
    ("rules", "keywords", "statement"),
    ("rules", "keywords", "statement", "reverse"),
    ("rules", "keywords", "cloze"),
    ("true", "rules", "keywords"),
)
SETTINGS: dict[str, dict[str, Any]] = {
    "noise 5": {"training": {"neftune_noise_alpha": 5}},
    "dropout .1": {"lora": {"dropout": 0.1}},
    "rate .0003": {"training": {"learning_rate": 0.0003}},
}


def first(source: Callable[[Fact], Rows], most: int | None = None) -> Callable[[Fact], Rows]:
    return lambda fact: source(fact)[:most]


def from_rows(rows: Sequence[dict[str, str]]) -> Callable[[Fact], Rows]:
    """Wordings that something else wrote, as {fact, question}."""
    return lambda fact: [row(fact, one["question"]) for one in rows if one["fact"] == fact["id"]]


def made_forms(known: Sequence[Fact]) -> list[Row]:
    """All forms of augment.forms of the first wordings; `parent` is the fact's name."""
    rows = [Row(fact["id"], fact["wordings"][0], "", fact["answer"], "", 1, "", "{}") for fact in known]
    return forms_of(rows, FormSettings(statement=True, reverse=True, cloze=True, keywords=8))


class Generators:
    """Rows of each kind from a fact's first wording and its answer."""

    NAMES = (
        "rules", "statement", "reverse", "cloze", "keywords", "true", "dropout", "frames", "typos", "neighbours",
    )  # fmt: skip

    def __init__(self, known: Sequence[Fact], base: Path):
        self.made = made_forms(known)
        self.stems = {f["id"]: {w.stem for w in content_words(f["wordings"][0])} for f in known}
        self.near = _Neighbours(base)

    def source(self, name: str) -> Callable[[Fact], Rows]:
        made: Callable[[Fact], Rows] = getattr(self, name.replace(" ", "_"))
        return made

    def rules(self, fact: Fact) -> Rows:
        return [row(fact, text) for text in rewrite(fact["wordings"][0])]

    def true(self, fact: Fact) -> Rows:
        return [row(fact, fact["wordings"][1])]

    def statement(self, fact: Fact) -> Rows:
        return self._forms(fact, "statement")

    def reverse(self, fact: Fact) -> Rows:
        return self._forms(fact, "reverse")

    def cloze(self, fact: Fact) -> Rows:
        return self._forms(fact, "cloze")

    def keywords(self, fact: Fact) -> Rows:
        return self._forms(fact, "keywords")

    def _forms(self, fact: Fact, kind: str) -> Rows:
        """Rows of augment.forms."""
        made = [form for form in self.made if form.parent == fact["id"] and form.provider == kind]
        return [row(fact, form.instruction, form.output) for form in made]

    def dropout(self, fact: Fact) -> Rows:
        """The question without some of its words; what is left names the fact."""
        random, words = Random(fact["id"]), fact["wordings"][0].rstrip("?. ").split()
        texts = [" ".join(w for w in words if random.random() > 0.4) for _ in range(100)]
        kept = [text for text in dict.fromkeys(texts) if text and self._names(fact, text)]
        return [row(fact, text) for text in kept[:8]]

    def frames(self, fact: Fact) -> Rows:
        return [row(fact, frame.format(fact["wordings"][0])) for frame in FRAMES[fact["lang"]]]

    def typos(self, fact: Fact) -> Rows:
        return [row(fact, _mistyped(fact["wordings"][0], Random(f"{fact['id']} {n}"))) for n in range(8)]

    def neighbours(self, fact: Fact) -> Rows:
        """A word in three replaced by one with a near embedding."""
        return [
            row(fact, self.near.replaced(fact["wordings"][0], Random(f"{fact['id']} {n}"))) for n in range(8)
        ]

    def _names(self, fact: Fact, text: str) -> bool:
        """Whether the content words of a text stand together in this fact's question alone."""
        stems = {word.stem for word in content_words(text)}
        others = (of for name, of in self.stems.items() if name != fact["id"])
        return bool(stems) and not any(stems <= of for of in others)


def _mistyped(text: str, random: Random) -> str:
    """One letter in twelve lost, doubled or changed in place with the next."""
    letters = list(text)
    for at in random.sample(range(1, len(letters) - 1), max(1, len(letters) // 12)):
        way = random.randrange(3)
        if way == 0:
            letters[at] = ""
        elif way == 1:
            letters[at] *= 2
        else:
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters)


class _Neighbours:
    """Words whose embeddings are near, by a base model's own token embeddings; none without its folder."""

    def __init__(self, base: Path):
        import torch
        from safetensors import safe_open

        from qaloom.inference.prompt import load_tokenizer

        with safe_open(base / "model.safetensors", "pt") as weights:
            table = weights.get_tensor("model.embed_tokens.weight").float()
        self.ids = load_tokenizer(base)
        words = ((text[1:], at) for text, at in self.ids.get_vocab().items() if text[0] == _SPACE)
        self.at = {word: at for word, at in words if word.isalpha() and word.isascii() and word.islower()}
        self.words = list(self.at)
        self.table = torch.nn.functional.normalize(table[list(self.at.values())], dim=1)

    def replaced(self, question: str, random: Random) -> str:
        """The question with a third of its words, at least one, replaced by near ones."""
        words = question.split()
        may = [n for n, word in enumerate(words) if self.near(word.strip("?.,").lower())]
        for n in random.sample(may, max(1, len(may) // 3)) if may else ():
            bare = words[n].strip("?.,")
            words[n] = words[n].replace(bare, random.choice(self.near(bare.lower())))
        return " ".join(words)

    def near(self, word: str) -> list[str]:
        if word not in self.at or not search_words(word):
            return []
        scores = self.table @ self.table[self.words.index(word)]
        found = [self.words[n] for n in scores.topk(9).indices.tolist()]
        return [one for one in found if not one.startswith(word[:4])][:4]


_SPACE = "\u0120"  # before a word in the tokens of byte-level BPE
