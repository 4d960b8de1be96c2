"""QA Loom: question-answer rows in, a fine-tuned and honestly evaluated language model out.

Each stage is a module with a function and a command (`python -m qaloom.dedup --help`). Nothing here
imports Snakemake: the rules call this library, never the other way round.
"""
