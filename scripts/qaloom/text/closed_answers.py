"""Closed-class answers: yes, no, none and abstentions, which many different questions share."""

import re

from qaloom.text.normalize import comparison_key

_CLASSES = {
    "yes": "yes yeah yep true correct right 예 네 넵 예예 그렇다 그렇습니다 그래요 맞다 맞습니다 맞아요 "
    "있다 있습니다 있어요 가능 가능하다 가능합니다 가능해요 됩니다 된다 돼요 참 ○",
    "no": "no nope false incorrect wrong 아니 아니요 아니오 아뇨 아닙니다 아니다 아니에요 없다 없습니다 없어요 "
    "불가 불가능 불가능하다 불가능합니다 불가능해요 안됩니다 안된다 안돼요 거짓 ×",
    "none": "none nothing nil n/a na notapplicable 없음 해당없음 해당사항없음 무 미정 tbd 상동",
}
_CLASS_OF = {
    comparison_key(form): name
    for name, words in _CLASSES.items()
    for word in words.split()
    for form in (word, word.upper(), word.capitalize())  # a key keeps capitals that may be a code
}
_LONGEST = 60  # characters of a comparison key; a longer text says more than that it does not know
_ABSTENTION = re.compile(
    r"(?:문서|자료|본문|지문|내용|규정|제공|정보|근거|기재|언급|명시|확인|답|알)"
    r"(?=.{0,32}(?:수없|어렵|불가|못)).{0,24}"  # looked for first: spares the gaps
    r"(?:확인|알|찾|답변?|판단|제공|파악|대답).{0,6}(?:수없|어렵|불가|못)"
    r"|(?:문서|자료|본문|지문|규정|내용|제공).{0,20}(?:없습니다|없다|없어요|없음|나와있지않|언급되지않|포함되어있지않|포함되지않|명시되지않|기재되지않)"
    r"|^(?:잘)?(?:모릅니다|모르겠습니다|모르겠어요|모름|알수없(?:습니다|음|다|어요)?|확인(?:할수없(?:습니다|음|다)|불가))$"
    r"|(?:cannot|cant|couldnot|isnot|not).{0,12}(?:answer|determine|found|mention|state|specif|provid|say|known|given)"
    r"|idontknow|noinformation|unknown$|doesnot(?:say|mention|state|specify)"
)
_MAY_ABSTAIN = re.compile("[없않모못]|불가|어렵|not|know|noinf|cant|unknown")


def closed_class(answer: str, key: str | None = None) -> str:
    """yes, no, none or abstention; empty for any other answer. `key` may give its comparison key."""
    key = comparison_key(answer) if key is None else key
    if found := _CLASS_OF.get(key):
        return found
    if len(key) > _LONGEST or not _MAY_ABSTAIN.search(key):
        return ""
    return "abstention" if _ABSTENTION.search(key) else ""
