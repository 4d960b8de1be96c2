"""Augmentation by models, through Snakemake: shards, least work, one line for what is missing."""

import pytest
from harness import read_rows, write_rows

from qaloom.base_model.stage import model_name

SHARDS = {"augment_shard 0-of-2", "augment_shard 1-of-2"}
GATHERED = {"augment", "split"}
SPLIT = "results/split/manifest.json"


def backtranslation(**changed):
    pair = {"ko-en": "path:pair/ko-en", "en-ko": "path:pair/en-ko"}
    return {
        "providers": ["seq2seq"], "wordings": 2, "shards": 2, "seq2seq": {"translators": pair, "beams": 1},
    } | changed  # fmt: skip


def test_missing_translators_and_servers_stop_before_anything_runs(fresh):
    fresh.configure(augment=backtranslation())
    run = fresh.snakemake()
    assert (run.code, run.jobs) == (1, set())
    assert "qaloom: path:pair/en-ko: there is no folder pair/en-ko" in run.output
    fresh.configure(augment={"providers": ["endpoint"], "endpoint": {"url": "http://127.0.0.1:9"}})
    run = fresh.snakemake()
    assert (run.code, run.jobs) == (1, set())
    assert "qaloom: augment.endpoint.model: is missing" in run.output
    fresh.configure(augment={"providers": []}, evaluate={"judge": {"url": "http://127.0.0.1:9"}})
    run = fresh.snakemake()
    assert (run.code, run.jobs) == (1, set())
    assert "qaloom: evaluate.judge.model: is missing" in run.output


def test_a_dead_server_is_one_line(fresh):
    server = {"url": "http://127.0.0.1:9/v1", "model": "none", "retries": 0, "prompt": "{n} of {question}"}
    fresh.configure(augment={"providers": ["endpoint"], "shards": 1, "endpoint": server})
    run = fresh.snakemake("results/augment/rows.jsonl")
    assert run.code == 1 and "augment_questions" in run.jobs and "augment" not in run.jobs
    assert "qaloom: augment.endpoint: http://127.0.0.1:9/v1: cannot be reached" in run.output
    assert "Traceback" not in run.output


@pytest.mark.slow
def test_backtranslation_from_rows_to_report(fresh):
    """The tiny pair end to end; then what a row, a gate, a setting and another number of shards cause."""
    from make_translators import known_questions, make_pair

    make_pair(fresh.path("pair"))
    brought = {f"base_model {model_name(f'path:pair/{way}')}" for way in ("ko-en", "en-ko")}
    korean, english = known_questions()
    one = fresh.path("data/one.jsonl")
    asked = [{"question": q, "answer": f"It is {n}."} for n, q in enumerate([*korean, *english])]
    write_rows(one, asked)
    fresh.path("data/two.jsonl").unlink()
    fresh.configure(augment=backtranslation())
    run = fresh.snakemake()
    assert run.code == 0, run.output
    assert run.jobs >= {"augment_questions", *SHARDS, *GATHERED, *brought, "report"}
    kept = [row for row in read_rows(fresh.path("results/augment/rows.jsonl")) if row.get("parent")]
    assert len(kept) >= 12 and {row["provider"] for row in kept} == {"seq2seq"}
    assert "its licence, cc-by-nc-4.0, allows no commercial use" in run.output
    assert "seq2seq" in fresh.path("results/report/index.html").read_text("utf-8")

    write_rows(one, [*asked, {"question": "At which pier do oysters land?", "answer": "The north pier"}])
    run = fresh.snakemake(SPLIT)
    shard = run.jobs & SHARDS
    assert run.jobs == {
        "validate_file one.jsonl",
        "validate",
        "dedup",
        "augment_questions",
        *shard,
        *GATHERED,
    }
    assert len(shard) == 1
    assert made(run) == 2  # there and back

    fresh.configure(augment=backtranslation(gates={"words_kept": 0.9}))
    assert fresh.snakemake(SPLIT).jobs == GATHERED

    fresh.configure(augment=backtranslation(gates={"words_kept": 0.9}, shards=1))
    run = fresh.snakemake(SPLIT)
    assert run.jobs >= {"augment_questions", "augment_shard 0-of-1"} and made(run) == 0

    rows = fresh.path("results/augment/rows.jsonl").read_bytes()
    fresh.path("results").rename(fresh.path("lost"))
    run = fresh.snakemake(SPLIT)
    assert made(run) == 0
    assert fresh.path("results/augment/rows.jsonl").read_bytes() == rows


@pytest.mark.slow
def test_recall_of_the_sources_wordings_is_the_same_without_augmentation(fresh):
    """What is asked at the end is comparable: paraphrases change training, not the frozen questions."""

    def recall():
        origins = {r["id"]: r["origin"] for r in read_rows(fresh.path("results/split/placement.jsonl"))}
        held = read_rows(fresh.path("results/split/recall.jsonl"))
        return [row for row in held if origins[row["id"]] == "data"]

    assert fresh.snakemake(SPLIT).code == 0
    before = recall()
    fresh.configure(augment={"providers": []})
    assert fresh.snakemake(SPLIT).jobs == GATHERED
    assert recall() == before and before


def made(run):
    """How many texts the models made, as a person is told."""
    lines = [line for line in run.output.splitlines() if "texts made" in line]
    assert lines
    return sum(int(line.split(": ")[-1].split()[0]) for line in lines)
