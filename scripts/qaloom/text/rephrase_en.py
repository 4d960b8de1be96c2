"""English wordings of a question: polite and indirect forms, keywords, an if-clause in front.

What is asked is embedded by `rephrase_en_clauses`, where it can be done surely; else nothing is made.
"""

import re
from collections.abc import Sequence

from qaloom.text import rephrase_en_grammar as grammar
from qaloom.text.rephrase_en_clauses import clause_of, to_the_reader
from qaloom.text.rephrase_en_copula import Clause, lowered
from qaloom.text.rephrase_en_grammar import ATTRIBUTES, AUXILIARIES, LEADING, TELLING, WH, bare, word_set

_TWO_QUESTIONS = re.compile(
    r",? (?:and|or) (?:if so|by|what|when|how|which|who|where|why|is|are|do|does|can|should|will)\b"
    r"|, (?:what|how)\b",
    re.I,
)
_TOLD = re.compile(
    r"(?:(?:please )?(?:tell me|let me know)|(?:can|could|would) you (?:please )?tell me"
    r"|(?:i would|i'd|i’d) like to know|i (?:want|need) to know|do you know|may i ask|can i ask) ",
    re.I,
)
_GROUP = re.compile(r"[(\[\"“‘][^()\[\]\"“”’]{0,80}[)\]\"”’]")
_CONTRACTED = re.compile(r"(what|who|where|when|how|why)['’]s ", re.I)


_ADJUNCTS = word_set("according under in per based if when after before once during for at on")


def rewrite_english(sentence: str) -> list[str]:
    """Other forms of an English sentence that asks the same; [] where no rule is sure."""
    text = sentence[0].upper() + sentence[1:]
    if _foreign(text):
        return []
    if match := _TOLD.match(text):
        return _told(text, text[match.end() :].rstrip(".?! "))
    text = _CONTRACTED.sub(lambda match: f"{match[1]} is ", text, count=1) if text[0] in "WH" else text
    words = _words(text.rstrip("?.! "))
    if len(words) < 2:
        return []
    if text.rstrip().endswith("?") or bare(words[0]) in WH | AUXILIARIES:
        return _question(words)
    return _ordered(words) or _indirect(_fragment(words))


def _question(words: list[str]) -> list[str]:
    adjunct, main = _adjunct(words)
    if _TWO_QUESTIONS.search(" ".join(main[1:])):
        return []
    clause = clause_of(main)
    if clause is None:
        return _requested(words) or _indirect(None if adjunct else _fragment(words))
    if adjunct:
        return _indirect(Clause(" ".join([clause.text, *adjunct]), ()))
    return _indirect(clause, _fronted(words))


def _indirect(clause: Clause | None, fronted: Sequence[str] = ()) -> list[str]:
    """An embedded question as a request, a polite question and a wish, with its further direct forms."""
    if clause is None:
        return []
    return [
        f"Please tell me {clause.text}.",
        *clause.direct,
        *fronted,
        f"Could you tell me {clause.text}?",
        f"I would like to know {clause.text}.",
        f"Do you know {clause.text}?",
    ]


def _adjunct(words: Sequence[str]) -> tuple[list[str], Sequence[str]]:
    """According to the manual, how often ...: what stands before the comma, which goes to the end."""
    commas = [at for at, word in enumerate(words) if word.endswith(",")]
    if len(commas) != 1 or bare(words[0]) not in _ADJUNCTS or commas[0] + 3 > len(words):
        return [], words
    main = words[commas[0] + 1 :]
    if bare(main[0]) not in WH | AUXILIARIES | LEADING or any(bare(word) in _REFERRING for word in main):
        return [], words
    adjunct = [*words[: commas[0]], words[commas[0]][:-1]]
    return [adjunct[0].lower(), *adjunct[1:]], [main[0][0].upper() + main[0][1:], *main[1:]]


_REFERRING = word_set("it they them he she its their this that these those")


def _foreign(text: str) -> bool:
    return not text.isascii() and bool(re.search(r"[^\W\d_a-zA-ZÀ-ÿ]", text))


def _words(text: str) -> list[str]:
    """Words, with what stands in brackets or quotes as one."""
    groups = _GROUP.findall(text)
    held = _GROUP.sub(lambda match: match[0].replace(" ", "\0"), text) if groups else text
    return [word.replace("\0", " ") for word in held.split()]


# --- requests and fragments ---------------------------------------------------------------------------


def _told(text: str, asked: str) -> list[str]:
    """Tell me X, I would like to know X."""
    words = _words(asked)
    if len(words) < 2 or not _embedded(words):
        return []
    direct = _what_is(words)
    if [bare(word) for word in words[:2]] == ["how", "to"]:
        direct = [f"How do I {' '.join(words[2:])}?"]
    forms = [f"Could you tell me {asked}?", f"I would like to know {asked}.", f"Please tell me {asked}."]
    return [form for form in [*direct, *forms] if form.casefold() != text.casefold()]


def _embedded(words: Sequence[str]) -> bool:
    """Whether words may follow 'tell me': a definite phrase or an embedded question, not 'where is ...'."""
    first, second = bare(words[0]), bare(words[1])
    if first in _DEFINITE or first in ("whether", "if", "about") or (first in LEADING and second in WH):
        return True
    return first in WH and (second not in AUXILIARIES or first in ("who", "what", "which"))


_DEFINITE = word_set("the your our my its their")


def _what_is(words: Sequence[str]) -> list[str]:
    known = bare(words[0]) in _DEFINITE and bare(grammar.head(words)) in ATTRIBUTES
    if not known or not grammar.is_noun_phrase(words):
        return []
    head_phrase = words[
        : next((at for at, word in enumerate(words) if at and grammar.is_preposition(word)), len(words))
    ]
    plural = "and" in head_phrase or grammar.is_plural(head_phrase[-1])
    return [f"What {'are' if plural else 'is'} {' '.join(words)}?"]


def _ordered(words: Sequence[str]) -> list[str]:
    """List X, describe X, state X."""
    please = bare(words[0]) == "please"
    words = words[1:] if please else words
    if len(words) < 2 or bare(words[0]) not in TELLING or words[-1].endswith(","):
        return []
    order = lowered(words)
    object_ = words[1:]
    direct = _what_is(object_) if bare(words[0]) in ("state", "give", "specify", "provide") else []
    return [
        *direct,
        f"Could you {order}?",
        f"Please {order}." if not please else f"{order[0].upper()}{order[1:]}.",
    ]


def _requested(words: Sequence[str]) -> list[str]:
    """Can you explain X? Please explain X."""
    if not to_the_reader(words):
        return []
    rest = [word for word in words[2:] if bare(word) != "please"]
    if bare(rest[0]) not in TELLING or len(rest) < 2:
        return []
    other = "Can" if bare(words[0]) == "could" else "Could"
    return [f"Please {' '.join(rest)}.", f"{other} you {' '.join(rest)}?"]


def _fragment(words: Sequence[str]) -> Clause | None:
    """Parking fee? Respirator warranty term? Capital of Peru?"""
    attribute = bare(words[-1]) in ATTRIBUTES or (
        bare(words[0]) in ATTRIBUTES and grammar.is_preposition(words[1])
    )
    if not 2 <= len(words) <= 5 or not attribute or not grammar.is_noun_phrase(words):
        return None
    if any(bare(word) in grammar.PRONOUNS for word in words) or grammar.is_determiner(words[0]):
        return None
    name = re.search(r"[A-Z\d]", words[0][1:]) or not grammar.clause_parts(words[0].split("-")[0])
    return Clause(" ".join(["the", words[0] if name else words[0].lower(), *words[1:]]))


def _fronted(words: Sequence[str]) -> list[str]:
    """What should I do if I lose my card? If I lose my card, what should I do?"""
    places = [at for at, word in enumerate(words) if bare(word) == "if"]
    if len(places) != 1 or places[0] < 3 or bare(words[0]) not in WH or places[0] > len(words) - 3:
        return []
    main, clause = words[: places[0]], words[places[0] + 1 :]
    if (
        main[-1].endswith(",")
        or any(bare(word) in _ASKING_IF for word in main)
        or any("," in word for word in clause)
    ):
        return []
    return [f"If {' '.join(clause)}, {lowered(main)}?"]


_ASKING_IF = word_set(
    "know check tell see ask sure wonder determine matter verify test decide even only as find say"
)
