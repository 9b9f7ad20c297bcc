"""Ranks and credit: ties are shared, never won."""

import numpy as np
import pytest

from firstsight.errors import DataError
from firstsight.metrics.identification import cmc, confusion_matrix, rank_credit, rank_one_credit, ranks


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


@pytest.mark.parametrize("ways", [2, 5, 20])
def test_a_constant_scorer_gets_chance_at_every_rank(ways):
    """When all score alike the expected rank is the middle one and the rate at rank k is k / ways."""
    scores, target = np.full((ways, ways), 0.3, np.float32), np.arange(ways)
    assert (ranks(scores, target) == (ways + 1) / 2).all()
    np.testing.assert_allclose(cmc(scores, target, ways), np.arange(1, ways + 1) / ways)


def test_a_tie_is_shared_rank_by_rank():
    """A target one of two tied behind a better one: rank 2.5; nothing at rank 1, half at 2, certain from 3 on."""
    scores, target = np.array([[0.9, 0.5, 0.5, 0.1]], np.float32), np.array([2])
    assert ranks(scores, target).tolist() == [2.5]
    assert rank_credit(scores, target, 5).tolist() == [[0, 0.5, 1, 1, 1]]


def test_rank_one_is_the_credit_of_rank_one():
    """The first column of rank_credit is rank_one_credit."""
    draw = np.random.default_rng(1)
    scores, target = draw.integers(0, 4, (300, 6)).astype(np.float32), draw.integers(0, 6, 300)
    np.testing.assert_array_equal(rank_credit(scores, target, 3)[:, 0], rank_one_credit(scores, target))


def test_no_probes_have_no_rates():
    """A curve over nothing is refused."""
    with pytest.raises(DataError):
        cmc(np.empty((0, 3), np.float32), np.empty(0, int), 2)


def test_unknown_is_the_last_column():
    """Answers of -1 are counted in the last column; classes without probes have rows of zeros."""
    matrix = confusion_matrix(np.array([0, 0, 2, 2]), np.array([0, -1, 1, 2]), 3)
    assert matrix.tolist() == [[1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]]


@pytest.mark.parametrize(("truth", "answer"), [(3, 0), (-1, 0), (0, 3), (0, -2)])
def test_classes_that_do_not_exist_are_refused(truth, answer):
    """A class outside the range would land in another's cell."""
    with pytest.raises(DataError, match="expected"):
        confusion_matrix(np.array([truth]), np.array([answer]), 3)
