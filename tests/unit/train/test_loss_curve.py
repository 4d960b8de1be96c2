"""Speed does not change what is learned: the loss of every step is that of a plain loop, on the demo's model.

The plain path is transformers and peft as their documents show them: a row at a time, unpadded, with
gradients summed over a step; no Unsloth, no TRL, no batches.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from qaloom.base_model.stage import base_model
from qaloom.config.load import load_config
from qaloom.config.settings import RunSettings, typed
from qaloom.files import read_json, read_lines, write_json, write_lines
from qaloom.train.tokenized import length, steps_of_rows, tokenise

ROOT = Path(__file__).parents[3]
LENGTHS = (1, 40, 3, 12)  # words of an answer: a padded batch is mostly padding
ROWS = [
    {
        "id": f"{n}",
        "instruction": f"How many in store {n}?",
        "input": "",
        "output": f"{n * n} items " * size,
    }
    for n, size in enumerate(3 * LENGTHS)
]
TRAINING = {"epochs": 2, "effective_batch": 4, "learning_rate": 0.001, "scheduler": "constant",
            "warmup_fraction": 0, "weight_decay": 0.01, "keep": {"strength": 0}}  # fmt: skip
# A CPU that is no quicker in bfloat16, so that the arithmetic is exact enough to compare.
IN_FLOAT32 = """
from pathlib import Path
import qaloom.train.stage as t
from qaloom.config.load import load_config
from qaloom.train.planning.device import Device
run = load_config(Path("config.yaml"))["runs"]["demo"]
rows, base, out, cache, start = map(Path, ("train.jsonl", "base", "out", "cache", "start"))
t.train("demo", rows, base, out, run, cache, start, device=Device("cpu", "CPU", int(16e9), int(16e9)))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Rows, configuration, SmolLM2, and an adapter of it to start from."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("curve")
    base_model("embedded:smollm2-135m-instruct", folder / "base", ROOT / "cache/models")
    write_lines(folder / "train.jsonl", ROWS)
    runs = {"demo": {"max_length": 256, "lora": {"r": 8}, "training": TRAINING}}
    (folder / "config.yaml").write_text(yaml.safe_dump({"data": {"sources": ["x"]}, "runs": runs}))
    lora = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    model = AutoModelForCausalLM.from_pretrained(folder / "base", dtype="float32")
    get_peft_model(model, lora).save_pretrained(folder / "start")
    manifest = {"prompt": "chat", "adapter": "", "base": "", "settings": {}}
    write_json(folder / "start/manifest.json", manifest)
    return folder


def plain_losses(folder: Path) -> list[float]:
    """Each step's loss: the mean over its answers' tokens."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder / "base", dtype="float32")
    model = PeftModel.from_pretrained(model, folder / "start", is_trainable=True)
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        learned, lr=TRAINING["learning_rate"], weight_decay=TRAINING["weight_decay"]
    )
    _, examples = tokenise(ROWS, AutoTokenizer.from_pretrained(folder / "base"), "chat")
    training = typed(load_config(folder / "config.yaml")["runs"]["demo"], RunSettings).training
    losses = []
    for step in steps_of_rows([length(e) for e in examples], training):
        tokens, total = sum(len(examples[row].completion) for row in step), 0.0
        for row in step:
            prompt, completion = examples[row]
            ids = torch.tensor([prompt + completion])
            labels = torch.tensor([[-100] * len(prompt) + completion])
            loss = model(ids, labels=labels).loss * len(completion) / tokens
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(total)
    return losses


@pytest.mark.slow
def test_every_steps_loss_is_that_of_a_plain_loop(project):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", IN_FLOAT32], cwd=project, env=environment,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    ours = [entry["loss"] for entry in read_lines(project / "out/history.jsonl")]
    plan = read_json(project / "out/plan.json")
    assert (plan["micro_batch"], plan["dtype"]) == (4, "float32")
    plain = plain_losses(project)
    assert len(ours) == 6 and sum(plain[3:]) < 0.7 * sum(plain[:3])  # the second pass shows what was learned
    assert ours == pytest.approx(plain, rel=1e-3)
