"""What matched: the map lies where two pictures agree, and nowhere else."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import firstsight
from drawn import Cli, Refused
from firstsight import api
from firstsight.inputs import GlyphInput, ImageInput
from firstsight.model import Model
from firstsight.report.overlay import GAP, SIDE
from firstsight.types import FloatArray, Map, PixelArray

PARTS: dict[str, list[list[tuple[int, int]]]] = {
    "zigzag": [[(4, 4), (40, 30), (6, 56), (42, 92)]],
    "triangle": [[(6, 80), (24, 10), (44, 80), (6, 80)]],
    "cross": [[(4, 50), (44, 50)], [(24, 20), (24, 84)]],
    "box": [[(6, 14), (44, 14), (44, 50), (6, 50), (6, 14)]],
}


def drawn(left: str, right: str, seed: int) -> PixelArray:
    """Two parts beside each other, by a hand that trembles a little."""
    hand = random.Random(seed)
    picture = Image.new("L", (124, 110), 255)
    pen = ImageDraw.Draw(picture)
    for part, x in ((left, 4), (right, 60)):
        for line in PARTS[part]:
            pen.line([(px + x + hand.uniform(-1.5, 1.5), py + 5 + hand.uniform(-1.5, 1.5)) for px, py in line], 0, 5)
    return np.asarray(picture)


def halves(heat: Map) -> tuple[float, float]:
    """How much of a map is in its left half and in its right one."""
    values = np.array(heat.values)
    assert values.shape == (heat.height, heat.width)
    left = float(values[:, : heat.width // 2].sum())
    return left, float(values.sum()) - left


@pytest.fixture(scope="module")
def glyphs() -> Model:
    """The shipped model."""
    return Model.load("glyphs")


@pytest.mark.parametrize("shared", PARTS)
def test_the_shared_part_carries_the_map(shared: str, glyphs: Model) -> None:
    """Two signs made of one common part and one of their own: the common one has most of both maps, on either side."""
    others = [part for part in PARTS if part != shared]
    at_shared = []
    for seed, (mine, yours) in enumerate(zip(others, others[1:] + others[:1], strict=True)):
        found = api.why(glyphs, drawn(shared, mine, seed), drawn(shared, yours, 50 + seed))
        turned = api.why(glyphs, drawn(mine, shared, seed), drawn(yours, shared, 50 + seed))
        at_shared += [left / (left + right) for left, right in map(halves, (found.left, found.right))]
        at_shared += [right / (left + right) for left, right in map(halves, (turned.left, turned.right))]
    assert np.mean(at_shared) > 0.6


def test_a_map_has_bounds_a_shape_and_no_chance(glyphs: Model) -> None:
    """Values are from 0 to 1, 1 is reached, the map has the picture's proportions, and again it is the same."""
    left, right = drawn("zigzag", "box", 1), np.asarray(Image.fromarray(drawn("zigzag", "cross", 2)).resize((300, 75)))
    found = firstsight.why("glyphs", left, right)
    assert (found.left.width, found.left.height) == (64, 57)
    assert (found.right.width, found.right.height) == (64, 16)
    values = np.concatenate([np.ravel(found.left.values), np.ravel(found.right.values)])
    assert values.min() == 0
    assert 0.5 < values.max() <= 1
    assert 0 < found.drop < 2
    assert api.why(glyphs, left, right) == found
    json.dumps(dataclasses.asdict(found))


def test_both_directions_are_asked(glyphs: Model) -> None:
    """Turning the pair round turns the maps round."""
    one, other = drawn("zigzag", "box", 1), drawn("zigzag", "cross", 2)
    there, back = api.why(glyphs, one, other), api.why(glyphs, other, one)
    assert (there.left, there.right) == (back.right, back.left)


def test_blank_paper_carries_nothing(glyphs: Model) -> None:
    """Where a sign stands in the corner of a large sheet, the map is there and the rest of the sheet has none."""
    sheet = np.full((500, 500), 255, np.uint8)
    sheet[380:490, 370:494] = drawn("zigzag", "box", 1)
    values = np.array(api.why(glyphs, sheet, drawn("zigzag", "box", 2)).left.values)
    assert values.sum() == pytest.approx(values[44:, 44:].sum())
    assert values[44:, 44:].max() > 0.5


def test_the_fall_is_that_of_the_score(glyphs: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an encoder that only weighs the ink of each quarter, what covers a quarter takes just its part away."""

    def quarters(self: Model, arrays: PixelArray) -> FloatArray:
        side = arrays.shape[-1] // 2
        ink = arrays.reshape(len(arrays), 2, side, 2, side).mean((2, 4)).reshape(len(arrays), 4) / 255
        return np.pad(ink, ((0, 0), (0, self.dim - 4))).astype(np.float32)

    monkeypatch.setattr(Model, "embed_arrays", quarters)
    left, right = np.full((2, 64, 64), 255, np.uint8)
    left[4:28, 4:28] = left[36:60, 36:60] = 0  # upper left and lower right
    right[4:28, 4:28] = right[4:28, 36:60] = right[36:60, 4:28] = 0  # all but lower right
    found = firstsight.why(glyphs, left, right)
    quarter = np.array(found.left.values)
    assert quarter[4:28, 4:28].mean() > 0.5
    assert quarter[40:, 40:].max() == 0
    assert np.array(found.right.values)[4:24, 44:].max() == 0


def test_where_nothing_matters_the_map_is_empty(glyphs: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder that answers the same to everything, but for rounding, gives maps of zeros, not of rounding."""
    hand = np.random.default_rng(0)

    def nearly(self: Model, arrays: PixelArray) -> FloatArray:
        return (0.05 + 2e-8 * hand.normal(size=(len(arrays), self.dim))).astype(np.float32)

    monkeypatch.setattr(Model, "embed_arrays", nearly)
    found = api.why(glyphs, drawn("zigzag", "box", 1), drawn("cross", "box", 2))
    assert found.drop == 0
    assert not np.any(found.left.values)
    assert not np.any(found.right.values)


def test_images_are_covered_too(tiny_model: Path, shapes: Path) -> None:
    """A model of images gives maps, though it has no paper to cover with."""
    found = api.why(tiny_model, shapes / "circle" / "0.png", shapes / "circle" / "1.png")
    assert (found.left.width, found.left.height) == (64, 64)
    assert found.drop > 0


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        (ImageInput(), (0, 0, 200, 100)),
        (ImageInput(fit="crop"), (50, 0, 150, 100)),
        (ImageInput(fit="pad"), (0, -50, 200, 150)),
    ],
)
def test_the_frame_of_an_image(reader: ImageInput, expected: tuple[int, ...]) -> None:
    """What the array of a picture shows is all of it, its middle square, or the square around it."""
    assert reader.frame(reader.read(np.zeros((100, 200, 3), np.uint8)).boxes[0]) == expected


def test_the_frame_of_a_glyph() -> None:
    """The frame has the ink in its middle, with the margin that the array has."""
    paper = np.full((100, 200), 255, np.uint8)
    paper[30:70, 120:140] = 0
    reader = GlyphInput(size=48, extent=40)
    assert reader.frame(reader.read(paper).boxes[0]) == pytest.approx((106, 26, 154, 74))


def test_the_command_writes_a_picture(tiny_model: Path, shapes: Path, tmp_path: Path, cli: Cli) -> None:
    """``compare --why`` answers as without it, and leaves a picture of both beside each other."""
    pair = [shapes / "circle" / "0.png", shapes / "circle" / "1.png"]
    plain, told = cli("compare", tiny_model, *pair), cli("compare", tiny_model, *pair, "--why", tmp_path / "why.png")
    assert (plain.code, plain.out) == (told.code, told.out)
    with Image.open(tmp_path / "why.png") as picture:
        assert picture.size == (2 * SIDE + GAP, SIDE)
        colours = np.asarray(picture.convert("RGB")).astype(int)
    assert (colours[..., 0] - colours[..., 2]).max() > 50


def test_a_picture_that_cannot_be_written_is_said(tiny_model: Path, picture: Path, refused: Refused) -> None:
    """A folder that can't be made is a failure in a sentence, not a lost picture."""
    refused(3, ("compare", tiny_model, picture, picture, "--why", picture / "why.png"), "why.png")
