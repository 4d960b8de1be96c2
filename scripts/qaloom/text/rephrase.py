"""The same question in another form, by rules: the provider `rules`, Korean and English.

A rule fires only where the ending of the question decides its meaning; everything before the ending is
kept as it stands, so numbers, names and quotes are never touched. What no rule surely covers gets no
rewrite. The tables below are the knowledge; the functions only apply them.
"""

import re
from collections.abc import Callable, Iterator

_LONGEST = 300  # characters; longer questions are whole paragraphs, whose ending decides little


def rewrite(question: str) -> list[str]:
    """Other forms of a question with the same meaning, the most different first; [] where no rule is sure."""
    text = " ".join(question.split()).replace("？", "?")
    if not text or len(text) > _LONGEST or "?" in text[:-1]:
        return []
    lead, last = _split_lead(text)
    variants = _korean(last) if re.search("[가-힣]", last) else _english(last)
    joined = [lead + (_lower_first(v) if lead.endswith("; ") else v) for v in variants]
    return [variant for variant in dict.fromkeys(joined) if variant != text]


def josa(word: str, pair: str) -> str | None:
    """The particle of `pair` ('은/는', '이/가', '을/를': after a consonant / after a vowel) that fits a word.

    None where the spelling does not tell how the word is spoken (Latin words; capitals are spelled out).
    """
    spoken = re.sub(r"[\W_]+$", "", word)
    after_consonant, after_vowel = pair.split("/")
    if not spoken:
        return None
    last = spoken[-1]
    if "가" <= last <= "힣":
        return after_consonant if _final(last) else after_vowel
    if last.isascii() and last.isdigit():
        return after_consonant if last in "013678" else after_vowel
    if re.search(r"(?:^|[^A-Za-z])[A-Z]+$", spoken):
        return after_consonant if last in "LMNR" else after_vowel
    return None


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# --- Korean: tables ----------------------------------------------------------------------------------

_WH = r"(?:어디|언제|누구|무엇|뭐|얼마|며칠|(?:몇|무슨|어떤|어느) [^\s,]+?)"
_COPULA = r"(?:인가요|입니까|이에요|예요|인지요|일까요)"
_TELL = (
    r"(?:(?:알려|말해|말씀해|가르쳐) ?(?:주세요|주십시오|줘|주시겠어요|주실 수 있나요)|"
    r"궁금합니다|궁금해요|알고 싶습니다|알고 싶어요)"
)
_PARTICLES = {"은": "은/는", "는": "은/는", "이": "이/가", "가": "이/가", "을": "을/를", "를": "을/를"}

# What one asks of a noun: '주소를 알려 주세요' asks what '주소는 어디인가요?' asks.
_ASKS = {
    "어디인가요": "주소 위치 장소 소재지",
    "언제인가요": "날짜 시기 시각 일시 기념일 생일 마감일 만료일 출시일 발급일 시행일 설립일 발행일 개최일",
    "누구인가요": "담당자 책임자 강사 원장 대표이사 저자 작성자 설립자 창립자 회장 사장 관리자 사람",
    "얼마인가요": "비용 가격 금액 요금 수강료 수수료 이용료 지급액 지원금 한도 무게 중량 높이 길이 너비 "
    "깊이 온도 압력 용량 면적 속도 금리 이자율 세율 비율 점수 액수 벌금 과태료 등록금 "
    "예산 단가 수량",
    "무엇인가요": "이름 명칭 제목 절차 조건 방법 이유 원인 목적 색 색깔 색상 재질 종류 소속 의미 정의 "
    "역할 기능 특징 장점 단점 별명 방식 주제 모델명 제품명 비밀번호 번호 코드 기준 요건 "
    "대상 원칙 목표 차이점 효과 용도 성분 재료 준비물 도구",
    "몇 번인가요": "전화번호 내선번호 내선 번호 전화 번호 내선",
    "어떻게 되나요": "연락처 성함 일정 주기 간격 기간 시간 기한 대수 연령 나이",
}
_ATTRIBUTES = {
    noun: ask for ask, nouns in _ASKS.items() for noun in re.findall(r"(?:내선|전화) 번호|\S+", nouns)
}
# Things that stand somewhere, so that 'where is it' asks for a position (where a difference lies does not).
_PLACES = _words(
    "센터 본원 본사 지사 지점 식당 사무실 사무소 창고 출구 입구 집결지 도서관 병원 학교 정류장 주차장 "
    "회의실 강당 건물 공장 연구소 연수원 교육원 화장실 매장 은행 약국 우체국 터미널 공항 체육관 "
    "박물관 미술관 휴게실 자판기 소화기 서버실 전산실 데스크 창구 게시판 보관함 승강장 엘리베이터 "
    "비상구 대피소 대학교 캠퍼스 구청 시청 경찰서 소방서 본관 별관 신관"
)
# Adjectives embed as '-(으)ㄴ지' where verbs take '-는지': 많나요 -> 많은지, 하나요 -> 하는지.
_SHORT_ADJECTIVES = {
    "크": "큰", "작": "작은", "많": "많은", "높": "높은", "낮": "낮은", "길": "긴", "기": "긴",
    "짧": "짧은", "굵": "굵은", "맑": "맑은", "젊": "젊은", "맵": "매운", "곱": "고운", "넓": "넓은",
    "좁": "좁은", "좋": "좋은", "같": "같은", "쉽": "쉬운", "멀": "먼", "머": "먼", "얇": "얇은",
    "깊": "깊은", "얕": "얕은", "춥": "추운", "덥": "더운", "밝": "밝은", "붉": "붉은", "옳": "옳은",
}  # fmt: skip
_LONG_ADJECTIVES = {
    "나쁘": "나쁜", "다르": "다른", "어렵": "어려운", "가깝": "가까운", "무겁": "무거운",
    "가볍": "가벼운", "두껍": "두꺼운", "빠르": "빠른", "느리": "느린", "비싸": "비싼", "뜨겁": "뜨거운",
    "차갑": "차가운", "어둡": "어두운", "아프": "아픈", "바쁘": "바쁜", "롭": "로운", "럽": "러운",
    "싶": "싶은", "알맞": "알맞은", "드물": "드문", "드무": "드문", "어떻": "어떠한", "그렇": "그러한",
    "아니": "아닌",
}  # fmt: skip
# Of 하다 the adjectives. The short ones count only as whole words: 급하나요, but 지급하나요 is a verb.
_HA_ADJECTIVES = tuple(
    f"{noun}하"
    for noun in _words(
        "가능 필요 중요 유효 안전 위험 편리 불편 다양 동일 적합 적절 적정 정확 충분 부족 저렴 간단 "
        "복잡 단순 건강 뚜렷 비슷 유사 유리 불리 유일 특별 당연 타당 정당 심각 시급 따뜻 시원 조용 "
        "깨끗 튼튼 견고 단단 풍부 우수 탁월 명확 분명 확실 민감 취약 투명 엄격 공정 평등 균등 일정 "
        "고유 무관 공평 원활 양호 미흡 완전 완벽 상이 신속 친절 성실 유명 유용 무해 유해 청결 신선 "
        "과도 미미 막대 방대 희귀 지저분 세밀 섬세 정밀"
    )
)
_SHORT_HA_ADJECTIVES = frozenset(f"{noun}하" for noun in _words("편 강 약 심 급 진 연 흔 귀 착 순 독"))
# Words that could be either, or whose stem the ending hides: no rule.
_UNSURE_STEMS = frozenset(_words("적 싸 짜 달 낫 않 누구 언제 어디 무엇 얼마 뭐"))
# Stems of verbs in -이다, whose '-입니까' is not the copula: as whole words (보입니까, but 정보입니까), as
# endings, and those that are nouns as well (줄입니까).
_VERBS_IN_I = frozenset(_words("보 쓰 놓 붙 높 쌓 섞 묶 덮 깎 꺾 끓 닦"))
_ENDINGS_IN_I = ("움직", "기울", "받아들", "끌어들", "돋보", "엿보", "선보", "쓰러뜨")
_NOUNS_OR_VERBS_IN_I = frozenset(_words("모 줄 들 죽 속 숙 늘 절 파 고 녹 벌 먹 트 꼬 달"))
# Whole last words in the polite informal style, whose stem cannot be computed.
_CASUAL = {
    "돼요": "되는지", "되요": "되는지", "있어요": "있는지", "없어요": "없는지", "해요": "하는지",
    "가요": "가는지", "와요": "오는지", "나와요": "나오는지", "줘요": "주는지", "걸려요": "걸리는지",
    "열려요": "열리는지", "닫혀요": "닫히는지", "잠겨요": "잠기는지", "필요해요": "필요한지",
    "가능해요": "가능한지", "시작해요": "시작하는지", "끝나요": "끝나는지", "연락해요": "연락하는지",
    "저장돼요": "저장되는지", "받아요": "받는지", "써요": "쓰는지", "뭐예요": "무엇인지",
    "뭔가요": "무엇인지", "뭡니까": "무엇인지", "있을까요": "있는지", "없을까요": "없는지",
    "될까요": "되는지",
}  # fmt: skip


# --- Korean: rules -----------------------------------------------------------------------------------


def _korean(sentence: str) -> list[str]:
    mark = sentence[-1] if sentence[-1] in ".?" else ""
    body = sentence.rstrip(".?").rstrip()
    if re.search(r"(?:나요|까요?|가요|예요|에요|어요),", body):
        return []  # two questions in one
    rules: tuple[Callable[[str], list[str]], ...] = (_where_it_stands, _attribute, _tell_me)
    for rule in rules:
        if variants := rule(body):
            return variants
    if mark == "?" and (variants := _bare_noun(body)):
        return variants
    clause = _clause(body)
    return [] if clause is None else _ask_for_clause(clause)


def _ask_for_clause(clause: str) -> list[str]:
    return [f"{clause} 알려 주세요.", f"{clause} 궁금합니다.", f"{clause} 알고 싶습니다."]


def _where_it_stands(body: str) -> list[str]:
    """X는 어디인가요? / X는 어디에 있나요?, where X is a place."""
    there = r"어디(?:인가요|입니까|예요|에 ?(?:있나요|있습니까|있어요|위치해 있나요|위치하나요|위치합니까))"
    match = re.fullmatch(rf"(.+?)(은|는|이|가) {there}", body)
    if not match or not match[1].endswith(_PLACES) or _has_topic(match[1], match[2]):
        return []
    return [
        f"{match[1]}의 위치를 알려 주세요.",
        *_ask_for_clause(f"{match[1]}{_turn(match, '이/가')} 어디에 있는지"),
    ]


def _attribute(body: str) -> list[str]:
    """X의 주소는 어디인가요?, X의 비용은 어떻게 되나요?: an attribute noun and a copula."""
    match = re.fullmatch(
        rf"(.+?)(은|는|이|가) (?:{_WH}{_COPULA}|뭔가요|뭡니까|어떻게 되(?:나요|죠|는지요)|어떻게 됩니까)",
        body,
    )
    if not match or _asks(match[1]) is None or _has_topic(match[1], match[2]):
        return []
    noun, topic, thing = match[1], _turn(match, "은/는"), _turn(match, "을/를")
    return [f"{noun}{thing} 알려 주세요.", f"{noun}{topic}?", f"{noun}{_turn(match, '이/가')} 궁금합니다."]


def _tell_me(body: str) -> list[str]:
    """X를 알려 주세요, X가 궁금합니다, ...인지 알려 주세요."""
    match = re.fullmatch(rf"(?:(.+?[ㄱ-힣\w)\]'\"’”])(을|를|이|가) |(.+지) ){_TELL}", body)
    if not match:
        return []
    if clause := match[3]:
        return _question_of(clause) + [v for v in _ask_for_clause(clause) if v.rstrip(".") != body]
    noun = match[1]
    if not _fits(noun, match[2]) or (match[2] in "이가" and "궁금" not in body):
        return []
    topic, thing, subject = (_turn(match, pair) for pair in ("은/는", "을/를", "이/가"))
    asked = _asks(noun)
    head = [f"{noun}{topic} {asked}?"] if asked else []
    variants = [
        *head,
        f"{noun}{subject} 궁금합니다.",
        f"{noun}{thing} 알고 싶습니다.",
        f"{noun}{thing} 알려 주세요.",
    ]
    return [variant for variant in variants if variant.rstrip(".") != body]


def _question_of(clause: str) -> list[str]:
    """...어디인지 -> ...어디인가요? (the copula only; a verb's ending is not told by '-는지')."""
    match = re.fullmatch(rf"(.*(?:^|\s)){_WH}인지", clause)
    return [f"{clause[:-1]}가요?"] if match else []


def _bare_noun(body: str) -> list[str]:
    """X는? and, for an attribute noun, X?"""
    match = re.fullmatch(r"(.+?)(은|는)", body)
    noun = match[1] if match and _fits(match[1], match[2]) else body
    known = _asks(noun)
    if (
        re.search(_WH + "|왜|어떻게", noun)
        or (noun == body and known is None)
        or noun.endswith(("에서", "에", "면", "로"))
    ):
        return []
    topic, thing = (_turn(match, p) if match else josa(noun, p) for p in ("은/는", "을/를"))
    if thing is None:
        return []
    head = [f"{noun}{topic} {known}?"] if known else []
    return [*head, f"{noun}{thing} 알려 주세요.", f"{noun}{thing} 알고 싶습니다."]


def _clause(body: str) -> str | None:
    """The question as an embedded clause, 언제 시작하는지; None where the ending is unsure."""
    head, _, word = body.rpartition(" ")
    whether = _whether(word)
    if whether is None:
        return None
    clause = f"{head} {whether}".strip()
    # The topic right before the asked word is the subject of the copula: 주소는 어디인지 -> 주소가 어디인지.
    match = re.fullmatch(rf"(.+?)(은|는) ({_WH}인지)", clause)
    if (
        match
        and _fits(match[1], match[2])
        and not re.search(r"(?:에서?|로|까지|부터|와|과|도|만|보다)$", match[1])
    ):
        return f"{match[1]}{_turn(match, '이/가')} {match[3]}"
    return clause


def _whether(word: str) -> str | None:
    """The last word with its question ending turned into '-지'."""
    if word in _CASUAL:
        return _CASUAL[word]
    if word.removesuffix("입니까") in _NOUNS_OR_VERBS_IN_I:
        return None
    for rule in (_copula_whether, _formal_whether, _plain_whether):
        if whether := rule(word):
            return whether
    return None


def _copula_whether(word: str) -> str | None:
    """무엇입니까, 누구예요, 언제일까요, 큰가요: the ending names its own form."""
    if word.endswith("입니까") and len(word) > 3:
        return f"{word[:-3]}{_copula_or_verb(word[:-3])}"
    if re.fullmatch(r"(?:어디|언제|누구|무엇|얼마)일까요", word):
        return f"{word[:-3]}인지"
    if re.fullmatch(r".*[가-힣](?:예요|이에요)", word) and not re.search(
        r"(?:거|아니|뭐)(?:예요|이에요)$", word
    ):
        return f"{word[: -3 if word.endswith('이에요') else -2]}인지"
    if re.fullmatch(r".+(?:인|는|한|은|운)가", word):  # the plain style: 무엇인가, 해야 하는가
        return f"{word[:-1]}지"
    if re.fullmatch(r".+(?:가요|지요)", word) and _final(word[-3]) == _N and word[-3] not in "던간":
        return f"{word[:-2]}지"
    return None


def _copula_or_verb(stem: str) -> str:
    return "이는지" if stem in _VERBS_IN_I or stem.endswith(_ENDINGS_IN_I) else "인지"


def _formal_whether(word: str) -> str | None:
    """있습니까, 시작합니까."""
    if word.endswith("습니까"):
        stem = word[:-3]
        return None if not stem or stem.endswith("겠") or not _final(stem[-1]) else _embed(stem)
    if len(word) > 2 and word.endswith("니까") and _final(word[-3]) == _B:
        return _embed(word[:-3] + _without_final(word[-3]))
    return None


def _plain_whether(word: str) -> str | None:
    """있나요, 시작하나요."""
    return _embed(word[:-2]) if len(word) > 2 and word.endswith("나요") else None


def _embed(stem: str) -> str | None:
    if stem in _UNSURE_STEMS or stem.endswith("겠"):
        return None
    if stem in _SHORT_ADJECTIVES:
        return f"{_SHORT_ADJECTIVES[stem]}지"
    for ending, form in _LONG_ADJECTIVES.items():
        if stem.endswith(ending):
            return f"{stem[: -len(ending)]}{form}지"
    adjective = stem in _SHORT_HA_ADJECTIVES or stem.endswith(_HA_ADJECTIVES)
    return f"{stem[:-1]}한지" if adjective else f"{stem}는지"


def _asks(noun: str) -> str | None:
    """The question that the head noun of a phrase stands for (the longest known noun at its end).

    None for two nouns side by side (부서와 번호), which one question word would not cover.
    """
    if re.search(rf"[와과] |및 |, |{_WH}", noun):
        return None
    for length in range(min(len(noun), 5), 0, -1):
        if noun[-length:] in _ATTRIBUTES:
            return _ATTRIBUTES[noun[-length:]]
    return None


def _has_topic(noun: str, particle: str) -> bool:
    """Whether a phrase holds a topic of its own: '연구원은 주소가', whose parts cannot move together."""
    return particle in "이가" and any(
        w[-1] in "은는" and _fits(w[:-1], w[-1]) for w in noun.split() if len(w) > 1
    )


def _fits(word: str, particle: str) -> bool:
    """Whether a particle can follow a word; True also where the spelling does not tell."""
    return josa(word, _PARTICLES[particle]) in (None, particle)


def _turn(match: re.Match[str], pair: str) -> str:
    """The particle of `pair` for the word in group 1, told by its spelling or by the one it had (group 2)."""
    after_consonant, after_vowel = pair.split("/")
    return josa(match[1], pair) or (after_consonant if match[2] in "은이을" else after_vowel)


_N, _B = 4, 17  # places of ㄴ and ㅂ among the 28 finals of a syllable block (Unicode, chapter 3.12)


def _final(syllable: str) -> int:
    return (ord(syllable) - 0xAC00) % 28 if "가" <= syllable <= "힣" else 0


def _without_final(syllable: str) -> str:
    return chr(ord(syllable) - _final(syllable))


# --- English: tables ---------------------------------------------------------------------------------

_ASK = r"(?:(?:By|At|For|Until|Under|To|On|In|From|With) )?(?:[Ww](?:hat|hich|hom?|here|hen|hy)|[Hh]ow)"
_ASKED = rf"(?P<wh>{_ASK}(?: [\w'-]+){{0,6}}?)"
_DETERMINED = r"(?:the|a|an|our|your|my|their|its|his|her|this|these) [^,;]+?"
_ATTRIBUTE_WORDS = frozenset(
    _words(
        "name names title code codes number price prices cost costs fee fees charge weight load capacity "
        "deadline address addresses length width height depth size dimensions duration colour color limit "
        "date time hours period interval version temperature location position phone extension rate "
        "amount budget maximum minimum average password purpose role meaning definition difference "
        "differences feature features function functions advantages procedure process steps reason "
        "reasons criteria benefits objective goal topic capital population distance speed voltage term "
        "warranty guarantee mark score author owner conditions requirements"
    )
)
_THIRD_PERSON = {
    "cost": "costs", "weigh": "weighs", "last": "lasts", "take": "takes", "start": "starts",
    "begin": "begins", "end": "ends", "open": "opens", "close": "closes", "expire": "expires",
    "mean": "means", "contain": "contains", "include": "includes", "cover": "covers", "need": "needs",
    "require": "requires", "depart": "departs", "leave": "leaves", "arrive": "arrives",
    "happen": "happens", "get": "gets", "receive": "receives", "run": "runs", "work": "works",
    "hold": "holds", "say": "says", "show": "shows",
}  # fmt: skip
_STATES = _words(
    "located kept stored found based situated held open closed due available valid allowed permitted "
    "required included possible necessary free covered refundable mandatory compulsory optional"
)
_STATE = rf"(?P<state>{'|'.join(_STATES)})"
# A phrase with one of these has a verb or an attachment of its own, and its end cannot be seen.
_OPAQUE = frozenset(
    _words(
        "that which who whom whose where when if because while and or but to once after before until "
        "unless is are was were be been has have had does do did can must should may will so as than"
    )
)
_LOOSE = frozenset(_words("in on at by with from near under over during through"))
_EVENTS = _words(
    "meeting deadline drill holiday course exam examination anniversary conference training event day "
    "date ceremony interview inspection audit launch release"
)
_ACTIONS = frozenset(
    _words("quote write send go apply find call sign submit pay register contact report turn click ask enter")
)
_NOUNS_IN_ED_ING = frozenset(_words("shed bed feed building meeting parking wing ring spring ceiling"))
_MODALS = "can|could|must|should|may|will|would"


# --- English: rules ----------------------------------------------------------------------------------


def _english(sentence: str) -> list[str]:
    text = sentence[0].upper() + sentence[1:]
    if not text.isascii() and re.search(r"[^\W\d_a-zA-ZÀ-ÿ]", text):
        return []  # another script
    if re.search(r",? (?:and|or) (?:if|by|what|when|how|which|who|where|why)\b|, what|, how", text):
        return []  # two questions in one
    if told := _english_told(text):
        return told
    for rule in _ENGLISH_RULES:
        if clause := rule(text):
            return [
                f"Please tell me {clause}.",
                f"Could you tell me {clause}?",
                f"I would like to know {clause}.",
            ]
    return []


def _english_told(text: str) -> list[str]:
    """Tell me X, I would like to know X; and 'What is the weight of X?', which asks for an attribute."""
    wanted = r"(?P<x>(?:the|your|our|how|where|when|who|what|which|whether|why) .+?)"
    told = (
        r"(?:(?:Please )?(?:tell me|let me know)|(?:Can|Could) you (?:please )?tell me|I would like to know)"
    )
    if match := re.fullmatch(rf"{told} {wanted}[.?]", text, re.IGNORECASE):
        x = match["x"]
        forms = [f"Could you tell me {x}?", f"I would like to know {x}.", f"Please tell me {x}."]
        return [form for form in [*_what_is(x), *forms] if form.casefold() != text.casefold()]
    stated = re.fullmatch(
        r"(?:Please )?(?:state|give|specify) (?P<x>(?:the|your|our) .+)\.", text, re.IGNORECASE
    )
    match = stated or re.fullmatch(r"What (?:is|are) (?P<x>(?:the|your|our|its|their) .+)\?", text)
    if not match or _attribute_word(match["x"]) is None:
        return []
    x = match["x"]
    return [
        *(_what_is(x) if stated else []),
        f"Please tell me {x}.",
        f"Could you tell me {x}?",
        f"I would like to know {x}.",
    ]


def _what_is(phrase: str) -> list[str]:
    word = _attribute_word(phrase)
    if word is None or " and " in phrase.split(" of ")[0]:
        return []
    return [f"What {'are' if re.search('[^s]s$', word) else 'is'} {phrase}?"]


def _attribute_word(phrase: str) -> str | None:
    """The head noun of a phrase such as 'the weight limit for the harness', where it is a known attribute."""
    head = re.split(r" (?:of|for|to|on|in|at|from|that|which|per|between) ", phrase)[0].split()[-1]
    ends_open = phrase.split()[-1] in ("of", "for", "to", "on", "in", "at", "by", "from", "with", "about")
    definite = phrase.split()[0] in ("the", "your", "our", "its", "their")
    return head if definite and head in _ATTRIBUTE_WORDS and not ends_open else None


def _pronoun(text: str) -> str | None:
    """By when do I have to pay? -> by when I have to pay. Only a pronoun shows where the subject ends."""
    match = re.fullmatch(rf"{_ASKED} (?P<aux>{_MODALS}|do) (?P<s>I|we|they|you) (?P<rest>.+)\?", text)
    if not match:
        return None
    asked, verb = _lower_first(match["wh"]), match["rest"].split()[0]
    if match["aux"] == "do" and (match["s"] != "I" or verb in ("need", "have", "get", "want")):
        return f"{asked} {match['s']} {match['rest']}"
    if match["aux"] == "do":  # where do I write -> where to write, but never 'when to receive'
        to_do = asked == "how" or (verb in _ACTIONS and re.match(r"where|which|what|whom?", asked))
        return f"{asked} to {match['rest']}" if to_do else None
    return f"{asked} {match['s']} {match['aux']} {match['rest']}"


def _last_verb(text: str) -> str | None:
    """How long does the battery last? -> how long the battery lasts."""
    verbs = "|".join(_THIRD_PERSON)
    match = re.fullmatch(rf"{_ASKED} (?P<aux>does|do) (?P<s>[^,;]+?) (?P<v>{verbs})\?", text)
    if not match or not _closed(match["s"], _OPAQUE):
        return None
    verb = match["v"] if match["aux"] == "do" else _THIRD_PERSON[match["v"]]
    return f"{_lower_first(match['wh'])} {match['s']} {verb}"


def _passive(text: str) -> str | None:
    """How often must the filter be replaced? -> how often the filter must be replaced."""
    match = re.fullmatch(rf"{_ASKED} (?P<aux>{_MODALS}) (?P<s>[^,;]+?) be (?P<rest>[^,;]+)\?", text)
    if not match or not _closed(match["s"], _OPAQUE):
        return None
    return f"{_lower_first(match['wh'])} {match['s']} {match['aux']} be {match['rest']}"


def _where_when(text: str) -> str | None:
    match = re.fullmatch(rf"(?P<wh>Where|When) (?P<be>is|are) (?P<s>{_DETERMINED})(?: {_STATE})?\?", text)
    if not match or not _closed(match["s"], _OPAQUE | _LOOSE):
        return None
    last, state = match["s"].split()[-1], match["state"]
    done = last.endswith(("ed", "ing")) and last not in _NOUNS_IN_ED_ING
    if not state and (done or (match["wh"] == "When" and last not in _EVENTS) or last in _ADJECTIVES):
        return None
    return " ".join(filter(None, (match["wh"].lower(), match["s"], match["be"], state)))


def _who(text: str) -> str | None:
    if match := re.fullmatch(
        r"Who (?P<be>is|are) (?P<rest>(?:responsible|eligible|entitled|in charge)\b[^,;]+)\?", text
    ):
        return f"who {match['be']} {match['rest']}"
    if match := re.fullmatch(r"Who (?P<be>is|was|are|were) (?P<s>(?:the|our|your) [^,;]+)\?", text):
        closed = _closed(match["s"], _OPAQUE) and len(match["s"].split()) < 9
        return f"who {match['s']} {match['be']}" if closed else None
    match = re.fullmatch(r"Who (?!is |was |does |has |'s )(?P<v>[a-z]+[^s\W]s) (?P<rest>[^,;]+)\?", text)
    return f"who {match['v']} {match['rest']}" if match else None


def _degree(text: str) -> str | None:
    """How long is the warranty? What colour is the valve?"""
    degree = "long|much|old|tall|high|heavy|big|large|wide|deep|far"
    asked = rf"(?P<wh>(?:How|For how) (?:{degree})|(?:What|Which) (?:colour|color|size|shape))"
    match = re.fullmatch(
        rf"{asked} (?P<be>is|are) (?P<s>{_DETERMINED})(?: (?P<state>valid|open|available|closed))?\?", text
    )
    if not match or not _closed(match["s"], _OPAQUE) or match["s"].split()[-1] in _ADJECTIVES:
        return None
    return " ".join(filter(None, (_lower_first(match["wh"]), match["s"], match["be"], match["state"])))


def _what_passive(text: str) -> str | None:
    """What are the gloves made of? -> what the gloves are made of."""
    match = re.fullmatch(rf"What (?P<be>is|are) (?P<s>{_DETERMINED}) (?P<v>made of|called|used for)\?", text)
    return f"what {match['s']} {match['be']} {match['v']}" if match and _closed(match["s"], _OPAQUE) else None


def _superlative(text: str) -> str | None:
    """Which room is the largest? Which month has the tallest bar? The asked words are the subject already."""
    best = r"(?:[a-z]+est|most [a-z]+|least [a-z]+|most|best|worst|first|last|only)"
    match = re.fullmatch(
        rf"(?P<wh>Which|What) (?P<s>[\w' -]+?) (?P<be>is|are|has|have) (?P<rest>the {best}\b[^,;]*)\?", text
    )
    return f"{match['wh'].lower()} {match['s']} {match['be']} {match['rest']}" if match else None


def _yes_no(text: str) -> str | None:
    if match := re.fullmatch(rf"(?P<aux>{_MODALS.title()}|Do) (?P<s>I|we|they) (?P<rest>[^,;]+)\?", text):
        aux = "" if match["aux"] == "Do" else f"{match['aux'].lower()} "
        return f"whether {match['s']} {aux}{match['rest']}"
    if match := re.fullmatch(r"(?P<be>Is|Are) (?P<s>there|it|they) (?P<rest>[^,;]+)\?", text):
        return f"whether {match['s']} {match['be'].lower()} {match['rest']}"
    match = re.fullmatch(rf"(?P<be>Is|Are) (?P<s>[^,;]+?) {_STATE}(?P<rest>(?: [^,;]+)?)\?", text)
    if not match or not _closed(match["s"], _OPAQUE | _LOOSE):
        return None
    return f"whether {_lower_first(match['s'])} {match['be'].lower()} {match['state']}{match['rest']}"


_ADJECTIVES = frozenset(
    _words("busy safe legal visible useful good best common dangerous cheap cheapest worth like heavy full")
)
_ENGLISH_RULES = (
    _pronoun, _last_verb, _passive, _where_when, _who, _degree, _what_passive, _superlative, _yes_no,
)  # fmt: skip


def _closed(phrase: str, opaque: frozenset[str]) -> bool:
    """Whether a noun phrase surely ends where it seems to."""
    return not any(word.lower() in opaque for word in phrase.split())


def _lower_first(text: str) -> str:
    return text if re.match(r"I\b|[A-Z]{2}", text) else text[0].lower() + text[1:]


# --- sentences ---------------------------------------------------------------------------------------


def _split_lead(text: str) -> tuple[str, str]:
    """What stands before the last sentence ('I cycle to work; '), and the last sentence."""
    starts = [m.end() for m in _sentence_ends(text)]
    return (text[: starts[-1]], text[starts[-1] :]) if starts else ("", text)


def _sentence_ends(text: str) -> Iterator[re.Match[str]]:
    abbreviations = r"(?<!\bMr)(?<!\bDr)(?<!\bNo)(?<!\bSt)(?<!\bvs)(?<!\bMrs)(?<!\betc)(?<!\be\.g)(?<!\bi\.e)"
    return re.finditer(rf"(?<=[a-z가-힣]){abbreviations}[.;] (?=\S)", text)
