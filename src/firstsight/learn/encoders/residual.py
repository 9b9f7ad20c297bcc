"""A small residual network made for a CPU: strided from the first layer, no pooling inside."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from torch import Tensor, nn

from firstsight.errors import UsageError
from firstsight.learn.bounds import Bounds, Dimensions, Share, Width


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
        head: ``flatten`` keeps places, ``pool`` averages them (for pictures whose subject moves).
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
        head: Literal["flatten", "pool"] = "flatten",
        dropout: Share = 0.0,
    ) -> None:
        super().__init__()
        if head not in ("flatten", "pool"):
            raise UsageError(f"encoder.head is {head!r}, flatten or pool was expected")
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
        side = size // 16
        features = widths[-1] * (side * side if head == "flatten" else 1)
        gather = nn.Flatten() if head == "flatten" else nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Sequential(gather, nn.Dropout(dropout), nn.Linear(features, dim, bias=False))
        self.norm = nn.BatchNorm1d(dim)

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings, not yet normalised."""
        embeddings: Tensor = self.norm(self.head(self.stages(self.stem(images))))
        return embeddings


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
