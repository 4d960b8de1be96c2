"""Abstention rows (`training.abstain`): questions that ask for nothing known, answered so.

Every other one is a look-alike: the split makes them (`lookalike_training.jsonl`) of other trained questions, and
puts other names in, than those that are asked in evaluation. The others are built-in questions about documents.
"""

from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path

from qaloom.config.settings import AbstainSettings, Language
from qaloom.console import say
from qaloom.errors import ConfigError, DataError
from qaloom.files import read_lines
from qaloom.records import LookAlikeRow, check_handed_over, row_id
from qaloom.text.abstention import abstains
from qaloom.text.language import language
from qaloom.train.document_questions import questions_without_answer
from qaloom.train.tokenized import TextRow


def check_abstention(settings: AbstainSettings) -> None:
    """Raise ConfigError for a sentence that evaluation would not tell as an abstention."""
    for name, text in settings.text.items():
        if settings.share and not abstains(text):
            raise ConfigError(
                f"training.abstain.text.{name}: {text!r} is not told as an abstention, so what it teaches could not "
                "be measured; write one such as '문서에서 확인할 수 없습니다.' or 'The documents do not say.'"
            )


def look_alikes_file(rows: Path, settings: AbstainSettings) -> Path | None:
    """The file of look-alikes that are taught beside the file `rows` of the split; None where none are."""
    if not settings.share:
        return None
    path = rows.with_name("lookalike_training.jsonl")
    check_handed_over(path)
    if not path.is_file():
        raise DataError(f"training.abstain: {path} is not there; run the split again")
    return path


def abstention_rows(
    rows: Sequence[TextRow], file: Path | None, settings: AbstainSettings, name: str
) -> list[TextRow]:
    """A share of `rows` as many questions, answered by the abstention in their own language.

    The system message is that of the row whose question it was, or of one in its language. Says so when there are
    too few.
    """
    if file is None:
        return []
    parents = {row["id"]: row for row in rows}
    look_alikes = [
        (one.instruction, parents[one.parent])
        for one in read_lines(file, LookAlikeRow)
        if one.parent in parents
    ]
    both = chain.from_iterable(zip_longest(look_alikes, questions_without_answer(rows)))
    wanted = round(settings.share * len(rows))
    chosen = [_row(question, parent, settings) for question, parent in filter(None, both)][:wanted]
    if len(chosen) < wanted:
        say(
            f"train: {name}: training.abstain asks for {wanted} questions without an answer, and there are "
            f"{len(chosen)}: few questions name a thing, number or code that could be replaced"
        )
    return chosen


def _row(question: str, parent: TextRow, settings: AbstainSettings) -> TextRow:
    spoken: Language = "ko" if language(question) == "ko" else "en"
    row = {
        "id": row_id(question, "", ""),
        "instruction": question,
        "input": "",
        "output": settings.text[spoken],
    }
    return row | ({"system": parent["system"]} if parent.get("system") else {})
