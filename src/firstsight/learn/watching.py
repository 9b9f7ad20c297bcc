"""What is watched while training: whether an embedding still tells inputs apart, and, without labels, how well."""

from __future__ import annotations

import torch
from torch import Tensor

from firstsight.errors import TrainingError
from firstsight.learn.fit import effective_dimensions
from firstsight.learn.recipe import Recipe
from firstsight.learn.similarities.base import TorchSimilarity

PATIENCE = 3  # looks in a row at a collapsed embedding after which training stops
LEAST_SPREAD = 0.05
"""Share of the squared length of unit embeddings that differs between inputs, below which they count as alike."""


class Watch:
    """Looks at the embeddings of a batch now and then.

    Args:
        recipe: of the run.
        similarity: how embeddings are compared.

    Attributes:
        flat: looks in a row that found the embedding collapsed; a checkpoint holds it.
    """

    def __init__(self, recipe: Recipe, similarity: TorchSimilarity) -> None:
        self.recipe, self.similarity, self.flat = recipe, similarity, 0

    def look(self, embeddings: Tensor, step: int) -> dict[str, float]:
        """What a look finds, by name; ``alignment`` and ``uniformity`` where the batch holds views side by side.

        Args:
            embeddings: ``(b, d)`` as the encoder gives them.
            step: for the message.

        Raises:
            TrainingError: the third look in a row found the embedding collapsed.
        """
        with torch.no_grad():
            prepared = self.similarity.prepare(embeddings)
            alike = LEAST_SPREAD if self.similarity.normalise else 0.0
            dimensions = effective_dimensions(prepared, alike=alike)
            found = {"effective_dimensions": dimensions}
            if self.recipe.sections["sampling"]["name"] == "views":
                found |= {"alignment": alignment(embeddings), "uniformity": uniformity(embeddings)}
        self.flat = self.flat + 1 if dimensions < self.recipe.training.least_dimensions else 0
        if self.flat >= PATIENCE:
            raise TrainingError(
                f"the embedding collapsed: at step {step} it fills {dimensions:.1f} of {embeddings.shape[1]} "
                f"dimensions, so every input looks alike; {self._mend()}"
            )
        return found

    def _mend(self) -> str:
        comparison = self.recipe.sections["comparison"]
        if not comparison.get("stop_gradient", True):
            return "hold what is predicted still: comparison.stop_gradient=true"
        if comparison["name"] == "predicted_views":
            return "lower optimiser.lr, or learn by comparison.name=in_batch with loss.name=supcon"
        return "lower optimiser.lr, use loss.mining=all instead of batch-hard, or bring more classes a batch"


def alignment(embeddings: Tensor) -> float:
    """Mean squared distance on the unit sphere of two views of an image: 0 when the encoder sees through augmentation.

    Source: Wang and Isola, 2020, arXiv:2005.10242, equation 3 with alpha 2.

    Args:
        embeddings: ``(b, d)``, views side by side.

    Example:
        >>> alignment(torch.tensor([[1., 0.], [0., 2.]]))
        2.0
    """
    unit = torch.nn.functional.normalize(embeddings)
    return (unit[0::2] - unit[1::2]).square().sum(1).mean().item()


def uniformity(embeddings: Tensor) -> float:
    """How evenly images lie on the unit sphere: 0 when all coincide, towards -4 in many dimensions.

    The logarithm of the mean Gaussian kernel between first views. Source: Wang and Isola, 2020, equation 4 with t 2.

    Args:
        embeddings: ``(b, d)``, views side by side, of at least two images.

    Example:
        >>> round(uniformity(torch.tensor([[1., 0.], [1., 0.], [-1., 0.], [-1., 0.]])), 4)
        -8.0
    """
    unit = torch.nn.functional.normalize(embeddings[0::2])
    return torch.pdist(unit).square().mul(-2).exp().mean().log().item()
