"""A model's server that answers at once, and `make serve`'s application in front of it."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from placements import placement
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from qaloom.evaluate.grounding import Grounding
from qaloom.evaluate.retrieval import Index
from qaloom.files import read_lines, write_lines
from qaloom.records import Placement, read_questions
from qaloom.report.quotes import Quoted
from qaloom.serve.access import Access, access_to
from qaloom.serve.app import Backend, application
from qaloom.serve.chat_requests import ChatPrompt
from qaloom.serve.corrections import Corrections
from qaloom.serve.grounded import GroundedAnswers, Places
from qaloom.serve.sources import Nearest

ROWS = [
    ("01", "본원의 주소는 어디인가요?", "가람시 솔내구 물빛로 27", "qa/office.jsonl", 3),
    ("02", "주소를 알려 주세요.", "가람시 솔내구 물빛로 27", "qa/office.jsonl", 9),
    ("03", "When is the library open?", "weekdays from 9:30 to 17:00", "qa/library.jsonl", 12),
    ("04", "Who approves travel?", "the head of department", "qa/travel.jsonl", 1),
]
CLIENT = httpx.Client(timeout=30)  # one for all: a client of its own costs 50 ms a call


def _letters(messages: list[dict]) -> list[int]:
    content = messages[-1]["content"]
    return list(map(ord, content if isinstance(content, str) else content[0]["text"]))


LETTERS = ChatPrompt(_letters, [0])  # a prompt of the last question alone, a token for each letter


def asked(body: dict) -> str:
    """The text of a request's prompt, in letters or their numbers."""
    prompt = body["prompt"]
    return "".join(map(chr, prompt)) if isinstance(prompt[0], int) else str(prompt)


class FakeModel:
    """Says a question back, or what it `says`, word by word; remembers what it was sent and which replies were cut."""

    def __init__(self, name: str, pause: float = 0.0):
        self.name, self.pause, self.says = name, pause, ""
        self.seen: list[dict] = []
        self.given_up = 0
        self.app = Starlette(routes=[Route("/v1/completions", self.reply, methods=["POST"])])

    async def reply(self, request: Request):
        body = await request.json()
        self.seen.append(body)
        question = asked(body)
        if body.get("stream"):
            return StreamingResponse(self.stream(question), media_type="text/event-stream")
        await asyncio.sleep(self.pause)
        return JSONResponse({"choices": [{"text": self.answer(question), "finish_reason": "stop"}]})

    def answer(self, question: str) -> str:
        return self.says or f"{self.name}: {question}"

    async def stream(self, question: str):
        try:
            for word in self.answer(question).split():
                await asyncio.sleep(self.pause)
                yield f"data: {json.dumps({'choices': [{'text': word + ' '}]})}\n\n"
            yield 'data: {"choices": [{"text": "", "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
        except asyncio.CancelledError:
            self.given_up += 1
            raise


@contextmanager
def running(app: Starlette) -> Iterator[str]:
    """The address of an application while it is served from a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def on_rows(folder: Path) -> GroundedAnswers:
    """Grounded answers on ROWS, of which the first was written from page 4 of a document."""
    places = {one.id: one for one in read_lines(folder / "placement.jsonl", Placement)}
    quote = Quoted("guide.pdf", 4, "본원은 가람시 솔내구 물빛로 27에 있습니다.", "p4")
    passages = {"p4": "제1장 안내\n본원은 가람시 솔내구 물빛로 27에 있습니다."}
    grounding = Grounding(Index(read_questions(folder, "train")), 3, 0.2)
    text = {"ko": "문서에서 확인할 수 없습니다.", "en": "The documents do not say."}
    return GroundedAnswers(grounding, Places(places, {"qa/office.jsonl:3": quote}, passages), text)


@contextmanager
def serving(
    folder: Path, pause: float = 0.0, access: Access | None = None, grounded: bool = False
) -> Iterator[tuple[str, FakeModel, FakeModel]]:
    """The application over a tuned and a base model, and those two; with `grounded` answers."""
    rows = [dict(zip(("id", "instruction", "output", "source", "line"), row, strict=True)) for row in ROWS]
    write_lines(
        folder / "train.jsonl",
        [{"id": r["id"], "instruction": r["instruction"], "input": "", "output": r["output"]} for r in rows],
    )
    write_lines(
        folder / "placement.jsonl", [placement(**{k: r[k] for k in ("id", "source", "line")}) for r in rows]
    )
    tuned, base = FakeModel("tuned", pause), FakeModel("base", pause)
    with running(tuned.app) as one, running(base.app) as other:
        backends = {
            "demo": Backend(one, {"Authorization": "Bearer k"}, "demo", LETTERS),
            "base": Backend(other, {}, "x", LETTERS),
        }
        app = application(
            backends,
            Nearest(folder),
            access or access_to("127.0.0.1", None),
            Corrections(folder, "demo"),
            grounded=on_rows(folder) if grounded else None,
        )
        with running(app) as url:
            yield url, tuned, base


def chat(url: str, question: str, **more) -> httpx.Response:
    body = {"messages": [{"role": "user", "content": question}], **more}
    return CLIENT.post(f"{url}/v1/chat/completions", json=body)
