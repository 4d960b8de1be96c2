"""Data sets with planted facts: each in several wordings, endings and notations, with the truth of who says what."""

import random
from typing import NamedTuple

from qaloom.records import Row, row_id

# Two of the first 45 names differ in two syllables at least: none is a misspelling of another.
_SYLLABLES = ("가나다라마바사아자차카타파하", "람온솔빛결숲들샘봄", "미소라누지")
_NAMES = ["".join(row[k % len(row)] for row in _SYLLABLES) for k in range(45)]
_PLACES = ["도서관", "수영장", "매점", "강당", "주차장", "미술관", "우체국", "식당"]
_THINGS = {
    "opens": (
        "{n}{p}의 개관 시각은 언제인가요?",
        "{n}{p}은 몇 시에 문을 엽니까?",
        "{n}{p}에 들어갈 수 있는 시간을 알려 주세요.",
        "When does the {n}{p} open its doors?",
    ),
    "fee": (
        "{n}{p}의 입장료는 얼마인가요?",
        "{n}{p}에 들어가려면 돈을 얼마나 냅니까?",
        "{n}{p} 이용 요금을 알려 주세요.",
    ),
    "since": (
        "{n}{p}이 문을 연 날은 언제인가요?",
        "{n}{p}의 설립 일자를 알려 주십시오.",
        "{n}{p}은 어느 날 세워졌습니까?",
    ),
    "where": (
        "{n}{p}의 위치는 어디인가요?",
        "{n}{p}은 어디에 있습니까?",
        "{n}{p}에 가려면 어디로 가야 하나요?",
    ),
    "rule": (
        "{n}{p}에서 음식을 먹을 때의 규칙은 무엇인가요?",
        "{n}{p} 안에서 식사하는 방법을 설명해 주세요.",
        "{n}{p}의 음식물 반입 규정을 알려 주세요.",
    ),
    "pets": (
        "{n}{p}에 동물을 데려갈 수 있나요?",
        "{n}{p}에 동물을 데려갈 수 있습니까?",
        "{n}{p}에 동물을 데려갈 수 있는지 궁금합니다.",
    ),
}


class Planted(NamedTuple):
    """Rows, and of each row's id the fact that it states."""

    rows: list[Row]
    truth: dict[str, str]


def planted_facts(rng: random.Random, count: int, documents: int = 6) -> Planted:
    """`count` facts in one to four rows each; short answers are shared by many facts."""
    rows: dict[str, Row] = {}
    truth = {}
    for _ in range(count):
        name = rng.choice(_NAMES)
        place, thing = rng.choice(_PLACES), rng.choice(list(_THINGS))
        fact = f"{name}{place} {thing}"
        if fact in truth.values():
            continue
        value = _value(rng, thing)
        document = rng.randrange(documents)
        questions = rng.sample(_THINGS[thing], min(rng.choice((1, 1, 2, 3, 4)), len(_THINGS[thing])))
        for question in questions:
            row = _row(
                question.format(n=name, p=place),
                _written(rng, thing, value),
                document,
                len(rows),
            )
            rows[row.id], truth[row.id] = row, fact
    return Planted(list(rows.values()), truth)


def _row(question: str, answer: str, document: int, line: int) -> Row:
    group = f"d{document}"
    return Row(row_id(question, "", answer), question, "", answer, f"{group}.jsonl", line + 1, group, "{}")


def _value(rng: random.Random, thing: str) -> tuple[int, int, int]:
    if thing == "opens":
        return rng.randrange(6, 12), rng.choice((0, 30)), 0
    if thing == "fee":
        return rng.choice((2000, 30000, 45000, 120000)), 0, 0
    if thing == "since":
        return rng.randrange(1980, 2020), rng.randrange(1, 13), rng.randrange(1, 29)
    if thing == "rule":
        return rng.randrange(100, 1000), rng.randrange(2), 0
    return rng.randrange(1, 6), rng.randrange(2), 0


def _written(rng: random.Random, thing: str, value: tuple[int, int, int]) -> str:
    """One of the notations and endings of a value."""
    first, second, third = value
    end = rng.choice(("", ".", "입니다.", "이에요."))
    if thing == "opens":
        return rng.choice(
            (f"{first}시 {second:02}분{end}", f"{first}:{second:02}", f"오전 {first}시 {second:02}분{end}")
        )
    if thing == "fee":
        thousand = f"{first // 10000}만 " + (f"{first % 10000 // 1000}천 " if first % 10000 else "")
        written = [f"{first:,}원{end}", f"{first}원{end}"]
        return rng.choice([*written, f"{thousand}원{end}"] if first >= 10000 else written)
    if thing == "since":
        return rng.choice(
            (
                f"{first}년 {second}월 {third}일{end}",
                f"{first}. {second}. {third}.",
                f"{first}-{second:02}-{third:02}",
            )
        )
    if thing == "where":
        return f"{('본관', '별관')[second]} {first}층{end}"
    if thing == "pets":
        return ("예", "아니요")[second] + rng.choice(("", "."))
    what = ("지정된 휴게실에서만", "뚜껑이 있는 용기에 담아")[second]
    return f"{what} 먹고 {first}번 수거함에 " + rng.choice(("버립니다.", "버려요.", "버린다.", "버립니다"))
