"""Lines of the terminal in Korean: names stay as they are, values are put in, what is unknown is shown as it is."""

import pytest

from qaloom.sentences import in_korean, line_in_korean


@pytest.mark.parametrize(
    ("line", "korean"),
    [
        (
            "validate: 40 lines in 2 files, 39 rows kept, 1 set aside (not_json 1)",
            "validate: 파일 2개의 40줄에서 39행 사용, 1행 제외 (not_json 1)",
        ),
        ("data/a.jsonl: 1 line, 1 row kept", "data/a.jsonl: 1줄 가운데 1행 사용"),
        (
            "augment: 40 rows, 10 paraphrases proposed, 9 kept, 280 forms; 8 of 10 facts have 5 wordings",
            "augment: 40행, 제안된 패러프레이즈 10개 중 9개 채택, 다른 형식의 질문 280개; 사실 10개 중 8개가 표현 5개",
        ),
        (
            "  Training demo, 60 s: train: demo: 12 of 181 steps, 2 s each, 5 min left, loss 1.5",
            "  demo 학습, 60초: train: demo: 181 중 12, 개당 2초, 남은 시간 5분, 손실 1.5",
        ),
        ("https://a.example/x: whatever: it is", "https://a.example/x: whatever: it is"),
    ],
)
def test_a_line_is_said_in_korean(line, korean):
    assert line_in_korean(line) == korean


def test_what_stands_nowhere_has_no_korean():
    assert in_korean("no such sentence") is None
