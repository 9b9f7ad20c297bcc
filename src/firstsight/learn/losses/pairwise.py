"""Losses that judge every comparison by itself."""

from __future__ import annotations

import torch
from torch import Tensor

from firstsight.learn.bounds import Amount, Positive


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

    Choose this when classes are many and labelled: with ``proxies`` it is the strongest and calmest of these losses.

    Example:
        >>> import torch
        >>> row, same = torch.tensor([[1., 0.]]), torch.tensor([[1., 0.]])
        >>> round(normalised_softmax(row, same, torch.ones(1, 2), temperature=1.0).item(), 4)
        0.3133
    """
    logits = (score - margin * same) / temperature
    logits = logits.masked_fill(weight <= 0, -1e30)
    target = same * (weight > 0)
    mass = target.sum(1, keepdim=True)
    cost = -(target * torch.log_softmax(logits, 1)).sum(1) / mass.squeeze(1).clamp_min(1e-12)
    rows = (mass.squeeze(1) > 0).to(score.dtype)
    return (cost * rows).sum() / rows.sum().clamp_min(1)
