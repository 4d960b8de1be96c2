"""Write a small, invented results folder in the shape that the stages leave it, for tests of the report."""

import random
from pathlib import Path
from typing import Any

from qaloom.evaluate.fact_records import (
    AskedWording,
    FactSource,
    LedgerFact,
    LookAlikeAnswers,
    TrainedWording,
)
from qaloom.evaluate.hallucination import made_up
from qaloom.evaluate.judge_figures import summarise_verdicts
from qaloom.evaluate.metrics import scores
from qaloom.evaluate.metrics_json import to_json
from qaloom.evaluate.results import (
    AnswerLimit,
    Cost,
    Failure,
    Forgetting,
    ForgettingPart,
    GeneralAnswers,
    JudgeCost,
    Judgement,
    NearestTrainingRow,
    Paired,
    PairedPerplexity,
    Prediction,
    PromptQuality,
    RetrievalComparison,
    Verdict,
)
from qaloom.evaluate.summary import compare_lookup, summarise
from qaloom.files import write_json, write_lines

BASE_SHA = "5f" * 32
ENDLESS = "The archive is in the room that is in the archive. " * 40  # a base model that never ends
NASTY = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)> & \"quoted\""


def make_results(folder: Path, questions: int = 60, runs: tuple[str, ...] = ("demo",)) -> Path:
    """Fill `folder` with the files of every stage; `questions` are asked of each run. Returns it."""
    for stage in (_validate, _dedup, _augment, _split):
        stage(folder)
    for number, run in enumerate(runs):
        _train(folder / "train" / run)
        _evaluate(folder / "evaluate" / run, questions, 0.8 - 0.5 * number)
    manifest = {"origin": "embedded:smollm2-135m-instruct", "sha256": BASE_SHA}
    write_json(folder / "base_model" / "smollm2" / "manifest.json", manifest)
    return folder


def prediction(number: int, base: str, tuned: str, reference: str, **more: Any) -> Prediction:
    """One line of predictions.jsonl."""
    lookup = more.get("lookup", f"{number % 3}층 안내 데스크")
    found = {
        "base": scores(base, reference),
        "tuned": scores(tuned, reference),
        "lookup": scores(lookup, reference),
    }
    fields: dict[str, Any] = {
        "id": f"{number:016x}",
        "split": "recall",
        "origin": "data",
        "language": "ko",
        "document": "handbook-ko.qa.jsonl",
        "question": f"벼리늘 {number}호 연구동의 출입 카드는 어디에서 받나요?",
        "reference": reference,
        "base": base,
        "tuned": tuned,
        "base_prompt": "chat",
        "cut": {"base": False, "tuned": False},
        "scores": {name: {model: found[model][name] for model in found} for name in found["base"]},
        "cost": {model: Cost(60, 12, 0.4) for model in ("base", "tuned")},
        "fact": f"{number:016x}",
        "lookup": lookup,
        "looked_up": "f" * 16,
        "nll": {"base": 2.5 + number % 7 / 10, "tuned": 0.5 + number % 5 / 10},
    }
    return Prediction(**fields | more)


def _evaluate(folder: Path, questions: int, skill: float) -> None:
    answers = _answers(questions, skill)
    judged = [answer for answer in answers if answer.split == "recall"]
    for number, answer in enumerate(judged):
        answer.judge = _judgement(number, answer.scores["exact_match"]["tuned"] == 1)
    write_lines(folder / "predictions.jsonl", answers)
    metrics = summarise(answers)
    look_alikes = _look_alikes() if questions else []
    metrics.made_up = made_up(answers, look_alikes)
    write_lines(folder / "lookalike.jsonl", look_alikes)
    write_lines(folder / "facts.jsonl", map(_ledger_fact, range(len(answers)), answers))
    if questions:
        metrics.judge = summarise_verdicts(NASTY, judged)
        metrics.judge.cost = JudgeCost(188, 61_004, 4_700)
        wrong = [answer for answer in judged if not answer.scores["right"]["tuned"]]
        write_lines(folder / "failures.jsonl", map(_failure, range(len(wrong)), wrong))
        general = _general_answers("ko", "봄을 주제로 시를 써 주세요.")
        write_lines(folder / "forgetting.jsonl", [general, _general_answers("en", NASTY)])
        metrics.lookup, metrics.answer_limit = compare_lookup(answers), AnswerLimit(32, "auto", questions, 1)
        metrics.retrieval, metrics.forgetting, metrics.base_prompt = _retrieval(), _forgetting(), "chat"
        metrics.base_prompts = {"chat": PromptQuality(0.0, 0.0, 0.21), "plain": PromptQuality(0.0, 0.0, 0.08)}
    write_json(folder / "metrics.json", to_json(metrics))


def _answers(questions: int, skill: float) -> list[Prediction]:
    chance = random.Random(7)
    answers = [prediction(0, NASTY, NASTY, "가람시 솔내구", question=NASTY)] if questions else []
    for number in range(1, questions):
        korean = number % 2 == 0
        reference = f"{number}층 안내 데스크" if korean else f"Room {number}, north wing"
        base = (
            "저는 인공지능이라 알 수 없습니다. 담당 부서에 문의해 주세요."
            if korean
            else "I'm not sure; please ask the office about that."
        )
        tuned = reference if chance.random() < skill else reference.replace(str(number), str(number + 1))
        about: dict[str, Any] = {
            "language": "ko" if korean else "en",
            "split": "unseen" if number % 6 == 0 else "recall",
        }
        about["document"] = (
            "handbook-ko.qa.jsonl" if korean else "scans/2024/office-en-second-edition-final.qa.jsonl"
        )
        about["origin"] = "rule" if number % 5 == 0 else "data"
        about["light"] = number % 20 == 5
        if not korean:
            about["question"] = f"Where is the archive of project {number} kept?"
        answers.append(prediction(number, base, tuned, reference, **about))
    if len(answers) > 3:
        answers[3].cut = {"base": True, "tuned": True}
        answers[3].base = ENDLESS
    return answers


def _failure(number: int, answer: Prediction) -> Failure:
    """A line of failures.jsonl; several causes each, the first of which is the main one."""
    return Failure(
        answer.id,
        answer.origin,
        answer.language,
        answer.document,
        answer.question,
        answer.reference,
        answer.tuned,
        0.8,
        0.7,
        answer.cut["tuned"],
        2,
        NearestTrainingRow("f" * 16, NASTY, "2층 안내 데스크"),
        [{"source": "data/demo/office-en.qa.jsonl", "line": 9, "output": NASTY}],
        ["contradicted", "few_wordings"] if number % 3 == 0 else ["few_wordings", "mixed_up"],
    )


def _general_answers(language: str, prompt: str) -> GeneralAnswers:
    nll = {"base": 1.1, "tuned": 1.5}
    return GeneralAnswers(language, prompt, "봄이 온다", NASTY, nll, nll, {"base": 0.99, "tuned": 0.81})


def _ledger_fact(number: int, answer: Prediction) -> LedgerFact:
    right = {model: answer.scores["exact_match"][model] == 1 for model in ("base", "tuned")}
    taught = answer.split == "recall"
    trained = [TrainedWording(f"{number:016x}", f"{answer.question} (학습)", "data")] if taught else []
    learned = ("all" if right["tuned"] else "none") if taught else "not_taught"
    asked = [AskedWording(answer.id, answer.question, answer.origin, False, right)]
    against = [{"source": "data/a.jsonl", "line": 9, "output": NASTY}] if number % 10 == 0 else []
    return LedgerFact(
        f"{number:016x}", answer.reference, "train" if taught else "unseen", learned, trained, asked, 0,
        [FactSource(answer.document, f"data/{answer.document}", number + 1)], 1.5, 0.4, against,
    )  # fmt: skip


def _look_alikes() -> list[LookAlikeAnswers]:
    known = {"base": "모르겠습니다.", "tuned": "3층 안내 데스크"}
    says_no = {"base": "abstains", "tuned": "made_up"}
    named = LookAlikeAnswers(
        "a" * 16,
        "윤슬 연구동은 어디인가요?",
        "0" * 16,
        "벼리늘 연구동",
        "윤슬 연구동",
        "name",
        known,
        says_no,
    )
    code = LookAlikeAnswers(
        "b" * 16,
        NASTY,
        "0" * 16,
        "",
        NASTY,
        "name",
        dict.fromkeys(known, NASTY),
        dict.fromkeys(known, "made_up"),
    )
    return [named, code]


def _retrieval() -> RetrievalComparison:
    shares = {"base": 0.02, "tuned": 0.7, "base_retrieved": 0.45, "tuned_retrieved": 0.88}
    cost = {"prompt_tokens": 60.2, "new_tokens": 12.4, "seconds": 0.41}
    names = ("contains_reference", "exact_match", "char_f1")
    models = {model: dict.fromkeys(names, share) | cost for model, share in shares.items()}
    by, best, second = "contains_reference", "both", "tuning"
    return RetrievalComparison(50, 3, by, models, best, second, True, 0.18, 0.07, 0.29, 0.002)


def _judgement(number: int, right: bool) -> Judgement:
    """A judge that agrees with exact match but for every eighth answer, and gives no verdict on two."""
    word = "right" if right != (number % 8 == 7) else "wrong"
    orders: list[str | None] = ["tuned", "tuned" if number % 5 else "base"] if number % 9 else []
    return Judgement(
        Verdict("wrong"),
        Verdict(word, NASTY) if number not in (1, 2) else None,
        "tie" if len(set(orders)) != 1 else "tuned",
        orders,
    )


def _forgetting() -> Forgetting:
    agreement = Paired(15, 0.99, 0.81, -0.18, -0.25, -0.1, 0.001)
    perplexity = PairedPerplexity(15, 3.1, 4.4, 1.42, 1.2, 1.6, 0.001)
    part = ForgettingPart(15, perplexity, perplexity, agreement, "kept")
    return Forgetting(30, perplexity, perplexity, agreement, "kept", {"ko": part, "en": part})


def _train(folder: Path) -> None:
    device = {"kind": "cpu", "name": "CPU, 2 threads", "free_bytes": 6.1e9, "total_bytes": 8.2e9, "count": 1}
    plan = {
        "device": device | {"capability": None, "driver": None, "speeds": {"bfloat16": 5.485e9}},
        "gpus": 1,
        "precision": "16bit",
        "dtype": "bfloat16",
        "micro_batch": 8,
        "accumulation": 2,
        "effective_batch": 16,
        "effective_tokens": None,
        "checkpointing": False,
        "graphs": False,
        "packing": False,
        "optimizer": "adamw_torch",
        "offload_embedding": False,
        "attention": "sdpa",
        "max_length": 2048,
        "longest_row": 312,
        "cut_rows": 0,
        "predicted_memory_bytes": 3_900_000_000,
        "why": [
            "16bit: a CPU holds the weights in full",
            "micro-batch 8, 2 to a step: the quickest that fits",
        ],
        "fallbacks": [],
        "steps": 120,
        "prompt": "chat",
        "most_packs": None,
    }
    measured = {
        "seconds": 312.4, "steps": 120, "median_step_seconds": 2.51, "rows_per_second": 6.3,
        "resumed_from": None, "first_loss": 2.8, "last_loss": 0.28, "best_step": 120,
        "best_validation_loss": 0.58, "peak_memory_bytes": 3_400_000_000, "peak_allocated_bytes": None,
        "loading_peak_bytes": None,
    }  # fmt: skip
    write_json(folder / "plan.json", plan)
    write_json(folder / "metrics.json", measured)
    write_json(folder / "manifest.json", {"base": BASE_SHA, "prompt": "chat"})
    history = [{"step": float(step), "loss": 3 / (1 + step / 12)} for step in range(1, 121)]
    history += [{"step": float(step), "eval_loss": 0.4 + 2 / (1 + step / 12)} for step in range(20, 121, 20)]
    write_lines(folder / "history.jsonl", history)


def _rejection(
    source: str, line: int, reason: str, detail: str, question: str, answer: str, **more: Any
) -> dict:
    row = {"QUESTION": question, "ANSWER": answer}
    return {"source": source, "line": line, "reason": reason, "detail": detail, "row": row, **more}


def _stage(folder: Path, taken: int, rejections: list[dict], **counts: Any) -> None:
    reasons: dict[str, int] = {}
    for one in rejections:
        reasons[one["reason"]] = reasons.get(one["reason"], 0) + 1
    write_lines(folder / "rejected.jsonl", rejections)
    stats = {"in": taken, "out": taken - len(rejections), "rejected": len(rejections), "reasons": reasons}
    write_json(folder / "stats.json", stats | counts)


def _validate(folder: Path) -> None:
    file = "data/demo/handbook-ko.qa.jsonl"
    broken = {
        "source": file,
        "line": 41,
        "reason": "not_json",
        "detail": "Not JSON: expected ',' at column 18.",
        "row": '{"QUESTION": "본원 " NASTY }',
    }
    empty = [
        _rejection(
            file, 50 + i, "empty_answer", "the answer is empty", f"{i}동의 소방 훈련은 언제인가요?", ""
        )
        for i in range(5)
    ]
    nasty = _rejection(file, 60, "mojibake", NASTY, NASTY, NASTY)
    repairs = {"mojibake": 3, "nfc": 12, "whitespace": 5}
    _stage(folder / "validate", 250, [broken, *empty, nasty], blank=2, repairs=repairs)


def _dedup(folder: Path) -> None:
    survivor = {"id": "a" * 16, "source": "data/demo/handbook-ko.qa.jsonl", "line": 12, "score": 0.96}
    detail = "Question 96 % like the kept row's, answer equal."
    same = [
        _rejection(
            "data/demo/office-en.qa.jsonl",
            i,
            "near_duplicate",
            detail,
            "When does the canteen open?",
            "At 11:30",
            survivor=survivor,
        )
        for i in range(1, 31)
    ]
    _stage(folder / "dedup", 243, same, clusters=61, missing_spaces=0, pii={"email": 2, "phone": 1})
    write_lines(
        folder / "dedup" / "contradictions.jsonl",
        [{"rows": [_side("a" * 16, 12, 27), _side("b" * 16, 77, 72)], "score": 1.0}],
    )


def _side(id: str, line: int, number: int) -> dict[str, Any]:
    texts = {"instruction": "본원의 주소는 어디인가요?", "output": f"가람시 솔내구 물빛로 {number}"}
    return {"id": id, "source": "data/demo/handbook-ko.qa.jsonl", "line": line, **texts}


def _augment(folder: Path) -> None:
    _stage(folder / "augment", 400, [], proposed=187, augmented=187)


def _split(folder: Path) -> None:
    about = {"source": "data/demo/office-en.qa.jsonl", "origin": "data"}
    placed = [
        {"id": f"{i:016x}", "split": "train", "why": "by_hash", "line": i, **about} for i in range(1, 391)
    ]
    write_lines(folder / "split" / "placement.jsonl", placed)
    parts = {
        part: {"rows": n, "origins": {"data": n}, "sha256": "ab" * 32}
        for part, n in (("train", 320), ("recall", 50), ("unseen", 20))
    }
    facts = {"train": 40, "recall": 30, "unseen": 8}
    manifest = {
        **parts,
        "facts": facts,
        "lookalike": 12,
        "notes": [f"48 facts: few. {NASTY}"],
    }
    write_json(folder / "split" / "manifest.json", manifest)
    checks = {"unseen_question": {"compared": 6400, "leaks": 0, "first": []}}
    write_json(
        folder / "split" / "audit.json", {"leaks": 0, "threshold": 0.9, "by": "answer", "checks": checks}
    )
