"""Marks around question and answer that are no part of them: reasoning in tags, the labels Q. and A."""

import re

from qaloom.validate.lines import Fault

_OPEN = re.compile(r"\A\s*+(?:<(think|thinking|thought|reasoning|reflection)>|(\[THINK\]))", re.IGNORECASE)
_CLOSE_ALONE = re.compile(r"^[ \t]*+</think(?:ing)?>[ \t]*$", re.IGNORECASE | re.MULTILINE)
_ANSWER_TAG = re.compile(r"\A\s*+<(answer|solution|response)>(.*)</\1>\s*+", re.IGNORECASE | re.DOTALL)


def split_reasoning(answer: str) -> tuple[str, str] | Fault:
    """The reasoning that an answer opens with, or '', and the answer proper.

    Reasoning stands in <think> (thinking, thought, reasoning, reflection) or [THINK] at the very start, or
    before a line of </think> alone, whose opening the chat template had put into the prompt. A tag that is
    never closed leaves no answer: the fault unfinished_reasoning.
    """
    if "<" not in answer and "[" not in answer:
        return "", answer
    opening = _OPEN.match(answer)
    if opening:
        close = f"</{opening[1]}>" if opening[1] else "[/THINK]"
        end = answer.lower().find(close.lower(), opening.end())
        if end < 0:
            detail = (
                f"the answer opens with {opening[0].strip()}, which is never closed, so it holds no answer"
            )
            return Fault("unfinished_reasoning", detail)
        return answer[opening.end() : end].strip(), _untagged(answer[end + len(close) :])
    closing = _CLOSE_ALONE.search(answer)
    if closing and answer[closing.end() :].strip():
        return answer[: closing.start()].strip(), _untagged(answer[closing.end() :])
    return "", answer


def _untagged(answer: str) -> str:
    tagged = _ANSWER_TAG.fullmatch(answer)
    return tagged[2] if tagged else answer


_NUMBER = r"(?:[ ]?\d{1,3})?"
_STOP = r"(?:[:：]\s*+|[.)．]\s++|[.)．](?=[가-힣]))"
_QUESTION_LABEL = re.compile(
    rf"\A\s*+(?:(?:Q|Question|문|질문|문의)[ ]?{_NUMBER}{_STOP}|[\[(<【](?:Q|Question"
    rf"|질문){_NUMBER}[\])>】][.:]?\s*+)(?=\S)",
    re.IGNORECASE,
)
_ANSWER_LABEL = re.compile(
    rf"\A\s*+(?:(?:A|Answer|답|답변|응답)[ ]?{_NUMBER}{_STOP}|[\[(<【](?:A|Answer|답변"
    rf"|답){_NUMBER}[\])>】][.:]?\s*+)(?=\S)",
    re.IGNORECASE,
)
_CERTAIN_ANSWER_LABEL = re.compile(r"\A\s*+(?:Answer|답|답변|응답)[ ]?\d*+\s?[:：]\s*+(?=\S)", re.IGNORECASE)
_KOREAN_ANSWER = re.compile(r"\A\s*+A[.:]\s*+(?=[가-힣])")
_CHOICE = re.compile(
    r"(?:^|[\s(])[B-E나-마②-⑤][.):]|[①②③]|다음 중|다음에서|보기|고르|which (?:of|one)|choose|select",
    re.IGNORECASE,
)


_SECOND = re.compile(r"\b(?:A|Answer|답|답변)[ ]?2\s?[.:)]", re.IGNORECASE)


def strip_labels(question: str, answer: str) -> tuple[str, str]:
    """Question and answer without a leading 'Q.' and 'A.' (질문:, 답변:, Q1., [Q]).

    A bare 'A.' goes where the question has its 'Q.', or before Hangul. In a question of choices it is a
    choice, and where a second one follows it numbers parts of the answer.
    """
    label = _QUESTION_LABEL.match(question)
    question = question[label.end() :] if label else question
    certain = _ANSWER_LABEL if label else _CERTAIN_ANSWER_LABEL
    found = certain.match(answer) or _KOREAN_ANSWER.match(answer)
    if (
        not found
        or _SECOND.search(answer)
        or (not label and (_CHOICE.search(question) or _CHOICE.search(answer)))
    ):
        return question, answer
    return question, answer[found.end() :]
