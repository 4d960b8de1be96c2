"""Mojibake undone where that is certain: UTF-8 read as Latin-1 or CP1252 (ftfy), CP949 read as Latin-1."""

import re

_LATIN_RUN = re.compile("[\x80-\xff]+")
_BEYOND_ASCII = re.compile("[\x80-\U0010ffff]+")
# A two-byte letter (é as two characters) or quotation mark that touches no letter is an example.
_SPECIMEN = re.compile(
    "(?<![A-Za-z\xc0-\xff])Ã[\x80-\x96\x98-\x9f\xa1-\xb6\xb8-\xbf‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•"
    "–˜™š›œžŸ](?![A-Za-z\xc0-\xff])"
    "|(?<=[\\s'\"(])â€[™œ˜\x9d\x99\x9c\x98](?=[\\s'\")?.,]|$)"
)
_ABOUT_ENCODINGS = re.compile(
    r"mojibake|encod|charset|latin-?1|utf-?8|cp-?949|euc-?kr|인코딩|문자\s?집합|깨[져진짐지졌집]",
    re.IGNORECASE,
)


# Two signs of Latin-1 in a row, or one that begins a character in UTF-8 and one that goes on with it.
_DAMAGE = re.compile("[\xa1-\xfe]{2}|[\xc2-\xf4][\x80-\xa0 ‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ€]")


def may_be_mojibake(text: str) -> bool:
    """Whether a text holds signs that a wrong decoding leaves; a single °, é or ± is none."""
    return _DAMAGE.search(text) is not None


def repair_mojibake(text: str, row: str = "") -> str:
    """Undo a wrong decoding; `row` is all the text of the row, which may be about encodings.

    A row about encodings, or a single damaged letter shown by itself, is left alone unless the whole text
    is damaged, since it may be an example. French, German and mathematics are never changed.
    """
    if text.isascii() or not may_be_mojibake(text):
        return text
    korean = _from_cp949(text)
    if korean is not None:
        return korean
    # ftfy takes a twentieth of a second to import.
    from ftfy import fix_encoding

    whole = _from_utf8(text)
    if whole is None and (_ABOUT_ENCODINGS.search(row or text) or _SPECIMEN.search(text)):
        return text
    repaired = fix_encoding(text)
    return whole if whole is not None and repaired == text else repaired


# --- UTF-8 --------------------------------------------------------------------------------------------

_CP1252 = bytes(range(0x80, 0xA0)).decode("cp1252", "replace")
_TO_LATIN1 = {ord(c): 0x80 + i for i, c in enumerate(_CP1252) if c != "\ufffd"}
_THREE_BYTES = re.compile("[\xe1-\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}")


def _from_utf8(text: str) -> str | None:
    """The whole text decoded as UTF-8, twice if need be; None unless it holds characters of three bytes.

    Two bytes prove little ('Ã©' may be meant), and three are what all Hangul and Han take.
    """
    once = _strictly(text.translate(_TO_LATIN1), "utf-8")
    if once is None:
        return None
    twice = _strictly(once.translate(_TO_LATIN1), "utf-8")
    found = next((found for found in (twice, once) if found and all(map(_plausible, found))), None)
    return found if found and any(c > "\u07ff" for c in found) else None


def _strictly(text: str, encoding: str) -> str | None:
    try:
        return text.encode("latin-1").decode(encoding)
    except UnicodeError:
        return None


def _plausible(char: str) -> bool:
    point = ord(char)
    return (
        point < 0x80
        or 0xA0 <= point <= 0x17F  # Latin
        or 0x370 <= point <= 0x3FF  # Greek
        or 0x1100 <= point <= 0x11FF  # Hangul taken apart
        or 0x2010 <= point <= 0x2BFF  # punctuation, currency, arrows, mathematics, shapes
        or 0x3000 <= point <= 0x33FF  # CJK punctuation, kana, compatibility jamo, enclosed
        or 0x4E00 <= point <= 0x9FFF  # Han
        or 0xAC00 <= point <= 0xD7A3  # Hangul
        or 0xFF01 <= point <= 0xFFEE  # full and half width
        or 0x1F300 <= point <= 0x1FAFF  # emoji
        or point == 0xFE0F
    )


# --- CP949 --------------------------------------------------------------------------------------------

# The syllables that Korean text is made of. CP949 reads nearly any two Latin-1 signs as some syllable
# ('±°½¼' as 굅슨), but seldom as these.
_COMMON = frozenset(
    "가각간감갑값강갖같개객거건걷걸검겁것게겠겨격견결겼경계고곳공과관교구국군궁권규그근글금급기길까깨꺼꺾"
    "껏께꼭꽂꽃꾸끄끊끌끝나난날남납낮낯낱내낸냅냉너널넓넘넣네넷녀년념노녹농높놓뇌누눅눈뉘뉴느는늘능니닉닌"
    "님닙닝다단닫달닭담답당대댁더덕던덜덤덩데델도독돈돌돕동돼되된될됩두둑둔둘뒤드든들등디따때떠떤떻또뛰뜻"
    "라락란람랑래랜램랩랭량러런럼럽렇레렉려력련령로록론료루룰룸룹룻류르른를름릅리린릴림립링마막만많말맛망"
    "맞맡매맥맹머멀멈메멘며면명몇모목몸못무묵묶문묻물므미민밀및바박반받발밤밥방배백뱅버번범법베벨벽변별볍"
    "병볕보복본볼봄봉부북분불붙뷰브비빌빗빙빛빠빨빵뺀뽑뿌뿐사삭산살삼샀상새색생서선설섬섭성세센셋션셜소속"
    "솔송쇄쇠수숙순술숨숫쉬쉽스슨슬습승시식신실심십싶쌀쌍써썼쏟쓰쓴쓸씁씨씬아악안앉않알압았앞애액야약얇양"
    "어억언얻얼엄업없엇었엉에엔여역연열였영옆예오옥온올옮옵옷와완왕왜외요욕용우운울웃웅워원월웨웹위윈유육"
    "윤율융으은을음읍응의이익인일읽임입잇있잉잎자작잔잘잠잡장재쟁저적전절점접정제젝져졌조족존종좋좌주준줄"
    "중쥐즉증지직진질짐집짓징짜짝짧째쪼쪽쫓찍차찬찰참창찾책챙처천철첫청체초촌총촬최추축출충취측층치칙칠침"
    "카캠커컬컴켜코콘콩쿠크클키타탁탄탈탑탕태택터턴테텍텐템토톤톱통튜트특틀틈티틸팀팅파판팔패팬펌페펜펴편"
    "펼평폐포폰폴표풀품퓨프픈플피픽핀필하학한할함합항해핵했행허헌험헤헥혁현혈협형혜호혼홈홉홍화확환활황회"
    "횟효후훈훼휘휴흑흔흘흡흥희히힘힣"
)
_FEWEST_SYLLABLES = 2
_COMMON_SHARE = 0.85  # of the syllables of a text with more than a few; all of a shorter one
_FEW_SYLLABLES = 8


def _from_cp949(text: str) -> str | None:
    """The whole text decoded as EUC-KR, where all that lies beyond ASCII becomes usual Hangul."""
    runs = list(_BEYOND_ASCII.finditer(text))
    if not all(len(run[0]) % 2 == 0 and _LATIN_RUN.fullmatch(run[0]) for run in runs):
        return None
    if any(text[run.end() : run.end() + 1].isalpha() for run in runs):  # 'ÇÃO': no word goes on so
        return None
    # euc_kr, not cp949: there both bytes are above ASCII, which real Latin text breaks at once ('café ').
    repaired = _strictly(text, "euc_kr")
    return repaired if repaired is not None and _usual(repaired) else None


def _usual(text: str) -> bool:
    hangul = [c for c in text if "가" <= c <= "힣"]
    others = any(c > "\x7f" and not "가" <= c <= "힣" and not 0x2000 <= ord(c) <= 0x33FF for c in text)
    if len(hangul) < _FEWEST_SYLLABLES or others:
        return False
    share = _COMMON_SHARE if len(hangul) > _FEW_SYLLABLES else 1
    usual = sum(c in _COMMON for c in hangul) >= share * len(hangul)
    return usual and 2 * len(hangul) >= sum(c.isalpha() and c.isascii() for c in text)
