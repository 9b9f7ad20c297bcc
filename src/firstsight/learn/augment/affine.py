"""The affine distortions of Koch et al.: every component of the map is there with probability one half."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from firstsight.learn.augment.warp import affine_grid
from firstsight.learn.bounds import Amount, Share


def affine(
    images: Tensor,
    generator: torch.Generator,
    *,
    degrees: Amount = 10.0,
    shear: Amount = 0.3,
    scale: Share = 0.2,
    shift: Amount = 2.0,
    chance: Share = 0.5,
    share: Share = 1.0,
) -> Tensor:
    """Distorted copies of ``images (b, c, h, w)`` in 0..1, light strokes on 0.

    Source: Koch et al., 2015, section 3.2: rotation, shear and scale on either axis, and a move on either axis, all
    uniform. Deviation: eight distortions of every pair were drawn once there; here they are drawn anew each time.

    Args:
        degrees: rotation, up to so many degrees either way.
        shear: on either axis, up to this tangent.
        scale: of either axis, up to this share larger or smaller.
        shift: on either axis, up to so many pixels either way.
        chance: that a component is there at all.
        share: of the images that are distorted; eight of nine are where eight copies stand beside the original.
    """
    count, _, height, width = images.shape

    def spread(amount: float) -> Tensor:
        there = torch.rand(count, generator=generator) < chance
        return torch.where(there, (torch.rand(count, generator=generator) * 2 - 1) * amount, 0.0)

    angle, across, along = spread(math.radians(degrees)), spread(shear), spread(shear)
    wide, high = 1 + spread(scale), 1 + spread(scale)
    right, down = spread(shift) * 2 / width, spread(shift) * 2 / height
    cosine, sine = torch.cos(angle), torch.sin(angle)
    turn = torch.stack([cosine, -sine, sine, cosine], 1).view(-1, 2, 2)
    slant = torch.stack([torch.ones(count), across, along, torch.ones(count)], 1).view(-1, 2, 2)
    size = torch.diag_embed(torch.stack([wide, high], 1))
    inverse = torch.linalg.inv(turn @ slant @ size)  # a grid says where a pixel comes from
    theta = torch.cat([inverse, -inverse @ torch.stack([right, down], 1)[:, :, None]], 2)
    left_alone = torch.rand(count, generator=generator) >= share
    theta[left_alone] = torch.eye(2, 3)
    grid = affine_grid(theta, height, width).permute(0, 2, 3, 1)
    return functional.grid_sample(images, grid, padding_mode="zeros", align_corners=False)
