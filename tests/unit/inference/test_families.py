"""Model families: rows are trained and asked in the family's own words, and row text never becomes a control token."""

import pytest
from families import FAMILIES, family_tokenizer

from qaloom.errors import ModelError, RowTextError
from qaloom.export.merge import save_tokenizer
from qaloom.inference.chat_template import client_message
from qaloom.inference.encoding import begin_ids
from qaloom.inference.frame import frame, pinned_values
from qaloom.inference.prompt import encoder_of, example, load_tokenizer, prompt_ids, prompt_kind, stop_ids

QUESTION, ANSWER = "본원의 주소는 어디인가요? 🎉", "가람시 솔내구 27\n`x = {y}` <b>2층</b>"
ATTACK = " ".join(
    [
        "끝",
        *sorted({token for family in FAMILIES.values() for token in (*family.special, *family.added)}),
        "시작",
    ]
)


@pytest.fixture(scope="module", params=FAMILIES)
def tokenizer(request):
    return family_tokenizer(request.param)


def control_ids(tokenizer, kind, ids):
    return [id for id in ids if id in encoder_of(tokenizer, kind).control]


def test_control_tokens_in_a_row_stay_text(tokenizer, kind):
    plain = example(tokenizer, kind, QUESTION, "", ANSWER)
    attack = written_by(tokenizer, ATTACK)
    answer = f"{attack} {ANSWER}".replace("</think>", "")  # what stands before it counts as a thought
    attacked = example(tokenizer, kind, attack, attack, answer)
    assert control_ids(tokenizer, kind, attacked.prompt) == control_ids(tokenizer, kind, plain.prompt)
    assert control_ids(tokenizer, kind, attacked.completion) == [attacked.completion[-1]]
    assert tokenizer.decode(attacked.completion[:-1]).lstrip() == answer
    assert attack in tokenizer.decode(attacked.prompt)


def written_by(tokenizer, text):
    """A text in characters that the tokenizer can write: SentencePiece writes spaces as U+2581."""
    return text.replace("▁", "_") if tokenizer.decode(encoded(tokenizer, "a▁a")) != "a▁a" else text


def encoded(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def test_prompt_and_answer_are_the_templates_finished_dialogue(tokenizer, kind):
    if kind == "plain":
        pytest.skip("no chat template")
    content = [{"type": "text", "text": QUESTION}], [{"type": "text", "text": ANSWER}]
    question, answer = content if frame(tokenizer).layout.in_parts else (QUESTION, ANSWER)
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    finished = tokenizer.apply_chat_template(turns, tokenize=False, **pinned_values())
    finished = tokenizer.decode(encoded(tokenizer, finished))  # SentencePiece adds spaces
    row = example(tokenizer, kind, QUESTION, "", ANSWER)
    written = tokenizer.decode(row.prompt + row.completion)
    if "<think>\n\n</think>\n\n" in written and "<think>" not in finished:
        written = written.replace(
            "<think>\n\n</think>\n\n", ""
        )  # an empty thought, which a dialogue does not keep
    end = tokenizer.convert_ids_to_tokens(row.completion[-1])
    finished = finished.rstrip().removesuffix(end).rstrip()  # Llama 2 writes a space before the end
    assert finished == written.removesuffix(end) or finished.startswith(written)


def test_an_answer_begins_where_its_prompt_ends(tokenizer, kind):
    row = example(tokenizer, kind, QUESTION, "", ANSWER)
    assert row.prompt == prompt_ids(tokenizer, kind, QUESTION)
    assert row.completion[-1] in stop_ids(tokenizer, kind)
    assert not {*row.prompt[-1:]} & set(stop_ids(tokenizer, kind))


@pytest.mark.parametrize("wanted", ["auto", "plain"])
@pytest.mark.parametrize("given", ["", "두 건물이 있다."])
def test_an_exported_template_asks_as_training_did(tokenizer, wanted, tmp_path, given):
    kind = prompt_kind(wanted, tokenizer)
    save_tokenizer(tokenizer, kind, tmp_path)
    exported = load_tokenizer(tmp_path)
    asked = [{"role": "user", "content": client_message(kind, QUESTION, given)}]
    text = exported.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    assert "generation" not in exported.chat_template.replace("add_generation_prompt", "")
    assert exported(text, add_special_tokens=False)["input_ids"] == prompt_ids(
        tokenizer, kind, QUESTION, given
    )


def test_the_begin_token_comes_once(tokenizer, kind):
    begin = begin_ids(tokenizer)
    if begin and not (kind == "chat" and "bos_token" not in tokenizer.chat_template):
        assert prompt_ids(tokenizer, kind, QUESTION).count(begin[0]) == 1


def test_answers_of_thinking_models_follow_an_empty_thought():
    for name in ("qwen-3", "deepseek-r1", "hyperclova-x"):
        tokenizer = family_tokenizer(name)
        prompt = tokenizer.decode(prompt_ids(tokenizer, "chat", QUESTION))
        assert prompt.endswith("<think>\n\n</think>\n\n"), name


def test_answers_of_channels_go_to_the_final_one():
    tokenizer = family_tokenizer("gpt-oss")
    assert tokenizer.decode(prompt_ids(tokenizer, "chat", "a")).endswith("<|channel|>final<|message|>")


def test_a_template_that_changes_a_row_sets_it_aside():
    tokenizer = family_tokenizer("qwen-3")
    with pytest.raises(RowTextError, match="chat template changes its answer"):
        example(tokenizer, "chat", QUESTION, "", "생각 </think> 가람시")
    tokenizer.chat_template = "{% for m in messages %}{{ m.content | lower }}{% endfor %}"
    with pytest.raises(RowTextError, match="chat template changes its question"):
        example(tokenizer, "chat", "Where IS it?", "", ANSWER)
    assert "Where IS it?" in tokenizer.decode(prompt_ids(tokenizer, "chat", "Where IS it?"))


def test_a_row_cannot_name_a_control_token_by_its_placeholder():
    tokenizer = family_tokenizer("llama-3")
    assert prompt_ids(tokenizer, "chat", "가\ufdda\ufdd1\ufdda") == prompt_ids(tokenizer, "chat", "가")


def test_a_vocabulary_that_holds_a_control_token_as_a_word_sets_the_row_aside():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    unigram = Tokenizer(models.Unigram([("<unk>", 0.0), ("</s>", 0.0), ("a", -1.0)], unk_id=0))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=unigram, eos_token="</s>", unk_token="<unk>")
    with pytest.raises(RowTextError, match="control token"):
        prompt_ids(tokenizer, "plain", "a</s>a")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ raise_exception('no') }}", "chat template fails"),
        ("{{ messages[0].content.a.b }}", "chat template fails"),
        ("hello", "leaves the question out"),
        (
            "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}A:{% endif %}",
            "asks for an",
        ),
        ("{% for m in messages %}", "chat template fails"),
    ],
)
def test_a_broken_template_is_one_line(template, problem):
    tokenizer = family_tokenizer("llama-3")
    tokenizer.chat_template = template
    with pytest.raises(ModelError, match=problem) as raised:
        prompt_ids(tokenizer, "chat", QUESTION)
    assert "\n" not in str(raised.value)


def test_an_answer_with_characters_that_the_model_lacks_sets_the_row_aside():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({"<unk>": 0, "</s>": 1, "a": 2}, unk_token="<unk>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="</s>", unk_token="<unk>")
    with pytest.raises(RowTextError, match="cannot write its answer"):
        example(tokenizer, "plain", "a", "", "🎉")
