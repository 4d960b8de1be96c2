"""Write a small, invented results folder in the shape that the stages leave it, for tests of the report."""

import random
from pathlib import Path
from typing import Any

from qaloom.evaluate.judge_figures import verdicts
from qaloom.evaluate.metrics import scores
from qaloom.evaluate.summary import summarise
from qaloom.files import write_json, write_lines

NASTY = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)> & \"quoted\""


def make_results(folder: Path, questions: int = 60, runs: tuple[str, ...] = ("demo",)) -> Path:
    """Fill `folder` with the files of every stage; `questions` are asked of each run. Returns it."""
    for stage in (_validate, _dedup, _augment, _split):
        stage(folder)
    for number, run in enumerate(runs):
        _train(folder / "train" / run)
        _evaluate(folder / "evaluate" / run, questions, 0.8 - 0.5 * number)
    manifest = {"origin": "embedded:smollm2-135m-instruct", "sha256": "5f" * 32}
    write_json(folder / "base_model" / "smollm2" / "manifest.json", manifest)
    return folder


def prediction(number: int, base: str, tuned: str, reference: str, **more: Any) -> dict[str, Any]:
    """One line of predictions.jsonl."""
    found = {"base": scores(base, reference), "tuned": scores(tuned, reference)}
    record = {
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
        "scores": {name: {side: found[side][name] for side in found} for name in found["base"]},
    }
    return record | more


def _evaluate(folder: Path, questions: int, skill: float) -> None:
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
        about = {"language": "ko" if korean else "en", "split": "unseen" if number % 6 == 0 else "recall"}
        about["document"] = (
            "handbook-ko.qa.jsonl" if korean else "scans/2024/office-en-second-edition-final.qa.jsonl"
        )
        about["origin"] = "rule" if number % 5 == 0 else "data"
        if not korean:
            about["question"] = f"Where is the archive of project {number} kept?"
        answers.append(prediction(number, base, tuned, reference, **about))
    if len(answers) > 3:
        answers[3]["cut"] = {"base": True, "tuned": True}
    judged = [answer for answer in answers if answer["split"] == "recall"]
    for number, answer in enumerate(judged):
        answer["judge"] = _judged(number, answer["scores"]["exact_match"]["tuned"] == 1)
    write_lines(folder / "predictions.jsonl", answers)
    metrics = summarise(answers, 1000, 7)
    if questions:
        cost = {"requests": 188, "prompt_tokens": 61_004, "completion_tokens": 4_700}
        metrics["judge"] = (
            {"model": NASTY, "questions": len(judged)} | verdicts(judged, 500, 7) | {"cost": cost}
        )
        wrong = [a for a in answers if a["split"] == "recall" and not a["scores"]["exact_match"]["tuned"]]
        write_lines(folder / "failures.jsonl", map(_failure, wrong))
        talk = {
            "language": "ko",
            "prompt": "봄을 주제로 시를 써 주세요.",
            "base": "봄이 온다",
            "tuned": NASTY,
        }
        write_lines(folder / "forgetting.jsonl", [talk, talk | {"language": "en", "prompt": NASTY}])
        metrics |= {"retrieval": _retrieval(), "forgetting": _forgetting(), "base_prompt": "chat"}
        metrics["base_prompts"] = {
            "chat": {"exact_match": 0.0, "char_f1": 0.21},
            "plain": {"exact_match": 0.0, "char_f1": 0.08},
        }
    write_json(folder / "metrics.json", metrics)


def _failure(answer: dict[str, Any]) -> dict[str, Any]:
    """A line of failures.jsonl."""
    nearest = {"id": "f" * 16, "question": NASTY, "answer": "2층 안내 데스크"}
    against = [{"source": "data/demo/office-en.qa.jsonl", "line": 9, "output": NASTY}]
    about = {"nearest": nearest, "wordings": 2, "contradicted_by": against, "char_f1": 0.8}
    return answer | about | {"causes": ["contradicted", "few_wordings"]}


def _retrieval() -> dict[str, Any]:
    ways = {"base": 0.02, "tuned": 0.7, "base_retrieved": 0.45, "tuned_retrieved": 0.88}
    scores = ("contains_reference", "exact_match", "char_f1")
    cost = {"prompt_tokens": 60.2, "new_tokens": 12.4, "seconds": 0.41}
    return {
        "n": 50,
        "rows": 3,
        "by": "contains_reference",
        "arms": {way: dict.fromkeys(scores, share) | cost for way, share in ways.items()},
        "best": "both",
        "second": "tuning",
        "clear": True,
        **{"difference": 0.18, "low": 0.07, "high": 0.29, "p": 0.002},
    }


def _judged(number: int, right: bool) -> dict[str, Any]:
    """A judge of the same mind as exact match but for every eighth answer, and without a verdict on two."""
    word = "right" if right != (number % 8 == 7) else "wrong"
    orders = ["tuned", "tuned" if number % 5 else "base"] if number % 9 else []
    return {
        "base": {"verdict": "wrong", "reason": ""},
        "tuned": {"verdict": word, "reason": NASTY} if number not in (1, 2) else None,
        "better": "tie" if len(set(orders)) != 1 else "tuned",
        "orders": orders,
    }


def _forgetting() -> dict[str, Any]:
    mean = {"n": 15, "base": 0.99, "tuned": 0.81, "difference": -0.18, "low": -0.25, "high": -0.1, "p": 0.001}
    perplexity = {"n": 15, "base": 3.1, "tuned": 4.4, "ratio": 1.42, "low": 1.2, "high": 1.6, "p": 0.001}
    part = {"n": 15, "perplexity": perplexity, "own_answers": perplexity, "agreement": mean, "kind": "kept"}
    return part | {"n": 30, "by": {"ko": part, "en": part}}


def _train(folder: Path) -> None:
    plan = {
        "device": "CPU, 2 threads",
        "precision": "float32",
        "micro_batch": 8,
        "accumulation": 1,
        "checkpointing": False,
        "packing": False,
        "optimizer": "adamw_torch",
        "attention": "sdpa",
        "why": ["No GPU was found: Unsloth's CPU backend is used."],
    }
    write_json(folder / "plan.json", plan)
    write_json(
        folder / "metrics.json",
        {"seconds": 312.4, "train_loss": 0.412, "steps": 120, "peak_memory_bytes": 2.1e9},
    )
    history = [{"step": step, "loss": 3 / (1 + step / 12), "learning_rate": 1e-4} for step in range(1, 121)]
    history += [{"step": step, "eval_loss": 0.4 + 2 / (1 + step / 12)} for step in range(20, 121, 20)]
    write_lines(folder / "history.jsonl", history)


def _rejection(
    source: str, line: int, reason: str, detail: str, question: str, answer: str, **more: Any
) -> dict:
    row = {"QUESTION": question, "ANSWER": answer}
    return {"source": source, "line": line, "reason": reason, "detail": detail, "row": row, **more}


def _stage(folder: Path, taken: int, rejections: list[dict]) -> None:
    reasons: dict[str, int] = {}
    for one in rejections:
        reasons[one["reason"]] = reasons.get(one["reason"], 0) + 1
    write_lines(folder / "rejected.jsonl", rejections)
    stats = {"in": taken, "out": taken - len(rejections), "rejected": len(rejections), "reasons": reasons}
    write_json(folder / "stats.json", stats)


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
    _stage(folder / "validate", 250, [broken, *empty, nasty])


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
    _stage(folder / "dedup", 243, same)
    write_lines(
        folder / "dedup" / "contradictions.jsonl",
        [{"rows": [_side("a" * 16, 12, 27), _side("b" * 16, 77, 72)], "score": 1.0}],
    )


def _side(id: str, line: int, number: int) -> dict[str, Any]:
    texts = {"instruction": "본원의 주소는 어디인가요?", "output": f"가람시 솔내구 물빛로 {number}"}
    return {"id": id, "source": "data/demo/handbook-ko.qa.jsonl", "line": line, **texts}


def _augment(folder: Path) -> None:
    _stage(folder / "augment", 400, [])


def _split(folder: Path) -> None:
    about = {"source": "data/demo/office-en.qa.jsonl", "origin": "data"}
    placed = [
        {"id": f"{i:016x}", "split": "train", "why": "by_hash", "line": i, **about} for i in range(1, 390)
    ]
    placed.append(
        {"id": "c" * 16, "split": "aside", "why": "touches_train", "line": 390, "near": f"{7:016x}", **about}
    )
    write_lines(folder / "split" / "placement.jsonl", placed)
    row = {"id": "c" * 16, "instruction": "When does the canteen close?", "input": "", "output": "At 14:00"}
    write_lines(folder / "augment" / "rows.jsonl", [row])
    parts = {
        part: {"rows": n, "origins": {"data": n}, "sha256": "ab" * 32}
        for part, n in (("train", 320), ("recall", 50), ("unseen", 20))
    }
    facts = {"train": 40, "recall": 30, "unseen": 8}
    manifest = {
        **parts,
        "facts": facts,
        "set_aside": {"touches_train": 1},
        "notes": [f"48 facts: few. {NASTY}"],
    }
    write_json(folder / "split" / "manifest.json", manifest)
    checks = {"unseen_question": {"compared": 6400, "leaks": 0, "first": []}}
    write_json(
        folder / "split" / "audit.json", {"leaks": 0, "threshold": 0.9, "by": "answer", "checks": checks}
    )
