"""What both rivals share: the network and settings of FirstSight's recipe ``glyphs``, written plainly; the clock.

A residual network (He et al., 2016): a strided stem, one block at its resolution, three that halve the side, a linear
layer, a batch normalisation. A test holds it to FirstSight's own: the same parameters, the same embeddings.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any

from torch import Tensor, nn

WIDTHS = (64, 88, 128, 176)
DIM = 256
BATCH = 128
TURNS = 4
MARGIN, SCALE = 0.2, 16.0
RATE, DECAY, WARMUP, CLIP = 2e-3, 0.02, 200, 5.0
AVERAGE = 0.998
WARP = {"degrees": 10.0, "scale": 0.1, "stretch": 0.12, "shear": 0.12, "shift": 0.04, "elastic": 0.05}
"""The recipe's settings; a test holds them to it."""


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int, inplace: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace)
        self.down: nn.Module = nn.Identity()
        if stride != 1:
            self.down = nn.Sequential(
                nn.AvgPool2d(stride), nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        """``(b, before, h, w)`` -> ``(b, after, h / stride, w / stride)``."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.down(x)
        return self.relu(out)


class Network(nn.Module):
    """``(b, 1, 32, 32)`` float32 in 0..1 -> ``(b, 256)``."""

    def __init__(self, *, inplace: bool) -> None:
        super().__init__()
        first = WIDTHS[0]
        self.stem = nn.Sequential(nn.Conv2d(1, first, 3, 2, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU(inplace))
        self.layers = nn.Sequential(
            Block(first, first, 1, inplace),
            *(Block(WIDTHS[i], WIDTHS[i + 1], 2, inplace) for i in range(3)),
        )
        self.fc = nn.Linear(WIDTHS[-1] * 4, DIM, bias=False)
        self.bn = nn.BatchNorm1d(DIM)

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings, not yet normalised."""
        return self.bn(self.fc(self.layers(self.stem(x)).flatten(1)))


def rate(stamps: list[float], warmup: int, batch: int = BATCH) -> float:
    """Images a second between the end of step ``warmup`` and the end of the last.

    Args:
        stamps: seconds on one clock at the end of every step, the first step's first.
        warmup: steps at the start that do not count.
        batch: images a step.

    Raises:
        ValueError: no step after the warm-up.
    """
    if not 0 < warmup < len(stamps):
        raise ValueError(f"{len(stamps)} steps with {warmup} to warm up leave nothing to measure")
    return batch * (len(stamps) - warmup) / (stamps[-1] - stamps[warmup - 1])


def peak_mib() -> float:
    """Peak memory of this process, and what its living workers hold for themselves alone, in MiB."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for worker in multiprocessing.active_children():
        lines = Path(f"/proc/{worker.pid}/smaps_rollup").read_text().splitlines()
        own += sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return own / 1024


class Meter:
    """Notes the end of every step, and tells the figures of a run.

    Args:
        warmup: steps at the start that do not count.
        steps: steps that do.
    """

    def __init__(self, warmup: int, steps: int) -> None:
        self.warmup, self.last = warmup, warmup + steps
        self.wall: list[float] = []
        self.core: list[float] = []

    def tick(self) -> bool:
        """A step has ended; whether it was the last."""
        self.wall.append(time.perf_counter())
        self.core.append(time.process_time())
        return len(self.wall) >= self.last

    def tell(self, loss: float, **settings: Any) -> None:
        """Print one line of JSON. Core seconds are this process's, without its workers'."""
        found = {
            "images per second": round(rate(self.wall, self.warmup), 1),
            "core seconds a step": round(BATCH / rate(self.core, self.warmup), 4),
            "peak MiB": round(peak_mib()),
            "loss": round(loss, 4),
        }
        print(json.dumps({**found, "settings": settings}))
