"""Grounded serving: near rows in the prompt, citations in the reply, the abstention where no row is near."""

import json

import httpx
import pytest
from chat_servers import ROWS, asked, chat, on_rows, serving
from placements import placement
from tiny_model import make_tokenizer

from qaloom.base_model.stage import model_name
from qaloom.errors import DataError
from qaloom.files import write_lines, write_text
from qaloom.inference.notes import with_notes
from qaloom.inference.prompt import Question, prompt_ids
from qaloom.serve.ask import _ask_on_rows, _say_ground, ask_server
from qaloom.serve.chat_requests import ChatPrompt
from qaloom.serve.grounded import Ground, _by_meaning, grounded_in_project
from qaloom.serve.grounded_chat import grounded_chat
from qaloom.serve.limits import RequestError

ADDRESS = "가람시 솔내구 물빛로 27"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("split")


@pytest.fixture(scope="module")
def served(folder):
    with serving(folder, grounded=True) as all_three:
        yield all_three


@pytest.fixture
def answers(served, folder):
    return on_rows(folder)


def choice(reply):
    return reply.json()["choices"][0]


def streamed(url, question, **more):
    body = {"messages": [{"role": "user", "content": question}], "stream": True, **more}
    text = httpx.post(f"{url}/v1/chat/completions", json=body).text
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line)["choices"][0] for line in lines]


def test_the_near_row_stands_in_the_prompt_and_is_cited_with_its_page(served):
    url, tuned, _ = served
    tuned.says = f"{ADDRESS}입니다."
    found = choice(chat(url, "본원의 주소는 어디죠?"))
    told = asked(tuned.seen[-1])
    assert told.startswith("다음 자료를 참고하여") and told.endswith("질문: 본원의 주소는 어디죠?\n답:")
    assert f"답: {ADDRESS}" in told and "제1장 안내" in told
    assert found["message"]["content"] == f"{ADDRESS}입니다."
    ground = found["grounding"]
    assert (ground["citations"], ground["supported"], ground["abstained"]) == ([1], True, False)
    assert ground["rows"] == [
        {
            "number": 1,
            "question": "본원의 주소는 어디인가요?",
            "answer": ADDRESS,
            "source": "qa/office.jsonl",
            "line": 3,
            "document": "guide.pdf",
            "page": 4,
            "quote": "본원은 가람시 솔내구 물빛로 27에 있습니다.",
        }
    ]


def test_an_answer_that_the_rows_do_not_say_is_not_cited(served):
    url, tuned, _ = served
    tuned.says = "가람시 솔내구 물빛로 72"
    ground = choice(chat(url, "본원의 주소는 어디죠?"))["grounding"]
    assert (ground["citations"], ground["supported"]) == ([], False) and len(ground["rows"]) == 1


def test_without_a_near_row_the_model_is_not_asked(served):
    url, tuned, _ = served
    before = len(tuned.seen)
    for question, said in (
        ("무지개도서관은 언제 여나요?", "문서에서 확인할 수 없습니다."),
        ("When is the Willowmere library open?", "The documents do not say."),
    ):
        found = choice(chat(url, question))
        assert found["message"] == {"role": "assistant", "content": said}
        assert found["finish_reason"] == "stop" and found["grounding"]["abstained"]
        (event,) = streamed(url, question)
        assert event["delta"]["content"] == said and event["grounding"]["abstained"]
    assert len(chat(url, question, n=3).json()["choices"]) == 3
    assert len(tuned.seen) == before


def test_the_last_event_of_a_stream_says_what_it_rests_on(served):
    url, tuned, _ = served
    tuned.says = "weekdays from 9:30 to 17:00"
    events = streamed(url, "When is the library open?")
    assert "".join(one["delta"]["content"] for one in events).strip() == tuned.says
    assert ["grounding" in one for one in events] == [False] * (len(events) - 1) + [True]
    assert events[-1]["grounding"]["citations"] == [1]


def test_the_base_model_and_raw_prompts_are_asked_as_before(served):
    url, tuned, base = served
    found = choice(chat(url, "본원의 주소는 어디죠?", model="base"))
    assert asked(base.seen[-1]) == "본원의 주소는 어디죠?" and "grounding" not in found
    raw = httpx.post(f"{url}/v1/completions", json={"prompt": "본원의 주소는?"}).json()
    assert tuned.seen[-1]["prompt"] == "본원의 주소는?" and "grounding" not in raw["choices"][0]


def test_a_question_that_goes_on_from_another_is_looked_up_with_it(answers):
    talk = [
        {"role": "user", "content": "When is the library open?"},
        {"role": "assistant", "content": "weekdays"},
        {"role": "user", "content": "From when?"},
    ]
    prompt = ChatPrompt(lambda messages: list(messages[-1]["content"]), [0])
    found = grounded_chat({"messages": talk}, answers, prompt, 4096)
    assert found.abstention is None and "9:30" in found.body["messages"][-1]["content"]
    assert found.body["messages"][:-1] == talk[:-1]
    with pytest.raises(RequestError):
        grounded_chat({"messages": talk[:2]}, answers, prompt, 4096)


def test_what_does_not_fit_is_left_out_the_passage_first(answers):
    rows = answers.near("본원의 주소는 어디죠?")
    whole = answers.noted("본원의 주소는 어디죠?", rows, lambda text: True)
    assert "제1장" in whole.text
    without = answers.noted("본원의 주소는 어디죠?", rows, lambda text: len(text) < len(whole.text))
    assert "제1장" not in without.text and without.rows == rows
    assert answers.noted("본원의 주소는 어디죠?", rows, lambda text: False) == ("본원의 주소는 어디죠?", [])


def test_a_control_token_in_a_row_stays_text():
    tokenizer = make_tokenizer("chatml")
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    row = {"instruction": "끝 기호는?", "input": "", "output": "<|im_end|>"}
    plain, noted = Question("끝 기호는?"), with_notes(Question("끝 기호는?"), [row], "ko")
    counts = [prompt_ids(tokenizer, "chat", *one).count(end) for one in (plain, noted)]
    assert counts[0] == counts[1] and "<|im_end|>" in noted.instruction


def test_ask_lists_the_citations_of_a_server_and_of_its_own(served, answers, capsys):
    url, tuned, _ = served
    tuned.says = ADDRESS
    told = ask_server(url, "demo", "본원의 주소는 어디죠?", 8)
    assert told.ground and told.ground.citations == [1]
    _say_ground(told.ground)
    assert "[1] qa/office.jsonl:3, guide.pdf page 4  본원의" in capsys.readouterr().err
    own = _ask_on_rows(lambda question: told._replace(text="가람시 72"), answers, "본원의 주소는 어디죠?")
    assert own.ground and not own.ground.supported
    _say_ground(own.ground)
    assert "do not say all of this" in capsys.readouterr().err
    none = _ask_on_rows(lambda question: pytest.fail("it was asked"), answers, "점심은 뭐 먹지?")
    assert capsys.readouterr().out == "문서에서 확인할 수 없습니다.\n" and none.ground == Ground(
        [], [], True, True
    )
    _say_ground(none.ground)
    assert "the model was not asked" in capsys.readouterr().err


def test_the_embedding_model_of_the_project_is_asked_where_it_is_there(tmp_path, tiny):
    settings = {"embedding_model": "path:encoder", "embedding_threshold": 0.9}
    assert _by_meaning(tmp_path, settings) == (None, None)
    assert _by_meaning(tmp_path, settings | {"embedding_model": None}) == (None, None)
    folder = tmp_path / "results/base_model" / model_name("path:encoder")
    folder.parent.mkdir(parents=True)
    folder.symlink_to(tiny)
    embedder, encode = _by_meaning(tmp_path, settings)
    assert embedder and encode and embedder.threshold == 0.9 and encode(["a"]).shape[0] == 1


def test_a_projects_configuration_or_the_switch_turns_it_on(tmp_path):
    assert grounded_in_project(tmp_path, "demo", False) is None
    with pytest.raises(DataError, match="holds no rows to put into prompts; run the workflow"):
        grounded_in_project(tmp_path, "demo", True)
    split = tmp_path / "results/split"
    rows = [{"id": r[0], "instruction": r[1], "input": "", "output": r[2]} for r in ROWS]
    write_lines(split / "train.jsonl", rows)
    write_lines(split / "placement.jsonl", [placement(id=r[0], source=r[3], line=r[4]) for r in ROWS])
    assert grounded_in_project(tmp_path, "demo", False) is None
    switched = grounded_in_project(tmp_path, "demo", True)
    assert switched and (switched.grounding.most, switched.grounding.likeness) == (3, 0.2)
    sources = 'data: {sources: ["a"]}\nserve: {grounded: {rows: 2, likeness: 0.5}}\n'
    abstain = "runs: {demo: {training: {abstain: {text: {ko: 모릅니다.}}}}}\n"
    write_text(tmp_path / "config.yaml", sources + abstain)
    written = grounded_in_project(tmp_path, "demo", False)
    assert written and (written.grounding.most, written.grounding.likeness) == (2, 0.5)
    assert (
        written.abstain("뭐?")[0] == "모릅니다."
        and written.abstain("What?")[0] == "The documents do not say."
    )
