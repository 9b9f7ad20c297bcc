"""Triplets of two classes: true to their labels for any labels, and uniform over pairs of classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstsight.datasets.drawing import two_class_triplets
from firstsight.errors import DataError
from firstsight.learn.sampling.drawn import TwoClasses

SEEDED = settings(derandomize=True, deadline=None, max_examples=100)
UNLIKE = np.repeat([0, 1, 2, 3], [40, 3, 12, 5])
"""Four classes of unlike size."""


@given(labels=st.lists(st.integers(0, 6), min_size=2, max_size=40), seed=st.integers(0, 1000))
@SEEDED
def test_a_triplet_is_two_of_one_class_and_one_of_another(labels, seed):
    """Whatever the labels: anchor and same share one and are two examples, the third has another."""
    labels = np.array(labels)
    try:
        anchor, same, different = two_class_triplets(labels, 50, np.random.default_rng(seed)).T
    except DataError:
        _, counts = np.unique(labels, return_counts=True)
        assert len(counts) == 1 or counts.max() == 1
        return
    assert (labels[anchor] == labels[same]).all()
    assert (anchor != same).all()
    assert (labels[anchor] != labels[different]).all()


def test_all_ordered_pairs_of_classes_are_alike_likely():
    """Classes of 3 to 40 examples: each of the 12 ordered pairs comes in a twelfth of the draws, within noise."""
    drawn = UNLIKE[two_class_triplets(UNLIKE, 60_000, np.random.default_rng(0))]
    counts = np.bincount(4 * drawn[:, 0] + drawn[:, 2], minlength=16).reshape(4, 4)
    assert (np.diagonal(counts) == 0).all()
    assert np.abs(counts[~np.eye(4, dtype=bool)] / 5000 - 1).max() < 0.06


def test_examples_of_a_class_are_alike_likely():
    """Within a class every example comes alike often in each place, and every other one beside a given anchor."""
    drawn = two_class_triplets(UNLIKE, 60_000, np.random.default_rng(1))
    for column in drawn.T:
        shares = np.bincount(column, minlength=len(UNLIKE))[UNLIKE == 3]
        assert shares.min() > 0.9 * shares.max()
    beside = np.bincount(drawn[drawn[:, 0] == 40, 1], minlength=len(UNLIKE))
    assert beside[40] == 0
    assert beside.sum() == beside[[41, 42]].sum()
    assert beside[[41, 42]].min() > 0.9 * beside[[41, 42]].max()


def test_a_class_of_one_is_only_ever_the_other():
    """What has no partner can still be what an anchor is told from."""
    labels = np.array([0, 0, 1])
    drawn = two_class_triplets(labels, 100, np.random.default_rng(0))
    assert set(map(tuple, drawn)) == {(0, 1, 2), (1, 0, 2)}


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_what_gives_no_triplet_is_refused_at_once(labels):
    """One class only, or no class twice, is said before the first step."""
    with pytest.raises(DataError, match="at least two classes with two examples each"):
        TwoClasses(np.array(labels), np.array(labels) * 0, 0)
