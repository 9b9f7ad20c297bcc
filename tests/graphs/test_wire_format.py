"""Protocol buffers are read strictly: one way to write a message, and every field of ONNX is known or refused."""

from __future__ import annotations

import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from firstsight.graphs import network as networks
from firstsight.graphs.network import network
from firstsight.graphs.wire_format import Schema, Wire, WireError, signed

KNOWN: dict[str, Schema] = {
    "ModelProto": networks._MODEL, "OperatorSetIdProto": networks._OPSET, "GraphProto": networks._GRAPH,
    "NodeProto": networks._NODE, "AttributeProto": networks._ATTRIBUTE, "TensorProto": networks._TENSOR,
    "ValueInfoProto": networks._VALUE, "TypeProto": networks._TYPE, "Tensor": networks._TENSOR_TYPE,
    "TensorShapeProto": networks._SHAPE, "Dimension": networks._DIM,
}  # fmt: skip
OUTSIDE = {  # what no encoder needs: refused where it comes
    "ModelProto": {"configuration"},
    "NodeProto": {"device_configurations"},
    "AttributeProto": {"tp", "strings", "tensors", "type_protos", "sparse_tensor", "sparse_tensors"},
    "TensorProto": {"segment", "string_data"},
    "TypeProto": {"sequence_type", "map_type", "optional_type", "sparse_tensor_type", "opaque_type"},
}


def small() -> ModelProto:
    """A network of one operator."""
    import numpy as np

    given, made = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 2]) for n in ("x", "y"))
    weights = numpy_helper.from_array(np.ones((2, 2), np.float32), "w")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [given], [made], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_every_field_of_onnx_is_known_or_refused() -> None:
    """Numbers and kinds of fields are those of ONNX's own description, and what is left out is left out on purpose."""
    descriptors = {d.name: d for d in onnx.onnx_ml_pb2.DESCRIPTOR.message_types_by_name.values()}
    descriptors |= {d.name: d for outer in ("TypeProto", "TensorShapeProto") for d in descriptors[outer].nested_types}
    for name, schema in KNOWN.items():
        fields = {f.number: f for f in descriptors[name].fields}
        assert schema.keys() <= fields.keys(), name
        assert {f.name for n, f in fields.items() if n not in schema} == OUTSIDE.get(name, set()), name
        for number, (_, kind) in schema.items():
            repeated = fields[number].is_repeated
            assert kind == "skip" or repeated == (kind in ("ints", "floats", "many", "packed")), (name, number)


def test_the_types_of_numbers_are_those_of_onnx() -> None:
    """Each type has the size that ONNX gives it."""
    for kind, dtype in networks.DTYPES.items():
        assert helper.tensor_dtype_to_np_dtype(kind) == dtype
        assert networks._SIZES[kind] == helper.tensor_dtype_to_np_dtype(kind).itemsize


def test_a_network_is_read() -> None:
    """What was written is what is read, in whatever field the numbers of a constant lie."""
    read = network(small().SerializeToString())
    assert read.opset == 17
    assert [(n.op, n.inputs, n.outputs) for n in read.nodes] == [("MatMul", ("x", "w"), ("y",))]
    assert read.inputs["x"].shape == (None, 2)
    for kind, values in ((TensorProto.FLOAT, [1.5, -2.0]), (TensorProto.INT64, [1 << 40, -3]),
                         (TensorProto.INT32, [7, -9]), (TensorProto.DOUBLE, [0.1, -1e300]),
                         (TensorProto.UINT64, [1 << 63, 1]), (TensorProto.BOOL, [1, 0]),
                         (TensorProto.FLOAT16, [1.5, -2.0]), (TensorProto.INT8, [-128, 127])):  # fmt: skip
        for raw in (False, True):
            proto = small()
            made = helper.make_tensor("c", kind, [2], values)
            proto.graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(made), "c") if raw else made)
            found = network(proto.SerializeToString()).constants["c"].value
            assert found is not None
            assert found.tolist() == values, (kind, raw)


@pytest.mark.parametrize(
    ("written", "word"),
    [
        (lambda d: d + d, "comes twice"),
        (lambda d: d + b"\x3a\x00", "graph comes twice"),
        (lambda d: b"\x08\x88\x00" + d[2:], "longer than it is"),
        (lambda d: b"\x88\x00\x08" + d[2:], "longer than it is"),
        (lambda d: b"\x08" + b"\xff" * 9 + b"\x02" + d[2:], "longer than it is"),
        (lambda d: b"\x08" + b"\xff" * 11 + d[2:], "longer than it is"),
        (lambda d: d[:-1], "cut"),
        (lambda d: d + b"\x7a\x01", "does not know"),
        (lambda d: d + b"\xd2\x01\x00", "does not know"),
        (lambda d: d + b"\x0b\x0c", "ir_version is not written"),
        (lambda d: d + b"\x72\xff\xff\xff\xff\x0f", "cut"),
        (lambda d: b"\x72\x00" * 1_000_001 + d, "more fields"),
        (lambda d: b"", "no network"),
        (lambda d: b"\x80", "cut"),
    ],
)
def test_what_no_writer_writes_is_refused(written: object, word: str) -> None:
    """Numbers longer than need be, fields that come twice, are cut, unknown or without end are refused."""
    with pytest.raises(WireError, match=word):
        network(written(small().SerializeToString()))  # type: ignore[operator]


def test_numbers_are_signed_where_they_may_be() -> None:
    """The ten bytes of a negative number are read, of all sizes."""
    for number in (0, 1, 127, 128, 300, (1 << 63) - 1, -1, -(1 << 63)):
        data = helper.make_attribute("a", number).SerializeToString()
        found = Wire(data).message((0, len(data)), networks._ATTRIBUTE)
        assert signed(found.get("i", 0)) == number


def test_a_constant_holds_what_its_shape_tells() -> None:
    """A shape larger or smaller than the numbers in the file is refused, however the numbers are stored."""
    for raw in (True, False):
        for dims in ([2, 3], [1], [1 << 40, 2], [-2, -2], [2, 2, 0], [1 << 32, 1 << 32], [1] * 9):
            proto = small()
            tensor = proto.graph.initializer[0]
            if not raw:
                tensor.ClearField("raw_data")
                tensor.float_data.extend([1.0] * 4)
            assert network(proto.SerializeToString())
            del tensor.dims[:]
            tensor.dims.extend(dims)
            with pytest.raises(WireError, match="'w'"):
                network(proto.SerializeToString())
