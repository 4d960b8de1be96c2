"""A model server on this machine that misbehaves on purpose."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Misbehaving(ThreadingHTTPServer):
    """Says what `reply` makes of a prompt, once it has done the deeds that `script` holds for it.

    `script`: for a text that stands in a prompt, deeds for one request after the other: a status, alone or
    with a body and a Location, hang, half (of a body), empty, or a text to say instead.
    """

    def __init__(self, reply: Callable[[str], str]):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = reply
        self.script: dict[str, list[int | str | tuple[int, str, str]]] = defaultdict(list)
        self.seen: list[tuple[str, dict, dict]] = []  # prompt, headers, body
        self.usage: dict | None = {"prompt_tokens": 10, "completion_tokens": 5}
        self.lock = threading.Lock()
        self.now = self.most = 0  # requests at once
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def deed(self, prompt: str) -> int | str:
        deeds = next((deeds for text, deeds in self.script.items() if text in prompt and deeds), [])
        return deeds.pop(0) if deeds else "well"


class _Handler(BaseHTTPRequestHandler):
    server: Misbehaving

    def do_POST(self):
        server, body = self.server, json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][0]["content"]
        with server.lock:
            server.seen.append((prompt, dict(self.headers), body))
            server.now += 1
            server.most = max(server.most, server.now)
            deed = server.deed(prompt)
        time.sleep(0.02)
        with server.lock:  # before the reply, after which the client may send the next request at once
            server.now -= 1
        with suppress(OSError):  # the client has gone
            self._do(deed, prompt)

    def _do(self, deed, prompt):
        if deed == "hang":
            time.sleep(4)  # longer than the tests that let it hang wait
        if isinstance(deed, int):
            deed = deed, "", ""
        if isinstance(deed, tuple):
            status, body, location = deed
            self.send_response(status)
            self.send_header("Retry-After", "0.2")
            self.send_header("Content-Length", str(len(body.encode())))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body.encode())
            return
        said = self.server.reply(prompt) if deed in ("well", "hang", "half") else deed
        answer = {
            "choices": [{"message": {"content": " " if said == "empty" else said}}],
            "usage": self.server.usage,
        }
        text = json.dumps(answer).encode()
        if deed == "half":
            text = text[: len(text) // 2]
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@contextmanager
def misbehaving(reply: Callable[[str], str]) -> Iterator[Misbehaving]:
    """The server, running."""
    with Misbehaving(reply) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
