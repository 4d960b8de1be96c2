"""A tiny model that is taught to reword the questions of the harness in one kind."""

from pathlib import Path

from harness import PLACES

from qaloom.augment.model_paraphrases import ModelParaphraser, Way, _prompt
from qaloom.config.settings import RewordingModelSettings

REWORDED = {f"Where is {place}?": f"Please tell me where {place} is." for place in PLACES}
NEW_TOKENS = 48


def teach_rewording(folder: Path, steps: int = 240) -> None:
    """Train the model in a folder until it replies with the formal rewording of each question."""
    import torch
    from transformers import AutoModelForCausalLM

    settings = RewordingModelSettings("base", NEW_TOKENS, "16bit", ["formal"], 1)
    asking = ModelParaphraser(folder, settings).asked
    model = AutoModelForCausalLM.from_pretrained(folder).train()
    asking.__dict__["_positions"] = model.config.max_position_embeddings
    rows = []
    for question, reply in REWORDED.items():
        prompt = asking.ids(_prompt(question, Way("formal", 0), "en"))
        answer = asking.tokenizer(reply, add_special_tokens=False)["input_ids"]
        rows.append((prompt, [*answer, asking.tokenizer.eos_token_id]))
    width = max(len(prompt) + len(answer) for prompt, answer in rows)
    padding = [width - len(prompt) - len(answer) for prompt, answer in rows]
    ids = torch.tensor([p + a + [0] * n for (p, a), n in zip(rows, padding, strict=True)])
    labels = torch.tensor([[-100] * len(p) + a + [-100] * n for (p, a), n in zip(rows, padding, strict=True)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.004)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.004 * (1 - step / steps)
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert loss.item() < 0.1, loss.item()
    model.save_pretrained(folder)
