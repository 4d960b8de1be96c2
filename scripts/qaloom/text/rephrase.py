"""Wordings of a question made by rules: the provider `rules`, Korean and English.

A rule fires only where the form of a question decides its meaning; names, numbers and quotes stay as written.
What no rule surely covers gets no wording. Same input, same output: nothing is drawn by chance.
"""

import re
import unicodedata

from qaloom.text.normalize import comparison_key

_LONGEST = 300  # characters; longer questions are whole paragraphs, whose ending decides little
_HANGUL = re.compile("[가-힣]")
_SENTENCE_END = re.compile(r"[.?!;…](?:[\"'”’)\]]?) (?=\S)")
_ABBREVIATIONS = (
    "Mr.",
    "Dr.",
    "No.",
    "St.",
    "vs.",
    "Mrs.",
    "Ms.",
    "etc.",
    "e.g.",
    "i.e.",
    "cf.",
    "Inc.",
    "approx.",
    "Art.",
    "Sec.",
    "Fig.",
    "Vol.",
    "Prof.",
    "Jr.",
    "Sr.",
    "Ltd.",
    "Co.",
)


def rewrite(question: str) -> list[str]:
    """Other forms of a question with the same meaning, the most different first; [] where no rule is sure."""
    if len(question) > 4 * _LONGEST:
        return []
    text = " ".join(unicodedata.normalize("NFC", question).split()).replace("？", "?")
    if not text or len(text) > _LONGEST:
        return []
    lead, last = _split_lead(text)
    korean = bool(_HANGUL.search(last))
    variants = _korean(last) if korean else _english(last)
    if lead and not korean and lead.rstrip().endswith(";"):
        variants = [
            variant if variant.startswith("I ") else variant[0].lower() + variant[1:] for variant in variants
        ]
    if lead:  # keywords stand alone
        variants = [variant for variant in variants if variant[-1] in ".?"]
    key = comparison_key(text)
    return [
        variant for variant in dict.fromkeys(lead + v for v in variants) if comparison_key(variant) != key
    ]


def _korean(sentence: str) -> list[str]:
    from qaloom.text.rephrase_ko import rewrite_korean

    return rewrite_korean(sentence)


def _english(sentence: str) -> list[str]:
    from qaloom.text.rephrase_en import rewrite_english

    return rewrite_english(sentence)


def _split_lead(text: str) -> tuple[str, str]:
    """The sentences before the last one ('I cycle to work; '), and the last sentence."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text) if _ends_sentence(text, match)]
    return (text[: ends[-1]], text[ends[-1] :]) if ends else ("", text)


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    """Whether a mark ends a sentence: not after an abbreviation, a numeral (제1. 조) or a single letter."""
    if match[0][0] != ".":
        return True
    word = text[: match.start() + 1].rsplit(" ", 1)[-1]
    return word not in _ABBREVIATIONS and len(word) > 2 and not word[-2].isdigit()
