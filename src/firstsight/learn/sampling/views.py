"""Batches of views: an image drawn twice, to be altered twice, is all that learning without labels needs."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from firstsight.learn.bounds import Bounds
from firstsight.learn.sampling.batches import Random
from firstsight.types import IntArray


class Views:
    """Epochs of shuffled images, each twice, side by side: first, first, second, second, ...

    Augmentation draws for each row of a batch, so the two are two views of one image (Chen et al., 2020,
    arXiv:2002.05709, section 2.1). Every image is a class of its own: the classes of the data are not looked at.

    Args:
        labels: ``(n,)``; only how many there are counts.
        groups: ``(n,)`` (not used).
        seed: of the shuffles.
        size: images a batch, of which each gives two rows; all of them where there are fewer.
    """

    gives: ClassVar[str] = "views"
    once = False

    def __init__(self, labels: IntArray, groups: IntArray, seed: int, *, size: Annotated[int, Bounds(2)] = 128) -> None:
        self.order = Random(np.arange(len(labels)), groups, seed, size=min(size, len(labels)))

    def batch(self, step: int) -> IntArray:
        """Indices ``(2 * size,)``."""
        return np.repeat(self.order.batch(step), 2)
