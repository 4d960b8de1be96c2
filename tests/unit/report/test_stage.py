"""The report holds every part, says what is missing, and never lets a row's text become markup."""

import ast
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml
from markupsafe import escape

from qaloom.config.load import defaults
from qaloom.console import duration
from qaloom.errors import DataError
from qaloom.evaluate.judge_figures import summarise_verdicts
from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.metrics_json import to_json
from qaloom.evaluate.results import Judgement, JudgeMetrics
from qaloom.evaluate.summary import compare_lookup, summarise
from qaloom.files import read_json, write_json, write_lines
from qaloom.report.format import STRINGS, translated
from qaloom.report.page import clipped
from qaloom.report.stage import report

FIXTURE = runpy.run_path(str(Path(__file__).parents[2] / "data" / "make_results.py"))
LIBRARY = Path(__file__).parents[3] / "scripts" / "qaloom" / "report"
SENTENCES = LIBRARY.parent / "sentences.yaml"
PROJECT = {"name": "데모", "command": "make run", "config": {"data": {"sources": ["a.jsonl"]}}}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(FIXTURE["make_results"](tmp_path_factory.mktemp("project") / "results"), ["demo"])


def written(results: Path, runs: list[str]) -> str:
    results.mkdir(parents=True, exist_ok=True)
    out = results / "report" / "index.html"
    report(results, runs, out, PROJECT if runs else {})
    return out.read_text("utf-8")


def test_the_page_tells_where_the_time_went(tmp_path: Path) -> None:
    results, out = FIXTURE["make_results"](tmp_path / "results"), tmp_path / "report.html"
    jobs = {
        "documents/a": '{"s": 1}', "dedup/dedup": '{"s": 3.2, "max_rss": 512.0}', "train/demo": '{"s": 7',
        "augment_shard/0": '{"s": 100, "max_rss": "-"}', "augment_shard/1": '{"s": 20, "max_rss": 2.5}',
        "split/split": "",
    }  # fmt: skip
    for name, line in jobs.items():
        path = tmp_path / f"logs/{name}.benchmark.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line, "utf-8")
    report(results, ["demo"], out, PROJECT, tmp_path / "logs")
    shown = english(section(out.read_text("utf-8"), "times"))
    assert "Write questions from documents 1 1 s – " in shown
    assert shown.endswith(
        "deduplicate 1 3 s 0.50 GiB Reword questions 2 2 min 0.00 GiB All 4 2 min 0.50 GiB "
    )
    assert 'id="times"' not in written(tmp_path / "results", ["demo"])


def section(page: str, name: str) -> str:
    return re.search(rf'<section id="{name}">(.*?)</section>', page, re.DOTALL)[1]


def english(markup: str) -> str:
    """The text of a part as an English reader sees it."""
    markup = re.sub(r'<span class="t" lang="ko">.*?</span>', "", markup)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup))


def test_sections_stand_in_the_order_of_the_flow(page: str) -> None:
    names = re.findall(r'<section id="(\w+)">', page)
    assert names == [
        "verdict",
        "rows",
        "contradictions",
        "split",
        "training",
        "scores",
        "facts",
        "predictions",
        "reproduce",
    ]


def test_the_verdict_names_both_figures_and_the_interval(page: str) -> None:
    text = english(section(page, "verdict"))
    assert re.search(
        r"\d{4}-\d\d-\d\d · 데모 · demo \( Base model smollm2-135m-instruct\) Use it with care", text
    )
    assert (
        "it answers 87.5% of 48 questions right (base model 0.0%), but it also answers 77.8% of 9 questions"
        in text
    )
    assert "Next: Read the unseen answers" in text
    for figure in ("45 / 51 facts known", "81.0% of its words as the base model's", "8 facts never taught"):
        assert figure in text
    assert re.search(r"Difference \+\d", text)
    assert re.search(r"on \d+ recall questions, those left out that differ .* in the ending alone", text)


def test_the_head_names_project_run_base_model_and_date(page: str) -> None:
    head = english(re.search(r"<header>(.*?)</header>", page, re.DOTALL)[1])
    assert "데모 Fine-tuning report" in head
    assert re.search(r"Run demo Base model smollm2-135m-instruct Evaluated on \d{4}-\d\d-\d\d", head)
    assert "<title>demo – 데모 – QA Loom</title>" in page


def test_the_verdict_says_what_to_know_and_to_do(tmp_path: Path) -> None:
    """A model that lost its language and is no better than retrieval is no plain yes."""
    results = FIXTURE["make_results"](tmp_path / "results")
    path = results / "evaluate/demo/metrics.json"
    metrics = read_json(path)
    metrics["retrieval"] |= {"best": "tuning", "second": "both", "clear": False}
    metrics["forgetting"] |= {"kind": "lost"}
    write_json(path, metrics)
    text = english(section(written(results, ["demo"]), "verdict"))
    assert "Use it with care" in text
    for words in (
        "it has lost most of its base model",
        "it has lost most of the base model's language",
        "Tuning is not clearly better than retrieval",
        "Questions that the sources answer in two ways: 1.",
        "which this model was never taught: 8 (20 questions)",
        "Write final: true into the run",
        "main cause of 4 of them: few wordings in training",
    ):
        assert words in text


def test_a_control_that_did_not_change_is_not_called_changed(tmp_path: Path) -> None:
    answers = [FIXTURE["prediction"](i, "모름", "가람", "가람", split="recall") for i in range(4)]
    answers += [FIXTURE["prediction"](i, "모름", "모름", "가람", split="unseen") for i in range(4, 8)]
    path = tmp_path / "results/evaluate/demo/metrics.json"
    write_json(path, to_json(summarise(answers)))
    text = english(section(written(tmp_path / "results", ["demo"]), "verdict"))
    assert "right answers stayed at 0.0%" in text


def test_training_is_told_in_words_in_both_languages(page: str) -> None:
    part = section(page, "training")
    text = english(part)
    assert "16 rows a step: 8 at a time × 2 accumulated" in text
    assert "at step 1 to" in text and "at step 120." in text
    assert re.search(r"All recorded values Device .* measured speed ?: bfloat16 5.4[89] GFLOP/s", text)
    names = re.findall(r"<dt>(.*?)</dt>", part)
    assert [name for name in names if 'lang="ko"' not in name] == []


def test_augmentation_says_what_went_in(page: str) -> None:
    assert "400 in: 213 rows and 187 proposed paraphrases" in english(section(page, "rows"))


def test_a_long_answer_is_folded(page: str) -> None:
    results = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert any(len(row[5]) > 1000 for row in results[0]["rows"])
    assert clipped("a" * 340) == "a" * 340
    assert re.search(r"a{300}…<details class=\"fold\">.*700 more characters.*a{700}", clipped("a" * 1000))


def test_the_korean_page_has_no_english_label(page: str) -> None:
    """Labels that the page writes from codes; a code that the strings lack is shown in English."""
    counted = re.findall(r"<dt>(.*?)</dt>", section(page, "rows") + section(page, "training"))
    bare = [re.sub(r'<span class="t" lang="\w\w">.*?</span>', "", name) for name in counted]
    assert [name for name in bare if re.search(r"[a-z]", name.replace("bfloat16", ""))] == []
    assert not [key for key, text in STRINGS.items() if re.search("회상|낱말|고침", text["ko"])]


def test_the_funnel_is_a_table_too(tmp_path: Path) -> None:
    results = FIXTURE["make_results"](tmp_path / "results")
    written(results, ["demo"])
    lines = (results / "report/funnel.csv").read_text("utf-8").splitlines()
    assert lines[:3] == [
        "stage,rows in,rows out,set aside,reasons",
        'validate,250,243,7,"empty answer: 5, mojibake: 1, not json: 1"',
        "dedup,243,213,30,near duplicate: 30",
    ]


def test_rejected_rows_are_shown_with_place_and_reason(page: str) -> None:
    text = english(section(page, "rows"))
    assert "data/demo/handbook-ko.qa.jsonl, line 41" in text
    assert "near-duplicate 30" in text
    assert text.count("When does the canteen open?") == 3
    assert "Kept instead: data/demo/handbook-ko.qa.jsonl:12" in text
    assert "results/dedup/rejected.jsonl" in text


def test_contradictions_name_both_lines_and_texts(page: str) -> None:
    text = english(section(page, "contradictions"))
    for part in ("line 12", "line 77", "물빛로 27", "물빛로 72"):
        assert part in text


def test_rows_from_documents_are_shown_with_page_and_quote(tmp_path: Path) -> None:
    results = FIXTURE["make_results"](tmp_path / "results")
    rows = [{"document": "rules.pdf", "page": n, "quote": f"<b>rule {n}</b>"} for n in range(1, 100)]
    (results / "documents/rules").mkdir(parents=True)
    write_lines(results / "documents/rules/rows.jsonl", rows)
    for name in ("dedup/contradictions.jsonl", "evaluate/demo/facts.jsonl"):
        file = results / name
        text = re.sub(
            r'"source": ?"[^"]+"', '"source":"results/documents/rules/rows.jsonl"', file.read_text("utf-8")
        )
        file.write_text(text, "utf-8")
    page = written(results, ["demo"])
    assert "line 12 ; rules.pdf, page 12 : “<b>rule 12</b>”" in english(
        section(page, "contradictions")
    ).replace("&lt;", "<").replace("&gt;", ">")
    assert "<b>rule" not in page
    assert re.search(r"rules\.pdf, p\. \d+: “", section(page, "facts"))


def test_the_split_shows_its_audit_and_that_every_row_is_somewhere(page: str) -> None:
    text = english(section(page, "split"))
    assert "Audit passed" in text and "12 look-alikes: another name put in" in text
    assert "6,400 compared, 0 leaks" in text
    assert "Split 390 rows in 390 go on 0 set aside Every row went on." in english(section(page, "rows"))


def test_training_and_scores_have_plots(page: str) -> None:
    assert section(page, "training").count("<svg") == 1
    assert section(page, "scores").count("<svg") == 3
    assert "#010101" not in page, "a plot's stand-in colour was not replaced"


def test_screen_readers_are_told_names_in_both_languages(page: str) -> None:
    strings = json.loads(re.search(r'id="strings">(.*?)</script>', page, re.DOTALL)[1])
    labels = re.findall(r' aria-label="([^"]*)"( data-i18n-label="([^"]*)")?(?: data-run="([^"]*)")?', page)
    assert (
        len(labels) == 5
    )  # the contents, the losses, and plots of recall without and with light ones, and unseen
    for english, _, key, run in labels:
        assert english == strings[key]["en"].format(run=run)
        assert strings[key]["ko"] != strings[key]["en"]


def test_ids_are_unique(page: str) -> None:
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_rows_text_is_never_markup(page: str) -> None:
    assert FIXTURE["NASTY"] not in page
    assert "<img" not in page
    assert page.count("</script>") == page.count("<script") == 5
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    assert json.loads(data)[0]["rows"][0][3] == FIXTURE["NASTY"]


def test_nothing_is_loaded_from_the_network(page: str) -> None:
    assert not re.search(r'(src|href)="(?!#)', page)
    assert "url(http" not in page


def test_every_string_has_both_languages() -> None:
    strings = yaml.safe_load((LIBRARY / "strings.yaml").read_text("utf-8"))
    for key, text in strings.items():
        assert set(text) == {"en", "ko"}, key
        assert set(re.findall(r"{\w+}", text["en"])) == set(re.findall(r"{\w+}", text["ko"])), key
        assert "<" not in text["en"] + text["ko"], key


def test_an_empty_folder_says_what_is_missing(tmp_path: Path) -> None:
    assert "left no figures" in written(tmp_path / "results", [])
    page = written(tmp_path / "results", ["demo"])
    assert "demo has not been evaluated." in english(section(page, "verdict"))
    assert "left no figures" in english(section(page, "rows"))
    assert "No question has two different answers." in english(section(page, "contradictions"))
    assert "left no manifest" in english(section(page, "split"))
    assert "has not been trained" in english(section(page, "training"))
    assert "No question was asked." in english(section(page, "predictions"))


def test_an_evaluation_without_questions(tmp_path: Path) -> None:
    results = FIXTURE["make_results"](tmp_path / "results", questions=0)
    text = english(section(written(results, ["demo"]), "verdict"))
    assert "This cannot be judged: there is no question to ask about what it was taught" in text
    assert "Next: Add second wordings" in text
    assert "There is no control" in text


def evaluated(results: Path, answers: list[tuple[str, str, str]], **about: bool) -> str:
    """The report on answers of base, tuned model and lookup to questions whose answer is 답 1."""
    records = [
        FIXTURE["prediction"](i, base, tuned, "답 1", lookup=lookup, **about)
        for i, (base, tuned, lookup) in enumerate(answers)
    ]
    metrics = summarise(records)
    metrics.lookup = compare_lookup(records)
    write_lines(results / "evaluate/demo/predictions.jsonl", records)
    write_json(results / "evaluate/demo/metrics.json", to_json(metrics))
    return written(results, ["demo"])


def test_light_questions_alone_measure_nothing(tmp_path: Path) -> None:
    page = evaluated(tmp_path / "results", [("틀림", "답 1", "답 1")] * 40, light=True)
    text = english(section(page, "verdict"))
    assert (
        "This cannot be judged: every recall question differs from a trained one in the ending alone" in text
    )
    assert "판단할 수 없습니다. 학습 사실(recall) 질문이 모두" in section(page, "verdict")
    assert "light: only the ending differs 40" in english(section(page, "scores"))


@pytest.mark.parametrize(
    ("lookup", "words", "section_words"),
    [
        (
            "답 1",
            "Looking up the nearest training question, without any model, answers as well: 100.0% right",
            "adds nothing",
        ),
        ("틀림", None, "tuning adds to looking up"),
    ],
)
def test_the_verdict_says_when_looking_up_is_as_good(
    tmp_path: Path, lookup: str, words: str | None, section_words: str
) -> None:
    page = evaluated(tmp_path / "results", [("틀림", "답 1", lookup)] * 40)
    text = english(section(page, "verdict"))
    assert ("Do not use it yet" if words else "Ready to use") in text
    assert words in text if words else "Looking up the nearest" not in text
    assert section_words in english(section(page, "scores"))


def test_a_model_that_looking_up_beats_is_told_so(tmp_path: Path) -> None:
    page = evaluated(tmp_path / "results", [("틀림", "답 1" if i % 2 else "틀림", "답 1") for i in range(40)])
    assert "without any model, answers better: 100.0% right, tuned 50.0%" in english(section(page, "verdict"))
    assert "찾아보기 100.0%, 튜닝 50.0%" in section(page, "verdict")


def test_the_length_limit_is_told(page: str) -> None:
    text = english(section(page, "scores"))
    assert "Answers were cut at 32 tokens, by the lengths of references" in text
    assert "1 of 60 references are longer." in text


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ([("틀림", "답 1")] * 12, "Use it with care: asked in words that it never saw, it answers 100.0%"),
        (
            [("답 1", "틀림")] * 12,
            "worse than its base model, most answers are wrong and 12 questions are too few",
        ),
        ([("틀림", "답 1"), ("답 1", "틀림")] * 6, "Do not use it yet"),
        ([("틀림", "답 1")], "but that is not clearly better than its base model"),
    ],
)
def test_the_verdict_is_honest(tmp_path: Path, answers: list[tuple[str, str]], sentence: str) -> None:
    records = [FIXTURE["prediction"](i, *pair, "답 1") for i, pair in enumerate(answers)]
    folder = tmp_path / "results" / "evaluate" / "demo"
    write_lines(folder / "predictions.jsonl", records)
    write_json(folder / "metrics.json", to_json(summarise(records)))
    text = english(section(written(tmp_path / "results", ["demo"]), "verdict"))
    assert sentence in text
    assert f"Held-out questions asked: only {len(answers)}." in text


def test_a_score_without_figures_is_not_zero(tmp_path: Path) -> None:
    records = [FIXTURE["prediction"](i, "모름", "가람시", "가람시") for i in range(4)]
    folder = tmp_path / "results" / "evaluate" / "demo"
    write_lines(folder / "predictions.jsonl", records)
    write_json(folder / "metrics.json", to_json(summarise(records)))
    assert "not available : no reference holds a number or code" in english(
        section(written(tmp_path / "results", ["demo"]), "scores")
    )


def test_a_score_without_words_of_its_own_is_shown_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SCORES, "same_length", lambda said, wanted: float(len(said) == len(wanted)))
    results = FIXTURE["make_results"](tmp_path / "results")
    assert "same length" in english(section(written(results, ["demo"]), "scores"))


def test_metrics_of_an_earlier_program_have_fewer_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = FIXTURE["make_results"](tmp_path / "results")
    monkeypatch.setitem(SCORES, "newer", lambda said, wanted: 1.0)
    assert "newer" not in english(section(written(results, ["demo"]), "scores"))


def test_tuning_and_looking_up_are_compared_in_a_sentence(page: str) -> None:
    text = english(section(page, "scores"))
    assert "On this data tuning and retrieval together answer best." in text
    assert "Ahead of the second best ( tuning ) by +18.0 points, 95% interval +7.0 to +29.0." in text
    assert "base model with retrieval 45.0% 45.0% 45.0% 60 + 12 0.41" in text


@pytest.mark.parametrize("best", ["neither", "tuning", "retrieval", "both"])
@pytest.mark.parametrize("clear", [True, False])
def test_every_verdict_on_retrieval_has_its_sentence(tmp_path: Path, best: str, clear: bool) -> None:
    results = FIXTURE["make_results"](tmp_path / "results", questions=8)
    path = results / "evaluate/demo/metrics.json"
    metrics = read_json(path)
    metrics["retrieval"] |= {"best": best, "clear": clear}
    write_json(path, metrics)
    text = english(section(written(results, ["demo"]), "scores"))
    assert ("On this data no way is clearly best" in text) != clear


def test_a_judge_is_shown_with_how_far_to_trust_it(tmp_path: Path) -> None:
    results = FIXTURE["make_results"](tmp_path / "results")
    text = english(section(written(results, ["demo"]), "scores"))
    found = read_json(results / "evaluate/demo/metrics.json")["judge"]
    agreed, better = found["agreement"]["tuned"], found["better"]
    assert f"Verdicts of an LLM as judge {found['questions']} questions" in text
    assert f"the tuned model on {found['right']['tuned']:.1%} of {found['right']['n']} questions" in text
    assert f"{agreed['share']:.1%} {agreed['kappa']:.2f} Shown both answers in both orders" in text
    assert (
        f"{better['disagreed']} of {better['n'] - better['alike']} pairs (position bias), which count as ties"
        in text
    )
    assert "No verdict could be read for 2 answers and 0 pairs" in text
    assert "Cost: 188 requests, 61,004 prompt tokens and 4,700 completion tokens" in text
    assert "Where judge and exact match disagree" in text and "Verdict wrong :" in text


@pytest.mark.parametrize(
    ("absent", "words", "korean"),
    [
        ({"why": "no_question"}, "no question of recall to judge", "판정할 학습 사실(recall) 질문 없음"),
        (
            {
                "why": "server",
                "detail": "evaluate.judge: http://127.0.0.1:9/v1: cannot be reached (ConnectError) after 6 "
                "tries; start the server, or raise timeout or retries; what it answered is kept",
            },
            "the server did not answer, or refused evaluate.judge: http://127.0.0.1:9/v1: cannot be reached",
            "http://127.0.0.1:9/v1에 연결할 수 없습니다(ConnectError, 6번 시도)",
        ),
    ],
)
def test_a_judge_that_was_not_available_says_why(tmp_path: Path, absent, words: str, korean: str) -> None:
    results = FIXTURE["make_results"](tmp_path / "results", questions=8)
    path = results / "evaluate/demo/metrics.json"
    write_json(path, read_json(path) | {"judge": msgspec.to_builtins(JudgeMetrics("large", 7, **absent))})
    part = section(written(results, ["demo"]), "scores")
    assert f"not available : {words}" in english(part)
    assert korean in part


def test_a_judge_of_pairs_alone_has_no_shares_that_are_right(tmp_path: Path) -> None:
    results = FIXTURE["make_results"](tmp_path / "results", questions=8)
    path = results / "evaluate/demo/metrics.json"
    only_pairs = Judgement(None, None, "tuned", ["tuned", "tuned"])
    answer = FIXTURE["prediction"](1, "", "", "", judge=only_pairs)
    judged = msgspec.to_builtins(summarise_verdicts("large", [answer]))
    write_json(path, read_json(path) | {"judge": judged})
    text = english(section(written(results, ["demo"]), "scores"))
    assert "it prefers the tuned model's 1 times" in text
    assert "finds the base model right" not in text and "Cohen's kappa" not in text


def test_every_line_of_a_server_that_fails_has_its_korean() -> None:
    """The lines of qaloom.inference.openai_client, with their values."""
    place = "evaluate.judge: http://127.0.0.1:9/v1"
    remedy = "start the server, or raise timeout or retries; what it answered is kept"
    tried = [
        f"{place}: {what} after {tries}; {remedy}"
        for what in ("cannot be reached (ConnectError)", "no answer within 0.5 s", "answers 503")
        for tries in ("one try", "6 tries")
    ]
    refused = [
        "401; set the key in the variable that evaluate.judge.key_env names (None)",
        "403; the key in MY_KEY has no access to gpt",
        "404; check evaluate.judge.url (it usually ends in /v1) and model (gpt)",
        "400; see the server's log",
    ]
    refused += [f"{line}; it says: context too long (9)" for line in refused]
    refused.append("308; it moved to https://elsewhere/v1; set evaluate.judge.url")
    lines = tried + [f"{place}: answers {what}" for what in refused]
    assert [line for line in lines if 'lang="ko"' not in translated(line)] == []
    assert all("서버 응답: context too long (9)<" in translated(line) for line in lines if "it says" in line)


def test_what_was_forgotten_is_shown_with_examples(page: str) -> None:
    text = english(section(page, "scores"))
    assert "Yes: on general prompts the tuned model continues much as the base model does." in text
    assert "Korean 15 81.0% 3.10 → 4.40 3.10 → 4.40" in text
    assert "봄이 온다" in text


def test_what_is_made_up_is_shown_beside_over_refusal(page: str) -> None:
    text = english(section(page, "scores"))
    assert "Where it cannot know" in text
    assert re.search(r"look-alikes 2 make something up 50.0% .* 100.0%", text)
    assert "abstain although it was taught" in text and "벼리늘 연구동 → 윤슬 연구동" in text
    assert "makes something up in 100.0% of 2 cases" in english(section(page, "verdict"))


def test_made_up_answers_that_cannot_be_measured_say_why(tmp_path: Path) -> None:
    results = FIXTURE["make_results"](tmp_path / "results", questions=0)
    text = english(section(written(results, ["demo"]), "scores"))
    assert "look-alikes : no trained question names a thing, number or code" in text


def test_grounded_answers_stand_beside_the_model_alone_and_looking_up(tmp_path: Path) -> None:
    """Where they were measured: the page of a run without them is as before."""
    results = FIXTURE["make_results"](tmp_path / "results", questions=4)
    path = results / "evaluate/demo/metrics.json"
    assert "grounded" not in section(written(results, ["demo"]), "scores")
    share = {"n": 50, "count": 40, "share": 0.8, "low": 0.67, "high": 0.89}
    rates = {"abstains": share | {"share": 0.1}, "made_up": share | {"share": 0.3}, "empty": share}
    arms = {arm: rates | {"right": share} for arm in ("tuned", "lookup", "grounded")}
    parts = {part: {"n": 50, "models": arms} for part in ("recall", "unseen", "lookalike")}
    right = {"n": 50, "base": 0.7, "tuned": 0.8, "difference": 0.1, "low": 0.01, "high": 0.2, "p": 0.04}
    grounded = {"rows": 3, "likeness": 0.2, "parts": parts, "right": right, "cited": share}
    write_json(path, read_json(path) | {"grounded": grounded})
    text = english(section(written(results, ["demo"]), "scores"))
    assert "the model is right on 80.0% of the questions about taught facts; alone 80.0%" in text
    assert "Grounded less alone: +10.0 points, 95% interval +1.0 to +20.0." in text
    assert "Of look-alikes it makes up 30.0% (alone 30.0%). 80.0% of its 50 answers" in text


def test_every_fact_is_in_the_ledger_with_what_was_learned(page: str) -> None:
    part = section(page, "facts")
    text = english(part)
    assert re.search(r"\d+ not learned: wrong in every wording", text)
    assert "kept from training (unseen)" in text
    data = json.loads(re.search(r'id="facts-data">(.*?)</script>', part, re.DOTALL)[1])
    assert [run["name"] for run in data] == ["demo"] and len(data[0]["rows"]) == 60
    assert {row[0] for row in data[0]["rows"]} == {"all", "none", "not_taught"}
    assert data[0]["rows"][0][0] == "none"


def test_a_large_ledger_is_cut_and_says_where_all_of_it_is(tmp_path: Path) -> None:
    results = FIXTURE["make_results"](tmp_path / "results", questions=2100)
    part = section(written(results, ["demo"]), "facts")
    assert "The first 2,000 of 2,100 facts, those not learned first" in english(part)
    assert "results/evaluate/demo/facts.jsonl" in part
    assert (
        len(json.loads(re.search(r'id="facts-data">(.*?)</script>', part, re.DOTALL)[1])[0]["rows"]) == 2000
    )


def test_failures_say_what_may_mend_them(page: str) -> None:
    text = english(section(page, "scores"))
    causes = [int(n) for n in re.findall(r"(?:contradict each other|few wordings in training) : (\d+)", text)]
    assert len(causes) == 2 and sum(causes) == int(re.search(r"their causes (\d+)", text)[1])
    assert "Correct the rows named under contradictions." in text
    assert "Nearest training row" in text and "data/demo/office-en.qa.jsonl, line 9" in text


def test_the_prompts_that_the_base_was_tried_in_are_named(page: str) -> None:
    text = english(section(page, "scores"))
    assert "suited it best: its own chat template ." in text
    assert "exact match 0.0%, character F1 8.0%" in text


def test_an_empty_part_says_why(tmp_path: Path) -> None:
    results = FIXTURE["make_results"](tmp_path / "results", questions=4)
    path = results / "evaluate/demo/metrics.json"
    metrics = read_json(path)
    metrics["unseen"]["why"] = "other_origins"
    write_json(path, metrics)
    assert "is of other origins than evaluate.origins names" in english(
        section(written(results, ["demo"]), "scores")
    )


def test_runs_stand_side_by_side(tmp_path: Path) -> None:
    results = FIXTURE["make_results"](tmp_path / "results", runs=("quick", "slow"))
    scores = english(section(written(results, ["quick", "slow"]), "scores"))
    assert "Runs side by side" in scores
    assert scores.count("quick") == scores.count("slow") == 3
    assert "quick – slow" in scores and "p (Holm)" in scores
    comparison = read_json(tmp_path / "results/report/comparison.json")
    assert set(comparison["runs"]) == {"quick", "slow"}
    assert comparison["runs"]["slow"]["p_holm"] >= comparison["runs"]["slow"]["p"]
    assert comparison["pairs"][0]["difference"] < 0


def test_exports_are_shown_with_what_is_wrong(tmp_path: Path) -> None:
    results = FIXTURE["make_results"](tmp_path / "results")
    assert 'id="exports"' not in written(results, ["demo"])
    score = {"tuned": 0.7, "export": 0.2, "n": 10, "difference": -0.5, "low": -0.7, "high": -0.3, "p": 0.01}
    found = {
        "format": "merged", "adapter": "1" * 64, "runtime": "transformers 5", "n": 10, "same": 3, "exact_match": score,
        "ended": {"tuned": 10, "export": 9}, "prompts": {"n": 20, "same": 20, "first": None},
        "differing": [{"id": "1", "question": FIXTURE["NASTY"], "reference": "a", "tuned": "a", "export": "b"}],
    }  # fmt: skip
    write_json(results / "parity/demo/merged.json", found)
    write_json(results / "parity/demo/adapter.json", found | {"format": "adapter"})
    out, config = (
        results / "index.html",
        {"export": defaults()["export"] | {"formats": ["merged"], "max_drop": 0.1}},
    )
    report(results, ["demo"], out, {"config": config})
    text = english(section(out.read_text("utf-8"), "exports"))
    assert "merged not released 3 / 10 70.0% → 20.0% −70.0 to −30.0 9 / 10 20 / 20 transformers 5" in text
    assert "exact match falls from 0.70 to 0.20, more than export.max_drop (0.1) allows" in text
    assert "adapter" not in text
    assert "정확 일치가 0.70에서 0.20로 떨어져" in section(out.read_text("utf-8"), "exports")
    assert "<script>document.title" not in out.read_text("utf-8")
    config["export"]["max_drop"] = 0.6
    report(results, ["demo"], out, {"config": config})
    assert "merged answers as trained" in english(section(out.read_text("utf-8"), "exports"))


def test_the_same_results_give_the_same_page(tmp_path: Path) -> None:
    results = FIXTURE["make_results"](tmp_path / "results")
    assert written(results, ["demo"]) == written(results, ["demo"])


def test_metrics_of_another_version_are_one_line(tmp_path: Path) -> None:
    results = FIXTURE["make_results"](tmp_path / "results", questions=4)
    path = results / "evaluate/demo/metrics.json"
    metrics = read_json(path)
    metrics["retrieval"]["arms"] = metrics["retrieval"].pop("models")
    write_json(path, metrics)
    with pytest.raises(DataError, match=r"another version of QA Loom .*models.*run the workflow again"):
        written(results, ["demo"])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        report(tmp_path / "nowhere", [], tmp_path / "out.html", {})


def test_paraphrases_have_a_table_and_examples_of_kept_and_dropped(tmp_path: Path) -> None:
    from qaloom.augment.stage import augment
    from qaloom.config.load import complete
    from qaloom.records import Paraphrases, Row

    question = "Where are the spare keys kept?"
    write_lines(tmp_path / "rows.jsonl", [Row("1", question, "", "Room 3", "a.jsonl", 7, "doc", "{}")])
    proposals = [
        "Where are the keys kept that are spare?",
        *(f"Where are spare {n} kept?" for n in "abcdefghijkl"),
    ]
    write_lines(tmp_path / "shard.jsonl", [Paraphrases(question, "seq2seq", proposals)])
    chosen = {"providers": ["rules", "seq2seq"], "wordings": 20}
    settings = complete({"data": {"sources": ["a"]}, "runs": {"one": {}}, "augment": chosen})["augment"]
    augment(tmp_path / "rows.jsonl", tmp_path / "results/augment", settings, [tmp_path / "shard.jsonl"])
    text = english(section(written(tmp_path / "results", []), "rows"))
    assert re.search(r"Made by rules backtranslation proposed \d 13 accepted \d 1 dropped: ", text)
    assert f"Question {question} backtranslation {proposals[0]}" in text
    assert "0 of 1 facts have 20 wordings or more. The wordings of a fact are 0." in text
    assert text.count(f"Rewords: {question}") == 10


@pytest.mark.parametrize(
    ("sentence", "korean"),
    [
        ("the same as data/demo/a.qa.jsonl, line 7", "data/demo/a.qa.jsonl 7번째 줄과 같습니다"),
        ("the question has 9,001 characters, more than 8,000", "질문이 9,001자로, 8,000자보다 깁니다"),
        ("micro-batch 2, 4 to a step: the quickest that fits", "마이크로 배치 2, 스텝마다 4번"),
        ("16bit: the most precise that fits (78.1 GB free on NVIDIA H100)", "NVIDIA H100에 78.1 GB 남음"),
        ("auto: lora.r 64 (1,500 million parameters)", "자동 설정: lora.r 64(파라미터 1,500M)"),
        ("output holds <b>, not a text", None),
        (duration(42.0), "42초"),
        (duration(663.1), "11분"),
        (duration(7801), "2시간 10분"),
    ],
)
def test_sentences_of_the_stages_are_said_in_both_languages(sentence: str, korean: str | None) -> None:
    said = translated(sentence)
    assert str(escape(sentence)) in said and ('lang="ko">' in said) == (korean is not None)
    assert korean is None or korean in said


def test_a_sentence_keeps_its_values_in_korean() -> None:
    """But for the s of a plural, and for units, which Korean does without."""
    for english, korean in yaml.safe_load(SENTENCES.read_text("utf-8")):
        left_out = set(re.findall(r"{\w+}", english)) ^ set(re.findall(r"{\w+}", korean))
        assert not {name for name in left_out if not re.fullmatch(r"{(s\d*|unit|none)}", name)}, english


def test_every_sentence_of_the_stages_has_its_korean() -> None:
    """What the sources write as a detail or a reason, with a value of the right kind in each place."""
    written = [
        text
        for name in (
            "dedup/filters",
            "dedup/cut_answers",
            "dedup/unclear_questions",
            "augment/paraphrase_filters",
            "augment/replies",
            "validate/lines",
            "validate/fields",
            "validate/dialogues",
            "validate/stage",
            "train/planning/plan",
            "export/parity_verdict",
            "split/notes",
        )
        for text in _written(LIBRARY.parent / f"{name}.py")
    ]
    assert len(written) > 40
    assert [text for text in written if 'lang="ko"' not in translated(text)] == []


def _written(path: Path) -> list[str]:
    """Second parts of `return False, "..."`, `return "code", "..."` and `Fault`; reasons; what is noted."""
    tree = ast.parse(path.read_text("utf-8"))
    returned = [part for node in ast.walk(tree) if isinstance(node, ast.Return) for part in ast.walk(node)]
    nodes = [node.elts[1] for node in returned if _is_verdict(node)]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    nodes += [call.args[1] for call in calls if getattr(call.func, "id", "") in ("Fault", "_Refused")]
    lists = [call for call in calls if getattr(call.func, "attr", "") == "append"]
    nodes += [call.args[0] for call in lists if ast.unparse(call.func) in ("wrong.append", "notes.append")]
    if (
        path.parent.name == "dedup" or path.stem == "notes"
    ):  # which return a sentence, or "" where nothing is wrong
        nodes += [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and _is_sentence(node.value)
        ]
    if path.stem == "plan":
        why = [f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) and f.name.startswith("_why_")]
        nodes += [r.value for f in why for r in ast.walk(f) if isinstance(r, ast.Return)]
    return [text for node in nodes if (text := _sample(node))]


def _is_sentence(node: ast.AST | None) -> bool:
    text = ast.unparse(node).lstrip("f'\"") if isinstance(node, ast.Constant | ast.JoinedStr) else ""
    return bool(text) and text.startswith(
        ("the ", "there ", "all ", "recall ", "unseen ", "no ", "{light", "{units")
    )


def _is_verdict(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.elts[0], ast.Constant)):
        return False
    return node.elts[0].value is False or isinstance(node.elts[0].value, str)


def _sample(node: ast.AST) -> str:
    """A text as it may come out; empty for what is no text or is made elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if " " in node.value else ""
    if not isinstance(node, ast.JoinedStr) or not isinstance(
        node.values[0], ast.Constant | ast.FormattedValue
    ):
        return ""
    values = {
        "what": "fact",
        r"'s' \*": "s",
        "cut": "inside a quotation",
        "name": "answer",
        "found": "Korean",
        "wanted": "English",
        "kind": "a list",
        "among": "",
        "where": "at character 7",
        "free": "7 GB free on 7",
        "needs_gpu": "",
    }
    parts = [
        part.value if isinstance(part, ast.Constant)
        else next((v for k, v in values.items() if re.search(rf"{k}(?!\[)", ast.unparse(part.value))), "7")
        for part in node.values
    ]  # fmt: skip
    return "".join(parts) if any(" " in part for part in parts) else ""


def test_the_report_loads_no_model_library():
    """It takes a second then, and runs on a machine without one."""
    code = "import sys, qaloom.report.stage; sys.exit(bool({'torch', 'transformers'} & {*sys.modules}))"
    subprocess.run([sys.executable, "-c", code], check=True)
