"""Encoders on a pretrained network: layers on its features, the network frozen or learning with them."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from firstsight.errors import UsageError
from firstsight.learn.backbones.frozen import Frozen


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a pretrained network comes from.

    Attributes:
        name: of its file, wheel or class.
        sha256: of the file, or of a module's weights.
        licence: as the user or the wheel states it; "" where nobody did.
    """

    name: str
    sha256: str
    licence: str = ""


class OnFrozen(nn.Module):
    """Layers on the features of a network that stays as it is.

    Args:
        backbone: the network.
        layers: what is learned, from ``(b, f)`` to ``(b, dim)``.
        origin: of the network.

    Shapes: ``(b, c, h, w)`` float32 in 0..1 -> ``(b, dim)`` float32.
    """

    def __init__(self, backbone: Frozen, layers: nn.Sequential, origin: Origin) -> None:
        super().__init__()
        self.backbone, self.layers, self.origin = backbone, layers, origin

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings, not yet normalised."""
        embeddings: Tensor = self.layers(torch.from_numpy(self.backbone(images.detach().numpy())))
        return embeddings


class Tuned(nn.Module):
    """Layers on a pretrained network that learns with them.

    Args:
        network: from images to features ``(b, f)``, or a map of them ``(b, f, h, w)``, which is averaged.
        layers: from ``(b, f)`` to ``(b, dim)``.
        origin: of the network.
        mean, std: what images are brought to, ``(x - mean) / std``: one number, or one a channel.

    Shapes: ``(b, c, h, w)`` float32 in 0..1 -> ``(b, dim)`` float32.
    """

    def __init__(
        self, network: nn.Module, layers: nn.Sequential, origin: Origin, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        super().__init__()
        self.body = Scaled(network, mean, std)
        self.layers, self.origin = layers, origin

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings, not yet normalised."""
        embeddings: Tensor = self.layers(self.body(images))
        return embeddings


class Scaled(nn.Module):
    """A network on images that are brought to its scale first; its features are averaged over their places."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """``(b, c, h, w)`` float32 in 0..1 -> features ``(b, f)``."""
        features: Tensor = self.network((images - self.mean) / self.std)
        return features.mean((2, 3)) if features.dim() == 4 else features


def layers(features: int, dim: int, hidden: int, dropout: float) -> nn.Sequential:
    """One linear map; or batch normalisation and two, with a ReLU between.

    Args:
        features: f.
        dim: length of the embedding.
        hidden: units of the layer between; 0 for none.
        dropout: share of these dropped in training.
    """
    if not hidden:
        return nn.Sequential(nn.Linear(features, dim))
    between = (nn.BatchNorm1d(features), nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(dropout))
    return nn.Sequential(*between, nn.Linear(hidden, dim))


def width_of(network: nn.Module, source: str, shape: tuple[int, int, int], scale: tuple[Sequence[float], ...]) -> int:
    """How many features a module gives for images of a shape ``(c, h, w)``.

    Raises:
        UsageError: it takes images of another shape, or gives something else; says both shapes.
    """
    first = next((m for m in network.modules() if isinstance(m, nn.Conv2d)), None)
    if first is not None and first.in_channels != shape[0]:
        raise UsageError(
            f"{source} takes images of shape ({first.in_channels}, any, any), readings have {shape}; "
            f"set input.channels={first.in_channels}"
        )
    try:
        with torch.inference_mode():
            made = Scaled(network, *scale).eval()(torch.zeros(2, *shape))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise UsageError(f"{source} can't take images of shape {shape} ({str(error).splitlines()[0][:200]})") from None
    if not isinstance(made, Tensor) or made.dim() != 2 or len(made) != 2:
        given = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
        raise UsageError(f"{source} gives {given} for 2 images, (2, f) or a map (2, f, h, w) was expected")
    return int(made.shape[1])


def weights_hash(network: nn.Module) -> str:
    """Hash of a module's weights, by name."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}|".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def own(network: nn.Module) -> nn.Module:
    """A copy that training may change; the caller's stays as it is, whatever mode it is in."""
    return copy.deepcopy(network)
