"""What the tests draw, train and run; the fixtures of ``conftest.py`` are made of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

TINY = (
    "input.size=32",
    "encoder.width=8",
    "encoder.dim=16",
    "training.steps=60",
    "training.validate_every=60",
    "training.average=0.9",
    "training.threads=1",
    "sampling.classes=4",
    "optimiser.warmup=5",
    "training.folds=0",
    "training.precision=float32",
)
"""Changes to the recipe ``folder`` that make a model in about a second."""

SHAPES = ("bars", "circle", "cross", "ring", "square", "triangle")
STRANGERS = ("arrow", "diamond", "dots", "frame", "plus", "wedge")
EACH = 6


def draw(kind: str, number: int) -> Image.Image:
    """A drawing of 48 x 48 pixels; the number moves, sizes and colours it."""
    r = random.Random(f"{kind} {number}")
    image = Image.new("RGB", (48, 48), (250, 250, 245))
    pen = ImageDraw.Draw(image)
    x, y, s = 24 + r.randint(-3, 3), 24 + r.randint(-3, 3), r.randint(12, 16)
    ink = tuple(r.randint(0, 90) for _ in range(3))
    box = (x - s, y - s, x + s, y + s)
    if kind == "bars":
        for left in (-14, -3, 8):
            pen.rectangle((x + left, y - s, x + left + 4, y + s), fill=ink)
    elif kind == "circle":
        pen.ellipse(box, fill=ink)
    elif kind == "cross":
        pen.line(box, fill=ink, width=5)
        pen.line((x - s, y + s, x + s, y - s), fill=ink, width=5)
    elif kind == "ring":
        pen.ellipse(box, outline=ink, width=4)
    elif kind == "square":
        pen.rectangle(box, fill=ink)
    elif kind == "triangle":
        pen.polygon(((x, y - s), (x + s, y + s), (x - s, y + s)), fill=ink)
    elif kind == "arrow":
        pen.polygon(((x - s, y - s), (x + s, y), (x - s, y + s), (x, y)), fill=ink)
    elif kind == "diamond":
        pen.polygon(((x, y - s), (x + s, y), (x, y + s), (x - s, y)), fill=ink)
    elif kind == "dots":
        for dx, dy in ((-10, -10), (10, -10), (-10, 10), (10, 10)):
            pen.ellipse((x + dx - 4, y + dy - 4, x + dx + 4, y + dy + 4), fill=ink)
    elif kind == "frame":
        pen.rectangle(box, outline=ink, width=3)
    elif kind == "plus":
        pen.line((x - s, y, x + s, y), fill=ink, width=6)
        pen.line((x, y - s, x, y + s), fill=ink, width=6)
    elif kind == "wedge":
        pen.pieslice(box, 20, 200, fill=ink)
    else:
        raise ValueError(kind)
    return image


def draw_classes(root: Path, kinds: tuple[str, ...], each: int = EACH) -> Path:
    """A folder of class folders."""
    for kind in kinds:
        (root / kind).mkdir(parents=True)
        for number in range(each):
            draw(kind, number).save(root / kind / f"{number}.png")
    return root


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output, as strict JSON: NaN and Infinity are none."""

        def refuse(name: str) -> None:
            raise ValueError(f"{name} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


Cli = Callable[..., Ran]
Refused = Callable[..., str]
