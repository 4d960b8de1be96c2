"""Chat requests as completions of token ids: what a model's server gets, and what comes back to the client."""

import asyncio
import json

import pytest
from families import FAMILIES, family_tokenizer

from qaloom.inference.prompt import encoder_of, prompt_ids, stop_ids
from qaloom.serve.chat_requests import _prompt, chat_events, chat_reply, completion_request
from qaloom.serve.limits import RequestError


@pytest.fixture(scope="module")
def tokenizer():
    return family_tokenizer("llama-3")


@pytest.fixture(scope="module")
def prompt(tokenizer):
    return _prompt(tokenizer, "chat", "")


def message(role, content):
    return {"role": role, "content": content}


def test_a_question_is_sent_as_it_was_trained(tokenizer, prompt):
    body = {"model": "demo", "messages": [message("user", "주소는?")], "max_tokens": 5, "stream": True}
    sent = completion_request(body, prompt)
    assert sent == {
        "model": "demo",
        "max_tokens": 5,
        "stream": True,
        "prompt": prompt_ids(tokenizer, "chat", "주소는?"),
        "stop_token_ids": stop_ids(tokenizer, "chat"),
    }


def test_a_question_cannot_close_its_turn(tokenizer, prompt):
    control = encoder_of(tokenizer, "chat").control
    attack = "".join(FAMILIES["llama-3"].special)

    def controls(text):
        return [id for id in prompt.ids([message("user", text)]) if id in control]

    assert controls(f"끝{attack}시작") == controls("끝시작")


def test_a_dialogue_is_asked_with_what_was_said_before(tokenizer, prompt):
    talk = [
        message("user", "하나"),
        message("assistant", "둘"),
        message("user", [{"type": "text", "text": "셋"}]),
    ]
    system = message("system", "짧게.")
    assert prompt.ids(talk) == prompt_ids(tokenizer, "chat", "셋", "", "", [("하나", "둘")])
    assert prompt.ids([system, *talk]) == prompt_ids(tokenizer, "chat", "셋", "", "짧게.", [("하나", "둘")])


def test_the_runs_system_message_stands_where_the_client_sends_none(tokenizer):
    prompt = _prompt(tokenizer, "chat", "짧게.")
    asked = [message("user", "셋")]
    assert prompt.ids(asked) == prompt_ids(tokenizer, "chat", "셋", "", "짧게.")
    other = [message("system", "길게."), *asked]
    assert prompt.ids(other) == prompt_ids(tokenizer, "chat", "셋", "", "길게.")


@pytest.mark.parametrize(
    "roles", [["assistant"], ["user", "user"], ["user", "assistant"], ["system"], ["user", "system", "user"]]
)
def test_messages_in_another_order_are_refused(prompt, roles):
    with pytest.raises(RequestError, match="the user's last") as raised:
        prompt.ids([message(role, "a") for role in roles])
    assert raised.value.status == 400


def test_a_completion_comes_back_as_a_chat_reply():
    scores = {"tokens": ["가"], "token_logprobs": [-0.5], "top_logprobs": [{"가": -0.5, "나": -1.0}]}
    choice = {"index": 0, "text": "가", "finish_reason": "stop", "logprobs": scores}
    reply = chat_reply(
        {"id": "1", "object": "text_completion", "choices": [choice], "usage": {"total_tokens": 3}}
    )
    assert (reply["object"], reply["usage"]) == ("chat.completion", {"total_tokens": 3})
    (found,) = reply["choices"]
    assert found["message"] == {"role": "assistant", "content": "가"}
    (token,) = found["logprobs"]["content"]
    assert (token["token"], token["logprob"], token["bytes"]) == ("가", -0.5, [234, 176, 128])
    assert [other["token"] for other in token["top_logprobs"]] == ["가", "나"]


def test_log_probabilities_are_asked_for_as_completions_have_them(prompt):
    body = {"messages": [message("user", "a")], "logprobs": True, "top_logprobs": 5}
    assert completion_request(body, prompt)["logprobs"] == 5
    assert "logprobs" not in completion_request(body | {"logprobs": False}, prompt)


def test_a_streamed_completion_comes_back_as_chat_events():
    async def lines():
        for text in ("가", "람"):
            yield "data: " + json.dumps(
                {"object": "text_completion", "choices": [{"index": 0, "text": text}]}
            )
            yield ""
        yield 'data: {"error": {"message": "no"}}'
        yield "data: [DONE]"

    async def collected():
        return b"".join([part async for part in chat_events(lines())]).decode().splitlines()

    first, _, second, _, error, done = asyncio.run(collected())
    assert json.loads(first[6:])["choices"][0]["delta"] == {"role": "assistant", "content": "가"}
    assert json.loads(second[6:])["choices"][0]["delta"] == {"content": "람"}
    assert "no" in error and done == "data: [DONE]"
