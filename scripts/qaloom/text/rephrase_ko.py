"""Korean wordings of a question: its ending is conjugated anew, what stands before it stays as written.

Kiwi (kiwipiepy) takes a sentence apart into morphemes and conjugates: an adjective embeds as `-(으)ㄴ지`, a
verb as `-는지`. Where an ending, or the part of speech before it, is not sure, nothing is made.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qaloom.text.rephrase_ko_nouns import Noun, noun_forms, present, sentence
from qaloom.text.rephrase_ko_predicates import (
    Predicate,
    Sentence,
    asked_of,
    clause,
    direct_forms,
    parse,
    predicate_of,
)
from qaloom.text.rephrase_ko_tables import (
    ABOUT,
    ASKED_NOUNS,
    ASKING,
    FUTURE,
    IDENTIFIED,
    IMPERATIVE,
    INQUIRY,
    INTERROGATIVE,
    MANNERS,
    MODIFIER,
    PLEASE,
    QUALITIES,
    QUESTION_NOUNS,
    QUESTION_WORD,
    SHARED,
    TELL,
)

if TYPE_CHECKING:
    from kiwipiepy import Token

_TELL_TAILS = ("알려 주세요.", "궁금합니다.", "알고 싶습니다.", "알려 주시겠어요?")


def rewrite_korean(text: str) -> list[str]:
    """Other forms of a Korean sentence, the most different first; [] where no rule is sure."""
    parsed = _copula_added(text)
    if not parsed.tokens or _ends_early(parsed):
        return []
    for rule in (_told, _imperative, _definition, _question, _conditional, _noun_phrase):
        if variants := rule(parsed):
            return list(dict.fromkeys(variants))
    return []


def _copula_added(text: str) -> Sentence:
    """The sentence; with a copula where the question word stands alone at its end: 팀장은 누구?"""
    parsed = parse(text)
    tokens = parsed.tokens
    alone = (
        len(tokens) > 2 and tokens[-1].form in QUESTION_NOUNS and tokens[-2].form in ("은", "는", "이", "가")
    )
    return parse(f"{parsed.text}인가요?") if alone else parsed


def _ends_early(parsed: Sentence) -> bool:
    """Two sentences in one: '되나요, 아니면 안 되나요', '예약제인가요 선착순인가요'.

    Kiwi takes an ending inside a sentence now for a final (EF), now for a connective one (EC).
    """
    quoted = 0
    for token in parsed.tokens[:-2]:
        quoted += {"SSO": 1, "SSC": -1}.get(token.tag, 0)
        if quoted or token.tag not in ("EF", "EC"):
            continue
        stops = token.tag == "EF" and parsed.text[token.end : token.end + 1] in (",", "?", "!")
        if stops or token.form in ASKING:
            return True
    return False


# --- questions ----------------------------------------------------------------------------------------


def _question(parsed: Sentence) -> list[str]:
    """언제 시작하나요, 얼마입니까, 왜 안 되죠."""
    predicate = predicate_of(parsed.tokens, parsed.text)
    if predicate is None or not _asks(predicate, parsed):
        return []
    if known := _knows(predicate, parsed):
        return known
    if attribute := _attribute(predicate, parsed):
        return attribute
    embedded = clause(predicate, parsed)
    direct = _marked(direct_forms(predicate), *asked_of(predicate, parsed))
    if embedded is None:
        return _others(direct, parsed)
    tails = [f"{embedded} {tail}" for tail in _TELL_TAILS]
    return _others([*tails[:2], *_fronted(predicate, parsed), *direct, *tails[2:]], parsed)


def _marked(direct: list[str], noun: Noun | None, after: int) -> list[str]:
    """Direct questions whose topic has its particle: 급식 뭐야 -> 급식은 무엇인가요; the spoken form does without."""
    topic = noun.with_particle("은/는") if noun is not None and not noun.particle else None
    return direct if topic is None else [*(topic + form[after:] for form in direct[:2]), *direct[2:]]


def _others(variants: Sequence[str], parsed: Sentence) -> list[str]:
    return [variant for variant in variants if variant.rstrip(".?") != parsed.text]


def _asks(predicate: Predicate, parsed: Sentence) -> bool:
    ending = predicate.ending
    if ending in INTERROGATIVE or ending in MODIFIER or ending in FUTURE:
        return True
    return ending in SHARED and (parsed.asked or bool(QUESTION_WORD.search(parsed.text)))


def _knows(predicate: Predicate, parsed: Sentence) -> list[str]:
    """언제 여는지 아시나요: asks for what the clause asks."""
    tokens, at = parsed.tokens, predicate.at
    asked = QUESTION_WORD.findall(parsed.text)
    if (
        predicate.stem.form != "알"
        or "시" not in predicate.marks
        or at < 2
        or len(asked) > 1
        or "어떻" in asked
    ):
        return []
    return _clause_forms(parsed.text[: tokens[at].start].rstrip(), tokens[:at], parsed)


def _attribute(predicate: Predicate, parsed: Sentence) -> list[str]:
    """X의 주소는 어디인가요, X의 비용은 어떻게 되나요, X는 무슨 뜻인가요, 서버실은 어디에 있나요."""
    noun, after = _subject(predicate, parsed)
    if noun is None:
        return []
    asked = parsed.text[after:].strip()
    family = noun.family
    if family and (_HOW_IS_IT.match(asked) or (predicate.copula and family.fits.match(asked))):
        past = f" {family.ask}?" if predicate.past else "-"  # the table's questions are in the present
        forms = [form for form in noun_forms(noun) if not form.endswith(past)]
        return _others([*forms, f"{predicate.form('ᆸ니까')}?"], parsed)
    named = " " not in noun.text and not noun.text.endswith(IDENTIFIED)
    if noun.place and (_STANDS.match(asked) or (named and _IS_WHERE.match(asked))):
        return present(f"{noun.text}의 위치를 알려 주세요.", *_where(noun))
    quality = _QUALITY.match(asked)
    if quality and noun.sound and predicate.copula and quality[1] in QUALITIES:
        return _quality_forms(noun, quality[1], asked.split()[0])
    return []


def _subject(predicate: Predicate, parsed: Sentence) -> tuple[Noun | None, int]:
    """The noun that the last topic or subject particle marks, and where the words after it begin."""
    tokens = parsed.tokens
    particles = [t for t in tokens[: predicate.at] if t.tag in ("JX", "JKS") and t.form in "은는이가"]
    if not particles:
        return asked_of(predicate, parsed)
    return Noun(parsed.text[: particles[-1].start], tokens, particles[-1].form), particles[-1].end


_HOW_IS_IT = re.compile(r"어떻게 (?:되|돼|됩|될|된)[가-힣]{0,3}$")
_STANDS = re.compile(r"어디에 ?(?:있|위치)[가-힣]{0,4}$")
_IS_WHERE = re.compile(r"어디(?:인가|입니까|예요|에요|야|죠|이죠|지)[가-힣]{0,4}$")
_QUALITY = re.compile(r"(?:무슨|어떤) ([가-힣]{1,2}?)(?:인가|입니까|이에요|예요|이죠|이지|이야|일까)요?$")


def _where(noun: Noun) -> list[str]:
    where = noun.with_particle("이/가")
    return [] if where is None else [f"{where} 어디에 있는지 {tail}" for tail in _TELL_TAILS[:3]]


def _quality_forms(noun: Noun, quality: str, word: str) -> list[str]:
    """X는 무슨 뜻인가요 in other words; `word` is 무슨 or 어떤."""
    whole = Noun(f"{noun.text}의 {quality}", ())
    subject = noun.with_particle("이/가")
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
        token.tag == "MAG" and token.form in MANNERS for token in tokens
    )


def _clause_forms(text: str, tokens: Sequence["Token"], parsed: Sentence) -> list[str]:
    """...어디인지 in other sentences, and as a question of its own."""
    if not text.endswith("지"):
        return []
    tails = [f"{text} {tail}" for tail in _TELL_TAILS]
    if _addressed(tokens):
        return _others([tail for tail in tails if " 알려 " in tail[len(text) :]], parsed)
    predicate = predicate_of(tokens, text)
    if predicate is None and not text.endswith(("할 지", "될 지", "을 지")):
        return []
    direct = direct_forms(predicate) if predicate is not None and predicate.ending in MODIFIER else []
    return _others([*direct[:2], *tails, *direct[2:]], parsed)


def _imperative(parsed: Sentence) -> list[str]:
    """설명해 주세요, 서술하시오, 고르시오, 설명 부탁드립니다."""
    stem: str | None
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
    predicate = predicate_of(parsed.tokens, parsed.text)
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
    tokens = parsed.tokens
    at = next(
        (
            at
            for at, token in enumerate(tokens)
            if at and token.form in ("란", "이란") and token.tag in ("JX", "ETM")
        ),
        0,
    )
    rest = parsed.text[tokens[at].end :].strip()
    if not at or (rest and not _WHAT.match(rest)) or not (rest or parsed.asked):
        return []
    vowel = tokens[at].form == "란" and tokens[at - 1].tag != "VCP"
    end = tokens[at].start if vowel or tokens[at].form == "이란" else tokens[at - 1].start
    noun = Noun(parsed.text[:end], tokens, "는" if vowel else "은")
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
