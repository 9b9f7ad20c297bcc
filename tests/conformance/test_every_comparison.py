"""Every comparison of the catalogue: one shape, right truth, and nothing compared that must not be."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from firstsight.learn.catalogue import COMPARISONS, SAMPLERS
from firstsight.learn.similarities.fixed import Cosine

SEEDED = settings(derandomize=True, deadline=None, max_examples=40)
LABELS = st.lists(st.integers(0, 4), min_size=3, max_size=16).filter(lambda found: 1 < len(set(found)) < len(found))


def compare(name, labels, seed=0):
    """A comparison of random embeddings of these labels, and the embeddings."""
    draw = torch.Generator().manual_seed(seed)
    if COMPARISONS[name].given:  # takes a batch of what its sampler draws
        known = np.array(labels)
        views = COMPARISONS[name].given == "views"
        sampler = SAMPLERS[COMPARISONS[name].given](known, known * 0, seed, size=12, **({} if views else {"count": 12}))
        labels = sampler.batch(0).tolist() if views else known[sampler.batch(0)].tolist()
    embeddings = torch.randn(len(labels), 8, generator=draw, requires_grad=True)
    part = COMPARISONS[name](Cosine(), 8, 5)
    return part(Cosine().prepare(embeddings), torch.tensor(labels), draw), embeddings


@pytest.mark.parametrize("name", COMPARISONS)
@given(labels=LABELS, seed=st.integers(0, 100))
@SEEDED
def test_score_same_and_weight_have_one_shape(name, labels, seed):
    """Score, same and weight are of one shape and type, finite, and same is 0 or 1."""
    found, _ = compare(name, labels, seed)
    assert found.score.shape == found.same.shape == found.weight.shape
    assert found.score.dtype == found.same.dtype == found.weight.dtype
    assert found.score.isfinite().all()
    assert ((found.same == 0) | (found.same == 1)).all()
    assert (found.weight >= 0).all()
    assert found.weight.any()
    assert found.score.ndim == (2 if COMPARISONS[name].rows else 1)


@pytest.mark.parametrize("name", COMPARISONS)
@given(labels=LABELS)
@SEEDED
def test_both_kinds_of_comparison_are_there(name, labels):
    """A batch with a repeated label and two labels gives different ones that count, unless it says that it does not."""
    found, _ = compare(name, labels)
    assert (found.weight * found.same).any()
    assert bool((found.weight * (1 - found.same)).any()) == COMPARISONS[name].apart


@pytest.mark.parametrize("name", COMPARISONS)
def test_the_draw_is_the_generators(name):
    """The same generator state gives the same comparison."""
    labels = [0, 0, 1, 1, 2, 2, 2, 3]
    torch.manual_seed(0)
    one, _ = compare(name, labels, 7)
    torch.manual_seed(0)
    other, _ = compare(name, labels, 7)
    assert torch.equal(one.score, other.score)
    assert torch.equal(one.same, other.same)


@pytest.mark.parametrize("name", COMPARISONS)
def test_gradients_reach_the_embeddings(name):
    """Scores that count hand a finite gradient back to the embeddings."""
    found, embeddings = compare(name, [0, 0, 1, 1, 2, 2])
    (found.score * found.weight).square().sum().backward()
    assert embeddings.grad is not None
    assert embeddings.grad.isfinite().all()
    assert embeddings.grad.any()


@pytest.mark.parametrize("name", [n for n in COMPARISONS if n not in ("proxies", "predicted_views")])
def test_a_comparison_owns_no_network(name):
    """Only proxies and a predictor are weights of their own: the twins' weights live in the one encoder."""
    assert list(COMPARISONS[name](Cosine(), 8, 5).parameters()) == []
