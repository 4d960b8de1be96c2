"""The provider `model` through Snakemake: a tiny model that was taught to reword, and the embedded one."""

import pytest
from harness import MODEL, PLACES, read_rows, write_rows
from reworder import NEW_TOKENS, REWORDED, teach_rewording

SHARDS = {"augment_shard 0-of-2", "augment_shard 1-of-2"}
GATHERED = {"augment", "split"}
ROWS = {"validate_file one.jsonl", "validate", "dedup", "augment_questions"}
SPLIT = "results/split/manifest.json"


def rewording(**changed):
    model = {"kinds": ["formal"], "max_new_tokens": NEW_TOKENS}
    return {"providers": ["model"], "wordings": 3, "shards": 2, "model": model} | changed


def asked(questions):
    return [{"question": q, "answer": PLACES[q[len("Where is ") : -1]]} for q in questions]


def made(run):
    """How many replies the model made, as a person is told."""
    lines = [line for line in run.output.splitlines() if "texts made" in line]
    assert lines
    return sum(int(line.split(": ")[-1].split()[0]) for line in lines)


def kept(project):
    rows = read_rows(project.path("results/augment/rows.jsonl"))
    return {row["instruction"]: row["provider"] for row in rows if row.get("parent")}


@pytest.mark.slow
def test_the_runs_own_model_rewords_from_rows_to_report(fresh):
    """End to end with `base`; then what a row, a gate, a quota and a lost results folder cause."""
    teach_rewording(fresh.path(MODEL))
    one, questions = fresh.path("data/one.jsonl"), list(REWORDED)
    fresh.path("data/two.jsonl").unlink()
    write_rows(one, asked(questions[:9]))
    fresh.configure(augment=rewording())
    run = fresh.snakemake()
    assert run.code == 0, run.output
    assert run.jobs >= {*ROWS, *SHARDS, *GATHERED, "base_model tiny", "train first", "report"}
    assert made(run) == 9
    good = kept(fresh)  # the tiny model mixes some places up, which the gates see
    assert good and set(good) <= set(REWORDED.values()) and set(good.values()) == {"model"}
    assert "of 9 facts have 3 wordings or more" in fresh.path("results/report/index.html").read_text("utf-8")

    write_rows(one, asked(questions))
    run = fresh.snakemake(SPLIT)
    shard = run.jobs & SHARDS
    assert len(shard) == 1 and run.jobs == {*ROWS, *shard, *GATHERED} and made(run) == 1

    fresh.configure(augment=rewording(gates={"words_kept": 0.9}))
    assert fresh.snakemake(SPLIT).jobs == GATHERED
    fresh.configure(augment=rewording(wordings=2))
    assert fresh.snakemake(SPLIT).jobs == GATHERED

    rows = fresh.path("results/augment/rows.jsonl").read_bytes()
    fresh.path("results").rename(fresh.path("lost"))
    run = fresh.snakemake(SPLIT)
    assert made(run) == 0 and fresh.path("results/augment/rows.jsonl").read_bytes() == rows


@pytest.mark.slow
def test_the_embedded_model_rewords_and_the_rest_of_its_replies_is_dropped_with_reasons(fresh):
    fresh.path("data/two.jsonl").unlink()
    asked = {
        "What is the load limit of the goods lift?": "800 kilograms",
        "Where are spare fuses stored?": "in the red drawer",
        "여분 퓨즈는 어디에 있나요?": "빨간 서랍",
    }
    write_rows(fresh.path("data/one.jsonl"), [{"question": q, "answer": a} for q, a in asked.items()])
    model = {
        "reference": "embedded:smollm2-135m-instruct",
        "kinds": ["formal", "keywords"],
        "max_new_tokens": 24,
    }
    loose = {"words_kept": 0.5, "words_added": 0.6}
    fresh.configure(augment=rewording(shards=1, model=model, gates=loose))
    run = fresh.snakemake("results/augment/stats.json")
    assert run.code == 0, run.output
    brought = {"base_model smollm2-135m-instruct", "augment_shard 0-of-1"}
    assert run.jobs == {*ROWS, *brought, "augment"} and made(run) == 6
    assert kept(fresh) and set(kept(fresh)) & {*asked} == set()
    again = fresh.snakemake("results/augment/stats.json")
    assert again.jobs == set()


def test_a_base_of_several_runs_stops_before_anything_runs(fresh):
    fresh.change_run("second", base_model="embedded:smollm2-135m-instruct")
    fresh.configure(augment=rewording())
    run = fresh.snakemake()
    assert (run.code, run.jobs) == (1, set())
    assert "augment.model.reference: base could be any of the runs' base models" in run.output
