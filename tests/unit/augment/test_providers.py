"""Shards and what models propose for them: the least work after any change, and after a kill."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from qaloom.augment.providers import (
    check_providers,
    decisive,
    gathering,
    paraphrase,
    references,
    trips,
    write_questions,
)
from qaloom.augment.stage import augment
from qaloom.config.load import complete
from qaloom.errors import ConfigError, ModelError
from qaloom.files import read_lines, write_lines
from qaloom.records import Paraphrases, Row, row_id


def settings(**changed):
    config = {"data": {"sources": ["a"]}, "runs": {"one": {}}, "augment": changed}
    return complete(config)["augment"]


def rows(questions):
    return [
        Row(row_id(q, "", f"answer {n}"), q, "", f"answer {n}", "a.jsonl", n + 1, "doc", "{}")
        for n, q in enumerate(questions)
    ]


def shards(tmp_path, questions, count=4):
    """The shards' files, as the checkpoint writes them."""
    write_lines(tmp_path / "rows.jsonl", rows(questions))
    files = [tmp_path / "questions" / f"{n}.jsonl" for n in range(count)]
    write_questions(tmp_path / "rows.jsonl", files)
    return files


# --- settings -----------------------------------------------------------------------------------------


def test_round_trips_and_their_models():
    pair = {"ko-en": "path:a", "en-ko": "path:b"}
    chosen = settings(providers=["seq2seq"], seq2seq={"translators": pair})
    assert [tuple(trip) for trip in trips(chosen)] == [
        ("en", "ko", "path:b", "path:a"),
        ("ko", "en", "path:a", "path:b"),
    ]
    assert references(chosen) == ["path:a", "path:b"]
    many = settings(
        providers=["seq2seq"], seq2seq={"translators": {"any": "hub:o/m"} | pair, "pivots": {"ko": "ja"}}
    )
    assert [tuple(trip) for trip in trips(many)] == [("ko", "ja", "hub:o/m", "hub:o/m")]
    assert references(settings(seq2seq={"translators": pair})) == []


def test_a_direction_without_a_translator_stops_before_anything_runs():
    with pytest.raises(
        ConfigError, match="the round trip en-ko-en needs a model for each way; name en-ko and ko-en"
    ):
        check_providers(settings(providers=["seq2seq"], seq2seq={"translators": {"ko-en": "path:a"}}))


def test_gates_and_generation_depend_on_settings_of_their_own():
    one = settings(providers=["endpoint", "rules"], endpoint={"url": "http://a", "model": "m"})
    gates = settings(providers=["endpoint", "rules"], endpoint=one["endpoint"], gates={"words_kept": 0.5})
    reach = settings(providers=["endpoint", "rules"], endpoint=one["endpoint"] | {"timeout": 3}, shards=9)
    assert decisive(one) == decisive(gates) == decisive(reach)
    assert gathering(one) == gathering(reach) != gathering(gates)


# --- shards -------------------------------------------------------------------------------------------


def test_a_row_more_changes_one_shard_and_another_order_none(tmp_path):
    questions = [f"Where is room {n}?" for n in range(50)]
    before = [path.read_bytes() for path in shards(tmp_path, questions)]
    assert [path.read_bytes() for path in shards(tmp_path, questions[::-1] + questions[:3])] == before
    after = [path.read_bytes() for path in shards(tmp_path, [*questions, "Where is the bus?"])]
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_shards_hold_every_question_once_sorted(tmp_path):
    questions = [f"Where is room {n}?" for n in range(50)]
    held = [[line["instruction"] for line in read_lines(path)] for path in shards(tmp_path, questions, 3)]
    assert sorted(q for shard in held for q in shard) == sorted(questions)
    assert all(shard == sorted(shard) and shard for shard in held)


# --- backtranslation ----------------------------------------------------------------------------------


@pytest.fixture
def tiny_pair(translators):
    named, models = translators
    return settings(providers=["seq2seq"], wordings=2, seq2seq={"translators": named, "beams": 1}), models


def made(capfd):
    """How many texts the models made, and how many were found, as a person is told."""
    lines = [line for line in capfd.readouterr().err.splitlines() if "texts made" in line]
    numbers = [line.replace(",", "").split(": ")[-1].split() for line in lines]
    return sum(int(n[0]) for n in numbers), sum(int(n[3]) for n in numbers)


def test_what_the_pair_learnt_becomes_accepted_paraphrases(tiny_pair, tmp_path):
    from make_translators import known_questions

    from qaloom.text.rephrase import rewrite

    chosen, models = tiny_pair
    korean, english = known_questions()
    (shard,) = shards(tmp_path, korean + english, 1)
    paraphrase(shard, tmp_path / "proposed.jsonl", chosen, models, tmp_path / "cache")
    proposed = {p.question: p.proposals for p in read_lines(tmp_path / "proposed.jsonl", Paraphrases)}
    assert proposed == {question: rewrite(question)[:1] for question in korean + english}
    stats = augment(tmp_path / "rows.jsonl", tmp_path / "out", chosen, [tmp_path / "proposed.jsonl"])
    assert stats["augmented"] >= 12 and stats["providers"]["seq2seq"]["kept"] == stats["augmented"]


def test_one_row_more_translates_one_and_another_gate_none(tiny_pair, tmp_path, capfd):
    chosen, models = tiny_pair
    questions = [f"Is {n} in?" for n in range(2_000)]

    def run(texts, chosen=chosen):
        for number, shard in enumerate(shards(tmp_path, texts)):
            paraphrase(shard, tmp_path / f"out-{number}.jsonl", chosen, models, tmp_path / "cache")
        return made(capfd)

    there_and_back = run(questions)[0]
    assert 2_000 <= there_and_back <= 4_000  # pivots that are alike go home once
    assert run([*questions, "Is the new one in?"])[0] <= 2
    assert run([*questions, "Is the new one in?"])[0] == 0
    strict = settings(**chosen | {"gates": {"words_kept": 0.1}, "shards": 2})
    assert run([*questions, "Is the new one in?"], strict)[0] == 0


def test_a_question_of_a_language_without_a_pivot_gets_none(tiny_pair, tmp_path, capfd):
    chosen, models = tiny_pair
    chosen = settings(**chosen | {"seq2seq": chosen["seq2seq"] | {"pivots": {"ko": "en"}}})
    (shard,) = shards(tmp_path, ["Where is it?", "これは何ですか?"], 1)
    paraphrase(shard, tmp_path / "out.jsonl", chosen, models, tmp_path / "cache")
    assert read_lines(tmp_path / "out.jsonl") == [] and made(capfd) == (0, 0)


def test_a_model_that_was_not_brought_is_one_line(tiny_pair, tmp_path):
    chosen, _ = tiny_pair
    (shard,) = shards(tmp_path, ["Where is it?"], 1)
    with pytest.raises(ModelError, match=r"is not in .*; run python -m qaloom\.base_model path:"):
        paraphrase(shard, tmp_path / "out.jsonl", chosen, tmp_path, tmp_path / "cache")
    assert not (tmp_path / "out.jsonl").exists()


@pytest.fixture(params=["seq2seq", "model"])
def any_models(request, tiny):
    """The settings of a provider whose models are tiny, and the folder that holds them."""
    if request.param == "seq2seq":
        return request.getfixturevalue("tiny_pair")
    model = {"reference": "path:tiny", "kinds": ["formal"], "max_new_tokens": 16}
    return settings(providers=["model"], model=model), tiny.parent


@pytest.mark.slow
def test_killed_at_any_moment_no_sentence_is_made_twice(any_models, tmp_path):
    """Counted in the memories: what a killed run kept, and what the runs after it still made."""
    chosen, models = any_models
    count = 2_000 if chosen["providers"] == ["seq2seq"] else 400
    write_lines(tmp_path / "rows.jsonl", rows([f"Is {n} in room {n % 7}?" for n in range(count)]))
    (tmp_path / "config.json").write_text(
        json.dumps({"data": {"sources": ["a"]}, "runs": {"one": {}}, "augment": chosen})
    )

    def command(name):
        arguments = ["rows.jsonl", "--out", f"{name}.jsonl", "--config", "config.json"]
        arguments += ["--models", str(models), "--cache", f"cache-{name}"]
        log = (tmp_path / f"{name}.log").open("a")
        return subprocess.Popen(
            [sys.executable, "-m", "qaloom.augment.providers", *arguments],
            cwd=tmp_path, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def kept(name):
        files = sorted((tmp_path / f"cache-{name}").glob("*.sqlite"))
        return sum(sqlite3.connect(f).execute("SELECT count(*) FROM made").fetchone()[0] for f in files)

    assert command("whole").wait() == 0
    total, killed, before = kept("whole"), 0, 0
    while killed < 4:
        process = command("killed")
        end = time.monotonic() + 120
        while process.poll() is None and kept("killed") <= before and time.monotonic() < end:
            time.sleep(0.02)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed, before = killed + 1, kept("killed")
    assert killed >= 2 and 0 < before < total
    (tmp_path / "killed.log").unlink()
    assert command("killed").wait() == 0
    last = (tmp_path / "killed.log").read_text().replace(",", "").splitlines()
    again = sum(int(line.split(": ")[-1].split()[0]) for line in last if "texts made" in line)
    assert again == total - before
    assert kept("killed") == total
    assert (tmp_path / "killed.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
