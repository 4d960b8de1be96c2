"""Rows above a question in its prompt, alike in evaluation, serving and training."""

from collections.abc import Mapping, Sequence
from typing import Any

from qaloom.inference.prompt import Question
from qaloom.records import question_text, row_context

_NOTES = {
    "ko": ("다음 자료를 참고하여 마지막 질문에 짧게 답하세요.", "질문: {}\n답: {}", "질문: {}\n답:"),
    "en": (
        "Use these notes to answer the last question briefly.",
        "Question: {}\nAnswer: {}",
        "Question: {}\nAnswer:",
    ),
}


def with_notes(
    question: Question, rows: Sequence[Mapping[str, Any]], language: str, passages: Sequence[str] = ()
) -> Question:
    """The question with passages of documents and rows above it, in Korean where `language` is ko, else in English."""
    lead, note, asked = _NOTES["ko" if language == "ko" else "en"]
    notes = [note.format(question_text(r["instruction"], row_context(r)), r["output"]) for r in rows]
    text = "\n\n".join([lead, *passages, *notes, asked.format(question.instruction)])
    return question._replace(instruction=text)
