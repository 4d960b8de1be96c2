"""Plans and run settings for tests of training."""

from typing import Any

from qaloom.config.load import complete
from qaloom.config.settings import RunSettings, typed
from qaloom.train.planning.device import Device
from qaloom.train.planning.plan import Plan

CARD = Device("cuda", "card", int(40e9), int(48e9), 1, (8, 6))


def run_settings(**changes: Any) -> RunSettings:
    """One complete entry of `runs:` as it is trained: the defaults, the guide's numbers for `auto`, no keep."""
    changes["lora"] = {"r": 16} | changes.get("lora", {})
    numbers = {"epochs": 3, "learning_rate": 0.0002, "keep": {"strength": 0}}
    changes["training"] = numbers | changes.get("training", {})
    return typed(complete({"data": {"sources": ["x"]}, "runs": {"r": changes}})["runs"]["r"], RunSettings)


def a_plan(**changes: Any) -> Plan:
    """A plan of one row a step on a card, but for the changes."""
    plan: dict[str, Any] = {
        "device": CARD, "gpus": 1, "precision": "16bit", "dtype": "bfloat16", "micro_batch": 1,
        "accumulation": 1, "effective_batch": None, "effective_tokens": None, "checkpointing": False,
        "graphs": False, "packing": False, "optimizer": "adamw_torch_fused", "offload_embedding": False,
        "attention": "sdpa", "max_length": 64, "longest_row": 64, "cut_rows": 0,
        "predicted_memory_bytes": 0, "why": [],
    }  # fmt: skip
    return Plan(**plan | changes)
