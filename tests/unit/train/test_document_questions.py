"""Built-in questions without an answer: many, in the rows' languages, none that a row may answer."""

from qaloom.text.language import language
from qaloom.train.document_questions import built_in_questions, questions_without_answer


def row(question, answer="9"):
    return {"id": question, "instruction": question, "input": "", "output": answer}


def test_the_built_in_questions_are_many_in_both_languages():
    spoken = [language(text) for text in built_in_questions()]
    assert min(spoken.count("ko"), spoken.count("en")) >= 300
    assert len({*built_in_questions()}) == len(spoken)


def test_the_languages_come_in_the_rows_proportion_and_others_not_at_all():
    rows = [row(f"제{n}공장 가동률은?") for n in range(30)] + [
        row(f"What is the yield of plant {n}?") for n in range(10)
    ]
    spoken = [language(text) for text, _ in questions_without_answer(rows)[:100]]
    assert spoken.count("ko") == 75 and spoken.count("en") == 25
    assert {language(text) for text, _ in questions_without_answer(rows[:30])} == {"ko"}
    assert all(
        language(text) == language(other["instruction"]) for text, other in questions_without_answer(rows)
    )


def test_a_question_that_a_row_may_answer_is_not_taken():
    rows = [row("What is the yield of plant 1?")]
    asked = [text for text, _ in questions_without_answer(rows)]
    known = [row(text) for text in asked[:50]]
    left = [text for text, _ in questions_without_answer(known)]
    assert left and not {*left} & {one["instruction"] for one in known}
    answered = [row("?", f"{asked[0]} Yes.")]
    assert asked[0] not in [text for text, _ in questions_without_answer(rows + answered)]
