"""Files that people write into a project's folder, beside its sources."""

from pathlib import Path

DECISIONS = Path("data/decisions.jsonl")  # of a review; never a source, also where a glob matches it
CORRECTIONS = Path("review/corrections.jsonl")  # right answers given on the chat page, for review
