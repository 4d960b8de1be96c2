"""English questions as embedded clauses: where the library is, whether interns can sign orders.

The inversion of subject and verb is undone only where the two part at one place alone. A clause that cannot be
made surely is None.
"""

from collections.abc import Sequence
from itertools import takewhile

from qaloom.text import rephrase_en_grammar as grammar
from qaloom.text.rephrase_en_copula import Clause, clause_with_be, lowered, predicate_place, preposition_place
from qaloom.text.rephrase_en_grammar import (
    AUXILIARIES,
    BE,
    DO,
    HAVE,
    LEADING,
    MODALS,
    TELLING,
    WH,
    bare,
    word_set,
)

_TO_INFINITIVE = word_set("where what which whom who")
# do I need: a state, which 'what to need' would turn into a task.
_STATIVE = word_set(
    "need have get want receive see know earn qualify owe lose like own become pay keep hear feel think"
    " believe belong expect understand remember live work spend"
)
_NOT_A_PHRASE = word_set("about up down out off like else not")


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
    if kind in BE:
        return clause_with_be(asked, auxiliary, rest, lead)
    if kind in HAVE:
        return _of_have(asked, auxiliary, rest)
    return _of_verb(asked, auxiliary, rest, lead)


def _positive(auxiliary: str) -> str:
    """can of can't, is of isn't."""
    name = bare(auxiliary)
    if name in ("can't", "cannot"):
        return "can"
    return "will" if name == "won't" else name.removesuffix("n't")


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
        counted = between[1:-2] if len(between) > 3 and bare(between[-2]) in _EACH else between[1:]
        return bare(between[0]) in ("many", "much") and grammar.is_noun_phrase(counted)
    return word in ("what", "which", "whose") and grammar.is_noun_phrase(between)


_EACH = word_set("a an per each every")  # how many times a day


def _subject_asked(words: Sequence[str], lead: int) -> bool:
    """Who signs claims, which floor houses the archive: without an auxiliary the asked words are the subject."""
    word = bare(words[0])
    if lead or len(words) < 3 or bare(words[1]) in _NOT_A_PHRASE or _inverts(words):
        return False
    if word == "how":
        return bare(words[1]) in ("many", "much") and any(map(_verbal, words[3:]))
    if word == "who":
        return _finite(words[1])
    return word in ("what", "which") and (_finite(words[1]) or any(map(_verbal, words[2:])))


def _inverts(words: Sequence[str]) -> bool:
    """Whether an auxiliary stands in the main clause: what forms signed by the owner should I send."""
    main = takewhile(lambda word: bare(word) not in _SUBORDINATE, words[1:])
    return any(_positive(word) in AUXILIARIES for word in main)


_SUBORDINATE = word_set("if when while because that who which whether unless once after before")


def _verbal(word: str) -> bool:
    return _finite(word) or grammar.is_base_verb(word)


def _finite(word: str) -> bool:
    """Whether a word may be a verb in the third person or the past: signs, designed, wrote."""
    name = bare(word)
    return word.islower() and any(
        name in (grammar.inflected_forms(lemma, "VBZ"), grammar.inflected_forms(lemma, "VBD"))
        for lemma in grammar.clause_parts(word).get("VERB", ())
    )


def _of_verb(asked: Sequence[str], auxiliary: str, rest: Sequence[str], lead: int) -> Clause | None:
    """Questions with do or a modal."""
    kind, negative = _positive(auxiliary), _positive(auxiliary) != bare(auxiliary)
    keeps = kind in MODALS and not lead and _may_be_subject(asked)
    if keeps and (bare(rest[0]) in ("be", "have") or grammar.is_common_verb(rest[0])):
        return Clause(lowered([*asked, auxiliary, *rest]))  # what can go wrong
    end = grammar.subject_end(rest, kind)
    if end is None:
        verb = grammar.is_base_verb(rest[0]) and grammar.is_plural(rest[0]) is not True
        return Clause(lowered([*asked, auxiliary, *rest])) if keeps and verb else None
    subject, tail = rest[:end], rest[end:]
    if kind == "do" and not negative and bare(subject[0]) in ("i", "you", "we", "one") and end == 1:
        return _of_do(asked, subject[0], tail)
    if kind in DO and not negative:
        predicate = _conjugated(tail, kind)
        if predicate is None:
            return None
        return Clause(lowered([*asked, *subject, *predicate]), _meaning(asked, rest))
    direct = _can_and_do(asked, auxiliary, rest)
    return Clause(lowered([*asked, *subject, auxiliary, *tail]), direct)


def _may_be_subject(asked: Sequence[str]) -> bool:
    """Who, what, which floor, how many users; not a manner."""
    many = bare(asked[0]) == "how" and len(asked) > 2
    return many or bare(asked[0]) in ("who", "what", "which")


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
    manner = len(asked) == 1 and word == "how" and bare(subject) != "you"
    if manner or (word in _TO_INFINITIVE and verb not in _STATIVE and subject in ("I", "we")):
        return Clause(lowered([*asked, "to", *tail]), _can_and_do(asked, "do", [subject, *tail]))
    return Clause(lowered([*asked, subject, *tail]))


def _conjugated(tail: Sequence[str], auxiliary: str) -> list[str] | None:
    """The predicate with its verb in the third person or the past, as does and did had it."""
    if auxiliary == "do":
        return list(tail)
    at = grammar.verb_at(tail)
    if _second_verb(tail, at):
        return None
    form = grammar.inflected_forms(tail[at], "VBZ" if auxiliary == "does" else "VBD")
    return None if form is None or tail[at] in ("lie", "hang") else [*tail[:at], form, *tail[at + 1 :]]


def _second_verb(tail: Sequence[str], at: int) -> bool:
    """Whether another verb would have to change with the one at `at`: start and end."""
    after = [place for place in range(at + 1, len(tail) - 1) if bare(tail[place]) in ("and", "or", "but")]
    return any(
        grammar.is_base_verb(tail[place + 1]) and (place == at + 1 or _takes_object(tail, place + 1))
        for place in after
    )


def _takes_object(tail: Sequence[str], at: int) -> bool:
    return at + 1 < len(tail) and grammar.is_determiner(tail[at + 1])


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
    own = grammar.is_participle(rest[0]) or bare(rest[0]) in ("been", "to") or grammar.is_noun_phrase(rest)
    return Clause(lowered([*asked, auxiliary, *rest])) if subject and own else None


def _participle_place(rest: Sequence[str]) -> int | None:
    for at in range(1, min(len(rest), 10)):
        if bare(rest[at]) == "been" or grammar.is_participle(rest[at]):
            subject = rest[:at]
            pronoun = at == 1 and bare(subject[0]) in grammar.PRONOUNS
            return at if pronoun or grammar.is_noun_phrase(subject) else None
    return None


# --- yes or no ----------------------------------------------------------------------------------------


def _whether(words: Sequence[str]) -> Clause | None:
    """Can interns sign orders? Is a badge required? Does the shuttle run on Sundays?"""
    auxiliary, rest = words[0], words[1:]
    kind = bare(auxiliary)
    if kind != _positive(auxiliary) or not rest:
        return None
    if kind in BE:
        end = (
            1
            if bare(rest[0]) in grammar.PRONOUNS and bare(rest[0]) != "people" and len(rest) > 1
            else predicate_place(rest)
        )
        end = preposition_place(rest) if end is None else end
    elif kind in HAVE:
        end = _participle_place(rest)
    else:
        if to_the_reader(words):
            return None
        end = grammar.subject_end(rest, kind)
    if end is None:
        return None
    if kind in DO:
        predicate = _conjugated(rest[end:], kind)
        return None if predicate is None else Clause(" ".join(["whether", *rest[:end], *predicate]))
    return Clause(" ".join(["whether", *rest[:end], kind, *rest[end:]]))


def to_the_reader(words: Sequence[str]) -> bool:
    """Can you explain ...: a request, not a question whether."""
    return (
        bare(words[0]) in ("can", "could", "would", "will")
        and bare(words[1]) == "you"
        and len(words) > 2
        and any(bare(word) in TELLING | {"help", "send", "please"} for word in words[2:4])
    )
