"""Provider `model`: prompts, replies of a scripted model and of a real small one, the cache, and bad models."""

import re

import pytest
from tiny_model import make_tokenizer, scripted_scheduler

from qaloom.augment.model_paraphrases import ModelParaphraser, _prompts
from qaloom.augment.providers import check_providers, decisive, paraphrase, references, write_questions
from qaloom.augment.stage import augment
from qaloom.config.load import complete
from qaloom.config.settings import RewordingModelSettings, typed
from qaloom.errors import ConfigError, DeviceError, ModelError
from qaloom.files import read_lines, write_lines
from qaloom.inference.local_model import LocalModel
from qaloom.inference.translation_cache import open_memory
from qaloom.records import Paraphrases, Rejection, Row

KINDS = ["formal", "casual", "keywords", "situation", "answer"]
QUESTIONS = ["Where are spare fuses kept?", "여분 퓨즈는 어디에 있나요?"]


def settings(**changed):
    """The section `augment` with the provider `model`, as `changed` says."""
    model = {"reference": "path:tiny", "max_new_tokens": 16} | changed
    config = {"data": {"sources": ["a"]}, "runs": {"one": {}}}
    return complete(config | {"augment": {"providers": ["model"], "model": model}})["augment"]


def paraphraser(folder, **changed):
    return ModelParaphraser(folder, typed(settings(**changed)["model"], RewordingModelSettings))


def reworded(folder, cache, questions=QUESTIONS, **changed):
    """The rewordings, and how many prompts were asked and found."""
    model = paraphraser(folder, **changed)
    with open_memory(cache, model.cache_key) as memory:
        made = model.paraphrases(questions, memory, lambda n: None)
        return made, memory.made, memory.found


@pytest.fixture
def scripted(monkeypatch):
    """A model in whose place a function of the prompt's text replies; it keeps the prompts."""
    monkeypatch.setattr(LocalModel, "_positions", 10_000)
    return scripted_scheduler(monkeypatch)


def question_of(prompt):
    """The last question of a prompt."""
    return [q for q in QUESTIONS if q in prompt][-1]


# --- prompts ------------------------------------------------------------------------------------------


def test_prompts_of_both_languages_have_the_same_kinds_and_whole_examples():
    assert set(_prompts()) == {"en", "ko"}
    for prompts in _prompts().values():
        assert set(prompts["kinds"]) == set(KINDS)
        assert prompts["ask"].count("{kind}") == prompts["ask"].count("{question}") == 1
        assert len(prompts["examples"]) == 3
        assert all(set(example) == {"question", *KINDS} for example in prompts["examples"])


def test_examples_keep_what_they_ask_their_model_to_keep():
    """Every number and code of an example's question is in each of its rewordings."""
    for prompts in _prompts().values():
        for example in prompts["examples"]:
            kept = re.findall(r"[A-Z]-\d+|\d+", example["question"])
            assert all(text in example[kind] for kind in KINDS for text in kept)


def test_each_kind_is_asked_once_in_the_language_of_the_question(tiny, tmp_path, scripted):
    scripted.reply = staticmethod(lambda prompt: f"Variant {len(scripted.prompts)}?")
    made, asked, _ = reworded(tiny, tmp_path, [*QUESTIONS, "これは何ですか？"])
    assert asked == len(scripted.prompts) == 10
    assert [len(made[q]) for q in QUESTIONS] == [5, 5] and made["これは何ですか？"] == []
    for prompt in scripted.prompts:
        tongue = "ko" if question_of(prompt) == QUESTIONS[1] else "en"
        assert sum(kind in prompt for kind in _prompts()[tongue]["kinds"].values()) == 1
        assert prompt.startswith("<|im_start|>user") and prompt.count("<|im_start|>assistant") == 4


def test_more_of_a_kind_begin_with_other_examples(tiny, tmp_path, scripted):
    scripted.reply = staticmethod(lambda prompt: "Which place holds spare fuses?")
    made, asked, _ = reworded(tiny, tmp_path, QUESTIONS[:1], kinds=["formal"], per_kind=3)
    assert asked == 3 and len(set(scripted.prompts)) == 3
    assert made[QUESTIONS[0]] == ["Which place holds spare fuses?"]


def test_examples_that_the_positions_do_not_hold_are_left_out(tiny, tmp_path, scripted, monkeypatch):
    monkeypatch.setattr(LocalModel, "_positions", 300)
    _, asked, _ = reworded(tiny, tmp_path, QUESTIONS[:1])
    assert asked == 5 and {p.count("assistant") for p in scripted.prompts} <= {1, 2}
    monkeypatch.setattr(LocalModel, "_positions", 20)
    assert reworded(tiny, tmp_path, QUESTIONS[1:])[1] == 0


def test_a_template_without_earlier_exchanges_gets_no_examples(tiny, tmp_path, scripted, monkeypatch):
    tokenizer = make_tokenizer("chatml")
    last = "<|im_start|>{{ messages[-1].role }}\n{{ messages[-1].content }}<|im_end|>\n"
    answer = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    asked = "<|im_start|>user\n{{ messages[-2].content }}<|im_end|>\n"
    first = f"{{% if messages[-1].role == 'assistant' %}}{asked}{{% endif %}}"
    tokenizer.chat_template = first + last + answer
    monkeypatch.setattr(LocalModel, "tokenizer", tokenizer)
    assert reworded(tiny, tmp_path, QUESTIONS[:1])[1] == 5
    assert all(p.count("<|im_start|>") == 2 for p in scripted.prompts)


# --- the cache ----------------------------------------------------------------------------------------


def test_a_question_more_asks_for_that_question_alone_and_a_kind_more_for_that_kind(tiny, tmp_path, scripted):
    assert reworded(tiny, tmp_path, QUESTIONS[:1])[1:] == (5, 0)
    assert reworded(tiny, tmp_path)[1:] == (5, 5)
    assert reworded(tiny, tmp_path)[1:] == (0, 10)
    assert reworded(tiny, tmp_path, kinds=["formal"])[1:] == (0, 2)
    assert reworded(tiny, tmp_path, per_kind=2)[1:] == (10, 10)


def test_other_weights_lengths_and_precisions_are_asked_anew(tiny, tmp_path, scripted):
    reworded(tiny, tmp_path)
    assert reworded(tiny, tmp_path, max_new_tokens=32)[1:] == (10, 0)
    assert reworded(tiny, tmp_path, precision="4bit")[1:] == (10, 0)


def test_what_there_is_when_the_memory_runs_out_is_kept(tiny, tmp_path, scripted):
    scripted.fail_at = 3
    with pytest.raises(DeviceError, match=r"lower augment\.model\.max_new_tokens"):
        reworded(tiny, tmp_path)
    scripted.fail_at = None
    assert reworded(tiny, tmp_path)[1:] == (7, 3)


def test_a_model_is_not_loaded_for_what_is_in_the_cache(tiny, tmp_path, scripted, monkeypatch):
    reworded(tiny, tmp_path)
    monkeypatch.setattr(LocalModel, "model", property(lambda self: pytest.fail("loaded")))
    monkeypatch.setattr(LocalModel, "tokenizer", property(lambda self: pytest.fail("loaded")))
    assert reworded(tiny, tmp_path)[1:] == (0, 10)


# --- models -------------------------------------------------------------------------------------------


def test_a_question_s_replies_do_not_depend_on_those_beside_it(tiny, tmp_path):
    """A real small model of random weights, float32: alone, with others, in another order."""
    questions = [f"Where is room {n}?" for n in range(6)]
    many, asked, _ = reworded(tiny, tmp_path / "many", questions)
    assert asked == 30
    for chosen in (questions[2:3], questions[::-1]):
        some, _, _ = reworded(tiny, tmp_path / f"some-{len(chosen)}", chosen)
        assert all(some[q] == many[q] for q in chosen)


@pytest.mark.parametrize("template", [None, "{{ 1 / 0 }}", "{{ messages[0].content[:3] }}"])
def test_a_model_without_a_usable_chat_template_is_asked_by_examples(
    tiny, tmp_path, scripted, capfd, template
):
    folder = tmp_path / "model"
    folder.mkdir()
    for file in tiny.iterdir():
        if file.name != "chat_template.jinja":
            (folder / file.name).symlink_to(file)
    (folder / "tokenizer_config.json").unlink()
    tokenizer = make_tokenizer("plain")
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    scripted.reply = staticmethod(lambda prompt: "Which place holds spare fuses?")
    made, asked, _ = reworded(folder, tmp_path / "cache", QUESTIONS[:1])
    assert asked == 5 and made[QUESTIONS[0]] == ["Which place holds spare fuses?"]
    assert all(p.count("### Response:") == 4 for p in scripted.prompts)
    said = " ".join(capfd.readouterr().err.split())
    assert ("has no chat template" in said) == (template is None)
    assert ("is asked without its chat template" in said) == (template is not None)


def test_a_model_that_was_not_brought_or_is_broken_is_one_line(tiny, tmp_path):
    chosen = settings(reference="hub:some/model")
    write_lines(tmp_path / "questions.jsonl", [{"instruction": QUESTIONS[0]}])
    with pytest.raises(ModelError, match=r"run python -m qaloom\.base_model hub:some/model"):
        paraphrase(tmp_path / "questions.jsonl", tmp_path / "out", chosen, tmp_path, tmp_path / "cache")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/manifest.json").write_text('{"origin": "hub:some/model", "sha256": "1"}')
    (tmp_path / "broken/config.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be loaded"):
        paraphrase(tmp_path / "questions.jsonl", tmp_path / "out", chosen, tmp_path, tmp_path / "cache")


# --- settings -----------------------------------------------------------------------------------------


def test_base_is_the_base_model_of_the_runs_and_must_be_one():
    def config(*models):
        runs = {f"run{n}": {"base_model": model} for n, model in enumerate(models)}
        return {"data": {"sources": ["a"]}, "runs": runs, "augment": {"providers": ["rules", "model"]}}

    same = complete(config("hub:a/b", "hub:a/b"))["augment"]
    assert same["model"]["reference"] == "hub:a/b" and references(same) == ["hub:a/b"]
    check_providers(same)
    with pytest.raises(
        ConfigError, match=r"augment\.model\.reference: base could be .*hub:a/b, hub:c/d; name"
    ):
        complete(config("hub:a/b", "hub:c/d"))
    unused = config("hub:a/b", "hub:c/d") | {"augment": {}}
    assert complete(unused)["augment"]["model"]["reference"] == "base" and references(unused["augment"]) == []


def test_gates_and_the_quota_ask_a_model_nothing():
    one = settings()
    for changed in ({"wordings": 9}, {"gates": one["gates"] | {"clash": 0.9}}, {"shards": 9}):
        assert decisive(one | changed) == decisive(one)
    assert decisive(settings(kinds=["formal"])) != decisive(one)


# --- bad replies, through the gates -------------------------------------------------------------------


def test_what_a_bad_model_writes_is_dropped_with_reasons_and_the_coverage_says_so(tiny, tmp_path, scripted):
    """Nonsense, another language, a statement, the answer in the question; one good reply is kept."""
    replies = {
        "formal": "Please tell me where spare fuses are kept.",
        "casual": "여분 퓨즈는 어디에 있나요?",
        "keywords": "fuses fuses fuses fuses fuses fuses fuses fuses fuses fuses fuses fuses fuses fuses",
        "situation": "The spare fuses are kept there.",
        "answer": "Are spare fuses kept in the red drawer?",
    }
    kinds = _prompts()["en"]["kinds"]
    scripted.reply = staticmethod(lambda p: next(replies[k] for k in KINDS if kinds[k] in p))
    rows = [Row("1", QUESTIONS[0], "", "in the red drawer", "a.jsonl", 1, "doc", "{}")]
    rows.append(Row("2", "これは何ですか？", "", "本", "a.jsonl", 2, "doc", "{}"))
    write_lines(tmp_path / "rows.jsonl", rows)
    write_questions(tmp_path / "rows.jsonl", [tmp_path / "questions.jsonl"])
    chosen = settings() | {"wordings": 3}
    paraphrase(
        tmp_path / "questions.jsonl", tmp_path / "shard.jsonl", chosen, tiny.parent, tmp_path / "cache"
    )
    proposed = read_lines(tmp_path / "shard.jsonl", Paraphrases)
    assert [(p.question, p.proposals) for p in proposed] == [(QUESTIONS[0], list(replies.values()))]
    stats = augment(tmp_path / "rows.jsonl", tmp_path / "out", chosen, [tmp_path / "shard.jsonl"])
    rejected = read_lines(tmp_path / "out/rejected.jsonl", Rejection)
    assert {r.row["instruction"]: r.reason for r in rejected} == {
        replies["casual"]: "language_changed",
        replies["keywords"]: "too_different",
        replies["situation"]: "not_a_question",
        replies["answer"]: "answer_given",
    }
    assert stats["augmented"] == 1
    assert stats["coverage"] == {
        "wordings": 3, "facts": 2, "at_quota": 0, "below": 2, "without_proposal": 1, "distance": 0.0,
        "dropped": {"answer_given": 1, "language_changed": 1, "not_a_question": 1, "too_different": 1},
    }  # fmt: skip
