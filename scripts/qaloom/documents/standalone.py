"""Questions that only those understand who have the text before them: 'the table above', '위 표', '본문에 따르면'."""

import re

_KOREAN = (
    "표|그림|도표|문단|단락|본문|문서|지문|글|내용|자료|규정|규칙|조항|조문|문장|절|항목|페이지|쪽|예시|보기|목록|지침"
    "|매뉴얼|안내문|공고문|설명서"
)
_KOREAN_TEXT = "본문|지문|글|문서|자료|텍스트|문단|단락|표"
_PARTICLE = r"에|의|은|는|이|가|을|를|와|과|로|으로|상|중|\s|$|[,?]"
_ENGLISH = (
    "document|passage|text|table|figure|excerpt|extract|paragraph|section|page|article|chart|list|context|diagram|clause"
    "|example|rules?|information"
)
_ENGLISH_OWN = f"{_ENGLISH}|manual|handbook|policy|regulation|chapter|guide|report|notice"
_SAYS = "say|state|mention|describe|specify|list|define|show|give|explain|provide"
_KOREAN_FORMS = (
    rf"(?:위|아래|다음|앞|상기|하기|이|본|해당|주어진|제시된|첨부된)(?:의|에)?\s?(?:{_KOREAN})(?:{_PARTICLE})",
    r"(?:상기|하기)(?:의|에|\s)|다음\s(?:중|보기|빈칸)",
    r"(?:위|아래|앞)(?:와|에서|에)\s?(?:같|언급|설명|말|제시|나온|열거)",
    rf"(?:{_KOREAN_TEXT})에\s?(?:따르면|의하면|나온|나와|언급|명시|제시|기재|설명|적힌)",
    rf"(?:{_KOREAN_TEXT})에서\s?(?:언급|설명|말하|제시|소개|다루|나온|정의|기술|명시|알\s?수)",
    r"(?:이것|그것|저자|필자)(?:은|는|이|가|을|를|의|\s|[,?])|여기(?:에)?서\s",
    r"(?:표|그림|도표)\s?\d",
)
_ENGLISH_FORMS = (
    rf"this (?:{_ENGLISH_OWN})",
    r"(?:the|these|those) (?:above|following|preceding|aforementioned|foregoing)",
    r"of the following|the (?:passage|excerpt|author)",
    rf"(?:given|provided|attached|previous|preceding|above|above-mentioned) (?:{_ENGLISH})",
    rf"(?:{_ENGLISH}) (?:above|below)",
    r"(?:mentioned|described|listed|stated|shown|given|defined|as) (?:above|below|earlier|here|previously)",
    r"(?:according to|based on|as per|per) the (?:text|document|paragraph|context|article|table|chart|section)",
    r"(?:in|from|by|within) the (?:text|extract|paragraph|context)",
    rf"(?:does|do) the (?:{_ENGLISH}) (?:{_SAYS})",
    rf"(?:{_SAYS})(?:ed|d|n)? (?:in|by) the (?:document|article|table|section|page|list)",
    r"(?:table|figure|fig\.) \d+",
)
_IN_KOREAN = re.compile(f"(?<![가-힣])(?:{'|'.join(_KOREAN_FORMS)})")
_IN_ENGLISH = re.compile(rf"\b(?:{'|'.join(_ENGLISH_FORMS)})\b")


def depends_on_passage(question: str) -> str:
    """The words of a question that only somebody understands who has its passage; empty where there are none."""
    found = _IN_KOREAN.search(question) or _IN_ENGLISH.search(question.lower())
    return found[0].strip() if found else ""
