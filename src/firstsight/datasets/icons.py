"""Icons: concepts as drawn by several design families, rendered from the fonts inside the QtAwesome wheel.

``label`` is the concept, ``origin`` the design family (Font Awesome, Material Design, Phosphor, Remix, Codicons,
Elusive). A concept is an icon name without its style suffix that at least three families draw; names that share a glyph
are one concept. Of drawings of one family that nearly equal each other (versions 5 and 6, styles that do not differ)
one is kept: near-duplicates must never face each other.

    test 100 and validation 40 concepts by a seeded draw, train the rest. To train belong further concepts that one or
    two families draw, unless their name shares a word, or a drawing, with a concept held out.
"""

from __future__ import annotations

import importlib.util
import io
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError
from firstsight.inputs.content import key_of
from firstsight.types import Example, FloatArray

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
_ALIKE = 0.97  # cosine of two drawings that count as one


@dataclass(frozen=True)
class Font:
    """A font as it was when it was read, told by its bytes.

    Attributes:
        name: of its file, without the ending.
        data: its bytes.
    """

    name: str
    data: bytes

    @cached_property
    def key(self) -> str:
        """See :func:`key_of`."""
        return key_of(self.data)


def load(split: str = "all") -> DataSet:
    """One split, or all.

    Raises:
        DataError: QtAwesome is not installed.
    """
    drawn = _drawn()
    rare = _rare(drawn)
    whole = drawn.where(lambda e: e.label not in rare, "icons:all")
    if split == "all":
        return whole
    order = np.random.default_rng(20150).permutation(len(whole.classes))
    held = {"test": order[:TEST], "validation": order[TEST : TEST + VALIDATION]}
    if split in held:
        concepts = {whole.classes[i] for i in held[split]}
        return whole.where(lambda e: e.label in concepts, f"icons:{split}")
    out = {whole.classes[i] for i in order[: TEST + VALIDATION]}
    words, glyphs = _words(out), {e.key for e in drawn.examples if e.label in out}
    near = {e.label for e in drawn.examples if e.key in glyphs} | {c for c in drawn.classes if _words({c}) & words}
    concepts = (set(whole.classes) - out) | (rare - near)
    return drawn.where(lambda e: e.label in concepts, "icons:train")


def _words(concepts: set[str]) -> set[str]:
    """The words of names, without the plural's s."""
    return {word.removesuffix("s") for concept in concepts for word in concept.split("-")}


def _rare(drawn: DataSet) -> set[str]:
    """Concepts that fewer than three families draw."""
    families: dict[str, set[str]] = defaultdict(set)
    for e in drawn.examples:
        families[e.label].add(e.origin)
    return {concept for concept, by in families.items() if len(by) < MIN_FAMILIES}


def _drawn() -> DataSet:
    """Every concept with at least two drawings that differ."""
    spec = importlib.util.find_spec("qtawesome")  # found, not imported: importing it would want Qt
    if spec is None or spec.origin is None:
        raise DataError("icons needs the fonts of QtAwesome, which is not installed; pip install 'firstsight[icons]'")
    found = []
    for charmap in sorted((Path(spec.origin).parent / "fonts").glob("*-charmap-*.json")):  # version 5 before version 6
        font = charmap.with_name(charmap.name.replace("-charmap", "")).with_suffix(".ttf")
        if charmap.name.startswith(tuple(FAMILIES)):  # else it is a font that a newer QtAwesome brings
            found.append((charmap.name, charmap.read_bytes(), Font(font.stem, font.read_bytes())))
    return _concepts(tuple(found))


@lru_cache(maxsize=1)
def _concepts(found: tuple[tuple[str, bytes, Font], ...]) -> DataSet:
    """See :func:`_drawn`; names and bytes of the lists of names, each with its font."""
    newest: dict[tuple[str, str], tuple[Font, int]] = {}
    for charmap, listed, font in found:
        family = next(shown for prefix, shown in FAMILIES.items() if charmap.startswith(prefix))
        style = "-regular" if "-regular-" in charmap else ""
        for name, code in json.loads(listed).items():
            newest[family, name.replace("_", "-") + style] = (font, int(code, 16))
    drawn: dict[str, list[tuple[str, Font, int, str]]] = defaultdict(list)
    for (family, name), (font, code) in sorted(newest.items()):
        drawn[_STYLE.sub("", name)].append((family, font, code, name))
    one_name = _one_name(drawn)
    merged: dict[str, list[tuple[str, Font, int, str]]] = defaultdict(list)
    for concept, renderings in sorted(drawn.items()):
        merged[one_name[concept]] += renderings
    examples = [
        Example(
            label=concept,
            load=partial(render, font, code),
            key=f"{font.key}:{code:x}:{_SIDE}",
            origin=family,
            source=f"{font.name}/{name}",
        )
        for concept, renderings in sorted(merged.items())
        if len(distinct := _distinct(renderings)) >= 2
        for family, font, code, name in distinct
    ]
    return DataSet("icons", tuple(examples))


def _one_name(drawn: dict[str, list[tuple[str, Font, int, str]]]) -> dict[str, str]:
    """One name for concepts that share a glyph of a font ("alert" and "warning"): the first by the alphabet."""
    parent = {concept: concept for concept in drawn}

    def root(concept: str) -> str:
        while parent[concept] != concept:
            concept = parent[concept]
        return concept

    owner: dict[tuple[Font, int], str] = {}
    for concept, renderings in sorted(drawn.items()):
        for _, font, code, _ in renderings:
            one, other = root(owner.setdefault((font, code), concept)), root(concept)
            parent[max(one, other)] = min(one, other)
    return {concept: root(concept) for concept in drawn}


def _distinct(renderings: list[tuple[str, Font, int, str]]) -> list[tuple[str, Font, int, str]]:
    """Without drawings that nearly equal another of their family: styles that do not differ, versions 5 and 6."""
    kept: list[tuple[tuple[str, Font, int, str], FloatArray]] = []
    for candidate in renderings:
        pixels = np.asarray(_ink(candidate[1], candidate[2], 64).resize((24, 24), Image.Resampling.BOX), np.float32)
        unit = pixels.ravel() / max(float(np.linalg.norm(pixels)), 1e-6)
        if all(candidate[0] != k[0] or float(unit @ u) < _ALIKE for k, u in kept):
            kept.append((candidate, unit))
    return [k for k, _ in kept]


@lru_cache(maxsize=64)
def _font(font: Font, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(io.BytesIO(font.data), size)


def _ink(font: Font, code: int, size: int) -> Image.Image:
    """The icon drawn at a font size, white on black, its ink fitted into a square."""
    canvas = Image.new("L", (4 * size, 4 * size), 0)
    ImageDraw.Draw(canvas).text((2 * size, 2 * size), chr(code), font=_font(font, size), fill=255, anchor="mm")
    ink = canvas.crop(canvas.getbbox() or (0, 0, 1, 1))
    side = round(max(ink.size) / 0.9)
    square = Image.new("L", (side, side), 0)
    square.paste(ink, ((side - ink.width) // 2, (side - ink.height) // 2))
    return square


def render(font: Font, code: int) -> bytes:
    """A PNG of the icon, black on white, its ink fitted into a square of 96 pixels."""
    buffer = io.BytesIO()
    ImageOps.invert(_ink(font, code, 256).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)).save(buffer, "PNG")
    return buffer.getvalue()
