"""Invented names to put into questions, and the nouns that such names go with, in Korean and English.

None names a thing of its kind that is known; Latin names and transliterations end in a vowel, so that the Korean
particle behind them is sure.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# --- Korean -------------------------------------------------------------------------------------------

STEMS = _words(
    "무지개 은하수 해오름 달맞이 별하늘 꽃내음 솔바람 노을빛 미리내 하늬솔 버들내 두레뜰 아라솔 온새미 "
    "푸르뫼 늘솔 한여울 다솜뜰 새얀 가온들 나르샤 초롱빛 별무리 이슬빛 단비 도담 시나브로 윤슬 까치놀 "
    "모꼬지"
)
TRANSLITERATED = _words(
    "벨로티카 노르비아 제트루아 카를로마 다벤토 루미가르타 오르텔라 피노르카 살베로 타르비노 엘키오라 "
    "모렌티카 자비노바 코렌디오 헤스토리 브리놀라 파르메지오 셀바티노 도르네카 위스파라"
)
COUNTRIES_PUT_IN = _words("노르비아 벨로티아 카르도니아 엘자니아 모렌티아 타르비아 오르데시아 수반디아")
GIVEN_NAMES = _words("하솜 라솔 새론 누림 보담 시온 다흰 늘찬 가람솔 여울 초현 솔찬 이든 해든")
# Nouns that take a name in front: '무지개도서관'. One that ends another word is matched as well: 한빛도서관.
HEADS = _words(
    "도서관 병원 의원 한의원 대학교 대학 고등학교 중학교 초등학교 학교 유치원 어린이집 연구소 연구원 "
    "교육원 연수원 고객센터 콜센터 연구센터 센터 체육관 박물관 미술관 기록관 전시관 과학관 문화관 회관 "
    "공원 구내식당 식당 카페 매점 약국 은행 우체국 주차장 수영장 운동장 정류장 승강장 선착장 양묘장 공장 "
    "창고 강당 회의실 보건실 우편실 전산실 자료실 열람실 휴게실 세탁실 녹음실 수술실 검사실 세미나실 "
    "서버실 사무실 상담실 실험실 기숙사 온실 공방 천문대 옥상정원 터미널 공항 호텔 매장 지점 지사 재단 "
    "협회 조합 공단 시스템 포털 연구실 통근버스 셔틀버스 공모전 축제 동아리 강좌 세미나"
)
COMPANIES = _words(
    "상사 전자 건설 제약 증권 화재 생명 물산 산업 파이낸셜 소프트 그룹 보험"
)  # behind a proper noun
SUFFIXES = frozenset("동호관팀실")  # as a morpheme of its own behind a noun: 연구동, 가람호
SUFFIXES_OF_NAMES = frozenset("산강섬역궁항탑시군구")  # behind a proper noun alone
ENDINGS_OF_NAMES = frozenset("호관산강섬역궁항탑")  # of a proper noun that the dictionary has whole: 한라산
CITIES = _words(
    "서울 부산 대구 인천 광주 대전 울산 세종 수원 성남 고양 용인 창원 청주 전주 천안 포항 제주 강릉 춘천 "
    "원주 목포 여수 순천 군산 익산 경주 안동 구미 김해 진주 통영 평택 파주 김포 도쿄 오사카 베이징 상하이 "
    "런던 파리 뉴욕 베를린"
)
COUNTRIES = _words(
    "한국 대한민국 미국 일본 중국 독일 영국 프랑스 러시아 인도 베트남 캐나다 호주 스페인 이탈리아 브라질"
)
SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원천방공"
)
# Syllables that neither Korean nor Sino-Korean words have, but transliterated names do: 데비안, 바그너.
FOREIGN = frozenset(
    "그느드르므브즈츠크트프흐네데레메베테페케디티니피릭닉눅릿빗팅딩킹링썬넬델렐벨젤텔펠핼헬넌런턴벤덴렌젠켄텐펜"
    "닌린딘틴핀닐딜릴빌틸필닷랏팟닉빅틱픽럭턱넛럿컷헥텍넥렉벡셉펍컵럽덕벅턱너더러머버커터퍼허쿠투푸누두루부후켓"
    "켈퀘퀀쉬슈쥬츄큐튜퓨뉴듀류뮤뷰휴글즐플클틀블슬를샘샌션셜숀쇼챈첼쳇"
)

# --- English ------------------------------------------------------------------------------------------

COINED = _words(
    "Velorika Norvexa Tarnibo Quelora Zentrika Palmeno Kestora Brindavo Lumareo Sorvika Dellango Maruvia "
    "Fenquilo Corvella Jandivo Pellanora Trisovia Wendaro"
)
PLACE_NAMES = _words(
    "Willowmere Brindlemoor Thornvale Larkmere Fennbury Coldharrow Mossgate Wrenfield Quillhaven "
    "Dunmarrow Foxley Hartsedge Maplecombe Pinnerby Rookwell Stanmoor Yarrowby"
)
ENGLISH_HEADS = _words(
    "library hospital clinic museum gallery office campus school college university institute laboratory "
    "lab gym warehouse factory plant canteen cafeteria kitchen archive auditorium garage station terminal "
    "airport hotel shop store branch centre center hall house tower bridge park garden pool theatre "
    "theater church dormitory shuttle portal laptop tablet drone service platform app bank dam "
    "corporation airline helpdesk foundation company helmet harness detector respirator gloves rope "
    "committee team department manual handbook course workshop exhibition programme prize fund project "
    "printer scanner server router pump reactor"
)
NOT_NAMES = _words(
    "Appendix Section Chapter Article Figure Table Form Annex Part Step Clause Version Room Gate Unit "
    "Phase Level I January February March April May June July August September October November December "
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday English Korean Mr Mrs Ms Dr Doctor Captain Q A "
    "The Unicode Internet Web What Which Who When Where Why How Is Are Do Does Did Can Could Will Would Should Has "
    "Have If In On At For Please Tell"
)
