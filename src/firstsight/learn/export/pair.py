"""What scores pairs, where no measure does, as an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper

from firstsight.learn.export.joining import OPSET
from firstsight.types import FloatArray

_IR = 10  # what runtimes of the last years read


def pair_graph(first: FloatArray, bias_first: FloatArray, last: FloatArray, *, scale: float, bias: float) -> bytes:
    """``scale * left . right + bias + last relu(first (|left - right|, left * right) + bias_first)``.

    Args:
        first: ``(hidden, 2 d)``.
        bias_first: ``(hidden,)``.
        last: ``(1, hidden)``.
        scale, bias: of the dot product.

    Returns:
        A graph from ``left, right (n, d)`` to ``scores (n,)``, float32.
    """
    dim = first.shape[1] // 2
    weights = {
        "first": first.T,
        "bias_first": bias_first,
        "last": last.T,
        "straight": np.full((dim, 1), scale),
        "bias": np.array([bias]),
        "axis": np.array([1], np.int64),
    }
    nodes = [
        ("Sub", ["left", "right"], "apart"),
        ("Abs", ["apart"], "difference"),
        ("Mul", ["left", "right"], "product"),
        ("Concat", ["difference", "product"], "features"),
        ("MatMul", ["features", "first"], "mapped"),
        ("Add", ["mapped", "bias_first"], "moved"),
        ("Relu", ["moved"], "rectified"),
        ("MatMul", ["rectified", "last"], "learned"),
        ("MatMul", ["product", "straight"], "cosine"),
        ("Add", ["learned", "cosine"], "summed"),
        ("Add", ["summed", "bias"], "column"),
        ("Squeeze", ["column", "axis"], "scores"),
    ]
    return _made(nodes, weights, dim)


def signed_graph(signs: FloatArray, *, bias: float) -> bytes:
    """``bias - signs . |left - right|``.

    Args:
        signs: ``(d,)``, each 1 or -1.
        bias: added.

    Returns:
        As :func:`pair_graph`.
    """
    weights = {"signs": -signs[:, None], "bias": np.array([bias]), "axis": np.array([1], np.int64)}
    nodes = [
        ("Sub", ["left", "right"], "apart"),
        ("Abs", ["apart"], "difference"),
        ("MatMul", ["difference", "signs"], "summed"),
        ("Add", ["summed", "bias"], "column"),
        ("Squeeze", ["column", "axis"], "scores"),
    ]
    return _made(nodes, weights, len(signs))


def _made(nodes: list[tuple[str, list[str], str]], weights: Mapping[str, npt.NDArray[np.generic]], dim: int) -> bytes:
    """A graph of operators ``(kind, takes, gives)``, from ``left, right (n, dim)`` to ``scores (n,)``."""
    made = [
        helper.make_node(kind, given, [name], None, None, None, None, **({"axis": 1} if kind == "Concat" else {}))
        for kind, given, name in nodes
    ]
    graph = helper.make_graph(
        made,
        "pair",
        [helper.make_tensor_value_info(side, TensorProto.FLOAT, ["n", dim]) for side in ("left", "right")],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n"])],
        [
            numpy_helper.from_array(np.ascontiguousarray(w, w.dtype if w.dtype == np.int64 else np.float32), name)
            for name, w in weights.items()
        ],
    )
    data: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR
    ).SerializeToString(deterministic=True)
    return data
