"""The losses by their documentation and in their corners."""

import doctest
import importlib
import pkgutil

import pytest
import torch

import firstsight.learn.losses as family
from firstsight.learn.losses.pairwise import contrastive, normalised_softmax
from firstsight.learn.losses.triplet import triplet

MODULES = [m.name for m in pkgutil.iter_modules(family.__path__, f"{family.__name__}.")]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_hold(module):
    """Every loss family has examples, and they give what they show."""
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried > 0
    assert failed == 0


def test_a_different_pair_beyond_the_margin_costs_nothing():
    """A different pair farther apart than the margin has neither cost nor gradient."""
    score = torch.tensor([-1.5], requires_grad=True)
    cost = contrastive(score, torch.zeros(1), torch.ones(1), margin=1.0)
    cost.backward()
    assert cost.item() == 0
    assert score.grad is not None
    assert score.grad.item() == 0


def test_solved_triples_give_zero_and_a_zero_gradient():
    """When every negative is farther than the margin the triplet loss is 0 and can still be differentiated."""
    score = torch.tensor([[-0.1, -5.0], [-0.2, -6.0]], requires_grad=True)
    same = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    for mining in ("all", "semi-hard", "batch-hard"):
        cost = triplet(score, same, torch.ones(2, 2), mining=mining)
        (slope,) = torch.autograd.grad(cost, score)
        assert cost.item() == 0
        assert not slope.any()


def test_batch_hard_pulls_only_the_extremes():
    """Batch-hard gives a gradient to the farthest positive and the nearest negative of a row, and to no other."""
    score = torch.tensor([[-1.0, -3.0, -2.0, -4.0]], requires_grad=True)
    same = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    triplet(score, same, torch.ones(1, 4), mining="batch-hard").backward()
    assert score.grad is not None
    assert score.grad.tolist() == [[0, -1, 1, 0]]


def test_nothing_that_counts_costs_nothing():
    """A comparison whose weights are all 0 costs 0, with a finite gradient."""
    for loss in (contrastive, triplet, normalised_softmax):
        score = torch.full((2, 3), -0.5, requires_grad=True)
        cost = loss(score, torch.eye(2, 3), torch.zeros(2, 3))
        cost.backward()
        assert cost.item() == 0
        assert score.grad is not None
        assert not score.grad.any()


def test_a_margin_makes_the_softmax_harder():
    """Taking a margin off the same cosine raises the cost."""
    score, same = torch.tensor([[0.9, 0.1, 0.2]]), torch.tensor([[1.0, 0.0, 0.0]])
    plain = normalised_softmax(score, same, torch.ones(1, 3))
    assert normalised_softmax(score, same, torch.ones(1, 3), margin=0.5) > plain
