"""Abstentions told by meaning, beside answers that deny something else."""

import pytest

from qaloom.text.abstention import abstains

_KOREAN = """\
제공된 문서에 없습니다.
알 수 없습니다.
문서에서 확인할 수 없습니다.
해당 내용은 문서에 나와 있지 않습니다.
무지개동의 개관 시각은 문서에서 찾을 수 없습니다.
무지개동의 개관 시각은 확인되지 않습니다.
무지개동에 대해서는 알지 못합니다.
죄송하지만 무지개동에 대한 정보가 없습니다.
자료에 해당 내용이 없습니다.
제공된 자료만으로는 판단하기 어렵습니다.
규정에는 그런 내용이 없습니다.
모르겠습니다.
그 건물은 잘 모르겠습니다.
관련 정보가 없어 답변드리기 어렵습니다.
안내서에 명시된 바가 없습니다.
확인 불가
정보 없음
무지개동의 개관 시각에 대해 알려진 정보가 없습니다.
주어진 정보로는 담당자를 알 수 없습니다.
죄송합니다. 무지개동의 개관 시각은 알려 드릴 수 없습니다.
정확한 답변을 드리려면 더 구체적인 정보를 알려 주세요.
저는 그 병원에 대한 자료를 가지고 있지 않습니다.
이 문서는 무지개동을 언급하지 않습니다.
해당 코드의 뜻은 확인할 수 없습니다. 담당 부서에 문의해 주세요.
문서에 없는 내용이라 답할 수 없습니다.
죄송합니다만, 그 건물에 대한 구체적인 정보는 제공되지 않았습니다. 더 자세한 정보가 필요합니다.
개관 시각은 명확히 알려져 있지 않습니다.
무지개도서관에 대해서는 들어본 적이 없습니다.
해당 코드는 정의되어 있지 않습니다.
그런 건물은 존재하지 않습니다.
저는 실시간 정보에 접근할 수 없어 개관 시각을 알려드릴 수 없습니다.
질문이 명확하지 않습니다. 어느 건물을 말씀하시나요?
무지개동이 어디인지 알려주시면 답변드리겠습니다.
답변할 수 없는 질문입니다.
"""
_ENGLISH = """\
I don't know.
I don’t know when the Willow Library opens.
Not specified in the document.
The document does not specify the opening time.
This is not mentioned in the provided text.
The opening time isn't specified.
I'm not sure.
I am not aware of a building of that name.
There is no information about the Willow Library.
No information on this was found.
The answer cannot be determined from the given information.
I could not find the Willow Library in the documents.
Unknown
Sorry, I can't answer that.
I'm sorry, but I do not have any information about that office.
I have no record of a Willow Library.
As an AI language model, I cannot access that document.
Could you please provide more context about the Willow Library?
It is not stated in the manual.
The code E977 is not listed in the documentation.
Insufficient information.
Unfortunately, the passage does not say.
As of my last update, there is no widely recognized building of that name.
I couldn't find any information about "Willow".
To the best of my knowledge, no such library exists.
There is no building called Willow Library.
"""
_ANSWERS = """\
수수료는 얼마인가요?|수수료는 없습니다.
주차 요금이 있나요?|없습니다.
환불이 되나요?|환불은 불가능합니다.
비밀번호를 확인할 수 있나요?|확인할 수 없습니다.
누가 신청하지 못하나요?|인턴은 신청할 수 없습니다.
코드 404의 뜻은 무엇인가요?|페이지를 찾을 수 없음
예약 없이 볼 수 있나요?|예약 없이는 관람할 수 없습니다.
문은 언제 닫나요?|일요일에는 열지 않습니다.
신분증이 없으면 어떻게 되나요?|신분증이 없으면 입장할 수 없습니다.
분실하면 어떻게 되나요?|재발급 전에는 이용 내역을 확인할 수 없습니다.
제한이 있나요?|인원 제한은 따로 없습니다.
오류 코드 31은 무슨 뜻인가요?|사용자를 찾을 수 없습니다.
개관 시각은 언제인가요?|오전 9시
자료는 어디에 있나요?|2층 자료실에 있습니다.
보증 범위는 무엇인가요?|보증 범위에 습기 피해는 없습니다.
문서를 고칠 수 있나요?|문서는 서명 후 수정할 수 없습니다.
무지개동은 언제 여나요?|정확히는 알 수 없습니다. 다만 보통 오전 9시에 엽니다.
담당자는 누구인가요?|정보보안팀 이서윤
부작용은 무엇인가요?|알려진 부작용으로는 두통이 있습니다.
What does the fee include?|There is no fee.
Which fees apply?|None
Can deleted mail come back?|It cannot be restored.
May I bring pets?|Pets are not allowed.
What happens without a badge?|Visitors without a badge cannot enter.
When does the library open?|9 a.m., not on Sundays
When does it open?|I am not sure, but it usually opens at 9.
Is the fee refundable?|No, it is not refundable.
Who may not apply?|Interns may not apply.
What does code 404 mean?|The page was not found.
Does the box include batteries?|The package does not include batteries.
코드 E31은 무엇인가요?|요청한 파일이 존재하지 않는다는 뜻입니다.
로그인 오류의 원인은 무엇인가요?|사용자가 존재하지 않습니다.
서식은 어디에 있나요?|지정된 서식은 없습니다.
기한은 언제까지인가요?|정해진 기한은 없습니다.
Is visitor data kept?|No information about visitors is stored.
What does E31 mean?|The file does not exist.
What is the limit?|There is no limit.
How are unknown callers shown?|They are shown as private numbers.
"""


@pytest.mark.parametrize("answer", (_KOREAN + _ENGLISH).splitlines())
def test_abstentions(answer):
    question = (
        "When does the Willow Library open?" if answer.isascii() else "무지개동의 개관 시각은 언제인가요?"
    )
    assert abstains(answer, question)
    assert abstains(answer)


@pytest.mark.parametrize("line", _ANSWERS.splitlines())
def test_answers(line):
    question, answer = line.split("|")
    assert not abstains(answer, question)


def test_what_a_code_means_is_not_known():
    assert abstains("코드 E977의 뜻은 알 수 없습니다.", "오류 코드 E977은 무슨 뜻인가요?")


def test_what_is_asked_for_does_not_exist():
    assert abstains("무지개동은 존재하지 않는 건물입니다.", "무지개동의 개관 시각은 언제인가요?")
    assert abstains("Velorika does not exist.", "Who wrote Velorika?")
    assert not abstains("Velorika does not exist.", "Does Velorika exist?")


def test_an_empty_answer_says_nothing():
    assert not abstains("")
