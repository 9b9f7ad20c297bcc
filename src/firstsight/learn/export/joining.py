"""ONNX graphs cut, renamed, brought to one version and joined end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, TensorProto, numpy_helper, version_converter

from firstsight.errors import ModelError, UsageError

OPSET = 20
"""Of the operators that torch exports; what is joined with them is brought up to it."""


INSIDE = "frozen"
"""Before the names of a pretrained network's tensors in the graph of a model."""


def widen(proto: ModelProto) -> None:
    """Hold in float32 again what is stored in float16 and cast when it is loaded, in place."""
    graph = proto.graph
    narrow = {t.name: t for t in graph.initializer if t.data_type == TensorProto.FLOAT16}
    kept = []
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in narrow:
            wide = numpy_helper.to_array(narrow[node.input[0]]).astype(np.float32)
            narrow[node.input[0]].CopyFrom(numpy_helper.from_array(wide, node.output[0]))
        else:
            kept.append(copied(node))
    del graph.node[:]
    graph.node.extend(kept)


def opset_of(proto: ModelProto) -> int:
    """The version of ONNX whose operators a graph uses."""
    return max((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), default=1)


def brought_to(opset: int, proto: ModelProto, source: str) -> ModelProto:
    """A graph whose operators are those of a later version of ONNX.

    Raises:
        ModelError: one of them can't be.
    """
    found = opset_of(proto)
    if found == opset:
        return proto
    try:
        made: ModelProto = version_converter.convert_version(proto, opset)
    except Exception as error:  # noqa: BLE001  the converter raises its own kinds
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{source} is of opset {found}, which can't be brought to {opset} ({reason}); export it again with opset "
            f"{OPSET}"
        ) from None
    return made


def cut(proto: ModelProto, inputs: Sequence[str], output: str, source: str) -> None:
    """Keep what leads from some tensors to another, in place.

    Raises:
        UsageError: there is no such tensor, or it does not depend on the inputs.
    """
    graph = proto.graph
    maker = {name: node for node in graph.node for name in node.output if name}
    wanted, kept, reached = [output], set[int](), False
    constants = {tensor.name for tensor in graph.initializer} | {s.values.name for s in graph.sparse_initializer}
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in seen or not name:
            continue
        seen.add(name)
        if name in inputs:
            reached = True
        elif name in maker:
            kept.add(id(maker[name]))
            wanted.extend(_taken(maker[name]))
        elif name not in constants:
            raise UsageError(f"{source} has no tensor {name!r}; name one of its outputs, or of what is inside it")
    if not reached:
        raise UsageError(f"{output!r} of {source} does not depend on the images; name another output")
    nodes = [node for node in graph.node if id(node) in kept]
    tensors = [tensor for tensor in graph.initializer if tensor.name in seen]
    sparse = [tensor for tensor in graph.sparse_initializer if tensor.values.name in seen]
    for field, values in ((graph.node, nodes), (graph.initializer, tensors), (graph.sparse_initializer, sparse)):
        copies = [copied(value) for value in values]
        del field[:]
        field.extend(copies)


def copied(value: Any) -> Any:
    """A message of its own, equal to another."""
    made = type(value)()
    made.CopyFrom(value)
    return made


def _taken(node: Any) -> list[str]:
    """Names that a node reads, those that its inner graphs read from outside among them."""
    names = list(node.input)
    for inner in _inner(node):
        own = {name for each in inner.node for name in each.output} | {value.name for value in inner.input}
        own |= {tensor.name for tensor in inner.initializer}
        read = [name for each in inner.node for name in _taken(each)] + [value.name for value in inner.output]
        names.extend(name for name in read if name not in own)
    return names


def _inner(node: Any) -> Iterable[GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def renamed(graph: GraphProto, name_of: Callable[[str], str]) -> None:
    """Give every tensor and node of a graph, and of those inside it, another name, in place."""

    def of(name: str) -> str:
        return name_of(name) if name else name

    for node in graph.node:
        node.name = of(node.name)
        for names in (node.input, node.output):
            names[:] = [of(name) for name in names]
        for inner in _inner(node):
            renamed(inner, name_of)
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = of(value.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = of(sparse.values.name)


def joined(*parts: tuple[str, ModelProto]) -> ModelProto:
    """Graphs end to end, each with a word before the names of its inner tensors; what one gives the next one takes.

    The tensors between two parts keep their names.
    """
    opset = max(opset_of(part) for _, part in parts)
    made: list[ModelProto] = []
    for word, part in parts:
        made.append(_marked(word, brought_to(opset, copied(part), word)))
    graph = onnx.helper.make_graph(
        [node for part in made for node in part.graph.node],
        "encoder",
        list(made[0].graph.input),
        list(made[-1].graph.output),
        [tensor for part in made for tensor in part.graph.initializer],
        sparse_initializer=[tensor for part in made for tensor in part.graph.sparse_initializer],
    )
    return onnx.helper.make_model(
        graph,
        opset_imports=[onnx.helper.make_opsetid("", opset)],
        ir_version=max(part.ir_version for part in made),
    )


def _marked(word: str, part: ModelProto) -> ModelProto:
    ends = {value.name for value in (*part.graph.input, *part.graph.output)}
    renamed(part.graph, lambda name: name if name in ends else f"{word}.{name}")
    return part
