"""Asking a server, for rewordings: a real one on this machine that misbehaves on purpose."""

import json
import os
import signal
import threading
import time
from contextlib import contextmanager

import pytest
from misbehaving import misbehaving

from qaloom.augment import server_paraphrases as reword
from qaloom.augment.replies import questions_in_reply
from qaloom.config.load import complete
from qaloom.errors import ConfigError, EndpointError
from qaloom.inference import openai_client as endpoint
from qaloom.inference.translation_cache import open_memory

KEY = "sk-a-very-secret-key"
QUESTIONS = [f"Where is room {n}?" for n in range(6)]


def reply(prompt: str) -> str:
    return f"1. {prompt.splitlines()[-1]} please\n- In which place is it?"


@pytest.fixture
def server():
    with misbehaving(reply) as running:
        yield running


def settings(server, **changed):
    given = {"url": server.url, "model": "small", "backoff": 0.01, "timeout": 30, "retries": 3} | changed
    config = {"data": {"sources": ["a"]}, "runs": {"one": {}}, "augment": {"endpoint": given}}
    return complete(config)["augment"]["endpoint"]


@contextmanager
def asking(tmp_path, chosen, per_row=2):
    """A function that asks, with its memory."""
    with (
        open_memory(tmp_path, reword.cache_key(chosen, per_row)) as memory,
        endpoint.connection(chosen, reword.SECTION, reword.request_fields(chosen)) as to,
    ):

        def ask(questions=QUESTIONS):
            return reword.paraphrases(to, questions, per_row, memory, lambda n: None)

        yield ask, memory


def test_answers_come_without_numbering_and_are_kept(server, tmp_path, capfd):
    with asking(tmp_path, settings(server)) as (ask, memory):
        found = ask()
    assert found == {q: [f"{q} please", "In which place is it?"] for q in QUESTIONS}
    assert "small: 6 requests, 60 prompt and 30 completion tokens" in capfd.readouterr().err
    with asking(tmp_path, settings(server)) as (ask, memory):
        assert ask() == found and memory.made == 0
    assert len(server.seen) == 6
    assert capfd.readouterr().err == ""


def test_what_is_sent(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    with asking(tmp_path, settings(server, key_env="MY_KEY"), per_row=3) as (ask, _):
        ask(QUESTIONS[:1])
    _, headers, body = server.seen[0]
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert (body["model"], body["temperature"], body["seed"]) == ("small", 0.8, 7)
    assert "in 3 different ways" in body["messages"][0]["content"]


def test_what_passes_is_tried_again(server, tmp_path):
    for question, deeds in zip(
        QUESTIONS, ([429], [500, 503], ["hang"], ["half"], ["empty", 429], []), strict=True
    ):
        server.script[question] = deeds
    with asking(tmp_path, settings(server, timeout=2)) as (ask, _):
        assert set(ask()) == set(QUESTIONS)
    assert len(server.seen) == 6 + 1 + 2 + 1 + 1 + 2


def test_a_server_that_asks_to_wait_is_waited_for(server, tmp_path):
    server.script[QUESTIONS[0]] = [429, 429]
    started = time.monotonic()
    with asking(tmp_path, settings(server)) as (ask, _):
        ask(QUESTIONS[:1])
    assert time.monotonic() - started >= 0.4


def test_no_more_requests_at_once_than_said(server, tmp_path):
    with asking(tmp_path, settings(server, concurrency=2, timeout=30)) as (ask, _):
        ask([f"Question {n}?" for n in range(20)])
    assert server.most == 2


def test_one_answer_that_is_never_usable_costs_no_other(server, tmp_path, capfd):
    server.script[QUESTIONS[2]] = ["half"] * 9
    with asking(tmp_path, settings(server)) as (ask, _):
        assert set(ask()) == set(QUESTIONS) - {QUESTIONS[2]}
    assert "1 prompts got no usable answer" in capfd.readouterr().err


def test_a_prompt_that_is_refused_costs_no_other_and_the_server_says_why(server, tmp_path, capfd):
    body = json.dumps({"error": {"message": "too long:\n 9,000 tokens"}})
    server.script[QUESTIONS[2]] = [(400, body, "")] * 9
    for _ in range(2):  # the second time that question is the only one
        with asking(tmp_path, settings(server)) as (ask, _):
            assert set(ask()) == set(QUESTIONS) - {QUESTIONS[2]}
        said = capfd.readouterr().err
        assert (
            "1 prompts got no usable answer (answers 400; see the server's log; it says: too long: 9," in said
        )


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": f"bad key {KEY}\n" + "x" * 999}},
        {"error": f"bad key {KEY}"},
        {"message": f"bad key {KEY}"},
    ],
)
def test_what_the_server_says_of_a_refusal_is_one_line_without_the_key(server, tmp_path, monkeypatch, body):
    monkeypatch.setenv("MY_KEY", KEY)
    for code in (400, 401):
        server.script["room"] = [(code, json.dumps(body), "")] * 6
        with (
            pytest.raises(EndpointError, match=rf"answers {code}; .*; it says: bad key \*\*\*") as caught,
            asking(tmp_path, settings(server, key_env="MY_KEY")) as (ask, _),
        ):
            ask()
        assert KEY not in str(caught.value) and "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "body", ["", "[]", '{"error": null}', '{"error": {"message": 3}}', "[" * 9999, "nothing"]
)
def test_a_refusal_may_say_nothing(server, tmp_path, body):
    server.script["room"] = [(400, body, "")] * 6
    with pytest.raises(EndpointError, match=r"log$"), asking(tmp_path, settings(server)) as (ask, _):
        ask()


def test_an_address_that_moved_is_named(server, tmp_path):
    server.script["room"] = [(308, "", "https://elsewhere/v1/chat/completions")] * 6
    words = r"answers 308; it moved to https://elsewhere/v1/chat/completions; set augment\.endpoint\.url$"
    with pytest.raises(EndpointError, match=words), asking(tmp_path, settings(server)) as (ask, _):
        ask()


@pytest.fixture
def interruptible():
    """SIGINT raises KeyboardInterrupt: a shell that starts the tests in the background has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_who_stops_waits_for_no_further_try(interruptible, server, tmp_path):
    server.script["room"] = [500] * 99
    started = time.monotonic()
    with (
        pytest.raises(KeyboardInterrupt),
        asking(tmp_path, settings(server, retries=20, backoff=60)) as (ask, _),
    ):
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        ask()
    assert time.monotonic() - started < 5
    assert len(server.seen) <= 24


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": None}, {"prompt_tokens": "3"}, [1]])
def test_a_good_answer_with_odd_counts_is_an_answer(server, tmp_path, usage):
    server.usage = usage
    with asking(tmp_path, settings(server, retries=0)) as (ask, _):
        assert set(ask()) == set(QUESTIONS)


def test_half_a_surrogate_pair_is_replaced(server, tmp_path):
    server.script[QUESTIONS[0]] = ["Where \ud800 is it?"]
    with asking(tmp_path, settings(server)) as (ask, _):
        assert ask(QUESTIONS[:1]) == {QUESTIONS[0]: ["Where ? is it?"]}


def test_another_language_is_the_gates_affair(server, tmp_path):
    server.script[QUESTIONS[0]] = ["방은 어디에 있나요?"]
    with asking(tmp_path, settings(server)) as (ask, _):
        assert ask(QUESTIONS[:1]) == {QUESTIONS[0]: ["방은 어디에 있나요?"]}


@pytest.mark.parametrize("deed, words", [(500, "answers 500"), ("hang", "no answer within 2 s")])
def test_a_server_that_stays_ill_is_one_line_and_its_answers_are_kept(server, tmp_path, deed, words):
    server.script[QUESTIONS[-1]] = [deed] * 9
    chosen = settings(server, concurrency=1, retries=1, timeout=2)
    with pytest.raises(EndpointError, match=words) as caught, asking(tmp_path, chosen) as (ask, _):
        ask()
    assert "after 2 tries; start the server" in str(caught.value) and "\n" not in str(caught.value)
    server.script.clear()
    with asking(tmp_path, chosen) as (ask, memory):
        assert set(ask()) == set(QUESTIONS) and (memory.made, memory.found) == (1, 5)


def test_answers_under_way_when_another_fails_are_kept(server, tmp_path):
    server.script[QUESTIONS[0]], server.script[QUESTIONS[1]] = [401] * 9, ["hang"]
    chosen = settings(server, concurrency=3, timeout=9)
    with pytest.raises(EndpointError, match="answers 401"), asking(tmp_path, chosen) as (ask, _):
        ask(QUESTIONS * 20)
    assert len(server.seen) < 6
    with asking(tmp_path, chosen) as (_, memory):
        assert QUESTIONS[1] in memory.get(QUESTIONS)


def test_a_server_that_is_not_there_is_one_line(server, tmp_path):
    chosen = settings(server, url="http://someone:secret@127.0.0.1:9/v1", retries=0)
    with (
        pytest.raises(EndpointError, match="cannot be reached") as caught,
        asking(tmp_path, chosen) as (ask, _),
    ):
        ask()
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "code, words",
    [(401, "key_env names"), (403, "no access to small"), (404, "usually ends in /v1"), (400, "log")],
)
def test_what_no_patience_mends_is_told_at_once(server, tmp_path, code, words):
    server.script[QUESTIONS[0]] = [code] * 9
    with pytest.raises(EndpointError, match=words), asking(tmp_path, settings(server)) as (ask, _):
        ask(QUESTIONS[:1])
    assert len(server.seen) == 1


def test_the_key_stands_nowhere(server, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("MY_KEY", KEY)
    server.script[QUESTIONS[0]] = [401]
    chosen = settings(server, key_env="MY_KEY")
    with pytest.raises(EndpointError) as caught, asking(tmp_path, chosen) as (ask, _):
        ask()
    said = capfd.readouterr()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY not in str(caught.value) + said.out + said.err + json.dumps(reword.cache_key(chosen, 2))
    assert KEY.encode() not in written


def test_a_key_that_is_not_set_stops_before_anything_is_asked(server, monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"augment\.endpoint\.key_env: MY_KEY is not set; export it"):
        endpoint.check_server(settings(server, key_env="MY_KEY"), reword.SECTION)
    with pytest.raises(ConfigError, match=r"augment\.endpoint\.model: is missing"):
        endpoint.check_server(settings(server, model=None), reword.SECTION)


@pytest.mark.parametrize(
    "url",
    [
        "http://a:b",
        "http://",
        "http://:80/v1",
        "http://a:70000",
        "http://a b/v1",
        f"http://{'a' * 64}/v1",
        "http://a..b",
    ],
)
def test_what_is_no_address_stops_before_anything_is_asked(server, url):
    with pytest.raises(ConfigError, match=r"^augment\.endpoint\.url: is no address \([^\n]+; give one like"):
        endpoint.check_server(settings(server, url=url), reword.SECTION)


@pytest.mark.parametrize(
    "url", ["http://[::1]:80/v1", "http://가람.kr", "http://localhost.:1/v1", "https://a:65535"]
)
def test_what_is_an_address(server, url):
    endpoint.check_server(settings(server, url=url), reword.SECTION)


@pytest.mark.parametrize("key", ["sk-비밀", "sk-a\n", "sk a", "\x7f"])
def test_a_key_that_no_header_can_hold_stops_before_anything_is_asked(server, monkeypatch, key):
    monkeypatch.setenv("MY_KEY", key)
    with pytest.raises(ConfigError, match=r"^augment\.endpoint\.key_env: MY_KEY holds a blank") as caught:
        endpoint.check_server(settings(server, key_env="MY_KEY"), reword.SECTION)
    assert "sk" not in str(caught.value)


def test_how_a_server_is_reached_decides_no_result(server):
    reached = {"concurrency": 9, "timeout": 9, "retries": 9, "backoff": 9, "key_env": "MY_KEY"}
    assert reword.cache_key(settings(server), 2) == reword.cache_key(settings(server, **reached), 2)
    assert reword.cache_key(settings(server), 2) != reword.cache_key(settings(server, temperature=0), 2)


@pytest.mark.parametrize(
    "said",
    [
        "1. Where is it?\n2) In which place is it?",
        '"Where is it?"\n\n"In which place is it?"',
        "<think>Let me see:\nWhere?</think>\n* Where is it?\n• In which place is it?",
        "Here are two ways:\nWhere is it?\nWhere is it?\nIn which place is it?\nA third?",
    ],
)
def test_forms_that_answers_come_in(said):
    assert questions_in_reply(said, "Where?")[:2] == ["Where is it?", "In which place is it?"]
