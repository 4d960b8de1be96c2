"""Records of the files that evaluate writes: predictions, failures, general prompts and metrics.json.

JSON keys are the field names. In metrics.json the scores of a part stand beside its counts, see `metrics_json`.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

MODELS = ("base", "tuned")
LOOK_ALIKE = "lookalike"  # the part of made_up that asks with another name put in
Values = dict[str, float | None]  # by model: base, tuned, lookup, grounded, base_retrieved, tuned_retrieved


class Paired(msgspec.Struct):
    """Means of two models' scores on the same `n` questions, and their difference (tuned - base).

    `low` and `high`: its 95% interval; `p`: two-sided, for a difference of zero. Means are None for n = 0,
    the rest for n < 2. `why`: a code, where no question could be scored.
    """

    n: int = 0
    base: float | None = None
    tuned: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    why: str | UnsetType = UNSET


class Rate(msgspec.Struct):
    """Share of `count` in `n`, and its 95% interval; None for n = 0, see `intervals.rate`."""

    n: int
    count: int
    share: float | None = None
    low: float | None = None
    high: float | None = None


class PairedPerplexity(msgspec.Struct):
    """Perplexity of the same `n` texts under base and tuned, and their ratio with its 95% interval."""

    n: int
    base: float | None
    tuned: float | None
    ratio: float | None
    low: float | None
    high: float | None
    p: float | None
    why: str | UnsetType = UNSET


class Cost(msgspec.Struct):
    """Tokens read and written for an answer, and its share of the seconds that its batch took."""

    prompt_tokens: float
    new_tokens: float
    seconds: float


class Verdict(msgspec.Struct):
    """The one object, or word, that the judge is asked for."""

    verdict: str
    reason: str = ""


class Judgement(msgspec.Struct):
    """A judge's verdicts on one question; None where none could be read.

    `better`: base, tuned or tie; `orders`: the better one with base shown first, and with tuned shown first.
    """

    base: Verdict | None
    tuned: Verdict | None
    better: str | None
    orders: list[str | None]


class Prediction(msgspec.Struct):
    """One line of predictions.jsonl: a held-out question, its reference, and both models' answers.

    `cut`, `cost` and `scores` are by model; with training rows in the prompt the models are called
    base_retrieved and tuned_retrieved, and `retrieved` holds the ids of those rows. `lookup` is the answer of
    the training row with the nearest question, whose id is `looked_up`; `grounded` that of the tuned model on the
    rows whose ids are `grounded_on`, an abstention where there are none. `fact`: the fact that is asked;
    `light`: the question differs from a trained one in its ending alone.
    """

    id: str
    split: str
    origin: str
    language: str
    document: str
    question: str
    reference: str
    base: str
    tuned: str
    base_prompt: str
    cut: dict[str, bool]
    scores: dict[str, Values]
    cost: dict[str, Cost] = {}
    fact: str = ""
    light: bool = False
    lookup: str | UnsetType = UNSET
    looked_up: str | UnsetType = UNSET
    nll: Values | UnsetType = UNSET
    grounded: str | UnsetType = UNSET
    grounded_on: list[str] | UnsetType = UNSET
    retrieved: list[str] | UnsetType = UNSET
    base_retrieved: str | UnsetType = UNSET
    tuned_retrieved: str | UnsetType = UNSET
    judge: Judgement | UnsetType = UNSET


class NearestTrainingRow(msgspec.Struct):
    """The training row nearest to a question."""

    id: str
    question: str
    answer: str


class Failure(msgspec.Struct):
    """One line of failures.jsonl: a wrong answer to a `recall` question; `causes`, the surest first.

    `wordings`: training rows with the same answer; `contradicted_by`: rows whose answers contradict its own.
    """

    id: str
    origin: str
    language: str
    document: str
    question: str
    reference: str
    tuned: str
    char_f1: float
    chrf: float | None
    cut: bool
    wordings: int
    nearest: NearestTrainingRow | None
    contradicted_by: list[dict[str, Any]]
    causes: list[str] = []


class GeneralAnswers(msgspec.Struct):
    """One line of forgetting.jsonl: a general prompt and both models' answers.

    `nll`: of the base model's answer under each model; `own_nll`: of each model's own answer under the base
    model; `agreement`: share of the base model's tokens that each model would have written.
    """

    language: str
    prompt: str
    base: str
    tuned: str
    nll: Values
    own_nll: Values
    agreement: Values


class PartMetrics(msgspec.Struct):
    """Metrics of a set of questions; `cut`: answers at the length limit; `why`: code for n = 0."""

    n: int
    cut: dict[str, int]
    scores: dict[str, Paired]
    perplexity: PairedPerplexity
    why: str | UnsetType = UNSET


class PromptQuality(msgspec.Struct):
    """Means of the base model's scores in one kind of prompt."""

    right: float
    exact_match: float
    char_f1: float


class LookupComparison(msgspec.Struct):
    """Tuning against the answer of the nearest training question, on honest recall questions.

    `right`: shares that are right, with `base` standing for the lookup; `by`: the same by wording, light
    questions too; `scores`: means of every score. `helps`: tuned is right more often, beyond chance.
    """

    right: Paired
    by: dict[str, Paired]
    scores: Values
    helps: bool


class AnswerLimit(msgspec.Struct):
    """The longest answer in tokens, how it was `chosen` (auto or set), and how many references are longer."""

    tokens: int
    chosen: str
    references: int
    cut_references: int


class RetrievalComparison(msgspec.Struct):
    """Tuning against retrieval, see `retrieval.compare_retrieval`; `models`: means of scores and cost."""

    n: int
    rows: int
    by: str
    models: dict[str, Values]
    best: str
    second: str
    clear: bool
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    prompts: dict[str, str] = {}


class ForgettingPart(msgspec.Struct):
    """Metrics of general prompts of one language, see `forgetting.measure_forgetting`."""

    n: int
    perplexity: PairedPerplexity
    own_answers: PairedPerplexity
    agreement: Paired
    kind: str


class Forgetting(ForgettingPart):
    """Metrics of all general prompts, and by language."""

    by: dict[str, ForgettingPart] = {}


class RetentionPart(msgspec.Struct):
    """How many general questions were asked and known to the base, and the share of answers that were kept."""

    asked: int
    known: int
    kept: Rate


class Retention(RetentionPart):
    """Retention of all general questions, and by language; see `retention.measure_retention`."""

    by: dict[str, RetentionPart] = {}


class Agreement(msgspec.Struct):
    """Counts of two judges' verdicts on `n` answers, the share that agrees, and Cohen's kappa."""

    n: int = 0
    both: int = 0
    judge_only: int = 0
    exact_only: int = 0
    neither: int = 0
    share: float | None = None
    kappa: float | None = None


class Preferences(msgspec.Struct):
    """Pairwise verdicts: wins of tuned, ties and losses; see `judge_figures.preferences`."""

    n: int = 0
    wins: int = 0
    ties: int = 0
    losses: int = 0
    alike: int = 0
    disagreed: int = 0
    first: int = 0
    second: int = 0
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None


class Unjudged(msgspec.Struct):
    """Answers and pairs without a readable verdict."""

    answers: int = 0
    pairs: int = 0


class JudgeCost(msgspec.Struct):
    """Requests to the judge and their tokens, as the server counts them."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class AnswerRates(msgspec.Struct):
    """Shares of one model's answers: abstaining, made up, empty, and right where there is a reference."""

    abstains: Rate
    made_up: Rate
    empty: Rate
    right: Rate | UnsetType = UNSET


class MadeUp(msgspec.Struct):
    """Rates of a part (recall, unseen or lookalike) by model, see `hallucination`; `why`: a code for n = 0."""

    n: int
    models: dict[str, AnswerRates]
    why: str | UnsetType = UNSET


class GroundedComparison(msgspec.Struct):
    """Tuned alone, looking up alone, and tuned on near rows (grounded), see `grounded`.

    `parts`: rates by arm on recall, unseen and lookalike; `right`: recall, with `base` standing for tuned alone and
    `tuned` for grounded; `cited`: share of its answers, abstentions left out, that name a row as their ground.
    """

    rows: int
    likeness: float
    parts: dict[str, MadeUp]
    right: Paired
    cited: Rate


class JudgeMetrics(msgspec.Struct):
    """A judge's verdicts in sum; all zero where `why` (a code) says that there are none."""

    model: str
    questions: int
    right: Paired = msgspec.field(default_factory=Paired)
    agreement: dict[str, Agreement] = msgspec.field(
        default_factory=lambda: {model: Agreement() for model in MODELS}
    )
    better: Preferences = msgspec.field(default_factory=Preferences)
    unjudged: Unjudged = msgspec.field(default_factory=Unjudged)
    cost: JudgeCost = msgspec.field(default_factory=JudgeCost)
    why: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET


class EvaluationMetrics(msgspec.Struct):
    """The content of metrics.json: a run's held-out parts, `recall` by groups, and the further checks.

    `honest`: recall questions that are not light; the headline rests on these.
    """

    honest: PartMetrics
    recall: PartMetrics
    unseen: PartMetrics
    by: dict[str, dict[str, PartMetrics]]
    prompt: str = ""
    run: str = ""
    base_prompt: str = ""
    base_prompts: dict[str, PromptQuality] = {}
    answer_limit: AnswerLimit | UnsetType = UNSET
    lookup: LookupComparison | UnsetType = UNSET
    made_up: dict[str, MadeUp] = {}
    retrieval: RetrievalComparison | UnsetType = UNSET
    grounded: GroundedComparison | UnsetType = UNSET
    forgetting: Forgetting | UnsetType = UNSET
    retention: Retention | UnsetType = UNSET
    judge: JudgeMetrics | UnsetType = UNSET
    sha256: dict[str, str] | UnsetType = UNSET  # of the files beside metrics.json

    def part(self, name: str) -> PartMetrics:
        """A part by its name: honest, recall or unseen."""
        return {"honest": self.honest, "recall": self.recall, "unseen": self.unseen}[name]
