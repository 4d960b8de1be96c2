"""Refusals: answers that deny that the question can be answered from the text, and denials that are answers."""

import pytest

from qaloom.dedup.filters import refusal
from qaloom.records import Row


def refused(question, answer):
    return bool(refusal(Row("0", question, "", answer, "a.jsonl", 1, "a", "{}")))


@pytest.mark.parametrize(
    "answer",
    [
        "제공된 문맥에서 찾을 수 없습니다.",
        "죄송합니다. 주어진 문서에는 해당 정보가 없습니다.",
        "해당 정보를 찾을 수 없습니다.",
        "문서에 언급되어 있지 않으므로 이 문서에서는 알 수 없습니다.",
        "본문에 명시되어 있지 않습니다.",
        "본문에는 그에 대한 설명이 나오지 않습니다.",
        "지문에서 언급하지 않았습니다.",
        "제시된 자료만으로는 판단하기 어렵습니다.",
        "해당 질문에 대한 답은 문서에 없습니다.",
        "문서에 관련 내용이 없어 답변할 수 없습니다.",
        "컨텍스트에 정보가 부족합니다.",
        "이 이미지만으로는 정확한 위치를 알 수 없습니다.",
        "주어진 정보로는 답할 수 없습니다.",
        "이 글은 개장 시각을 언급하지 않습니다.",
        "제공된 내용에는 대표자의 이름이 포함되어 있지 않습니다.",
        "주어진 표에는 가격에 대한 정보가 없습니다.",
        "알 수 없습니다.",
        "잘 모르겠습니다.",
        "답변드릴 수 없습니다.",
        "그 질문에는 답변할 수 없습니다.",
        "정보 없음",
        "답변 불가",
        "죄송하지만 알 수 없습니다.",
        "AI 언어 모델로서 답변을 드리기 어렵습니다.",
        "저는 인공지능 모델이므로 실시간 정보를 알 수 없습니다.",
        "설립 연도에 대한 정보는 제공되지 않았습니다.",
        "정보가 부족하여 정확한 답변을 드릴 수 없습니다.",
        "I'm sorry, but the context does not mention who designed the logo.",
        "I don’t know.",
        "N/A",
        "Not specified",
        "The provided image does not contain enough information to answer this question.",
        "There is no information about the price in the document.",
        "It is not mentioned in the provided text.",
        "As an AI language model, I cannot access files.",
        "The text doesn't specify a date.",
        "The passage gives no date.",
        "This is not covered in the given document.",
        "Based on the provided context, I cannot determine the year.",
        "The answer cannot be determined from the given information.",
        "Not enough information to answer the question.",
        "I'm sorry, I can't help with that.",
        "Unfortunately, the document does not say when the shop opened.",
        "The passage describes the shop. It does not mention an owner.",
        "No information is provided about the owner.",
        "Sorry, I do not have enough information to answer.",
        "The context provided does not include the phone number.",
        "It is unclear from the passage.",
    ],
)
def test_refusals(answer):
    assert refused("누구의 집 주소인가요?", answer)
    assert refused("Where is the shop of the Garam company?", answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("지운 사진을 되돌릴 수 있나요?", "해당 사진은 삭제 후 되돌릴 수 없습니다."),
        ("손가락을 다치면 어떻게 되나요?", "지문 인식이 안 되면 문을 열 수 없습니다."),
        ("섬에도 배달되나요?", "죄송합니다. 섬 지역은 배달하지 않습니다."),
        ("BERT는 무엇인가요?", "구글이 만든 언어 모델입니다."),
        ("서류가 모자라면요?", "관련 정보가 부족하면 심사를 미루고 보완을 요청합니다."),
        ("심사가 미뤄진 까닭은 무엇인가요?", "제출한 정보가 부족합니다."),
        ("이 약을 먹으면 안 되는 사람은 누구인가요?", "해당 없음"),
        ("해당되는 부작용은?", "해당 사항 없음"),
        ("값이 없는 칸은 무엇으로 나오나요?", "None"),
        ("대기 순번이 없으면 화면에 무엇이 표시되나요?", "알 수 없음"),
        ("404는 무슨 뜻인가요?", "찾을 수 없음"),
        ("수당을 못 받는 사람은 누구인가요?", "해당 내용이 없는 경우 받지 못합니다."),
        ("인증을 안 하면 상담이 되나요?", "본인 인증 전에는 답변을 드릴 수 없습니다."),
        ("계약서를 나중에 고쳐도 되나요?", "본 문서는 서명 후 수정할 수 없습니다."),
        ("이 자료를 밖에 줘도 되나요?", "이 자료는 외부에 제공하지 않습니다."),
        ("비밀번호를 확인할 수 있나요?", "확인할 수 없습니다."),
        ("이 파일에 비밀번호가 들어 있나요?", "이 파일에는 비밀번호가 포함되어 있지 않습니다."),
        ("예약 없이 볼 수 있나요?", "예약 없이는 관람할 수 없습니다."),
        ("전화 상담은 밤에도 되나요?", "밤에는 어렵습니다."),
        ("수수료가 있나요?", "별도의 수수료가 없습니다."),
        ("보증서에 습기 피해가 나오나요?", "보증 범위에 습기 피해는 없습니다."),
        ("문서에 가격이 있나요?", "가격은 나와 있지 않지만 보증 기간은 2년입니다."),
        ("영업 비밀은 공개되나요?", "영업 비밀에 관한 내용은 공개하지 않습니다."),
        ("챗봇은 어떻게 답하나요?", "언어 모델로 답을 만듭니다."),
        ("Can a stamp be left out?", "No, the document is not valid without a stamp"),
        ("May titles hold emojis?", "The text cannot contain emojis."),
        ("How large may a photo be?", "An image cannot be larger than 5 MB"),
        ("Are covers counted?", "The cover is not included in the page count."),
        ("How do you say 미안합니다 in English?", "I am sorry."),
        ("Which fees apply to guests?", "None"),
        ("What does 404 mean?", "Not found"),
        ("What does find() print when the key is missing?", "Sorry, I am unable to find the key."),
        ("Can deleted mail come back?", "It cannot be restored."),
        ("Is visitor data kept?", "No information about visitors is stored."),
        ("Does the document include an appendix?", "The document does not include an appendix."),
        ("Are batteries in the box?", "The package does not include batteries."),
        ("What does GPT do?", "As a language model, it predicts the next word."),
        ("What is the status of a host that is silent?", "Unknown"),
        ("Which clause covers water?", "The warranty does not cover water damage."),
        ("Do staff need a permit?", "Employees do not need a permit."),
        ("What should I do first?", "Call the help desk if you are not sure."),
        ("Do guests see prices?", "The page does not show prices to guests."),
    ],
)
def test_denials_that_answer(question, answer):
    assert not refused(question, answer)


def test_an_abstention_that_is_taught_is_an_answer():
    assert not refused("가람병원의 주차 요금은 얼마인가요?", "문서에서 확인할 수 없습니다.")


def test_a_long_answer_says_more_than_no():
    assert not refused(
        "가격은?", "본문에 명시되어 있지 않습니다. " + "다만 다음을 참고하면 알 수 있다. " * 20
    )
