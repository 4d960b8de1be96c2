"""Made-up answers: how often a model abstains, is right, or makes something up where it cannot know.

On `unseen` questions, whose facts were kept from training, and on look-alikes, which ask for nothing that is known.
Beside it, how often the model abstains on `recall`, whose facts it was taught (over-refusal).
"""

from collections.abc import Hashable, Sequence

from qaloom.evaluate.fact_records import LookAlikeAnswers, Outcome
from qaloom.evaluate.intervals import rate
from qaloom.evaluate.model_pair import ModelPair
from qaloom.evaluate.results import LOOK_ALIKE, MODELS, AnswerRates, EvaluationMetrics, MadeUp, Prediction
from qaloom.evaluate.summary import HEADLINE, PARTS
from qaloom.inference.prompt import Question
from qaloom.records import LookAlikeRow
from qaloom.text.abstention import abstains

_WHY = {"lookalike": "no_name", "unseen": "no_question", "recall": "no_question"}


def ask_look_alikes(
    models: ModelPair, rows: Sequence[LookAlikeRow], base_kind: str
) -> list[LookAlikeAnswers]:
    """Both models' answers to look-alike questions, the base model's in its better prompt."""
    questions = [Question(row.instruction, system=models.trained.system) for row in rows]
    kinds = {"base": base_kind, "tuned": models.prompt}
    given = {
        model: models.answers(model, kind, questions, f"{model}, look-alikes")
        for model, kind in kinds.items()
    }
    return [
        LookAlikeAnswers(
            row.id,
            row.instruction,
            row.parent,
            row.replaced,
            row.put_in,
            row.kind,
            {model: given[model][i].text for model in MODELS},
            {model: outcome(given[model][i].text, row.instruction) for model in MODELS},
        )
        for i, row in enumerate(rows)
    ]


def outcome(answer: str, question: str, right: bool = False) -> Outcome:
    """Outcome of an answer: right, else empty, abstaining or made up."""
    if right:
        return "right"
    if not answer.strip():
        return "empty"
    return "abstains" if abstains(answer, question) else "made_up"


def made_up(predictions: Sequence[Prediction], look_alikes: Sequence[LookAlikeAnswers]) -> dict[str, MadeUp]:
    """Rates by part: recall, unseen and lookalike."""
    found = {part: rates_of_part(predictions, part) for part in PARTS}
    return found | {LOOK_ALIKE: rates_of_look_alikes(look_alikes)}


def rates_of_look_alikes(look_alikes: Sequence[LookAlikeAnswers], models: Sequence[str] = MODELS) -> MadeUp:
    """Rates of each model, or arm of the evaluation, on look-alikes."""
    rates = {model: _rates([one.outcomes[model] for one in look_alikes]) for model in models}
    return _with_reason(MadeUp(len(look_alikes), rates), LOOK_ALIKE)


def rates_of_part(predictions: Sequence[Prediction], part: str, models: Sequence[str] = MODELS) -> MadeUp:
    """Rates of each model, or arm of the evaluation, on a part; questions whose reference abstains are left out."""
    predictions = [p for p in predictions if p.split == part and not abstains(p.reference, p.question)]
    facts = [p.fact or number for number, p in enumerate(predictions)]
    rates = {}
    for model in models:
        found = [outcome(getattr(p, model), p.question, is_right(p, model)) for p in predictions]
        rates[model] = _rates(found, facts)
        rates[model].right = rate([one == "right" for one in found], facts)
    return _with_reason(MadeUp(len(predictions), rates), part)


def is_right(prediction: Prediction, model: str) -> bool:
    """Whether a model's answer is right, by the kind of answer."""
    return prediction.scores[HEADLINE][model] == 1


def _rates(outcomes: Sequence[Outcome], facts: Sequence[Hashable] | None = None) -> AnswerRates:
    """Shares of answers that abstain, are made up, and are empty.

    `facts`: what each answer is about; answers about one fact say less than as many about several.
    """
    names = ("abstains", "made_up", "empty")
    return AnswerRates(*(rate([one == name for one in outcomes], facts) for name in names))


def _with_reason(found: MadeUp, part: str) -> MadeUp:
    if not found.n:
        found.why = _WHY[part]
    return found


def made_up_line(metrics: EvaluationMetrics) -> str:
    """One line on what the tuned model makes up, and whether it abstains where it was taught."""
    asked = [part for part in ("unseen", LOOK_ALIKE) if part in metrics.made_up and metrics.made_up[part].n]
    if not asked:
        return "made-up answers cannot be measured: there is no unseen and no look-alike question"
    found = " and ".join(_share(metrics.made_up[part], "made_up", part) for part in asked)
    recall = metrics.made_up["recall"]
    over = f"; abstains on {_share(recall, 'abstains', 'recall')}" if recall.n else ""
    return f"makes something up on {found}{over}"


def _share(found: MadeUp, name: str, part: str) -> str:
    base, tuned = (getattr(found.models[model], name) for model in MODELS)
    words = {"unseen": "unseen", LOOK_ALIKE: "look-alike", "recall": "recall"}[part]
    return (
        f"{tuned.share:.0%} of {found.n} {words} questions (95% {tuned.low:.0%} to {tuned.high:.0%}, "
        f"base {base.share:.0%})"
    )
