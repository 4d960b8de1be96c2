"""Random data sets for the tests of split and audit, and an oracle that compares all pairs."""

import random
from itertools import product

from rapidfuzz import fuzz

from qaloom.files import write_lines
from qaloom.records import Row, row_id
from qaloom.split.facts import Relation, Statement, comparison_of
from qaloom.text.normalize import comparison_key

SETTINGS = {"by": "answer", "unseen_fraction": 0.25, "recall_fraction": 0.4, "probes": 5, "seed": 7}
T = 0.9

_NOUNS = [
    "본원",
    "구내식당",
    "수강료",
    "도서관",
    "집결지",
    "통근버스",
    "library",
    "permit",
    "harness",
    "respirator",
    "deadline",
]
_FORMS = (
    "{}의 위치는 어디인가요?", "{} {} 신청은 언제까지 해야 하나요?",
    "{}을 이용하려면 {} 몇 번으로 연락하나요?",
    "What is the number of the {} in the {} building?", "How much does the {} {} cost?", "{} {}?",
)  # fmt: skip


def random_rows(rng, facts):
    """Rows of `facts` facts, one to five wordings each, many of them near-equal within and across facts."""
    rows = []
    for _ in range(facts):
        answer, group = _answer(rng), rng.choice("abcdefgh")
        rows += [_row(_question(rng), answer, group, rng) for _ in range(rng.choice((1, 1, 2, 3, 5)))]
    return list(
        {
            (comparison_key(r.instruction), comparison_key(r.input), comparison_key(r.output)): r
            for r in rows
        }.values()
    )


def with_paraphrases(rng, rows):
    """Some rows reworded at random, so that many a paraphrase lies near a row on another side."""
    taken = {(comparison_key(r.instruction), comparison_key(r.input)) for r in rows}
    made = []
    for parent in rows:
        question = _question(rng) if rng.random() < 0.5 else _typo(rng, rng.choice(rows).instruction)
        if rng.random() < 0.6 and (comparison_key(question), comparison_key(parent.input)) not in taken:
            taken.add((comparison_key(question), comparison_key(parent.input)))
            made.append(_row(question, parent.output, parent.group, rng, parent))
    return [*rows, *made]


def write(folder, rows):
    """Write rows.jsonl and clusters.jsonl as dedup would; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "rows.jsonl", rows)
    write_lines(folder / "clusters.jsonl", _clusters([r for r in rows if not r.parent]))
    return folder / "rows.jsonl", folder / "clusters.jsonl"


def leaks(places, rows, by):
    """Every broken promise, by comparing all pairs with the definition of a fact; `rows` holds probes, too."""
    made = {row.id: Statement(row) for row in rows}
    comparison = comparison_of([made[row.id] for row in rows if row.origin == "data"], T)
    parts = {
        part: [i for i, p in places.items() if p.split == part] for part in ("train", "recall", "unseen")
    }
    found = [("no part", i) for i in set(places).difference(*parts.values())]
    for held, taught in product(parts["unseen"], parts["train"]):
        data = made[held].row.origin == made[taught].row.origin == "data"
        if data and comparison.relation(made[held], made[taught]) == Relation.SAME_FACT:
            found.append(("both sides", held, taught))
        if by == "document" and places[held].group == places[taught].group:
            found.append(("document", held, taught))
    for identity in parts["recall"]:
        near = places[identity].near
        if places[near].split != "train" or not comparison.states_answer(made[identity], made[near]):
            found.append(("untaught", identity, near))
    return found


def _question(rng):
    form = rng.choice(_FORMS)
    question = form.format(*(f"{rng.choice(_NOUNS)} {rng.randrange(30)}" for _ in range(form.count("{}"))))
    return _typo(rng, question) if rng.random() < 0.3 else question


def _answer(rng):
    short = rng.choice(("3층", "5월 1일", "blue", "예", f"{rng.randrange(60)}번"))
    long = f"{rng.choice(_NOUNS)} 안내 데스크 옆 {rng.randrange(40)}호실에서 오전 9시부터 받습니다"
    return rng.choice((short, long, _typo(rng, long)))


def _typo(rng, text):
    at = rng.randrange(len(text))
    return text[:at] + rng.choice(("", "x", "가")) + text[at + 1 :]


def _row(question, answer, group, rng, parent=None):
    input = parent.input if parent else rng.choice(("", "", "", "아래 표를 보고 답하세요: 가 1, 나 2"))
    made = ("augmented", parent.id, "rules") if parent else ("data", "", "")
    return Row(
        row_id(question, input, answer),
        question,
        input,
        answer,
        f"{group}.jsonl",
        rng.randrange(1, 999),
        group,
        "{}",
        *made,
    )


def _clusters(rows):
    """Question clusters by plain search over all pairs."""
    cluster = {row.id: row.id for row in rows}
    keys = {row.id: comparison_key(f"{row.instruction}\n{row.input}") for row in rows}
    links = [
        (a.id, b.id)
        for i, a in enumerate(rows)
        for b in rows[i + 1 :]
        if fuzz.ratio(keys[a.id], keys[b.id], score_cutoff=100 * T - 1e-6) >= 100 * T - 1e-6
    ]
    for one, other in links:
        old, new = cluster[one], cluster[other]
        if old != new:
            cluster = {k: new if v == old else v for k, v in cluster.items()}
    return [{"id": identity, "cluster": name} for identity, name in cluster.items()]


def seeded(number):
    return random.Random(number)
