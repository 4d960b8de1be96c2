"""Functions that read one text take linear time: four times the text, about four times the seconds.

Patterns are tried by themselves (test_patterns); here, what loops over their matches.
"""

import time
from collections.abc import Callable

import pytest

from qaloom.dedup import cut_answers, filters, pii, unclear_questions
from qaloom.records import Row
from qaloom.text import (
    abstention,
    closed_answers,
    containment,
    content_words,
    endings,
    facts,
    language,
    literal_questions,
    marks,
    normalize,
    numbers,
    refusals,
    values,
)
from qaloom.text.canonical import canonical_notation
from qaloom.validate import layout, line_breaks, markers, mojibake, repair

SIZE, TIMES = 5_000, 4
SECONDS = 1.0  # for SIZE * TIMES characters
UNITS = [
    "1", "1 ", "1,", "1.", "가", "가 ", "a ", "a", " ", "\n", "(", "([", "((]", '"', "'", "`", "*a", "**", "-\n",
    "a-\n", "&amp;", "Q. ", "<think>", "</think>", "010-1234-5678 ", "a@b.co ", "+1 2 3 4 5 ", "삼만 ", "5 km ",
    "March 5, ", "6시 반 ", "1:1 ", "A ", "MW ", "없습니다. ", "not. ", "ìí", "Ã\x80", "Â°", "...", "1) ", "다. ",
    "|a|b|\n", "말해", "이것 말해", "㎡", "1½", "①",
]  # fmt: skip


def of_row(judge: Callable[[Row], object]) -> Callable[[str], object]:
    def judged(text: str) -> None:
        judge(Row("0", text, "", "네.", "a", 1, "a", "{}"))
        judge(Row("0", "무엇인가요?", "", text, "a", 1, "a", "{}"))

    return judged


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "comparison_key": normalize.comparison_key,
    "canonical_notation": canonical_notation,
    "marked": marks.marked,
    "in_digits": numbers.in_digits,
    "values": values.values,
    "same_values": lambda text: values.same_values(text, text + "1"),
    "stems": content_words.stems,
    "without_final_ending": content_words.without_final_ending,
    "subject": endings.subject,
    "without_labels": facts.without_labels,
    "polarity": lambda text: facts._english_negations(text.split()),
    "tokens": containment._tokens,
    "closed_class": closed_answers.closed_class,
    "abstains": abstention.abstains,
    "refuses": lambda text: refusals.refuses(text, text),
    "asks_for_literal": literal_questions.asks_for_literal,
    "language": language.language,
    "find_pii": pii.find_pii,
    "mask": pii.mask,
    "mojibake": of_row(filters.mojibake),
    "repetition": of_row(filters.repetition),
    "question_equals_answer": of_row(filters.question_equals_answer),
    "unclear_question": of_row(unclear_questions.unclear_question),
    "truncated_answer": of_row(cut_answers.truncated_answer),
    "empty_answer": of_row(cut_answers.empty_answer),
    "repair": repair.repair,
    "tidy_space": layout.tidy_space,
    "join_hyphenated": lambda text: line_breaks.join_hyphenated(text, text),
    "join_broken": line_breaks.join_broken,
    "repair_mojibake": lambda text: mojibake.repair_mojibake(text, text),
    "split_reasoning": markers.split_reasoning,
    "strip_labels": lambda text: markers.strip_labels(text, text),
}


def seconds(function: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    function(text)
    return time.process_time() - started


@pytest.mark.parametrize("name", FUNCTIONS)
def test_four_times_the_text_takes_four_times_as_long(name: str) -> None:
    function = FUNCTIONS[name]
    function("가나 a 1.")  # what is loaded on first use
    slow = {}
    for unit in UNITS:
        text = (unit * (SIZE // len(unit) + 1))[:SIZE]
        first = seconds(function, text + "x")
        if first < SECONDS / TIMES**2:  # even quadratic it would be quick
            continue
        whole = min(
            seconds(function, text * TIMES + "y" * n) for n in (1, 2)
        )  # other texts: no cache knows them
        if whole > SECONDS or whole > 2.5 * TIMES * first:
            slow[unit] = round(first, 2), round(whole, 2)
    assert not slow
