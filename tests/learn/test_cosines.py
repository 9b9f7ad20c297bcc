"""Cosines to proxies, whose gradient is written by hand."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from firstsight.learn.comparisons.proxies import Proxies
from firstsight.learn.similarities.fixed import Cosine


def proxies(coarse: bool = False) -> Proxies:
    """Twelve classes, proxies of uneven lengths."""
    torch.manual_seed(0)
    made = Proxies(Cosine(), 6, 12, coarse).double()
    with torch.no_grad():
        made.proxies.mul_(torch.linspace(0.2, 3, 12)[:, None])
    return made


def batch() -> tuple[Tensor, Tensor]:
    """Ten unit embeddings with gradients, and their labels."""
    drawn = torch.randn(10, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return functional.normalize(drawn).requires_grad_(), torch.tensor([0, 11, 3, 3, 7, 9, 1, 5, 10, 2])


def test_they_are_cosines() -> None:
    """Score, same and gradients equal those of autograd over normalised proxies."""
    made, (embeddings, labels) = proxies(), batch()
    found = made(embeddings, labels, torch.Generator())
    expected = embeddings @ functional.normalize(made.proxies).T
    torch.testing.assert_close(found.score, expected, rtol=0, atol=1e-12)
    assert torch.equal(found.same.argmax(1), labels)
    assert torch.equal(found.same.sum(1), torch.ones(10, dtype=torch.float64))
    pull = torch.randn(expected.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    gradients = torch.autograd.grad((found.score * pull).sum(), (embeddings, made.proxies))
    right = torch.autograd.grad((expected * pull).sum(), (embeddings, made.proxies))
    for one, other in zip(gradients, right, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_coarse_products_are_near() -> None:
    """In bfloat16 the cosines and gradients keep two digits and more."""
    pairs = []
    for coarse in (False, True):
        made, (embeddings, labels) = proxies(coarse), batch()
        found = made(embeddings, labels, torch.Generator())
        gradients = torch.autograd.grad(found.score.square().sum(), (embeddings, made.proxies))
        pairs.append((found.score, *gradients))
    for exact, rounded in zip(*pairs, strict=True):
        assert not torch.equal(exact, rounded)
        assert (exact - rounded).abs().max() < 0.02 * exact.abs().max()
