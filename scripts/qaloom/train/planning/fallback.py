"""Out-of-memory fallback: the next plan that needs less memory, with the same effective batch."""

from msgspec.structs import replace

from qaloom.train.planning.plan import Plan

_SMALLER = {"16bit": "8bit", "8bit": "4bit"}


def fallback(planned: Plan, wanted_precision: str) -> tuple[str, Plan] | None:
    """The change and the plan that has it, or None when no plan needs less memory.

    Without CUDA graphs first, then smaller micro-batches, then checkpointing, then shorter packs, then (if
    the run's own precision is auto) a smaller precision.
    """
    if planned.graphs:
        return "no CUDA graphs", replace(planned, graphs=False)
    micro, accumulation = planned.micro_batch, planned.accumulation
    if micro > 1:
        half = next(m for m in range(micro // 2, 0, -1) if micro % m == 0)
        kept = min(planned.keep_rows, max(1, planned.keep_at_once * half // micro))
        return f"micro-batch {half}", replace(
            planned, micro_batch=half, accumulation=accumulation * micro // half, keep_at_once=kept
        )
    if not planned.checkpointing:
        return "checkpointing", replace(planned, checkpointing="unsloth")
    if planned.most_packs and 2 * accumulation * planned.gpus <= planned.most_packs:
        return "packs half as long", replace(planned, accumulation=2 * accumulation)
    smaller = _SMALLER.get(planned.precision)
    if wanted_precision == "auto" and smaller:
        return smaller, replace(planned, precision=smaller)
    return None
