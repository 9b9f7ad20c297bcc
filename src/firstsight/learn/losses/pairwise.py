"""Losses that judge every comparison by itself."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from firstsight.learn.bounds import Amount, Share


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


def cross_entropy(score: Tensor, same: Tensor, weight: Tensor) -> Tensor:
    """Binary cross-entropy: the score is the logit of the probability that a pair is the same.

    Source: Koch, Zemel, Salakhutdinov, 2015, "Siamese Neural Networks for One-shot Image Recognition".

    Args:
        score: logits, any shape.
        same: of the same shape, 0..1; between them, how often such a pair is the same.
        weight: of the same shape; 0 leaves a pair out.

    Choose this with ``similarity.name=weighted_l1``, whose scale and offset are learned: a plain distance has neither.

    Example:
        >>> import torch
        >>> round(cross_entropy(torch.tensor([0., 0.]), torch.tensor([1., 0.]), torch.ones(2)).item(), 4)
        0.6931
    """
    cost = functional.binary_cross_entropy_with_logits(score, same, reduction="none")
    return (cost * weight).sum() / weight.sum().clamp_min(1e-12)


def logistic_contrastive(score: Tensor, same: Tensor, weight: Tensor, *, margin: Share = 1.0) -> Tensor:
    """The contrastive loss on the probability of "different", which the score is the logit against.

    Source: Hadsell, Chopra, LeCun, 2006, doi:10.1109/CVPR.2006.100, on a sigmoid instead of a distance, as the
    example of Siamese networks in Keras has it.

    Args:
        score: logits of "same", any shape.
        same: of the same shape, 0..1.
        weight: of the same shape; 0 leaves a pair out.
        margin: probability of "different" beyond which a different pair costs nothing.

    Choose this to repeat what was done with it; ``cross_entropy`` is the loss of a probability, and learns faster where
    the sigmoid is flat.

    Example:
        >>> import torch
        >>> logistic_contrastive(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]), torch.ones(2)).item()
        0.25
    """
    return contrastive(-(-score).sigmoid(), same, weight, margin=margin)


def negative_cosine(score: Tensor, same: Tensor, weight: Tensor) -> Tensor:
    """1 less the mean cosine of what is the same; what is different costs nothing.

    Source: Chen and He, 2021, arXiv:2011.10566, equation 1. Deviation: plus 1, so that it is 0 where nothing is left to
    gain. Alone it is smallest where everything is embedded alike.

    Args:
        score: cosines, of any shape.
        same: of the same shape, 0..1.
        weight: of the same shape; 0 leaves a comparison out.

    Choose this with ``predicted_views``, whose asymmetry keeps it from collapsing: SimSiam.

    Example:
        >>> import torch
        >>> round(negative_cosine(torch.tensor([0.5, 1.0]), torch.ones(2), torch.ones(2)).item(), 4)
        0.25
    """
    counts = same * weight
    cost: Tensor = (counts * (1 - score)).sum() / counts.sum().clamp_min(1e-12)
    return cost
