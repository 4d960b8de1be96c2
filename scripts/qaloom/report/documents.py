"""Documents of other stages, as far as the report shows their keys."""

from typing import NotRequired, TypedDict

from msgspec import Struct, field

from qaloom.records import StageStats

Number = int | float


class ProviderCounts(Struct):
    """Paraphrases of one provider."""

    proposed: int
    kept: int
    dropped: dict[str, int]


class ParaphraseExample(Struct):
    """A question and an accepted paraphrase of it."""

    question: str
    provider: str
    paraphrase: str


class ShownStats(StageStats):
    """stats.json of a data stage; the keys with defaults are augment's."""

    proposed: int = 0
    providers: dict[str, ProviderCounts] = field(default_factory=dict)
    examples: list[ParaphraseExample] = field(default_factory=list)


class AuditedPromise(Struct):
    """A check of the leak audit."""

    compared: int
    leaks: int


class ShownAudit(Struct):
    """The split's audit.json."""

    leaks: int
    threshold: float
    checks: dict[str, AuditedPromise]


class ShownManifest(Struct):
    """manifest.json of a trained run."""

    base: str = ""
    adapter: str = ""


class ShownDevice(Struct):
    """The device of a plan."""

    kind: str = ""
    name: str = ""
    count: int = 1


class ShownPlan(Struct):
    """plan.json of a trained run."""

    why: list[str] = []
    device: ShownDevice | str | None = None
    precision: str | None = None
    dtype: str | None = None
    micro_batch: int | None = None
    accumulation: int | None = None
    gpus: int | None = None
    effective_batch: int | None = None
    effective_tokens: int | None = None
    optimizer: str | None = None
    max_length: int | None = None
    longest_row: int | None = None
    cut_rows: int | None = None
    predicted_memory_bytes: Number | None = None


class ShownMeasurements(Struct):
    """metrics.json of a trained run."""

    seconds: Number | None = None
    importing_seconds: Number | None = None
    loading_seconds: Number | None = None
    first_steps_seconds: Number | None = None
    saving_seconds: Number | None = None
    steps: int | None = None
    peak_memory_bytes: Number | None = None
    best_validation_loss: Number | None = None
    best_step: int | None = None


class HistoryEntry(TypedDict):
    """A line of history.jsonl: losses at a step."""

    step: Number
    loss: NotRequired[Number | None]
    eval_loss: NotRequired[Number | None]
