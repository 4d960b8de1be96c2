"""Rows of the training table: plan and measurements in words, the rest under their own names."""

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from qaloom.report.format import both, fact_label, fact_text, facts, number, value_text
from qaloom.report.trainings import Training

Rows = list[tuple[Markup, Markup]]


def training_table(training: Training) -> Rows:
    """The main facts of a training as (label, value): device, batch, memory, time and losses."""
    plan, measured = training.plan, training.measured
    rows = [*_plan_rows(plan), *_measured_rows(plan, measured)]
    return [(both(f"training.{key}"), value) for key, value in rows]


def recorded_values(training: Training) -> dict[str, Rows]:
    """All values of plan.json and metrics.json that are set: those of the device, the plan, and the measurements."""
    device = training.plan.get("device")
    plan = {key: value for key, value in training.plan.items() if key != "device"}
    of_device = device if isinstance(device, dict) else {"device": device}
    return {"device": _set(of_device), "plan": _set(plan), "measured": _set(training.measured)}


def _set(values: dict[str, Any]) -> Rows:
    return [
        (fact_label(key), value_text(text)) for key, text in facts(values) if text not in ("value.none", "")
    ]


def _plan_rows(plan: dict[str, Any]) -> Iterator[tuple[str, Markup]]:
    if "device" in plan:
        yield "device", _device(plan)
    if "precision" in plan:
        dtype = f" ({plan['dtype']})" if plan.get("dtype") not in (None, plan["precision"]) else ""
        yield "precision", Markup.escape(f"{plan['precision']}{dtype}")
    if plan.get("micro_batch"):
        yield "batch", _batch(plan)
    if plan.get("optimizer"):
        yield "optimizer", Markup.escape(plan["optimizer"])
    techniques = [key for key in ("packing", "checkpointing", "graphs", "offload_embedding") if plan.get(key)]
    if techniques:
        yield "techniques", Markup(", ").join(fact_label(key) for key in techniques)
    if plan.get("max_length"):
        yield "length", _length(plan)


def _device(plan: dict[str, Any]) -> Markup:
    device = plan["device"]
    if not isinstance(device, dict):
        return value_text(str(device))
    count = plan.get("gpus") or device.get("count") or 1
    name = device.get("name") or device.get("kind", "")
    return value_text(f"{name} × {count}" if count > 1 else name)


def _batch(plan: dict[str, Any]) -> Markup:
    """The effective batch and how it is computed."""
    gpus = plan.get("gpus") or 1
    parts = {"micro": plan["micro_batch"], "steps": plan.get("accumulation") or 1, "gpus": gpus}
    key = "training.batch_gpus" if gpus > 1 else "training.batch_parts"
    if plan.get("effective_tokens"):
        return both("training.batch_tokens", tokens=f"{plan['effective_tokens']:,}")
    rows = plan.get("effective_batch") or parts["micro"] * parts["steps"] * gpus
    return both(key, rows=f"{rows:,}", **parts)


def _length(plan: dict[str, Any]) -> Markup:
    values = {"longest": f"{plan.get('longest_row') or 0:,}", "most": f"{plan['max_length']:,}"}
    if plan.get("cut_rows"):
        return both("training.length_cut", n=f"{plan['cut_rows']:,}", **values)
    return both("training.length_whole", **values)


def _measured_rows(plan: dict[str, Any], measured: dict[str, Any]) -> Iterator[tuple[str, Markup]]:
    if measured.get("seconds") is not None:
        yield "time", _time(measured)
    if measured.get("importing_seconds") is not None:
        yield "around", _around(measured)
    if measured.get("peak_memory_bytes"):
        yield "memory", _memory(plan, measured)
    if measured.get("best_validation_loss") is not None:
        loss, step = number(measured["best_validation_loss"], 3), measured.get("best_step")
        yield "best", both("training.best_at", loss=loss, step=step)
    if measured.get("resumed_from"):
        yield "resumed", Markup.escape(str(measured["resumed_from"]))


def _time(measured: dict[str, Any]) -> Markup:
    time = value_text(fact_text("seconds", measured["seconds"]))
    if not measured.get("steps"):
        return time
    return time + Markup(" ") + both("training.time_steps", steps=f"{measured['steps']:,}")


def _around(measured: dict[str, Any]) -> Markup:
    """Time that a training takes beside its steps, and that of the first ones."""
    parts = ("importing", "loading", "first_steps", "saving")
    times = {part: value_text(fact_text("seconds", measured[f"{part}_seconds"])) for part in parts}
    return both("training.around_parts", **times)


def _memory(plan: dict[str, Any], measured: dict[str, Any]) -> Markup:
    peak = fact_text("bytes", measured["peak_memory_bytes"])
    predicted = plan.get("predicted_memory_bytes")
    if not predicted:
        return Markup.escape(peak)
    return both("training.memory_predicted", peak=peak, predicted=fact_text("bytes", predicted))
