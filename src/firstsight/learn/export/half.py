"""Weights in half precision: rounded once, before export, so that what is stored is what is used, to the last bit.

Only kernels and matrices are rounded, which are all but a hundredth of the numbers. Vectors stay float32: a variance
that batch normalisation counted may lie beyond float16, and there is nothing to gain.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from firstsight.errors import TrainingError
from firstsight.learn.backbones.layers import OnFrozen

if TYPE_CHECKING:
    from onnx import ModelProto


def rounded(encoder: nn.Module) -> nn.Module:
    """A copy of a network whose kernels and matrices are float16 numbers (held in float32).

    Raises:
        TrainingError: a weight lies beyond float16, whose largest number is 65,504.
    """
    made = copy.deepcopy(encoder)
    if isinstance(made, OnFrozen):
        made.backbone = made.backbone.rounded()
    with torch.no_grad():
        for name, weights in made.state_dict().items():
            if _is_rounded(weights):
                narrow = weights.to(torch.float16)
                if not narrow.isfinite().all():
                    raise TrainingError(
                        f"{name} holds {float(weights.abs().max()):.3g}, half precision ends at 65504; "
                        "set export.half=false"
                    )
                weights.copy_(narrow)
    return made


def stored(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a rounded network as they are stored: kernels and matrices in float16, which loses nothing."""
    return {name: w.to(torch.float16) if _is_rounded(w) else w for name, w in weights.items()}


def _is_rounded(weights: Tensor) -> bool:
    return weights.is_floating_point() and weights.dim() > 1


def narrow(proto: ModelProto) -> None:
    """Store a graph's kernels and matrices in float16, in place, where that loses nothing; a Cast restores float32.

    A runtime works out the Cast of a constant once, when it loads the graph.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in proto.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        wide = numpy_helper.to_array(tensor)
        half = wide.astype(np.float16)
        if np.array_equal(half.astype(np.float32), wide):
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
            casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
