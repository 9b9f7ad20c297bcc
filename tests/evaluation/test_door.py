"""A door tried: the figures are those of counting, the same for the same data, and honest about few classes."""

from __future__ import annotations

import numpy as np
import pytest

from firstsight.evaluation.door import _fnir, _Searches, at_the_door
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


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fpir", [0.0, 0.05, 0.25, 0.5, 0.99])
def test_a_miss_is_counted_one_by_one(seed: int, fpir: float) -> None:
    """Of scores with many ties, strangers and searches counted several times or not at all: the lowest threshold above
    which no more than the share of the strangers score, and a search missed where its own score does not pass it or
    another scores as well."""
    rng = np.random.default_rng(seed)
    best = rng.integers(0, 9, 40).astype(np.float32)
    own, right = rng.integers(0, 12, 50).astype(np.float32), rng.random(50) < 0.8
    strange, mated, counts = rng.integers(0, 6, 40), rng.integers(0, 6, 50), rng.integers(0, 4, 6)
    strangers = np.repeat(best, counts[strange])
    allowed = [t for t in (-np.inf, *range(12)) if (strangers > t).sum() <= fpir * len(strangers) + 1e-9]
    searched, found = np.repeat(own, counts[mated]), np.repeat(right, counts[mated])
    missed = float(np.mean(~(found & (searched > min(allowed)))))
    rate = _fnir(_Searches(own, right, best, best[:, None]), mated, strange, fpir)
    assert rate(counts.astype(float)) == pytest.approx(missed, abs=1e-12)
