"""Parts of speech, inflection and noun phrases of English questions, from lemminflect's lexicon.

Nothing is guessed: a word the lexicon does not have is a name or a noun, and where a phrase could end in two
places, `subject_end` says so with None.
"""

import re
from collections.abc import Sequence
from functools import lru_cache


def word_set(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


WH = word_set("who whom whose when where why what which how")
MODALS = word_set("can could may might must shall should will would")
BE = word_set("is are was were am")
HAVE = word_set("has have had")
DO = word_set("do does did")
AUXILIARIES = MODALS | BE | HAVE | DO
LEADING = word_set("by at for until under to on in from with since within")
ATTRIBUTES = word_set(
    "name names title code codes number price prices cost costs fee fees charge weight load capacity"
    " deadline address addresses length width height depth size dimensions duration colour color limit"
    " limits date time hours period interval version temperature location position phone extension rate"
    " amount budget maximum minimum average password purpose role meaning definition difference"
    " differences feature features function functions advantages disadvantages procedure process steps"
    " reason reasons criteria benefits objective goal topic capital population distance speed voltage term"
    " terms warranty guarantee mark score author owner conditions requirements rules rule practices"
    " practice way ways type types kind kinds unit units penalty range list frequency symptoms causes"
    " cause effects effect ingredients contact schedule status requirement condition syntax format value"
    " values default defaults command option options path port url email e-mail policy point profit"
    " revenue percentage share total salary income tax diameter current power pressure energy density"
    " formula symbol abbreviation shortcut currency nationality occupation diagnosis treatment dose dosage"
    " expiry grade level levels threshold tolerance origin source result results outcome consequence"
    " consequences role"
)
TELLING = word_set(
    "tell give state name list describe explain summarise summarize show provide specify define identify"
    " outline compare share"
)
PRONOUNS = word_set("i you we they he she it one there somebody someone anyone anybody everyone people")
_ARTICLES = word_set(
    "the a an my your our their its his her this that these those each every all any some no both another"
    " more most fewer less several many few"
)
_PREPOSITIONS = word_set(
    "of for in on with from to between at by under per about against after before during into over"
    " through within without across among above below near via than versus behind beside inside outside"
    " until"
)
CONJUNCTIONS = word_set("and or")
_CLAUSE_WORDS = word_set(
    "that which who whom whose where when if because while but unless as is are was were be been being am"
    " has have had do does did can could may might must shall should will would so not how why what"
    " whether although though since once"
)
_DEGREES = word_set(
    "so too very quite rather still also only always never often usually sometimes ever just already"
)
_PARTICLES = word_set("up down out off else")
# Verbs that are nouns as well, or rare as nouns: between two readings the verb is one of these.
_COMMON_VERBS = word_set(
    "accept access accrue affect allow appear apply approve arrive ask assign attend avoid become begin"
    " belong bring build buy call cancel carry cause change charge check choose claim clean close collect"
    " come compare compile complete comply configure connect consider consist contact contain continue"
    " contribute convene convert cost cover create cut deal decide define delete deliver depend describe"
    " detect determine differ disable dispose download earn enable end ensure enter evaluate exist exit"
    " expire export extend fail fall feed file fill find fit fix follow get give go grow handle happen"
    " have help hold hire identify implement import improve include increase indicate inform inherit"
    " install invest involve join keep know last launch lead learn leave let like load log look lose"
    " maintain make manage mean measure meet modify move need notify obtain occur offer open operate"
    " organise organize own park pass pay perform permit pick place play prepare prevent produce protect"
    " prove provide publish purchase put raise reach read receive recommend recover reduce refer refund"
    " register reject release rely remain remember remove renew rent repair repeat replace report"
    " represent require reset resolve respond restart return review run save say search sell send serve"
    " set share show sign sleep solve spell spend start stay stop store submit suggest supply support take"
    " talk teach tell terminate throw transfer travel treat turn understand update upload use vary verify"
    " visit vote wait want warn wash wear weigh work write yield affirm ship cite convince dial dry fly"
    " freeze land pack charge ring rise swim think try walk"
)
NOUNS_IN_ING = word_set(
    "building meeting parking training shipping billing booking wing ring spring ceiling string clothing"
    " funding heating housing lighting marketing processing recycling setting testing warning wiring"
    " programming painting"
)
_BARE = re.compile(r"^\W+|(?<![^\w)\]%])[^\w)\]%]+$")
_NAME = re.compile(r"\A(?:[A-Z0-9_(\[\"'“‘`./]|.*[A-Z0-9_()./])")


@lru_cache(maxsize=1 << 14)
def clause_parts(word: str) -> dict[str, tuple[str, ...]]:
    """The parts of speech that a word may have, each with its lemmas; {} for a word the lexicon lacks."""
    import lemminflect

    return lemminflect.getAllLemmas(bare(word))


@lru_cache(maxsize=1 << 14)
def inflected_forms(verb: str, tag: str) -> str | None:
    """A base form as VBZ (third person) or VBD (past); None where the lexicon lacks it."""
    import lemminflect

    forms = lemminflect.getInflection(verb, tag, inflect_oov=False)
    return forms[0] if forms and verb.isalpha() and verb.islower() else None


def bare(word: str) -> str:
    """A word in lower case without punctuation around it."""
    return _BARE.sub("", word).lower().replace("’", "'")


def is_common_verb(word: str) -> bool:
    """Whether a word is a verb in its base form, and a verb rather than a noun."""
    return is_base_verb(word) and (bare(word) in _COMMON_VERBS or "NOUN" not in clause_parts(word))


def is_base_verb(word: str) -> bool:
    return (
        word.islower() and bare(word) in clause_parts(word).get("VERB", ()) and bare(word) not in _NEVER_VERBS
    )


_NEVER_VERBS = word_set("the of for in on with from to per must may can will thing data")


def is_noun(word: str) -> bool:
    """Whether a word may end a noun phrase: a noun, a name, a number, or one the lexicon lacks."""
    found = clause_parts(word)
    if word == "A":
        return True  # plan A; an article stands in small letters inside a sentence
    if bare(word) in _PREPOSITIONS | _ARTICLES | CONJUNCTIONS | _CLAUSE_WORDS | _DEGREES | _PARTICLES:
        return False
    return (
        "NOUN" in found or not found or bool(_NAME.match(word)) or (word.endswith("ing") and "VERB" in found)
    )


def is_participle(word: str) -> bool:
    """Whether a word is surely a past participle: stored, kept, written."""
    name = bare(word)
    verbs = clause_parts(word).get("VERB", ())
    if name in ("found", "broken", "lost"):
        return True
    return (
        bool(verbs)
        and name not in verbs
        and not name.endswith(("ing", "s"))
        and "NOUN" not in clause_parts(word)
    )


def is_adjective(word: str) -> bool:
    return "ADJ" in clause_parts(word) and bare(word) not in _ARTICLES | _PREPOSITIONS


def is_adverb(word: str) -> bool:
    name = bare(word)
    return name in _DEGREES or (name.endswith("ly") and "ADV" in clause_parts(word))


def is_preposition(word: str) -> bool:
    return bare(word) in _PREPOSITIONS


def is_determiner(word: str) -> bool:
    return bare(word) in _ARTICLES and word != "A"


def is_plural(word: str) -> bool | None:
    """Whether a noun is plural; None where its form does not tell."""
    name = bare(word)
    lemmas = clause_parts(word).get("NOUN", ())
    if not lemmas:
        return None
    if name in lemmas:
        return None if name.endswith("s") or name in ("people", "data", "staff") else False
    return True


def is_noun_phrase(words: Sequence[str]) -> bool:
    """Whether words are a noun phrase, with or without prepositional phrases; no clause, no comma."""
    if not words or not is_noun(words[-1]) or words[-1].endswith((",", ";", ":")):
        return False
    for at, word in enumerate(words):
        name = bare(word)
        opens = at == 0 or is_preposition(words[at - 1]) or bare(words[at - 1]) in CONJUNCTIONS
        if name in _CLAUSE_WORDS or (name in PRONOUNS and len(words) > 1 and name != "people"):
            return False
        if word.endswith((",", ";", ":")) or (
            name in _PREPOSITIONS and (at == 0 or not is_noun(words[at - 1]))
        ):
            return False
        if (
            is_determiner(word)
            and not opens
            and bare(words[at - 1]) not in ("all", "both", "any", "no", "some")
        ):
            return False
        if name in CONJUNCTIONS and (at == 0 or at == len(words) - 1):
            return False
        if not opens and word.islower() and is_participle(word) and not _modifies(words, at):
            return False
        if opens and at and is_base_verb(word) and not is_noun(word) and bare(words[at - 1]) == "to":
            return False  # an infinitive
    return True


def _modifies(words: Sequence[str], at: int) -> bool:
    """Whether a participle stands before its noun: the covered shed."""
    return at + 1 < len(words) and not is_preposition(words[at + 1]) and not is_determiner(words[at + 1])


def head(words: Sequence[str]) -> str:
    """The head noun of a noun phrase: the last word before its first preposition."""
    end = next((at for at, word in enumerate(words) if at and is_preposition(word)), len(words))
    return words[end - 1]


def subject_end(words: Sequence[str], auxiliary: str) -> int | None:
    """The number of words of the subject that `words` begin with; a base verb follows, maybe after an adverb.

    `auxiliary` (do, does, did, a modal) tells singular from plural. None where no place or two places fit.
    """
    if not words:
        return None
    if bare(words[0]) in PRONOUNS and len(words) > 1 and bare(words[0]) != "people":
        return 1 if _verb_after(words, 1) is not None else None
    places = [end for end in range(1, min(len(words), 13)) if _subject(words, end, auxiliary)]
    return (places[0] if places else None) if len(places) < 2 else _chosen(words, places)


def _chosen(words: Sequence[str], places: Sequence[int]) -> int | None:
    """One of several places where the verb may be; None where none is surely the one."""
    verbs = {end: bare(words[_at_verb(words, end)]) for end in places}
    if len(words) == _at_verb(words, places[-1]) + 1 and verbs[places[-1]] in _FINAL_VERBS:
        return places[-1]  # how much does a permit cost
    sure = [end for end in places if "NOUN" not in clause_parts(verbs[end])]
    if sure and verbs[places[0]] not in ("help", "let", "make", "have"):
        return sure[0] if len(sure) == 1 else None
    common = [end for end in places if verbs[end] in _COMMON_VERBS | {"be", "have"}]
    if len(common) == 1:
        return common[0]
    return common[0] if common and _object_follows(words, common[0]) else None


def _object_follows(words: Sequence[str], end: int) -> bool:
    """Whether the words after the verb at `end` begin its object: does it | require the use of ..."""
    at = _at_verb(words, end) + 1
    following = words[at] if at < len(words) else ""
    return is_determiner(following) or is_preposition(following) or bare(following) in PRONOUNS


def _subject(words: Sequence[str], end: int, auxiliary: str) -> bool:
    if _verb_after(words, end) is None or not is_noun_phrase(words[:end]):
        return False
    plural = is_plural(head(words[:end]))
    joined = any(bare(word) in CONJUNCTIONS for word in words[:end])
    if joined or plural is None or auxiliary not in ("do", "does"):
        return True
    return plural == (auxiliary == "do")


def _verb_after(words: Sequence[str], end: int) -> int | None:
    """The place of the base verb that follows `end` words, with at most two adverbs between."""
    for at in range(end, min(end + 3, len(words))):
        if is_base_verb(words[at]) or bare(words[at]) in ("be", "have"):
            return at
        if not is_adverb(words[at]):
            return None
    return None


def _at_verb(words: Sequence[str], end: int) -> int:
    """The place of the verb after a subject of `end` words."""
    found = _verb_after(words, end)
    return end if found is None else found


def verb_at(words: Sequence[str]) -> int:
    """The place of the verb at the start of a predicate, after its adverbs."""
    return _at_verb(words, 0)


_FINAL_VERBS = word_set("cost last mean work take weigh start begin end expire happen apply close open")
