"""A pretrained network from an ONNX file, which may come from anybody: read as data, checked, fitted to readings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

from firstsight.errors import ModelError, UsageError
from firstsight.files import FILE, expanded, read_file, state_of
from firstsight.graphs.network import network
from firstsight.graphs.wire_format import WireError
from firstsight.learn.export.joining import OPSET, brought_to, copied, cut, opset_of, renamed
from firstsight.spec import MAX_WEIGHTS

GIVEN, MADE = "images", "features"
"""Names of what a fitted graph takes and gives."""
_EXTERNAL = "refers to another file, which a network may not; save it with its weights inside"


def read(file: str, sha256: str = "") -> bytes:
    """The bytes of an ONNX file.

    Args:
        file: its path.
        sha256: what they must hash to; "" for whatever they do.

    Raises:
        UsageError: there is no such file, or none was named.
        ModelError: it is too large, can't be read, or hashes to something else.
    """
    if not file:
        raise UsageError("encoder 'onnx' is a pretrained network in a file; name it: encoder.file=network.onnx")
    path = expanded(file)
    if state_of(path) != FILE:
        raise UsageError(f"encoder.file: {path} {state_of(path)}, an ONNX file was expected")
    data = read_file(path, MAX_WEIGHTS, ModelError, "take a smaller network")
    found = hashlib.sha256(data).hexdigest()
    if sha256 and found != sha256.lower():
        raise ModelError(f"{path} hashes to {found}, encoder.sha256 says {sha256}; fetch the network again")
    return data


def opened(data: bytes, source: str) -> ModelProto:
    """The network in the bytes of an ONNX file, if it is one of standard operators, whole, with one input.

    Args:
        data: not trusted.
        source: its name in messages.

    Raises:
        ModelError: it is not; says what it is.
    """
    try:
        proto = onnx.load_model_from_string(data)
        graphs = list(_graphs(proto.graph))
    except Exception as error:  # noqa: BLE001  protobuf raises its own kinds
        raise ModelError(f"{source} is not an ONNX network ({str(error).splitlines()[0] or 'empty'})") from None
    if not proto.graph.node:
        raise ModelError(f"{source} is not an ONNX network (it holds no operators)")
    if any(tensor.data_location == TensorProto.EXTERNAL for graph in graphs for tensor in _tensors(graph)):
        raise ModelError(f"{source} {_EXTERNAL}")
    if proto.functions:
        raise ModelError(f"{source} holds functions of its own; inline them with onnx.inliner.inline_local_functions")
    strange = sorted({node.domain for graph in graphs for node in graph.node} - {"", "ai.onnx"})
    if strange:
        raise ModelError(f"{source} asks for operators of {strange[0]!r}, only those of ONNX itself are run")
    constants = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in constants]
    del proto.graph.input[:]
    proto.graph.input.extend(inputs)
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise ModelError(f"{source} has {len(inputs)} inputs ({names}), one was expected: the images")
    try:
        network(data)
    except WireError as error:
        raise ModelError(f"{source} is no network that can be run ({error})") from None
    return proto


def fitted(
    proto: ModelProto,
    source: str,
    shape: tuple[int, int, int],
    *,
    output: str = "",
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
    pooled: bool = False,
) -> bytes:
    """A network as a graph from ``images (n, c, h, w)`` float32 in 0..1 to ``features``, of any number of images.

    Args:
        proto: as :func:`opened` gives it.
        source: its name in messages.
        shape: ``(c, h, w)`` of a reading.
        output: the tensor to take, inside the network or at its end; "" for its only output.
        mean, std: what images are brought to, ``(x - mean) / std``: one number, or one a channel.
        pooled: take the mean of a map of features over its places.

    Raises:
        UsageError: the network takes images of another shape (both are named), or has no such output.
        ModelError: its operators are too old to be joined with others.
    """
    checked_scale(shape[0], mean, std)
    [given] = proto.graph.input
    kind = given.type.tensor_type
    dims = [d.dim_value for d in kind.shape.dim]  # 0 where any size will do
    if kind.elem_type != TensorProto.FLOAT or len(dims) != 4:
        element = TensorProto.DataType.Name(kind.elem_type).lower()
        raise UsageError(f"{source} takes {element} of {len(dims)} dimensions, float32 images (n, c, h, w) are given")
    last = dims[3] in (1, 3) and dims[1] not in (1, 3)  # TensorFlow's order: channels last
    takes = (dims[3], dims[1], dims[2]) if last else (dims[1], dims[2], dims[3])
    if any(want and want != have for want, have in zip(takes, shape, strict=True)):
        mends = [f"input.channels={takes[0]}"] * (takes[0] not in (0, shape[0]))
        mends += [f"input.size={takes[1]}"] * (takes[1] not in (0, shape[1]) and takes[1] == takes[2])
        mend = f"set {' '.join(mends)}" if mends else "take a network for such images"
        raise UsageError(f"{source} takes images of shape {_said(takes)}, readings have {_said(shape)}; {mend}")
    proto = brought_to(max(OPSET, opset_of(proto)), copied(proto), source)
    ends = [value.name for value in proto.graph.output]
    if not output and len(ends) != 1:
        raise UsageError(f"{source} has {len(ends)} outputs ({', '.join(ends)}); name one: encoder.output={ends[0]}")
    cut(proto, [given.name], output or ends[0], source)
    end = output or ends[0]
    renamed(proto.graph, lambda name: f"network.{name}")
    before = _before(f"network.{given.name}", last=last)
    nodes = [*before, *proto.graph.node, *_after(f"network.{end}", last=last, pooled=pooled)]
    for name, values in (("mean", mean), ("std", std)):
        array = np.asarray(values, np.float32).reshape(1, -1, 1, 1)
        proto.graph.initializer.append(numpy_helper.from_array(array, name))
    del proto.graph.node[:], proto.graph.input[:], proto.graph.output[:], proto.graph.value_info[:]
    proto.graph.node.extend(nodes)
    proto.graph.input.append(helper.make_tensor_value_info(GIVEN, TensorProto.FLOAT, ["n", *shape]))
    proto.graph.output.append(helper.make_tensor_value_info(MADE, TensorProto.FLOAT, None))
    data: bytes = proto.SerializeToString(deterministic=True)
    return data


def checked_scale(channels: int, mean: Sequence[float], std: Sequence[float]) -> None:
    """Refuse a scale that no image can be brought to.

    Raises:
        UsageError: another number of values than 1 or one a channel, or a deviation that is not above 0.
    """
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, channels):
            raise UsageError(
                f"encoder.{name} holds {len(values)} numbers, 1 or {channels} (one a channel) were expected"
            )
    if min(std) <= 0:
        raise UsageError(f"encoder.std is {list(std)}, numbers above 0 were expected")


def _before(into: str, *, last: bool) -> list[Any]:
    scaled = "scaled" if last else into
    nodes = [
        helper.make_node("Sub", [GIVEN, "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], [scaled]),
    ]
    return [*nodes, helper.make_node("Transpose", [scaled], [into], perm=[0, 2, 3, 1])] if last else nodes


def _after(end: str, *, last: bool, pooled: bool) -> list[Any]:
    if not pooled:
        return [helper.make_node("Identity", [end], [MADE])]
    turned = [helper.make_node("Transpose", [end], ["turned"], perm=[0, 3, 1, 2])] if last else []
    pool = helper.make_node("GlobalAveragePool", ["turned" if last else end], ["pooled"])
    return [*turned, pool, helper.make_node("Flatten", ["pooled"], [MADE], axis=1)]


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _graphs(inner)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for one in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (one.values, one.indices)


def _said(shape: Sequence[int]) -> str:
    return f"({', '.join(str(side or 'any') for side in shape)})"


__all__ = ["GIVEN", "MADE", "checked_scale", "fitted", "opened", "read"]
