"""An ONNX network read as data: nodes, constants, and what goes in and comes out.

Only what an encoder needs is known: no graphs inside operators, no functions, no training, no sequences, no sparse or
outside tensors, so that what could branch, loop or reach another file can't be written down.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from firstsight.graphs.wire_format import Schema, Span, Wire, WireError, signed

Array: TypeAlias = npt.NDArray[Any]
FLOAT, INT64, BOOL, BFLOAT16 = 1, 7, 9, 16
DTYPES: dict[int, Any] = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_,
    10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64,
}  # fmt: skip
"""NumPy's types by ONNX's numbers of them."""
SMALL = 4096
"""Numbers of a constant of which shapes may be made."""
_SIZES = {**{kind: np.dtype(dtype).itemsize for kind, dtype in DTYPES.items()}, BFLOAT16: 2}
_NODES = 20_000
_RANK = 8

_MODEL: Schema = {
    1: ("ir_version", "int"), 2: ("producer_name", "skip"), 3: ("producer_version", "skip"), 4: ("domain", "skip"),
    5: ("model_version", "skip"), 6: ("doc_string", "skip"), 7: ("graph", "bytes"), 8: ("opset_import", "many"),
    14: ("metadata_props", "skip"), 20: ("training_info", "many"), 25: ("functions", "many"),
}  # fmt: skip
_OPSET: Schema = {1: ("domain", "bytes"), 2: ("version", "int")}
_GRAPH: Schema = {
    1: ("node", "many"), 2: ("name", "skip"), 5: ("initializer", "many"), 10: ("doc_string", "skip"),
    11: ("input", "many"), 12: ("output", "many"), 13: ("value_info", "many"), 14: ("annotation", "skip"),
    15: ("sparse_initializer", "many"), 16: ("metadata_props", "skip"),
}  # fmt: skip
_NODE: Schema = {
    1: ("input", "many"), 2: ("output", "many"), 3: ("name", "bytes"), 4: ("op_type", "bytes"),
    5: ("attribute", "many"), 6: ("doc_string", "skip"), 7: ("domain", "bytes"), 8: ("overload", "bytes"),
    9: ("metadata_props", "skip"),
}  # fmt: skip
_ATTRIBUTE: Schema = {
    1: ("name", "bytes"), 2: ("f", "float"), 3: ("i", "int"), 4: ("s", "bytes"), 5: ("t", "bytes"), 6: ("g", "bytes"),
    7: ("floats", "floats"), 8: ("ints", "ints"), 11: ("graphs", "many"), 13: ("doc_string", "skip"),
    20: ("type", "int"), 21: ("ref_attr_name", "bytes"),
}  # fmt: skip
_TENSOR: Schema = {
    1: ("dims", "ints"), 2: ("data_type", "int"), 4: ("float_data", "packed"), 5: ("int32_data", "packed"),
    7: ("int64_data", "packed"), 8: ("name", "bytes"), 9: ("raw_data", "bytes"), 10: ("double_data", "packed"),
    11: ("uint64_data", "packed"), 12: ("doc_string", "skip"), 13: ("external_data", "many"),
    14: ("data_location", "int"), 16: ("metadata_props", "skip"),
}  # fmt: skip
_VALUE: Schema = {
    1: ("name", "bytes"), 2: ("type", "bytes"), 3: ("doc_string", "skip"), 4: ("metadata_props", "skip")
}  # fmt: skip
_TYPE: Schema = {1: ("tensor_type", "bytes"), 6: ("denotation", "skip")}
_TENSOR_TYPE: Schema = {1: ("elem_type", "int"), 2: ("shape", "bytes")}
_SHAPE: Schema = {1: ("dim", "many")}
_DIM: Schema = {1: ("value", "int"), 2: ("param", "bytes"), 3: ("denotation", "skip")}
_DATA = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")
_HELD_IN = {1: _DATA[0], 7: _DATA[2], 11: _DATA[3], 12: _DATA[4], 13: _DATA[4]}  # the others in int32_data
_ATTRIBUTE_TYPES = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints"}


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor that the file holds.

    Attributes:
        kind: ONNX's number of its type.
        shape: of it; the file holds exactly so many numbers.
        value: its numbers, where they are few.
    """

    kind: int
    shape: tuple[int, ...]
    value: Array | None


@dataclass(frozen=True, slots=True)
class Node:
    """An operator applied to tensors, by their names; "" is one that is left out."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Declared:
    """A tensor as the file declares it: its type, and its shape with None for sides of any size; None for none."""

    kind: int
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class Network:
    """What an ONNX file holds.

    Attributes:
        opset: version of the operators.
        nodes: in the order in which they run.
        constants, inputs, outputs, inner: by name.
    """

    opset: int
    nodes: list[Node]
    constants: dict[str, Constant]
    inputs: dict[str, Declared]
    outputs: dict[str, Declared]
    inner: dict[str, Declared]


def network(data: bytes) -> Network:
    """The network in the bytes of an ONNX file.

    Raises:
        WireError: it is none, or has what a network of an encoder does not; says what.
    """
    wire = Wire(data)
    model = wire.message((0, len(data)), _MODEL)
    if model.get("functions") or model.get("training_info"):
        raise WireError("it holds functions or training of its own, which a model may not")
    if "graph" not in model:
        raise WireError("it holds no network")
    domains = [wire.message(span, _OPSET) for span in model.get("opset_import", [])]
    versions = [d.get("version", 0) for d in domains if wire.text(d.get("domain")) in ("", "ai.onnx")]
    if len(versions) != 1 or not 7 <= versions[0] <= 1000:
        raise WireError(f"its operators are of version {versions}, one from 7 on was expected")
    graph = wire.message(model["graph"], _GRAPH)
    if graph.get("sparse_initializer"):
        raise WireError("it holds sparse tensors, which a model may not")
    if not 1 <= len(graph.get("node", [])) <= _NODES:
        raise WireError(f"it has {len(graph.get('node', [])):,} operators, 1 to {_NODES:,} were expected")
    constants: dict[str, Constant] = {}
    for span in graph.get("initializer", []):
        name, constant = _constant(wire, span)
        if name in constants or not name:
            raise WireError(f"constant {name!r} comes twice or has no name")
        constants[name] = constant
    ends = [_declared(wire, graph.get(key, [])) for key in ("input", "output", "value_info")]
    inputs = {name: value for name, value in ends[0].items() if name not in constants}
    nodes = [_node(wire, span) for span in graph["node"]]
    return Network(versions[0], nodes, constants, inputs, ends[1], ends[2])


def _node(wire: Wire, span: Span) -> Node:
    found = wire.message(span, _NODE)
    op, domain = wire.text(found.get("op_type")), wire.text(found.get("domain"))
    if domain not in ("", "ai.onnx") or found.get("overload", (0, 0)) != (0, 0):
        raise WireError(f"it asks for an operator {op!r} of {domain!r}, only those of ONNX itself are run")
    attributes: dict[str, Any] = {}
    for each in found.get("attribute", []):
        name, value = _attribute(wire, each, op)
        if name in attributes:
            raise WireError(f"{name} of {op} comes twice")
        attributes[name] = value
    names = [tuple(wire.text(s) for s in found.get(key, [])) for key in ("input", "output")]
    return Node(op, names[0], names[1], attributes)


def _attribute(wire: Wire, span: Span, op: str) -> tuple[str, Any]:
    found = wire.message(span, _ATTRIBUTE)
    name = wire.text(found.pop("name", None))
    if found.keys() & {"g", "graphs"}:
        raise WireError(f"{op} holds a graph of its own ({name}), which could loop or branch: a model may not")
    key = _ATTRIBUTE_TYPES.get(found.pop("type", 0))
    if key is None or not found.keys() <= {key}:
        raise WireError(f"{name} of {op} is of a type that no encoder needs")
    value = found.get(key)
    if key == "i":
        return name, signed(value or 0)
    if key == "ints":
        return name, [signed(v) for v in value or []]
    if key == "f":
        return name, _float(wire, value) if value else 0.0
    if key == "floats":
        return name, [_float(wire, v) for v in value or []]
    if value is None:
        raise WireError(f"{name} of {op} has no value")
    return name, wire.text(value) if key == "s" else _constant(wire, value)[1]


def _float(wire: Wire, span: Span) -> float:
    return float(struct.unpack("<f", wire.data[slice(*span)])[0])


def _constant(wire: Wire, span: Span) -> tuple[str, Constant]:
    found = wire.message(span, _TENSOR)
    name, kind = wire.text(found.get("name")), found.get("data_type", 0)
    if found.get("data_location") or found.get("external_data"):
        raise WireError(f"constant {name!r} refers to another file, which a model may not")
    if kind not in _SIZES:
        raise WireError(f"constant {name!r} is of type {kind}, numbers were expected")
    shape = tuple(signed(d) for d in found.get("dims", []))
    if len(shape) > _RANK or min(shape, default=0) < 0:
        raise WireError(f"constant {name!r} has the shape {shape[: _RANK + 1]}")
    count = math.prod(shape)
    raw, held = found.get("raw_data"), [key for key in _DATA if key in found]
    if raw is not None and not held:
        good = raw[1] - raw[0] == count * _SIZES[kind]
    else:
        good = raw is None and held in ([], [key := _HELD_IN.get(kind, "int32_data")])
        good = good and (_held(wire, found[key], key) if held else 0) == count
    if not good:
        raise WireError(f"constant {name!r} does not hold the numbers that its shape {shape} tells")
    few = kind in DTYPES and count <= SMALL
    return name, Constant(kind, shape, _numbers(wire, found, kind).reshape(shape) if few else None)


def _held(wire: Wire, parts: list[Any], key: str) -> int:
    """How many numbers the parts of a data field hold, each a stretch or a number alone."""
    size = {"float_data": 4, "double_data": 8}.get(key)
    total = 0
    for part in parts:
        if isinstance(part, int):
            total += size is None
        elif size is not None:
            total += (part[1] - part[0]) // size if not (part[1] - part[0]) % size else -1 << 62
        else:  # the last byte of each number is below 128
            held = np.frombuffer(wire.data, np.uint8, part[1] - part[0], part[0])
            total += int((held < 128).sum()) if not held.size or held[-1] < 128 else -1 << 62
    return total


def _numbers(wire: Wire, found: dict[str, Any], kind: int) -> Array:
    dtype = np.dtype(DTYPES[kind])
    if (raw := found.get("raw_data")) is not None:
        return np.frombuffer(wire.data[slice(*raw)], dtype.newbyteorder("<")).astype(dtype)
    key = next((key for key in _DATA if key in found), "")
    if key in ("float_data", "double_data"):
        joined = b"".join(wire.data[slice(*part)] for part in found[key])
        return np.frombuffer(joined, dtype.newbyteorder("<")).astype(dtype)
    parts = found.get(key, [])
    whole = [n for part in parts for n in ([part] if isinstance(part, int) else wire.numbers(part))]
    if dtype == np.float16:
        return np.array([n & 0xFFFF for n in whole], np.uint16).view(np.float16)
    return np.array([n & ((1 << 64) - 1) for n in whole], np.uint64).astype(dtype)


def _declared(wire: Wire, spans: list[Span]) -> dict[str, Declared]:
    made: dict[str, Declared] = {}
    for span in spans:
        found = wire.message(span, _VALUE)
        name = wire.text(found.get("name"))
        kind = wire.message(found.get("type", (0, 0)), _TYPE)
        tensor = wire.message(kind.get("tensor_type", (0, 0)), _TENSOR_TYPE)
        shape = None
        if "shape" in tensor:
            dims = wire.message(tensor["shape"], _SHAPE).get("dim", [])
            sides = [wire.message(dim, _DIM) for dim in dims]
            shape = tuple(signed(side["value"]) if "value" in side else None for side in sides)
        if name in made or not name:
            raise WireError(f"tensor {name!r} is declared twice or has no name")
        made[name] = Declared(tensor.get("elem_type", 0), shape)
    return made
