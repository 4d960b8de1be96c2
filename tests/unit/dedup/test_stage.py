"""Dedup against a brute-force oracle, and on the labelled faults of the demo data."""

import json
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Indel

from qaloom.config.load import ROOT, complete
from qaloom.dedup.stage import dedup
from qaloom.errors import DataError
from qaloom.files import read_json, read_lines, write_lines
from qaloom.records import Rejection, Row, Survivor, meta_text, row_id
from qaloom.text import join_cost as cost
from qaloom.text.differences import stem
from qaloom.text.endings import subject
from qaloom.text.facts import Difference, factual_difference, same_facts
from qaloom.text.normalize import comparison_key, jamo
from qaloom.text.rewordings import reworded
from qaloom.validate.stage import gather, validate_file

FILES = ("rows.jsonl", "rejected.jsonl", "contradictions.jsonl", "clusters.jsonl", "stats.json")


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda number: None)  # half of the time here, and no crash is tested


def configured(**changes):
    return complete({"data": {"sources": ["-"]}, "runs": {"demo": {}}, "dedup": changes})["dedup"]


def row(question, answer, line=1, source="a.jsonl", given="", **meta):
    return Row(row_id(question, given, answer), question, given, answer, source, line, "a", meta_text(meta))


def run(folder: Path, rows, **changes):
    write_lines(folder / "in.jsonl", rows)
    stats = dedup(folder / "in.jsonl", folder / "out", configured(**changes), threads=1)
    kept = read_lines(folder / "out/rows.jsonl", Row)
    rejected = read_lines(folder / "out/rejected.jsonl", Rejection)
    assert stats["in"] == len(rows) == len(kept) + len(rejected)
    return (
        kept,
        rejected,
        read_lines(folder / "out/contradictions.jsonl"),
        read_lines(folder / "out/clusters.jsonl"),
    )


QUESTION = "벼리늘안전연구원 본원의 주소는 어디인가요?"


def test_exact_duplicate_names_its_survivor(tmp_path):
    kept, rejected, _, _ = run(
        tmp_path, [row(QUESTION, "가람시"), row(QUESTION.replace(" ", ""), "가람시.", 2)]
    )
    assert [item.line for item in kept] == [1]
    assert (rejected[0].reason, rejected[0].line) == ("exact_duplicate", 2)
    assert rejected[0].survivor == Survivor(kept[0].id, "a.jsonl", 1, 1.0)


def test_near_duplicate_with_the_same_answer(tmp_path):
    kept, rejected, contradictions, clusters = run(
        tmp_path,
        [row(QUESTION, "가람시 솔내구"), row(QUESTION.replace("주소는", "주소가"), "가람시 솔내구", 2)],
    )
    assert (len(kept), rejected[0].reason) == (1, "near_duplicate")
    assert rejected[0].survivor.score == pytest.approx(18 / 19, abs=1e-3)
    assert contradictions == []
    keys = {"question": comparison_key(kept[0].question), "answer": comparison_key(kept[0].output)}
    assert clusters == [{"id": kept[0].id, "cluster": kept[0].id, **keys}]


@pytest.mark.parametrize("other", [QUESTION, QUESTION.replace("주소는", "주소가")])
def test_contradiction_is_reported_and_both_kept(tmp_path, other):
    kept, rejected, (found,), clusters = run(tmp_path, [row(QUESTION, "가람시"), row(other, "물빛시", 2)])
    assert (len(kept), rejected) == (2, [])
    assert {shown["line"] for shown in found["rows"]} == {1, 2}
    assert {"id", "source", "line", "instruction", "output"} == set(found["rows"][0])
    assert len({item["cluster"] for item in clusters}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2023년 정보보호 교육 대상자는 누구입니까?", "2024년 정보보호 교육 대상자는 누구입니까?"),
        ("기밀문서를 반출할 수 있는 사람은 누구입니까?", "기밀문서를 반출할 수 없는 사람은 누구입니까?"),
        ("What does the rope RX-7725 cost in the shop?", "What does the rope RX-7726 cost in the shop?"),
    ],
)
@pytest.mark.parametrize("answers", [("전 직원", "전 직원"), ("전 직원", "신입 직원")])
def test_other_question_is_neither_duplicate_nor_contradiction(tmp_path, one, other, answers):
    kept, rejected, contradictions, clusters = run(
        tmp_path, [row(one, answers[0]), row(other, answers[1], 2)]
    )
    assert (len(kept), rejected, contradictions) == (2, [], [])
    assert len({item["cluster"] for item in clusters}) == 1  # the split keeps them together all the same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("춘천역에서 출발하는 버스의 요금은 얼마인가요?", "원주역에서 출발하는 버스의 요금은 얼마인가요?"),
        ("박서준 선생님이 맡은 동아리는 무엇입니까?", "박서진 선생님이 맡은 동아리는 무엇입니까?"),
        ("How much is the train to Bristol in summer?", "How much is the train to Cardiff in summer?"),
    ],
)
def test_another_name_is_another_question(tmp_path, one, other):
    kept, _, contradictions, _ = run(tmp_path, [row(one, "6천 원"), row(other, "8천 원", 2)], threshold=0.8)
    assert (len(kept), contradictions) == (2, [])
    assert len(run(tmp_path, [row(one, "6천 원"), row(other, "6천 원", 2)], threshold=0.8)[0]) == 2


def test_contradiction_under_another_ending_far_below_the_threshold(tmp_path):
    rows = [row("휴관일은 언제입니까?", "월요일"), row("휴관일은 언제죠?", "목요일", 2)]
    assert len(run(tmp_path, rows, jamo=False)[2]) == 1


def test_longer_wording_of_the_same_answer_is_no_contradiction(tmp_path):
    rows = [row(QUESTION, "가람시 솔내구 27"), row(QUESTION, "본원은 가람시 솔내구 27에 있습니다.", 2)]
    assert run(tmp_path, rows)[2] == []
    assert len(run(tmp_path, [row(QUESTION, "40만 원"), row(QUESTION, "140만 원", 2)])[2]) == 1


def test_input_is_part_of_the_question(tmp_path):
    rows = [
        row("다음을 요약하세요.", "답 하나", given="첫 글"),
        row("다음을 요약하세요.", "답 둘", 2, given="다른 이야기"),
    ]
    kept, _, contradictions, _ = run(tmp_path, rows)
    assert (len(kept), contradictions) == (2, [])


def test_survivor_has_fewest_repairs_then_spaces(tmp_path):
    rows = [
        row(QUESTION, "가람시", 1, repairs=["nfc"]),
        row(QUESTION.replace(" ", ""), "가람시", 2),
        row(QUESTION, "가람시", 3),
    ]
    assert [item.line for item in run(tmp_path, rows)[0]] == [3]


def test_jamo_links_what_syllables_do_not(tmp_path):
    rows = [row("연차는 언제 신청하나요?", "사흘 전"), row("연차는 언제 신청합니까?", "나흘 전", 2)]
    assert len({item["cluster"] for item in run(tmp_path, rows, jamo=False, threshold=0.8)[3]}) == 2
    assert len({item["cluster"] for item in run(tmp_path, rows, jamo=True, threshold=0.8)[3]}) == 1


def test_one_question_with_hundreds_of_answers(tmp_path):
    answers = [f"{chr(0xAC00 + 7 * i)}{chr(0xB000 + 11 * i)} 이야기" for i in range(300)]
    rows = [row("재미있는 이야기를 하나 해 주세요.", answer, i) for i, answer in enumerate(answers)]
    _, _, (found,), clusters = run(tmp_path, rows)
    assert (len(found["rows"]), found["total"]) == (50, 300)
    assert len({item["cluster"] for item in clusters}) == 1


def test_personal_data_by_choice(tmp_path):
    rows = [row(QUESTION, "help@garam.or.kr 로 문의"), row("대표 번호는 무엇인가요?", "없습니다", 2)]
    kept = {item.line: item for item in run(tmp_path, rows)[0]}
    assert kept[1].details["pii"] == ["email"]
    kept = {item.line: item for item in run(tmp_path, rows, pii="mask")[0]}
    assert kept[1].output == "[email] 로 문의"
    assert kept[1].id == row_id(QUESTION, "", "[email] 로 문의")
    _, rejected, _, _ = run(tmp_path, rows, pii="drop")
    assert [(item.line, item.reason) for item in rejected] == [(1, "pii")]


def test_nothing_left(tmp_path):
    with pytest.raises(DataError, match=r"unclear_question 1.*a.jsonl, line 1"):
        run(tmp_path, [row("이것은 무엇인가요?", "안전모")])


# --- the oracle ---------------------------------------------------------------------------------------

# Near pairs, mergers, contradictions and near misses all come up among these.
PARTS = st.tuples(
    st.sampled_from(["본원", "별관", "A동", "B동", "제2별관", "제3별관"]),
    st.sampled_from(
        [
            "의 주소는 어디인가요",
            "의 주소가 어디인가요",
            "의 주소는 어디입니까",
            "에서 할 수 없는 일은",
            "에서 할 수 있는 일은",
        ]
    ),
    st.sampled_from(["?", " ?", "", "!"]),
)
QUESTIONS = PARTS.map(lambda parts: f"벼리늘안전연구원 {''.join(parts)}")
ANSWERS = st.sampled_from(
    [
        "가람시 솔내구 물빛로 27",
        "가람시  솔내구 물빛로 27.",
        "가람시 솔내구 물빛로 28",
        "가람시 솔내구 물빛길 27",
        "없습니다",
        "물빛로 27",
    ]
)
ROWS = st.lists(st.tuples(QUESTIONS, ANSWERS), min_size=1, max_size=25)


def compared(one, other, threshold):
    """Whether two questions are near: in their keys, in jamo, or but for the words that ask."""
    keys = comparison_key(one.instruction), comparison_key(other.instruction)
    scores = map(Indel.normalized_similarity, *zip(keys, map(jamo, keys), strict=True))
    return max(scores) >= threshold or subject(keys[0]) == subject(keys[1])


def mergeable(one, other, threshold):
    similar = compared(one, other, threshold)
    answers = comparison_key(one.output), comparison_key(other.output)
    agreeing = Indel.normalized_similarity(*answers) >= 0.9 or stem(answers[0]) == stem(answers[1])
    same = not factual_difference(one.instruction, other.instruction)
    same = same and not factual_difference(one.output, other.output)
    exact = comparison_key(one.instruction) == comparison_key(other.instruction) and comparison_key(
        one.output
    ) == comparison_key(other.output)
    return exact or (similar and agreeing and same)


def components(rows, threshold):
    cluster = {item.id: item.id for item in rows}
    for _ in rows:
        for one, other in combinations(rows, 2):
            keys = comparison_key(one.instruction), comparison_key(other.instruction)
            near = Indel.normalized_similarity(*keys) >= threshold
            if near or Indel.normalized_similarity(*map(jamo, keys)) >= threshold:
                cluster[one.id] = cluster[other.id] = min(cluster[one.id], cluster[other.id])
    return cluster


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes here
)
@given(texts=ROWS, threshold=st.sampled_from([0.8, 0.9, 0.95]), random=st.randoms())
def test_oracle(tmp_path, texts, threshold, random):
    rows = [row(*text, line) for line, text in enumerate(texts, 1)]
    kept, rejected, contradictions, clusters = run(tmp_path, rows, threshold=threshold)
    by_line = {item.line: item for item in rows}
    for item in rejected:  # everything taken out is directly like a row that stays
        survivor = by_line[item.survivor.line]
        assert survivor.id in {other.id for other in kept}
        assert mergeable(by_line[item.line], survivor, threshold)
    for one, other in combinations(kept, 2):  # nothing that stays could be taken out
        assert not mergeable(one, other, threshold)
    assert_contradictions(kept, contradictions, threshold)
    everything = {item["id"]: item["cluster"] for item in clusters}
    assert_clusters(rows, everything, threshold)
    before = [(tmp_path / "out" / name).read_bytes() for name in FILES]
    assert_order_plays_no_part(tmp_path, rows, random, threshold, before)


def assert_contradictions(kept, contradictions, threshold):
    expected = set()
    for one, other in combinations(kept, 2):
        asking = factual_difference(one.instruction, other.instruction) < Difference.OTHER
        asking = asking and compared(one, other, threshold)
        asking = asking or reworded(one.instruction, other.instruction, Counter())
        if asking and not agreeing(one.output, other.output):
            expected |= {one.id, other.id}
    assert {shown["id"] for found in contradictions for shown in found["rows"]} == expected


def agreeing(one, other):
    keys = comparison_key(one), comparison_key(other)
    short, long = sorted(map(stem, keys), key=len)
    if short in long and (len(short) > 1 or long.startswith(short)):
        return same_facts(one, other)
    similar = Indel.normalized_similarity(*keys) >= 0.9
    return factual_difference(one, other) < (Difference.OTHER if similar else Difference.UNCLEAR)


def assert_clusters(rows, clusters, threshold):
    truth = components(rows, threshold)
    for one, other in combinations(clusters, 2):
        assert (clusters[one] == clusters[other]) == (truth[one] == truth[other])
    for identity, cluster in clusters.items():
        assert cluster == min(other for other in clusters if clusters[other] == clusters[identity])


def assert_order_plays_no_part(tmp_path, rows, random, threshold, before):
    shuffled = random.sample(rows, len(rows))
    run(tmp_path, shuffled, threshold=threshold)
    assert [(tmp_path / "out" / name).read_bytes() for name in FILES] == before


# --- what it will cost --------------------------------------------------------------------------------


def test_cost_is_said_before_either_join(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cost, "estimate_seconds", lambda keys, threshold, others: 30.0)
    monkeypatch.setattr(cost, "_WORTH_ESTIMATING", 1)
    run(tmp_path, [row(QUESTION, "가람시")], jamo=True)
    said = capsys.readouterr().err
    for join in ("near-duplicates", "near-duplicates by jamo"):
        assert said.index(f"{join}: about 30 s for") < said.index(f"{join}: 1 question in")


# --- the demo data ------------------------------------------------------------------------------------

FAULTS = ROOT / "tests/data/faults.json"
# A number as an answer is taken as the text that it is; the labels call it a wrong shape.
LET_THROUGH = {("data/demo/products-en.qa.jsonl", 35)}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out, parts = tmp_path_factory.mktemp("demo"), []
    for source in sorted((ROOT / "data/demo").glob("*.jsonl")):
        parts.append(out / source.name)
        validate_file(source, f"data/demo/{source.name}", parts[-1])
    gather(parts, out / "validate")
    dedup(out / "validate/rows.jsonl", out / "dedup", configured())
    return out


def places(path, kind=dict):
    return {(item.source, item.line): item for item in read_lines(path, kind)}


@pytest.mark.skipif(not FAULTS.exists(), reason="the demo data is not made yet")
def test_labelled_faults(demo):
    labels = json.loads(FAULTS.read_text())
    rejected = {stage: places(demo / stage / "rejected.jsonl", Rejection) for stage in ("validate", "dedup")}
    valid, kept = (places(demo / stage / "rows.jsonl", Row) for stage in ("validate", "dedup"))
    reported = [
        {(shown["source"], shown["line"]) for shown in found["rows"]}
        for found in read_lines(demo / "dedup/contradictions.jsonl")
    ]
    wrong = []
    for label in labels:
        at, twin = (
            (label["source"], label["line"]),
            label["twin"] and (label["twin"]["source"], label["twin"]["line"]),
        )
        met = {
            "rejected": at in rejected[label["stage"]],
            "merged": (at in kept) + (twin in kept) < 2
            and (at in rejected["dedup"] or twin in rejected["dedup"]),
            "reported": any({at, twin} <= places for places in reported) and at in kept,
            "repaired": at in kept and bool(valid.get(at) and valid[at].details.get("repairs")),
        }[label["expect"]]
        if met == (at in LET_THROUGH):
            wrong.append(label)
    assert wrong == []


@pytest.mark.skipif(not FAULTS.exists(), reason="the demo data is not made yet")
def test_no_good_demo_row_is_set_aside(demo):
    labelled = {
        (place["source"], place["line"])
        for label in json.loads(FAULTS.read_text())
        for place in (label, label["twin"])
        if place
    }
    aside = {
        *places(demo / "validate/rejected.jsonl", Rejection),
        *places(demo / "dedup/rejected.jsonl", Rejection),
    }
    assert aside <= labelled
    assert read_json(demo / "dedup/stats.json")["contradictions"] == 5
