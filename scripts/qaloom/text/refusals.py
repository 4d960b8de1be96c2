"""Answers that deny that the question can be answered from the text.

What is denied decides. 'The file cannot be restored' denies that a file can be restored, so it is an answer;
'the passage does not say' denies that there is one. A denial counts where it ends the sentence ('없습니다', not
'없으면'), and not where the question asked for it ('확인할 수 있나요?' 'No, that cannot be seen').
"""

import re

from qaloom.text.literal_questions import asks_for_literal

# Every refusal holds one of these; looking for them first is ten times as fast.
_KO_SIGNS = (
    "없",
    "않",
    "못",
    "렵",
    "려움",
    "려워",
    "모르",
    "모릅",
    "모름",
    "몰라",
    "불가",
    "힘",
    "곤란",
    "부족",
    "불충분",
)
_EN_SIGNS = (
    "not",
    "n't",
    "no ",
    "unable",
    "unclear",
    "n/a",
    "lack",
    "fail",
    "insuff",
    "unknown",
    "unansw",
    "imposs",
)
# Of text with Hangul one pass for all of them, or for the first letters of the English ones.
_FIRST_SIGN = re.compile(
    "[없않못렵려모몰불힘곤부nNuUlLfFiI](?:(?<=[없않못렵힘nNuUlLfFiI])|(?<=려)[움워]|(?<=모)[르릅름]|(?<=몰)라|(?<=불)[가충]"
    "|(?<=곤)란|(?<=부)족)"
)
SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+")
COURTESY = re.compile(r"(?:죄송|미안|유감|안타깝|sorry|i apologi[sz]e|i'm sorry|i am sorry|unfortunately)")
_IT = re.compile(r"^(?:it|they) ")
ASKS_WHAT = re.compile(
    r"누구|누가|언제|어디|무엇|무슨|뭐|뭔|몇|얼마|어떤|어떻게|어느|왜|\b(?:who|what|when|where|which|why|how)\b"
)


def refuses(answer: str, question: str) -> bool:
    """Whether an answer denies, in its opening, that the question can be answered from the text."""
    if not may_deny(answer):
        return False
    asked = plain(question)
    return any(denies(statement, asked) for statement in opening(plain(answer)))


def plain(text: str) -> str:
    """A text as the patterns here read it: casefolded, with straight apostrophes."""
    return text.replace("’", "'").casefold()


def may_deny(text: str) -> bool:
    """Whether a text holds any of the words without which nothing is denied."""
    if text.isascii():
        return _holds(text.lower(), _EN_SIGNS)
    return bool(_FIRST_SIGN.search(text)) and (_holds(text, _KO_SIGNS) or _holds(plain(text), _EN_SIGNS))


def _holds(text: str, signs: tuple[str, ...]) -> bool:
    return any(map(text.__contains__, signs))


def opening(text: str) -> list[str]:
    """The first statement; the second, too, where the first is an apology or speaks of the source."""
    sentences = [sentence for sentence in SENTENCE.split(text.strip()) if sentence]
    if len(sentences) > 1 and COURTESY.match(sentences[0]):
        return [" ".join(sentences[:2]), *sentences[1:2]]
    if len(sentences) > 1 and (_KO_SOURCE.match(sentences[0]) or _EN_STRONG.match(sentences[0])):
        return [sentences[0], _IT.sub("the context ", sentences[1])]
    return sentences[:1]


def denies(sentence: str, question: str) -> bool:
    """Whether one plain sentence denies that the question can be answered from the text."""
    if _KO_FINAL.search(sentence):
        return _denies_in_korean(sentence, question)
    return bool(_EN_NEGATIVE.search(sentence)) and _denies_in_english(sentence, question)


def _asks_whether(question: str, noun: str) -> bool:
    """Whether the question is a yes-or-no question about the noun itself."""
    return bool(noun) and noun in question and not ASKS_WHAT.search(question)


# --- Korean -------------------------------------------------------------------------------------------

_END = r"[\s.!~…]*$"
_NO = r"없(?:습니다|음|다|어요|네요|었습니다|겠습니다|는 것으로 보입니다|는 것 같습니다|는 상태입니다)"
_NOT = r"않(?:습니다|음|다|아요|네요|았습니다|았음|은 것으로 보입니다)"
_HARD = (
    r"(?:어렵(?:습니다|다|네요)|어려움|어려워요|힘듭니다|힘들어요|곤란합니다|불가(?:합니다"
    r"|능합니다|함|능|)|못\s?(?:합니다|함))"
)
_KO_FINAL = re.compile(
    rf"(?:{_NO}|{_NOT}|{_HARD}|모르겠(?:습니다|어요|음)|모릅니다|몰라요|모름|(?:부족"
    rf"|불충분)(?:합니다|함|하다|해요)){_END}"
)

_SHOWN = (
    r"(?:(?:제공|제시|주어|업로드|첨부|언급|입력)(?:된|진|하신|해 주신)|해당|이|위|위의|본|현재|제가 가진|보유한"
    r"|상기|아래|그|지금의)\s?"
)
_PAPER = (
    r"(문맥|문서|본문|자료|지문|텍스트|내용|정보|이미지|그림|사진|페이지|글|파일|컨텍스트|표"
    r"|데이터|원문|문단|단락|기사|발췌문|설명|맥락)"
)
_IN = (
    r"(?:(?:만)?으?로는|(?:만)?으?로|에는|에서는|에서|에|상에는|상에서는|상으로는|상으로|상"
    r"|\s?내에는|\s?내에서는|\s?내에|\s?안에는|\s?안에|\s?어디에도)"
)
_KO_SOURCE = re.compile(
    rf"(?:{_SHOWN}{_PAPER}|(문맥|본문|지문|컨텍스트|원문|발췌문|맥락))(?:{_IN}|[은는이가])(?=\s)"
)
PAPER_ALONE = re.compile(
    r"(?<![가-힣])(문서|자료|텍스트|이미지|글)(?:에는|에서는|에|에서|만으로는|으로는)(?=\s)"
)

_FINDS = (
    r"(?:(?:찾을|찾아볼|알|알아낼|알려\s?드릴|답할|답변할|답변\s?드릴|대답할|파악할|판단할"
    r"|추론할|유추할|특정할|말씀\s?드릴|설명할)"
    r"\s?수(?:가|는)?\s?"
    rf"{_NO}|(?:알|찾|답하|답변하|대답하|판단하|파악하|추론하|특정하|확인하)기(?:가|는|에는)?\s?{_HARD})"
)
_CONFIRMS = rf"(?:확인할\s?수(?:가|는)?\s?{_NO}|확인(?:이|은)?\s?(?:되지\s?{_NOT}|{_HARD}))"
_TOLD = (
    r"(?:언급|명시|기재|포함|제공|설명|기술|서술|수록|기록|제시|정의|소개)(?:이|은|도|은\s?따로)?\s?"
    rf"(?:(?:되어|돼)\s?있지(?:는)?|되지(?:는)?|하고\s?있지(?:는)?|하지(?:는)?)\s?{_NOT}"
    rf"|(?:나타나|나와|드러나|적혀|쓰여|실려|담겨|밝혀져)\s?있지(?:는)?\s?{_NOT}|(?:나오"
    rf"|나타나|드러나|다루)지(?:는)?\s?{_NOT}|다루고\s?있지\s?{_NOT}"
)
_THERE = (
    r"(?:정보|내용|언급|설명|답|답변|기록|근거|단서|기재|항목|데이터)(?:가|이|은|는|도"
    rf"|조차)?\s?(?:전혀\s|따로\s|별도로\s)?{_NO}"
)
_SHORT = (
    r"(?:정보|내용|근거|자료)(?:가|이|는|은)?\s?(?:매우\s|너무\s)?(?:부족(?:합니다|함|하다)"
    r"|불충분(?:합니다|함)|충분하지\s?" + _NOT + ")"
)
SAYS_NOTHING = re.compile(rf"(?:{_FINDS}|{_CONFIRMS}|{_TOLD}|{_THERE}|{_SHORT}){_END}")
_TELLS_NOTHING = re.compile(  # the text as the one that tells
    r"(?:언급|명시|기술|서술|설명|정의|소개)(?:을|를)?\s?(?:하고\s?있지|하지)(?:는)?\s?" + _NOT
    + r"|(?:정보|내용|설명|답|대한|관한|대해|관해|여부|근거).{0,25}(?:제공|포함|담|다루|언급"
        r"|명시)[^\s]{0,4}(?:\s?있지)?\s?" + _NOT
    + rf"|{_THERE}|{_SHORT}"
)  # fmt: skip
_ABOUT_IT = re.compile(
    r"(?:(?:관련|해당|그|이|이에 대한|그에 대한|에 대한|에 관한|관련된|질문에 대한|구체적인)\s?"
    r"(?:정보|내용|언급|설명|답변|답|기록)|에 대해서?는?|에 관해서?는?)"
)
_ANSWERS = re.compile(
    r"(?:답변|대답|답)(?:을|를|은|이)?\s?(?:드릴|할|해\s?드릴|제공할|줄)?\s?(?:드리기|하기)?(?:가|는)?\s?"
    rf"(?:수(?:가|는)?\s?{_NO}|{_HARD}){_END}"
)
QUALIFIED = re.compile(
    r"전에|전까지|경우|[으하되]?면(?:\s|,)|때(?:는|에)?\s|까지|이후|외에|없이|동안|중에는|에게|밖|시간"
)
_ASSISTANT = re.compile(
    r"(?<![가-힣a-z])(?:ai|인공\s?지능|언어)\s?(?:언어\s)?(?:모델|어시스턴트|비서"
    r"|챗봇)(?:으?로서|이므로|이기\s?때문|이라|라서|라\s)"
)
_KNOWS = re.compile(
    r"(?:(알|찾을|찾아볼|확인할|답할|답변할|대답할|도와\s?드릴|도움을 드릴|파악할|판단할"
    r"|말씀\s?드릴|알려\s?드릴|답변\s?드릴|답변을 드릴|정보를 제공할)"
    rf"\s?수(?:가|는)?\s?{_NO}|모르겠(?:습니다|어요|음)|모릅니다|모름|알지\s?못(?:합니다|해요|함)|(?:알|답하|답변하|확인하"
    rf"|답변드리|답변을 드리)기\s?{_HARD}){_END}"
)
_WHOLE = re.compile(
    r"\A(?:죄송하지만\s|저도\s|저는\s|(?:그|이|해당)\s(?:내용|정보)(?:은|는)\s|정확히는?\s|정확하게\s|잘\s|현재로서는\s|현재\s)*"
    rf"(?:모르겠(?:습니다|어요|음)|모릅니다|모름|몰라요|알지\s?못(?:합니다|해요|함)|알\s?수\s?{_NO}|(?:관련\s"
    r"|해당\s)?(?:정보|언급|내용|답|답변)\s?없음"
    rf"|(?:답변|확인|판단)\s?불가|답할\s?수\s?{_NO}|대답할\s?수\s?{_NO}){_END}"
)
_ASKS_WHY = re.compile(r"왜|이유|원인|사유|까닭|오류|에러|메시지|경우")
ASKS_TO_KNOW = re.compile(
    r"(?:알|찾|확인|답|파악|판단|조회|볼)[가-힣을를 ]{0,6}수(?:는|가|도)? ?있|아나요|아시나요|압니까|알고 있"
)


def _denies_in_korean(sentence: str, question: str) -> bool:
    return (
        _source_lacks_it(sentence, question)
        or _there_is_nothing_about_it(sentence, question)
        or _no_answer_given(sentence, question)
        or bool(_ASSISTANT.search(sentence))
        or _does_not_know(sentence, question)
    )


def _source_lacks_it(sentence: str, question: str) -> bool:
    for source in _KO_SOURCE.finditer(sentence):
        weak = source[1] or ""
        if weak not in ("문맥", "지문", "컨텍스트", "") and _asks_whether(question, weak):
            continue
        tells = (
            source[0][-1] in "은는이가"
            and source[0][-2:] not in ("에는", "로는")
            and not source[0].endswith("서는")
        )
        pattern = _TELLS_NOTHING if tells else SAYS_NOTHING
        if pattern.search(sentence, source.end()):
            return True
        if (
            not tells
            and re.search(rf"(?:^|\s){_NO}{_END}", sentence[source.end() - 1 :])
            and len(sentence) - source.end() < 12
        ):
            return True
    alone = PAPER_ALONE.search(sentence)
    if alone is None or _asks_whether(question, alone[1]):
        return False
    if _DENIES_BY_ITSELF.search(sentence, alone.end()):
        return True
    return bool(
        _ANSWER_IS.search(sentence, 0, alone.start()) and IS_NOT_THERE.fullmatch(sentence, alone.end())
    )


# Not 'cannot be confirmed from the document': the usual wording of abstentions that are meant to be taught.
_DENIES_BY_ITSELF = re.compile(
    rf"(?:{_TOLD}|{_THERE}|{_SHORT}|(?<![가-힣])(?:답할|답변할|대답할) 수(?:가)? {_NO}){_END}"
)


_ANSWER_IS = re.compile(r"(?:답|답변|정보|내용|설명|언급)(?:은|는|이|가)\s")
IS_NOT_THERE = re.compile(rf"\s?{_NO}{_END}")


def _there_is_nothing_about_it(sentence: str, question: str) -> bool:
    found = _ABOUT_IT.search(sentence)
    if found and SAYS_NOTHING.search(sentence, max(0, found.end() - 2)):
        return not any(about.search(question) for about in (_SHARED, ASKS_TO_KNOW, _ASKS_MESSAGE))
    if _BARE_SHORTAGE.search(sentence):
        return not _ASKS_WHY.search(question)
    return False


_ASKS_MESSAGE = re.compile(r"(?:표시|출력)(?:되|하)|메시지|문구|화면에|뭐라고|라고 (?:나오|뜨)")
_SHARED = re.compile(
    r"(?:정보|내용|기록|언급|설명)[이가은는도을를]?\s?(?:있|없|제공|포함|공개|나오)|제공되"
    r"|포함되|공개되|기재되|명시되|확인되"
)
_BARE_SHORTAGE = re.compile(
    r"^(?:죄송[^.,]{0,10}[.,]?\s)?(?:(?:주어진|제공된|제시된|현재|충분한)\s)?정보(?:가|는)\s(?:매우\s|너무\s)?"
    r"(?:(?:부족|불충분)(?:합니다|함|하다)|(?:부족|불충분)(?:하여|해서|해|하므로|하기 "
        r"때문에)\s.{0,40}(?:답|알|판단|파악|확인)|"
    r"충분하지 않(?:습니다|아|으므로)|(?:제공|주어)(?:되|지)지\s않(?:았습니다|습니다))"
)  # fmt: skip


def _no_answer_given(sentence: str, question: str) -> bool:
    found = _ANSWERS.search(sentence)
    if not found or QUALIFIED.search(sentence, 0, found.start()):
        return False
    return not re.search(r"답변|대답|상담|회신", question)


def _does_not_know(sentence: str, question: str) -> bool:
    if asks_for_literal(question) or ASKS_TO_KNOW.search(question):
        return False
    return bool(_WHOLE.fullmatch(sentence) or (COURTESY.match(sentence) and _KNOWS.search(sentence)))


# --- English ------------------------------------------------------------------------------------------

_EN_NEGATIVE = re.compile(
    r"\bnot\b|n't\b|\bno\b|\bunable\b|\bunclear\b|n/a|\black(?:s|ing)?\b|\bfails to\b"
    r"|\binsufficient\b|\bunknown\b|\bunanswerable\b"
    r"|\bimpossible\b|\bcannot\b"
)
_STRONG = (
    r"(?:(?:provided|given|supplied|attached|presented|available) (?:\w+ )?(?:context|text"
    r"|document|passage|excerpt|article|information|material"
    r"|source|paragraph|content|snippet|data|image|picture|photo|page|figure|table)s?"
    r"|(?:context|passage|excerpt|snippet|text|document|information|image|picture|article"
    r"|data|page)s? (?:that (?:is|was|were) )?(?:provided|given|supplied|above|you provided)"
    r"|(?:context|passage|excerpt|snippet)s?|source text|(?:this|above) (?:text|document"
    r"|passage|image|picture|article|paragraph))"
)
_WEAK = (
    r"(text|document|article|image|picture|photo|page|paragraph|material|source|content|data|figure|table)s?"
)
_EN_STRONG = re.compile(
    rf"(?:(?:sorry|unfortunately|based on|according to)\b[^.]{{0,20}})?\b(?:the |this |your )?{_STRONG}\b"
)
_NEGATED = (
    r"(?:does(?: not|n't)|do(?: not|n't)|did(?: not|n't)|fails? to|cannot|can't)"
    r"(?: (?:actually|directly|explicitly|specifically|clearly|seem to|appear to|even))*"
)
_TELL = (
    r"(?:mention|specify|state|say|indicate|discuss|address|answer|reveal|explain|clarify|tell"
    r"|disclose|elaborate|define)"
)
_HOLD = r"(?:contain|include|provide|give|offer|have|describe|list|show|cover|identify|name|present|supply)"
_INFO = (
    r"(?:(?:any|enough|sufficient|the|such|specific|this|that|relevant|further) )*(?:information"
    r"|details?|mention|answers?|data|context|indication|evidence|specifics)"
)
_NOTHING = (
    r"(?:(?:contain|provide|give|offer|include)s? no|has no|have no|makes? no) (?:\w+ "
    r"){0,2}(?:information|details?|mention|answers?|indication|reference|data)|lacks? (?:\w+ "
    r"){0,2}(?:information|details?|mention)"
)
_STRONG_DENIES = re.compile(
    rf"\b{_STRONG}\b[^.]{{0,60}}?\b(?:{_NEGATED} (?:{_TELL}|{_HOLD})\b|{_NOTHING}|(?:give"
    r"|contain|provide|offer|mention|state|specifie)s? no\b|(?:is|are)(?: not|n't) (?:clear"
    r"|enough|sufficient))"
)
_WEAK_DENIES = re.compile(
    rf"\b(?:the|this|your) {_WEAK}\b[^.]{{0,40}}?\b(?:{_NEGATED} (?:{_TELL}\b|{_HOLD} {_INFO}\b)|{_NOTHING})"
)
_WHERE = rf"(?:in|within|by|from|on) (?:the |this |that |your )?(?:{_STRONG}|{_WEAK})\b(?: itself)?(?=\s*[.,;!)]|$)"
_NOT_TOLD = re.compile(
    r"(?:\b(?:not|never)|n't)(?: \w+ly)? (?:mentioned|specified|stated|provided|given"
    r"|discussed|described|covered|addressed|indicated|found"
    r"|included|available|clear|disclosed|listed|answered|defined|explained)(?: \w+){0,2}? "
    rf"{_WHERE}|\banswer is(?: not|n't) (?:contained |present |given )?{_WHERE}"
    rf"|\bunclear from (?:the )?(?:{_STRONG}|{_WEAK})\b"
)
_NO_INFORMATION = re.compile(
    rf"\bno (?:\w+ )?(?:information|mention|details?|indication|answers?|data|reference)\b[^.]{{0,60}}? {_WHERE}"
    r"|\bno (?:\w+ )?(?:information|mention|details?)(?: (?:about|on|of|regarding|for"
    r"|concerning) [^.]{1,60}?)? (?:is|are|was|were) "
    r"(?:provided|given|mentioned|available|specified|found|included|stated)"
    r"|^(?:there (?:is|was) )?no (?:\w+ )?(?:information|answers?|details?|data)(?: (?:is"
    r"|was))?(?: (?:available|provided|given|found))?[.!]?$"
)
_CANNOT_BE = re.compile(
    r"\b(?:cannot|can't|can not|could not|couldn't|(?:not |im)possible to)(?: be)?(?: \w+ly)? "
    r"(?:determined?|answer(?:ed)?|infer(?:red)?|found|identif(?:y|ied)"
    r"|ascertain(?:ed)?|conclude[d]?|verif(?:y|ied)|deduced?|say|tell|know)\b"
    r"[^.]{0,50}?\b(?:from|based on|in|with|using|within|by)(?: (?:the|this|only|just))* "
    rf"(?:{_STRONG}|{_WEAK}|information)\b"
    r"|\b(?:this|the|that|your) question (?:cannot|can't|can not) be answered|\bquestion is unanswerable"
)
_TOO_LITTLE = re.compile(
    r"^(?:sorry, |i'm sorry, |unfortunately, |there (?:is|was|isn't|is not|are not|aren't) "
    r"|the )?(?:insufficient|not enough|enough|lack of) (?:information|context|data|details?)"
    r"(?: (?:is |was )?(?:provided|given|available))?(?: (?:to (?:answer|determine|say|tell"
    rf"|know|identify)\b[^.]*|{_WHERE}))?[.!]?$"
)
_FIRST_PERSON = re.compile(
    r"\bi(?: (?:cannot|can't|can not|could not|couldn't|do not|don't|did not|didn't|am unable "
    r"to|am not able to|was unable to)|'m unable to|'m not able to|'m afraid i (?:cannot"
    r"|can't|don't|do not))"
    r"(?: \w+ly)? (?:answer|determine|find|tell|provide|help|assist|say|confirm|verify"
    r"|identify|access|see|view|know|give|infer|locate|discern|fulfill?|comply|have)\b"
    r"|^(?:i'm|i am|sorry, i'm) (?:sorry, )?(?:not sure|unsure|uncertain)\b|^(?:sorry, "
    r")?(?:i'm |i am )?unable to (?:answer|determine|find|tell|provide|help|assist|say"
    r"|confirm|verify|identify)\b"
)
_FIRST_PERSON_HAS = re.compile(
    r"\bhave\b(?! (?:enough|access|the|any|that|sufficient|specific|real|this|information|details?)\b)"
)
_AS_AN_AI = re.compile(
    r"\b(?:as an? |i'm an? |i am an? )(?:ai|artificial intelligence|large language model"
    r"|language model)\b[^.]*(?:\bnot\b|n't\b|cannot|unable|\bno\b)"
)
_EN_WHOLE = re.compile(
    r"(?:n/a|unknown|not (?:specified|mentioned|provided|stated|given|answerable)|no answer"
    r"|no information|i (?:don't|do not) know|unanswerable"
    r"|information (?:is )?not (?:available|provided|found|given)|cannot (?:be determined|answer|say))[.!]?"
)


def _denies_in_english(sentence: str, question: str) -> bool:
    if _STRONG_DENIES.search(sentence) or _AS_AN_AI.search(sentence) or _CANNOT_BE.search(sentence):
        return True
    for pattern in (_WEAK_DENIES, _NOT_TOLD, _NO_INFORMATION):
        found = pattern.search(sentence)
        if found and not _asks_whether(question, next(filter(None, found.groups()), "information")):
            return True
    if asks_for_literal(question) or '"' in sentence:
        return False
    person = _FIRST_PERSON.search(sentence)
    if person and not (person[0].endswith("have") and _FIRST_PERSON_HAS.search(sentence, person.end() - 4)):
        return True
    return bool(_TOO_LITTLE.search(sentence) or _EN_WHOLE.fullmatch(sentence))
