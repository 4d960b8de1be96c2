"""What to do when a plan ran out of memory: the next lighter one, with the same effective batch."""

from typing import Any

_SMALLER = {"16bit": "8bit", "8bit": "4bit"}


def lighter(
    planned: dict[str, Any], wanted: str, most_packs: int | None
) -> tuple[str, dict[str, Any]] | None:
    """What changes and the next lighter plan, or None at the ladder's foot.

    Without CUDA graphs first, then smaller micro-batches, then checkpointing, then shorter packs, then (if
    `wanted`, the run's own precision, is auto) a smaller precision. `most_packs` is how many a step can be
    divided into, None when not packing.
    """
    if planned["graphs"]:
        return "no CUDA graphs", planned | {"graphs": False}
    micro, accumulation = planned["micro_batch"], planned["accumulation"]
    if micro > 1:
        half = next(m for m in range(micro // 2, 0, -1) if micro % m == 0)
        more = accumulation * micro // half
        return f"micro-batch {half}", planned | {"micro_batch": half, "accumulation": more}
    if not planned["checkpointing"]:
        return "checkpointing", planned | {"checkpointing": "unsloth"}
    if most_packs and 2 * accumulation * planned["gpus"] <= most_packs:
        return "packs half as long", planned | {"accumulation": 2 * accumulation}
    smaller = _SMALLER.get(planned["precision"])
    if wanted == "auto" and smaller:
        return smaller, planned | {"precision": smaller}
    return None
