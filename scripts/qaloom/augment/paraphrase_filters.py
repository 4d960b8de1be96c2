"""Gates: what a paraphrase must share with its question before it may stand beside it.

A gate is `(question, paraphrase, limits) -> (reason code, sentence) | None`; it sees the two texts alone and knows
Korean and English. `GATES`, in order, judge what models write. Wordings made by rules keep everything but the form of
the sentence; `RULE_GATES` check what a rule could still have broken. docs/augmentation.md says how well they do.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import snowballstemmer
from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

from qaloom.config.settings import GateSettings
from qaloom.text import language as languages
from qaloom.text import normalize as texts
from qaloom.text.canonical import canonical_notation
from qaloom.text.facts import figures, polarity, same_codes, same_numbers
from qaloom.text.korean import morphemes

# A question is compared with each of its paraphrases, by several gates.
comparison_key = lru_cache(maxsize=1 << 12)(texts.comparison_key)
language = lru_cache(maxsize=1 << 12)(languages.language)

Reason = tuple[str, str]
Gate = Callable[[str, str, GateSettings], Reason | None]


def rejection_reason(
    question: str, paraphrase: str, limits: GateSettings, by_rules: bool = False
) -> Reason | None:
    """The first gate's reason against a paraphrase of `question`, or None; `by_rules` for what rules made."""
    gates = RULE_GATES if by_rules else GATES
    return next((reason for gate in gates if (reason := gate(question, paraphrase, limits))), None)


def copy_gate(question: str, paraphrase: str, limits: GateSettings) -> Reason | None:
    """near_copy: nothing to learn from."""
    score = _similarity(question, paraphrase)
    return ("near_copy", _said(score)) if score >= limits.most_similar else None


def other_text_gate(question: str, paraphrase: str, limits: GateSettings) -> Reason | None:
    """too_different: hardly a character in common."""
    score = _similarity(question, paraphrase)
    return ("too_different", _said(score)) if score < limits.least_similar else None


def _similarity(question: str, paraphrase: str) -> float:
    return Indel.normalized_similarity(comparison_key(paraphrase), comparison_key(question))


def _said(score: float) -> str:
    return f"{score:.3f} similar to the question it rewords"


def length_gate(question: str, paraphrase: str, limits: GateSettings) -> Reason | None:
    """length_changed: many times longer or shorter, as when a model repeats itself or stops early."""
    ratio = len(paraphrase) / max(1, len(question))
    most = limits.length_ratio
    return None if 1 / most <= ratio <= most else ("length_changed", f"{ratio:.2f} times as long")


def language_gate(question: str, paraphrase: str, limits: GateSettings) -> Reason | None:
    """language_changed."""
    before, after = language(question), language(paraphrase)
    return None if before == after else ("language_changed", f"the question is {before}, this is {after}")


def numbers_gate(question: str, paraphrase: str, limits: GateSettings) -> Reason | None:
    """numbers_changed: a number, date or unit; '3만 원' is 30,000원."""
    before, after = (_ONE.sub(" ", canonical_notation(text)) for text in (question, paraphrase))
    if same_numbers(before, after):
        return None
    return "numbers_changed", f"the question's numbers are {', '.join(figures(before)) or 'none'}"


def codes_gate(question: str, paraphrase: str, limits: GateSettings) -> Reason | None:
    """code_changed: a code such as AB-12X; quote_changed: a name in quotation marks, word for word."""
    if not same_codes(question, paraphrase):
        return "code_changed", "a code is in one of the two alone"
    whole = comparison_key(paraphrase)
    quoted = ["".join(groups) for groups in _QUOTED.findall(question)]
    lost = [name for name in quoted if name not in paraphrase and comparison_key(name) not in whole]
    return ("quote_changed", f"'{lost[0]}' is not in it") if lost else None


def polarity_gate(question: str, paraphrase: str, limits: GateSettings) -> Reason | None:
    """polarity_changed: a negation, or a word such as above, before, 이상, 최대, in one of the two alone."""
    if polarity(_turns_alone(question)) == polarity(_turns_alone(paraphrase)):
        return None
    return "polarity_changed", "a negation, or a word such as before or above, is in one of the two alone"


def question_type_gate(question: str, paraphrase: str, limits: GateSettings) -> Reason | None:
    """question_type_changed: who, when, where, how much and so on; one that is not seen is let pass."""
    before, after = question_type(question), question_type(paraphrase)
    if not before or not after or before == after:
        return None
    return "question_type_changed", f"the question asks {before}, this asks {after}"


def words_gate(question: str, paraphrase: str, limits: GateSettings) -> Reason | None:
    """name_lost: a name; words_lost and words_added: too many of the words that carry the meaning."""
    before, after = content_words(question), content_words(paraphrase)
    lost = [word for word in before if not _has(word, after, paraphrase)]
    added = [word for word in after if not _has(word, before, question)]
    if names := [word.text for word in lost if word.name]:
        return "name_lost", f"'{names[0]}' is not in it"
    if len(lost) > (1 - limits.words_kept) * len(before):
        return "words_lost", f"of {len(before)} words that carry the meaning it lacks {_listed(lost)}"
    if len(added) > limits.words_added * max(1, len(before)):
        return "words_added", f"new to it are {_listed(added)}"
    return None


GATES: tuple[Gate, ...] = (
    language_gate, copy_gate, other_text_gate, length_gate, numbers_gate, codes_gate, polarity_gate,
    question_type_gate, words_gate,
)  # fmt: skip
RULE_GATES: tuple[Gate, ...] = (language_gate, copy_gate, numbers_gate, codes_gate)

_ONE = re.compile(r"\bones?\b", re.I)  # a pronoun more often than a number; two and more still count
# Prepositions go with the verb and the language that a text came through, but for a limit ('over 500');
# what a battery does is last; '몇 개인지' counts things, though '개인' is a person.
_LOOSE = re.compile(
    r"\b(?:in|on|up|out|off|(?:over|under)(?! \W?\d)|open(?:s|ing)?|close[sd]?|least|most)\b|\blasts?(?=\W*$)"
    r"|(?<=몇 )개|(?<=몇)개",
    re.I,
)
_QUOTED = re.compile("|".join([r"[\"“”]([^\"“”]{2,60})[\"“”]", r"(?<!\w)['‘]([^'’]{2,60})['’](?![A-Za-z])",
                              r"[「『《〈]([^」』》〉]{2,60})[」』》〉]"]))  # fmt: skip


def _turns_alone(text: str) -> str:
    return _LOOSE.sub(" ", text)


def _listed(words: "Sequence[Word]") -> str:
    return ", ".join(word.text for word in words[:3])


# --- what is asked ------------------------------------------------------------------------------------

_KOREAN_ASKS = (
    ("who", r"누구|누가|누굴|뉘|어느 분|어떤 분|어떤 사람"),
    ("when", r"언제|며칠에|몇 ?시(?!간)|몇 ?월|몇 ?년도|몇 ?일(?![간이])|(?:어느|무슨) (?:날|요일|시간)"),
    ("where", r"어디|어느 (?:곳|장소|건물|층)|어떤 (?:곳|장소)"),
    ("how long", r"얼마 ?동안|얼마나 오래|며칠|몇 ?(?:시간|분간|일간|일이|개월|주간?|년간)|몇 ?달"),
    ("how often", r"얼마나 자주|얼마마다|몇 ?번씩"),
    ("how much", r"얼마|몇 ?(?:퍼센트|프로|원|도|킬로|그램|미터|리터|센티)"),
    ("how many", r"몇 ?(?:명|개|가지|번|대|장|권|곳|층|사람|회|건|쪽|점|배|살|세|인)"),
    ("why", r"왜|어째서|무슨 (?:이유|까닭)|이유"),
    ("how", r"어떻게(?! ?[되됩돼])|어떡해|어떤 (?:방법|방식|절차)"),
    ("what", r"무엇|무얼|뭐|뭘|뭔|무슨|어떤|어느"),
)  # fmt: skip
_ENGLISH_ASKS = (
    (
        "who",
        r"(?<!person )(?<!people )(?<!those )(?<!anyone )who(?:m|se)?\b|(?:which|what) (?:person|people)\b",
    ),
    ("when", r"when\b|(?:which|what) (?:date|time|day|year|month)s?\b|how soon\b"),
    ("where", r"where\b|(?:which|what) (?:place|location)\b"),
    ("how long", r"how long\b|how much time\b|(?:which|what) (?:length of time|duration)\b"),
    ("how often", r"how often\b|how frequently\b|how many times\b"),
    ("how far", r"how far\b|(?:which|what) distance\b"),
    ("how old", r"how old\b|(?:which|what) age\b"),
    ("how many", r"how many\b|(?:which|what) number of\b"),
    ("how much", r"how much\b|(?:which|what) (?:amount|quantity)\b"),
    ("why", r"why\b|(?:which|what) (?:is the )?reason\b|what for\b"),
    ("how", r"how (?!much|many|long|often|far|old)\w+"),
    ("what", r"what\b|which\b"),
)
_ASKS = {
    "ko": re.compile("|".join(f"(?P<a{n}>{p})" for n, (_, p) in enumerate(_KOREAN_ASKS))),
    "en": re.compile("|".join(rf"(?P<a{n}>\b(?:{p}))" for n, (_, p) in enumerate(_ENGLISH_ASKS)), re.I),
}
_NAMES = {"ko": [name for name, _ in _KOREAN_ASKS], "en": [name for name, _ in _ENGLISH_ASKS]}


def question_type(question: str) -> str:
    """The kind of a question: who, when, where, how much, ...; '' where its words do not tell."""
    tongue = language(question)
    match = _ASKS[tongue].search(question) if tongue in _ASKS else None
    return _NAMES[tongue][int(match.lastgroup[1:])] if match and match.lastgroup else ""


# --- the words that carry the meaning -----------------------------------------------------------------


class Word(NamedTuple):
    """A word as it stands, its stem (of Korean the morpheme), and whether it is surely a name."""

    text: str
    stem: str
    name: bool


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EMPTY = _words(
    "a an the this that these those there here it its i me my mine we us our ours you your yours he him his "
    "she her hers they them their theirs one ones who whom whose what which when where why how much many "
    "is am are was were be been being do does did doing done have has had having can could may might must "
    "shall should will would need needs ought to of in on at by for from with without into onto about as "
    "and or but nor if then than so not no n't any some each every all both either neither please tell know "
    "let say wonder could like want give ask also just only still yet now more most less least very too up "
    "down out off over under before after while during until since per via mr mrs ms dr sir madam s t d ll "
    "re ve long often far old state whether if explain"
)
# Morphemes that only ask, tell or link: 있다, 알려 주다, 궁금하다, 대해, 때문.
_KOREAN_EMPTY = _words(
    "하 되 있 없 알리 말 말하 말씀 가르치 주 궁금 궁금하 알 싶 어떻 이렇 그렇 무엇 뭐 언제 어디 누구 얼마 며칠 "
    "대하 관하 위하 따르 때문 위치 장소 이유 경우 때 가능 아시 바라 부탁 문의 드리 답 모두 안 못 않 아니"
)
_KOREAN_CONTENT = ("NNG", "NNP", "XR", "VV", "VA")
_OPENS = re.compile(
    r"(?:^|(?<!Mr)(?<!Ms)(?<!Dr)(?<!Mrs)[.?!;:])\W{0,8}$"
)  # a sentence begins: a capital is no name
_WORD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]+(?:'[a-z]+)?(?![A-Za-z0-9])")
_HANGUL = re.compile("[가-힣]")
_stemmer = snowballstemmer.stemmer("english")
_ALIKE = 88  # fuzz.ratio; 'catalog' and 'catalogue', but not 'meeting' and 'meaning'


@lru_cache(maxsize=1 << 12)
def content_words(text: str) -> tuple[Word, ...]:
    """The words of a question that carry its meaning, without particles, question words and politeness."""
    text = canonical_notation(text)
    found = [
        *_korean_content(text),
        *(word for match in _WORD.finditer(text) if (word := _word(match, text))),
    ]
    return tuple({word.stem: word for word in found}.values())


def _korean_content(text: str) -> list[Word]:
    if not _HANGUL.search(text):
        return []
    return [
        Word(found.form, found.form, False)
        for found in morphemes(text)
        if found.tag in _KOREAN_CONTENT and found.form not in _KOREAN_EMPTY and _HANGUL.search(found.form)
    ]


def _word(match: re.Match[str], text: str) -> Word | None:
    """A word in Latin letters; numbers and codes have gates of their own."""
    word = match[0]
    lower = word.lower().removesuffix("'s")
    stem = _english_stem(lower)
    if _EMPTY & {lower, stem} or len(lower) < 2:
        return None
    opens = bool(_OPENS.search(text[max(0, match.start() - 8) : match.start()]))
    return Word(word, stem, word[0].isupper() and not opens)


@lru_cache(maxsize=1 << 16)
def _english_stem(word: str) -> str:
    return _stemmer.stemWord(word)


@lru_cache(maxsize=1 << 16)
def _lemmas(word: str) -> frozenset[str]:
    """The base forms of an English word: write of wrote."""
    import lemminflect

    found = lemminflect.getAllLemmas(word.lower())
    return frozenset(lemma for lemmas in found.values() for lemma in lemmas)


def _has(word: Word, others: tuple[Word, ...], text: str) -> bool:
    """Whether a word is among others: by its stem or base form, as a part of one, or spelt nearly so."""
    if _HANGUL.search(word.stem):
        return word.stem in {other.stem for other in others} or word.stem in comparison_key(text)
    return any(
        word.stem == other.stem
        or _within(word.text, other.text)
        or _lemmas(word.text) & _lemmas(other.text)
        or fuzz.ratio(word.stem, other.stem) >= _ALIKE
        for other in others
    )


def _within(one: str, other: str) -> bool:
    """Whether one of two words is a part of the other: phone and telephone, but not the art of a start."""
    short, long = sorted((one.lower(), other.lower()), key=len)
    return len(short) > 4 and short in long
