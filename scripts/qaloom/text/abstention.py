"""Abstentions: answers that say that they do not know, in Korean and English, told by meaning.

Wider than a refusal (`refusals`), which quality filters look for: '문서에서 확인할 수 없습니다' and '알지
못합니다' abstain, too. An answer that denies something else ('수수료는 없습니다') is an answer, and so is one that
goes on to state a figure after all ('I am not sure, but it opens at 9.').
"""

import re

from qaloom.text.literal_questions import asks_for_literal
from qaloom.text.refusals import (
    ASKS_TO_KNOW,
    ASKS_WHAT,
    IS_NOT_THERE,
    PAPER_ALONE,
    SAYS_NOTHING,
    SENTENCE,
    denies,
    may_deny,
    opening,
    plain,
)

_NOT_THERE = re.compile(
    r"(?:문서|자료|규정|지침|안내서|설명서|매뉴얼|본문|데이터|목록|기록|교재)"
    r"(?:에는|에|상에는|상에|내에는?| 내에는?| 안에는?|에서는?)\s(?P<what>.*)\Z"
)
# The end of a sentence whose speaker does not know: '개관 시각은 확인되지 않습니다'.
_UNKNOWN = re.compile(
    r"(?:(?:알|찾을|찾아볼|확인할|답할|답변할|대답할|알려 ?드릴|말씀 ?드릴|답변 ?드릴|파악할|판단할)\s?"
    r"수(?:가|는)?\s?없(?:습니다|음|다|어요|네요|었습니다)"
    r"|(?:알|알고 있|찾|답하|답변하|대답하|확인하)지\s?못(?:합니다|했습니다|함|해요)"
    r"|확인(?:이|은)?\s?(?:되지\s?않(?:습니다|음|았습니다|아요)|안\s?(?:됩니다|됨|돼요)|불가(?:합니다|능합니다|함)?)"
    r"|모르(?:겠습니다|겠어요|겠네요|겠음|겠다|는 (?:내용|정보)입니다)|모릅니다|모름|몰라요"
    r"|알려(?:져\s?있지|지지)\s?않(?:습니다|음|았습니다|아요)|들어\s?(?:본|보신)\s?적(?:이|은)?\s?없(?:습니다|어요)"
    r"|(?:답|답변|대답|확인)할\s?수\s?없는\s(?:질문|내용|사항)입니다"
    r"|(?:해당|그런|그러한|이러한)\s(?:\S{1,12}\s)?\S{1,12}[은는이가]\s(?:정의|등록|수록)되(?:어\s?있)?지\s?않(?:습니다|음|았습니다)"
    r"|(?:그런|그러한|이런)\s(?:\S{1,12}\s)?\S{1,12}[은는이가]\s(?:없습니다|존재하지\s?않습니다)"
    r"|알려(?:진|져 있는) (?:바|것|내용|정보)(?:가|이|는)?\s?없(?:습니다|음|다|어요)"
    r"|(?:명시|기재|언급|수록|안내)(?:된|되어 있는) (?:바|것|내용|정보|곳)(?:가|이|는)?\s?없(?:습니다|음|다|어요)"
    r"|(?:정보|자료|내용|답변?)(?:를|을)\s?(?:가지고|갖고|보유하고)\s?있지\s?않(?:습니다|음|아요))[\s.!~…]*\Z"
)
_ASKS_FOR_MORE = re.compile(
    r"(?:더|추가|추가적인|구체적인|자세한|정확한)\s(?:정보|내용|맥락|설명|문맥)[^.?!]{0,40}(?:주시|주세요|알려|제공해|필요)"
    r"|(?:알려|말씀해|제공해|설명해)\s?주시면|질문이\s(?:명확하지|분명하지|불분명)|(?:어느|어떤|무엇을)[^.?!]{0,20}말씀하시"
    r"|\b(?:typo|misspelling) in your question\b"
    r"|\b(?:could|can|would) you (?:please )?(?:provide|clarify|specify|give|share|tell me)\b"
    r"|\bplease (?:provide|clarify|specify|share)\b[^.?!]{0,60}\b(?:context|information|details?|document|passage)\b"
)
_EN_UNKNOWN = re.compile(
    r"^(?:sorry,? |unfortunately,? |i'm sorry,?(?: but)? |i'm afraid )?(?:"
    r"i (?:really )?(?:do not|don't|did not|didn't|cannot|can't|could not|couldn't) (?:actually |currently )?"
    r"(?:know|recall|find|tell|say|answer|determine|recognize)\b"
    r"|i(?:'m| am) (?:not (?:sure|certain|aware|familiar)|unaware|unsure|unfamiliar|unable)\b"
    r"|i have no (?:information|idea|data|knowledge|record)"
    r"|i (?:do not|don't) (?:currently )?have (?:\w+ ){0,3}?"
    r"(?:information|data|details|knowledge|access|records?|answer)\b"
    r"|(?:it|this|that|the answer) (?:is|was) (?:unknown|unclear|not (?:known|clear|specified|stated|mentioned|given"
    r"|documented))\b"
    r"|there (?:is|was|are) no (?:\w+ )?(?:information|mention|record|details?|data|reference|indication)\b"
    r"|there (?:is|was|are) no (?:\w+ ){1,5}(?:called|named|known as)\b"
    r"|(?:that|this) is not something i know\b|no such \w+(?: \w+)? (?:is|exists?|are)\b)"
    r"|\b(?:is|are) no (?:widely )?(?:recogni[sz]ed|known) |\bno such \w+(?: \w+)? exists?\b"
    r"|\A(?:no (?:\w+ )?(?:information|mention|records?|details?|data|reference|indication)"
    r" (?:of|on|about|is|was|are|found|available|given|for|exists?)\b)"
    r"|\b(?:is|are|was|were) (?:unknown|(?:not|nowhere|never) (?:known|specified|stated|mentioned|documented|disclosed"
    r"|listed|given|described|covered) (?:in|by|anywhere)\b)"
    r"|\b(?:isn't|aren't|wasn't|weren't|isnt) (?:specified|stated|mentioned|documented|disclosed|listed|covered"
    r"|described)(?: (?:in|by|anywhere)\b|[.!]?\Z)"
    r"|\bnot (?:specified|stated|mentioned|documented|disclosed)[.!]?\Z"
    r"|\A(?:unknown|unspecified|undisclosed|not (?:known|sure|available|found|in the (?:document|text|context)s?)"
    r"|no idea|insufficient information)[.!]?\Z"
    r"|\bno (?:answer|information|mention|record)s?\b[^.]{0,40}\b(?:in|available|found)\b"
)
# The thing that is asked for as one that does not exist: '무지개동은 존재하지 않는 건물입니다'.
_NOT_EXISTING = re.compile(
    r"(?<![가-힣a-z0-9])(?P<ko>[가-힣a-z0-9]{2,20}?)(?:은|는|이|가|이라는 \S{1,8}[은는])"
    r"\s존재하지\s?않(?:습니다|는 \S{1,8}입니다)[.!]?\Z"
    r"|\b(?P<en>\w{4,20})(?:\s\w{1,20})? (?:does not|doesn't|do not) exist[.!]?\Z"
)
_CONDITION = re.compile(r"전에|전까지|경우|[으하되]?면(?:\s|,)|때(?:는|에)?\s|외에|없이|에게|동안|후에")
# What a code or a message may say by itself: '페이지를 찾을 수 없음', 'Unknown'.
_MESSAGE = re.compile(
    r"(?:없음|불가|모름)[.!]?\Z|(?<!정보)(?<!내용)(?<!설명)(?<!의미)(?<!뜻)(?<!답)[을를]\s(?:찾|확인|알)"
    r"|\A(?:unknown|not found|not available)[.!]?\Z"
)
_NEGATED = re.compile(
    r"없는|않는|못하는|못 하는|불가능한|\b(?:not|cannot|can't|doesn't|isn't|unknown|unavailable)\b"
)
_HEDGED = re.compile(
    r"다만|하지만|그러나|그래도|일반적으로|보통|추정|\b(?:but|however|generally|typically|usually|probably)\b"
)
_FIGURE = re.compile(r"\d")
_LONGEST_HINT = 400  # characters in which an opening that asks for more information counts


def abstains(answer: str, question: str = "") -> bool:
    """Whether an answer says that it does not know, or that the documents do not tell.

    `question` decides in doubt: to 'can it be known?' 'it cannot' is an answer.
    """
    text, asked = plain(answer).strip(), plain(question)
    if _asks_for_more(text):
        return True
    if not may_deny(text):
        return False
    first = SENTENCE.split(text, maxsplit=1)[0]
    said = next((one for one in (first, *opening(text)) if _does_not_know(one, asked)), None)
    return said is not None and not _answers_after_all(text, said)


def _asks_for_more(text: str) -> bool:
    first = SENTENCE.split(text[:_LONGEST_HINT], maxsplit=1)[0]
    return _ASKS_FOR_MORE.search(first) is not None


def _does_not_know(sentence: str, question: str) -> bool:
    if denies(sentence, question):
        return True
    if ASKS_TO_KNOW.search(question) or _NEGATED.search(question):
        return False
    if asks_for_literal(question) and _MESSAGE.search(sentence):
        return False
    if _not_in_the_document(sentence):
        return True
    if (unknown := _UNKNOWN.search(sentence)) is not None:
        return _CONDITION.search(sentence, 0, unknown.start()) is None
    if _says_it_does_not_exist(sentence, question):
        return True
    found = None if sentence.startswith('"') else _EN_UNKNOWN.search(sentence)
    return found is not None and (
        found[0].startswith("i") or not question or bool(ASKS_WHAT.search(question))
    )


def _says_it_does_not_exist(sentence: str, question: str) -> bool:
    """Whether the very thing that a question asks about is denied, and the question is not whether it exists."""
    found = _NOT_EXISTING.search(sentence)
    thing = found and (found["ko"] or found["en"])
    return bool(thing) and str(thing) in question and ASKS_WHAT.search(question) is not None


def _not_in_the_document(sentence: str) -> bool:
    """The paper as the place where it is not: '문서에서 확인할 수 없습니다', '자료에 없습니다'."""
    alone = PAPER_ALONE.search(sentence)
    if alone is not None and SAYS_NOTHING.search(sentence, alone.end()):
        return True
    found = _NOT_THERE.search(sentence)
    return found is not None and (
        SAYS_NOTHING.search(found["what"]) is not None or IS_NOT_THERE.fullmatch(found["what"]) is not None
    )


def _answers_after_all(text: str, said: str) -> bool:
    """Whether a figure follows behind a 'however': a guess after all."""
    turn = _HEDGED.search(text, min(len(text), text.find(said[:20]) + 1))
    return turn is not None and _FIGURE.search(text, turn.end()) is not None
