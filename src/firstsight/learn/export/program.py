"""A torch module as an ONNX graph."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import torch
from onnxscript.optimizer import fold_constants, remove_unused_nodes
from torch import Tensor, nn

from firstsight.errors import TrainingError
from firstsight.learn.export.joining import OPSET


def program(module: nn.Module, example: Tensor, given: str, made: str, times: int = 1) -> Any:
    """The graph of a module from ``given (n, ...)`` to ``made (n, ...)``, of any n, stripped.

    Args:
        module: in evaluation mode.
        example: what it takes, two or more of them.
        given, made: names of what it takes and gives.
        times: what n is a multiple of.

    Raises:
        TrainingError: the module can't be exported.
    """
    many = times * torch.export.Dim("n", min=1, max=1 << 20) if times > 1 else torch.export.Dim("n", min=1, max=1 << 20)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = torch.onnx.export(
            module,
            (example,),
            input_names=[given],
            output_names=[made],
            dynamic_shapes=({0: many},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
            optimize=False,
        )
    if exported is None:
        raise TrainingError("the encoder can't be exported to ONNX")
    # The exporter's own optimiser would also fold normalisation into the kernels, whose numbers float16 could not hold
    # then. Runtimes fold it when they load.
    fold_constants(exported.model)
    remove_unused_nodes(exported.model)
    proto = exported.model_proto
    strip(proto)
    return proto


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
