"""English questions with to be: where the subject ends and the predicate begins.

`Where are spare fuses | stored`, `what is | deducted from my pay`: the order changes only where one place alone
fits.
"""

from collections.abc import Sequence
from typing import NamedTuple

from qaloom.text import rephrase_en_grammar as grammar
from qaloom.text.rephrase_en_grammar import ATTRIBUTES, AUXILIARIES, bare, word_set

_LONGEST_WHAT = 6  # words that may stand between 'what' and a copula at the end
_QUALITIES = word_set("colour color size shape age height length weight time day date temperature year")
_STATES = word_set("due open closed available valid free busy")
_SUBORDINATORS = word_set("if when once while unless because before after")
_PREDICATIVE = word_set(
    "new different special wrong right required included needed covered available possible important necessary"
    " missing true best"
)
_SUPERLATIVES = word_set("most best worst first last only least same")
_LOCATED = word_set(
    "located stored kept found situated held installed based displayed saved logged placed mounted"
    " printed published defined"
)
_STRANDED = word_set("of for on in with by to from about as at")


class Clause(NamedTuple):
    """An embedded question, 'where the library is', or a noun phrase that stands for one."""

    text: str
    direct: tuple[str, ...] = ()  # further questions that ask the same


def lowered(words: Sequence[str]) -> str:
    return " ".join([words[0][0].lower() + words[0][1:], *words[1:]])


def clause_with_be(asked: Sequence[str], auxiliary: str, words: Sequence[str], lead: int) -> Clause | None:
    word = bare(asked[lead])
    at = next((at for at, each in enumerate(words) if at > 1 and bare(each) in _SUBORDINATORS), len(words))
    rest, added = words[:at], words[at:]  # 'once it is unfolded' stays at the end
    if bare(rest[0]) in grammar.PRONOUNS and bare(rest[0]) not in ("one", "people"):
        return _inverted(asked, auxiliary, words, 1)
    activity = _activity(auxiliary, rest) if lowered(asked) == "what" else False
    if activity is None:
        return None
    if not lead and not activity and _keeps_order(asked, rest):
        return Clause(lowered([*asked, auxiliary, *words]))
    if word in ("what", "which") and not lead and len(asked) > 1 and bare(asked[-1]) not in _QUALITIES:
        return None  # which manager is the owner: either may be the subject
    if word == "how" and bare(asked[-1]) == "far" and "from" in rest:
        return _inverted(asked, auxiliary, words, rest.index("from"))
    if grammar.is_noun_phrase(rest) and not _ends_in_state(asked, rest, lead):
        return _of_noun(asked, auxiliary, rest, added)
    end = predicate_place(rest, strict=word in ("where", "what", "who") and not lead and len(asked) == 1)
    end = _stranded(asked, rest) if end is None else end
    return None if end is None else _inverted(asked, auxiliary, words, end)


def _activity(auxiliary: str, rest: Sequence[str]) -> bool | None:
    """Whether a word in -ing belongs to the noun after it (are visiting hours) or is the verb (is causing delays).

    None where it may be either: is running cost, is causing damage.
    """
    if len(rest) < 2 or not _may_be_progressive(rest[0]):
        return False
    noun = rest[1]
    if grammar.is_determiner(noun) or grammar.is_preposition(noun) or not grammar.is_noun(noun):
        return False
    if bare(auxiliary) in ("are", "were"):
        return True
    return False if grammar.is_plural(noun) else None


def _may_be_progressive(word: str) -> bool:
    verb = word.endswith("ing") and "VERB" in grammar.clause_parts(word)
    return verb and bare(word) not in grammar.NOUNS_IN_ING


def _inverted(asked: Sequence[str], auxiliary: str, rest: Sequence[str], end: int) -> Clause:
    return Clause(lowered([*asked, *rest[:end], auxiliary, *rest[end:]]))


def _ends_in_state(asked: Sequence[str], rest: Sequence[str], lead: int) -> bool:
    """When is the tax return | due, under what terms is it | void: the adjective is no noun here."""
    last = rest[-1]
    whole = bool(lead) or bare(asked[-1]) in ("when", "how")  # such a question needs a predicate more often
    state = bare(last) in _STATES or (whole and last.islower() and grammar.is_adjective(last))
    return state and bare(asked[-1]) not in ("what", "who") and grammar.is_noun_phrase(rest[:-1])


def _stranded(asked: Sequence[str], rest: Sequence[str]) -> int | None:
    """What is Article 12 | about? What is it | good for?"""
    if bare(asked[-1]) != "what" or bare(rest[-1]) not in ("about", "for", "like") or len(rest) < 2:
        return None
    end = len(rest) - (2 if len(rest) > 2 and bare(rest[-2]) in ("good", "bad", "best") else 1)
    return end if grammar.is_noun_phrase(rest[:end]) else None


def _keeps_order(asked: Sequence[str], rest: Sequence[str]) -> bool:
    """What is deducted, who is responsible, which room is the largest: the asked words are the subject."""
    word = bare(asked[0])
    if word == "how" and len(asked) < 3:
        return False
    if word not in ("who", "what", "which", "whose", "how"):
        return False
    if (len(asked) > 1 or word == "which") and bare(rest[0]) == "the" and len(rest) > 1:
        best = bare(rest[1])
        return best in _SUPERLATIVES or best.endswith("est")
    if bare(rest[0]) in _PREDICATIVE:
        return _complement(rest[1:])
    if len(rest) == 1 and len(asked) == 1:
        return word == "which" and grammar.is_adjective(rest[0])
    if grammar.is_preposition(rest[0]) and len(rest) > 1:
        return grammar.is_noun_phrase(rest[1:])  # who is in charge of security
    return _is_predicate(rest)


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
    if _may_be_progressive(word):
        return len(rest) > at + 1
    plain = grammar.is_adjective(word) and "NOUN" not in grammar.clause_parts(word) and not word[0].isupper()
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


_RELATIONS = word_set(
    "cause causes consequence consequences source origin definition meaning difference differences"
)


def keywords(phrase: Sequence[str]) -> tuple[str, ...]:
    """The price of the rope -> rope price; longer phrases without their article."""
    if bare(phrase[0]) != "the":
        return ()
    at = next((at for at, word in enumerate(phrase) if bare(word) == "of"), 0)
    owner = list(phrase[at + 1 :]) if at else []
    simple = (
        0 < len(owner) <= 5
        and bare(phrase[at - 1]) not in _RELATIONS
        and not any(map(grammar.is_preposition, owner))
        and "and" not in owner
    )
    named = at == 2 or (at == 3 and phrase[1].endswith(("ing", "code", "part", "model", "product", "side")))
    if simple and named and grammar.is_plural(owner[-1]) is False:
        owner = owner[1:] if bare(owner[0]) in ("the", "a", "an") else owner
        if owner and not grammar.is_determiner(owner[0]):
            return (" ".join([*owner, *phrase[1:at]]),)
    return (" ".join(phrase[1:]),) if len(phrase) > 3 else ()


def predicate_place(rest: Sequence[str], strict: bool = False) -> int | None:
    """The number of words before a participle, an adjective or 'a ...'; None unless one place alone fits.

    `strict`: after where, what and who a participle may belong to the subject (the forms required for entry).
    """
    places = [end for end in range(1, min(len(rest), 13)) if _splits(rest, end, strict)]
    return places[0] if len(places) == 1 else None


def _splits(rest: Sequence[str], end: int, strict: bool) -> bool:
    subject, predicate = rest[:end], rest[end:]
    pronoun = end == 1 and (bare(subject[0]) in grammar.PRONOUNS or _this_is(subject[0], predicate))
    if _compound_adjective(subject[-1], predicate[0]):
        return False
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
            stranded
            or not after
            or (not strict and _complement(after))
            or (bare(word) in _LOCATED and _complement(after))
        )
    if bare(word) in ("a", "an") or (bare(word) == "the" and after and bare(after[0]) == "same"):
        return not strict and bool(after) and not any(bare(each) in AUXILIARIES for each in after)
    if strict:
        return False
    if _may_be_progressive(word):
        return not grammar.is_preposition(subject[-1]) and (bool(after) or grammar.is_determiner(subject[0]))
    return grammar.is_adjective(word) and _complement(after) and not grammar.is_preposition(subject[-1])


def _this_is(word: str, predicate: Sequence[str]) -> bool:
    """Whether this or that stands alone before its predicate: this | correct, that | the right form."""
    alone = (
        len(predicate) == 1
        and grammar.is_adjective(predicate[0])
        and "NOUN" not in grammar.clause_parts(predicate[0])
    )
    return bare(word) in ("this", "that") and alone


_COMPOUNDS = word_set(
    "case tax water fat duty rent gluten sugar cost energy user eco time age toll dust shock heat fire lead dairy"
    " vendor machine gender price context oil carbon"
)
_COMPOUND_ADJECTIVES = word_set(
    "sensitive free resistant proof specific effective friendly dependent compliant efficient neutral exempt tight"
)


def _compound_adjective(noun: str, adjective: str) -> bool:
    """Whether a noun and an adjective are one: case sensitive, tax free."""
    return bare(noun) in _COMPOUNDS and bare(adjective) in _COMPOUND_ADJECTIVES


def _complement(words: Sequence[str]) -> bool:
    """Whether words may follow a predicate and hold no other one: none, an adverb, phrases with prepositions."""
    if not words:
        return True
    first = bare(words[0])
    if first in _LINKS:
        return len(words) > 1
    if grammar.is_adverb(words[0]) or first in _ADVERBS:
        return _complement(words[1:])
    if grammar.is_preposition(words[0]):
        return len(words) > 1 and (grammar.is_noun_phrase(words[1:]) or _gerund(words[1:]))
    return False


_LINKS = word_set("to that if when before after until because while unless and or than")
_ADVERBS = word_set("daily weekly monthly yearly online here there now together")


def _gerund(words: Sequence[str]) -> bool:
    last = words[-1]
    hanging = (
        grammar.is_adjective(last)
        and "NOUN" not in grammar.clause_parts(last)
        and not grammar.is_adverb(last)
    )
    return words[0].endswith("ing") and "VERB" in grammar.clause_parts(words[0]) and not hanging


def preposition_place(rest: Sequence[str]) -> int | None:
    """Is the office in Berlin: a subject without attachments, and one phrase with a preposition."""
    places = [at for at, word in enumerate(rest) if grammar.is_preposition(word)]
    if len(places) != 1 or bare(rest[places[0]]) == "of" or not places[0]:
        return None
    end, place = places[0], rest[places[0] + 1 :]
    plain = grammar.is_noun_phrase(place) and not any(map(grammar.is_participle, place))
    return (
        end if plain and grammar.is_noun_phrase(rest[:end]) and not grammar.is_adjective(place[-1]) else None
    )
