"""Icons: concepts as drawn by several design families, rendered from the fonts inside the QtAwesome wheel.

``label`` is the concept, ``origin`` the design family (Font Awesome, Material Design, Phosphor, Remix, Codicons,
Elusive). A concept is an icon name without its style suffix that at least three families draw. Of an icon that
versions 5 and 6 of a font both hold only the newer drawing is taken: near-duplicates must never face each other.

    test 100, validation 40 and train 231 concepts, by a seeded draw. To train belong further concepts that only two
    families draw, unless their name shares a word with a concept held out ("bell-ring" with "bell").
"""

from __future__ import annotations

import importlib.util
import io
import json
import re
from collections import defaultdict
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError
from firstsight.types import Example

FAMILIES = {
    "fontawesome": "Font Awesome",
    "materialdesignicons": "Material Design",
    "phosphor": "Phosphor",
    "remixicon": "Remix",
    "codicon": "Codicons",
    "elusiveicons": "Elusive",
}
SPLITS = ("all", "train", "validation", "test")
MIN_FAMILIES = 3
TEST, VALIDATION = 100, 40
_STYLE = re.compile(r"-(outline|fill|line|bold|thin|light|duotone|o|alt|regular|solid)$")
_SIDE = 96


def load(split: str = "all") -> DataSet:
    """One split, or all.

    Raises:
        DataError: QtAwesome is not installed.
    """
    drawn = _drawn()
    rare = _drawn_by_two(drawn)
    whole = drawn.where(lambda e: e.label not in rare, "icons:all")
    if split == "all":
        return whole
    order = np.random.default_rng(20150).permutation(len(whole.classes))
    held = {"test": order[:TEST], "validation": order[TEST : TEST + VALIDATION]}
    if split in held:
        concepts = {whole.classes[i] for i in held[split]}
        return whole.where(lambda e: e.label in concepts, f"icons:{split}")
    out = {whole.classes[i] for i in order[: TEST + VALIDATION]}
    words = {word for concept in out for word in concept.split("-")}
    two = {c for c in rare if words.isdisjoint(c.split("-"))}
    concepts = (set(whole.classes) - out) | two
    return drawn.where(lambda e: e.label in concepts, "icons:train")


def _drawn_by_two(drawn: DataSet) -> set[str]:
    """Concepts that fewer than three families draw."""
    families: dict[str, set[str]] = defaultdict(set)
    for e in drawn.examples:
        families[e.label].add(e.origin)
    return {concept for concept, by in families.items() if len(by) < MIN_FAMILIES}


@lru_cache(maxsize=1)
def _drawn() -> DataSet:
    """Every concept that at least two families draw."""
    spec = importlib.util.find_spec("qtawesome")  # found, not imported: importing it would want Qt
    if spec is None or spec.origin is None:
        raise DataError("icons needs the fonts of QtAwesome, which is not installed; pip install 'firstsight[icons]'")
    fonts = Path(spec.origin).parent / "fonts"
    newest: dict[tuple[str, str], tuple[Path, int]] = {}
    for charmap in sorted(fonts.glob("*-charmap-*.json")):  # version 5 comes before version 6
        font = charmap.with_name(charmap.name.replace("-charmap", "")).with_suffix(".ttf")
        family = next(shown for prefix, shown in FAMILIES.items() if charmap.name.startswith(prefix))
        style = "-regular" if "-regular-" in charmap.name else ""
        for name, code in json.loads(charmap.read_text()).items():
            newest[family, name.replace("_", "-") + style] = (font, int(code, 16))
    drawn: dict[str, list[tuple[str, Path, int, str]]] = defaultdict(list)
    for (family, name), (font, code) in sorted(newest.items()):
        drawn[_STYLE.sub("", name)].append((family, font, code, name))
    examples = [
        Example(
            label=concept,
            load=partial(render, font, code),
            key=f"{font.name}:{code:x}:{_SIDE}",
            origin=family,
            source=f"{font.stem}/{name}",
        )
        for concept, renderings in sorted(drawn.items())
        if len({family for family, *_ in renderings}) >= 2
        for family, font, code, name in renderings
    ]
    return DataSet("icons", tuple(examples))


@lru_cache(maxsize=32)
def _font(path: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), 256)


def render(path: Path, code: int) -> bytes:
    """A PNG of the icon, black on white, its ink fitted into a square of 96 pixels."""
    font = _font(path)
    canvas = Image.new("L", (1024, 1024), 0)
    ImageDraw.Draw(canvas).text((512, 512), chr(code), font=font, fill=255, anchor="mm")
    ink = canvas.crop(canvas.getbbox() or (0, 0, 1, 1))
    side = round(max(ink.size) / 0.9)
    square = Image.new("L", (side, side), 0)
    square.paste(ink, ((side - ink.width) // 2, (side - ink.height) // 2))
    buffer = io.BytesIO()
    ImageOps.invert(square.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)).save(buffer, "PNG")
    return buffer.getvalue()
