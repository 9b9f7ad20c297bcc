"""A small residual network made for a CPU: strided from the first layer, no pooling inside."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from firstsight.errors import UsageError
from firstsight.learn.bounds import Bounds, Dimensions, Share, Width

HEAD = ("head.", "norm.")
"""How the names of weights begin that ``frozen`` leaves free."""


class Residual(nn.Module):
    """Residual encoder (He et al., 2016, arXiv:1512.03385), thin and strided so that two cores suffice.

    A strided stem, then stages that halve the side and double the channels; the last map is flattened, since
    *where* a stroke lies tells glyphs apart, and projected to the embedding.

    Args:
        channels: of the input.
        size: side of the input, in pixels; a multiple of 16.
        width: channels after the stem.
        growth: factor of the channels from stage to stage; after the stem they are rounded to multiples of 8.
        depth: residual blocks a stage.
        fine: whether a block works at the stem's resolution before the first halving.
        dim: length of the embedding.
        head: ``flatten`` keeps places, ``pool`` averages them (for pictures whose subject moves); ``statistics`` sets
            beside the flattened map how strong each channel of every stage is and how it varies over the places, which
            is what a style is told by (Huang, Belongie, 2017, arXiv:1703.06868).
        frozen: whether all before the head stays as the model has it that training starts from.
        dropout: share of the last features dropped in training.

    Shapes: ``(b, channels, size, size)`` float32 in 0..1 -> ``(b, dim)`` float32.
    """

    def __init__(
        self,
        channels: int = 1,
        size: int = 48,
        *,
        width: Width = 32,
        growth: Annotated[float, Bounds(0.5, 4)] = 2.0,
        depth: Annotated[int, Bounds(1, 64)] = 1,
        fine: bool = False,
        dim: Dimensions = 128,
        head: Literal["flatten", "pool", "statistics"] = "flatten",
        frozen: bool = False,
        dropout: Share = 0.0,
    ) -> None:
        super().__init__()
        if head not in ("flatten", "pool", "statistics"):
            raise UsageError(f"encoder.head is {head!r}, flatten, pool or statistics was expected")
        if size % 16:
            raise UsageError(f"input.size is {size}, the residual encoder needs a multiple of 16")
        widths = [width, *(8 * max(1, round(width * growth**stage / 8)) for stage in (1, 2, 3))]
        self.stem = nn.Sequential(
            nn.Conv2d(channels, widths[0], 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        )
        blocks: list[nn.Module] = [Block(widths[0], widths[0])] if fine else []
        for before, after in itertools.pairwise(widths):
            blocks.append(Block(before, after, stride=2))
            blocks.extend(Block(after, after) for _ in range(depth - 1))
        self.stages = nn.Sequential(*blocks)
        features = widths[-1] * (1 if head == "pool" else (size // 16) ** 2)
        gather: nn.Module = nn.Flatten()
        if head == "pool":
            gather = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.statistics, self.frozen = head == "statistics", frozen
        if self.statistics:
            features += 2 * (widths[0] * (1 + fine) + depth * sum(widths[1:]))
            gather = nn.BatchNorm1d(features, affine=False)
        self.head = nn.Sequential(gather, nn.Dropout(dropout), nn.Linear(features, dim, bias=False))
        self.norm = nn.BatchNorm1d(dim)
        if frozen:
            self.stem.requires_grad_(False)
            self.stages.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings, not yet normalised."""
        embeddings: Tensor = self.norm(self.head(self.features(images)))
        return embeddings

    def features(self, images: Tensor) -> Tensor:
        """The last map ``(b, c, h, w)``, or it and the statistics of all ``(b, f)``."""
        maps = self.stem(images)
        if not self.statistics:
            last: Tensor = self.stages(maps)
            return last
        found = [statistics(maps)]
        for stage in self.stages:
            maps = stage(maps)
            found.append(statistics(maps))
        return torch.cat([*found, maps.flatten(1)], 1)

    def train(self, mode: bool = True) -> Residual:
        """Into training, or out of it; what is frozen keeps the means and deviations that it normalises by."""
        super().train(mode)
        if self.frozen:
            self.stem.eval()
            self.stages.eval()
        return self


def statistics(maps: Tensor) -> Tensor:
    """``(b, c, h, w)`` -> mean and deviation of each channel over the places ``(b, 2 c)``."""
    mean = maps.mean((2, 3))
    variance = (maps * maps).mean((2, 3)) - mean * mean
    return torch.cat([mean, torch.sqrt(torch.relu(variance) + 1e-6)], 1)


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, before: int, after: int, *, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True) if stride != 1 else nn.Identity(),
                nn.Conv2d(before, after, 1, bias=False),
                nn.BatchNorm2d(after),
            )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, images: Tensor) -> Tensor:
        """``(b, before, h, w)`` -> ``(b, after, h / stride, w / stride)``."""
        out: Tensor = self.activation(self.body(images) + self.shortcut(images))
        return out
