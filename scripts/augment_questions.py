"""Put the questions into shards for the models. Reads results/dedup/rows.jsonl; see qaloom.paraphrase."""

from pathlib import Path

from qaloom.job import job
from qaloom.paraphrase import write_questions

if __name__ == "__main__":
    with job(snakemake.log[0]):
        write_questions(Path(snakemake.input.rows), list(map(Path, snakemake.output)))
