"""Samplers: what each promises about the make-up of a batch."""

import numpy as np
import pytest

from firstsight.errors import UsageError
from firstsight.learn.sampling.batches import PK, HardGroups, Random

LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(12), 6))
GROUPS = LABELS // 3


@pytest.mark.parametrize("size", [1, 7, 36, 72, 100])
def test_random_shows_each_example_once_an_epoch(size):
    """Over every stretch of n drawn examples, counted from the start, each example comes exactly once."""
    sampler = Random(LABELS, GROUPS, 5, size=size)
    count = len(LABELS)
    drawn = np.concatenate([sampler.batch(step) for step in range(-(-3 * count // size))])[: 3 * count]
    epochs = drawn.reshape(3, count)
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(count), (3, 1)))
    assert (epochs[0] != epochs[1]).any()


def test_pk_gives_p_classes_of_k_examples():
    """A PK batch holds P classes side by side with K different examples each."""
    sampler = PK(LABELS, GROUPS, 0, classes=5, each=4)
    for step in range(20):
        batch = sampler.batch(step)
        table = LABELS[batch].reshape(5, 4)
        assert (table == table[:, :1]).all()
        assert len(set(table[:, 0])) == 5
        assert len(set(batch.tolist())) == 20


def test_pk_repeats_only_where_a_class_is_small():
    """A class with fewer than K examples repeats some; the batch keeps its size."""
    labels = np.array([0, 0, 0, 0, 1, 1])
    batch = PK(labels, labels, 0, classes=2, each=4).batch(0)
    assert len(batch) == 8
    large, small = batch[labels[batch] == 0], batch[labels[batch] == 1]
    assert len(set(large.tolist())) == len(large) == 4
    assert len(small) == 4


def test_pk_takes_all_classes_where_there_are_fewer_than_p():
    """P larger than the number of classes means all of them."""
    assert len(PK(LABELS, GROUPS, 0, classes=99, each=2).batch(0)) == 24


@pytest.mark.parametrize("together", [1, 2, 3])
def test_hard_groups_draws_from_few_groups(together):
    """The classes of a batch lie in at most ``together`` groups, and different batches visit different groups."""
    sampler = HardGroups(LABELS, GROUPS, 0, classes=6, each=2, together=together)
    visited = set()
    for step in range(30):
        batch = sampler.batch(step)
        found = set(GROUPS[batch].tolist())
        assert len(found) <= together
        classes, counts = np.unique(LABELS[batch], return_counts=True)
        assert len(classes) == min(6, 3 * together)
        assert (counts == 2).all()
        visited |= found
    assert visited == {0, 1, 2, 3}


def test_hard_groups_refuses_data_without_groups():
    """Without at least two groups there is nothing to draw together, and the error names the sampler that serves."""
    with pytest.raises(UsageError, match=r"sampling\.name=pk"):
        HardGroups(LABELS, np.zeros_like(LABELS), 0)


@pytest.mark.parametrize(
    ("part", "setting"),
    [(Random, "size"), (PK, "classes"), (PK, "each"), (HardGroups, "classes"), (HardGroups, "together")],
)
def test_counts_below_one_are_refused(part, setting):
    """A batch of nothing is refused by the name of the setting."""
    with pytest.raises(UsageError, match=f"sampling.{setting} is 0"):
        part(LABELS, GROUPS, 0, **{setting: 0})
