"""The multi-similarity loss and its way of choosing pairs."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from firstsight.learn.bounds import Amount, Bounds, Positive


def multi_similarity(
    score: Tensor,
    same: Tensor,
    weight: Tensor,
    *,
    alpha: Positive = 2.0,
    beta: Positive = 50.0,
    base: Annotated[float, Bounds(-1, 1)] = 0.5,
    mining: Literal["hard", "all"] = "hard",
    epsilon: Amount = 0.1,
) -> Tensor:
    """Pull an anchor's positives above a base and push its negatives below, each weighed by all the others.

    ``log(1 + sum exp(-alpha (s - base))) / alpha`` over the positives of an anchor and
    ``log(1 + sum exp(beta (s - base))) / beta`` over its negatives, averaged over the anchors.

    Source: Wang et al., 2019, arXiv:1904.06627.

    Args:
        score: ``(a, b)`` cosines; a row is an anchor.
        same: of the same shape, 0 or 1.
        weight: of the same shape; 0 leaves a comparison out, and a row of zeros its anchor.
        alpha: how much the positives that lie far below the base outweigh the others.
        beta: how much the negatives that lie far above it outweigh the others.
        base: the cosine that parts positives from negatives.
        mining: ``hard``: positives less than ``epsilon`` above the anchor's nearest negative, and negatives less than
            ``epsilon`` below its farthest positive, so an anchor that lacks either costs nothing; ``all``: all pairs.
        epsilon: in cosines; no matter with ``all``.

    Choose this with ``in_batch`` and several examples a class, when a softmax over proxies has too many classes.

    Example:
        >>> import torch
        >>> row, same = torch.tensor([[0.5, 0.5]]), torch.tensor([[1., 0.]])
        >>> round(multi_similarity(row, same, torch.ones(1, 2)).item(), 4)
        0.3604
    """
    anchors = (weight > 0).any(1).sum()
    positive, negative = (same > 0.5) & (weight > 0), (same <= 0.5) & (weight > 0)
    if mining == "hard":
        nearest = score.masked_fill(~negative, -torch.inf).max(1, keepdim=True).values
        farthest = score.masked_fill(~positive, torch.inf).min(1, keepdim=True).values
        positive, negative = positive & ~(score - epsilon >= nearest), negative & ~(score + epsilon <= farthest)
    pull = _log_one_plus_sum(-alpha * (score - base), positive) / alpha
    push = _log_one_plus_sum(beta * (score - base), negative) / beta
    return (pull + push).sum() / anchors.clamp_min(1)


def _log_one_plus_sum(power: Tensor, counted: Tensor) -> Tensor:
    """``log(1 + sum exp(power))`` over what counts in each row of ``(a, b)``: ``(a,)``, 0 where nothing does."""
    return torch.nn.functional.pad(power.masked_fill(~counted, -torch.inf), (0, 1)).logsumexp(1)
