"""Questions that point at something which the row does not hold: 이건 어떻게 하나요?, 'In the table above, ...'"""

import re
from itertools import pairwise

from qaloom.records import Row
from qaloom.text.korean import morphemes

_LONGEST = 60  # characters of a question made of pointing words; a longer one names something
_SHORT = 10  # characters of a question that may be no more than its interrogative
_POINTS_AT = "the question points at something (이것, this) that the row does not hold"


def unclear_question(row: Row) -> str:
    """The question says what it is about, unless its context does so for it."""
    question = row.instruction
    if row.context or (len(question) > _SHORT and not _may_point(question)):
        return ""
    plain = question.replace("’", "'").strip()
    if _points_at_layout(plain) or (len(plain) <= _LONGEST and (_ko_unclear(plain) or _en_unclear(plain))):
        return _POINTS_AT
    return ""


def _words(text: str) -> tuple[str, ...]:
    return tuple(sorted(text.split(), key=len, reverse=True))


# Most questions hold none of these words, and are done.
_KO_FIRST = _words(
    "이 그 저 위 아래 해당 상기 하기 본 다음 제시 주어 여기 거기 요건 요거 고건 보기 뭐 무엇 왜"
)
_KO_LAYOUTS = _words("표 그림 사진 그래프 이미지 차트 도면 삽화 스크린샷 도식")
_EN_POINTERS = frozenset(
    _words(
        "this that it these those he she him her they them here there above below following preceding "
        "attached adjacent image images picture pictures photo photos photograph figure figures "
        "diagram graph screenshot illustration drawing"
    )
)
_POINTER_BYTES = frozenset(word.encode() for word in _EN_POINTERS)
_MARKS = bytes.maketrans(b",.?!:;'\"()", b" " * 10)


def _may_point(question: str) -> bool:
    if question.startswith(_KO_FIRST):
        return True
    if not question.isascii():
        for word in _KO_LAYOUTS:
            if word in question:
                return True
    # Bytes: of text with Hangul they are put in small letters and searched several times as fast.
    words = question.encode("utf-8", "surrogatepass").lower().translate(_MARKS).split()
    return not _POINTER_BYTES.isdisjoint(words)


# --- tables, figures and choices of a page ------------------------------------------------------------

_KO_DRAWN = r"(?:표|그림|사진|도표|그래프|이미지|차트|도면|삽화|스크린샷|도식|그림자료)"
_KO_LAYOUT = re.compile(
    r"(?:^|[\s,])(?:위|위의|위에 있는|아래|아래의|아래에 있는|상기|하기|제시된|주어진|첨부된"
    rf"|왼쪽|오른쪽)\s?{_KO_DRAWN}(?:에서|에는|에|은|는|이|가|을|를|의|와|과|속|\s속)(?=[\s,])"
    rf"|(?:^|[\s,])(?:다음|다음의|이|본|해당)\s?{_KO_DRAWN}(?:에서|에 따르면|에 의하면|을 보고"
    r"|를 보고|을 보면|를 보면|\s?속|의 빈칸|를 참고|을 참고|에 나타난|에 나온)"
    r"|^(?:다음|아래|위|보기)\s?(?:중|중에|중에서|에서|의 (?:보기|항목) 중)\s?.{0,40}?(?:옳은"
    r"|맞는|틀린|알맞은|올바른|적절한|적합한|바른|거리가 먼|아닌|해당하는|해당하지 않는|않는"
    r"|않은) (?:것|설명|내용)[은을이]?(?: 모두)?(?: (?:고르시오|고르세요|고르면|무엇인가요"
    r"|무엇입니까|어느 것인가요))?[\s?.]*$"
)
_EN_DRAWN = (
    r"(?:table|figure|image|picture|photo|photograph|chart|graph|diagram|screenshot|illustration"
    r"|drawing|map|list|code|snippet|equation)"
)
_EN_LAYOUT = re.compile(
    rf"\b(?:the|this|these) (?:above|following|preceding|attached|adjacent) {_EN_DRAWN}s?\b"
    rf"|\b(?:the|this|these) {_EN_DRAWN}s? (?:above|below|shown|on the (?:left"
    r"|right))(?=\s*[,?.!:]|$| (?:is|are|was|were|does|do|did|what|which|how|show|indicate"
    r"|represent)\b)"
    rf"|\bin (?:this|these) {_EN_DRAWN}s?\b"
    r"|\bin the (?:image|picture|photo|photograph|figure|screenshot)s?(?=\s*[,?.!]|$)"
    r"|^in the (?:diagram|graph|illustration|drawing)s?(?=\s*,)"
    r"|^which (?:one )?of the following\b(?=[^:\n]*$)|^(?:as )?(?:shown|seen|depicted) (?:above|below)\b",
    re.IGNORECASE,
)
_OPTIONS = re.compile(r"①|(?:^|[\s(])(?:1|[Aa]|가|ㄱ)[.)]\s?\S")


def _points_at_layout(question: str) -> bool:
    found = _KO_LAYOUT.search(question) or _EN_LAYOUT.search(question)
    if not found or _OPTIONS.search(question):
        return False
    # A choice that goes on after its question mark lists what there is to choose from.
    return not re.search(r"[?:]\s*\S", question[found.end() :])


# --- Korean -------------------------------------------------------------------------------------------


_THING = _words(
    "것 내용 그림 표 사진 문장 문단 단어 용어 이미지 도표 그래프 항목 경우 사람 부분 글 문서 "
    "자료 페이지 본문 텍스트 회사 제품 기관 도면"
    " 상황 문제 방법 질문 사항 조건 이유"
)
_PRONOUN = (
    r"(?:이것|그것|저것|이거|그거|저거|이게|그게|저게|이건|그건|저건|이걸|그걸|저걸|요건|요거"
    r"|고건|여기|거기|저기|이곳|그곳|저곳|이분|그분|이들|그들)"
)
_POINTER = re.compile(
    rf"{_PRONOUN}|(?:이런|그런|저런|이|그|저|위의|위|아래의|아래|해당|상기|본|다음의|다음"
    rf"|제시된|주어진)\s?(?:{'|'.join(_THING)})"
)
_PARTICLES = (
    "은요",
    "는요",
    "도요",
    "이요",
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "에서는",
    "에서",
    "에는",
    "에",
    "도",
    "의",
    "으로",
    "로",
    "만",
    "과",
    "와",
    "엔",
    "",
)
_ASK = _words(
    "무엇 뭐 뭔가 뭔 무슨 누구 누가 어디 언제 왜 어떤 어떻게 어느 몇 얼마 설명 요약 말해 "
    "알려 뭘 말 의미 뜻 나타내 가리키 보여 다루 대해 대한 관한 관해"
    " 것 내용 정보 뜻하는 말하는 의미하는 나타내는 설명하는 가리키는 보여_주는 보여주는 "
    "다루는 하는 되는 있는 쓰는 그런 그렇 이런 이렇 해야 하면 되 하 쓰 쓸 할 될 그러 안 못 "
    "더 또"
)
_TAIL = _words(
    "은 는 이 가 을 를 의 에 에서 에는 으로 로 이며 인가 인가요 입니까 인지 일까 일까요 이에요 예요 "
    "이야 야 니 지 죠 요 라고 이라고 하나 하나요 하는가 하는지 합니까 해 하세요 하시오 하십시오 해요 나 "
    "나요 는가 는가요 는지 세요 십시오 시오 줘 주나 주나요 줍니까 주는가 주는가요 주세요 주시오 되나 "
    "되나요 됩니까 되어 있나 있나요 있습니까 있는가 있는지 건가 건가요 인데 해서 한가 한가요 까 까요 다 "
    "야 해야 하죠 되죠 면 면요 돼요 돼 가요 한데 합니다 래 거 게 걸 까지 부터 쯤 정도 도 ㄴ가요 나타내 "
    "가리키 말하 뜻하 의미하 보이 뭐"
)
_FOLLOW_UP = re.compile(
    r"(?:그럼|그러면|그렇다면|근데|그런데|그리고|혹은|또)\s[^?]{1,20}[은는도]\s?요?\s?\??$"
    r"|(?:그럼|그러면|그렇다면|그래서|그런데)(?:요)?\s?\?*"
)
_THEN = re.compile(r"^(?:그럼|그러면|그렇다면|그런데|근데) ")
_ONLY_ASKS = re.compile(
    r"(?:왜|뭐|무엇|누구|어디|언제|얼마|어떻게|어떤 것|무슨 뜻|무슨 말|왜 그런|왜 그렇"
    r"|어째서)(?:요|인가요|예요|이에요|입니까|인가|이죠|죠|야|가요|하나요|되나요|합니까"
    r"|됩니까|해요|해야 하나요|그런가요|그렇죠|니)?\s?[?？.]*"
)
_INTERROGATIVE = re.compile(r"무엇|뭐|뭘|뭔|왜|어떻게|어떤|어디|언제|누가|누구|얼마|몇|무슨|어느")
_PRONOUN_FIRST = re.compile(
    rf"{_PRONOUN}(?:은|는|을|를|도|의|에서는|에서|에는|에|서는|서|로|가|이|부터|만)?\s+(?=\S)"
)
_TITLES = re.compile(r"그것이 알고|이것이 |여기 어때|거기 누구|저기 요|이게 머선")


def _ko_unclear(question: str) -> bool:
    if _FOLLOW_UP.fullmatch(question) or _ONLY_ASKS.fullmatch(_THEN.sub("", question)):
        return True
    pointer = _POINTER.match(question)
    if not pointer:
        return False
    first, _, rest = question[pointer.end() :].partition(" ")
    if _consumed(_bare(first), ("", *_PARTICLES), _TAIL) and all(_asks(word) for word in _bare(rest).split()):
        return bool(rest.strip()) or first.rstrip("?？. ") not in ("", "의")
    return _pronoun_alone(question)


def _bare(text: str) -> str:
    return text.rstrip(" ?.!？")


def _asks(word: str) -> bool:
    word = word.strip(",.?!？")
    return not word or word in ("주세요", "주시오", "주십시오", "줘") or _consumed(word, _ASK, _TAIL)


def _consumed(word: str, heads: tuple[str, ...], tails: tuple[str, ...]) -> bool:
    """Whether a word is one of the heads and then any of the tails, without backtracking."""
    ends = {len(head) for head in heads if word.startswith(head)}
    reached = set(ends)
    while ends:
        place = ends.pop()
        further = {place + len(tail) for tail in tails if word.startswith(tail, place)} - reached
        reached |= further
        ends |= further
    return len(word) in reached


def _pronoun_alone(question: str) -> bool:
    """이건 어떻게 신청하나요?: a pronoun first, what is asked next, and no further noun but that of a verb."""
    first = _PRONOUN_FIRST.match(question)
    if not first or _TITLES.match(question):
        return False
    if _INTERROGATIVE.match(question, first.end()):
        return True
    return len(question) <= 24 and not _names_something(question[first.end() :])


def _names_something(text: str) -> bool:
    tags = [morpheme.tag for morpheme in morphemes(text)]
    return any(
        tag in ("NNP", "SL", "SN", "SH") or (tag == "NNG" and following not in ("XSV", "XSA"))
        for tag, following in pairwise([*tags, ""])
    )


# --- English ------------------------------------------------------------------------------------------


def _any(words: str, *more: str) -> str:
    return f"(?:{'|'.join([*words.split(), *more])})"


_EN_THING = _any(
    "one thing image picture photo figure table chart diagram graph text passage paragraph "
    "document page section sentence word person"
    " content context author item case situation part"
)
_EN_THE = _any("this that these those the", "the (?:above|following|given|provided|shown)")
_EN_POINTER = (
    rf"(?:{_any('this that it they these those he she them him her there here')}|{_EN_THE} "
    rf"{_EN_THING}s?(?: above| below)?)"
)
_EN_ABOUT = _any(
    "about for from like called named used mean say show do describe represent indicate "
    "depict illustrate contain state discuss happening"
    " located saying showing work done happen start end begin open close cost look take",
    *("used for", "tell us", "refer to", "stand for", "talk about", "made of"),
)
_EN_IS = rf"(?:'s| {_any('is are was were does do did can should will would has have')})"
_EN_UNCLEAR = re.compile(
    r"(?:(?:and|but|so|then),? )?(?:[Ww]hat|[Ww]ho|[Ww]here|[Ww]hen|[Ww]hy|[Hh]ow"
    rf"|[Ww]hich)(?: (?:much|many|long|often|far|big|old))?{_EN_IS}? {_EN_POINTER}(?: "
    rf"{_EN_ABOUT})?(?: (?:mean|do|start|work|look like))?\s*[?.!]*"
    r"|(?:[Hh]ow|[Ww]hat|[Ww]here|[Ww]hen|[Ww]hy)(?: (?:do|does|can|should|would|could|must"
    r"|did|to)) ?(?:I|you|we|one|they)? ?(?:do|use|fix|get|find|change|make|apply for|apply"
    rf"|enable|disable|open|start|stop|see|handle|know|have) {_EN_POINTER}\s*[?.!]*"
    rf"|[Ww]hat (?:happens|happened|is happening) {_EN_POINTER}\s*[?.!]*"
    rf"|[Ww]hat (?:colou?r|size|shape|brand|model|kind|sort) (?:is|are|was) {_EN_POINTER}\s*[?.!]*"
    rf"|(?:[Ww]hat|[Hh]ow) about {_EN_POINTER}\s*[?.!]*"
    rf"|(?:[Pp]lease )?(?:[Dd]escribe|[Ee]xplain|[Ss]ummari[sz]e) {_EN_POINTER}\s*[?.!]*"
    rf"|(?:[Ii]s|[Aa]re|[Cc]an|[Dd]oes|[Dd]o|[Ww]as) {_EN_POINTER}(?: (?:true|correct|right"
    r"|possible|allowed|required|included|ok|okay|work|necessary|mandatory|free"
    r"|available))?\s*[?.!]*"
    r"|(?:[Ww]hy|[Hh]ow so|[Aa]nd then|[Ww]hat else|[Ww]hat then|[Ss]o what)\s*[?.!]+"
)


def _en_unclear(question: str) -> bool:
    return _EN_UNCLEAR.fullmatch(question) is not None
