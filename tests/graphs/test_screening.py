"""What would branch, loop, grow without bound, divide by nothing or reach elsewhere never gets to the runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from firstsight.errors import ModelError
from firstsight.graphs import FLOAT, UINT8, open_graph
from firstsight.graphs import screening as screens
from firstsight.graphs.screening import OPERATORS, UnfitError, WireError, screened

TAKES, GIVES = {"readings": (UINT8, (3, 8, 8))}, {"embeddings": (FLOAT, (4,))}
WHOLE, REAL = np.int64, np.float32


def encoder(*nodes: Any, **constants: Any) -> ModelProto:
    """Readings as numbers ``x``, some nodes that may make ``z``, and a product with four columns of the mean."""
    z = "z" if any("z" in node.output for node in nodes) else "x"
    whole = [
        helper.make_node("Cast", ["readings"], ["x"], to=TensorProto.FLOAT),
        *nodes,
        helper.make_node("ReduceMean", [z], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "w"], ["embeddings"]),
    ]
    held = {"w": np.ones((3, 4), REAL), **constants}
    graph = helper.make_graph(
        whole,
        "g",
        [helper.make_tensor_value_info("readings", TensorProto.UINT8, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in held.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(op: str, inputs: str, outputs: str = "z", **attributes: Any) -> Any:
    """A node, its tensors by their names with blanks between them."""
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def inner() -> Any:
    """A graph inside an operator."""
    ends = [helper.make_tensor_value_info(n, k, []) for n, k in (("i", TensorProto.INT64), ("c", TensorProto.BOOL))]
    out = helper.make_tensor_value_info("d", TensorProto.BOOL, [])
    return helper.make_graph([helper.make_node("Identity", ["c"], ["d"])], "inner", ends, [out])


def test_a_network_as_it_should_be_runs() -> None:
    """The network that the next tests spoil is run, for any number of readings."""
    session = open_graph(encoder().SerializeToString(), "it", TAKES, GIVES, 16)
    for many in (1, 5, 16):
        assert session.run(None, {"readings": np.ones((many, 3, 8, 8), np.uint8)})[0].shape == (many, 4)


MUCH = 1 << 40
HOSTILE: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("graph of its own", [node("Loop", "turns true", "", body=inner())], {"turns": 1 << 62, "true": True}),
    ("graph of its own", [node("If", "true", "y", then_branch=inner(), else_branch=inner())], {"true": True}),
    ("graph of its own", [node("Scan", "x", "y", body=inner(), num_scan_inputs=1)], {}),
    ("graph of its own", [node("Relu", "x", "z", odd=inner())], {}),
    ("no operator that an encoder may have", [node("RandomNormal", "", "y", shape=[MUCH])], {}),
    ("no operator that an encoder may have", [node("NonZero", "x", "y")], {}),
    ("no operator that an encoder may have", [node("SequenceEmpty", "", "y")], {}),
    ("only those of ONNX itself", [node("Relu", "x", domain="com.microsoft")], {}),
    ("more than any encoder needs", [node("ConstantOfShape", "s", "y")], {"s": [MUCH]}),
    ("more than any encoder needs", [node("Expand", "x s", "y")], {"s": [MUCH, 1, 1, 1, 1]}),
    ("more than any encoder needs", [node("Tile", "x s", "y")], {"s": [1, 1, 1, MUCH]}),
    ("more than any encoder needs", [node("Range", "a b c", "y")], {"a": 0, "b": MUCH, "c": 1}),
    ("more than any encoder needs", [node("Pad", "x s", "y")], {"s": [0, 0, 0, MUCH, 0, 0, 0, 0]}),
    ("scales", [node("Resize", "x r s", "y")], {"r": np.zeros(0, REAL), "s": np.array([1, 1, 9e9, 1], REAL)}),
    ("more than any", [node("Resize", "x r s", "y")], {"r": np.zeros(0, REAL), "s": np.array([1, 1, 1e5, 1e5], REAL)}),
    ("more than any encoder", [node("Flatten", "x", "f"), node("Einsum", "f f", "s", equation="ab,cd->abcd"),
                               node("Einsum", "s f", "y", equation="abcd,ef->abcdef")], {}),
    ("more than any encoder", [node("Conv", "x k", "y", pads=[4000] * 4)],
     {"k": np.ones((400, 3, 3, 3), REAL)}),
    ("divide by nothing", [node("Div", "a b", "y")], {"a": [1, 2], "b": [1, 0]}),
    ("divide by nothing", [node("Mod", "a b", "y")], {"a": [-(1 << 63), 1], "b": [-1, 1]}),
    ("divide by nothing", [node("Cast", "x", "i", to=TensorProto.INT32), node("Div", "i i", "y")], {}),
    ("depends on the picture", [node("Cast", "x", "i", to=TensorProto.INT64), node("Reshape", "x i", "y")], {}),
    ("below its least", [node("AveragePool", "x", "y", kernel_shape=[1, 1], strides=[0, 0])], {}),
    ("below its least", [node("Conv", "x k", "y", dilations=[0, 1])], {"k": np.ones((1, 3, 2, 2), REAL)}),
    ("not known", [node("Conv", "x k", "y", group=0)], {"k": np.ones((1, 3, 2, 2), REAL)}),
    ("one number a channel", [node("Conv", "x k b", "y")], {"k": np.ones((5, 3, 2, 2), REAL), "b": np.ones(2, REAL)}),
    ("as wide as its window", [node("MaxPool", "x", "y", kernel_shape=[2, 2], pads=[2, 0, 0, 0])], {}),
    ("blocks do not fit", [node("DepthToSpace", "x", "y", blocksize=0)], {}),
    ("beyond what it repeats", [node("Pad", "x s", "y", mode="reflect")], {"s": [0, 0, 99, 0, 0, 0, 0, 0]}),
    ("no order", [node("Transpose", "x", "y", perm=[0, 0, 1, 2])], {}),
    ("no dimension", [node("Concat", "x x", "y", axis=7)], {}),
    ("before that is made", [node("Relu", "y", "x2"), node("Relu", "x", "y")], {}),
    ("made twice", [node("Relu", "x", "x")], {}),
    ("in training", [node("Dropout", "x r t", "y")], {"r": np.float32(0.5), "t": True}),
    ("is missing", [node("Relu", "", "y")], {}),
]  # fmt: skip


@pytest.mark.parametrize(("word", "nodes", "constants"), HOSTILE)
def test_what_is_not_safe_is_refused_unrun(word: str, nodes: list[Any], constants: dict[str, Any]) -> None:
    """Loops of 2^62 turns, tensors of 2^40 numbers, divisions by 0, strides of 0 and their like are each told."""
    held = {name: np.asarray(v, WHOLE if np.asarray(v).dtype == int else None) for name, v in constants.items()}
    data = encoder(*nodes, **held).SerializeToString()
    with pytest.raises(ModelError, match=f"it can't be loaded .*{word}"):
        open_graph(data, "it", TAKES, GIVES, 16)


def test_an_outside_tensor_is_found_wherever_it_is() -> None:
    """In the network, in an attribute, with a length written longer than need be, or only an entry without the flag."""
    for place in ("constant", "attribute", "overlong", "entry"):
        proto = encoder(node("Constant", "", "c", value=numpy_helper.from_array(np.ones(4, REAL), "v")))
        tensor = proto.graph.node[1].attribute[0].t if place == "attribute" else proto.graph.initializer[0]
        if place != "entry":
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "/etc/passwd"
        data = proto.SerializeToString()
        if place == "overlong":
            assert b"\x0a\x08location" in data
            data = data.replace(b"\x0a\x08location", b"\x0a\x88\x00location")
        with pytest.raises((WireError, UnfitError), match="another file|does not know"):
            screened(data, TAKES, GIVES, 16)


def test_functions_training_and_sparse_tensors_are_refused() -> None:
    """What could stand for any operator, or be expanded to any size, is no part of a model."""
    with_function, with_training, with_sparse = encoder(), encoder(), encoder()
    with_function.functions.add().name = "Relu"
    with_training.training_info.add().algorithm.CopyFrom(with_training.graph)
    with_sparse.graph.sparse_initializer.add().dims.extend([1 << 50])
    for proto in (with_function, with_training, with_sparse):
        with pytest.raises(WireError, match="which a model may not"):
            screened(proto.SerializeToString(), TAKES, GIVES, 16)


def test_what_grows_with_the_square_of_the_readings_is_refused() -> None:
    """A network that is small for one reading is worked out for as many as it is ever given."""
    proto = encoder(
        node("Reshape", "x flat", "f"), node("Transpose", "f", "t"), node("MatMul", "f t", "y"), flat=np.array([-1, 1])
    )
    screened(proto.SerializeToString(), TAKES, GIVES, 16)
    with pytest.raises(UnfitError, match="more than any encoder"):
        screened(proto.SerializeToString(), TAKES, GIVES, 1000)


def test_a_declaration_is_held_to_what_is_made() -> None:
    """Inner tensors that are declared as something else than they are, by which a runtime may plan, are refused."""
    for shape, kind in (
        (["n", 3, 8, 8], TensorProto.FLOAT),
        ([16, 3], TensorProto.FLOAT),
        (["n", 3], TensorProto.INT8),
    ):
        proto = encoder()
        proto.graph.value_info.append(helper.make_tensor_value_info("mean", kind, shape))
        with pytest.raises(UnfitError, match="'mean' is declared as something else"):
            screened(proto.SerializeToString(), TAKES, GIVES, 16)


def test_work_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product counts its multiplications, other steps count as several; the bound grows with what the file holds."""
    proto = encoder(node("MatMul", "x k", "y"), k=np.ones((8, 100), REAL))
    monkeypatch.setattr(screens, "WORK_A_WEIGHT", 0)
    monkeypatch.setattr(screens, "LEAST_WORK", 200_000)
    screened(proto.SerializeToString(), TAKES, GIVES, 16)
    monkeypatch.setattr(screens, "LEAST_WORK", 3 * 8 * 8 * 100)
    with pytest.raises(UnfitError, match="work"):
        screened(proto.SerializeToString(), TAKES, GIVES, 16)
    monkeypatch.setattr(screens, "WORK_A_WEIGHT", 200)
    screened(proto.SerializeToString(), TAKES, GIVES, 16)


def test_no_operator_keeps_a_state_or_draws() -> None:
    """The list of operators holds none that loops, branches, draws at random, or makes sizes of what it sees."""
    never = {"Loop", "If", "Scan", "RandomNormal", "RandomUniform", "Multinomial", "Bernoulli",
             "NonZero", "Unique", "Compress", "NonMaxSuppression", "StringSplit", "Optional", "LSTM"}  # fmt: skip
    assert not never & OPERATORS.keys()
