"""Gates: what a question with its answer and quote must keep to before it becomes a row of its document."""

import re
from collections.abc import Iterable
from itertools import pairwise

from qaloom.documents.figures import missing_figure
from qaloom.documents.names import missing_name
from qaloom.documents.passages import Passage
from qaloom.documents.replies import QuotedPair
from qaloom.documents.standalone import depends_on_passage
from qaloom.text.characters import normal

_LONGEST_QUOTE = 2_000  # characters
_FRAME = " \t\n\r\"'“”‘’「」『』"
_PLAIN = str.maketrans("“”„‟‘’‚‛´`–—−‐‑‒∼～", "\"\"\"\"''''''------~~")


def rejection_of(proposal: QuotedPair, passage: Passage, others: Iterable[Passage]) -> tuple[str, str] | None:
    """The first reason code and sentence against a proposal made from a passage; `others` are of the same document.

    question_not_alone, quote_not_found, quote_elsewhere, figure_not_in_passage, name_not_in_passage.
    """
    if found := depends_on_passage(proposal.question):
        return "question_not_alone", f"it says '{found}', which nobody sees who is asked"
    if not stands_in(proposal.quote, passage.text):
        return _misplaced(proposal.quote, passage, others)
    whole = f"{passage.heading}\n{passage.text}"
    if figure := missing_figure(proposal.answer, whole):
        return "figure_not_in_passage", f"the answer's {figure} is not in the passage"
    if name := missing_name(proposal.answer, whole):
        return "name_not_in_passage", f"the answer's {name} is not in the passage"
    return None


def stands_in(quote: str, text: str) -> bool:
    """Whether a text holds a quote word for word, spaces, line breaks and forms of quotation marks aside."""
    bare = quote.strip(_FRAME).removesuffix("...").removesuffix("…").strip(_FRAME)
    pattern = _verbatim(bare[:_LONGEST_QUOTE])
    return bool(pattern and re.search(pattern, _plain(text)))


def _verbatim(quote: str) -> str:
    """A pattern of a quote's characters, any spaces between; not within a number or a word in Latin letters."""
    plain = " ".join(_plain(quote).split())
    if not any(map(str.isalnum, plain)):
        return ""
    words = plain.split(" ")
    pattern = _word(words[0])
    for before, word in pairwise(words):
        pattern += (r"\s+" if _is_solid(before[-1], word[0]) else r"\s*") + _word(word)
    head = r"(?<![A-Za-z0-9])" if _is_solid(plain[0], "a") else ""
    head = head + r"(?<!\d[.,])" if plain[0].isdigit() else head
    tail = r"(?![A-Za-z0-9])" if _is_solid(plain[-1], "a") else ""
    tail = tail + r"(?![.,]\d)" if plain[-1].isdigit() else tail
    return head + pattern + tail


def _word(word: str) -> str:
    joints = ("" if _is_solid(one, other) else r"\s*" for one, other in pairwise(word))
    return re.escape(word[0]) + "".join(
        joint + re.escape(char) for joint, char in zip(joints, word[1:], strict=True)
    )


def _is_solid(one: str, other: str) -> bool:
    """Whether two characters would stand in one number or one word in Latin letters."""
    return one.isascii() and other.isascii() and one.isalnum() and other.isalnum()


def _plain(text: str) -> str:
    return normal(text).translate(_PLAIN)


def _misplaced(quote: str, passage: Passage, others: Iterable[Passage]) -> tuple[str, str]:
    for other in others:
        if other.id != passage.id and stands_in(quote, other.text):
            place = f"on page {other.page}" if other.page else f"below '{other.heading}'"
            return "quote_elsewhere", f"the quote stands {place}, in another passage than was asked about"
    return "quote_not_found", "the quote does not stand in the passage word for word"
