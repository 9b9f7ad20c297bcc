"""A linear map in closed form, by which features of a class lie as close together as those of classes allow."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from firstsight.errors import UsageError
from firstsight.learn.backbones.layers import OnFrozen, Tuned
from firstsight.types import FloatArray, IntArray

Float64Array = NDArray[np.float64]

MOST = 4096
"""Features that are whitened, within a minute or two."""
_BLOCK = 32  # images of a forward pass


def begin_whitened(encoder: nn.Module, features: FloatArray | None, images: Tensor, labels: Tensor) -> bool:
    """Let layers on a pretrained network begin as :func:`whitening` has it, if they are one linear map.

    Args:
        encoder: any.
        features: ``(n, f)`` of its network if that is frozen; one that learns is asked.
        images, labels: ``(n, c, h, w)`` uint8 and ``(n,)``.

    Returns:
        Whether they were.

    Raises:
        UsageError: the features are too many for that.
    """
    if not isinstance(encoder, OnFrozen | Tuned):
        return False
    linear = encoder.layers[0]
    if not isinstance(linear, nn.Linear):
        return False
    if linear.in_features > MOST:
        raise UsageError(
            f"{encoder.origin.name} gives {linear.in_features:,} features, at most {MOST:,} can be whitened; name "
            "another tensor with encoder.output, or set encoder.hidden=256 to begin at random"
        )
    if features is None:
        if not isinstance(encoder, Tuned):
            return False
        features = _features(encoder.body, images)
    weight, bias = whitening(features, labels.numpy(), linear.out_features)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(weight))
        linear.bias.copy_(torch.from_numpy(bias))
    return True


def _features(network: nn.Module, images: Tensor) -> FloatArray:
    """Features ``(n, f)`` float32 that a network, as it is, gives for images ``(n, c, h, w)`` uint8."""
    was = network.training
    network.eval()
    with torch.inference_mode():
        parts = [network(images[k : k + _BLOCK].to(torch.float32) / 255).numpy() for k in range(0, len(images), _BLOCK)]
    network.train(was)
    return np.concatenate(parts)


def whitening(features: FloatArray, labels: IntArray, dim: int) -> tuple[FloatArray, FloatArray]:
    """Weight ``(dim, f)`` and bias ``(dim,)``: centred features, whitened by what differs within a class.

    A cosine of such embeddings counts little what varies from image to image of one class, and much what does not
    (within-class covariance normalisation: Hatch, Kajarekar, Stolcke, 2006, "Within-class covariance normalization for
    SVM-based speaker recognition", Interspeech). The covariance is shrunk to a multiple of the identity by as much as
    the number of images asks for (Ledoit, Wolf, 2004, "A well-conditioned estimator for large-dimensional covariance
    matrices"), so that few images do little and many do much. Kept are the ``dim`` directions in which whitened
    features, classes and all, vary most. Beyond ``f`` directions there are none: further rows are 0.

    Args:
        features: ``(n, f)``.
        labels: ``(n,)``; classes of one image say nothing of what differs within one.
        dim: rows wanted.

    Returns:
        Scaled so that weights are as large as those of a layer that begins at random.
    """
    known = np.asarray(features, dtype=np.float64)
    mean = known.mean(axis=0)
    centred = known - mean
    root = _inverse_root(within(centred, labels))
    values, vectors = np.linalg.eigh(root @ shrunk(centred, len(centred)) @ root)
    kept = vectors[:, np.argsort(values)[::-1][:dim]].T @ root
    kept /= max(float(np.sqrt((kept**2).mean() * 3 * known.shape[1])), 1e-12)
    weight = np.zeros((dim, known.shape[1]))
    weight[: len(kept)] = kept
    return weight.astype(np.float32), (-weight @ mean).astype(np.float32)


def within(centred: Float64Array, labels: IntArray) -> Float64Array:
    """Covariance ``(f, f)`` of what differs within classes, shrunk; the identity where no class has two images."""
    _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), centred.shape[1]))
    np.add.at(means, place, centred)
    differing = (centred - (means / counts[:, None])[place])[counts[place] > 1]
    free = len(differing) - int((counts > 1).sum())
    return shrunk(differing, free) if free > 0 else np.eye(centred.shape[1])


def shrunk(rows: Float64Array, free: int) -> Float64Array:
    """Covariance ``(f, f)`` of centred rows ``(n, f)`` by Ledoit and Wolf, of so many degrees of freedom."""
    count, wide = rows.shape
    found = rows.T @ rows / count
    level = float(np.trace(found)) / wide
    if level <= 0:
        return np.eye(wide)
    apart = float(((found - level * np.eye(wide)) ** 2).sum())
    noise = float(((rows**2).sum(axis=1) ** 2).sum()) / count**2 - float((found**2).sum()) / count
    share = min(1.0, max(0.0, noise / apart)) if apart > 0 else 1.0
    covariance: Float64Array = ((1 - share) * found + share * level * np.eye(wide)) * (count / free)
    return covariance


def _inverse_root(matrix: Float64Array) -> Float64Array:
    """Of a symmetric matrix; directions without variance count as the least that can be told from none."""
    values, vectors = np.linalg.eigh(matrix)
    root: Float64Array = (vectors / np.sqrt(np.maximum(values, values[-1] * 1e-9))) @ vectors.T
    return root
