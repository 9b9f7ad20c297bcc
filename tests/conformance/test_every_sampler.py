"""Every sampler of the catalogue: batches are a function of seed and step, and of nothing else."""

from functools import partial

import numpy as np
import pytest

from firstsight.learn.catalogue import SAMPLERS as CATALOGUE

LABELS = np.repeat(np.arange(24), 5)
GROUPS = LABELS // 4
SAMPLERS = {**CATALOGUE, "pairs on trails": partial(CATALOGUE["pairs"], order="trails")}


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_batch_depends_on_seed_and_step_alone(name):
    """Asking in another order, or a new sampler of the same seed, gives the same batches."""
    one, other = (SAMPLERS[name](LABELS, GROUPS, 3) for _ in range(2))
    forward = [one.batch(step) for step in range(6)]
    backward = [other.batch(step) for step in reversed(range(6))][::-1]
    for a, b in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.batch(2), forward[2])


@pytest.mark.parametrize("name", SAMPLERS)
def test_another_seed_or_step_gives_another_batch(name):
    """Two seeds, and two steps of one seed, draw differently."""
    one, other = SAMPLERS[name](LABELS, GROUPS, 3), SAMPLERS[name](LABELS, GROUPS, 4)
    assert one.batch(0).tolist() != other.batch(0).tolist()
    assert one.batch(0).tolist() != one.batch(1).tolist()


@pytest.mark.parametrize("name", SAMPLERS)
def test_indices_are_examples(name):
    """A batch is a flat array of whole numbers within the data."""
    batch = SAMPLERS[name](LABELS, GROUPS, 0).batch(5)
    assert batch.ndim == 1
    assert batch.dtype.kind == "i"
    assert len(batch) > 0
    assert batch.min() >= 0
    assert batch.max() < len(LABELS)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_example_has_its_turn(name):
    """Over enough steps no example is passed over."""
    sampler = SAMPLERS[name](LABELS, GROUPS, 1)
    seen = np.unique(np.concatenate([sampler.batch(step) for step in range(120)]))
    np.testing.assert_array_equal(seen, np.arange(len(LABELS)))
