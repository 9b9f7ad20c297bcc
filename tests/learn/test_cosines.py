"""Cosines to proxies, whose gradient is written by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from firstsight.learn.comparisons import Proxies
from firstsight.learn.similarities import Cosine


def proxies(families: int = 1, coarse: bool = False) -> Proxies:
    """Twelve classes in so many families, proxies of uneven lengths."""
    torch.manual_seed(0)
    made = Proxies(Cosine(), 6, 12, families, coarse).double()
    with torch.no_grad():
        made.proxies.mul_(torch.linspace(0.2, 3, 12)[:, None])
    return made


def batch() -> tuple[Tensor, Tensor]:
    """Ten unit embeddings with gradients, and their labels."""
    drawn = torch.randn(10, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return functional.normalize(drawn).requires_grad_(), torch.tensor([0, 11, 3, 3, 7, 9, 1, 5, 10, 2])


@pytest.mark.parametrize("families", [1, 3])
def test_they_are_cosines_within_the_family(families: int) -> None:
    """Score, same and gradients equal those of autograd over normalised proxies, family by family."""
    made, (embeddings, labels) = proxies(families), batch()
    draw = torch.Generator().manual_seed(0)
    found = made(embeddings, labels, draw)
    kinds = 12 // families
    order = torch.argsort(labels // kinds, stable=True)
    every = embeddings[order] @ functional.normalize(made.proxies).T
    columns = (labels[order] // kinds * kinds)[:, None] + torch.arange(kinds)
    expected = every.gather(1, columns)
    torch.testing.assert_close(found.score, expected, rtol=0, atol=1e-12)
    assert torch.equal(columns[found.same.bool()], labels[order])
    pull = torch.randn(expected.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    gradients = torch.autograd.grad((found.score * pull).sum(), (embeddings, made.proxies))
    right = torch.autograd.grad((expected * pull).sum(), (embeddings, made.proxies))
    for one, other in zip(gradients, right, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_coarse_products_are_near() -> None:
    """In bfloat16 the cosines and gradients keep two digits and more."""
    pairs = []
    for coarse in (False, True):
        made, (embeddings, labels) = proxies(3, coarse), batch()
        found = made(embeddings, labels, torch.Generator())
        gradients = torch.autograd.grad(found.score.square().sum(), (embeddings, made.proxies))
        pairs.append((found.score, *gradients))
    for exact, rounded in zip(*pairs, strict=True):
        assert not torch.equal(exact, rounded)
        assert (exact - rounded).abs().max() < 0.02 * exact.abs().max()


def test_a_family_may_be_absent() -> None:
    """A batch without any composite has no rows of theirs, and their proxies no gradient."""
    made, (embeddings, _) = proxies(3), batch()
    found = made(embeddings, torch.arange(10) % 4, torch.Generator())
    assert found.score.shape == (10, 4)
    found.score.sum().backward()
    assert made.proxies.grad is not None
    assert made.proxies.grad[4:].abs().max() == 0
