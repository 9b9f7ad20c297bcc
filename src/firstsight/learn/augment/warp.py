"""Augmentation on whole batches of tensors: one affine and elastic warp, strokes made thicker, thinner or hollow."""

from __future__ import annotations

import math
from functools import cache
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional

from firstsight.learn.bounds import Amount, Bounds, Share


def augment(
    images: Tensor,
    generator: torch.Generator,
    *,
    degrees: Annotated[float, Bounds(0, 180)] = 10.0,
    scale: Share = 0.1,
    stretch: Share = 0.1,
    shear: Amount = 0.1,
    shift: Share = 0.05,
    elastic: Share = 0.0,
    knots: Annotated[int, Bounds(2, 64)] = 5,
    thicken: Share = 0.0,
    outline: Share = 0.0,
    brightness: Share = 0.0,
    erase: Share = 0.0,
    mirror: bool = False,
) -> Tensor:
    """Randomly altered copies of ``images (b, c, h, w)`` in 0..1.

    Args:
        degrees: rotation, up to so many degrees either way.
        scale, stretch: change of size, and of width against height, up to this share.
        shear: slant, as the tangent of its angle.
        shift: move, as a share of the side.
        elastic: standard deviation of a smooth displacement, as a share of half the side.
        knots: points a side of the lattice the displacement is drawn on.
        thicken: probability that light strokes grow or shrink by a pixel.
        outline: probability that filled shapes become their outline.
        brightness: change of brightness and contrast, up to this share.
        erase: probability that a rectangle (up to 40 % a side) is blanked.
        mirror: also mirror left and right, with probability 1/2.
    """
    count, _, height, width = images.shape
    if thicken or outline:
        images = _strokes(images, generator, thicken, outline)

    def spread(amount: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * amount

    angle = spread(math.radians(degrees))
    size, ratio, slant = torch.exp(spread(scale)), torch.exp(spread(stretch)), spread(shear)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    wide, high = size * ratio, size / ratio
    theta = torch.empty(count, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1], theta[:, 0, 2] = (
        wide * cosine,
        wide * (slant * cosine - sine),
        spread(2 * shift),
    )
    theta[:, 1, 0], theta[:, 1, 1], theta[:, 1, 2] = (
        high * sine,
        high * (slant * sine + cosine),
        spread(2 * shift),
    )
    if mirror:
        theta[:, :, 0] *= (torch.rand(count, 1, generator=generator) < 0.5).float() * 2 - 1
    grid = affine_grid(theta, height, width)
    if elastic:
        coarse = torch.randn(count, 2, knots, knots, generator=generator) * elastic
        grid = grid + bicubic(height, knots) @ coarse @ bicubic(width, knots).T
    grid = grid.permute(0, 2, 3, 1)
    padding = "zeros" if images.shape[1] == 1 else "reflection"
    warped = functional.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)
    if brightness:
        gain, offset = 1 + spread(brightness), spread(brightness) / 2
        mean = warped.mean((1, 2, 3), keepdim=True)
        warped = ((warped - mean) * gain[:, None, None, None] + mean + offset[:, None, None, None]).clamp(0, 1)
    return _erase(warped, generator, erase) if erase else warped


def turn(images: Tensor, labels: Tensor, classes: int, turns: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Quarter turns (and mirror images) as new classes: a turned glyph is another glyph.

    Args:
        images: ``(b, c, s, s)``.
        labels: ``(b,)`` in 0..classes - 1.
        classes: number of classes before turning.
        turns: 1 (none), 4 (quarter turns) or 8 (and mirrored).

    Returns:
        Images of the same shape and labels in 0..classes * turns - 1. Examples of one label in one batch turn alike,
        so that positives stay positives.
    """
    if turns == 1:
        return images, labels
    choice = torch.randint(turns, (classes,), generator=generator)[labels]
    return turned(images, choice), labels + classes * choice


def turned(images: Tensor, choice: Tensor) -> Tensor:
    """Each of ``images (b, c, s, s)`` by ``choice (b,)`` quarter turns; from 4 on mirrored first."""
    result = images.clone()
    for k in range(1, 8):
        chosen = choice == k
        some = images[chosen]
        if k >= 4:
            some = some.flip(-1)
        result[chosen] = torch.rot90(some, k % 4, (2, 3))
    return result


def affine_grid(theta: Tensor, height: int, width: int) -> Tensor:
    """Where each pixel of a copy looks in its image: ``(b, 2, h, w)`` in -1..1, x before y.

    As ``torch.nn.functional.affine_grid``, several times as fast.

    Args:
        theta: ``(b, 2, 3)`` affine maps.
    """
    x, y = _middles(width), _middles(height)
    return (theta[:, :, 0, None] * x)[:, :, None, :] + (theta[:, :, 1, None] * y + theta[:, :, 2, None])[:, :, :, None]


@cache
def bicubic(side: int, knots: int) -> Tensor:
    """From ``(knots, ...)`` values to a smooth curve of ``side`` points: bicubic interpolation as a matrix."""
    peaks = torch.eye(knots)[None, :, :, None]
    smooth = functional.interpolate(peaks, (side, 1), mode="bicubic", align_corners=True)
    return smooth[0, :, :, 0].T.contiguous()


@cache
def _middles(side: int) -> Tensor:
    return (torch.arange(side) * 2 + 1) / side - 1


def _strokes(images: Tensor, generator: torch.Generator, thicken: float, outline: float) -> Tensor:
    draw = torch.rand(len(images), generator=generator)[:, None, None, None]
    wide = functional.max_pool2d(images, 3, 1, 1)
    narrow = -functional.max_pool2d(-images, 3, 1, 1)
    out = torch.where(draw < thicken / 2, wide, images)
    out = torch.where((draw >= thicken / 2) & (draw < thicken), narrow, out)
    if outline:
        draw = torch.rand(len(images), generator=generator)[:, None, None, None]
        core = -functional.max_pool2d(-images, 5, 1, 2)
        thick = torch.rand(len(images), generator=generator)[:, None, None, None] < 0.5
        edge = (images - torch.where(thick, core, narrow)).clamp_min(0)
        # Only shapes with a core have an outline that differs from themselves.
        filled = core.amax((1, 2, 3), keepdim=True) > 0.5
        out = torch.where((draw < outline) & filled, edge, out)
    return out


def _erase(images: Tensor, generator: torch.Generator, probability: float) -> Tensor:
    count, _, height, width = images.shape
    box = torch.rand(count, 4, generator=generator)
    span = 0.1 + 0.3 * box[:, :2]
    start = box[:, 2:] * (1 - span)
    rows = torch.linspace(0, 1, height)[None, :, None]
    columns = torch.linspace(0, 1, width)[None, None, :]
    inside = (rows >= start[:, 0, None, None]) & (rows < (start + span)[:, 0, None, None])
    inside = inside & (columns >= start[:, 1, None, None]) & (columns < (start + span)[:, 1, None, None])
    hit = torch.rand(count, 1, 1, generator=generator) < probability
    fill = images.mean((2, 3), keepdim=True) if images.shape[1] == 3 else torch.zeros(count, 1, 1, 1)
    return torch.where((inside & hit)[:, None], fill, images)
