"""English questions as embedded clauses: where the library is, whether interns can sign orders.

The inversion of subject and verb is undone only where the two part at one place alone. A clause that cannot be made
surely is None.
"""

from collections.abc import Sequence
from typing import NamedTuple

from qaloom.text import rephrase_en_grammar as grammar
from qaloom.text.rephrase_en_grammar import bare

WH = frozenset(["who", "whom", "whose", "when", "where", "why", "what", "which", "how"])
_MODALS = frozenset(["can", "could", "may", "might", "must", "shall", "should", "will", "would"])
_BE = frozenset(["is", "are", "was", "were", "am"])
_HAVE = frozenset(["has", "have", "had"])
_DO = frozenset(["do", "does", "did"])
AUXILIARIES = _MODALS | _BE | _HAVE | _DO
LEADING = frozenset(["by", "at", "for", "until", "under", "to", "on", "in", "from", "with", "since", "within"])
_TO_INFINITIVE = frozenset(["where", "what", "which", "whom", "who"])
# do I need: a state, which 'what to need' would turn into a task.
_STATIVE = frozenset(
    ["need", "have", "get", "want", "receive", "see", "know", "earn", "qualify", "owe", "lose", "like", "own", "become", "pay", "keep", "hear", "feel", "think", "believe", "belong", "expect", "understand", "remember", "live", "work", "spend"]
)
_LONGEST_WHAT = 6  # words that may stand between 'what' and a copula at the end
ATTRIBUTES = frozenset(
    ["name", "names", "title", "code", "codes", "number", "price", "prices", "cost", "costs", "fee", "fees", "charge", "weight", "load", "capacity", "deadline", "address", "addresses", "length", "width", "height", "depth", "size", "dimensions", "duration", "colour", "color", "limit", "limits", "date", "time", "hours", "period", "interval", "version", "temperature", "location", "position", "phone", "extension", "rate", "amount", "budget", "maximum", "minimum", "average", "password", "purpose", "role", "meaning", "definition", "difference", "differences", "feature", "features", "function", "functions", "advantages", "disadvantages", "procedure", "process", "steps", "reason", "reasons", "criteria", "benefits", "objective", "goal", "topic", "capital", "population", "distance", "speed", "voltage", "term", "terms", "warranty", "guarantee", "mark", "score", "author", "owner", "conditions", "requirements", "rules", "rule", "practices", "practice", "way", "ways", "type", "types", "kind", "kinds", "unit", "units", "penalty", "range", "list", "frequency", "symptoms", "causes", "cause", "effects", "effect", "ingredients", "contact", "schedule", "status", "requirement", "condition", "syntax", "format", "value", "values", "default", "defaults", "command", "option", "options", "path", "port", "url", "email", "e-mail", "policy", "point", "profit", "revenue", "percentage", "share", "total", "salary", "income", "tax", "diameter", "current", "power", "pressure", "energy", "density", "formula", "symbol", "abbreviation", "shortcut", "currency", "nationality", "occupation", "diagnosis", "treatment", "dose", "dosage", "expiry", "grade", "level", "levels", "threshold", "tolerance", "origin", "source", "result", "results", "outcome", "consequence", "consequences", "role"]
)
_QUALITIES = frozenset(
    ["colour", "color", "size", "shape", "age", "height", "length", "weight", "time", "day", "date", "temperature", "year"]
)
_STATES = frozenset(["due", "open", "closed", "available", "valid", "free", "busy"])
TELLING = frozenset(
    ["tell", "give", "state", "name", "list", "describe", "explain", "summarise", "summarize", "show", "provide", "specify", "define", "identify", "outline", "compare", "share"]
)
_SUBORDINATORS = frozenset(["if", "when", "once", "while", "unless", "because", "before", "after"])
_NOT_A_PHRASE = frozenset(["about", "up", "down", "out", "off", "like", "else", "not"])


class Clause(NamedTuple):
    """An embedded question, 'where the library is', or a noun phrase that stands for one."""

    text: str
    direct: tuple[str, ...] = ()  # further questions that ask the same


# --- questions ----------------------------------------------------------------------------------------


def clause_of(words: Sequence[str]) -> Clause | None:
    """The clause of a question whose words are given without its mark."""
    first = bare(words[0])
    if first in AUXILIARIES:
        return _whether(words)
    lead = 1 if first in LEADING and bare(words[1]) in WH else 0
    if bare(words[lead]) not in WH:
        return None
    if bare(words[lead + 1] if lead + 1 < len(words) else "") == "to":
        return Clause(lowered(words))  # how to ...
    at = _auxiliary(words, lead)
    if at is None:
        return Clause(lowered(words)) if _subject_asked(words, lead) else None
    asked, auxiliary, rest = words[:at], words[at], words[at + 1 :]
    if not rest:
        return None
    kind = _positive(auxiliary)
    if kind in _BE:
        return _of_be(asked, auxiliary, rest, lead)
    if kind in _HAVE:
        return _of_have(asked, auxiliary, rest)
    return _of_verb(asked, auxiliary, rest, lead)


def _positive(auxiliary: str) -> str:
    """can of can't, is of isn't."""
    name = bare(auxiliary)
    if name in ("can't", "cannot"):
        return "can"
    return "will" if name == "won't" else name.removesuffix("n't")


def lowered(words: Sequence[str]) -> str:
    return " ".join([words[0][0].lower() + words[0][1:], *words[1:]])


def _auxiliary(words: Sequence[str], lead: int) -> int | None:
    """The place of the auxiliary after the asked words: how many weeks of leave | do."""
    for at in range(lead + 1, min(len(words), lead + 9)):
        if _positive(words[at]) in AUXILIARIES:
            between = words[lead + 1 : at]
            if not between or _asked_phrase(bare(words[lead]), between):
                return at
            return None
    return None


def _asked_phrase(word: str, between: Sequence[str]) -> bool:
    if word == "how":
        if len(between) == 1:
            return not grammar.is_preposition(between[0])
        return bare(between[0]) in ("many", "much") and grammar.is_noun_phrase(between[1:])
    return word in ("what", "which", "whose") and grammar.is_noun_phrase(between)


def _subject_asked(words: Sequence[str], lead: int) -> bool:
    """Who signs claims, which floor houses the archive: no auxiliary, so that the asked words are the subject."""
    word = bare(words[0])
    if lead or len(words) < 3 or bare(words[1]) in _NOT_A_PHRASE:
        return False
    if word == "how":
        return bare(words[1]) in ("many", "much") and any(map(_verbal, words[3:]))
    if word == "who":
        return _finite(words[1])
    return word in ("what", "which") and (_finite(words[1]) or any(map(_verbal, words[2:])))


def _verbal(word: str) -> bool:
    return _finite(word) or grammar.is_base_verb(word)


def _finite(word: str) -> bool:
    """Whether a word may be a verb in the third person or the past: signs, designed, wrote."""
    name = bare(word)
    return word.islower() and any(
        name in (grammar.inflected(lemma, "VBZ"), grammar.inflected(lemma, "VBD"))
        for lemma in grammar.parts(word).get("VERB", ())
    )


def _of_verb(asked: Sequence[str], auxiliary: str, rest: Sequence[str], lead: int) -> Clause | None:
    """Questions with do or a modal."""
    kind, negative = _positive(auxiliary), _positive(auxiliary) != bare(auxiliary)
    end = grammar.subject_end(rest, kind)
    if end is None:
        subject = kind in _MODALS and not lead and bare(asked[0]) in ("who", "what", "which", "how")
        verb = bare(rest[0]) == "be" or (
            grammar.is_base_verb(rest[0]) and grammar.is_plural(rest[0]) is not True
        )
        return Clause(lowered([*asked, auxiliary, *rest])) if subject and verb else None
    subject, tail = rest[:end], rest[end:]
    if kind == "do" and not negative and bare(subject[0]) in ("i", "you", "we", "one") and end == 1:
        return _of_do(asked, subject[0], tail)
    if kind in _DO and not negative:
        predicate = _conjugated(tail, kind)
        return (
            None
            if predicate is None
            else Clause(lowered([*asked, *subject, *predicate]), _meaning(asked, rest))
        )
    direct = _can_and_do(asked, auxiliary, rest)
    return Clause(lowered([*asked, *subject, auxiliary, *tail]), direct)


def _can_and_do(asked: Sequence[str], auxiliary: str, rest: Sequence[str]) -> tuple[str, ...]:
    """How can I ... ? How do I ... ?"""
    if lowered(asked) != "how" or rest[0] not in ("I", "we") or bare(auxiliary) not in ("can", "do"):
        return ()
    verb = bare(rest[1]) if len(rest) > 1 else ""
    if verb in _STATIVE or verb in ("be", "tell", "not") or not grammar.is_base_verb(verb):
        return ()
    return (f"How {'do' if bare(auxiliary) == 'can' else 'can'} {' '.join(rest)}?",)


def _of_do(asked: Sequence[str], subject: str, tail: Sequence[str]) -> Clause | None:
    """How do I reset it -> how to reset it; what do I need -> what I need; why do we ... -> why we ..."""
    verb, word = bare(tail[0]), bare(asked[-1] if len(asked) == 1 else asked[0])
    manner = len(asked) == 1 and word == "how"
    if manner or (word in _TO_INFINITIVE and verb not in _STATIVE and subject in ("I", "we")):
        return Clause(lowered([*asked, "to", *tail]), _can_and_do(asked, "do", [subject, *tail]))
    return Clause(lowered([*asked, subject, *tail]))


def _conjugated(tail: Sequence[str], auxiliary: str) -> list[str] | None:
    """The predicate with its verb in the third person or the past, as does and did had it."""
    if auxiliary == "do":
        return list(tail)
    at = grammar.verb_at(tail)
    form = grammar.inflected(tail[at], "VBZ" if auxiliary == "does" else "VBD")
    return None if form is None or tail[at] in ("lie", "hang") else [*tail[:at], form, *tail[at + 1 :]]


def _meaning(asked: Sequence[str], rest: Sequence[str]) -> tuple[str, ...]:
    """What does X mean? What is the meaning of X?"""
    if lowered(asked) == "what" and bare(rest[-1]) == "mean" and grammar.is_noun_phrase(rest[:-1]):
        return (f"What is the meaning of {' '.join(rest[:-1])}?",)
    return ()


def _of_have(asked: Sequence[str], auxiliary: str, rest: Sequence[str]) -> Clause | None:
    """How has the policy changed? Which court has jurisdiction? What has changed?"""
    end = _participle_place(rest)
    if end is not None:
        return Clause(lowered([*asked, *rest[:end], auxiliary, *rest[end:]]))
    subject = bare(asked[0]) in ("who", "what", "which") and bare(auxiliary) == _positive(auxiliary)
    own = grammar.is_participle(rest[0]) or bare(rest[0]) == "been" or grammar.is_noun_phrase(rest)
    return Clause(lowered([*asked, auxiliary, *rest])) if subject and own else None


def _participle_place(rest: Sequence[str]) -> int | None:
    for at in range(1, min(len(rest), 10)):
        if bare(rest[at]) == "been" or grammar.is_participle(rest[at]):
            subject = rest[:at]
            pronoun = at == 1 and bare(subject[0]) in grammar.PRONOUNS
            return at if pronoun or grammar.is_noun_phrase(subject) else None
    return None


# --- to be --------------------------------------------------------------------------------------------


def _of_be(asked: Sequence[str], auxiliary: str, words: Sequence[str], lead: int) -> Clause | None:
    word = bare(asked[lead])
    at = next((at for at, each in enumerate(words) if at > 1 and bare(each) in _SUBORDINATORS), len(words))
    rest, added = words[:at], words[at:]  # 'once it is unfolded' stays at the end
    if bare(rest[0]) in grammar.PRONOUNS and bare(rest[0]) not in ("one", "people"):
        return _inverted(asked, auxiliary, words, 1)
    if not lead and (_keeps_order(asked, rest) or (word == "how" and len(asked) > 2 and _is_predicate(rest))):
        return Clause(lowered([*asked, auxiliary, *words]))
    if word in ("what", "which") and not lead and len(asked) > 1 and bare(asked[-1]) not in _QUALITIES:
        return None  # which manager is the owner: either may be the subject
    if word == "how" and bare(asked[-1]) == "far" and "from" in rest:
        return _inverted(asked, auxiliary, words, rest.index("from"))
    if grammar.is_noun_phrase(rest) and not _ends_in_state(asked, rest):
        return _of_noun(asked, auxiliary, rest, added)
    end = _predicate_place(rest, strict=word in ("where", "what", "who") and not lead)
    end = _stranded(asked, rest) if end is None else end
    return None if end is None else _inverted(asked, auxiliary, words, end)


def _inverted(asked: Sequence[str], auxiliary: str, rest: Sequence[str], end: int) -> Clause:
    return Clause(lowered([*asked, *rest[:end], auxiliary, *rest[end:]]))


def _ends_in_state(asked: Sequence[str], rest: Sequence[str]) -> bool:
    """When is the tax return | due: the adjective is no noun here."""
    return (
        bare(rest[-1]) in _STATES
        and bare(asked[-1]) not in ("what", "who")
        and grammar.is_noun_phrase(rest[:-1])
    )


def _stranded(asked: Sequence[str], rest: Sequence[str]) -> int | None:
    """What is Article 12 | about? What is it | good for?"""
    if bare(asked[-1]) != "what" or bare(rest[-1]) not in ("about", "for", "like") or len(rest) < 2:
        return None
    end = len(rest) - (2 if len(rest) > 2 and bare(rest[-2]) in ("good", "bad", "best") else 1)
    return end if grammar.is_noun_phrase(rest[:end]) else None


def _keeps_order(asked: Sequence[str], rest: Sequence[str]) -> bool:
    """What is deducted, who is responsible, which room is the largest: the asked words are the subject."""
    word = bare(asked[0])
    if word not in ("who", "what", "which", "whose"):
        return False
    if (len(asked) > 1 or word == "which") and bare(rest[0]) == "the" and len(rest) > 1:
        best = bare(rest[1])
        return best in _SUPERLATIVES or best.endswith("est")
    if len(rest) == 1 and word == "what":
        return bare(rest[0]) in (
            "new",
            "different",
            "special",
            "wrong",
            "required",
            "included",
            "needed",
            "covered",
        )
    if len(rest) == 1 and word == "which":
        return grammar.is_adjective(rest[0])
    if grammar.is_preposition(rest[0]) and len(rest) > 1:
        return grammar.is_noun_phrase(rest[1:])  # who is in charge of security
    return _is_predicate(rest)


_SUPERLATIVES = frozenset(["most", "best", "worst", "first", "last", "only", "least", "same"])


def _is_predicate(rest: Sequence[str]) -> bool:
    """Whether words are a participle or adjective with its complement: required for entry."""
    at = next(
        (at for at, word in enumerate(rest) if not (grammar.is_adverb(word) or bare(word) == "not")), None
    )
    if at is None:
        return False
    word = rest[at]
    if bare(word) in ("responsible", "eligible", "entitled", "liable"):
        return True
    if grammar.is_participle(word):
        return _complement(rest[at + 1 :])
    if word.endswith("ing") and "VERB" in grammar.parts(word) and bare(word) not in grammar.NOUNS_IN_ING:
        return len(rest) > at + 1
    plain = grammar.is_adjective(word) and "NOUN" not in grammar.parts(word) and not word[0].isupper()
    return plain and _complement(rest[at + 1 :])


def _of_noun(
    asked: Sequence[str], auxiliary: str, rest: Sequence[str], added: Sequence[str]
) -> Clause | None:
    """Where is the library? What is the weight of the helmet? Who is the head of finance?"""
    inverted = _inverted(asked, auxiliary, [*rest, *added], len(rest))
    word = bare(asked[-1])
    if word == "what" and len(asked) == 1:
        if asks_attribute(rest):
            text = " ".join([rest[0].lower(), *rest[1:], *added])
            return Clause(text, () if added else keywords(rest))
        return inverted if len(rest) <= _LONGEST_WHAT else None
    return None if word == "why" or len(rest) > 9 else inverted


def asks_attribute(phrase: Sequence[str]) -> bool:
    """Whether a phrase is definite and its head an attribute, which can be told: the weight of the helmet."""
    definite = bare(phrase[0]) in ("the", "our", "your", "its", "their", "my") or phrase[0].endswith(
        ("'s", "’s")
    )
    return definite and bare(grammar.head(phrase)) in ATTRIBUTES


def keywords(phrase: Sequence[str]) -> tuple[str, ...]:
    """The price of the rope -> rope price; longer phrases without their article."""
    if bare(phrase[0]) != "the":
        return ()
    at = next((at for at, word in enumerate(phrase) if bare(word) == "of"), 0)
    owner = list(phrase[at + 1 :]) if at else []
    simple = 0 < len(owner) <= 5 and not any(map(grammar.is_preposition, owner)) and "and" not in owner
    named = at == 2 or (at == 3 and phrase[1].endswith(("ing", "code", "part", "model", "product", "side")))
    if simple and named and grammar.is_plural(owner[-1]) is False:
        owner = owner[1:] if bare(owner[0]) in ("the", "a", "an") else owner
        if owner and not grammar.is_determiner(owner[0]):
            return (" ".join([*owner, *phrase[1:at]]),)
    return (" ".join(phrase[1:]),) if len(phrase) > 3 else ()


def _predicate_place(rest: Sequence[str], strict: bool = False) -> int | None:
    """The number of words of the subject before a participle, an adjective or 'a ...'; None unless one place alone fits.

    `strict`: after where, what and who a participle may belong to the subject (the forms required for entry).
    """
    places = [end for end in range(1, min(len(rest), 13)) if _splits(rest, end, strict)]
    return places[0] if len(places) == 1 else None


_LOCATED = frozenset(
    ["located", "stored", "kept", "found", "situated", "held", "installed", "based", "displayed", "saved", "logged", "placed", "mounted", "printed", "published", "defined"]
)
_STRANDED = frozenset(["of", "for", "on", "in", "with", "by", "to", "from", "about", "as", "at"])


def _splits(rest: Sequence[str], end: int, strict: bool) -> bool:
    subject, predicate = rest[:end], rest[end:]
    pronoun = end == 1 and bare(subject[0]) in grammar.PRONOUNS
    if not (pronoun or grammar.is_noun_phrase(subject)):
        return False
    at = next(
        (at for at, word in enumerate(predicate) if not (grammar.is_adverb(word) or bare(word) == "not")),
        None,
    )
    if at is None:
        return False
    word, after = predicate[at], predicate[at + 1 :]
    if grammar.is_participle(word):
        stranded = len(after) == 1 and bare(after[0]) in _STRANDED
        return (
            stranded or (not strict and _complement(after)) or (bare(word) in _LOCATED and _complement(after))
        )
    if bare(word) in ("a", "an") or (bare(word) == "the" and after and bare(after[0]) == "same"):
        return not strict and bool(after) and not any(bare(each) in AUXILIARIES for each in after)
    if strict:
        return False
    if word.endswith("ing") and "VERB" in grammar.parts(word) and bare(word) not in grammar.NOUNS_IN_ING:
        return not grammar.is_preposition(subject[-1]) and (bool(after) or grammar.is_determiner(subject[0]))
    return grammar.is_adjective(word) and _complement(after) and not grammar.is_preposition(subject[-1])


def _complement(words: Sequence[str]) -> bool:
    """Whether words may follow a predicate and hold no other one: nothing, an adverb, phrases with prepositions."""
    if not words:
        return True
    first = bare(words[0])
    if first in (
        "to",
        "that",
        "if",
        "when",
        "before",
        "after",
        "until",
        "because",
        "while",
        "unless",
        "and",
        "or",
        "than",
    ):
        return len(words) > 1
    if grammar.is_adverb(words[0]) or first in (
        "daily",
        "weekly",
        "monthly",
        "yearly",
        "online",
        "here",
        "there",
        "now",
        "together",
    ):
        return _complement(words[1:])
    if grammar.is_preposition(words[0]):
        return len(words) > 1 and (grammar.is_noun_phrase(words[1:]) or _gerund(words[1:]))
    return False


def _gerund(words: Sequence[str]) -> bool:
    last = words[-1]
    hanging = grammar.is_adjective(last) and "NOUN" not in grammar.parts(last) and not grammar.is_adverb(last)
    return words[0].endswith("ing") and "VERB" in grammar.parts(words[0]) and not hanging


# --- yes or no ----------------------------------------------------------------------------------------


def _whether(words: Sequence[str]) -> Clause | None:
    """Can interns sign orders? Is a badge required? Does the shuttle run on Sundays?"""
    auxiliary, rest = words[0], words[1:]
    kind = bare(auxiliary)
    if kind != _positive(auxiliary) or not rest:
        return None
    if kind in _BE:
        end = (
            1
            if bare(rest[0]) in grammar.PRONOUNS and bare(rest[0]) != "people" and len(rest) > 1
            else _predicate_place(rest)
        )
        end = _place_of_preposition(rest) if end is None else end
    elif kind in _HAVE:
        end = _participle_place(rest)
    else:
        if to_the_reader(words):
            return None
        end = grammar.subject_end(rest, kind)
    if end is None:
        return None
    if kind in _DO:
        predicate = _conjugated(rest[end:], kind)
        return None if predicate is None else Clause(" ".join(["whether", *rest[:end], *predicate]))
    return Clause(" ".join(["whether", *rest[:end], kind, *rest[end:]]))


def _place_of_preposition(rest: Sequence[str]) -> int | None:
    """Is the office in Berlin: a subject without attachments, and one phrase with a preposition."""
    places = [at for at, word in enumerate(rest) if grammar.is_preposition(word)]
    if len(places) != 1 or bare(rest[places[0]]) == "of" or not places[0]:
        return None
    end = places[0]
    return end if grammar.is_noun_phrase(rest[:end]) and grammar.is_noun_phrase(rest[end + 1 :]) else None


def to_the_reader(words: Sequence[str]) -> bool:
    """Can you explain ...: a request, not a question whether."""
    return (
        bare(words[0]) in ("can", "could", "would", "will")
        and bare(words[1]) == "you"
        and len(words) > 2
        and any(bare(word) in TELLING | {"help", "send", "please"} for word in words[2:4])
    )
