"""A tiny model that was taught four answers, so that what an export loses can be seen."""

import json
from pathlib import Path
from typing import Any

from placements import placement

from qaloom.config.load import defaults
from qaloom.evaluate.stage import Sources, evaluate
from qaloom.files import file_digest, write_json, write_lines
from qaloom.inference.prompt import example, load_tokenizer

LIMIT = 24  # tokens of an answer
ROWS = [
    # id, question, answer
    ("01", "본원의 주소는?", "가람시"),
    ("02", "Where is it?", "Lantern Street"),
    ("03", "Who approves travel?", "the head"),
    ("04", "When does it open?", "at nine"),
]


def teach(base: Path, project: Path, steps: int = 120, **lora: Any) -> Path:
    """Train an adapter on ROWS until it says them, evaluate it, and return its project's folder.

    `lora` are further settings of peft's LoraConfig.
    The rows are trained and asked alike: whether they were held out does not matter here.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    tokenizer = load_tokenizer(base)
    target = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = LoraConfig(r=16, lora_alpha=32, target_modules=target, task_type="CAUSAL_LM", **lora)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype="float32"), config)
    examples = [example(tokenizer, "chat", question, "", answer) for _, question, answer in ROWS]
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=5e-3)
    for _ in range(steps):
        for one in examples:
            ids = torch.tensor([one.prompt + one.completion])
            labels = ids.clone()
            labels[0, : len(one.prompt)] = -100
            model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    run = project / "results/train/demo"
    model.save_pretrained(run)
    _noted(run, base, tokenizer, project)
    _split(project / "results/split")
    _evaluated(project, base, run)
    return project


def _noted(run: Path, base: Path, tokenizer: Any, project: Path) -> None:
    """The files that the rules train and base_model leave beside the weights."""
    tokenizer.save_pretrained(run)
    link = project / "results/base_model/tiny"
    link.parent.mkdir(parents=True)
    link.symlink_to(base)
    config = json.loads((run / "adapter_config.json").read_text())
    write_json(run / "adapter_config.json", config | {"base_model_name_or_path": "results/base_model/tiny"})
    write_json(run / "plan.json", {"precision": "32bit"})
    sha = json.loads((base / "manifest.json").read_text())["sha256"]
    lora = {"r": 16, "alpha": None, "dropout": 0, "target_modules": ["q_proj", "v_proj"]}
    settings = {"trust_remote_code": False, "method": "lora", "lora": lora}
    settings |= {"training": {"epochs": 1, "learning_rate": 0.005}}
    manifest = {"prompt": "chat", "adapter": "1" * 64, "base": sha, "settings": settings}
    write_json(run / "manifest.json", manifest | {"versions": {"torch": "2"}})


def _split(folder: Path) -> None:
    rows = [{"id": id, "instruction": q, "input": "", "output": a} for id, q, a in ROWS]
    for part, some in (("train", rows), ("recall", rows), ("unseen", [])):
        write_lines(folder / f"{part}.jsonl", some)
    held_out = {"recall": {"rows": len(rows)}, "unseen": {"rows": 0}}
    train = {"rows": len(rows), "origins": {"data": len(rows)}, "sha256": file_digest(folder / "train.jsonl")}
    write_json(folder / "manifest.json", {"train": train, "facts": {"train": len(rows)}, **held_out})
    places = [placement(id=id, group="a", source="qa/a.jsonl", line=1) for id, _, _ in ROWS]
    write_lines(folder / "placement.jsonl", places)


def _evaluated(project: Path, base: Path, run: Path) -> None:
    settings = {
        "max_new_tokens": LIMIT, "origins": ["data"], "max_questions": 9, 
        "retrieval": {"rows": 0, "max_questions": 1}, "forgetting": False,
        "judge": defaults()["evaluate"]["judge"],
    }  # fmt: skip
    contradictions = project / "results/dedup/contradictions.jsonl"
    write_lines(contradictions, [])
    sources = Sources(project / "results/split", contradictions, base, run)
    evaluate("demo", sources, project / "results/evaluate/demo", settings, project / "cache")
