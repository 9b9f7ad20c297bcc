"""Rank-one credit: ties are shared, never won."""

import numpy as np
import pytest

from firstsight.metrics.identification import rank_one_credit


@pytest.mark.parametrize("ways", [2, 5, 20])
def test_a_constant_scorer_gets_chance_wherever_the_target_stands(ways):
    """When all candidates score alike each probe's credit is exactly 1 / ways, for every place of the target."""
    credit = rank_one_credit(np.full((ways, ways), 0.3, np.float32), np.arange(ways))
    assert (credit == 1 / ways).all()


def test_the_best_alone_wins():
    """A target that alone scores best has credit 1, one that does not has 0."""
    scores = np.array([[0.1, 0.9, 0.2], [0.1, 0.9, 0.2]], np.float32)
    assert rank_one_credit(scores, np.array([1, 2])).tolist() == [1, 0]


def test_a_tie_is_shared():
    """A target among two best has credit 1/2; one below them has none."""
    scores = np.array([[0.9, 0.9, 0.2]] * 3, np.float32)
    assert rank_one_credit(scores, np.array([0, 1, 2])).tolist() == [0.5, 0.5, 0]


def test_credit_follows_the_columns():
    """Permuting the candidates with their targets changes no credit."""
    draw = np.random.default_rng(0)
    scores, target = draw.integers(0, 3, (50, 6)).astype(np.float32), draw.integers(0, 6, 50)
    order = draw.permutation(6)
    moved = np.argsort(order)[target]
    np.testing.assert_array_equal(rank_one_credit(scores, target), rank_one_credit(scores[:, order], moved))
