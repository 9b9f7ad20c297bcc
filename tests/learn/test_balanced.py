"""Sampling of data with a long tail: what each sampler shows how often, and classes of one image."""

import numpy as np
import pytest
import torch

from firstsight.learn.comparisons.batch import InBatch, SampledPairs, SampledTriplets
from firstsight.learn.losses.pairwise import contrastive
from firstsight.learn.losses.softmax import supcon
from firstsight.learn.losses.triplet import triplet
from firstsight.learn.sampling.balanced import Balanced
from firstsight.learn.sampling.batches import PK, Random
from firstsight.learn.sampling.drawn import DrawnPairs
from firstsight.learn.similarities.fixed import Cosine, Euclidean

SIZES = np.array([20, 11, 5, 3, 2, 1, 1, 1, 1])
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(len(SIZES)), SIZES))


def shown(sampler, steps):
    """The first draws, in their order."""
    return np.concatenate([sampler.batch(step) for step in range(steps)])


@pytest.mark.parametrize("size", [1, 4, 9, 64])
@pytest.mark.parametrize("seed", [0, 1])
def test_balanced_shows_every_class_alike_often(size, seed):
    """Over every stretch of classes each comes exactly once, so at no step do two classes differ by more than one."""
    drawn = LABELS[shown(Balanced(LABELS, LABELS, seed, size=size), -(-180 // size))][:180]
    epochs = drawn.reshape(20, len(SIZES))
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(len(SIZES)), (20, 1)))
    assert (epochs[0] != epochs[1]).any()


def test_balanced_shows_the_examples_of_a_class_in_turn():
    """Of a class every example comes once before any comes twice, in another order the next time round."""
    drawn = shown(Balanced(LABELS, LABELS, 0, size=9), 40)
    for c, size in enumerate(SIZES):
        members = np.flatnonzero(c == LABELS)
        mine = drawn[np.isin(drawn, members)]
        turns = mine[: len(mine) // size * size].reshape(-1, size)
        np.testing.assert_array_equal(np.sort(turns, axis=1), np.tile(members, (len(turns), 1)))
    large = drawn[LABELS[drawn] == 0].reshape(2, 20)
    assert (large[0] != large[1]).any()


def test_random_is_naive():
    """Uniform over images, a class comes as often as it has images: the head fills the batches."""
    drawn = LABELS[shown(Random(LABELS, LABELS, 0, size=9), 5 * 10)]
    np.testing.assert_array_equal(np.bincount(drawn[:450]), 10 * SIZES)


def test_pk_repeats_the_one_image_of_a_class():
    """A class of one image gives K copies of it, so that its positives differ by augmentation alone."""
    sampler = PK(LABELS, LABELS, 0, classes=9, each=4)
    for step in range(10):
        batch = sampler.batch(step).reshape(9, 4)
        for row in batch:
            assert len(set(LABELS[row].tolist())) == 1
            if SIZES[LABELS[row[0]]] == 1:
                assert len(set(row.tolist())) == 1
            elif SIZES[LABELS[row[0]]] >= 4:
                assert len(set(row.tolist())) == 4


@pytest.mark.parametrize(
    ("part", "loss", "similarity"),
    [
        (InBatch, supcon, Cosine()),
        (InBatch, triplet, Euclidean()),
        (SampledPairs, contrastive, Euclidean()),
        (SampledTriplets, triplet, Euclidean()),
    ],
)
def test_copies_do_no_harm(part, loss, similarity):
    """Positives that coincide, as a class of one image gives where nothing is augmented, have a finite gradient."""
    index = PK(LABELS, LABELS, 0, classes=9, each=4).batch(0)
    images = torch.nn.functional.normalize(
        torch.randn(len(LABELS), 8, generator=torch.Generator().manual_seed(0)), dim=1
    )
    embeddings = images[index].requires_grad_()
    found = part(similarity, 8, 9)(embeddings, torch.from_numpy(LABELS[index]), torch.Generator().manual_seed(1))
    value = loss(found.score, found.same, found.weight)
    value.backward()
    assert torch.isfinite(value)
    assert embeddings.grad is not None
    assert torch.isfinite(embeddings.grad).all()


def test_drawn_pairs_take_single_images_as_others_only():
    """A class of one image is never half of a same pair, and serves as the other side of different ones."""
    pairs = DrawnPairs(LABELS, LABELS, 0, count=2000, size=8).drawn
    single = SIZES[LABELS] == 1
    same = pairs[0::2]
    assert not single[same].any()
    assert not single[pairs[:, 0]].any()
    assert single[pairs[1::2, 1]].any()
    assert (same[:, 0] != same[:, 1]).all()
