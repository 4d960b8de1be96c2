"""The grounded arm: the tuned model on near rows, beside it alone and beside looking up alone.

Where no row is near enough, the answer is the abstention, and the model is not asked.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

import msgspec

from qaloom.config.settings import Language
from qaloom.evaluate.fact_records import LookAlikeAnswers
from qaloom.evaluate.grounding import Grounding, abstention, cited
from qaloom.evaluate.hallucination import outcome, rates_of_look_alikes, rates_of_part
from qaloom.evaluate.intervals import rate
from qaloom.evaluate.lookup import nearest_rows
from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.model_pair import ModelPair
from qaloom.evaluate.results import LOOK_ALIKE, GroundedComparison, Prediction
from qaloom.evaluate.summary import HEADLINE, PARTS, compare
from qaloom.inference.notes import with_notes
from qaloom.inference.prompt import Question
from qaloom.text.abstention import abstains
from qaloom.text.language import language

ARMS = ("tuned", "lookup", "grounded")


class GroundedOptions(msgspec.Struct):
    """`serve.grounded`, and the run's abstention by language; `rows` 0 measures nothing."""

    rows: int = 0
    likeness: float = 0.0
    text: dict[Language, str] = {}


class GroundedAnswer(msgspec.Struct):
    """An answer on near rows, the ids of those, and whether one of them is its ground."""

    text: str
    rows: list[str]
    cited: bool


def measure_grounded(
    models: ModelPair,
    predictions: Sequence[Prediction],
    questions: Sequence[Question],
    look_alikes: Sequence[LookAlikeAnswers],
    grounding: Grounding,
    text: Mapping[Language, str],
) -> GroundedComparison:
    """Ask the tuned model all questions on near rows, add its answers to the records, and compare the arms.

    `text`: the abstention in each language.
    """
    alike = [Question(one.question, system=models.trained.system) for one in look_alikes]
    given = grounded_answers(models, [*questions, *alike], grounding, text)
    for prediction, one in zip(predictions, given, strict=False):
        prediction.grounded, prediction.grounded_on = one.text, one.rows
        for name, score in SCORES.items():
            prediction.scores[name]["grounded"] = score(one.text, prediction.reference)
    looked_up = nearest_rows(alike, grounding.index)
    for asked, one, row in zip(look_alikes, given[len(predictions) :], looked_up, strict=True):
        for arm, answer in (("grounded", one.text), ("lookup", row["output"] if row else "")):
            asked.answers[arm], asked.outcomes[arm] = answer, outcome(answer, asked.question)
    return _compared(predictions, look_alikes, given, grounding)


def grounded_answers(
    models: ModelPair, questions: Sequence[Question], grounding: Grounding, text: Mapping[Language, str]
) -> list[GroundedAnswer]:
    """The tuned model's answer to each question on the rows near to it, the abstention where there are none."""
    found = grounding.near(questions)
    asked = [
        with_notes(one, rows, language(one.instruction))
        for one, rows in zip(questions, found, strict=True)
        if rows
    ]
    answers = iter(models.answers("tuned", models.prompt, asked, "tuned on near rows"))
    given = []
    for question, rows in zip(questions, found, strict=True):
        said = next(answers).text if rows else abstention(question.instruction, text)
        numbers = cited(said, question.instruction, rows).numbers
        given.append(GroundedAnswer(said, [row["id"] for row in rows], bool(numbers)))
    return given


def _compared(
    predictions: Sequence[Prediction],
    look_alikes: Sequence[LookAlikeAnswers],
    given: Sequence[GroundedAnswer],
    grounding: Grounding,
) -> GroundedComparison:
    parts = {part: rates_of_part(predictions, part, ARMS) for part in PARTS}
    parts[LOOK_ALIKE] = rates_of_look_alikes(look_alikes, ARMS)
    recall = [p for p in predictions if p.split == "recall"]
    asked = chain((p.question for p in predictions), (one.question for one in look_alikes))
    said = [one for one, question in zip(given, asked, strict=True) if not abstains(one.text, question)]
    return GroundedComparison(
        grounding.most,
        grounding.likeness,
        parts,
        compare(recall, HEADLINE, "tuned", "grounded"),
        rate([one.cited for one in said]),
    )


def grounded_line(found: GroundedComparison) -> str:
    """One line on the three arms: right on recall, and made up where nothing is known."""
    recall = found.parts["recall"].models
    shares = [recall[arm].right for arm in ARMS]
    told = [f"{one.share:.0%}" for one in shares if not isinstance(one, msgspec.UnsetType) and one.n]
    right = f"right on recall: tuned {told[0]}, looking up {told[1]}, grounded {told[2]}; " if told else ""
    made = [
        f"{found.parts[part].models['grounded'].made_up.share:.0%} of {found.parts[part].n} {part} questions "
        f"(tuned {found.parts[part].models['tuned'].made_up.share:.0%})"
        for part in ("unseen", LOOK_ALIKE)
        if found.parts[part].n
    ]
    return f"{right}grounded makes something up on {' and '.join(made) or 'nothing that was asked'}"
