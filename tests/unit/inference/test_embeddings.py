"""Embeddings: unit vectors, by the folder's own pooling, kept by content; near pairs as brute force finds them."""

import shutil

import numpy as np
import pytest

from qaloom.errors import ModelError
from qaloom.files import write_json
from qaloom.inference import embeddings
from qaloom.inference.embeddings import ResidentEncoder, embed, near_vectors

TEXTS = ["본원의 주소는 어디인가요?", "What is the address?", "Where?", "본원의 주소는 어디인가요?"]


def test_unit_vectors_that_do_not_depend_on_the_batch(tiny, tmp_path):
    together = embed(TEXTS, tiny, tmp_path / "a")
    assert together.dtype == np.float32 and np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-2)
    assert (together[0] == together[3]).all()
    alone = np.concatenate([embed([text], tiny, tmp_path / text[:3]) for text in TEXTS])
    assert np.allclose(together, alone, atol=5e-3)
    assert len(embed([], tiny, tmp_path / "a")) == 0


def test_a_resident_encoder_gives_the_same_vectors_and_keeps_nothing(tiny, tmp_path):
    kept = embed(TEXTS, tiny, tmp_path)
    encoder = ResidentEncoder(tiny)
    assert np.allclose(np.concatenate([encoder.vectors([text]) for text in TEXTS]), kept, atol=5e-3)
    assert len(list(tmp_path.iterdir())) == 1


def test_known_texts_load_no_model(tiny, tmp_path, monkeypatch):
    first = embed(TEXTS[:2], tiny, tmp_path)
    monkeypatch.setattr(embeddings, "_load", lambda folder: pytest.fail("loaded"))
    assert (embed(TEXTS[1::-1], tiny, tmp_path) == first[::-1]).all()


def pooled(tiny, tmp_path, **config):
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    write_json(folder / embeddings.POOLING, config)
    return embed(TEXTS[:1], folder, tmp_path / "cache")


@pytest.mark.parametrize("kind", ["cls_token", "max_tokens", "lasttoken"])
def test_pooling_of_the_folder(tiny, tmp_path, kind):
    other = pooled(tiny, tmp_path, **{f"pooling_mode_{kind}": True, "pooling_mode_mean_tokens": False})
    assert not np.allclose(other, embed(TEXTS[:1], tiny, tmp_path / "mean"), atol=1e-2)


def test_unknown_pooling_is_one_line(tiny, tmp_path):
    with pytest.raises(ModelError, match="pooling pooling_mode_weightedmean_tokens is not known"):
        pooled(tiny, tmp_path, pooling_mode_weightedmean_tokens=True)


def test_near_pairs_as_brute_force(monkeypatch):
    monkeypatch.setattr(embeddings, "_ROWS", 3)
    random = np.random.default_rng(0)
    vectors = random.normal(size=(20, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = [at % 2 for at in range(20)]
    found = {(i, j) for i, j, _ in near_vectors(vectors, groups, 0.6)}
    assert found == {
        (i, j)
        for i in range(20)
        for j in range(i + 1, 20)
        if i % 2 == j % 2 and vectors[i] @ vectors[j] >= 0.6
    }
