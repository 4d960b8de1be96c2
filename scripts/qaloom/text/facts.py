"""Facts of two similar texts: they must be the same in both before one may stand for the other.

Similarity counts characters, and one character can turn a fact into another: 3 days or 5, AB-12X or AB-12Y,
is or is not, 이상 or 이하. Values come first (see `values`), then the words (see `differences`). A wrong refusal
leaves two rows where one would do; a wrong merge loses a fact, so doubt refuses.
"""

import re
from collections import Counter
from functools import lru_cache

from qaloom.text import differences as wording
from qaloom.text import korean
from qaloom.text.canonical import canonical_notation
from qaloom.text.characters import normal
from qaloom.text.differences import Difference
from qaloom.text.endings import stem
from qaloom.text.normalize import comparison_key
from qaloom.text.spelling import Counts
from qaloom.text.values import figures, same_codes, same_numbers, same_values

__all__ = [
    "Difference",
    "factual_difference",
    "figures",
    "polarity",
    "respaced",
    "same_codes",
    "same_facts",
    "same_numbers",
    "same_values",
]


_LABEL = re.compile(r"\A\s*+(?:Q|A|질문|답변?|문)\s?[.:)]\s+")
_CLOSING = re.compile(
    r"(?<=[.!?。])\s*(?:이상입니다|이상|끝|감사합니다|That is all|That's all|Thank you)\s?[.!]?\s*$", re.I
)


def without_labels(text: str) -> str:
    """A text without a leading 'Q.' or 'A.' and a closing 'That is all.'."""
    label = _LABEL.match(text)
    text = text[label.end() :] if label else text
    return (
        _CLOSING.sub("", text) if len(text) < _CLOSED else text[:-_CLOSED] + _CLOSING.sub("", text[-_CLOSED:])
    )


_CLOSED = 40  # characters at a text's end in which a closing is looked for


def respaced(one: str, other: str) -> bool:
    """Whether two texts differ in spaces alone, none of them between two digits."""
    return one == other or _without_spaces(one) == _without_spaces(other)


@lru_cache(maxsize=1 << 14)
def _without_spaces(text: str) -> str:
    return "".join(_GAP.sub("\uff65", normal(text)).split())


_GAP = re.compile(r"(?<=[0-9])\s+(?=[0-9])")


def factual_difference(one: str, other: str, words: Counts | None = None) -> Difference:
    """How far apart two raw texts are: OTHER with other values, else as worded."""
    one, other = without_labels(one), without_labels(other)
    if respaced(one, other):
        return Difference.HARMLESS
    if not same_values(one, other):
        return Difference.OTHER
    return wording.difference(one, other, words or Counter())


def same_facts(one: str, other: str) -> bool:
    """Whether values and polarity of two raw texts are the same; the quickest to tell apart first."""
    if one == other:
        return True
    return same_values(one, other) and polarity(one) == polarity(other)


# --- polarity -----------------------------------------------------------------------------------------

_ENGLISH_NEGATIONS = frozenset(
    str.split(
        "not no never none nobody nothing neither nor without cannot except unless hardly rarely exclude"
        " excludes excluded excluding forbidden prohibited prohibit prohibits deny denied refuse refused"
        " lack lacks fail fails failed"
    )
)
_NEGATED_WORD = re.compile(
    r"(?:un(?!i|der|til|cle)|non(?!e)|dis(?:able|allow|approv|connect|continu|agree)|im(?:possib|proper)|"
    r"in(?:valid|activ|complet|correct|eligib|access|suffici|compat|visib|secur|adequa|appropri|sensit|flamm)|"
    r"ir(?:regul|relev|revers)|il(?:legal|legib))[a-z]*"
)
_TURNS = tuple(
    str.split(
        "이상 이하 초과 이내 이전 이후 직전 직후 최대 최소 최고 최저 상한 하한 증가 감소 가능 불가능"
        " 허용 포함 유료 무료 의무 선택 필수 찬성 입금 출금 입사 퇴사 입구 출구 시작 종료 마감 수입 지출"
        " 매입 매출 내부 외부 국내 해외 왼쪽 오른쪽 위쪽 아래쪽 앞 뒤 전에 후에 오전 오후 상반기 하반기"
        " 남성 여성 개인 법인 평일 주말 주간 야간 신청 취소 승인 반려 설치 제거 열 닫 켜 켠 켤 켭 꺼 끄"
        " 끈 끌 끕 이용 예약 등록 해지 가입 탈퇴 인상 인하 상승 하락 확대 축소 연장 단축 합격"
        " 탈락 출발 도착 대출 반납 승차 하차 입장 퇴장 입학 졸업 전입 전출 상행 하행 양성 음성 흑자 적자"
        " 임대 임차 정상 고장 공개 비밀 켬 끔 늘리 줄이 늘어 줄어 올리 내리 높 낮 짧 많 빠르 느리 더하"
        " 빼 붙이 떼 넣 빌리 잠그 플러스 마이너스 before after minimum maximum min max least most above"
        " below over under more less fewer increase decrease start end begin finish open close opens"
        " closes opening closing left right up down in out on off inside outside internal external upper"
        " lower enable enabled allow allowed include included first last earliest latest longest"
        " shortest am pm morning afternoon evening import export buy sell male female indoor outdoor"
        " upload download send receive encrypt decrypt accept reject lock unlock weekdays weekends day"
        " night"
    )
)


_ENGLISH_TURNS = frozenset(turn for turn in _TURNS if turn.isascii())
_KOREAN_TURNS = tuple(turn for turn in _TURNS if not turn.isascii())


@lru_cache(maxsize=1 << 16)
def polarity(text: str) -> tuple[int, list[str], dict[str, int]]:
    """How often a text is negated, and the words that turn it round: English ones, Korean ones counted."""
    plain = canonical_notation(text).casefold().replace("’", "'")
    words, asked = _ENGLISH_WORD.findall(plain), stem(comparison_key(text))
    english = sorted(word for word in words if word in _ENGLISH_TURNS)
    turns = {turn: asked.count(turn) for turn in _KOREAN_TURNS if turn in asked}
    return korean.korean_negations(text) + _english_negations(words), english, turns


_ENGLISH_WORD = re.compile(r"[a-z']+")


def _english_negations(words: list[str]) -> int:
    return sum(
        word in _ENGLISH_NEGATIONS or word.endswith("n't") or bool(_NEGATED_WORD.fullmatch(word))
        for word in words
    )
