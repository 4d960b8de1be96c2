"""Questions that an embedding model and the gate behind it take to ask the same, by cosine.

    python benchmarks/bench_embedding.py FOLDER

FOLDER is one that the base_model stage made (results/base_model/NAME). Reads meaning_pairs.tsv: pairs that ask the
same in other words, and pairs that only look alike; prints how many of each reach a cosine, without and with the gate.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from qaloom.inference.embeddings import embed
from qaloom.text.rewordings import may_ask_the_same


def main() -> None:
    """Print a row for each cosine: same and different pairs at or above it, and those that pass the gate."""
    lines = (Path(__file__).parent / "meaning_pairs.tsv").read_text().splitlines()
    kinds, left, right = zip(*(line.split("\t") for line in lines), strict=True)
    with tempfile.TemporaryDirectory() as cache:
        one, other = (embed(side, Path(sys.argv[1]), Path(cache)) for side in (left, right))
    scores = (one * other).sum(1)
    passed = [may_ask_the_same(a, b, Counter()) for a, b in zip(left, right, strict=True)]
    print("| cosine | same | different | same, gated | different, gated |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for least in (0.75, 0.8, 0.85, 0.88, 0.9, 0.95):
        near = [kind for kind, score in zip(kinds, scores, strict=True) if score >= least]
        gated = [k for k, score, ok in zip(kinds, scores, passed, strict=True) if ok and score >= least]
        counts = [found.count(kind) for found in (near, gated) for kind in ("same", "different")]
        print(f"| {least} | {' | '.join(map(str, counts))} |")


if __name__ == "__main__":
    main()
