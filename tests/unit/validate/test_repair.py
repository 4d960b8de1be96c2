"""Repair: what is certain is mended, what is not stays."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.validate.repair import repair, repair_row

HANGUL = st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=2)
KS = "가나다라마바사서울부산강남구테헤란로주소는어디인가요금융보안교육센터전화번호"


def misread(text, right, wrong):
    return text.encode(right).decode(wrong)


@pytest.mark.parametrize(
    ("damaged", "mended", "codes"),
    [
        (misread("서울시 강남구 1층", "utf-8", "latin-1"), "서울시 강남구 1층", ("mojibake",)),
        (misread("‘what’s’ café", "utf-8", "cp1252"), "‘what’s’ café", ("mojibake",)),
        ("what" + misread("’", "utf-8", "cp1252") + "s the 가격?", "what’s the 가격?", ("mojibake",)),
        (misread(misread("서울", "utf-8", "latin-1"), "utf-8", "latin-1"), "서울", ("mojibake",)),
        (misread("café", "utf-8", "latin-1"), "café", ("mojibake",)),
        (misread("서울시 강남구", "cp949", "latin-1"), "서울시 강남구", ("mojibake",)),
        (misread("주소는 어디인가요?", "euc-kr", "cp1252"), "주소는 어디인가요?", ("mojibake",)),
        (unicodedata.normalize("NFD", "비밀번호"), "비밀번호", ("nfc",)),
        ("R&amp;D 예산은 &quot;3억&quot;", 'R&D 예산은 "3억"', ("html_entities",)),
        ("10&nbsp;km", "10 km", ("html_entities", "whitespace")),
        ("a\u200bb\ufeffc\x00d\x07", "abcd", ("control_characters",)),
        ("the docu-\nment was inter-\nnational", "the document was international", ("hyphenation",)),
        ("a well-\nknown name", "a well-known name", ("hyphenation",)),
        ("the load-\nbearing wall", "the load-bearing wall", ("hyphenation",)),
        ("thirty-\ntwo days", "thirty-two days", ("hyphenation",)),
        ("a co-\nsignature", "a co-signature", ("hyphenation",)),
        (
            "up-to-\ndate and an off-the-\nshelf part",
            "up-to-date and an off-the-shelf part",
            ("hyphenation",),
        ),
        ("two-wheel-\ndrive", "two-wheel-drive", ("hyphenation",)),
        ("Anti-\xad\nstatic mat", "Anti-static mat", ("hyphenation",)),
        ("the m-\nxylene content", "the m-xylene content", ("hyphenation",)),
        ("ex-\nwife, non-\nmembers", "ex-wife, non-members", ("hyphenation",)),
        ("the ka-\nramin; karamin is red", "the karamin; karamin is red", ("hyphenation",)),
        ("온도는 25Â°C입니다", "온도는 25°C입니다", ("mojibake",)),
        ("오차는 Â±0.5Â µm이다", "오차는 ±0.5 µm이다", ("mojibake", "whitespace")),
        ("요금은 Â£3, 크기는 3Ã—4", "요금은 £3, 크기는 3×4", ("mojibake",)),
        ("카페 cafÃ©는 2층", "카페 café는 2층", ("mojibake",)),
        ("he said â€œyesâ€\x9d â€“ then", "he said “yes” – then", ("mojibake",)),
        (misread("사무실은 3층", "euc-kr", "latin-1"), "사무실은 3층", ("mojibake",)),
        ("좋아요 &#55357;&#56397;", "좋아요 👍", ("html_entities",)),
        ("&#xD83D;&#xDE00;", "😀", ("html_entities",)),
        ("AT&amp;T, Q&amp;A, R &amp; D", "AT&T, Q&A, R & D", ("html_entities",)),
        ("&quot;가람&quot;을 뜻한다", '"가람"을 뜻한다', ("html_entities",)),
        ("a require-\nment", "a requirement", ("hyphenation",)),
        ("the inspec-\ntion of docu\xad\nments", "the inspection of documents", ("hyphenation",)),
        ("handbook: see the hand-\nbook", "handbook: see the handbook", ("hyphenation",)),
        ("금융보안교육\n센터와 금융보안교육센터", "금융보안교육센터와 금융보안교육센터", ("broken_words",)),
        ("승인이 필요합\n니다", "승인이 필요합니다", ("broken_words",)),
        ("부서장의 서면 승인\n을 받는다", "부서장의 서면 승인을 받는다", ("broken_words",)),
        ("  a   b \r\n c\t", "a b\n c", ("whitespace",)),
        ("가\u3000나\xa0다", "가 나 다", ("whitespace",)),
        ("a\n\n\n\nb", "a\n\nb", ("whitespace",)),
    ],
)
def test_mended(damaged, mended, codes):
    assert repair(damaged) == (mended, codes)


@pytest.mark.parametrize(
    "text",
    [
        "Où est le café de l'été à Noël ?",
        "Er rief „Spaß“ und ging.",
        "«MAÇû",
        "SÃO PAULO",
        "ÄÖÜ äöü ß",
        "naïve coöperation, 5 °C ± 2 µm",
        "HTML에서 &lt;는 무엇인가요?",
        "use &lt;b&gt; in XML",
        "AT&T; R&D",
        "한도는 다음과 같다.\n갑\n을\n병",
        "취급 품목\n사과\n나무\n사과나무 묘목",
        "품목\n전기\n자동차\n전기자동차 충전기",
        "short-\nand long-term goals",
        "Call 555-\ned",
        "&lt; 로 씁니다.",
        "&nbsp;",
        "Type &amp; here",
        "줄바꿈은 '&#10;' 입니다",
        "&#55357; 하나",
        "이름\t주소\n김 철수\t서울 종로",
        "def f(x):\n    return  x   # two",
        ">>> x  = 1\n>>> x\n1",
        "| a  | b   |\n|----|-----|",
        "  들여쓴 코드\n    둘째 줄",
        "이름   나이\n철수   12",
        "if x:\n    y()\n\n\n    z()",
        'print("a  b")',
        "```\na   b\n```",
        "１２３ ＡＢＣ\u3000㈜한국 ½",
        "10¹²~10¹³",
        "±°½¼",
        "¹²³ ¼½¾",
        "ÀÁÂÃÄÅ",
        "ÇÃO ÇÃO",
        "Größe, Übergröße, weiß, Füße",
        "Où est le café? À l'hôtel « Élysée » à côté.",
        "São Paulo, coração, AÇÃO",
        "Mấy thằng này củng khó",
        "Why does the page show Ã¨ here?",
        "UTF-8의 é는 왜 Ã©로 보이나요?",
        "ᄒᆞᆫ글 나랏〮말〯ᄊᆞ미",
        "𝑥² + ∑ᵢ 𝛼ᵢ ≤ √2, H₂O, x̄",
        "첫째 줄\n둘째 줄",
        "이 제품\n가격은 5만 원",
        "- one\n  - two\n- three",
        "def f():\n    return 1",
        "👨\u200d👩\u200d👧",
        "안녕하세요. 5 km 떨어져 있습니다.",
    ],
)
def test_left_alone(text):
    assert repair(text) == (text, ())


def test_the_row_says_what_an_entity_is_for():
    assert repair_row(("HTML에서 크다 기호는 어떻게 쓰나요?", "a &gt; b")) == (
        ["HTML에서 크다 기호는 어떻게 쓰나요?", "a &gt; b"],
        (),
    )
    assert repair_row(("조건은 무엇인가요?", "a &gt; b")) == (
        ["조건은 무엇인가요?", "a > b"],
        ("html_entities",),
    )


def test_a_question_about_encodings_keeps_its_example():
    row = ["왜 글자가 깨져 보이나요?", "UTF-8을 잘못 읽어 '서울'이 'ì„œìš¸'로 보입니다."]
    assert repair_row(row) == (row, ())


def test_words_of_the_row_are_words():
    question, answer = "zibrofex는 무엇인가요?", "the zibro-\nfex unit"
    assert repair_row((question, answer))[0][1] == "the zibrofex unit"


@given(HANGUL)
def test_any_hangul_read_as_latin1_comes_back(text):
    assert repair(misread(text, "utf-8", "latin-1"))[0] == text


@given(st.text(st.sampled_from(KS), min_size=2))
def test_common_hangul_of_cp949_comes_back(text):
    assert repair(misread(text, "cp949", "latin-1"))[0] == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_repairing_twice_is_repairing_once_and_good_hangul_stays(text):
    once, _ = repair(text)
    first = unicodedata.normalize("NFC", f"가{text}")[0]  # a final consonant joins the syllable before it
    assert repair("가" + text + "나")[0].startswith(first)
    assert unicodedata.is_normalized("NFC", once)
