"""Koch's network as it is usually written, tuned: both images of every pair embedded, the library's convolutions.

python rival_koch.py --threads 2 --precision bfloat16

Pairs are of drawn numbers instead of glyphs: what a step costs does not depend on them.
"""

from __future__ import annotations

import argparse
import contextlib

import torch
from torch import Tensor, nn

from network import Meter

PAIRS = 64
SIZE = 105
WIDTH, DIM = 64, 4096
SCALE = 200.0
RATE, MOMENTUM = 0.005, 0.9
RATES = (0.8, 0.5, 0.5, 0.5, 12.0, 1680.0, 2.0)
PENALTIES = (2e-4, 2e-4, 2e-4, 2e-4, 2e-3, 0.0, 0.0)
"""The recipe's settings; a test holds them to it."""


class Twin(nn.Module):
    """Scores of pairs: four convolutions and a layer of sigmoids, once an image; a weighted L1 distance.

    Halving comes before the rectification, which gives the same numbers for a quarter of the work.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (1, WIDTH, 2 * WIDTH, 2 * WIDTH, 4 * WIDTH)
        layers: list[nn.Module] = []
        for i, kernel in enumerate((10, 7, 4, 4)):
            layers.append(nn.Conv2d(widths[i], widths[i + 1], kernel))
            layers += [nn.MaxPool2d(2)] if i < 3 else []
            layers.append(nn.ReLU(inplace=True))
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * 36, DIM), nn.Sigmoid())
        self.weight, self.bias = nn.Parameter(torch.ones(DIM)), nn.Parameter(torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        """``(2 b, 1, 105, 105)``, the first of every pair and then the second -> logits ``(b,)`` float32."""
        first, second = self.body(images).float().chunk(2)
        return self.bias - (first - second).abs() @ self.weight * (SCALE / DIM)


def main() -> None:
    """Train for a while, and tell how fast."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--compile", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    every = torch.randint(256, (1000, 1, SIZE, SIZE), dtype=torch.uint8)
    model = Twin().to(memory_format=torch.channels_last)
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    owned: list[list[nn.Parameter]] = [*(list(m.parameters()) for m in layers), [model.weight], [model.bias]]
    groups = [{"params": p, "lr": RATE * r, "weight_decay": d} for p, r, d in zip(owned, RATES, PENALTIES, strict=True)]
    optimiser = torch.optim.SGD(groups, momentum=MOMENTUM, foreach=True)
    network = torch.compile(model) if asked.compile else model
    bfloat16 = torch.autocast("cpu", torch.bfloat16)
    context: contextlib.AbstractContextManager[object] = bfloat16
    if asked.precision == "float32":
        context = contextlib.nullcontext()
    meter = Meter(asked.warmup, asked.steps)
    model.train()
    for _ in range(asked.warmup + asked.steps):
        images = every[torch.randint(len(every), (2 * PAIRS,))].float().div_(255)
        same = (torch.rand(PAIRS) < 0.5).float()
        with context:
            scores = network(images.contiguous(memory_format=torch.channels_last))
        loss = nn.functional.binary_cross_entropy_with_logits(scores, same)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        value = loss.item()
        meter.tick()
    meter.tell(value, threads=asked.threads, precision=asked.precision, compile=asked.compile)


if __name__ == "__main__":
    main()
