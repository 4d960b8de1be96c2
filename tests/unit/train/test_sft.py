"""The first batch is looked at before training: every label, and where packed rows end."""

from types import SimpleNamespace

import pytest
import torch
from msgspec.structs import replace
from plans import a_plan

from qaloom.errors import TrainingError
from qaloom.inference.prompt import Example
from qaloom.train.sft import check_batch, rows_in_order

ROWS = [Example([7] * n, [9, 4]) for n in (5, 9, 3)]
PLAN = a_plan(packing=True, effective_tokens=64)


def trainer(spoil, packing):
    """One whose collator hands on a row, or a pack with its positions and lengths, then spoilt."""

    def collate(rows):
        batch = {name: torch.tensor([rows[0][name]]) for name in ("input_ids", "labels")}
        if packing:
            lengths = rows[0]["seq_lengths"]
            batch["position_ids"] = torch.cat([torch.arange(n) for n in lengths])[None]
            batch["packed_seq_lengths"] = torch.tensor(lengths)
        spoil(batch)
        return batch

    return SimpleNamespace(args=SimpleNamespace(per_device_train_batch_size=1), data_collator=collate)


def looked_at(spoil, packing=True):
    rows = rows_in_order([[0, 1, 2]], ROWS, replace(PLAN, packing=packing), 0)
    check_batch(trainer(spoil, packing), rows)


@pytest.mark.parametrize("packing", [True, False])
def test_a_whole_batch_passes(packing):
    looked_at(lambda batch: None, packing)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda batch: batch.pop("packed_seq_lengths"),
        lambda batch: batch.pop("position_ids"),
        lambda batch: batch.update(packed_seq_lengths=batch["packed_seq_lengths"].flip(0)),
    ],
)
def test_a_pack_without_its_rows_ends_is_refused(spoil):
    """Unsloth packs no rows of some models: it would train on one long row instead."""
    with pytest.raises(TrainingError, match="cannot be packed; set effective_batch"):
        looked_at(spoil)


@pytest.mark.parametrize("packing", [True, False])
def test_a_batch_that_lost_labels_is_refused(packing):
    with pytest.raises(TrainingError, match="keeps 0 to learn from"):
        looked_at(lambda batch: batch["labels"].fill_(-100), packing)
