"""Every loss of the catalogue: what any loss on comparisons must do."""

import inspect
import itertools
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from firstsight.learn.catalogue import COMPARISONS, LOSSES, SIMILARITIES
from firstsight.learn.similarities.weighted import sized

SEEDED = settings(derandomize=True, deadline=None, max_examples=40)
RANGE = {
    "cosine": (-1.0, 1.0),
    "dot product": (-2.0, 2.0),
    "negated distance": (-2.0, 0.0),
    "negated squared distance": (-4.0, 0.0),
    "kernel": (0.0, 1.0),
    "logit": (-2.0, 2.0),
}
SHARES_ITS_TARGET = {"normalised_softmax", "supcon"}
"""Losses that ask same columns of one row to be *equally* near, so that the sign holds for their sum only."""


def variants():
    """Each loss on each of its domains, at each value of its Literal settings."""
    for name, loss in LOSSES.items():
        hints = get_type_hints(loss.function)
        choices = {k: get_args(h) for k, h in hints.items() if get_origin(h) is Literal}
        options = [{}] + [{k: v} for k, values in choices.items() for v in values]
        for domain in loss.domains:
            for option in options:
                label = "-".join([name, domain, *map(str, option.values())])
                yield pytest.param(name, domain, option, id=label)


VARIANTS = list(variants())


def drawn(domain, seed, *, lone, rows=5, columns=6):
    """A comparison of a domain in float64; with ``lone`` each row has one same column."""
    low, high = RANGE[domain]
    draw = torch.Generator().manual_seed(seed)
    score = low + (high - low) * torch.rand(rows, columns, generator=draw, dtype=torch.float64)
    same = (torch.rand(rows, columns, generator=draw) < 0.4).double()
    if lone:
        same = torch.nn.functional.one_hot(torch.randint(columns, (rows,), generator=draw), columns).double()
    weight = (torch.rand(rows, columns, generator=draw) < 0.8).double()
    return score.requires_grad_(), same, weight


@pytest.mark.parametrize(("name", "domain", "option"), VARIANTS)
@given(seed=st.integers(0, 10**6))
@SEEDED
def test_the_gradient_pulls_same_and_pushes_different(name, domain, option, seed):
    """The gradient by score is <= 0 where same, >= 0 elsewhere and exactly 0 where the weight is 0."""
    score, same, weight = drawn(domain, seed, lone=name in SHARES_ITS_TARGET)
    loss = LOSSES[name].function(score, same, weight, **option)
    (slope,) = torch.autograd.grad(loss, score)
    assert (slope[(same == 1)] <= 0).all()
    assert (slope[(same == 0)] >= 0).all()
    assert (slope[weight == 0] == 0).all()


@pytest.mark.parametrize(("name", "domain", "option"), VARIANTS)
@given(seed=st.integers(0, 10**6))
@SEEDED
def test_the_same_columns_of_a_row_are_pulled_together(name, domain, option, seed):
    """Over a row with any number of same columns their gradients sum to <= 0 and every other one is >= 0."""
    score, same, weight = drawn(domain, seed, lone=False)
    loss = LOSSES[name].function(score, same, weight, **option)
    (slope,) = torch.autograd.grad(loss, score)
    assert ((slope * same).sum(1) <= 1e-12).all()
    assert (slope[same == 0] >= 0).all()
    assert (slope[weight == 0] == 0).all()


@pytest.mark.parametrize(("name", "domain", "option"), VARIANTS)
def test_a_loss_has_something_to_teach(name, domain, option):
    """On random comparisons the loss is a finite scalar above 0 with a gradient that is not all 0."""
    score, same, weight = drawn(domain, 3, lone=False)
    loss = LOSSES[name].function(score, same, weight, **option)
    (slope,) = torch.autograd.grad(loss, score)
    assert loss.shape == ()
    assert loss.isfinite()
    assert loss > 0
    assert slope.any()


@pytest.mark.parametrize(("name", "domain", "option"), VARIANTS)
def test_what_has_no_weight_does_not_matter(name, domain, option):
    """Moving a score whose weight is 0 changes nothing."""
    score, same, weight = drawn(domain, 4, lone=False)
    function = LOSSES[name].function
    moved = torch.where(weight == 0, torch.tensor(RANGE[domain][0], dtype=torch.float64), score)
    assert (moved != score).any()
    assert function(score, same, weight, **option) == function(moved, same, weight, **option)


@pytest.mark.parametrize(("name", "domain", "option"), VARIANTS)
def test_the_order_of_examples_does_not_matter(name, domain, option):
    """Permuting rows and columns alike leaves the loss as it was, to rounding."""
    score, same, weight = drawn(domain, 5, lone=False)
    rows, columns = torch.tensor([3, 1, 4, 0, 2]), torch.tensor([5, 3, 0, 1, 4, 2])
    turned = [t[rows][:, columns] for t in (score, same, weight)]
    function = LOSSES[name].function
    torch.testing.assert_close(function(*turned, **option), function(score, same, weight, **option))


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_takes_a_comparison_and_named_settings(name):
    """A loss takes score, same and weight by place and all else by name with a default."""
    parameters = list(inspect.signature(LOSSES[name].function).parameters.values())
    assert [p.name for p in parameters[:3]] == ["score", "same", "weight"]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters[3:])


@pytest.mark.parametrize("name", [n for n, loss in LOSSES.items() if not loss.rows])
def test_a_loss_without_rows_takes_single_pairs(name):
    """A loss that does not need rows gives aligned pairs the value of the same pairs in a table."""
    score, same, weight = drawn(LOSSES[name].domains[0], 6, lone=False)
    function = LOSSES[name].function
    assert function(score.ravel(), same.ravel(), weight.ravel()) == function(score, same, weight)


@pytest.mark.parametrize(("name", "domain", "option"), VARIANTS)
def test_not_a_number_is_not_hidden(name, domain, option):
    """Scores that are not numbers give a loss that is none, so that training stops instead of learning nothing."""
    score, same, _ = drawn(domain, 7, lone=False)
    broken = torch.full_like(score, torch.nan)
    assert LOSSES[name].function(broken, same, torch.ones_like(score), **option).isnan()


@pytest.mark.parametrize(("name", "domain", "option"), VARIANTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_at_the_ends_of_the_range(name, domain, option, dtype):
    """Scores at both ends of their domain, same and different, give a finite loss and finite gradients that hold."""
    low, high = RANGE[domain]
    score = torch.tensor([[high, low, high, low]], dtype=dtype, requires_grad=True)
    same = torch.tensor([[1, 1, 0, 0]], dtype=dtype)
    loss = LOSSES[name].function(score, same, torch.ones_like(score), **option)
    (slope,) = torch.autograd.grad(loss, score)
    assert loss.isfinite()
    assert slope.isfinite().all()
    assert (slope * same).sum() <= 0
    assert (slope[same == 0] >= 0).all()


@pytest.mark.parametrize(("name", "domain", "option"), VARIANTS)
def test_gradients_are_finite_when_all_embeddings_are_equal(name, domain, option):
    """Embeddings that all coincide, at zero or elsewhere, give a finite loss and a finite gradient."""
    comparisons = ("in_batch", "proxies") if domain == "cosine" else ("in_batch",)
    similarities = [sized(part, 4, {}) for part in SIMILARITIES.values() if part.domain == domain]
    for similarity, comparison, place in itertools.product(similarities, comparisons, (0.0, 0.3)):
        embeddings = torch.full((6, 4), place, requires_grad=True)
        part = COMPARISONS[comparison](similarity, 4, 3)
        found = part(similarity.prepare(embeddings), torch.arange(6) % 3, torch.Generator())
        loss = LOSSES[name].function(found.score, found.same, found.weight, **option)
        (slope,) = torch.autograd.grad(loss, embeddings)
        assert loss.isfinite()
        assert slope.isfinite().all()
