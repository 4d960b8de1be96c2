"""Typed configuration: one Struct for each section of config.schema.yaml.

Defaults and ranges stand in the schema alone; a configuration is complete before it is converted. What rules
hash is the plain dict, since a Struct turns `dropout: 0` into 0.0 and would rerun every training.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

from qaloom.formats import FORMATS, weights_for_ollama

Language = Literal["ko", "en"]
Provider = Literal["rules", "model", "seq2seq", "endpoint"]
RewordingKind = Literal["formal", "casual", "keywords", "situation", "answer"]
Answers = Literal["last", "all"]
ColumnPart = Literal["question", "answer", "context", "document", "system", "history", "messages"]
Optimizer = Literal[
    "auto",
    "adamw_torch",
    "adamw_torch_fused",
    "adamw_8bit",
    "paged_adamw_32bit",
    "paged_adamw_8bit",
    "ademamix",
    "adafactor",
    "lion_32bit",
    "lion_8bit",
    "paged_lion_32bit",
    "paged_lion_8bit",
    "sgd",
    "adagrad",
    "rmsprop",
]
Origin = Literal["data", "rule", "augmented"]
Format = Literal["adapter", "merged", "gguf-f16", "gguf-q8_0", "gguf-q4_k_m", "ollama"]
Scheduler = Literal[
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
]
S = TypeVar("S", bound="Section")


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section of the configuration; keys that it does not know are refused."""


class DataSettings(Section, frozen=True):
    """`data`: where rows and documents are, the rows' own keys by their part, which answers of a dialogue are rows."""

    sources: list[str]
    documents: list[str]
    columns: dict[ColumnPart, str]
    answers: Answers


class LengthSettings(Section, frozen=True):
    """`dedup.length`, in characters."""

    question_min: int
    question_max: int
    answer_min: int
    answer_max: int


class DedupSettings(Section, frozen=True):
    """`dedup`: quality filters and near-duplicates; similarities are Indel's, 0 to 1, but of embeddings the cosine."""

    threshold: float
    answer_threshold: float
    jamo: bool
    embedding_model: str | None
    embedding_threshold: float
    language: Language | None
    length: LengthSettings
    abstentions: Literal["keep", "drop"]
    pii: Literal["report", "mask", "drop"]


class LocalModelSettings(Section, frozen=True):
    """`documents.model`: a causal model in the process; `reference` base is the runs' own base model."""

    reference: str
    max_new_tokens: int
    precision: Literal["auto", "4bit", "8bit", "16bit"]


class RewordingModelSettings(LocalModelSettings, frozen=True):
    """`augment.model`: one that rewords questions."""

    kinds: list[RewordingKind]
    per_kind: int


class Seq2seqSettings(Section, frozen=True):
    """`augment.seq2seq`: backtranslation."""

    translators: dict[str, str]
    pivots: dict[str, str]
    beams: int
    sampling: bool
    temperature: float
    top_p: float
    seed: int
    prefix: str | None
    codes: dict[str, str]


class ServerSettings(Section, frozen=True):
    """An OpenAI-compatible server and how requests are sent; `timeout` and `backoff` in seconds."""

    url: str | None
    model: str | None
    key_env: str | None
    concurrency: int
    timeout: float
    retries: int
    backoff: float
    max_tokens: int


class EndpointSettings(ServerSettings, frozen=True):
    """`augment.endpoint` and `documents.endpoint`: a server that paraphrases questions, or writes them."""

    prompt: str | None
    temperature: float
    seed: int


class DocumentsSettings(Section, frozen=True):
    """`documents`: how questions are written from passages; `passage` is a length in characters."""

    questions: int
    passage: int
    provider: Literal["endpoint", "model"]
    model: LocalModelSettings
    endpoint: EndpointSettings


class GateSettings(Section, frozen=True):
    """`augment.gates`: what a paraphrase must keep of its question."""

    most_similar: float
    least_similar: float
    length_ratio: float
    words_kept: float
    words_added: float
    clash: float
    judge: str | None
    judge_least: float


class FormSettings(Section, frozen=True):
    """`augment.forms`: what is trained of a fact beside its questions."""

    statement: bool
    reverse: bool
    cloze: bool
    keywords: int | Literal["auto"]


class AugmentSettings(Section, frozen=True):
    """`augment`: paraphrases of questions."""

    providers: list[Provider]
    wordings: int
    shards: int
    model: RewordingModelSettings
    seq2seq: Seq2seqSettings
    endpoint: EndpointSettings
    gates: GateSettings
    forms: FormSettings


class SplitSettings(Section, frozen=True):
    """`split`: train, recall and unseen."""

    by: Literal["answer", "document"]
    unseen_fraction: float
    recall_fraction: float
    probes: int
    seed: int


class RetrievalSettings(Section, frozen=True):
    """`evaluate.retrieval`: training rows in the prompt."""

    rows: int
    max_questions: int


class JudgeSettings(ServerSettings, frozen=True):
    """`evaluate.judge`: a server that judges answers."""

    rubric: str | None
    max_questions: int


class EvaluateSettings(Section, frozen=True):
    """`evaluate`: which questions are asked, and how scores are compared."""

    max_new_tokens: int | Literal["auto"]
    origins: list[Origin]
    max_questions: int
    retrieval: RetrievalSettings
    forgetting: bool
    judge: JudgeSettings


class GroundedSettings(Section, frozen=True):
    """`serve.grounded`: rows near a question in its prompt, and the least likeness; `rows` 0 is off."""

    rows: int
    likeness: float


class ServeSettings(Section, frozen=True):
    """`serve`: how questions are answered by `make serve` and `make ask`."""

    grounded: GroundedSettings


class ExportSettings(Section, frozen=True):
    """`export`: formats, and the largest fall of exact match that passes."""

    formats: list[Format]
    runs: dict[str, list[Format]]
    max_drop: float
    questions: int

    def wanted(self, run: str) -> list[str]:
        """The formats to make for a run, in the order of FORMATS; a Modelfile's GGUF file comes along."""
        asked: list[str] = [*self.runs.get(run, self.formats)]
        if "ollama" in asked:
            asked.append(weights_for_ollama(asked) or "gguf-q8_0")
        return [kind for kind in FORMATS if kind in asked]


class PromptSettings(Section, frozen=True):
    """`runs.NAME.prompt`: auto, chat, plain or a Jinja file, and the system message of questions without one."""

    template: str
    system: str | None


class LoraOptions(Section, frozen=True):
    """`runs.NAME.lora`: the adapter; `alpha` null is twice `r`."""

    r: int | Literal["auto"]
    alpha: int | None
    dropout: float
    target_modules: list[str]
    rslora: bool
    dora: bool
    loftq: bool
    init_lora_weights: Literal["default", "gaussian", "pissa"]
    bias: Literal["none", "all", "lora_only"]
    modules_to_save: list[Literal["embed_tokens", "lm_head"]]


class KeepSettings(Section, frozen=True):
    """`runs.NAME.training.keep`: holds the model to its base on general prompts; `strength` 0 is off."""

    strength: float
    share: float
    prompts: str


class AbstainSettings(Section, frozen=True):
    """`runs.NAME.training.abstain`: questions without an answer, answered by an abstention; `share` 0 is off."""

    share: float
    text: dict[Language, str]


class TrainingOptions(Section, frozen=True):
    """`runs.NAME.training`; `effective_tokens`, where set, replaces `effective_batch` (rows)."""

    epochs: float | Literal["auto"]
    learning_rate: float | Literal["auto"]
    effective_batch: int
    effective_tokens: int | None
    scheduler: Scheduler
    warmup_fraction: float
    warmup_steps: int | None
    optimizer: Optimizer
    weight_decay: float
    max_grad_norm: float
    neftune_noise_alpha: float | None
    label_smoothing: float
    seed: int
    save_steps: int | None
    eval_steps: int | None
    validation_fraction: float
    patience: int
    measure: bool
    graphs: bool
    report_to: list[str]
    keep: KeepSettings
    abstain: AbstainSettings
    context_share: float


class RunOptions(Section, frozen=True):
    """`runs.NAME`: one training with its evaluation."""

    base_model: str
    trust_remote_code: bool
    start_from: str | None
    method: Literal["lora", "full"]
    precision: Literal["auto", "4bit", "8bit", "16bit"]
    prompt: PromptSettings
    max_length: int
    final: Literal["auto"] | bool
    lora: LoraOptions
    training: TrainingOptions


class LoraSettings(LoraOptions, frozen=True):
    """The adapter of a training: its rank is a number."""

    r: int


class TrainingSettings(TrainingOptions, frozen=True):
    """The settings of a training: epochs and rate are numbers."""

    epochs: float
    learning_rate: float


class RunSettings(RunOptions, frozen=True):
    """A run as it is trained, with numbers in the place of `auto` (train.recipe)."""

    lora: LoraSettings
    training: TrainingSettings


class Settings(Section, frozen=True):
    """A whole configuration."""

    data: DataSettings
    documents: DocumentsSettings
    dedup: DedupSettings
    augment: AugmentSettings
    split: SplitSettings
    evaluate: EvaluateSettings
    export: ExportSettings
    serve: ServeSettings
    runs: dict[str, RunOptions]

    def has_final(self, run: str) -> bool:
        """Whether a model is trained on all rows after the run; `auto`: when the run is exported."""
        final = self.runs[run].final
        return bool(self.export.wanted(run)) if final == "auto" else final


def typed(values: Mapping[str, Any], section: type[S]) -> S:
    """A complete part of the configuration as its Struct.

    Raises msgspec.ValidationError when a key is missing or of another type.
    """
    return msgspec.convert(values, section)
