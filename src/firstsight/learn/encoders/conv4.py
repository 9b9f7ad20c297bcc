"""The four-block convolutional network of the few-shot literature."""

from __future__ import annotations

from torch import Tensor, nn

from firstsight.errors import UsageError
from firstsight.learn.bounds import Dimensions, Width


class Conv4(nn.Module):
    """Four blocks of convolution, batch normalisation, ReLU and halving (Vinyals et al., 2016, arXiv:1606.04080).

    Deviation: a linear layer maps the last features to ``dim``, so that the embedding's length is free.

    Args:
        channels: of the input.
        size: side of the input, in pixels.
        width: channels of every block.
        dim: length of the embedding.

    Shapes: ``(b, channels, size, size)`` float32 in 0..1 -> ``(b, dim)`` float32.
    """

    def __init__(self, channels: int = 1, size: int = 28, *, width: Width = 64, dim: Dimensions = 64) -> None:
        super().__init__()
        if size < 16:
            raise UsageError(f"input.size is {size}, the conv4 encoder needs at least 16")
        layers: list[nn.Module] = []
        for before in (channels, width, width, width):
            layers += [
                nn.Conv2d(before, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        side = size // 16
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * side * side, dim))

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings, not yet normalised."""
        embeddings: Tensor = self.body(images)
        return embeddings
