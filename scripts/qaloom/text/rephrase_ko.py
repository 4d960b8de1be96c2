"""Korean wordings of a question: its ending is conjugated anew, what stands before it stays as written.

Kiwi (kiwipiepy) takes a sentence apart into morphemes and conjugates: an adjective embeds as `-(으)ㄴ지`, a verb
as `-는지`. Where an ending, or the part of speech before it, is not sure, nothing is made.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from qaloom.text.rephrase_ko_nouns import Noun, josa, noun_forms, present, sentence
from qaloom.text.rephrase_ko_tables import (
    ABOUT,
    ASKED_NOUNS,
    EXISTENCE,
    FUTURE,
    HOMOGRAPHS,
    IMPERATIVE,
    INQUIRY,
    INTERROGATIVE,
    MODIFIER,
    PLEASE,
    QUALITIES,
    QUESTION_WORD,
    SHARED,
    TELL,
)

if TYPE_CHECKING:
    from kiwipiepy import Kiwi, Token

_STEM_TAGS = ("VV", "VA", "VX", "VCP", "VCN", "XSV", "XSA")
_END = re.compile(r"[.?!~…ㅠㅜㅋㅎ^;]")
_TELL_TAILS = ("알려 주세요.", "궁금합니다.", "알고 싶습니다.", "알려 주시겠어요?")
_PLAIN_PRONOUNS = {"뭐": "무엇", "거": "것", "이거": "이것", "그거": "그것"}


class Sentence(NamedTuple):
    """A sentence without its closing marks, whether it had a question mark, and its morphemes."""

    text: str
    asked: bool
    tokens: Sequence["Token"]


class Predicate(NamedTuple):
    """The last predicate: the text before it, its stem, tense and honorific (EP), its ending, and its place.

    `adjective` is None where the stem may be a verb or an adjective.
    """

    before: str
    stem: "Token"
    marks: tuple[str, ...]
    ending: str
    adjective: bool | None
    at: int

    @property
    def copula(self) -> bool:
        return self.stem.tag == "VCP"

    def form(self, ending: str) -> str:
        """The text up to the predicate and the predicate with another ending."""
        if self.copula:
            return self.before + _copula(self.before, self.marks, ending)
        morphemes = [(self.stem.form, self.stem.tag), *((mark, "EP") for mark in self.marks), (ending, "EF")]
        return self.before + _kiwi().join(morphemes, lm_search=False)


def rewrite_korean(text: str) -> list[str]:
    """Other forms of a Korean sentence that asks the same, the most different first; [] where no rule is sure."""
    parsed = _parse(text)
    if not parsed.tokens or _ends_early(parsed):
        return []
    for rule in (_told, _imperative, _definition, _question, _conditional, _noun_phrase):
        if variants := rule(parsed):
            return list(dict.fromkeys(variants))
    return []


@lru_cache(maxsize=1)
def _kiwi() -> "Kiwi":
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1)


def _parse(text: str) -> Sentence:
    bare = text
    while bare and (bare[-1].isspace() or _END.match(bare[-1])):
        bare = bare[:-1]
    marks = text[len(bare) :]
    # Kiwi reads '하는가요' as 'go'; the endings below mean the same.
    if bare.endswith("는가요"):
        bare = f"{bare[:-3]}나요"
    elif bare.endswith(("는지요", "인지요", "은지요")):
        bare = bare[:-1]
    return Sentence(bare, "?" in marks, _kiwi().tokenize(bare) if bare else ())


def _ends_early(parsed: Sentence) -> bool:
    """Whether a sentence ends before its end: '되나요, 아니면 안 되나요'."""
    quoted = 0
    for token in parsed.tokens[:-2]:
        quoted += {"SSO": 1, "SSC": -1}.get(token.tag, 0)
        if token.tag == "EF" and not quoted and parsed.text[token.end : token.end + 1] in (",", "?", "!"):
            return True
    return False


# --- predicates ---------------------------------------------------------------------------------------


def _predicate(tokens: Sequence["Token"], text: str) -> Predicate | None:
    """The predicate that `text`, which `tokens` cover, ends with."""
    last = len(tokens) - 1
    ending = tokens[last].form
    if tokens[last].tag == "JX" and ending == "요" and last:
        last, ending = last - 1, f"{tokens[last - 1].form}요"
    if tokens[last].tag not in ("EF", "EC"):
        return None
    at = last - 1
    while at > 0 and tokens[at].tag == "EP":
        at -= 1
    marks = tuple(token.form for token in tokens[at + 1 : last])
    stem = tokens[at]
    if not stem.tag.startswith(_STEM_TAGS) or at < 0 or set(marks) - {"시", "으시", "었", "았"}:
        return None
    before = _before(tokens, at, text)
    return None if before is None else Predicate(before, stem, marks, ending, _adjective(tokens, at), at)


def _before(tokens: Sequence["Token"], at: int, text: str) -> str | None:
    """The text before a stem; a contraction (뭔가요, 건가요) is taken apart."""
    stem, previous = tokens[at], tokens[at - 1] if at else None
    if previous is None or previous.end <= stem.start:
        return text[: stem.start]
    if stem.tag == "VCP" and previous.tag in ("NP", "NNB", "NNG"):
        return text[: previous.start] + _PLAIN_PRONOUNS.get(previous.form, previous.form)
    return None


def _adjective(tokens: Sequence["Token"], at: int) -> bool | None:
    stem = tokens[at]
    if stem.form in EXISTENCE:
        return False  # 있는지, 없는지
    if stem.form in ("않", "못하") and stem.tag.startswith("VX"):
        earlier = [i for i in range(at) if tokens[i].tag.startswith(_STEM_TAGS)]
        return _adjective(tokens, earlier[-1]) if earlier else None
    if stem.form in ("싶", "싶어하"):
        return stem.form == "싶"
    adjective = stem.tag.startswith(("VA", "VCP", "VCN", "XSA"))
    if stem.form in HOMOGRAPHS:
        objects = any(token.tag == "JKO" for token in tokens[:at])
        return adjective if adjective != objects else None
    return adjective


def _copula(noun: str, marks: tuple[str, ...], ending: str) -> str:
    """The copula after a noun: 인지, 입니까, 였나요. Kiwi conjugates it after a syllable that stands for the noun."""
    like = "가" if josa(noun, "이/가") == "가" else "각"
    morphemes = [(like, "NNG"), ("이", "VCP"), *((mark, "EP") for mark in marks), (ending, "EF")]
    return _kiwi().join(morphemes, lm_search=False)[1:]


# --- questions ----------------------------------------------------------------------------------------


def _question(parsed: Sentence) -> list[str]:
    """언제 시작하나요, 얼마입니까, 왜 안 되죠."""
    predicate = _predicate(parsed.tokens, parsed.text)
    if predicate is None or not _asks(predicate, parsed):
        return []
    if known := _knows(predicate, parsed):
        return known
    if attribute := _attribute(predicate, parsed):
        return attribute
    clause = _clause(predicate, parsed)
    direct = _direct(predicate)
    if clause is None:
        return [form for form in direct if form.rstrip("?") != parsed.text]
    tails = [f"{clause} {tail}" for tail in _TELL_TAILS]
    return _others([*tails[:2], *_fronted(predicate, parsed), *direct, *tails[2:]], parsed)


def _others(variants: Sequence[str], parsed: Sentence) -> list[str]:
    return [variant for variant in variants if variant.rstrip(".?") != parsed.text]


def _asks(predicate: Predicate, parsed: Sentence) -> bool:
    ending = predicate.ending
    if ending in INTERROGATIVE or ending in MODIFIER or ending in FUTURE:
        return True
    return ending in SHARED and (parsed.asked or bool(QUESTION_WORD.search(parsed.text)))


def _embedded(predicate: Predicate) -> str | None:
    """The ending under which a question stands inside another sentence; None where it is not sure."""
    if predicate.ending in FUTURE:
        return "ᆯ지"
    if predicate.ending in MODIFIER:
        return MODIFIER[predicate.ending]
    if {"었", "았"} & set(predicate.marks):
        return "는지"
    if predicate.adjective is None:
        return None
    return "ᆫ지" if predicate.adjective else "는지"


def _clause(predicate: Predicate, parsed: Sentence) -> str | None:
    """The question as an embedded clause: 회의는 언제 시작하는지; the subject of a copula with 이/가: 주소가 어디인지."""
    ending = _embedded(predicate)
    if ending is None:
        return None
    clause = predicate.form(ending)
    topic = _topic(predicate, parsed.tokens)
    if topic is None:
        return clause
    head = Noun(parsed.text[: topic.start], parsed.tokens, topic.form)
    subject = head.with_particle("이/가") if head.sound else None
    return clause if subject is None else subject + clause[topic.end :]


def _topic(predicate: Predicate, tokens: Sequence["Token"]) -> "Token | None":
    """The topic or subject particle right before the question word of a copula: 주소|는| 어디인가요."""
    if not predicate.copula:
        return None
    at = predicate.at - 1
    while at > 0 and tokens[at].tag.startswith(("NN", "NP", "NR", "MM", "XS", "MAG")):
        at -= 1
    if at < 1 or tokens[at].tag not in ("JX", "JKS") or tokens[at].form not in ("은", "는", "이", "가"):
        return None
    return tokens[at] if QUESTION_WORD.match(tokens[at + 1].form) else None


def _direct(predicate: Predicate) -> list[str]:
    """The question itself in other levels of politeness: 시작하나요, 시작합니까, 시작해요."""
    if predicate.ending in FUTURE:
        return []
    past = bool({"었", "았"} & set(predicate.marks))
    modifier = predicate.copula or (predicate.adjective and predicate.stem.form not in EXISTENCE)
    forms = [predicate.form("나요" if past or not modifier else "ᆫ가요"), predicate.form("ᆸ니까")]
    if not predicate.marks or past:
        forms.append(predicate.form(_informal(predicate)))
    return [f"{form}?" for form in forms]


def _informal(predicate: Predicate) -> str:
    if not predicate.copula or predicate.marks:
        return "어요"
    return "예요" if josa(predicate.before, "이/가") == "가" else "에요"


def _knows(predicate: Predicate, parsed: Sentence) -> list[str]:
    """언제 여는지 아시나요: asks for what the clause asks."""
    tokens, at = parsed.tokens, predicate.at
    if predicate.stem.form != "알" or predicate.stem.tag != "VV" or at < 2:
        return []
    return _clause_forms(parsed.text[: tokens[at].start].rstrip(), tokens[:at], parsed)


def _attribute(predicate: Predicate, parsed: Sentence) -> list[str]:
    """X의 주소는 어디인가요, X의 비용은 어떻게 되나요, X는 무슨 뜻인가요, 서버실은 어디에 있나요."""
    tokens = parsed.tokens
    particles = [
        token for token in tokens[: predicate.at] if token.tag in ("JX", "JKS") and token.form in "은는이가"
    ]
    if not particles or particles[-1].start == 0:
        return []
    particle = particles[-1]
    noun = Noun(parsed.text[: particle.start], tokens, particle.form)
    asked = parsed.text[particle.end :].strip()
    family = noun.family
    if family and (_HOW_IS_IT.match(asked) or (predicate.copula and family.fits.match(asked))):
        past = f" {family.ask}?" if predicate.marks else "-"  # the table's questions are in the present
        forms = [form for form in noun_forms(noun) if not form.endswith(past)]
        return _others([*forms, f"{predicate.form('ᆸ니까')}?"], parsed)
    if noun.place and _STANDS.match(asked):
        return present(f"{noun.text}의 위치를 알려 주세요.", *_where(noun))
    quality = _QUALITY.match(asked)
    if quality and noun.sound and predicate.copula and quality[1] in QUALITIES:
        return _quality_forms(noun, quality[1], predicate)
    return []


_HOW_IS_IT = re.compile(r"어떻게 (?:되|돼|됩|될|된)[가-힣]{0,3}$")
_STANDS = re.compile(r"어디(?:에 ?있|에 ?위치|인가|입니까|예요|에요|야|죠|이죠|지)[가-힣]{0,4}$")
_QUALITY = re.compile(r"(?:무슨|어떤) ([가-힣]{1,2}?)(?:인가|입니까|이에요|예요|이죠|이지|이야|일까)요?$")


def _where(noun: Noun) -> list[str]:
    where = noun.with_particle("이/가")
    return [] if where is None else [f"{where} 어디에 있는지 {tail}" for tail in _TELL_TAILS[:3]]


def _quality_forms(noun: Noun, quality: str, predicate: Predicate) -> list[str]:
    """X는 무슨 뜻인가요 in other words."""
    whole = Noun(f"{noun.text}의 {quality}", ())
    subject = noun.with_particle("이/가")
    word = predicate.form("ᆫ지")[-len(quality) - 5 :].rpartition(" ")[0] or "무슨"
    return present(
        sentence(whole, "을/를", " 알려 주세요."),
        subject and f"{subject} {word} {quality}인지 궁금합니다.",
        f"{noun.text} {quality}",
        sentence(whole, "은/는", " 무엇인가요?"),
        subject and f"{subject} {word} {quality}인지 알려 주세요.",
    )


def _fronted(predicate: Predicate, parsed: Sentence) -> list[str]:
    """왜 X가 ...나요 -> X가 왜 ...나요: 왜 and 언제 move behind the subject of a simple sentence."""
    tokens = parsed.tokens
    if not parsed.text.startswith(("왜 ", "언제 ")) or any(t.tag in ("EC", "ETM") for t in tokens[:-3]):
        return []
    subject = next((t for t in tokens if t.tag in ("JKS", "JX") and t.form in "은는이가"), None)
    if subject is None or subject.start == 0:
        return []
    word = parsed.text.split()[0]
    rest = f"{predicate.form('나요')}?" if not predicate.copula and predicate.adjective is False else None
    if rest is None:
        return []
    return [f"{rest[len(word) + 1 : subject.end]} {word}{rest[subject.end :]}"]


# --- requests -----------------------------------------------------------------------------------------


def _told(parsed: Sentence) -> list[str]:
    """X를 알려 주세요, X가 궁금합니다, ...인지 알고 싶습니다, X 문의드립니다."""
    match = TELL.search(parsed.text) or INQUIRY.search(parsed.text)
    if not match or not match.start():
        return []
    before = parsed.text[: match.start()].rstrip().removesuffix(" 좀")
    tokens = [token for token in parsed.tokens if token.end <= len(before)]
    if not tokens:
        return []
    if ABOUT.search(before):
        return _others([f"{before} {tail}" for tail in _TELL_TAILS], parsed)
    last = tokens[-1]
    if last.tag in ("EC", "EF") or (last.form == "지" and last.tag == "NNB"):
        return _clause_forms(before, tokens, parsed)
    particle = last.form if last.tag in ("JKO", "JKS") and last.form in "을를이가" else ""
    if particle in ("이", "가") and parsed.text[match.start() :].startswith(("알려", "말", "가르쳐", "답")):
        return []  # the one who is to tell
    noun = Noun(before[: last.start] if particle else before, tokens, particle)
    if not noun.sound or _addressed(tokens):
        return []
    forms = noun_forms(noun)
    return _others([*forms[1:], forms[0]] if noun.family else forms, parsed)


def _addressed(tokens: Sequence["Token"]) -> bool:
    """Whether somebody is to tell somebody, or in some way: 담당자에게, 자세히."""
    return any(token.tag == "JKB" and token.form in ("에게", "한테", "께") for token in tokens) or any(
        token.tag == "MAG" and token.form in _MANNERS for token in tokens
    )


_MANNERS = frozenset(
    "자세히 간단히 간략히 정확히 상세히 빨리 다시 먼저 꼭 미리 모두 전부 구체적으로 쉽게".split()
)


def _clause_forms(clause: str, tokens: Sequence["Token"], parsed: Sentence) -> list[str]:
    """...어디인지 in other sentences, and as a question of its own."""
    if not clause.endswith("지"):
        return []
    predicate = _predicate(tokens, clause)
    known = predicate is not None and predicate.ending in MODIFIER
    if _addressed(tokens):
        return _others([f"{clause} {tail}" for tail in _TELL_TAILS if tail.startswith("알려")], parsed)
    if predicate is None and not clause.endswith(("할 지", "될 지", "을 지")):
        return []
    direct = _direct(predicate) if predicate is not None and known else []
    return _others([*direct[:2], *(f"{clause} {tail}" for tail in _TELL_TAILS), *direct[2:]], parsed)


def _imperative(parsed: Sentence) -> list[str]:
    """설명해 주세요, 서술하시오, 고르시오, 설명 부탁드립니다."""
    if match := ASKED_NOUNS.search(parsed.text):
        stem = f"{parsed.text[: match.end(1)]}해"
    elif match := PLEASE.search(parsed.text):
        tokens = [token for token in parsed.tokens if token.start < match.start()]
        if not tokens or tokens[-1].tag != "EC":
            return []
        stem = parsed.text[: match.start()].rstrip()
    else:
        stem = _ordered(parsed)
    return _others([f"{stem} {please}" for please in _PLEASE], parsed) if stem else []


_PLEASE = ("주세요.", "주시겠어요?", "주십시오.", "주실 수 있나요?")


def _ordered(parsed: Sentence) -> str | None:
    """The verb of an order as '-어': 서술하시오 -> 서술해."""
    if parsed.asked or len(parsed.tokens) < 2:
        return None
    predicate = _predicate(parsed.tokens, parsed.text)
    if (
        predicate is None
        or predicate.ending not in IMPERATIVE
        or not predicate.stem.tag.startswith(("VV", "XSV"))
    ):
        return None
    if QUESTION_WORD.search(parsed.text) and predicate.ending.endswith("요"):
        return None  # 어디서 사세요
    plain = predicate._replace(marks=())
    return plain.form("어")


# --- fragments ----------------------------------------------------------------------------------------


def _definition(parsed: Sentence) -> list[str]:
    """X(이)란?, X(이)란 무엇인가요?"""
    marks = [t for t in parsed.tokens if t.tag == "JX" and t.form in ("란", "이란")]
    rest = parsed.text[marks[0].end :].strip() if len(marks) == 1 else "?"
    if rest and not _WHAT.match(rest):
        return []
    noun = Noun(parsed.text[: marks[0].start], parsed.tokens, "은" if marks[0].form == "이란" else "는")
    if not noun.sound:
        return []
    return present(
        sentence(noun, "이/가", " 무엇인지 알려 주세요."),
        sentence(noun, "은/는", " 무엇인가요?"),
        sentence(noun, "이/가", " 무엇인지 궁금합니다."),
    )


_WHAT = re.compile(r"(?:무엇|뭔|뭐|뭡)[가-힣]{0,4}$")


def _conditional(parsed: Sentence) -> list[str]:
    """신청하려면? asks what one has to do."""
    last = parsed.tokens[-1]
    if not (parsed.asked and last.tag == "EC" and last.form in ("려면", "으려면")):
        return []
    text = parsed.text
    return [f"{text} 어떻게 해야 하나요?", f"{text} 어떻게 해야 하는지 알려 주세요."]


def _noun_phrase(parsed: Sentence) -> list[str]:
    """X는? and, for an attribute noun, X? or X alone."""
    last = parsed.tokens[-1]
    topic = parsed.asked and last.tag == "JX" and last.form in ("은", "는") and len(parsed.tokens) > 1
    noun = Noun(
        parsed.text[: last.start] if topic else parsed.text, parsed.tokens, last.form if topic else ""
    )
    if not noun.sound or QUESTION_WORD.search(noun.text) or not (topic or noun.family):
        return []
    forms = noun_forms(noun)
    return _others([*forms[1:2], forms[0], *forms[2:]] if noun.family else forms, parsed)
