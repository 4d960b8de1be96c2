"""Closed-class answers: yes, no, none and abstentions, which many different questions share."""

import re

from qaloom.text.abstention import abstains
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
_MAY_ABSTAIN = re.compile("[없않모못]|불가|어렵|not|know|noinf|cant|unknown")


def closed_class(answer: str, key: str | None = None) -> str:
    """yes, no, none or abstention; empty for any other answer. `key` may give its comparison key."""
    key = comparison_key(answer) if key is None else key
    if found := _CLASS_OF.get(key):
        return found
    if len(key) > _LONGEST or not _MAY_ABSTAIN.search(key):
        return ""
    return "abstention" if abstains(answer) else ""
