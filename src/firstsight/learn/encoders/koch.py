"""The convolutional twin of Koch, Zemel and Salakhutdinov."""

from __future__ import annotations

from torch import Tensor, nn

from firstsight.errors import UsageError
from firstsight.learn.bounds import Dimensions, Width
from firstsight.learn.encoders.spectral import SpectralConv2d

SMALLEST = 65  # pixels; four convolutions and three halvings leave one

SPECTRAL = 48  # channels; with fewer the second convolution learns faster as it stands


class Koch(nn.Module):
    """Four convolutions, three of them halved, and a layer of sigmoids (Koch et al., 2015, "Siamese neural networks for
    one-shot image recognition", ICML deep learning workshop, figure 4).

    At 105 pixels with its defaults it has 38,947,648 weights; the 4,096 and the bias of the weighted L1 come on top.
    Weights begin as in the paper (section 3.2): normal, 0 +- 0.01 in convolutions, 0 +- 0.2 in the layer of sigmoids,
    all biases 0.5 +- 0.01. Halving comes before the rectification, which gives the same numbers for a quarter of the
    work.

    Args:
        channels: of the input.
        size: side of the input, in pixels; 105 in the paper.
        width: channels of the first convolution; then twice, twice and four times as many.
        dim: sigmoids.

    Shapes: ``(b, channels, size, size)`` float32 in 0..1 -> ``(b, dim)`` float32 in 0..1.
    """

    def __init__(self, channels: int = 1, size: int = 105, *, width: Width = 64, dim: Dimensions = 4096) -> None:
        super().__init__()
        if size < SMALLEST:
            raise UsageError(f"input.size is {size}, the koch encoder needs at least {SMALLEST} (105 in the paper)")
        widths, side = (channels, width, 2 * width, 2 * width, 4 * width), size
        layers: list[nn.Module] = []
        for before, after, kernel in zip(widths, widths[1:], (10, 7, 4, 4), strict=False):
            spectral = kernel == 7 and width >= SPECTRAL
            layers.append((SpectralConv2d if spectral else nn.Conv2d)(before, after, kernel))
            side -= kernel - 1
            if after != widths[-1]:
                layers.append(nn.MaxPool2d(2))
                side //= 2
            layers.append(nn.ReLU(inplace=True))
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(widths[-1] * side * side, dim)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | SpectralConv2d | nn.Linear):
                nn.init.normal_(module.weight, 0.0, 0.2 if isinstance(module, nn.Linear) else 0.01)
                if module.bias is not None:
                    nn.init.normal_(module.bias, 0.5, 0.01)

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings in 0..1."""
        embeddings: Tensor = self.head(self.body(images)).sigmoid()
        return embeddings
