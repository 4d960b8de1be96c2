"""The table of model families in docs/models.md: each cell is what happens to a tiny model of that family.

A cell differs: run this file whole (-m ''), then `python tests/support/model_table.py`, and look at the change.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import httpx
import pytest
from families import FAMILIES, family_tokenizer
from model_table import COLUMNS, WORKS, documented, record
from prompts import QUESTIONS

from qaloom.errors import QALoomError
from qaloom.evaluate.model_pair import ModelPair
from qaloom.export.convert import convert
from qaloom.export.merge import save_tokenizer
from qaloom.export.runtimes import MessageSet, in_llama_cpp
from qaloom.files import read_json, read_lines
from qaloom.inference.encoding import Encoder
from qaloom.inference.llama_cpp import HEADERS, start_llama_server
from qaloom.inference.model import load_model
from qaloom.inference.prompt import (
    Question,
    encoder_of,
    example,
    load_tokenizer,
    prompt_ids,
    prompt_kind,
    stop_ids,
)
from qaloom.serve.ask import stream_answer
from qaloom.serve.chat_requests import PATH, chat_reply, completion_request, tuned_prompt
from qaloom.trained_run import TrainedRun

FAST = ("labels", "prompt", "stop", "template")
ANSWER = "가람시 솔내구 27\n`x = {y}` 🎉"


class Family:
    """A family's tokenizer and, where a column needs it, its trained project and what is made of it."""

    def __init__(self, name: str, projects: Path):
        self.name, self.projects = name, projects
        self.tokenizer = family_tokenizer(name)
        self.kind = prompt_kind("auto", self.tokenizer)
        self.wanted = [prompt_ids(self.tokenizer, self.kind, text) for text in QUESTIONS]

    @property
    def project(self) -> Path:
        return self.projects / self.name

    @property
    def run(self) -> Path:
        refused = self.project / "refused"
        if refused.is_file():
            raise QALoomError(refused.read_text())
        return self.project / "results/train/demo"

    @property
    def base(self) -> Path:
        return self.project / "results/base_model/tiny"

    @cache  # noqa: B019
    def made(self, kind: str) -> Path:
        """An export of a kind, made once."""
        source = {"gguf-f16": "merged", "ollama": "gguf-f16"}.get(kind)
        out = self.project / "results/convert/demo" / kind
        convert(kind, self.run, self.base, self.made(source) if source else None, out)
        return out

    def encoder(self) -> Encoder:
        return encoder_of(self.tokenizer, self.kind)


def labels(family: Family) -> None:
    completion = example(family.tokenizer, family.kind, "질문", "", ANSWER).completion
    assert [id for id in completion if id in family.encoder().control] == [completion[-1]]
    assert family.tokenizer.decode(completion[:-1]).strip() == ANSWER


def prompt(family: Family) -> None:
    for question, ids in zip(QUESTIONS, family.wanted, strict=True):
        assert example(family.tokenizer, family.kind, question, "", ANSWER).prompt == ids
        assert question.strip() in family.tokenizer.decode(ids)


def stop(family: Family) -> None:
    completion = example(family.tokenizer, family.kind, "질문", "", ANSWER).completion
    stops = stop_ids(family.tokenizer, family.kind)
    assert [id for id in completion if id in stops] == [completion[-1]]


def template(family: Family, folder: Path) -> None:
    save_tokenizer(family.tokenizer, family.kind, folder)
    exported = load_tokenizer(folder)
    for question, ids in zip(QUESTIONS, family.wanted, strict=True):
        text = exported.apply_chat_template(chat(question), tokenize=False, add_generation_prompt=True)
        assert exported(text, add_special_tokens=False)["input_ids"] == ids


def train(family: Family) -> None:
    metrics = read_json(family.run / "metrics.json")
    assert metrics["steps"] == 2
    assert [entry["loss"] > 0 for entry in read_lines(family.run / "history.jsonl")] == [True, True]


def evaluate(family: Family) -> None:
    pair = ModelPair("demo", family.base, family.run, family.project / "cache")
    assert [prompt_ids(pair.tokenizer, pair.prompt, text) for text in QUESTIONS] == family.wanted
    for model in ("base", "tuned"):
        assert (
            len(pair.answers(model, pair.prompt, [Question(text) for text in QUESTIONS[:2]], "test", 3)) == 2
        )


def ask(family: Family) -> None:
    loaded = load_model(family.base, family.run)
    assert [prompt_ids(loaded.tokenizer, family.kind, text) for text in QUESTIONS] == family.wanted
    assert isinstance(stream_answer(loaded, family.kind, QUESTIONS[0], 3), str)


def peft(family: Family) -> None:
    folder = family.made("adapter")
    apart = (logits(family, folder) - logits(family, family.run)).abs().max()
    assert apart == 0
    assert (folder / "tokenizer.model").is_file() == bool(FAMILIES[family.name].sentencepiece)


def merge(family: Family) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    folder = family.made("merged")
    whole = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        found = whole(torch.tensor([family.wanted[0]])).logits
    tuned = logits(family, family.run)
    # Rounding sends single tokens to another expert, so the mean is bounded and not each.
    assert (found - tuned).abs().mean() < 0.05 * tuned.abs().mean()
    assert (folder / "tokenizer.model").is_file() == bool(FAMILIES[family.name].sentencepiece)


def gguf(family: Family) -> None:
    file = next(family.made("gguf-f16").glob("*.gguf"))
    found = in_llama_cpp(file, None, questions(), lambda done: None)
    assert found.tokens == family.wanted


def ollama(family: Family) -> None:
    folder = family.made("ollama")
    text = (folder / "Modelfile").read_text("utf-8")
    weights = folder / text.splitlines()[0].removeprefix("FROM ")
    assert in_llama_cpp(weights, text, questions(), lambda done: None).tokens == family.wanted


def serve(family: Family) -> None:
    asked = tuned_prompt(TrainedRun(family.run))
    assert [asked.ids(chat(text)) for text in QUESTIONS] == family.wanted
    server = start_llama_server(next(family.made("gguf-f16").glob("*.gguf")), "demo", 512, slots=1)
    attack = f"끝{''.join(FAMILIES[family.name].special)}시작"
    for question in (QUESTIONS[0], attack):
        body = completion_request({"model": "demo", "messages": chat(question), "max_tokens": 2}, asked)
        reply = httpx.post(server.listening_address + PATH, json=body, headers=HEADERS, timeout=60)
        assert reply.is_success, reply.text
        answer = chat_reply(reply.json())
        assert answer["usage"]["prompt_tokens"] == len(body["prompt"])
        assert answer["choices"][0]["message"]["role"] == "assistant"


def chat(question: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}]


def questions() -> MessageSet:
    return MessageSet([chat(text) for text in QUESTIONS], 1, 2)


def logits(family: Family, adapter: Path):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(family.base, dtype=torch.float32)
    with torch.inference_mode():
        return PeftModel.from_pretrained(model, adapter).eval()(torch.tensor([family.wanted[0]])).logits


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    return cache(lambda name: Family(name, tmp_path_factory.getbasetemp()))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The families, each with a run of its own."""
    root = tmp_path_factory.mktemp("families")
    support = Path(__file__).parents[2] / "support"
    path = os.pathsep.join([str(support), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(support / "train_families.py"), str(root), *FAMILIES]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return cache(lambda name: Family(name, root))


def outcome(cell, *arguments) -> str:
    try:
        cell(*arguments)
    except QALoomError as error:
        assert "\n" not in str(error)
        return str(error)
    return WORKS


def is_documented(family, column, found):
    record(family, column, found)
    assert documented()[family, column] == found, json.dumps(found)


@pytest.mark.parametrize("column", FAST)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_cell_of_text(family, column, untrained, tmp_path):
    more = (tmp_path,) if column == "template" else ()
    is_documented(family, column, outcome(globals()[column], untrained(family), *more))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("column", [column for column in COLUMNS if column not in FAST])
def test_a_cell_of_a_model(family, column, trained, one_thread):
    is_documented(family, column, outcome(globals()[column], trained(family)))


def test_the_page_has_every_cell_and_at_least_16_families():
    assert documented().keys() == {(family, column) for family in FAMILIES for column in COLUMNS}
    assert len(FAMILIES) >= 16
