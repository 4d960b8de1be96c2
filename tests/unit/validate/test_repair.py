"""Repair: what is certain is mended, what is not stays."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.validate.repair import repair

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
        ("the docu-\nment was inter-\nnational", "the document was inter-\nnational", ("hyphenation",)),
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
        "a well-\nknown name",
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


@given(HANGUL)
def test_any_hangul_read_as_latin1_comes_back(text):
    assert repair(misread(text, "utf-8", "latin-1"))[0] == text


@given(st.text(st.sampled_from(KS), min_size=2))
def test_common_hangul_of_cp949_comes_back(text):
    assert repair(misread(text, "cp949", "latin-1"))[0] == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_repairing_twice_is_repairing_once_and_good_hangul_stays(text):
    once, _ = repair(text)
    assert repair("가" + text + "나")[0].startswith("가")
    assert unicodedata.is_normalized("NFC", once)
