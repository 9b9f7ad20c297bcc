"""New classes out of old ones: two drawings side by side, or one above the other, are another drawing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from firstsight.errors import UsageError
from firstsight.learn.augment.warp import affine_grid, turned

LAYOUTS = (((0.6, 0.75, -0.45, 0.0), (0.6, 0.75, 0.45, 0.0)), ((0.75, 0.6, 0.0, -0.45), (0.75, 0.6, 0.0, 0.45)))
"""Width, height, and middle (right, down; in halves of a side) of either drawing: abreast; one above the other."""
JITTER = 0.08


class Composer:
    """Puts a fixed partner class beside some of a batch's examples.

    Few classes are soon learned by heart; a class and its partner, whatever the drawer of either, make a class nobody
    has drawn, whose every part counts. Each class has one partner a layout, for good.

    Args:
        arrays: all examples, ``(n, 1, s, s)`` uint8, light on dark.
        labels: ``(n,)`` in 0..classes - 1.
        classes: number of classes before turning.
        turns: 1, 4 or 8, as in :func:`~firstsight.learn.augment.warp.turn`.
        share: of the classes of a batch that get their partner.
        seed: of who is whose partner.

    Raises:
        UsageError: the examples are not drawings of one channel.
    """

    def __init__(self, arrays: Tensor, labels: Tensor, classes: int, turns: int, share: float, seed: int) -> None:
        if share and arrays.shape[1] != 1:
            raise UsageError("training.composites puts light strokes on dark ground together; set it to 0 for photos")
        self.arrays, self.share, self.kinds, self.base = arrays, share, classes * turns, classes
        self.order = torch.argsort(labels, stable=True)
        self.counts = torch.bincount(labels, minlength=classes)
        self.starts = self.counts.cumsum(0) - self.counts
        draw = torch.Generator().manual_seed(seed)
        self.partners = torch.stack([torch.randperm(self.kinds, generator=draw) for _ in LAYOUTS])

    @property
    def classes(self) -> int:
        """How many there are with those put together."""
        return self.kinds * (1 + (len(LAYOUTS) if self.share else 0))

    def __call__(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images ``(b, 1, s, s)`` and labels ``(b,)``; examples of one label in one batch are treated alike."""
        if not self.share:
            return images, labels
        draw = torch.rand(self.kinds, generator=generator)[labels]
        images, plain, labels = images.clone(), labels, labels.clone()
        for number, (mine, its) in enumerate(LAYOUTS):
            low, high = self.share * number / len(LAYOUTS), self.share * (number + 1) / len(LAYOUTS)
            rows = torch.nonzero((draw >= low) & (draw < high)).squeeze(1)
            if len(rows) == 0:
                continue
            partner = self.partners[number][plain[rows]]
            pair = _place(images[rows], mine, generator), _place(self._some(partner, generator), its, generator)
            images[rows] = torch.maximum(*pair)
            labels[rows] = plain[rows] + self.kinds * (number + 1)
        return images, labels

    def _some(self, kinds: Tensor, generator: torch.Generator) -> Tensor:
        """A random example of each of ``kinds (m,)``, turned as its kind says."""
        classes = kinds % self.base
        nth = (torch.rand(len(classes), generator=generator) * self.counts[classes]).long()
        images = self.arrays[self.order[self.starts[classes] + nth]].to(torch.float32) / 255
        return turned(images, kinds // self.base)


def _place(images: Tensor, where: tuple[float, float, float, float], generator: torch.Generator) -> Tensor:
    """Images shrunk and moved, each a little otherwise."""
    wide, high, right, down = where

    def jitter() -> Tensor:
        return (torch.rand(len(images), generator=generator) * 2 - 1) * JITTER

    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = torch.exp(jitter()) / wide, torch.exp(jitter()) / high
    theta[:, 0, 2], theta[:, 1, 2] = -(right + jitter()) * theta[:, 0, 0], -(down + jitter()) * theta[:, 1, 1]
    grid = affine_grid(theta, *images.shape[2:]).permute(0, 2, 3, 1)
    return functional.grid_sample(images, grid, align_corners=False)
