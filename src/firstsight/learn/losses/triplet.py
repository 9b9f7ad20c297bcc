"""The triplet loss and its ways of choosing triples."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from firstsight.learn.bounds import Amount


def triplet(
    score: Tensor,
    same: Tensor,
    weight: Tensor,
    *,
    margin: Amount = 0.2,
    mining: Literal["all", "semi-hard", "batch-hard"] = "all",
) -> Tensor:
    """Every positive of an anchor closer than its negatives, by a margin: ``max(0, d(a,p) - d(a,n) + margin)``.

    Source: FaceNet (Schroff et al., 2015, arXiv:1503.03832); ``batch-hard``: Hermans et al., 2017, arXiv:1703.07737.
    Deviation: means over the triples that still cost something, so that the many solved ones do not drown them.

    Args:
        score: ``(a, b)``: a row is an anchor; distances are negated scores.
        same: of the same shape, 0 or 1.
        weight: of the same shape; 0 leaves a comparison out.
        margin: in the score's unit.
        mining: ``all`` triples; ``semi-hard``: negatives farther than the positive but within the margin;
            ``batch-hard``: the farthest positive and the nearest negative of each anchor.

    Choose ``all`` or ``semi-hard`` to begin with: ``batch-hard`` from scratch tends to collapse.

    Example:
        >>> import torch
        >>> triplet(torch.tensor([[-0.5, -0.25]]), torch.tensor([[1., 0.]]), torch.ones(1, 2), margin=0.25).item()
        0.5
    """
    positive, negative = (same > 0.5) & (weight > 0), (same <= 0.5) & (weight > 0)
    if mining == "batch-hard":
        near = score.masked_fill(~positive, torch.inf).min(1).values
        far = score.masked_fill(~negative, -torch.inf).max(1).values
        usable = positive.any(1) & negative.any(1)
        return _mean(torch.where(usable, far - near, -torch.inf) + margin)
    violation = score[:, None, :] - score[:, :, None] + margin  # [anchor, positive, negative]
    triples = positive[:, :, None] & negative[:, None, :]
    if mining == "semi-hard":
        triples = triples & ~(violation >= margin)
    return _mean(violation.masked_fill(~triples, -torch.inf))


def _mean(violation: Tensor) -> Tensor:
    """Mean of the positive violations; 0 (with zero gradient) when there are none."""
    active = ~(violation <= 0)
    cost = torch.where(active, violation, 0.0)
    return cost.sum() / active.sum().clamp_min(1)
