"""Quality filters: each looks at one row and says True, or False with the reason in a sentence.

`quality(settings)` gives the filters of a project by reason code, in the order in which they are tried.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from qaloom.records import Row
from qaloom.text.language import language
from qaloom.text.normalize import comparison_key

Verdict = bool | tuple[bool, str]
Filter = Callable[[Row], Verdict]


def quality(settings: dict[str, Any]) -> dict[str, Filter]:
    """The filters for the `dedup` section of a configuration, by the reason code each gives."""
    limits = settings["length"]
    filters: dict[str, Filter] = {
        "mojibake": mojibake,
        "too_short": partial(too_short, question=limits["question_min"], answer=limits["answer_min"]),
        "too_long": partial(too_long, question=limits["question_max"], answer=limits["answer_max"]),
        "unclear_question": unclear_question,
        "question_equals_answer": question_equals_answer,
        "refusal": refusal,
        "truncated_answer": truncated_answer,
        "repetition": repetition,
    }
    if settings["language"] is not None:
        filters["wrong_language"] = partial(wrong_language, wanted=settings["language"])
    return filters


def failed(row: Row, filters: dict[str, Filter]) -> tuple[str, str] | None:
    """The reason code and sentence of the first filter that a row does not pass."""
    for reason, passes in filters.items():
        verdict = passes(row)
        if verdict is not True:
            return reason, verdict[1]
    return None


# --- length and sameness ------------------------------------------------------------------------------


def too_short(row: Row, question: int, answer: int) -> Verdict:
    """Question and answer have at least so many characters."""
    if len(row.instruction) < question:
        return False, f"the question has {len(row.instruction)} characters, fewer than {question}"
    if len(row.output) < answer:
        return False, f"the answer has {len(row.output)} characters, fewer than {answer}"
    return True


def too_long(row: Row, question: int, answer: int) -> Verdict:
    """Question with its input, and answer, have at most so many characters."""
    asked = len(row.instruction) + len(row.input)
    if asked > question:
        return False, f"the question has {asked:,} characters, more than {question:,}"
    if len(row.output) > answer:
        return False, f"the answer has {len(row.output):,} characters, more than {answer:,}"
    return True


_WORD_CHARACTER = re.compile(r"[^\W_]")


def question_equals_answer(row: Row) -> Verdict:
    """The answer is not the question again, apart from spaces, case and punctuation."""
    first, other = _WORD_CHARACTER.search(row.instruction), _WORD_CHARACTER.search(row.output)
    if not first or not other or first[0].casefold() != other[0].casefold():  # spares most rows the two keys
        return True
    if comparison_key(row.instruction) == comparison_key(row.output):
        return False, "the answer repeats the question"
    return True


# --- questions that say nothing by themselves ---------------------------------------------------------


def _any(words: str, *more: str) -> str:
    """A pattern for any of the words, which stand apart by spaces; `_` is an optional space inside one."""
    return f"(?:{'|'.join([*(word.replace('_', chr(92) + 's?') for word in words.split()), *more])})"


_KO_THING = _any(
    "것 내용 그림 표 사진 문장 문단 단어 용어 이미지 도표 그래프 항목 경우 사람"
    " 부분 글 문서 자료 페이지 본문 텍스트 회사"
    " 제품 기관 도면"
)
_KO_POINTER = _any(
    "이것 그것 저것 이거 그거 저거 이게 그게 저게 여기 거기 저기 이곳 그곳 저곳 이분 그분",
    _any("이 그 저 위 위의 아래 아래의 해당 상기 본 다음 다음의 제시된 주어진") + r"\s?" + _KO_THING,
)
_KO_ASK = _any(
    "무엇 뭐 뭔가 무슨 누구 어디 언제 왜 어떤 어떻게 어느 몇 얼마 설명 요약"
    " 말해 알려 뭘 말 의미 뜻 나타내 가리키 보여 다루"
    " 대해 대한 관한 것 내용 정보 뜻하는 말하는 의미하는 나타내는 설명하는 가리키는 보여_주는 다루는"
)
_KO_TAIL = (
    _any(
        "[은는이가을를의에] 에서 에는 으로 이며 인가요? 입니까 인지 일까요? 이에요 예요 이야 야 니 지 죠 요"
        " 라고 이라고"
        " 하나요? 하는가 하는지 합니까 해 하세요 하시오 하십시오 해요 나요 는가요? 는지 세요"
        " 십시오 시오 줘 주나요 줍니까"
        " 주는가요? 주세요 주시오 되나요 됩니까 되어 있나요 있습니까 있는가 있는지"
        " 건가요 인데 해서 한가요? 까요? 다"
    )
    + "*"
)
_KO_PLEASE = r"(?:\s*(?:주세요|주시오|주십시오|줘))?[\s?.!？]*"
_KO_UNCLEAR = re.compile(rf"{_KO_POINTER}{_KO_TAIL}(?:\s*{_KO_ASK}{_KO_TAIL})+{_KO_PLEASE}")
_EN_THING = _any(
    "one thing image picture photo figure table chart diagram graph text passage paragraph document page"
    " section sentence word person content context author item"
)
_EN_THE = _any("this that these those the", "the (?:above|following|given|provided|shown)")
_EN_POINTER = (
    rf"(?:{_any('this that it they these those he she them')}|{_EN_THE}\s{_EN_THING}s?(?: above| below)?)"
)
_EN_ABOUT = _any(
    "about for from like called named used mean say show do describe represent indicate depict illustrate"
    " contain state discuss happening located saying showing",
    *("used for", "tell us", "refer to", "stand for", "talk about", "made of"),
)
_EN_IS = rf"(?:'s| {_any('is are was were does do did can should')})"
_EN_UNCLEAR = re.compile(
    rf"(?:what|who|where|when|why|how|which){_EN_IS}?\s{_EN_POINTER}(?:\s{_EN_ABOUT})?\s*[?.!]*"
    rf"|(?:please\s)?(?:describe|explain|summari[sz]e)\s{_EN_POINTER}\s*[?.!]*"
    rf"|is\s{_EN_POINTER}\s(?:true|correct|right)\s*[?.!]*",
    re.IGNORECASE,
)
_UNCLEAR_LONGEST = 60  # characters; a longer question names something


def unclear_question(row: Row) -> Verdict:
    """The question says what it is about, unless an input text does so for it."""
    question = row.instruction
    if row.input or len(question) > _UNCLEAR_LONGEST:
        return True
    if _KO_UNCLEAR.fullmatch(question) or _EN_UNCLEAR.fullmatch(question.replace("’", "'")):
        return False, "the question points at something (이것, this) that the row does not hold"
    return True


# --- answers that are none ----------------------------------------------------------------------------

_KO_SHOWN = r"(?:(?:제공|제시|주어|업로드|첨부|언급)(?:된|진|하신)?\s?(?:된\s)?|해당\s|이\s|위\s|본\s|현재\s)"
_KO_PAPER = _any(
    "문맥 문서 본문 자료 지문 텍스트 내용 정보 이미지 그림 사진 페이지 글 파일 컨텍스트 표 데이터"
)
_KO_SOURCE = rf"(?:{_KO_SHOWN}{_KO_PAPER}|문맥|본문|지문|컨텍스트)"
_KO_WHERE = _any("에 에는 에서 에서는 만으로는 으로는 로는 상으로는 상에는 은 는 이 가")
_KO_LACKS = _any(
    "[가-힣]{1,3}할_수_없 찾을_수_없 알_수_없",
    _any("언급 명시 기재 포함 제공 설명 기술 서술 나타나 나와 나오 드러나")
    + r"(?:되어|돼|되|하고)?\s?(?:있지\s?)?않",
    r"(?:정보|내용|언급|설명|답)(?:가|이|은|는|도)?\s?(?:[가-힣]+\s)?(?:없|부족|충분하지\s?않)",
)
_EN_PAPER = _any("context text document passage image picture excerpt page article")
_EN_NOT = _any(
    "didn't isn't cannot can't lacks?",
    *(
        "does(?:n't| not)",
        "do not",
        "did not",
        "is not",
        "contains? no",
        "provides? no",
        "has no",
        "makes no",
        "gives no",
    ),
)
_EN_TELL = _any(
    r"mention contain provide specif\w+ include state say give enough information answer indicate show"
    " reveal clear"
)
_REFUSALS = re.compile(
    rf"{_KO_SOURCE}{_KO_WHERE}?\s[^.。]{{0,60}}{_KO_LACKS}"
    r"|(?:죄송|미안|유감)[^.。]{0,10}[.,]?\s[^.。]{0,80}(?:수\s?없|없습니다|못\s?(?:하|합)|어렵습니다|않습니다)"
    r"|(?:관련|해당)\s?(?:된\s)?(?:정보|내용)(?:가|이|를|을|은|는)?\s?(?:찾을\s?수\s?)?없"
    r"|정보가\s(?:부족|충분하지\s?않|제공되지\s?않|주어지지\s?않)"
    r"|(?:답변|대답|답)(?:을|를)?\s?(?:드릴|할|제공할)\s?수(?:가)?\s?없"
    r"|(?:ai|인공지능|언어)\s?(?:언어\s)?(?:모델|어시스턴트|비서)(?:로서|이므로|이기|입니다)"
    rf"|\b(?:{_EN_PAPER}|information provided|provided information)\b"
    rf"[^.]{{0,30}}?\b{_EN_NOT}\b[^.]{{0,30}}?(?:\b{_EN_TELL}\b|$)"
    r"|\b(?:not|isn't) "
    r"(?:mentioned|specified|stated|provided|given|found|included|available|described|explicitly \w+)"
    rf" in the (?:\w+ )?{_EN_PAPER}"
    r"|\bno (?:information|mention|details?) (?:about|on|of|regarding|is|are|was|in)\b"
    r"|\b(?:i(?: a|')m|i am) (?:sorry|unable|afraid|not able)\b"
    r"|\bi (?:apologi[sz]e|cannot|can't|could not|couldn't|do not know|don't know)\b"
    r"|\bas an? (?:ai|language model)\b"
    r"|\b(?:cannot|can't|could not) be (?:determined|answered|found|inferred) (?:from|based on|in|with)\b"
    r"|\b(?:insufficient|not enough) (?:information|context|data)\b"
)
_REFUSAL_WHOLE = re.compile(
    r"(?:(?:잘\s)?모르겠(?:습니다|어요)|알 수 없(?:습니다|음)|(?:정보|언급|해당(?: 사항)?) 없음"
    r"|(?:답변|확인) 불가)[.!]?"
    r"|(?:n/?a|none|null|nan|unknown|not (?:available|applicable|specified|mentioned|provided|found|stated)"
    r"|no (?:answer|information)|i don'?t know|unanswerable)[.!]?"
)
# Every refusal holds one of these; looking for them first is ten times as fast.
_KO_REFUSAL_SIGNS = "없 않 못 어렵 모르 부족 불가 모델 비서 어시스턴트"
_EN_REFUSAL_SIGNS = (
    "not n't sorry unable afraid apolog lack model insufficient know n/a none null na unanswer"
)
_REFUSAL_SIGNS = (*_KO_REFUSAL_SIGNS.split(), *_EN_REFUSAL_SIGNS.split(), "no ", "as an ai")
_REFUSAL_LONGEST = 300  # characters; a longer answer says more than no
_REFUSAL_WITHIN = 160  # characters; a refusal says so at once


def refusal(row: Row) -> Verdict:
    """The answer is not 'I do not know' or 'the context does not say'."""
    if len(row.output) > _REFUSAL_LONGEST:
        return True
    text = row.output.replace("’", "'").casefold()
    if not any(sign in text for sign in _REFUSAL_SIGNS):
        return True
    found = _REFUSALS.search(text)
    if _REFUSAL_WHOLE.fullmatch(text) or (found and found.start() < _REFUSAL_WITHIN):
        return False, "the answer says that it cannot answer"
    return True


_CUT_WORD = re.compile(
    r"(?:^|\s)(?:그리고|그러나|하지만|그런데|그래서|따라서|또한|또는|혹은|및|왜냐하면|예를\s?들어|예를\s?들면|즉)$"
    r"|\s(?:and|or|the|an?|of|because|but|which|whose|its|their|your|our|my|than|such as|e\.g\.)$"
    r"|[,，、;]$|[A-Za-z가-힣][-–]$"
)
_BRACKETS = {
    "(": ")",
    "[": "]",
    "{": "}",
    "「": "」",
    "『": "』",
    "《": "》",
    "〈": "〉",
    "“": "”",
    "（": "）",
    "【": "】",
}
_OPENERS = re.compile("[" + re.escape("".join(_BRACKETS)) + '"]')


def truncated_answer(row: Row) -> Verdict:
    """The answer does not stop in the middle: a conjunction or article, a comma, an open bracket or quote."""
    answer = row.output
    end = _CUT_WORD.search(answer[-40:])
    if end:
        return False, f"the answer breaks off after {end[0].strip()!r}"
    if not _OPENERS.search(answer):
        return True
    for opening, closing in _BRACKETS.items():
        last = answer.rfind(opening)
        if last >= 0 and answer.count(opening) > answer.count(closing) and closing not in answer[last:]:
            return False, f"the answer breaks off: {opening} is never closed"
    if len(re.findall(r'(?<!\d)"', answer)) % 2 and not re.search(r'\d"', answer):
        return False, "the answer breaks off: a quotation is never closed"
    return True


# --- damage -------------------------------------------------------------------------------------------

_LOST = re.compile(
    "\ufffd|ï¿½|(?:[?？]{2,}[ ,.]*){3,}|(?:[ìíëêãåæçèé][\x80-\xbf‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œžŸ ]{1,2}){3,}"
    "|(?:Ã[\x80-\xbf]){2,}|â€.|[\ue000-\uf8ff]{3,}|\\(cid:\\d+\\)|/C\\d{2,3}/C\\d{2,3}"
)
_HIGH = re.compile("[\xa1-\xfe]")
# All of these hold one of the following or of three signs; looking for it first is several times as fast.
_SUSPECT = re.compile("[\xa1-\xff\ue000-\uf8ff\uff1f\ufffd]")


def mojibake(row: Row) -> Verdict:
    """No text holds characters that a wrong decoding left and no repair could bring back."""
    for text in (row.instruction, row.output, row.input):
        suspect = "??" in text or "(cid:" in text or "/C" in text
        if not suspect and (text.isascii() or not _SUSPECT.search(text)):
            continue
        lost = _LOST.search(text)
        if lost:
            return False, f"characters were lost before the text got here: {lost[0][:12]!r}"
        high = len(_HIGH.findall(text))
        if high >= 6 and 2 * high > len(text):
            return False, "the text was decoded in the wrong encoding"
    return True


def repetition(row: Row) -> Verdict:
    """Neither text runs in a loop: the same one to twenty words four times on end, for half of it."""
    for text in (row.output, row.instruction):
        if len(text) < 24:
            continue
        words = text.split()
        if 2 * len(set(words)) <= len(words) and _loops(words):
            return False, f"the text repeats itself: {' '.join(words)[-40:]!r}"
        if len(text) > 12 * len(words) and _loops(list(text)):
            return False, f"the text repeats itself: {text[-40:]!r}"
    return True


def _loops(units: list[str]) -> bool:
    for period in range(1, min(20, len(units) // 4) + 1):
        run = best = 0
        for i in range(period, len(units)):
            run = run + 1 if units[i] == units[i - period] else 0
            best = max(best, run)
        if best >= 3 * period and best + period >= max(8, len(units) // 2):
            return True
    return False


def wrong_language(row: Row, wanted: str) -> Verdict:
    """The question is in the project's language (ko or en)."""
    found = language(row.instruction)
    if found != wanted and any(map(str.isalpha, row.instruction)):
        name = {"ko": "Korean", "en": "English", "other": "another language"}
        return False, f"the question is in {name[found]}, the project's language is {name[wanted]}"
    return True


# --- noted, not rejected ------------------------------------------------------------------------------

_UNSPACED = re.compile(r"[가-힣A-Za-z]")
_UNSPACED_FROM = 20  # letters


def missing_spaces(text: str) -> bool:
    """Whether a text of twenty or more Hangul or Latin letters has no space at all."""
    return (
        len(text) >= _UNSPACED_FROM
        and not re.search(r"\s", text)
        and len(_UNSPACED.findall(text)) >= _UNSPACED_FROM
    )
