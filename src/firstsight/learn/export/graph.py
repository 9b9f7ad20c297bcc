"""The network as an ONNX graph."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import onnx
import torch
from onnxscript.optimizer import fold_constants, remove_unused_nodes
from torch import nn

from firstsight.errors import TrainingError
from firstsight.inputs import Input
from firstsight.learn.export.half import narrow
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
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            readable,
            (example,),
            input_names=["readings"],
            output_names=["embeddings"],
            dynamic_shapes=({0: torch.export.Dim("n", min=1, max=1 << 20)},),
            dynamo=True,
            external_data=False,
            verbose=False,
            optimize=False,
        )
    if program is None:
        raise TrainingError("the encoder can't be exported to ONNX")
    # The exporter's own optimiser would also fold normalisation into the kernels, whose numbers float16 could not hold
    # then. Runtimes fold it when they load.
    fold_constants(program.model)
    remove_unused_nodes(program.model)
    proto = program.model_proto
    strip(proto)
    _plain_pools(proto)
    if half:
        narrow(proto)
    made: bytes = proto.SerializeToString()
    return made


def strip(proto: Any) -> None:
    """Remove stack traces, source paths and module names, which tell of the machine and change from run to run."""
    del proto.metadata_props[:]
    proto.doc_string = ""
    del proto.graph.metadata_props[:]
    proto.graph.doc_string = ""
    for item in (*proto.graph.node, *proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        del item.metadata_props[:]
        item.doc_string = ""
    for tensor in proto.graph.initializer:
        del tensor.metadata_props[:]
        tensor.doc_string = ""


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
