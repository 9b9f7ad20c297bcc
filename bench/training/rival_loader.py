"""Rival (a): training as people write it. A Dataset that opens every image, a DataLoader, pytorch-metric-learning.

python rival_loader.py FOLDER --threads 2 --workers 1

``FOLDER`` is Omniglot's ``images_background``, unpacked. NCHW, float32, no trick.
"""

from __future__ import annotations

import argparse
import math
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from pytorch_metric_learning.losses import CosFaceLoss
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from network import AVERAGE, BATCH, CLIP, DECAY, DIM, MARGIN, RATE, SCALE, TURNS, WARMUP, WARP, Meter, Network


class Omniglot(Dataset[tuple[Tensor, int]]):
    """One image an item, opened, shrunk, turned, warped; a quarter turn makes another class."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(folder.glob("*/*/*.png"))
        names = sorted({f.parent for f in self.files})
        index = {name: i for i, name in enumerate(names)}
        self.labels = [index[f.parent] for f in self.files]
        self.classes = len(names)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        image = ImageOps.invert(Image.open(self.files[i]).convert("L")).resize((32, 32), Image.Resampling.BILINEAR)
        turn = random.randrange(TURNS)
        image = affine(image.rotate(90 * turn))
        array = np.asarray(image, dtype=np.float32) / 255
        return torch.from_numpy(array)[None], self.labels[i] + turn * self.classes


def affine(image: Image.Image) -> Image.Image:
    """A random rotation, scale, stretch, shear and shift, as far as the recipe ``glyphs`` goes."""
    side = image.width
    rotation, scale, stretch, shear, x, y = (
        random.uniform(-WARP[k], WARP[k]) for k in ("degrees", "scale", "stretch", "shear", "shift", "shift")
    )
    angle, scale, stretch = math.radians(rotation), math.exp(scale), math.exp(stretch)
    wide, high = scale * stretch, scale / stretch
    a, b = wide * math.cos(angle), wide * (shear * math.cos(angle) - math.sin(angle))
    d, e = high * math.sin(angle), high * (shear * math.sin(angle) + math.cos(angle))
    middle = side / 2
    c = middle - a * middle - b * middle + x * side
    f = middle - d * middle - e * middle + y * side
    return image.transform((side, side), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR)


def make_criterion(classes: int) -> CosFaceLoss:
    """CosFace (Wang et al., 2018) as pytorch-metric-learning has it; the recipe's normalised softmax with a margin."""
    return CosFaceLoss(classes, DIM, margin=MARGIN, scale=SCALE)


def main() -> None:
    """Train for a while, and tell how fast."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--warmup", type=int, default=20)
    parser.add_argument("--steps", type=int, default=40)
    asked = parser.parse_args()

    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    random.seed(0)
    data = Omniglot(asked.folder)
    loader = DataLoader(
        data,
        batch_size=BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=asked.workers,
        persistent_workers=asked.workers > 0,
    )
    model = Network(inplace=False)
    criterion = make_criterion(data.classes * TURNS)
    parameters = [*model.parameters(), *criterion.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / WARMUP, 1.0, WARMUP)
    ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE), use_buffers=True)

    meter, done = Meter(asked.warmup, asked.steps), False
    while not done:
        model.train()
        for images, labels in loader:
            loss = criterion(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, CLIP)
            optimizer.step()
            scheduler.step()
            ema.update_parameters(model)
            value = loss.item()
            done = meter.tick()
            if done:
                break
    meter.tell(value, threads=asked.threads, workers=asked.workers, precision="float32")


if __name__ == "__main__":
    main()
