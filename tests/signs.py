"""Signs that the shipped glyphs tell apart, drawn again and again by a hand that is never quite the same."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageDraw

from firstsight.types import PixelArray

SIGNS = {
    "house": [[(20, 90), (20, 45), (50, 10), (80, 45), (80, 90), (20, 90)]],
    "fork": [[(50, 95), (50, 10)], [(20, 10), (20, 40), (80, 40), (80, 10)]],
    "zig": [[(15, 15), (85, 15), (15, 85), (85, 85)]],
    "eye": [[(10, 50), (50, 20), (90, 50), (50, 80), (10, 50)], [(45, 45), (55, 45), (55, 55), (45, 55), (45, 45)]],
    "stairs": [[(10, 90), (10, 65), (40, 65), (40, 40), (65, 40), (65, 12), (92, 12)]],
    "anchor": [[(50, 10), (50, 90)], [(15, 60), (25, 85), (50, 92), (75, 85), (85, 60)], [(30, 25), (70, 25)]],
    "arrow": [[(10, 80), (85, 15)], [(55, 12), (88, 12), (88, 45)]],
}


def sign(name: str, number: int = 0, *, shake: float = 2.5) -> PixelArray:
    """A drawing ``(100, 100)`` of a sign; each number is another drawing of it."""
    r = random.Random(f"{name} {number}")
    image = Image.new("L", (100, 100), 255)
    pen = ImageDraw.Draw(image)
    for stroke in SIGNS[name]:
        points = [(x + r.uniform(-shake, shake), y + r.uniform(-shake, shake)) for x, y in stroke]
        pen.line(points, fill=0, width=r.choice((3, 4)), joint="curve")
    return np.asarray(image)
