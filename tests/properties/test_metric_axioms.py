"""Metric axioms: which distances keep them, and for those that do not, the three vectors that show it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstsight.similarity import Link, Similarity

SEEDED = settings(derandomize=True, deadline=None, max_examples=300)
NUMBERS = st.floats(-8, 8, width=32).map(lambda x: 0.0 if abs(x) < 1e-3 else x)
VECTOR = st.lists(NUMBERS, min_size=3, max_size=3).map(lambda x: np.array(x, np.float32))
UNIT = VECTOR.filter(lambda x: np.linalg.norm(x) > 0.1).map(lambda x: x / np.linalg.norm(x))

METRICS = {
    "euclidean": (Similarity("euclidean", Link("negate")), VECTOR),
    "manhattan": (Similarity("manhattan", Link("negate")), VECTOR),
    "angular": (Similarity("dot", Link("angle")), UNIT),
}
"""Distances that are metrics (the score negated), and the vectors they are metrics on."""

NONE = {
    "squared euclidean": lambda a, b: -one(Similarity("euclidean", Link("negate_square")), a, b),
    "cosine distance": lambda a, b: 1 - one(Similarity(), a / np.linalg.norm(a), b / np.linalg.norm(b)),
    "rbf distance": lambda a, b: 1 - one(Similarity("euclidean", Link("rbf")), a, b),
    "negated dot": lambda a, b: -one(Similarity(), a, b),
}
"""What is taken for a distance and breaks an axiom."""


def one(similarity, left, right):
    """The score of two vectors."""
    return float(similarity.scores(left[None], right[None])[0, 0])


def slack(*distances):
    """What float32 may err on a sum of these."""
    return 1e-5 * (1 + sum(map(abs, distances)))


@pytest.mark.parametrize("name", METRICS)
@given(data=st.data())
@SEEDED
def test_a_metric_keeps_all_four_axioms(name, data):
    """Never below 0; 0 from a vector to itself and to no other; the same both ways; no detour is shorter."""
    similarity, drawn = METRICS[name]
    a, b, c = (data.draw(drawn) for _ in range(3))
    ab, ba, bc, ac = (-one(similarity, *pair) for pair in ((a, b), (b, a), (b, c), (a, c)))
    assert ab >= 0
    assert one(similarity, a, a.copy()) == 0
    if np.abs(a - b).max() > 1e-3:
        assert ab > 0
    assert abs(ab - ba) <= slack(ab)
    assert ac <= ab + bc + slack(ab, bc, ac)


@given(a=UNIT, b=UNIT)
@SEEDED
def test_the_angle_is_at_most_pi(a, b):
    """Angles lie between 0 and pi, whatever float32 makes of the cosine."""
    assert 0 <= -one(METRICS["angular"][0], a, b) <= np.float32(np.pi)


def broken(distance, tries=2000):
    """Three vectors whose direct way is longer than the detour, found by drawing; None if there are none."""
    draw = np.random.default_rng(0)
    for _ in range(tries):
        a, b, c = draw.normal(size=(3, 2)).astype(np.float32)
        found = distance(a, c) - distance(a, b) - distance(b, c)
        if found > 1e-3:
            return a, b, c
    return None


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_metric_is_shown_to_be_none(name):
    """Squared Euclidean, cosine distance, 1 - RBF and the negated dot break the triangle inequality, and by far."""
    assert broken(NONE[name]) is not None


@pytest.mark.parametrize("name", METRICS)
def test_the_search_finds_nothing_against_a_metric(name):
    """The same search over three metrics comes back empty, so what it finds elsewhere is no rounding."""
    similarity, _ = METRICS[name]

    def distance(a, b):
        if name == "angular":
            a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
        return -one(similarity, a, b)

    assert broken(distance) is None


def test_the_counterexamples_of_the_page():
    """The three vectors docs/measures.md gives for each: 0, 1, 2 on a line; 0, 45 and 90 degrees; a longer vector."""
    line = [np.array([x], np.float32) for x in (0, 1, 2)]
    squared = NONE["squared euclidean"]
    assert squared(line[0], line[2]) == 4 > squared(line[0], line[1]) + squared(line[1], line[2]) == 2
    turned = [np.array([np.cos(t), np.sin(t)], np.float32) for t in (0, np.pi / 4, np.pi / 2)]
    cosine = NONE["cosine distance"]
    assert cosine(turned[0], turned[2]) == pytest.approx(1, abs=1e-6)
    assert cosine(turned[0], turned[1]) + cosine(turned[1], turned[2]) == pytest.approx(0.586, abs=1e-3)
    rbf = NONE["rbf distance"]
    near = [np.array([x], np.float32) for x in (0, 0.1, 0.2)]
    assert rbf(near[0], near[2]) == pytest.approx(0.0392, abs=1e-4)
    assert rbf(near[0], near[1]) + rbf(near[1], near[2]) == pytest.approx(0.0199, abs=1e-4)
    assert one(Similarity(), line[1], line[2]) > one(Similarity(), line[1], line[1])
    assert one(Similarity(), line[2], line[2]) != one(Similarity(), line[1], line[1])


def test_the_cosine_does_not_see_length():
    """Two different vectors of one direction have a cosine distance of 0, so it is no metric on vectors at all."""
    a = np.array([3.0, 4.0], np.float32)
    assert NONE["cosine distance"](a, 2 * a) == pytest.approx(0, abs=1e-6)
