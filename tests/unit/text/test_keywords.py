"""Keywords of a question."""

import pytest

from qaloom.text.keywords import search_words


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What is the warranty period of the AB-12 pump?", "warranty period AB-12 pump"),
        ("Where can I get the office's key?", "get office's key"),
        ("창고의 주소는 어디인가요?", "창고 주소"),
        ("출입증을 잃어버리면 어디에 신고해야 하나요?", "출입증 잃어버리기 신고"),
        ("누구인가요?", ""),
        ("", ""),
    ],
)
def test_content_words_in_order(question: str, words: str) -> None:
    assert " ".join(search_words(question)) == words
