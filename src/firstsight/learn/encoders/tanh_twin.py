"""A small twin of two tanh convolutions, as taught in a course on Siamese networks."""

from __future__ import annotations

from torch import Tensor, nn

from firstsight.errors import UsageError
from firstsight.learn.bounds import Dimensions, Width


class TanhTwin(nn.Module):
    """Batch normalisation, two 5 x 5 tanh convolutions with average pooling, batch normalisation, one dense layer.

    Source: a coursework report on "are these two glyphs of the same alphabet?". With three channels at 105 pixels and
    its defaults it has 120,438 of the report's 120,444 numbers (the running means and variances of normalisation
    included, as Keras counts; six more are the distance's); the prose of the report describes another network, which
    has not. Weights begin as Keras begins them: Glorot uniform, biases 0; normalisation has Keras' momentum and
    epsilon.

    Args:
        channels: of the input.
        size: side of the input, in pixels.
        width: channels of the first convolution; the second has four times as many.
        dim: length of the embedding.

    Shapes: ``(b, channels, size, size)`` float32 in 0..1 -> ``(b, dim)`` float32.
    """

    def __init__(self, channels: int = 3, size: int = 105, *, width: Width = 4, dim: Dimensions = 10) -> None:
        super().__init__()
        if size < 16:
            raise UsageError(f"input.size is {size}, the tanh_twin encoder needs at least 16")
        side = ((size - 4) // 2 - 4) // 2
        features = 4 * width * side * side
        self.body = nn.Sequential(
            nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01),
            nn.Conv2d(channels, width, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(width, 4 * width, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.BatchNorm1d(features, eps=1e-3, momentum=0.01),
        )
        self.head = nn.Linear(features, dim)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings, not normalised."""
        embeddings: Tensor = self.head(self.body(images))
        return embeddings
