"""Shapes, types and numbers that are worked out before a network runs, beside ONNX's own examples of every operator."""

from __future__ import annotations

import collections
import warnings

import numpy as np

from firstsight.graphs.calls import UnfitError, Value
from firstsight.graphs.network import DTYPES, SMALL, network
from firstsight.graphs.screening import OPERATORS, worked_out
from firstsight.graphs.wire_format import WireError

ALONE = {"CastLike", "Not", "Upsample"}  # whose examples are of other types, or of a version before 7


def test_every_operator_makes_what_onnx_says() -> None:
    """Of some hundred examples of the operators of encoders, what is worked out is what ONNX's reference computes.

    Refused are examples of types no encoder needs, of empty tensors, of training, and of whole numbers that may be
    divided by 0.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_model_tests

        cases = load_model_tests(kind="node")
    right, refused = collections.Counter[str](), []
    for case in cases:
        nodes = case.model.graph.node
        if len(nodes) != 1 or nodes[0].op_type not in OPERATORS:
            continue
        op = nodes[0].op_type
        for given, made in case.data_sets:
            try:
                read = network(case.model.SerializeToString())
                arrays = {name: np.asarray(a) for name, a in zip(read.inputs, given, strict=False)}
                if len(arrays) != len(given) or any(v.kind not in DTYPES for v in read.inputs.values()):
                    continue
                values = {
                    n: Value(read.inputs[n].kind, a.shape, a if a.size <= SMALL else None) for n, a in arrays.items()
                }
                found = worked_out(read, values)
            except (WireError, UnfitError):
                refused.append(case.name)
                continue
            for name, expected in zip(read.outputs, map(np.asarray, made), strict=True):
                value = found[name]
                assert (value.shape, value.kind) == (expected.shape, read.outputs[name].kind), case.name
                if value.known is not None:
                    np.testing.assert_allclose(
                        value.known.astype(float), expected.astype(float), 1e-4, err_msg=case.name
                    )
            right[op] += 1
    assert right.total() > 700
    assert len(refused) < right.total() / 4
    assert {op for op in OPERATORS if not right[op]} <= ALONE
