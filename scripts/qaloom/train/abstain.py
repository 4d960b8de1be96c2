"""Abstention rows (`training.abstain`): look-alike questions that ask for nothing known, answered so.

The split makes the questions (`lookalike_training.jsonl`) of other trained questions, and puts other names in,
than those that are asked in evaluation.
"""

from collections.abc import Sequence
from pathlib import Path

from qaloom.config.settings import AbstainSettings, Language
from qaloom.console import say
from qaloom.errors import ConfigError, DataError
from qaloom.files import read_lines
from qaloom.records import LookAlikeRow, check_handed_over
from qaloom.text.abstention import abstains
from qaloom.text.language import language
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
    """A share of `rows` as many look-alikes of the file, answered by the abstention in their question's language.

    The system message is that of the row whose question it was. Says so when there are too few.
    """
    if file is None:
        return []
    look_alikes = read_lines(file, LookAlikeRow)
    wanted, parents = round(settings.share * len(rows)), {row["id"]: row for row in rows}
    chosen = [one for one in look_alikes if one.parent in parents][:wanted]
    if len(chosen) < wanted:
        say(
            f"train: {name}: training.abstain asks for {wanted} look-alike questions, and there are {len(chosen)}: "
            "few questions name a thing, number or code that could be replaced"
        )
    return [_row(one, parents[one.parent], settings) for one in chosen]


def _row(one: LookAlikeRow, parent: TextRow, settings: AbstainSettings) -> TextRow:
    spoken: Language = "ko" if language(one.instruction) == "ko" else "en"
    row = {"id": one.id, "instruction": one.instruction, "input": "", "output": settings.text[spoken]}
    return row | ({"system": parent["system"]} if parent.get("system") else {})
