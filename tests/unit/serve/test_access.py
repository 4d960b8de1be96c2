"""Access to make serve: who is answered, under which names, and with which key."""

import os
import subprocess
import sys

import httpx
import pytest
from chat_servers import chat, serving

from qaloom.errors import ConfigError
from qaloom.serve.access import PortError, access_to, api_key, key_in
from qaloom.serve.ask import _asker, ask_server
from qaloom.serve.listening import bound

KEY = "a-key-of-1234567890"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("split"), access=access_to("127.0.0.1", KEY)) as all_three:
        yield all_three


def test_with_a_key_only_its_bearers_are_answered(keyed):
    url = keyed[0]
    refused = chat(url, "a")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")
    assert refused.headers["www-authenticate"] == "Bearer"
    for path in ("/v1/models", "/nowhere"):
        assert httpx.get(f"{url}{path}", headers={"Authorization": f"Bearer {KEY}x"}).status_code == 401
    assert httpx.post(f"{url}/sources", json={"question": "a"}).status_code == 401
    with_key = {"Authorization": f"Bearer {KEY}"}
    assert httpx.get(f"{url}/v1/models", headers=with_key).json()["data"][0]["id"] == "demo"


def test_the_page_and_the_health_check_hold_nothing_and_want_no_key(keyed):
    assert httpx.get(keyed[0]).is_success and httpx.get(f"{keyed[0]}/health").is_success
    assert KEY not in httpx.get(keyed[0]).text


def test_a_key_of_any_characters_is_only_wrong(keyed):
    for wrong in (b"Bearer \xff\xfe", b"Basic YTpi", b""):
        headers = [(b"Authorization", wrong)]
        assert httpx.get(f"{keyed[0]}/v1/models", headers=headers).status_code == 401


def test_ask_sends_the_key_it_is_given(keyed, capsys):
    assert ask_server(keyed[0], "demo", "open?", 8, KEY).text == "tuned: open?"
    _asker(keyed[0], 8, KEY)[1]("open?")
    assert "base: open?" in capsys.readouterr().out
    with pytest.raises(Exception, match=r"refuses: this server wants its API key"):
        _asker(keyed[0], 8)


@pytest.mark.parametrize(
    ("host", "answered", "refused"),
    [
        (
            "127.0.0.1",
            ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"],
            ["evil.example", "10.0.0.1"],
        ),
        ("::1", ["[::1]:8000", "localhost:8000"], ["[::2]", "evil.example:8000"]),
        (
            "0.0.0.0",
            ["10.1.2.3:8000", "[fe80::1]:8000", "localhost"],
            ["evil.example", "10.1.2.3.evil.example"],
        ),
        ("::", ["[2001:db8::5]", "192.0.2.7"], ["evil.example", "2001:db8::5.example"]),
    ],
)
def test_a_request_must_name_this_server(host, answered, refused):
    """A page can lead a browser to any address, but only under the page's own name."""
    access = access_to(host, None)
    assert [name for name in answered if not access.allows_host(name)] == []
    for name in [*refused, "", ":8000", "[", "a@127.0.0.1@evil.example", "*"]:
        assert not access.allows_host(name)


def test_further_names_are_those_given():
    access = access_to("127.0.0.1", None, ["GPU7.lab.example"])
    assert access.allows_host("gpu7.lab.example:8000") and not access.allows_host("x.gpu7.lab.example")


def test_a_page_of_another_site_is_refused_whatever_it_asks(keyed):
    headers = {"Authorization": f"Bearer {KEY}"}
    for origin in ("http://evil.example", "null", f"{keyed[0]}.evil.example", "http://127.0.0.1:1"):
        reply = httpx.get(f"{keyed[0]}/v1/models", headers={**headers, "Origin": origin})
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "foreign_page")
    assert httpx.get(f"{keyed[0]}/v1/models", headers={**headers, "Origin": keyed[0]}).is_success


def test_two_host_headers_or_none_are_refused(keyed):
    from http.client import HTTPConnection

    place = keyed[0].removeprefix("http://")
    for hosts in ([place, "evil.example"], []):
        connection = HTTPConnection(place, timeout=5)
        connection.putrequest("GET", "/health", skip_host=True)
        for host in hosts:
            connection.putheader("Host", host)
        connection.endheaders()
        assert connection.getresponse().status == 400


# ---------------------------------------------------------------- the key


def test_on_loopback_there_is_no_key_unless_one_is_set(monkeypatch, capsys):
    assert [api_key(host, None) for host in ("127.0.0.1", "localhost", "::1")] == [None] * 3
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("MY_KEY", KEY)
    assert api_key("127.0.0.1", "MY_KEY") == api_key("0.0.0.0", "MY_KEY") == KEY
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_elsewhere_a_key_is_made_and_shown_once(host, capsys):
    made = [api_key(host, None) for _ in range(2)]
    shown = capsys.readouterr().err
    assert made[0] != made[1] and all(len(key) >= 40 and shown.count(key) == 1 for key in made)


@pytest.mark.parametrize(
    ("value", "words"), [("", "is not set"), ("a b", "a blank"), ("키", "another character")]
)
def test_a_variable_without_a_usable_key_is_one_line(monkeypatch, value, words):
    monkeypatch.setenv("MY_KEY", value)
    with pytest.raises(ConfigError, match=f"--api-key-env: MY_KEY .*{words}"):
        key_in("MY_KEY")


def test_a_host_that_is_not_known_is_one_line():
    for host in ("nowhere.invalid", "256.1.1.1", "a" * 300):
        with pytest.raises(PortError, match=r"is no address of this machine .*; choose another HOST"):
            access_to(host, None)


@pytest.mark.parametrize("host", ["::1", "::", "localhost"])
def test_ipv6_and_names_can_be_served_on(host):
    import socket

    try:
        with bound(host, 0) as taken:
            taken.listen()
            port = taken.getsockname()[1]
            socket.create_connection(("localhost" if host == "localhost" else "::1", port), timeout=5).close()
            if host == "::":
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except PortError:
        if host == "localhost":
            raise
        pytest.skip("this machine has no IPv6")


def test_the_key_made_stands_on_the_terminal_and_in_no_log_or_process_list(tuned, tmp_path):
    """As a person starts it; it stops since the project holds no split."""
    import shutil

    project = shutil.copytree(tuned, tmp_path / "project", symlinks=True)
    command = [sys.executable, "-m", "qaloom.serve", "demo", "--project", str(project), "--host", "0.0.0.0"]
    done = subprocess.run([*command, "--port", "0"], capture_output=True, text=True, env=os.environ)
    key = done.stderr.partition("shown this once: ")[2].split("\n")[0]
    assert len(key) >= 40 and "holds no training rows" in done.stderr
    assert "holds no training rows" in (project / "logs/serve/demo.log").read_text()
    assert key not in (project / "logs/serve/demo.log").read_text()


def test_vllms_key_goes_by_the_environment(tmp_path, monkeypatch):
    from qaloom.files import write_json
    from qaloom.serve import vllm
    from qaloom.trained_run import TrainedRun

    run, seen = tmp_path / "demo", {}
    write_json(run / "adapter_config.json", {"r": 8, "base_model_name_or_path": "base"})
    write_json(run / "plan.json", {"precision": "16bit"})
    manifest = {"prompt": "chat", "adapter": "a", "base": "b", "settings": {"trust_remote_code": False}}
    write_json(run / "manifest.json", manifest)

    class Process:
        def __init__(self, command, env, **_):
            seen.update(command=command, env=env)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def terminate(self):
            seen["ended"] = True

    monkeypatch.setattr(vllm, "load_tokenizer", lambda *_: None)
    monkeypatch.setattr(vllm, "save_tokenizer", lambda *_: None)
    monkeypatch.setattr(vllm, "_wait", lambda *_: None)
    monkeypatch.setattr(vllm.subprocess, "Popen", Process)
    with vllm.running_vllm(TrainedRun(run), tmp_path, 4096) as (_, headers):
        key = headers["Authorization"].removeprefix("Bearer ")
        assert seen["env"]["VLLM_API_KEY"] == key
        assert not any(key in word for word in seen["command"])
    assert seen["ended"]
