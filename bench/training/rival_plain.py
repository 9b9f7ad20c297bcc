"""Rival (b): the fastest plain loop we could write. All images in memory, whole batches warped, tuned.

python rival_plain.py TENSORS.npz --threads 1 --precision bfloat16

``TENSORS.npz`` holds ``images (n, 1, 32, 32)`` uint8 and ``labels (n,)`` int64. The other options are what was tried
and left out (README.md beside this file has the figures).
"""

from __future__ import annotations

import argparse
import contextlib
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from network import AVERAGE, BATCH, CLIP, DECAY, DIM, MARGIN, RATE, SCALE, TURNS, WARMUP, WARP, Meter, Network


class Head(nn.Module):
    """AM-softmax (Wang et al., 2018): cosines to one proxy a class, a margin off the right one."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, DIM) / DIM**0.5)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """``(b, d)``, ``(b,)`` -> scalar."""
        cosines = functional.linear(functional.normalize(embeddings), functional.normalize(self.weight))
        margin = torch.zeros_like(cosines).scatter_(1, labels[:, None], MARGIN)
        return functional.cross_entropy((cosines - margin) * SCALE, labels)


def augment(images: Tensor, turn: Tensor) -> Tensor:
    """One warp of the batch ``(b, 1, s, s)``: quarter turn, affine map and elastic field in a single sampling grid."""
    count, _, side, _ = images.shape
    draw = torch.rand(6, count) * 2 - 1
    angle = draw[0] * math.radians(WARP["degrees"]) + turn * (math.pi / 2)
    size, ratio, shear = (
        torch.exp(draw[1] * WARP["scale"]),
        torch.exp(draw[2] * WARP["stretch"]),
        draw[3] * WARP["shear"],
    )
    cosine, sine = torch.cos(angle), torch.sin(angle)
    wide, high = size * ratio, size / ratio
    rows = (
        torch.stack([wide * cosine, wide * (shear * cosine - sine), draw[4] * 2 * WARP["shift"]], 1),
        torch.stack([high * sine, high * (shear * sine + cosine), draw[5] * 2 * WARP["shift"]], 1),
    )
    grid = functional.affine_grid(torch.stack(rows, 1), [count, 1, side, side], align_corners=False)
    coarse = torch.randn(count, 2, 5, 5) * WARP["elastic"]
    smooth = functional.interpolate(coarse, (side, side), mode="bicubic", align_corners=True)
    return functional.grid_sample(images, grid + smooth.permute(0, 2, 3, 1), align_corners=False)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tensors", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--warmup", type=int, default=20)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--optimiser", choices=("fused", "foreach", "loop"), default="fused")
    parser.add_argument("--layout", choices=("channels_last", "contiguous"), default="channels_last")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--copying", action="store_true", help="ReLU not in place")
    return parser.parse_args()


def main() -> None:
    """Train for a while, and tell how fast."""
    asked = options()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    layout = torch.channels_last if asked.layout == "channels_last" else torch.contiguous_format
    with np.load(asked.tensors) as file:
        every, label = torch.from_numpy(file["images"]), torch.from_numpy(file["labels"])
    classes = int(label.max()) + 1
    model = Network(inplace=not asked.copying).to(memory_format=layout)
    head = Head(classes * TURNS)
    parameters = [*model.parameters(), *head.parameters()]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": DECAY},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    form = {"fused": {"fused": True}, "foreach": {"foreach": True}, "loop": {"foreach": False}}[asked.optimiser]
    optimiser = torch.optim.AdamW(groups, lr=RATE, **form)
    living = [t for t in model.state_dict().values() if t.is_floating_point()]
    average = [t.clone() for t in living]
    network = torch.compile(model) if asked.compile else model
    if asked.precision == "bfloat16":
        context: contextlib.AbstractContextManager[object] = torch.autocast("cpu", torch.bfloat16)
    else:
        context = contextlib.nullcontext()

    meter = Meter(asked.warmup, asked.steps)
    model.train()
    order = torch.randperm(len(every))
    place = 0
    for step in range(asked.warmup + asked.steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / WARMUP)
        if place + BATCH > len(order):
            order, place = torch.randperm(len(every)), 0
        index = order[place : place + BATCH]
        place += BATCH
        turn = torch.randint(TURNS, (BATCH,))
        images = augment(every[index].float().div_(255), turn).contiguous(memory_format=layout)
        with context:
            loss = head(network(images), label[index] + turn * classes)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, CLIP)
        optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, living, 1 - min(AVERAGE, (1 + step) / (10 + step)))
        value = loss.item()
        meter.tick()
    settings = {k: v for k, v in vars(asked).items() if k not in ("tensors", "warmup", "steps")}
    meter.tell(value, **settings)


if __name__ == "__main__":
    main()
