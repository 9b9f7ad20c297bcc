"""A convolution of many channels by a large kernel, computed among frequencies."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp import custom_bwd, custom_fwd

from firstsight.errors import UsageError


class SpectralConv2d(nn.Module):
    """The convolution of square images, by steps of one and without a frame, which *learns* by way of frequencies.

    A product of spectra is a convolution (Mathieu, Henaff, LeCun, 2013, arXiv:1312.5851), and it needs a multiplication
    for each pair of channels and frequency where a kernel of 7 x 7 needs 49 for each pair and pixel: an eighteenth of
    them. The transforms are products with matrices of cosines here, because a library's transforms of 48 numbers cost
    what they save: images lie as (row, column, image, channel), so that every product is of whole blocks of memory. All
    of it is float32. In evaluation, and when a graph is exported, it is the plain convolution. It has the weights of
    ``nn.Conv2d``, under its names.

    Args:
        inner, outer: channels.
        kernel: side of the kernels, in pixels.

    Shapes: ``(b, inner, n, n)`` -> ``(b, outer, n - k + 1, n - k + 1)``, of the type that came.
    """

    def __init__(self, inner: int, outer: int, kernel: int) -> None:
        super().__init__()
        plain = nn.Conv2d(inner, outer, kernel)
        self.weight, self.bias = plain.weight, plain.bias

    def forward(self, images: Tensor) -> Tensor:
        """The convolution.

        Raises:
            UsageError: the images are not square.
        """
        if not self.training:
            return nn.functional.conv2d(images, self.weight, self.bias)
        if images.shape[-1] != images.shape[-2]:
            raise UsageError(
                f"images of {tuple(images.shape[-2:])} came, a convolution among frequencies takes squares"
            )
        with torch.autocast("cpu", enabled=False):
            made: Tensor = _Spectral.apply(images, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return made


class _Spectral(torch.autograd.Function):
    """``Y = X conj(W)`` for each frequency; its gradients are ``G W`` and ``X conj(G)``.

    Frequencies across are taken one by one (negative ones are the conjugates of others): what one of them needs is a
    few megabytes, which stay near the processor, where a whole spectrum has to be fetched from memory again and again.
    """

    @staticmethod
    @custom_fwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The maps ``(b, outer, m, m)``, of the images' type."""
        (many, inner, size, _), (outer, _, kernel, _) = images.shape, weight.shape
        keep = size - kernel + 1
        x, w = _across(images, size), _across(weight, size)
        kept = torch.empty(x.shape[1], 2, size, many, inner)
        made = torch.empty(2 * keep, x.shape[1], many * outer)
        for k, spectrum in enumerate(kept):
            torch.mm(_down(size, size), x[:, k], out=spectrum.view(2 * size, -1))
            y = _product(spectrum, _kernels(w[:, k], size, outer, inner).mT, -1)
            if k == 0:
                y[0, 0] += bias * size**2
            torch.mm(_up(keep, size), y.view(2 * size, -1), out=made[:, k])
        ctx.save_for_backward(kept, weight)
        ctx.kind = images.dtype
        return _placed(made, many, outer, size, images.dtype)

    @staticmethod
    @custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of images, kernels and bias, from those of the maps."""
        kept, weight = ctx.saved_tensors
        half, _, size, many, inner = kept.shape
        outer, _, kernel, _ = weight.shape
        g, w = _across(gradients[0], size), _across(weight, size)
        down = _down(size - kernel + 1, size)
        images, weights = torch.empty(2 * size, half, many * inner), torch.empty(2 * kernel, half, outer * inner)
        bias = torch.empty(outer)
        for k, spectrum in enumerate(kept):
            turned = (down @ g[:, k]).view(2, size, many, outer)
            if k == 0:
                bias = turned[0, 0].sum(0)
            made = _product(turned, _kernels(w[:, k], size, outer, inner), 1)
            torch.mm(_up(size, size), made.view(2 * size, -1), out=images[:, k])
            made = _product(spectrum.mT, turned, -1)
            torch.mm(_up(kernel, size), made.view(2 * size, -1), out=weights[:, k])
        learned = _placed(weights, inner, outer, size, torch.float32).transpose(0, 1)
        return _placed(images, many, inner, size, ctx.kind), learned, bias


def _across(images: Tensor, size: int) -> Tensor:
    """``(b, c, h, w)`` of any type, among frequencies across: ``(h and part, size // 2 + 1, b and c)`` float32."""
    there = images.permute(2, 3, 0, 1)
    blocks = torch.empty(there.shape, dtype=torch.float32).copy_(there).flatten(2)
    return torch.matmul(_forth(images.shape[-1], size), blocks).view(2 * len(blocks), size // 2 + 1, -1)


def _placed(made: Tensor, many: int, outer: int, size: int, kind: torch.dtype) -> Tensor:
    """What has frequencies across, as :func:`_across` gives it, as images ``(b, c, h, h)``, channels last."""
    keep = len(made) // 2
    blocks = torch.matmul(_back(keep, size), made.view(keep, -1, made.shape[-1]))
    there = blocks.view(keep, keep, many, outer).permute(2, 3, 0, 1)
    return torch.empty(there.shape, dtype=kind, memory_format=torch.channels_last).copy_(there)


def _kernels(across: Tensor, size: int, outer: int, inner: int) -> Tensor:
    """The kernels ``(kernel and part, outer and inner)`` of a frequency across, for each one down."""
    return (_down(len(across) // 2, size) @ across).view(2, size, outer, inner)


def _product(left: Tensor, right: Tensor, sign: int) -> Tensor:
    """Complex matrices ``(2, n, a, k)`` by ``(2, n, k, b)``, or by their conjugates where ``sign`` is -1."""
    (real, imaginary), (other, turned) = left, right
    made = torch.empty(*left.shape[:-1], right.shape[-1])
    torch.bmm(real, other, out=made[0])
    made[0].baddbmm_(imaginary, turned, alpha=-sign)
    torch.bmm(imaginary, other, out=made[1])
    made[1].baddbmm_(real, turned, alpha=sign)
    return made


@cache
def _forth(given: int, size: int) -> Tensor:
    """Real numbers at ``given`` places to frequencies: (part, ``size // 2 + 1``) by place."""
    angle = _angles(size, given)[: size // 2 + 1]
    return torch.cat([angle.cos(), -angle.sin()]).float()


@cache
def _down(given: int, size: int) -> Tensor:
    """Complex numbers at ``given`` places to frequencies: (part, ``size``) by (place, part)."""
    cosine, sine = _angles(size, given).cos(), _angles(size, given).sin()
    rows = torch.stack([torch.stack([cosine, sine], -1), torch.stack([-sine, cosine], -1)])
    return rows.reshape(2 * size, 2 * given).float()


@cache
def _up(keep: int, size: int) -> Tensor:
    """And back: (place, part) by (part, frequency)."""
    return (_down(keep, size).double().T / size).float()


@cache
def _back(keep: int, size: int) -> Tensor:
    """Frequencies to real numbers: place by (part, ``size // 2 + 1``); most of them stand for their conjugates too."""
    twice = torch.full((size // 2 + 1,), 2.0, dtype=torch.float64)
    twice[0] = 1.0
    if size % 2 == 0:
        twice[-1] = 1.0
    return (_forth(keep, size).double().T * twice.repeat(2) / size).float()


def _angles(size: int, places: int) -> Tensor:
    """``(size, places)`` float64: of each frequency at each place, in radians."""
    turns = torch.arange(size)[:, None] * torch.arange(places) % size
    return turns.double() * (2 * torch.pi / size)
