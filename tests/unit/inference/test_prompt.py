"""Prompt: training and asking see the same tokens, one begin token, an end that is learned."""

import re

import pytest
from tiny_model import make_tokenizer

from qaloom.errors import ModelError
from qaloom.inference.prompt import example, prompt_ids, prompt_kind, stop_ids

QUESTION, ANSWER = "본원의 주소는?", "가람시 솔내구"
ENDS = {
    ("plain", "plain"): "</s>",
    ("chatml", "chat"): "<|im_end|>",
    ("chatml", "plain"): "<|im_end|>",
    ("llama3", "chat"): "<|eot_id|>",
    ("llama3", "plain"): "<|end_of_text|>",
    ("mistral", "chat"): "</s>",
    ("mistral", "plain"): "</s>",
}


@pytest.fixture(params=ENDS, ids="-".join)
def case(request):
    """A tokenizer, a prompt kind and the end token expected of them."""
    variant, kind = request.param
    return make_tokenizer(variant), kind, ENDS[request.param]


@pytest.mark.parametrize("given", ["", "건물은 둘이다."])
def test_a_row_is_trained_in_the_prompt_it_is_asked_with(case, given):
    tokenizer, kind, _ = case
    assert example(tokenizer, kind, QUESTION, given, ANSWER).prompt == prompt_ids(
        tokenizer, kind, QUESTION, given
    )


def test_the_answer_is_followed_by_one_end_token(case):
    tokenizer, kind, end = case
    completion = example(tokenizer, kind, QUESTION, "", ANSWER).completion
    assert tokenizer.decode(completion).lstrip() == ANSWER + end  # mistral writes a space before an answer
    assert completion[-1] == tokenizer.convert_tokens_to_ids(end)


def test_an_answer_stops_at_eos_and_at_the_end_of_turn(case):
    tokenizer, kind, end = case
    ends = {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(end)}
    assert stop_ids(tokenizer, kind) == sorted(ends)


def test_the_begin_token_comes_once_where_the_model_has_one(case):
    tokenizer, kind, _ = case
    begins = tokenizer("x")["input_ids"][0] == tokenizer.bos_token_id
    ids = prompt_ids(tokenizer, kind, QUESTION)
    assert ids.count(tokenizer.bos_token_id) == begins
    assert (ids[0] == tokenizer.bos_token_id) is begins


def test_no_prompt_ends_with_an_end_token(case):
    tokenizer, kind, _ = case
    assert prompt_ids(tokenizer, kind, QUESTION)[-1] not in stop_ids(tokenizer, kind)


def test_a_tokenizer_from_a_folder_gives_the_same_prompt(any_tokenizer):
    kind = prompt_kind("auto", any_tokenizer)
    text = any_tokenizer.decode(prompt_ids(any_tokenizer, kind, QUESTION, "둘"))
    assert QUESTION in text and "둘" in text


def test_the_plain_prompt_is_the_guides():
    tokenizer = make_tokenizer("plain")
    assert tokenizer.decode(prompt_ids(tokenizer, "plain", "Q {x}")) == (
        "<s>### Instruction:\nQ {x}\n\n### Response:\n"
    )
    assert tokenizer.decode(prompt_ids(tokenizer, "plain", "Q", "I")) == (
        "<s>### Instruction:\nQ\n\n### Input:\nI\n\n### Response:\n"
    )


def test_auto_is_the_chat_template_where_there_is_one():
    assert prompt_kind("auto", make_tokenizer("plain")) == "plain"
    assert prompt_kind("auto", make_tokenizer("chatml")) == "chat"
    assert prompt_kind("plain", make_tokenizer("chatml")) == "plain"


def test_a_chat_without_a_template_is_refused():
    with pytest.raises(ModelError, match="no chat template; write prompt: plain or auto"):
        prompt_kind("chat", make_tokenizer("plain"))


def test_a_tokenizer_without_an_end_token_is_refused():
    tokenizer = make_tokenizer("plain")
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="no end token"):
        prompt_kind("auto", tokenizer)


def test_a_prompt_is_the_same_on_every_day():
    tokenizer = make_tokenizer("llama3")
    assert "26 Jul 2024" in tokenizer.decode(prompt_ids(tokenizer, "chat", QUESTION))
    tokenizer.chat_template = "{{ strftime_now('%Y-%m-%d') }}" + tokenizer.chat_template
    assert not re.search(r"20\d\d-", tokenizer.decode(prompt_ids(tokenizer, "chat", QUESTION)))


@pytest.mark.parametrize(
    ("end", "learned"),
    [
        ("<|eot_id|>\n{{ eos_token }}", "<|eot_id|>"),  # Phi-3: end of turn, then end of text
        ("\n", "</s>"),  # no end in the template
        (" ###\n", "###</s>"),  # an end of plain characters
    ],
)
def test_an_end_of_turn_is_learned_up_to_its_first_special_token(end, learned):
    tokenizer = make_tokenizer("plain")
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}" + end + "{% endfor %}"
    completion = example(tokenizer, "chat", QUESTION, "", ANSWER).completion
    assert tokenizer.decode(completion) == ANSWER + learned
    assert completion[-1] in stop_ids(tokenizer, "chat")


def test_a_model_that_can_think_is_asked_not_to():
    tokenizer = make_tokenizer("chatml")
    tokenizer.chat_template += (
        "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
    )
    assert tokenizer.decode(prompt_ids(tokenizer, "chat", QUESTION)).endswith("<think></think>")
