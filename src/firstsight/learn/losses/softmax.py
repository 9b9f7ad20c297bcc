"""Losses that set the same columns of a row against all of it: a cross-entropy over cosines."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from firstsight.learn.bounds import Amount, Angle, Positive


def normalised_softmax(
    score: Tensor, same: Tensor, weight: Tensor, *, temperature: Positive = 0.0625, margin: Amount = 0.0
) -> Tensor:
    """Cross-entropy over a row of cosines: the right column(s) against all.

    Source: NormFace (Wang et al., 2017, arXiv:1704.06369); with a margin AM-softmax (Wang et al., 2018,
    arXiv:1801.05599). Several same columns share the target mass evenly.

    Args:
        score: ``(a, c)`` cosines of anchors and proxies or other examples.
        same: of the same shape, 0..1; a row without any is left out.
        weight: of the same shape; 0 leaves a comparison out.
        temperature: divides the cosines; smaller is sharper.
        margin: taken off the same cosines in training, so that classes end up that much apart.

    Choose this when classes are many and labelled: with ``proxies`` it is the strongest and calmest of these losses;
    ``supcon`` is the same without a margin.

    Example:
        >>> import torch
        >>> row, same = torch.tensor([[1., 0.]]), torch.tensor([[1., 0.]])
        >>> round(normalised_softmax(row, same, torch.ones(1, 2), temperature=1.0).item(), 4)
        0.3133
    """
    logits = torch.sub(score, same, alpha=margin) / temperature if margin else score / temperature
    if not bool((weight > 0).all()):
        logits, same = logits.masked_fill(weight <= 0, -1e30), same * (weight > 0)
    mass = same.sum(1)
    right = torch.linalg.vecdot(same, logits) / mass.clamp_min(1e-12)
    rows = (mass > 0).to(score.dtype)
    cost: Tensor = ((torch.logsumexp(logits, 1) - right) * rows).sum() / rows.sum().clamp_min(1)
    return cost


def supcon(score: Tensor, same: Tensor, weight: Tensor, *, temperature: Positive = 0.1) -> Tensor:
    """Supervised contrastive loss: the mean cross-entropy of an anchor's positives against all its comparisons.

    Source: Khosla et al., 2020, arXiv:2004.11362, its form "out"; where every anchor has one positive it is NT-Xent,
    also called InfoNCE (Chen et al., 2020, arXiv:2002.05709). Deviation: anchors without a positive are left out of the
    mean. It is ``normalised_softmax`` without a margin, under the name and the temperature of its paper.

    Args:
        score: ``(a, b)`` cosines; a row is an anchor.
        same: of the same shape, 0..1; a row without any is left out.
        weight: of the same shape; 0 leaves a comparison out.
        temperature: divides the cosines; smaller looks at the nearest only.

    Choose this with ``in_batch`` and batches in which every class comes several times (``sampling.name=pk``).

    Example:
        >>> import torch
        >>> row, same = torch.tensor([[0.5, 0.5, 0.]]), torch.tensor([[1., 1., 0.]])
        >>> round(supcon(row, same, torch.ones(1, 3), temperature=0.5).item(), 4)
        0.862
    """
    return normalised_softmax(score, same, weight, temperature=temperature)


def arcface(
    score: Tensor, same: Tensor, weight: Tensor, *, temperature: Positive = 0.0625, margin: Angle = 0.5
) -> Tensor:
    """Cross-entropy over a row of cosines, with a margin added to the angle of the right one.

    Source: Deng et al., 2019, arXiv:1801.07698; its scale s is 1 / temperature. Where angle + margin passes pi, the
    cosine falls on as ``score - margin * sin(margin)``, as in the authors' code. Deviations: each of several same
    columns has a softmax of its own against the different ones, and a row costs their mean; a cosine of exactly 1 or
    -1, where the angle has no derivative, has a finite one.

    Args:
        score: ``(a, c)`` cosines of anchors and proxies or other examples.
        same: of the same shape, 0..1; a row without any is left out.
        weight: of the same shape; 0 leaves a comparison out.
        temperature: divides the cosines; smaller is sharper.
        margin: radians added to the angle of a same comparison.

    Choose this instead of ``normalised_softmax`` when classes are many and their examples vary little: a margin in
    angle asks most of those that are nearly right.

    Example:
        >>> import torch
        >>> row, same = torch.tensor([[1., 0.]]), torch.tensor([[1., 0.]])
        >>> round(arcface(row, same, torch.ones(1, 2), temperature=1.0).item(), 4)
        0.3477
    """
    sine = (1 - score.square()).clamp_min(1e-12).sqrt()
    turned = score * math.cos(margin) - sine * math.sin(margin)
    right = torch.where(score > -math.cos(margin), turned, score - margin * math.sin(margin)) / temperature
    wrong = (score / temperature).masked_fill((same > 0.5) | (weight <= 0), -1e30).logsumexp(1, keepdim=True)
    return _mean_of_rows(torch.logaddexp(wrong, right) - right, same * (weight > 0))


def _mean_of_rows(cost: Tensor, target: Tensor) -> Tensor:
    """Mean over the rows that have a target of their mean ``cost``, both ``(a, c)``; 0 when no row has one."""
    mass = target.sum(1)
    rows = (mass > 0).to(cost.dtype)
    return ((target * cost).sum(1) / mass.clamp_min(1e-12) * rows).sum() / rows.sum().clamp_min(1)
