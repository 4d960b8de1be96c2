"""Answers that stop in the middle, and answers that say nothing: 'See Figure 3.', '- 12 -', 'TBD', '상동'."""

import re
from collections import Counter

from qaloom.records import Row
from qaloom.text.korean import morphemes
from qaloom.text.literal_questions import asks_for_literal

_ENDING = 60  # characters at the end of an answer that are looked at
_ELLIPSIS = re.compile(r"(?<![\s.…])\s*(?:\.{2,}|…+)$")
_CONJUNCTION = re.compile(
    r"(?:^|[\s,])(?:그리고|그러나|하지만|그런데|그래서|따라서|또한|또는|혹은|및|왜냐하면"
    r"|예를\s?들어|예를\s?들면|즉|다만|단)$"
)
_FUNCTION_WORD = re.compile(
    r"\s(and|or|the|an?|of|because|but|which|whose|its|their|your|our|my|than|such as|e\.g\.|i\.e\.|including"
    r"|although|unless|whereas|as well as|in order to|due to|with the|followed by)$"
)
# 'What it is made of', 'the letter a', 'AND, OR': words that may stand last.
_STANDS_LAST = {
    "of": re.compile(
        r"\b(?:made|made up|composed|comprised|consists?|consisting|thought|think|aware|know"
            r"|knew|heard|disposed|care|rid"
        r"|out|instead|capable|afraid|proud|fond|tired|sort|kind|unheard|speak|spoken|approve"
            r"|approved|ahead|inside|outside"
        r"|accused|convicted|guilty|full|asked|dream|talk|talked)$"
    ),
    "a": re.compile(
        r"(?:\b(?:letter|key|variable|grade|type|option|answer|choice|section|class|vitamin"
            r"|and|or|to|is|are|part|point|group|"
        r"hepatitis|plan|annex|appendix|line|row|column|side|press|note|named|called)|[=,+*/&|^-])$"
    ),
    "and": re.compile(r"\b(?:and|or|not|xor|operator|keyword|gate|conjunction|word)[,:]?$"),
    "or": re.compile(r"\b(?:and|or|not|xor|operator|keyword|gate|conjunction|word)[,:]?$"),
}  # fmt: skip
_BEFORE_DOTS = re.compile(
    r"\s(then|to|with|for|from|by|that|if|when|while|as|is|are|was|were|will|can|may|must|into)$"
)
_CODE_SIGN = re.compile(
    r"[={}<>()\[\]$#@\\|&*]|->|::|\b(?:return|break|continue|import|package|using|use|let|var|const|char|int)\b"
)
_SQL = re.compile(
    r"\b(?:select|insert|update|delete|drop|create|alter|grant|commit|rollback|begin|truncate|show|use|describe)\b",
    re.IGNORECASE,
)
_HYPHEN_CUT = re.compile(r"(?:[a-z]{3}|[가-힣]{2})[-–]$")


def truncated_answer(row: Row) -> str:
    """The answer does not stop in the middle: a conjunction or article, a comma, an open bracket or quote."""
    answer = row.output
    last = answer[-1:]
    if last in ".다요?!" and not answer.endswith(("..", "e.g.", "i.e.")):  # spares most rows
        return ""
    cut = _broken_end(answer, row.instruction) or _unclosed(answer)
    return f"the answer breaks off {cut}" if cut else ""


def _broken_end(answer: str, question: str) -> str:
    ending = answer[-_ENDING:]
    dots = _ELLIPSIS.search(ending)
    ending = ending[: dots.start()] if dots else ending
    if asks_for_literal(question.casefold()) and len(answer) < _ENDING:
        return ""
    found = _CONJUNCTION.search(ending) or _HYPHEN_CUT.search(ending) or _function_word(ending, bool(dots))
    if found:
        return f"after {ending.split()[-1]!r}"
    if _ends_with_comma(ending) or _prose_semicolon(answer):
        return f"after {ending[-1]!r}"
    if _announces(answer):
        return "before what it announces"
    return _connective(answer, bool(dots))


def _function_word(ending: str, dots: bool) -> re.Match[str] | None:
    found = _FUNCTION_WORD.search(ending) or (_BEFORE_DOTS.search(ending) if dots else None)
    if not found:
        return None
    before = _STANDS_LAST.get("a" if found[1] == "an" else found[1])
    return None if before and before.search(ending[: found.start()]) else found


def _ends_with_comma(ending: str) -> bool:
    return (
        ending[-1:] in ",，、"
        and any(map(str.isalpha, ending))
        and len(ending.split()) + len(ending) // 8 > 1
    )


def _prose_semicolon(answer: str) -> bool:
    if not answer.endswith(";") or _CODE_SIGN.search(answer) or _SQL.match(answer):
        return False
    return "가" <= answer[-2:-1] <= "힣" or len(answer.split()) > 5


def _announces(answer: str) -> bool:
    """Whether a text of one line ends where a list was to begin."""
    return (
        answer.endswith((":", "：")) and "\n" not in answer and bool(_LIST_TO_COME.search(answer[-_ENDING:]))
    )


_LIST_TO_COME = re.compile(
    r"(?:다음|아래)[과와]?\s?같[가-힣]+\s?[:：]$|\b(?:as follows|the following(?: \w+){0,3}|following \w+)\s?[:：]$"
)
_MAYBE_CONNECTIVE = re.compile(r"(?:며|으나|지만|므로|는데|거나)$")
_HANGUL_END = re.compile(r"[가-힣]$")
_OPEN_TAGS = ("EC", "ETM", "JKS", "JKO", "JKG", "JX", "JC", "MAJ", "JKB")
_NEVER_LAST = ("며", "으며", "으나", "지만", "므로", "으므로", "는데", "거나")


def _connective(answer: str, dots: bool) -> str:
    """Korean that ends in a connective ('…하며'); before an ellipsis in any ending or particle that goes on."""
    text = _ELLIPSIS.sub("", answer)[-_ENDING:]
    if not (_HANGUL_END.search(text) if dots else _MAYBE_CONNECTIVE.search(text)) or len(text) < 5:
        return ""
    last = morphemes(text)[-1]
    goes_on = dots and last.tag in _OPEN_TAGS and last.form != "요"
    if goes_on or (last.tag == "EC" and last.form in _NEVER_LAST):
        return f"after {text.split()[-1]!r}"
    return ""


# --- brackets and quotes ------------------------------------------------------------------------------

_PAIRS = dict(zip("([「『《〈“（【", ")]」』》〉”）】", strict=True))
_CLOSERS = {closing: opening for opening, closing in _PAIRS.items()}
_OPENERS = re.compile("[" + re.escape("".join(_PAIRS)) + '"]')
_INTERVAL = re.compile(r"[\[(][^\[\]()\n]{1,40}[,;~][^\[\]()\n]{1,40}[\])]")
_STRING = re.compile(r'"[^"\n]{0,80}"|`[^`\n]{1,200}`' + r"|'[^'\n]{0,80}'")
_FACE = re.compile(r"[:;=8xX]['^]?-?[(\[]+")
_CODE = re.compile(
    r"```|^(?: {4}|\t|>>> |\$ )|[;{}]\s*$|\w\([^()\n]{0,80}\)\s?[:;{]|==|=>|\\[(\[]", re.MULTILINE
)
_FINISHED = re.compile(r"(?:[.!?。]|[다요음함됨임])[\"'”’)\]]*$")


def _unclosed(answer: str) -> str:
    """The bracket or quotation mark that is never closed, where the answer does not end a sentence after it."""
    if not _OPENERS.search(answer) or _FINISHED.search(answer[-8:]) or _CODE.search(answer):
        return ""
    plain = _FACE.sub(" ", _INTERVAL.sub(" ", _STRING.sub(" ", answer)))
    opening = _left_open(plain)
    if opening:
        return f"with {opening!r} never closed"
    quotes = [match.start() for match in re.finditer(r'(?<!\d)"', plain)]
    if len(quotes) % 2 and _opens(plain, quotes[-1]) and '"""' not in answer:
        return "inside a quotation"
    return ""


def _left_open(text: str) -> str:
    """The last opening bracket that no closing one answers and that holds words."""
    stack: list[tuple[str, int]] = []
    opened: Counter[str] = Counter()
    for place, char in enumerate(text):
        if char in _PAIRS:
            stack.append((char, place))
            opened[char] += 1
        elif opened[_CLOSERS.get(char, "")]:
            found = ""
            while found != _CLOSERS[char]:  # those inside it that are still open are taken for closed
                found, _ = stack.pop()
                opened[found] -= 1
    last_word = next((at for at in range(len(text) - 1, -1, -1) if text[at].isalnum()), -1)
    last = {opening: text.rfind(closing) for opening, closing in _PAIRS.items()}
    for char, place in reversed(stack):
        if last[char] < place < last_word and _opens(text, place):
            return char
    return ""


def _opens(text: str, place: int) -> bool:
    """Whether a mark touches what follows it, as one that opens does, and does not stand in a row of signs."""
    following = text[place + 1 : place + 2]
    return following.isalnum() or following in tuple("\"'“‘「『《〈<")


# --- nothing said -------------------------------------------------------------------------------------

_PLACE = (
    r"(?:그림|표|도표|사진|도면|부록|별표|별지|붙임|첨부|페이지|쪽|장|절|항목?|figure|fig\.?"
    r"|table|section|sec\.?|chapter|page|appendix|annex|diagram|chart)"
)
_NUMBERED = (
    rf"(?:{_PLACE}\s?[<\[(]?[A-Z]?\d{{0,4}}(?:[-.]\d{{1,4}}){{0,3}}[>\])]?"
    r"|제?\d{1,4}(?:[-.]\d{1,3})?\s?(?:페이지|쪽|장|절))"
)
_ABOVE = r"(?:위|아래|상기|하기|다음|앞|뒤|앞의|위의|아래의|다음의)"
_KO_SEE = (
    r"(?:을|를)?\s?(?:참조|참고)(?:하십시오|하세요|하시오|하시기 바랍니다|바랍니다|바람|해 주세요"
    r"|해주세요|해 주십시오|할 것|합니다|한다|하면 된다|하면 됩니다|요망|)?"
)
_EMPTY = re.compile(
    r"\A(?:[<\[(※*]*\s?(?:자세한 (?:내용|사항)은\s|상세(?:한)? (?:내용|사항)은\s|구체적인 "
        rf"(?:내용|사항)은\s)?(?:{_ABOVE}\s?)?(?:{_NUMBERED}|{_ABOVE}|{_ABOVE}\s?(?:내용|설명|항목"
        rf"|답변))(?:와|과|의| 및|,|\s)*(?:{_NUMBERED})?(?:의 (?:내용"
        rf"|설명))?\s?{_KO_SEE}\s?[>\])]*[.!]?"
    r"|[(\[]?(?:please )?(?:see|refer to|cf\.?|as shown in|shown in|check)(?: also)?(?: the)?(?: "
        rf"above| below| following)?(?: {_NUMBERED}(?:(?:,| and| or|,? and) {_NUMBERED})?)?(?: "
        r"above| below)?(?: for (?:more )?(?:details?|information))?[)\]]?[.!]?"
    r"|(?:위|상기|전술|앞)(?:의\s?(?:내용|답변|설명))?(?:과|와)?\s?(?:같음|같습니다|같다|동일"
        r"|동일함|동일합니다|한 바와 같음|한 바와 같습니다)[.]?"
    r"|(?:다음|아래)(?:과|와) 같(?:습니다|다|음)[.]?|as follows[.:]?|(?:the )?same as (?:the "
        r")?above[.]?|ditto[.]?|상동[.]?|〃"
    r"|[-–—~]\s?\d{1,4}\s?[-–—~]|(?:page|p\.)\s?\d{1,4} ?(?:of|/) ?\d{1,4}|\d{1,4} ?/ "
        r"?\d{1,4} ?(?:쪽|페이지|page)"
    r"|(?:t\.?b\.?[dac]|todo|fixme|wip|to be (?:determined|announced|added|completed|defined"
        r"|confirmed|written|filled in))[.]?"
    r"|(?:추후 ?(?:작성|기재|입력|추가|보완)(?: ?예정)?(?:입니다)?|작성 ?(?:예정|중"
        r"|요망)(?:입니다)?|내용 ?(?:작성|입력|추가) ?(?:예정|중|필요)|입력 ?(?:예정|필요))[.]?"
    r"|[(\[<]?(?:생략|중략|이하 ?생략|빈칸|공란|여백|이하 ?여백|빈 ?페이지)[)\]>]?|[(\[<]내용 ?없음[)\]>][.]?|(?:\("
        r"|\[)?(?:this page (?:is )?)?(?:intentionally )?left blank(?:\)|\])?[.]?|\[blank\]"
        r"|\(blank\)"
    r"|(?:answer|답변?|정답|a)\s?[:：.]|lorem ipsum dolor\b.*|(?:x{3,}|o{3,})|[-_=.·…*~#]{3,}"
        r"|(?:<br ?/?>\s?)+|[<\[(]?(?:figure|fig\.?|table|그림|표"
        r"|사진)\s?\d{1,3}(?:[-.]\d{1,3})?[>\])]?[.]?)",
    re.IGNORECASE,
)  # fmt: skip
_ASKS_WHERE = re.compile(
    r"어디|어느|몇|무엇을 (?:참|보)|참조|참고|근거|조항|번호|쪽|페이지|볼 수 있|확인할 수 있"
    r"|나와 있|찾|그림|표|도면|별표|별지|부록"
    r"|where|which|what (?:page|figure|table|section|chapter)|refer|page|figure|table|section|chapter|appendix",
    re.IGNORECASE,
)
_LONGEST_EMPTY = 60  # characters


def empty_answer(row: Row) -> str:
    """The answer says something itself, rather than where it stands or that it is still to come."""
    answer = row.output
    if len(answer) > _LONGEST_EMPTY or not _EMPTY.fullmatch(answer):
        return ""
    if _ASKS_WHERE.search(row.instruction) or asks_for_literal(row.instruction.casefold()):
        return ""
    return f"the answer says nothing itself: {answer[:40]!r}"
