"""One to one: nobody twice, never worse than taking the best first, and the best of each probe are all it needs."""

from __future__ import annotations

import numpy as np
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from firstsight.decision import NOBODY, assign
from worlds import rule

SEEDED = settings(derandomize=True, deadline=None, max_examples=200)
THRESHOLD = 0.5
TABLES = st.tuples(st.integers(1, 8), st.integers(1, 12), st.integers(0, 10**6), st.booleans())


def table(drawn: tuple[int, int, int, bool]) -> np.ndarray:
    """Scores ``(probes, identities)``; coarse ones have many ties."""
    probes, identities, seed, coarse = drawn
    scores = np.random.default_rng(seed).random((probes, identities))
    return (scores.round(1) if coarse else scores).astype(np.float32)


def best(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best columns of each row, and their scores."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(scores, order, axis=1)


def total(scores: np.ndarray, given_to: np.ndarray) -> float:
    """By how much the scores that were given exceed the threshold."""
    rows = np.flatnonzero(given_to != NOBODY)
    return float((scores[rows, given_to[rows]].astype(np.float64) - THRESHOLD).sum())


@given(drawn=TABLES)
@SEEDED
def test_nobody_is_given_twice_and_nobody_below_the_threshold(drawn: tuple[int, int, int, bool]) -> None:
    """Each identity is the answer of one probe at most, and each answer reaches the threshold."""
    scores = table(drawn)
    given_to = assign(*best(scores, scores.shape[1]), rule(THRESHOLD))
    rows = np.flatnonzero(given_to != NOBODY)
    assert len(set(given_to[rows])) == len(rows)
    assert (scores[rows, given_to[rows]] >= np.float32(THRESHOLD)).all()


@given(drawn=TABLES)
@SEEDED
def test_it_is_never_worse_than_taking_the_best_first(drawn: tuple[int, int, int, bool]) -> None:
    """What greedy gives is a way to assign, so the best way is as good at least."""
    scores = table(drawn)
    greedy = np.full(len(scores), NOBODY)
    taken: set[int] = set()
    for place in np.argsort(-scores, axis=None, kind="stable"):
        row, column = (int(v) for v in np.unravel_index(place, scores.shape))
        if greedy[row] == NOBODY and column not in taken and scores[row, column] >= np.float32(THRESHOLD):
            greedy[row] = column
            taken.add(column)
    assert total(scores, assign(*best(scores, scores.shape[1]), rule(THRESHOLD))) >= total(scores, greedy) - 1e-9


@given(drawn=TABLES)
@SEEDED
def test_as_many_candidates_as_probes_suffice(drawn: tuple[int, int, int, bool]) -> None:
    """With the n best identities of each of n probes the sum is that of the Hungarian method on all scores."""
    scores = table(drawn)
    n = len(scores)
    short = assign(*best(scores, n), rule(THRESHOLD))
    gains = np.concatenate([np.maximum(scores.astype(np.float64) - THRESHOLD, -1), np.zeros((n, n))], axis=1)
    rows, columns = scipy.optimize.linear_sum_assignment(gains, maximize=True)
    assert abs(total(scores, short) - gains[rows, columns].sum()) < 1e-6


def test_fewer_candidates_than_probes_would_not_suffice() -> None:
    """Where all probes like the same ones best, one candidate each leaves all probes but one with nobody."""
    scores = np.array([[0.9, 0.8], [0.9, 0.7]], np.float32)
    assert (assign(*best(scores, 1), rule(THRESHOLD)) != NOBODY).sum() == 1
    assert assign(*best(scores, 2), rule(THRESHOLD)).tolist() == [1, 0]


def test_nobody_is_better_than_a_sacrifice() -> None:
    """A probe does not give up its match so that another one has an answer below the threshold."""
    scores = np.array([[0.9, 0.3], [0.85, 0.0]], np.float32)
    assert assign(*best(scores, 2), rule(0.55)).tolist() == [0, NOBODY]
