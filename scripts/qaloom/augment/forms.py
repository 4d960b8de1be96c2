"""Forms beside questions: a fact as a statement, asked for the other way round, with a blank, and by keywords.

They are trained, and never asked: `origin` is form, `provider` the form's name, `parent` the row that states the
fact. A row makes none where a rule is not sure, where its question has a context, and where its answer is yes, no,
none or an abstention.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec.structs import replace

from qaloom.augment.keyword_forms import KeywordForms
from qaloom.config.settings import FormSettings
from qaloom.console import say
from qaloom.records import Row, other_wording
from qaloom.text.closed_answers import closed_class
from qaloom.text.language import language
from qaloom.text.normalize import comparison_key
from qaloom.text.statements import cloze, statement

FORM = "form"  # the origin of these rows
_KEYWORD_FORMS, _FEW_ROWS = 8, 10_000  # of a row, and of how many at most, where the configuration says auto
_SHORT = 60  # characters of an answer whose question is asked for
_ASKED: dict[str, dict[str, str]] = {
    "statement": {"en": "State a fact from the documents.", "ko": "문서에 있는 사실을 하나 적어 주세요."},
    "reverse": {"en": 'Which question does "{}" answer?', "ko": "다음이 답인 질문을 적어 주세요: {}"},
    "cloze": {"en": "Fill in the blank: {}", "ko": "빈칸에 들어갈 말을 적어 주세요: {}"},
}


def forms_of(rows: Sequence[Row], settings: FormSettings, taken: Collection[str] = ()) -> list[Row]:
    """The forms of the rows that `settings` ask for, sorted by id; of two that are equal, the first row's.

    None has an id that is `taken` or the id of one of the rows: a wording that is there already.
    """
    wanted = [name for name in _MADE if getattr(settings, name)]
    most = _most_keyword_forms(settings, len(rows))
    if not (wanted or most):
        return []
    times = Counter(comparison_key(row.output) for row in rows)
    keyword_forms = KeywordForms(rows if most else [])
    usable = [
        row
        for row in rows
        if not (row.context or closed_class(row.output)) and language(row.question) in _TONGUES
    ]
    made: dict[str, Row] = {}
    for row in usable:
        for name in wanted:
            form = _MADE[name](row, times)
            if form is not None:
                made.setdefault(form.id, form)
        for text in keyword_forms.of(row, most):
            form = other_wording(row, text, FORM, "keywords")
            made.setdefault(form.id, form)
    there = {row.id for row in rows} | set(taken)
    return sorted((form for form in made.values() if form.id not in there), key=lambda row: row.id)


def _most_keyword_forms(settings: FormSettings, rows: int) -> int:
    if settings.keywords != "auto":
        return settings.keywords
    if rows <= _FEW_ROWS:
        return _KEYWORD_FORMS
    say(
        f"augment: no keyword forms, as there are more than {_FEW_ROWS:,} rows; "
        f"augment.forms.keywords: {_KEYWORD_FORMS} makes them all the same"
    )
    return 0


def _statement(row: Row, times: Mapping[str, int]) -> Row | None:
    text = statement(row.instruction, row.output)
    return _form(row, "statement", "", text) if text else None


def _reverse(row: Row, times: Mapping[str, int]) -> Row | None:
    """The question as the answer; only where one row alone has this answer."""
    short = len(row.output) <= _SHORT and "\n" not in row.output
    unique = times[comparison_key(row.output)] == 1
    return _form(row, "reverse", row.output, row.instruction) if short and unique else None


def _cloze(row: Row, times: Mapping[str, int]) -> Row | None:
    text = cloze(row.instruction, row.output)
    return _form(row, "cloze", text, row.output) if text else None


_MADE: dict[str, Callable[[Row, Mapping[str, int]], Row | None]] = {
    "statement": _statement, "reverse": _reverse, "cloze": _cloze,
}  # fmt: skip
_TONGUES = frozenset(_ASKED["statement"])


def _form(row: Row, name: str, asked_with: str, output: str) -> Row:
    question = _ASKED[name][language(row.instruction)].format(asked_with)
    made = replace(other_wording(row, question, FORM, name), output=output)
    made.id = made.identity
    return made
