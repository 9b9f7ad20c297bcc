"""What training makes small: the loss of a comparison, and where a recipe names two, their weighted sum."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from firstsight.learn.machine import settled
from firstsight.learn.recipe import Recipe
from firstsight.learn.similarities.base import TorchSimilarity


class Objective(nn.Module):
    """Similarity, comparison and loss of a recipe; with ``[also_comparison]`` and ``[also_loss]`` a second pair.

    The total is ``loss + training.also * also_loss``, both on the same embeddings by the same similarity.

    Args:
        recipe: names the parts.
        similarity: how embeddings are compared.
        dim: of the embeddings.
        classes: labels that can come.

    Example:
        >>> import torch
        >>> from firstsight.learn.recipe import load
        >>> from firstsight.learn.similarities.fixed import Cosine
        >>> recipe = load("folder", ["also_comparison.name=in_batch", "also_loss.name=supcon", "training.also=0.3"])
        >>> objective = Objective(recipe, Cosine(), dim=8, classes=4)
        >>> objective(torch.randn(12, 8), torch.arange(12) % 4, torch.Generator().manual_seed(0)).shape
        torch.Size([])
    """

    def __init__(self, recipe: Recipe, similarity: TorchSimilarity, dim: int, classes: int) -> None:
        super().__init__()
        self.similarity = similarity
        pairs = [("comparison", "loss", 1.0), ("also_comparison", "also_loss", recipe.training.also)]
        named = [pair for pair in pairs if pair[1] in recipe.sections]
        self.projection = recipe.part("projection")(dim, **recipe.settings("projection"))
        coarse = settled(recipe.training.precision) == "bfloat16"
        self.comparisons = nn.ModuleList(
            recipe.part(compared)(similarity, self.projection.dim, classes, coarse, **recipe.settings(compared))
            for compared, _, _ in named
        )
        self.losses = [partial(recipe.part(judged).function, **recipe.settings(judged)) for _, judged, _ in named]
        self.shares = [share for _, _, share in named]

    def forward(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The loss, a scalar, of embeddings ``(b, d)`` as the encoder gives them and labels ``(b,)``.

        The comparisons draw from ``generator`` one after the other.

        Raises:
            TrainingError: the batch gives a comparison nothing to compare.
        """
        prepared = self.similarity.prepare(self.projection(embeddings))
        total = embeddings.new_zeros(())
        for comparison, loss, share in zip(self.comparisons, self.losses, self.shares, strict=True):
            found = comparison(prepared, labels, generator)
            total = total + share * loss(found.score, found.same, found.weight)
        return total
