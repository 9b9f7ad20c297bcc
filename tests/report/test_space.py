"""Samples, maps and the sphere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from patches import Patches

from firstsight.datasets import open_data
from firstsight.report import space
from firstsight.similarity import Link, Similarity


def test_a_sample_is_drawn_by_its_seed(strangers: Path, patches: Patches, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few classes of few examples, class by class, the same for the same seed."""
    monkeypatch.setattr(space, "MOST_CLASSES", 4)
    monkeypatch.setattr(space, "MOST_EACH", 3)
    data = open_data(f"folder:{strangers}")
    drawn = [space.sample(data, patches, seed) for seed in (1, 1, 2)]
    assert len(drawn[0].names) == 4
    assert drawn[0].labels.tolist() == np.repeat(np.arange(4), 3).tolist()
    assert np.array_equal(drawn[0].arrays, drawn[1].arrays)
    assert not np.array_equal(drawn[0].arrays, drawn[2].arrays)


def test_pca_keeps_distances_on_a_plane() -> None:
    """Points that lie on a plane in many dimensions keep their distances on the map."""
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(20, 2))
    turned = (flat @ np.linalg.qr(rng.normal(size=(7, 2)))[0].T + 5).astype(np.float32)
    made = space.by_pca(turned)
    apart = [np.linalg.norm(p[:, None] - p[None], axis=2) for p in (flat, made)]
    np.testing.assert_allclose(*apart, atol=1e-4)


@pytest.mark.parametrize("embeddings", [np.ones((1, 3)), np.ones((5, 1)), np.zeros((4, 8)), np.ones((12, 2))])
def test_maps_of_next_to_nothing(embeddings: np.ndarray) -> None:
    """One example, one dimension or no variance: a plane all the same, or no map."""
    embeddings = embeddings.astype(np.float32)
    made = space.by_pca(embeddings)
    assert made.shape == (len(embeddings), 2)
    assert np.isfinite(made).all()
    assert space.by_tsne(embeddings, 0) is None


def test_tsne_keeps_clumps_apart() -> None:
    """Examples stay nearest to their own class, the same for the same seed."""
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 10)
    points = (np.eye(4)[labels] * 5 + rng.normal(size=(40, 4)) * 0.1).astype(np.float32)
    made = space.by_tsne(points, 0)
    away = np.linalg.norm(made[:, None] - made[None], axis=2) + np.eye(40) * 1e9
    assert (labels[away.argmin(axis=1)] == labels).all()
    assert np.array_equal(made, space.by_tsne(points, 0))


def globe(n: int = 12) -> space.Sample:
    points = np.random.default_rng(1).normal(size=(n, 3)) * 0.2 + np.repeat(np.eye(3), n // 3, axis=0)
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    return space.Sample(("a", "b", "c"), np.repeat(np.arange(3), n // 3), np.zeros((n, 1, 4, 4), np.uint8), points)


SIMILARITIES = {
    "dot": (Similarity("dot", Link("identity")), 0.7),
    "scaled": (Similarity("dot", Link("identity", scale=3.0, bias=-1.0)), 0.9),
    "euclidean": (Similarity("euclidean", Link("negate")), -0.6),
    "rbf": (Similarity("euclidean", Link("rbf", gamma=2.0)), 0.4),
}


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_a_cap_holds_what_reaches_the_threshold(patches: Patches, kind: str) -> None:
    """Points of the sphere are inside a class's cap just where their score against its middle is high enough."""
    similarity, threshold = SIMILARITIES[kind]
    model = replace(patches, dim=3, similarity=similarity)
    everywhere = np.random.default_rng(2).normal(size=(500, 3))
    everywhere = (everywhere / np.linalg.norm(everywhere, axis=1, keepdims=True)).astype(np.float32)
    for cap in space.sphere(globe(), model, threshold)["caps"]:
        middle = np.array(cap["middle"], np.float32)
        angles = np.arccos(np.clip(everywhere @ middle, -1, 1))
        clear = np.abs(angles - cap["angle"]) > 0.01
        reaches = model.score(middle[None], everywhere)[0] >= threshold
        assert ((angles < cap["angle"]) == reaches)[clear].all()
        assert 0 < reaches.sum() < len(reaches)


def test_no_cap_where_none_can_be_told(patches: Patches) -> None:
    """Without a threshold, with one out of reach, and where angles are not all that counts, there is no cap."""
    model = replace(patches, dim=3)
    seen = globe()
    manhattan = replace(model, similarity=Similarity("manhattan", Link("negate")))
    longer = replace(seen, embeddings=seen.embeddings * np.linspace(1, 2, 12, dtype=np.float32)[:, None])
    for sample, made, threshold in (
        (seen, model, None),
        (seen, model, 1.5),
        (seen, manhattan, -1.0),
        (longer, model, 0),
    ):
        assert space.sphere(sample, made, threshold)["caps"] == [None] * 3
    assert np.abs(space.sphere(longer, model, None)["points"]).max() <= 1
