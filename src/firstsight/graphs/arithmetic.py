"""What arithmetic makes of the shapes and numbers it is given: number by number, broadcast, along dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from firstsight.graphs.calls import Call, Value, need, together
from firstsight.graphs.layers import Rule
from firstsight.graphs.network import BFLOAT16, BOOL, DTYPES, INT64, SMALL, Array

_FLOATS = (1, 10, 11, BFLOAT16)


def _same(call: Call) -> list[Value]:
    """One number from one number."""
    x = call.value(0)
    function = _KNOWN.get(call.node.op)
    known = function(x.known) if function and x.known is not None else None
    return [Value(x.kind, x.shape, known)]


def _along(call: Call) -> list[Value]:
    """Of the shape that came, along one dimension."""
    x = call.value(0)
    call.axis(call.integer("axis", -1), x.rank)
    return [Value(x.kind, x.shape)]


def _wide(call: Call) -> list[Value]:
    """Numbers of several tensors, broadcast."""
    values = [call.value(i) for i in range(len(call.given))]
    need(bool(values), "it takes nothing")
    shape, first = together(*(v.shape for v in values)), values[0]
    op = call.node.op
    if op in ("Div", "Mod") and first.kind not in _FLOATS:
        divisor = values[-1].known  # the processor stops where a whole number is divided by 0
        need(len(values) == 2 and divisor is not None and bool((divisor > 0).all()), "it may divide by nothing")
    known, function = None, _KNOWN.get(op) if not call.integer("fmod", 0) else None
    if function and math.prod(shape) <= SMALL and all(v.known is not None for v in values):
        known = function(*(v.known for v in values))
    kind = BOOL if op in _TRUTHS else values[1].kind if op == "Where" else first.kind
    return [Value(kind, shape, known)]


def _cast(call: Call) -> list[Value]:
    x = call.value(0)
    kind = call.value(1).kind if call.node.op == "CastLike" else call.integer("to")
    need(kind in DTYPES or kind == BFLOAT16, "a type that no encoder needs")
    with np.errstate(all="ignore"):
        known = x.known.astype(DTYPES[kind]) if x.known is not None and kind in DTYPES else None
    return [Value(kind, x.shape, known)]


def _reduced(call: Call) -> list[Value]:
    x, told = call.value(0), call.given_or_set(1, "axes")
    if not told and call.integer("noop_with_empty_axes", 0):
        return [Value(x.kind, x.shape)]
    axes = call.axes(told or range(x.rank), x.rank)
    keep = call.integer("keepdims", 1)
    shape = tuple(1 if i in axes else side for i, side in enumerate(x.shape) if keep or i not in axes)
    functions: dict[str, Callable[..., Any]] = {
        "ReduceProd": np.prod,
        "ReduceSum": np.sum,
        "ReduceMax": np.max,
        "ReduceMin": np.min,
    }
    function = functions.get(call.node.op)
    known: Array | None = None
    if function is not None and x.known is not None and x.known.size:
        known = np.asarray(function(x.known, axis=tuple(axes), keepdims=bool(keep)), x.known.dtype).reshape(shape)
    return [Value(x.kind, shape, known)]


def _best(call: Call) -> list[Value]:
    """ArgMax and ArgMin."""
    x = call.value(0)
    axis, keep = call.axis(call.integer("axis", 0), x.rank), call.integer("keepdims", 1)
    return [Value(INT64, (*x.shape[:axis], *([1] if keep else []), *x.shape[axis + 1 :]))]


def _top(call: Call) -> list[Value]:
    x = call.value(0)
    axis = call.axis(call.integer("axis", -1), x.rank)
    many = (call.given_or_set(1, "k") or [0])[0]
    need(1 <= many <= x.shape[axis], "so many can't be chosen")
    shape = (*x.shape[:axis], many, *x.shape[axis + 1 :])
    return [Value(x.kind, shape), Value(INT64, shape)]


def _one_hot(call: Call) -> list[Value]:
    x, [told], values = call.value(0), call.numbers(1), call.value(2)
    depth = int(told)
    need(1 <= depth <= 1 << 16 and values.shape == (2,), "the depth does not fit")
    axis = call.axis(call.integer("axis", -1), x.rank + 1)
    return [Value(values.kind, (*x.shape[:axis], depth, *x.shape[axis:]))]


def _summed(call: Call) -> list[Value]:
    """CumSum, Trilu: of the shape that came."""
    x = call.value(0)
    if call.node.op == "CumSum":
        call.axis((call.whole(1) or [0])[0], x.rank)
    need(x.rank >= (2 if call.node.op == "Trilu" else 1), "too few dimensions")
    return [Value(x.kind, x.shape)]


def _clipped(call: Call) -> list[Value]:
    x = call.value(0)
    need(all(call.maybe(i) is None or call.value(i).count == 1 for i in (1, 2)), "the bounds are not single numbers")
    return [Value(x.kind, x.shape)]


def _divided(a: Any, b: Any) -> Array:
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    return np.asarray(np.sign(a) * (np.abs(a) // b), a.dtype)  # towards 0, unlike NumPy's; b is above 0


def _asked(call: Call) -> list[Value]:
    """A truth from one number."""
    return [Value(BOOL, call.value(0).shape)]


_KNOWN: dict[str, Callable[..., Array]] = {
    "Abs": np.abs, "Add": np.add, "And": np.logical_and, "Ceil": np.ceil, "Div": _divided, "Equal": np.equal,
    "Floor": np.floor, "Greater": np.greater, "GreaterOrEqual": np.greater_equal, "Identity": np.asarray,
    "Less": np.less, "LessOrEqual": np.less_equal, "Max": lambda *v: np.maximum.reduce(np.broadcast_arrays(*v)),
    "Min": lambda *v: np.minimum.reduce(np.broadcast_arrays(*v)), "Mod": np.mod, "Mul": np.multiply,
    "Neg": np.negative, "Not": np.logical_not, "Or": np.logical_or, "Round": np.round, "Sqrt": np.sqrt,
    "Sub": np.subtract, "Where": np.where,
}  # fmt: skip
_TRUTHS = ("And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Or", "Xor")
_ALIKE = (  # one number from one number
    "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity "
    "LeakyRelu Log MeanVarianceNormalization Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh "
    "Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu"
)
_BROAD = "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow Sub Sum Where Xor"
_REDUCING = "L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare"

ARITHMETIC: dict[str, Rule] = {
    **dict.fromkeys(_ALIKE.split(), _same), **dict.fromkeys(_BROAD.split(), _wide),
    **{f"Reduce{name}": _reduced for name in _REDUCING.split()},
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax", "LpNormalization"), _along),
    **dict.fromkeys(("IsInf", "IsNaN"), _asked), **dict.fromkeys(("CumSum", "Trilu"), _summed),
    "ArgMax": _best, "ArgMin": _best, "Cast": _cast, "CastLike": _cast, "Clip": _clipped, "OneHot": _one_hot,
    "TopK": _top,
}  # fmt: skip
