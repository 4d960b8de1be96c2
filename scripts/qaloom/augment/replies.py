"""Replies of language models that were asked for questions: the questions in them, statements told apart."""

import re

from qaloom.records import Row
from qaloom.text.closed_answers import closed_class
from qaloom.text.language import language
from qaloom.text.normalize import comparison_key
from qaloom.text.thoughts import strip_thinking

_TOLD = 2  # characters of an answer's comparison key from which it is looked for in a question
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_NEXT_TURN = re.compile(
    r"^\s*(?:###|<\|)"
)  # a model without an end of turn goes on with the prompt's own marks
_BULLET = re.compile(r"^\s*(?:[-*•>]|\(?\d{1,2}[.):](?=\s)|[①-⑳])\s*")
_LABEL = re.compile(
    r"(?:(?:re)?(?:worded|phrased|written|formulated)? ?(?:formal|casual|short)? ?(?:version|question|query|search"
    r"|keywords?|answer|output|rewording|paraphrase|formal|casual)(?: ?\d{1,2})?"
    r"|(?:바꾼|다시 쓴|수정된|변경된|새)? ?(?:질문|검색어|답변?|출력|결과|예시|문장)(?: ?\d{1,2})?) ?[:：]",
    re.I,
)  # fmt: skip
_OPENING = re.compile(
    r"(?:(?:sure|certainly|of course|okay|ok|here(?:'s| is| are)"
    r"|the (?:re\w{1,12}|formal|casual) (?:question|version))\b"
    r"|(?:네[,. ]|예[,. ]|물론|알겠|다음은|아래))[^:：\n]{0,90}[:：]",
    re.I,
)
_REMARK = re.compile(
    r"^\s*(?:\((?!\d)|\[|note\b|explanation\b|this (?:version|question)\b|참고|설명|※)", re.I
)
_QUOTES = re.compile("^([\"“”'‘’「『])(.+)([\"“”'‘’」』])$")
_AFTER_QUESTION = re.compile(r"(?<=[?？])\s+(?=[^\sa-z])")

_REQUEST = {
    "ko": re.compile(
        "바랍니다|바라겠|부탁|궁금|문의|싶|주세요|주십시오|주시|감사|알려|말해|설명|안내|요청|가르쳐"
    ),
    "en": re.compile(
        r"\b(?:please|tell|say|state|specify|inform|explain|describe|know|wonder(?:ing)?|name|give|show|list|ask|"
        r"find out|need|like)\b",
        re.I,
    ),
}
_ASKING_FIRST = re.compile(
    r"^\W*(?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|do|does|did|has|have|had|can|could|may|might"
    r"|must|shall|should|will|would)\b",
    re.I,
)
_STATES = {
    "ko": re.compile(r"(?:다|[에예이어아해]요)[.!…\s]*$"),
    "en": re.compile(
        r"\b(?:is|are|was|were|has|have|had|do|does|did|can|could|may|might|must|shall|should|will|would)\b", re.I
    ),
}  # fmt: skip


def questions_in_reply(reply: str, question: str) -> list[str]:
    """The questions in a model's reply to a request to reword `question`, each once.

    Left out are thoughts, code fences, numbering, labels, quotation marks, introductions, remarks and the
    question itself. A line of several questions is several, unless `question` is one.
    """
    lines = []
    for line in strip_thinking(reply).splitlines():
        if _NEXT_TURN.match(line):
            break
        if not _FENCE.match(line) and not _REMARK.match(line):
            lines += _one_each(_bare(line), question)
    same = question.strip()
    return [line for line in dict.fromkeys(lines) if line and line != same]


def states(text: str) -> bool:
    """Whether a text is surely a statement: neither a question, nor a request, nor mere keywords."""
    tongue = language(text)
    if tongue not in _STATES or "?" in text or "？" in text or _REQUEST[tongue].search(text):
        return False
    if tongue == "en" and _ASKING_FIRST.match(text):
        return False
    return bool(_STATES[tongue].search(text))


def reply_reason(row: Row, wording: str) -> tuple[str, str] | None:
    """The reason against a model's rewording of a row's question by its form, or None.

    not_a_question: a statement where the row asks. answer_given: the row's answer is in it, not in the question.
    """
    if states(wording) and not states(row.instruction):
        return "not_a_question", "it states something and asks nothing"
    answer = comparison_key(row.output)
    told = len(answer) >= _TOLD and not closed_class(row.output, answer)
    if told and answer in comparison_key(wording) and answer not in comparison_key(row.instruction):
        return "answer_given", "it holds the answer"
    return None


def _bare(line: str) -> str:
    """A line without bullet, label, introduction, emphasis and quotation marks; empty for an introduction alone."""
    before = None
    while line != before:
        before = line
        line = _BULLET.sub("", line).replace("**", "").strip("*_` \t")
        for opening in (_OPENING, _LABEL):
            line = line[found.end() :].strip() if (found := opening.match(line)) else line
        line = quoted[2].strip() if (quoted := _QUOTES.match(line)) else line
    return "" if line.endswith((":", "：")) else line


def _one_each(line: str, question: str) -> list[str]:
    """A line's questions one by one; a situation before the question (no question mark) stays with it."""
    if _AFTER_QUESTION.search(question):
        return [line]
    parts = _AFTER_QUESTION.split(line)
    return parts if all(part.endswith(("?", "？")) for part in parts) else [line]
