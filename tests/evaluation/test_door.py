"""A door tried: the figures are those of counting, the same for the same data, and honest about few classes."""

from __future__ import annotations

import numpy as np
import pytest

from firstsight.evaluation.door import at_the_door
from firstsight.metrics.intervals import exact
from worlds import alphabets, constant, knowing, noisy, subject


def test_who_knows_misses_nobody() -> None:
    """Scores that tell the class: no miss, and better than the baselines."""
    data = alphabets(10, 6, 3)
    found = at_the_door(subject(data, knowing(data)))
    assert found is not None
    assert (found.fnir.value, found.fnmr.value, found.rank1.value) == (0, 0, 1)
    assert found.identities == 20
    assert found.classes == 60


def test_who_sees_one_thing_misses_all() -> None:
    """Where all embeddings are one, nobody can be let in without everybody."""
    data = alphabets(10, 6, 3)
    found = at_the_door(subject(data, constant(data)))
    assert found is not None
    assert found.fnir.value == 1
    assert found.rank1.value == 0


def test_few_classes_show_little() -> None:
    """No error among two classes does not show a rate of none: the interval is that of two trials."""
    data = alphabets(1, 2, 6)
    found = at_the_door(subject(data, knowing(data)))
    assert found is not None
    assert found.identities == 1
    assert found.fnir.value == 0
    assert found.fnir.high == pytest.approx(exact(0, 2)[1])


def test_the_same_data_gives_the_same_figures() -> None:
    """Draws and resamples are seeded."""
    data = alphabets(10, 6, 3)
    assert at_the_door(subject(data, noisy(data))) == at_the_door(subject(data, noisy(data)))


@pytest.mark.parametrize(("classes", "each"), [(1, 5), (2, 1), (6, 1)])
def test_what_can_not_be_tried_is_none(classes: int, each: int) -> None:
    """One class, or one image a class: there is no door."""
    data = alphabets(1, classes, each)
    assert at_the_door(subject(data, noisy(data))) is None


def test_fnir_is_that_of_counting() -> None:
    """At the threshold that lets in a share of the strangers, misses are counted one by one."""
    data = alphabets(10, 6, 3)
    rng = np.random.default_rng(3)
    vectors = noisy(data) + 0.3 * rng.normal(size=noisy(data).shape).astype(np.float32)
    loose = at_the_door(subject(data, vectors), fpir=0.5)
    strict = at_the_door(subject(data, vectors), fpir=0.01)
    assert loose is not None
    assert strict is not None
    assert loose.fnir.value < strict.fnir.value
    assert 0 < strict.fnir.value <= 1
