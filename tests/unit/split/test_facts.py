"""The definition of a fact, pair by pair; and real-looking data in which documents share answers."""

import pytest
from random_sets import SETTINGS, T, seeded, write

from qaloom.files import read_lines
from qaloom.records import Placement, Row, row_id
from qaloom.split.facts import Relation, Statement, comparison_of
from qaloom.split.stage import split

FILLER = [(f"{name}터널의 길이는 얼마인가요?", f"{i}30m") for i, name in enumerate("가나다라마바사아자차", 1)]
for i, name in enumerate("고노도로모보소오조초"):
    FILLER += [
        (f"배 {name}람호의 출항 시각은?", f"{i}시 10분"),
        (f"When does the ship {name}람호 leave the harbour?", f"{i}:10"),
    ]
    FILLER += [
        (f"{name}솔관 입장료는 얼마인가요?", f"{i}5원"),
        (f"{name}솔관에 들어가려면 얼마를 내야 하나요?", f"{i}5원"),
    ]
FILLER += [(f"{name}터널의 폭은 얼마인가요?", f"{i}m") for i, name in enumerate("가나다라마바사아자차", 1)]


def made(question, answer, number=0):
    return Row(row_id(question, "", answer), question, "", answer, "a.jsonl", number + 1, "a", "{}")


def relation(one, other):
    statements = [Statement(made(*pair)) for pair in (one, other, *FILLER)]
    return comparison_of(statements, T).relation(*statements[:2])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("매점은 몇 시에 여나요?", "9시"), ("매점은 몇 시에 엽니까?", "9시입니다.")),
        (("매점은 몇 시에 여나요?", "9시 30분"), ("매점은 몇 시에 엽니까?", "9:30")),
        (("배 하늘호의 출항 시각은?", "6시 00분"), ("When does the ship 하늘호 leave the harbour?", "6:00")),
        (
            ("가람관 입장료는 얼마인가요?", "3만 원"),
            ("가람관에 들어가려면 얼마를 내야 하나요?", "30,000원입니다."),
        ),
        (
            ("대표 번호는 무엇인가요?", "총무과 02-555-0142"),
            ("어디로 전화하면 대표 번호로 연결되나요?", "총무과 025550142"),
        ),
        (("누가 결재하나요?", "부서장"), ("누가 결재합니까?", "부서장이 결재한다")),
    ],
)
def test_one_fact(one, other):
    assert relation(one, other) == relation(other, one) == Relation.SAME_FACT


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            ("오류 코드 ST40는 무슨 뜻인가요?", "시스템 오류"),
            ("오류 코드 ST41는 무슨 뜻인가요?", "시스템 오류"),
        ),
        (("2023년 매출은 얼마인가요?", "30억 원"), ("2024년 매출은 얼마인가요?", "30억 원")),
        (("하늘호의 출항 시각은 언제인가요?", "6시"), ("바다호의 출항 시각은 언제인가요?", "6시")),
        (("매점에서 담배를 파나요?", "아니요."), ("강당에서 음식을 먹어도 되나요?", "아니요.")),
        (("강당은 몇 층에 있나요?", "3층"), ("매점에 가려면 몇 층으로 가야 하나요?", "3층")),
        (("회의는 언제 열리나요?", "본관"), ("회의는 어디에서 열리나요?", "본관")),
    ],
)
def test_two_facts(one, other):
    assert relation(one, other) == relation(other, one) == Relation.NONE


def test_another_answer_to_the_same_question_is_another_fact():
    assert (
        relation(("매점은 몇 시에 여나요?", "9시"), ("매점은 몇 시에 엽니까?", "10시"))
        == Relation.SAME_QUESTION
    )


# --- documents that share answers ---------------------------------------------------------------------

_ANSWERED = ("{a}에서 {b}{c} 사람은 누구인가?", "{b}{c} {a} 출신의 인물 이름은?")
_ACTS = ["세운", "지은", "그린", "옮긴", "고친", "이끈", "찾은", "펴낸", "맡은", "막은", "도운", "판"]
_SYLLABLES = "가거고구기나너노누니다더도두디라러로루리마머모무미바버보부비사서소수시아어오우이자저조주지"


def _word(rng, length):
    return "".join(rng.choice(_SYLLABLES) for _ in range(length))


def shared_answers(documents, questions, shared=0.13):
    """Questions on documents; a share of the answers stands in several documents; some facts are asked twice."""
    rng = seeded(documents)
    common = [_word(rng, 3) for _ in range(40)]
    topics = [[_word(rng, 3) for _ in range(6)] for _ in range(documents)]
    general = [_word(rng, 2) for _ in range(300)]
    rows, truth = [], {}
    while len(rows) < questions:
        document = rng.randrange(documents)
        answer = rng.choice(common) if rng.random() < shared else _word(rng, rng.choice((3, 4, 8)))
        words = {
            "a": rng.choice(topics[document]),
            "b": f"{rng.choice(general)}{rng.choice('을를')} ",
            "c": rng.choice(_ACTS),
        }
        for form in rng.sample(_ANSWERED, rng.choice((1, 1, 1, 2))):
            question = f"{form.format(**words)}"
            if rng.random() < 0.5:
                question = f"{rng.choice(general)}에 {question}"
            row = Row(
                row_id(question, "", answer),
                question,
                "",
                answer,
                "a.jsonl",
                len(rows) + 1,
                f"d{document}",
                "{}",
            )
            rows.append(row)
            truth[row.id] = (document, *words.values(), answer)
    return list({row.id: row for row in rows}.values()), truth


def untaught(folder, rows, truth):
    """Recall questions of the data, and how many of them ask what was never trained."""
    split(
        *write(folder, rows), folder / "out", SETTINGS | {"unseen_fraction": 0.1, "recall_fraction": 0.3}, T
    )
    places = read_lines(folder / "out/placement.jsonl", Placement)
    taught = {truth[p.id] for p in places if p.split == "train" and p.id in truth}
    asked = [truth[p.id] for p in places if p.split == "recall" and p.id in truth]
    return len(asked), sum(fact not in taught for fact in asked)


def test_hardly_a_recall_question_is_untaught_where_documents_share_answers(tmp_path):
    asked, missing = untaught(tmp_path, *shared_answers(30, 600))
    assert asked > 30 and missing <= 0.02 * asked


@pytest.mark.slow
def test_hardly_a_recall_question_of_five_thousand_is_untaught(tmp_path):
    asked, missing = untaught(tmp_path, *shared_answers(200, 5000))
    assert asked > 300 and missing < 0.02 * asked
