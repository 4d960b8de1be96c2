"""Makes question-answer records from tables of facts, each question written out in several wordings.

A second set beside records.py, made another way: clinics, error codes, laws, products and staff rules, Korean and
English, with the truth of every record: the question that it asks and the answer that it gives.
"""

import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

PLANTED_SHARE = 0.3
MECHANICAL = ("exact", "spacing", "width", "punctuation", "ending", "notation", "typo")
DIFFERENT = ("value-changed", "name-changed", "other-asked")
CONFLICT = ("contradiction", "contradiction-reworded", "contradiction-typo")
AGREEING = ("answer-wrapped", "answer-wrapped-reworded", "reworded")
KINDS = (*MECHANICAL, *DIFFERENT, *CONFLICT, *AGREEING)
_QUESTIONS = Path(__file__).parent / "records_of_facts.yaml"


class Record(NamedTuple):
    """A record with its truth: `asked` and `answered` are equal for records that ask and answer the same."""

    question: str
    answer: str
    kind: str
    of: int | None  # position of the record that it was made from
    form: str
    asked: tuple
    answered: str


class _Fact(NamedTuple):
    entry: int
    fields: dict[str, str]
    value: int


def make_records(n: int, seed: int) -> list[Record]:
    """`n` records, the same for the same arguments; a planted one comes somewhere after its original."""
    rng = random.Random(seed)
    records: list[Record] = []
    facts: list[_Fact] = []  # of the records
    asked: set[tuple] = set()
    while len(records) < n:
        if records and rng.random() < PLANTED_SHARE:
            made = _planted(rng, records, facts, asked)
        else:
            fact = _fact(rng)
            made = _record(rng, fact, "base", "original", None), fact
        if made and (made[0].of is not None or made[0].asked not in asked):
            asked.add(made[0].asked)
            records.append(made[0])
            facts.append(made[1])
    return records


@cache
def _tables() -> dict[str, Any]:
    return yaml.safe_load(_QUESTIONS.read_text())


def _fact(rng: random.Random) -> _Fact:
    tables = _tables()
    at = rng.randrange(len(tables["questions"]))
    entry = tables["questions"][at]
    fields = {name: str(rng.choice(choices)) for name, choices in tables["slots"].items()}
    fields |= {"e": _NAMES[entry["entity"]](rng), "f": _NAMES[entry["entity"]](rng)}
    used = set(re.findall(r"{(\w+)}", entry["forms"]["base"]))
    return _Fact(at, {name: fields[name] for name in sorted(used)}, rng.randrange(1, 1000))


def _record(
    rng: random.Random, fact: _Fact, form: str, kind: str, of: int | None, answer: str = "plain"
) -> Record:
    entry = _tables()["questions"][fact.entry]
    template = entry["other"][int(form[-1])] if form.startswith("other") else entry["forms"][form]
    asked = (fact.entry, form if form.startswith("other") else "", *fact.fields.items())
    said = _ANSWERS[entry["answer"]](fact.value)
    wordings = {"plain": said[0], "notation": said[-1]}
    if answer == "wrapped":
        wordings["wrapped"] = rng.choice(_WRAPPED[entry["language"]]).format(said[0])
    return Record(template.format(**fact.fields), wordings[answer], kind, of, form, asked, said[0])


# --- planted records ----------------------------------------------------------------------------------


def _planted(
    rng: random.Random, records: list[Record], facts: list[_Fact], asked: set[tuple]
) -> tuple[Record, _Fact] | None:
    of, kind = rng.randrange(len(records)), rng.choice(KINDS)
    if records[of].kind != "original":
        return None
    fact, forms = facts[of], _tables()["questions"][facts[of].entry]["forms"]
    if kind in DIFFERENT:
        made = _different(rng, facts[of], kind, of)
        return made if made and made[0].asked not in asked else None
    conflict = kind in CONFLICT
    if conflict:
        fact = fact._replace(value=_other_value(rng, fact))
    form = "ending" if kind == "ending" else "base"
    if kind.endswith("reworded"):
        form = rng.choice([name for name in forms if name != "base"])
    answer = "wrapped" if "wrapped" in kind else "notation" if kind == "notation" else "plain"
    record = _record(rng, fact, form, kind, of, answer)
    change = _CHANGES.get(kind.rpartition("-")[2])
    if change:
        record = record._replace(question=change(rng, record.question))
    if kind in ("spacing", "width", "punctuation"):
        record = record._replace(answer=_CHANGES["punctuation"](rng, record.answer))
    unchanged = (record.question, record.answer) == records[of][:2]
    return None if unchanged and kind not in ("exact", "contradiction") else (record, fact)


def _different(rng: random.Random, fact: _Fact, kind: str, of: int) -> tuple[Record, _Fact] | None:
    """A question that looks like the one of `fact` and asks for something else, with another answer or the same."""
    value = rng.choice((fact.value, _other_value(rng, fact)))
    if kind == "other-asked":
        changed = fact._replace(value=value)
        return _record(rng, changed, f"other{rng.randrange(2)}", kind, of), changed
    names = ("e", "f") if kind == "name-changed" else tuple(name for name in fact.fields if name not in "ef")
    there = [name for name in names if name in fact.fields]
    if not there:
        return None
    name = rng.choice(there)
    other = _one_letter(rng, fact.fields[name]) if name in "ef" else str(rng.choice(_tables()["slots"][name]))
    changed = fact._replace(fields=fact.fields | {name: other}, value=value)
    return (_record(rng, changed, "base", kind, of), changed) if changed.fields != fact.fields else None


def _other_value(rng: random.Random, fact: _Fact) -> int:
    kind = _tables()["questions"][fact.entry]["answer"]
    said = _ANSWERS[kind](fact.value)[0]
    return next(v for v in iter(lambda: rng.randrange(1, 1000), None) if _ANSWERS[kind](v)[0] != said)


def _one_letter(rng: random.Random, name: str) -> str:
    """A name with one digit or syllable of its own part changed: another name."""
    own = name.rpartition(" ")[0] or name[:-2]  # without Clinic, 의원
    at = rng.choice([i for i, c in enumerate(own) if c.isalnum()])
    pool = "0123456789" if name[at].isdigit() else _KO if "가" <= name[at] <= "힣" else "bdgklmnprst"
    new = rng.choice([c for c in pool if c != name[at].lower()])
    return name[:at] + (new.upper() if name[at].isupper() else new) + name[at + 1 :]


def _spacing(rng: random.Random, text: str) -> str:
    """A space lost, doubled, or turned into the end of a line."""
    gaps = [m.start() for m in re.finditer(r"(?<![0-9]) (?![0-9])", text)]
    at = rng.choice(gaps)
    return text[:at] + rng.choice(("", "  ", "\n")) + text[at + 1 :]


def _width(rng: random.Random, text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and (c.isalnum() or c == "?") else c for c in text)


def _punctuation(rng: random.Random, text: str) -> str:
    return (
        text[:-1] + rng.choice((" .", "", "...", "  ")) if text[-1] in ".?" else text + rng.choice((".", " "))
    )


def _typo(rng: random.Random, text: str) -> str:
    """One slip in a plain word of the question: a letter doubled, dropped or swapped with its neighbour."""
    words = [
        m
        for m in re.finditer(
            r"\b[a-z]{5,}\b|(?<![가-힣])(?:의미|진료비|진료|호출|기한|위약금|무게|식기세척기|휴가|출장)", text
        )
    ]
    if not words:
        return text
    word = rng.choice(words)
    at = rng.randrange(word.start(), word.end() - 1)
    slips = (text[at] * 2 + text[at + 1], text[at + 1] + text[at])
    return text[:at] + rng.choice(slips) + text[at + 2 :]


_CHANGES: dict[str, Callable[[random.Random, str], str]] = {
    "spacing": _spacing, "width": _width, "punctuation": _punctuation, "typo": _typo,
}  # fmt: skip

# --- names and values ---------------------------------------------------------------------------------

_KO = "가나다라마바사아자하고노도로모보소오조호구누두루무부수우주후강산천민한빛솔늘봄샘"
_EN_LIST = "bar cel dor fen gal hix jun kor lum mir nex ost pra qui rav sel tor ulm vex wyn yor zan"
_EN = _EN_LIST.split()


def _ko(rng: random.Random) -> str:
    return "".join(rng.choice(_KO) for _ in range(4))


def _en(rng: random.Random) -> str:
    return "".join(rng.choice(_EN) for _ in range(3)).capitalize()


_NAMES: dict[str, Callable[[random.Random], str]] = {
    "clinic": lambda rng: f"{_ko(rng)}의원",
    "company": lambda rng: f"{_ko(rng)}상사",
    "law": lambda rng: f"{_ko(rng)}법",
    "product": lambda rng: f"{_ko(rng)} {rng.choice('ABCDEFGHKM')}{rng.randrange(100, 1000)}호",
    "code": lambda rng: f"{rng.choice('EFWX')}{rng.choice('ABCDGHKMN')}-{rng.randrange(10000, 100000)}",
    "api": lambda rng: f"{_en(rng)}",
    "Api": lambda rng: f"{_en(rng)}",
    "Clinic": lambda rng: f"{_en(rng)} Clinic",
    "Company": lambda rng: f"{_en(rng)} Ltd",
    "Law": lambda rng: f"{_en(rng)} Act",
    "Product": lambda rng: f"{_en(rng)} {rng.randrange(100, 10000)}",
}
_CAUSES = (
    "인증 토큰이 만료되었다", "요청 본문이 비어 있다", "서버 인증서가 맞지 않는다", "계좌 번호가 잘못되었다",
    "하루 이체 한도를 넘었다", "점검 시간이라 거래가 막혔다", "등록되지 않은 단말기이다", "응답이 제때 오지 않았다",
)  # fmt: skip
_CAUSES_EN = (
    "The access token has expired", "The request body is empty", "The certificate does not match",
    "The account number is wrong", "The daily transfer limit is exceeded", "The terminal is unknown",
    "The gateway timed out", "The file is locked by another user",
)  # fmt: skip
_TEAMS = ("총무팀장", "인사팀장", "본부장", "재무이사", "감사실장", "대표이사", "경영지원부장")
_TEAMS_EN = (
    "the head of finance",
    "the office manager",
    "the managing director",
    "the audit team",
    "the registrar",
)


def _time(n: int) -> list[str]:
    hour, minute = 8 + n % 4, 5 * (n // 4 % 12)
    return [f"오전 {hour}시 {minute}분", f"오전 {hour:02}시 {minute:02}분"]


def _clock(n: int) -> list[str]:
    hour, minute = 8 + n % 4, 5 * (n // 4 % 12)
    return [f"{hour}:{minute:02} a.m.", f"{hour}:{minute:02} AM"]


def _of(choices: tuple[str, ...]) -> Callable[[int], list[str]]:
    return lambda n: [choices[n % len(choices)]]


_ANSWERS: dict[str, Callable[[int], list[str]]] = {
    "time": _time,
    "Time": _clock,
    "money": lambda n: [f"{n * 1000:,}원", f"{n * 1000}원"],
    "Money": lambda n: [f"${n * 1000:,}", f"${n * 1000}"],
    "number": lambda n: [f"{n * 10:,}회", f"{n * 10}회"],
    "Number": lambda n: [f"{n * 10:,} requests", f"{n * 10} requests"],
    "period": lambda n: [f"{n % 90 + 2}일", f"{n % 90 + 2} 일"],
    "Period": lambda n: [f"{n % 90 + 2} days", f"{n % 90 + 2}  days"],
    "weight": lambda n: [f"{n / 10:.1f}kg", f"{n / 10:.1f} kg"],
    "Weight": lambda n: [f"{n / 10:.1f} kg", f"{n / 10:.1f}kg"],
    "cause": _of(_CAUSES),
    "Cause": _of(_CAUSES_EN),
    "person": _of(_TEAMS),
    "Person": _of(_TEAMS_EN),
    "yesno": _of(("예", "아니요")),
    "YesNo": _of(("Yes", "No")),
}
_WRAPPED = {
    "ko": (
        "{}입니다.",
        "{}. 이상입니다.",
        "답변: {}",
        "{} (2026년 기준)",
        "안내문에는 {}라고 되어 있습니다.",
    ),
    "en": (
        "Answer: {}.",
        "{}. That is all.",
        "According to the notice: {}",
        "{}, as the notice says.",
        "{} (see the notice).",
    ),
}
