"""Training rows as token ids: loss mask, validation part, order, and packing."""

import math
from collections.abc import Sequence
from itertools import chain
from random import Random
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from qaloom.config.settings import TrainingSettings
from qaloom.console import say
from qaloom.errors import RowTextError, TrainingError
from qaloom.files import digest
from qaloom.inference.prompt import Example, Tokenizer, example, row_question, stop_ids
from qaloom.records import row_context
from qaloom.text.near_pairs import near_pairs, question_key
from qaloom.text.normalize import comparison_key

TextRow = dict[str, Any]  # id, instruction, input, output; system and history where a row has them
IGNORED = -100  # the label that the loss leaves out
_NEAR = 0.9  # Indel similarity of comparison keys from which on two questions stay on one side


def tokenise(
    rows: Sequence[TextRow], tokenizer: Tokenizer, kind: str, system: str = ""
) -> tuple[list[TextRow], list[Example]]:
    """Rows that the prompt can hold, and their token ids, whole; `system` is for rows without such a message.

    Says how many rows the model's template or tokenizer would change, and leaves them out.
    Raises TrainingError when that is all of them.
    """
    usable, examples, problems = _encoded(rows, tokenizer, kind, system)
    if problems:
        say(f"train: {len(problems)} of {len(rows)} rows are left out; the first is {problems[0]}")
    if rows and not usable:
        raise TrainingError(f"no row can be put into the model's prompt; {problems[0]}")
    return usable, examples


def _encoded(
    rows: Sequence[TextRow], tokenizer: Tokenizer, kind: str, system: str
) -> tuple[list[TextRow], list[Example], list[str]]:
    """Rows, their token ids, and what is wrong with each of those that the prompt cannot hold."""
    usable, examples, problems = [], [], []
    for row in rows:
        try:
            one = row_question(row, system)
            examples.append(
                example(tokenizer, kind, one.instruction, one.input, row["output"], one.system, one.history)
            )
            usable.append(row)
        except RowTextError as error:
            problems.append(f"{row['id']}: {error}")
    return usable, examples, problems


def token_count(rows: Sequence[TextRow], tokenizer: Tokenizer, kind: str, system: str = "") -> int:
    """Tokens of all rows that the prompt can hold, whole."""
    return sum(map(length, _encoded(rows, tokenizer, kind, system)[1]))


def length(one: Example) -> int:
    """Tokens of a row."""
    return len(one.prompt) + len(one.completion)


def cut(
    rows: Sequence[TextRow], whole: Sequence[Example], max_length: int, ends: set[int]
) -> tuple[list[str], list[Example]]:
    """Ids and examples of at most `max_length` tokens; `ends` are the ids that end an answer.

    Says how many answers had to be cut, and how many rows are left out because the question alone is
    that long. Raises TrainingError when no row is left, or none ends in an end token.
    """
    limit = f"max_length {max_length}"
    left_out = [r["id"] for r, e in zip(rows, whole, strict=True) if len(e.prompt) >= max_length]
    if left_out:
        share = f"{len(left_out)} of {len(rows)} rows"
        say(
            f"train: {share} are left out, as their questions alone reach {limit}; the first is {left_out[0]}"
        )
    usable = [(r["id"], e) for r, e in zip(rows, whole, strict=True) if len(e.prompt) < max_length]
    shortened = sum(length(e) > max_length for _, e in usable)
    if shortened:
        say(f"train: {shortened} of {len(rows)} rows are longer than {limit}; their answers are cut")
    examples = [Example(e.prompt, e.completion[: max_length - len(e.prompt)]) for _, e in usable]
    if not any(e.completion[-1] in ends for e in examples):
        raise TrainingError(f"no row keeps its end token within {limit}, so no answer would end; raise it")
    return [name for name, _ in usable], examples


def end_ids(tokenizer: Tokenizer, kind: str) -> set[int]:
    """Token ids that end an answer."""
    return set(stop_ids(tokenizer, kind))


def validation(rows: Sequence[TextRow], fraction: float, seed: int) -> tuple[list[TextRow], list[TextRow]]:
    """Rows to train on, and those held out to validate: wordings of facts that keep another in training.

    Near-equal questions, transitively, go together, by the hash of the first of them, whatever the other
    rows are; the fraction is an expectation. Of a fact's clusters that with the highest hash always stays.
    """
    if not fraction:
        return list(rows), []
    clusters = _question_clusters(rows)
    places = [_place(rows[cluster[0]], seed) for cluster in clusters]
    last: dict[str, int] = {}  # of each fact, the cluster that would be the last to leave training
    for number in sorted(range(len(clusters)), key=places.__getitem__):
        last |= {comparison_key(rows[row]["output"]): number for row in clusters[number]}
    staying = set(last.values())
    drawn = (n for n, place in enumerate(places) if place < fraction and n not in staying)
    held_out = {row for number in drawn for row in clusters[number]}
    rest = [r for n, r in enumerate(rows) if n not in held_out]
    return rest, [r for n, r in enumerate(rows) if n in held_out]


def _place(row: TextRow, seed: int) -> float:
    """A number in [0, 1) that the seed and the question alone decide."""
    return int(digest([seed, row["instruction"], row_context(row)])[:13], 16) / 16**13


def _question_clusters(rows: Sequence[TextRow]) -> list[list[int]]:
    """Positions of the rows in each cluster of near-equal questions, sorted by comparison key and id."""
    named = [(question_key(r["instruction"], row_context(r)), r["id"], n) for n, r in enumerate(rows)]
    keys = sorted({key for key, _, _ in named})
    left, right, _ = near_pairs(keys, keys, _NEAR)
    links = coo_array((np.ones(len(left), bool), (left, right)), shape=(len(keys), len(keys)))
    component = dict(zip(keys, connected_components(links, directed=False)[1].tolist(), strict=True))
    clusters: dict[int, list[int]] = {}
    for key, _, position in sorted(named):
        clusters.setdefault(component[key], []).append(position)
    return list(clusters.values())


def row_order(lengths: Sequence[int], batch: int, epochs: float, seed: int) -> list[int]:
    """The rows of a whole training, in order: every `batch` of them make one optimizer step.

    Each row comes once an epoch (in a last part of an epoch, some of them). A step holds rows of similar
    length, so that little of it is padding; which rows share one, and the order of steps, is drawn anew
    each epoch. What an epoch has beyond whole steps is put off to the next, or every later step would
    straddle two lengths. The order is the run's, not the trainer's: a resumed run sees the same rows.
    """
    random, count = Random(seed), len(lengths)
    order: list[int] = []
    put_off: list[int] = []
    for _ in range(math.ceil(epochs)):
        rows = put_off + random.sample(range(count), count)
        whole = len(rows) - len(rows) % batch
        rows, put_off = rows[:whole], rows[whole:]
        rows.sort(key=lambda row: lengths[row] * random.uniform(0.7, 1.4))
        steps = [rows[i : i + batch] for i in range(0, whole, batch)]
        random.shuffle(steps)
        order += chain.from_iterable(steps)
    return (order + put_off)[: max(1, round(epochs * count))]


def steps_of_rows(lengths: Sequence[int], training: TrainingSettings) -> list[list[int]]:
    """The rows of every optimizer step: `effective_batch` of them, or as many as fill `effective_tokens`."""
    epochs, seed, tokens = training.epochs, training.seed, training.effective_tokens
    if tokens is None:
        batch = training.effective_batch
        order = row_order(lengths, batch, epochs, seed)
        return [order[i : i + batch] for i in range(0, len(order), batch)]
    return filled(lengths, tokens, epochs, seed)


def filled(lengths: Sequence[int], tokens: int, epochs: float, seed: int) -> list[list[int]]:
    """Steps of whole rows, each as near to `tokens` as the next rows allow, none above.

    Raises TrainingError when one row alone is longer.
    """
    if max(lengths) > tokens:
        raise TrainingError(
            f"the longest row has {max(lengths)} tokens, more than effective_tokens {tokens}; raise it, "
            "or lower max_length"
        )
    random = Random(seed)
    order: list[int] = []
    for _ in range(math.ceil(epochs)):
        order += random.sample(range(len(lengths)), len(lengths))
    steps: list[list[int]] = [[]]
    room = tokens
    for row in order[: max(1, round(epochs * len(lengths)))]:
        if lengths[row] > room:
            steps.append([])
            room = tokens
        steps[-1].append(row)
        room -= lengths[row]
    return steps


def parts(step: Sequence[int], lengths: Sequence[int], count: int) -> list[list[int]]:
    """A step's rows in `count` parts of about equal tokens, each to be packed into one sequence.

    Longest first into the part that holds least (Graham's LPT rule): no part exceeds the mean by a row.
    """
    held: list[list[int]] = [[] for _ in range(count)]
    totals = [0] * count
    for row in sorted(step, key=lambda row: -lengths[row]):
        least = totals.index(min(totals))
        held[least].append(row)
        totals[least] += lengths[row]
    return held


def features(one: Example) -> dict[str, list[int]]:
    """One row for the collator: the prompt's labels are left out, so only the answer is learned."""
    ids = one.prompt + one.completion
    return {
        "input_ids": ids,
        "attention_mask": [1] * len(ids),
        "labels": [IGNORED] * len(one.prompt) + one.completion,
    }


def packed(rows: Sequence[Example], pad: int) -> dict[str, list[int]]:
    """Rows one after the other as one sequence; `seq_lengths` keeps them apart. Of no row, a pad token."""
    if not rows:
        return {"input_ids": [pad, pad], "labels": [IGNORED] * 2, "seq_lengths": [2]}
    each = [features(one) for one in rows]
    return {
        "input_ids": list(chain.from_iterable(f["input_ids"] for f in each)),
        "labels": list(chain.from_iterable(f["labels"] for f in each)),
        "seq_lengths": [len(f["input_ids"]) for f in each],
    }
