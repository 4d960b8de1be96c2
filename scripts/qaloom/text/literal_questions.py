"""Questions whose answer is a word, a sign or a message as it stands: 'What does it print?', '연산자는 무엇인가요?'"""

import re

_LITERAL = re.compile(
    r"기호|부호|문자|글자|연산자|예약어|키워드|명령|코드|문법|구문|표기|표시|출력|반환|돌려"
    r"|리턴|메시지|메세지|문구|화면"
    r"|(?:영어|한국어|우리말|일본어|중국어|독일어|프랑스어)로|번역|철자|접두사|접미사|접속사"
    r"|관사|전치사|조사|단어|낱말"
    r"|표현|인사말|구호|슬로건|이모티콘|입력|상태|제목|대사|가사|어떻게 (?:쓰|적|읽|말)|라고 (?:하|말|부르|쓰|적)"
    r"|파일 ?이름|파일명|형식|패턴|적으면|쓰면|뜻하는 말|구분자|접미|접두|변수|함수|상수|자료형|sql"
    r"|\b(?:print|display|show|return|output|message|say|said|saying|symbol|sign|character|letter|operator|keyword"
    r"|words?|phrase|slogan|motto|translat\w+|mean|spell\w*|abbreviat\w+|articles?|prepositions?|conjunctions?|prefix"
    r"|suffix|commands?|codes?|syntax|delimiter|separator|values?|status|write|written|type|title|lyrics?|emoji"
    r"|emoticon|literal|constant|variable|statement|expression|regex|pattern|file ?name|format)s?\b"
    r"|\bin (?:english|korean|french|german|japanese|chinese|spanish|sql|python|c)\b"
)


def asks_for_literal(question: str) -> bool:
    """Whether a question (casefolded) asks for wording, so that its answer is not to be read as a statement."""
    return _LITERAL.search(question) is not None
