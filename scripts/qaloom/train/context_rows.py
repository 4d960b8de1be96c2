"""Rows with context (`training.context_share`): trained questions as they are asked when answers are grounded.

Above the question stand three rows, as in serving: one that answers it, in another wording where there is one, among
two that do not. So the model learns to read the right one out of them.
"""

from collections import defaultdict
from collections.abc import Sequence
from random import Random

from qaloom.console import say
from qaloom.files import digest
from qaloom.inference.notes import with_notes
from qaloom.inference.prompt import Question
from qaloom.records import row_context, row_id
from qaloom.text.content_words import stems
from qaloom.text.language import language
from qaloom.text.normalize import comparison_key
from qaloom.train.tokenized import TextRow

_DISTRACTORS = 2
_LOOKED_AT = 50  # rows of which those most like the question distract


def context_rows(rows: Sequence[TextRow], share: float, seed: int, name: str) -> list[TextRow]:
    """A share of `rows` as many rows with context, the same for the same rows and seed.

    Rows with an input or earlier exchanges are left as they are. Says so when there are too few others.
    """
    wanted = round(share * len(rows))
    if not wanted:
        return []
    plain = [row for row in rows if not row["input"] and not row.get("history")]
    by_answer: dict[str, list[TextRow]] = defaultdict(list)
    for row in plain:
        by_answer[comparison_key(row["output"])].append(row)
    if len(by_answer) <= _DISTRACTORS:
        say(
            f"train: {name}: training.context_share asks for rows with context, and there are too few answers"
        )
        return []
    drawn = sorted(plain, key=lambda row: digest([seed, "context", row["id"]]))[:wanted]
    return [_with_context(row, plain, by_answer[comparison_key(row["output"])], seed) for row in drawn]


def _with_context(row: TextRow, rows: Sequence[TextRow], same: Sequence[TextRow], seed: int) -> TextRow:
    random = Random(digest([seed, "notes", row["id"]]))
    others = [one for one in same if one["instruction"] != row["instruction"]]
    notes = [random.choice(others) if others else row, *_distractors(row, rows, random)]
    random.shuffle(notes)
    question = with_notes(Question(row["instruction"]), notes, language(row["instruction"])).instruction
    return row | {"id": row_id(question, row_context(row), row["output"]), "instruction": question}


def _distractors(row: TextRow, rows: Sequence[TextRow], random: Random) -> list[TextRow]:
    """Rows with other answers, of those looked at the most like the question."""
    own, words = comparison_key(row["output"]), set(stems(row["instruction"]))
    looked_at = random.sample(rows, min(_LOOKED_AT, len(rows)))
    if len({comparison_key(one["output"]) for one in looked_at} - {own}) < _DISTRACTORS:
        looked_at = list(rows)
    looked_at.sort(key=lambda one: -len(words.intersection(stems(one["instruction"]))))
    found: dict[str, TextRow] = {}
    for one in looked_at:
        if (answer := comparison_key(one["output"])) != own:
            found.setdefault(answer, one)
    return list(found.values())[:_DISTRACTORS]
