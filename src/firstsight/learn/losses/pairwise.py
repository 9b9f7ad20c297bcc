"""Losses that judge every comparison by itself."""

from __future__ import annotations

from torch import Tensor

from firstsight.learn.bounds import Amount


def contrastive(score: Tensor, same: Tensor, weight: Tensor, *, margin: Amount = 1.0) -> Tensor:
    """Pull same pairs together, push different ones beyond a margin.

    Source: Hadsell, Chopra, LeCun, 2006, doi:10.1109/CVPR.2006.100. Deviation: mean over the pairs, no factor 1/2.

    Args:
        score: negated distances, any shape.
        same: of the same shape, 0..1.
        weight: of the same shape; 0 leaves a pair out.
        margin: distance beyond which a different pair costs nothing.

    Choose this when data comes as pairs; ``triplet`` and ``normalised_softmax`` learn more from labels.

    Example:
        >>> import torch
        >>> contrastive(torch.tensor([-0.5, -0.5]), torch.tensor([1., 0.]), torch.ones(2)).item()
        0.25
    """
    distance = -score
    cost = same * distance.square() + (1 - same) * (margin - distance).clamp_min(0).square()
    return (cost * weight).sum() / weight.sum().clamp_min(1e-12)
