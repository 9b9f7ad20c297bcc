"""The losses by their documentation and in their corners."""

import doctest
import importlib
import pkgutil

import pytest
import torch

import firstsight.learn.losses as family
from firstsight.learn.losses.multi_similarity import multi_similarity
from firstsight.learn.losses.pairwise import contrastive
from firstsight.learn.losses.softmax import arcface, normalised_softmax, supcon
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
    for loss in (contrastive, triplet, normalised_softmax, supcon, arcface, multi_similarity):
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


@pytest.mark.parametrize("loss", [normalised_softmax, supcon, arcface])
def test_rows_without_a_positive_are_left_out(loss):
    """A row with nothing same, or with its same column weighted 0, neither costs nor counts in the mean."""
    score = torch.tensor([[0.4, 0.1, 0.3], [0.2, 0.9, 0.5], [0.8, 0.1, 0.7]], requires_grad=True)
    same = torch.tensor([[1.0, 0, 0], [0, 0, 0], [1.0, 0, 0]])
    weight = torch.tensor([[1.0, 1, 1], [1, 1, 1], [0, 1, 1]])
    cost = loss(score, same, weight)
    assert cost == loss(score[:1], same[:1], weight[:1])
    (slope,) = torch.autograd.grad(cost, score)
    assert slope[0].any()
    assert not slope[1:].any()


def test_an_anchor_without_a_positive_pushes_only_unmined():
    """In multi-similarity it costs nothing where pairs are mined, and pushes its negatives where all count."""
    score, same = torch.tensor([[0.9, 0.5]], requires_grad=True), torch.zeros(1, 2)
    cost = multi_similarity(score, same, torch.ones(1, 2))
    assert cost == 0
    assert not torch.autograd.grad(cost, score)[0].any()
    multi_similarity(score, same, torch.ones(1, 2), mining="all").backward()
    assert score.grad is not None
    assert (score.grad > 0).all()


def test_mining_looks_at_what_is_within_epsilon():
    """Positives less than epsilon above the nearest negative, negatives less than that below the farthest positive."""
    score = torch.tensor([[0.9, 0.55, 0.5, 0.3]], requires_grad=True)
    same = torch.tensor([[1.0, 1, 0, 0]])
    multi_similarity(score, same, torch.ones(1, 4), epsilon=0.1).backward()
    assert score.grad is not None
    assert (score.grad != 0).tolist() == [[False, True, True, False]]


@pytest.mark.parametrize("margin", [0.0, 0.5, 1.5])
def test_arcface_never_falls_as_the_right_cosine_falls(margin):
    """From a cosine of 1 down to -1 the cost rises, without a step back where the linear tail begins."""
    right = torch.linspace(1, -1, 2001, dtype=torch.float64)
    score = torch.stack([right, torch.zeros_like(right)], 1)
    same = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    costs = torch.stack([arcface(row[None], same, torch.ones_like(same), margin=margin) for row in score])
    assert (costs.diff() > 0).all()


def test_arcface_takes_cosines_beyond_1_by_rounding():
    """A float32 cosine a rounding above 1 or below -1 costs what 1 or -1 costs, with a finite gradient."""
    beyond = torch.tensor([[1 + 1e-6, 0.0], [-1 - 1e-6, 0.0]], requires_grad=True)
    same = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    cost = arcface(beyond, same, torch.ones(2, 2))
    assert cost.item() == pytest.approx(arcface(beyond.detach().clamp(-1, 1), same, torch.ones(2, 2)).item(), rel=1e-4)
    assert torch.autograd.grad(cost, beyond)[0].isfinite().all()


def test_sharp_settings_do_not_overflow():
    """Exponents far beyond float32's range give a finite loss and finite gradients."""
    score = torch.tensor([[-1.0, 0.9, 1.0, -0.8]], requires_grad=True)
    same, weight = torch.tensor([[1.0, 1, 0, 0]]), torch.ones(1, 4)
    sharp = [loss(score, same, weight, temperature=1e-3) for loss in (normalised_softmax, supcon, arcface)]
    for cost in (*sharp, multi_similarity(score, same, weight, alpha=1e3, beta=1e3)):
        assert cost.isfinite()
        assert torch.autograd.grad(cost, score, retain_graph=True)[0].isfinite().all()
