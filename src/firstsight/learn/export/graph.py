"""The network as an ONNX graph."""

from __future__ import annotations

from typing import Any

import onnx
import torch
from torch import Tensor, nn

from firstsight.inputs import Input
from firstsight.learn.backbones.layers import OnFrozen
from firstsight.learn.backbones.opening import GIVEN, MADE
from firstsight.learn.export.half import narrow
from firstsight.learn.export.joining import INSIDE, joined
from firstsight.learn.export.program import program, strip
from firstsight.learn.export.readable import Readable
from firstsight.learn.similarities.base import TorchSimilarity


def to_onnx(
    encoder: nn.Module, similarity: TorchSimilarity, reader: Input, views: int = 1, half: bool = False
) -> bytes:
    """The encoder as an ONNX graph in one file, stripped of what it tells about the machine it was made on.

    Args:
        encoder, similarity: what is exported.
        reader: whose readings it takes.
        views: as in :class:`Readable`.
        half: store what float16 can hold exactly in float16; the network should be ``rounded``.
    """
    readable = Readable(encoder, similarity, reader.shape[-1], views).eval()
    example = torch.zeros((2, *reader.shape), dtype=torch.uint8)
    if isinstance(encoder, OnFrozen):
        proto = _around(readable, encoder, example)
    else:
        proto = program(readable, example, "readings", "embeddings")
        _plain_pools(proto)
    if half:
        narrow(proto)
    made: bytes = proto.SerializeToString()
    return made


def _around(readable: Readable, encoder: OnFrozen, example: Tensor) -> Any:
    """What comes before a frozen network, it, and what comes after, in one graph."""
    views = 1 + len(readable.grids)
    images = torch.zeros(2 * views, *example.shape[1:])
    features = torch.from_numpy(encoder.backbone(images.numpy()))
    before = program(_Before(readable), example, "readings", GIVEN)
    after = program(_After(readable, encoder.layers), features, MADE, "embeddings", views)
    proto = joined(("before", before), (INSIDE, encoder.backbone.proto), ("after", after))
    strip(proto)
    return proto


class _Before(nn.Module):
    """Readings to images."""

    def __init__(self, readable: Readable) -> None:
        super().__init__()
        self.readable = readable

    def forward(self, readings: Tensor) -> Tensor:
        """``(n, c, h, w)`` uint8 -> ``(views * n, c, h, w)``."""
        return self.readable.spread(readings)


class _After(nn.Module):
    """Features to embeddings as they are compared."""

    def __init__(self, readable: Readable, layers: nn.Module) -> None:
        super().__init__()
        self.readable, self.layers = readable, layers

    def forward(self, features: Tensor) -> Tensor:
        """``(views * n, f)`` -> ``(n, d)``."""
        return self.readable.gather(self.layers(features))


def _plain_pools(proto: Any) -> None:
    """Where a pool's windows fill its input there is nothing to round up: say so, as runtimes are faster then."""
    inferred = onnx.shape_inference.infer_shapes(proto)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in inferred.graph.value_info}
    for node in proto.graph.node:
        if node.op_type == "AveragePool":
            given = {a.name: a for a in node.attribute}
            sides = shapes.get(node.input[0], [])[2:]
            kernel, strides = given["kernel_shape"].ints, given["strides"].ints
            if (
                sides
                and not any(given["pads"].ints)
                and all(side and (side - k) % s == 0 for side, k, s in zip(sides, kernel, strides, strict=True))
            ):
                given["ceil_mode"].i = 0


__all__ = ["strip", "to_onnx"]
