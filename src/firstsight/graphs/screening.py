"""Whether a network is safe to be run: known operators, shapes that fit, bounds on memory and work, told beforehand.

The runtime believes a network. It makes a tensor of any size that one asks for, loops as often as one says, divides
whole numbers by nothing, and does some of it while it only loads. So every shape is worked out first, which takes
milliseconds, and what does not fit or is beyond all measure never reaches it.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Mapping

import numpy as np

from firstsight.graphs.arithmetic import ARITHMETIC
from firstsight.graphs.calls import Call, UnfitError, Value
from firstsight.graphs.layers import LAYERS, SLOW, Rule
from firstsight.graphs.network import BFLOAT16, DTYPES, SMALL, Declared, Network, network
from firstsight.graphs.rearranging import REARRANGING
from firstsight.graphs.wire_format import WireError

OPERATORS: dict[str, Rule] = {**ARITHMETIC, **LAYERS, **REARRANGING}
"""The operators of an encoder. None branches, loops, draws at random, keeps a state, or makes what depends on a
reading in its size."""
MOST_WORK, LEAST_WORK, WORK_A_WEIGHT = 100 * 10**9, 2 * 10**9, 2000
"""Multiplications for one reading, at most: so many for any network and so many for each number that its file holds,
up to a bound. ResNet-152 takes 12 thousand million for 60 million numbers, ViT-L/16 62 for 304, EfficientNet-B7 37 for
66; one that computes far more than it has learned was made to."""
MOST_HELD = 1 << 29
"""Numbers held at once: 2 GiB."""
_RANK = 8

Given = Mapping[str, tuple[int, tuple[int, ...]]]
"""Of each input ONNX's number of its type, and its shape beyond the first dimension."""


def screened(data: bytes, given: Given, given_out: Given, most: int) -> None:
    """Look through the bytes of an ONNX file before anything runs them.

    Args:
        data: not trusted.
        given: what it must take.
        given_out: what it must give.
        most: how many readings it is given at once.

    Raises:
        WireError, UnfitError: it is not safe, with a reason.
    """
    read = network(data)
    _ends(read.inputs, given, "takes")
    _ends(read.outputs, given_out, "gives")
    for many in sorted({1, most}):
        values = {name: Value(kind, (many, *shape)) for name, (kind, shape) in given.items()}
        found = worked_out(read, values, many)
        for name, (kind, shape) in given_out.items():
            if (found[name].kind, found[name].shape) != (kind, (many, *shape)):
                got = f"{name} of type {found[name].kind} and shape {found[name].shape}"
                raise UnfitError(f"it gives {got} for {many}, {kind} and {(many, *shape)} were expected")


def _ends(found: Mapping[str, Declared], expected: Given, verb: str) -> None:
    """Names and types; shapes of what it takes, the first side open. Those of what it gives are worked out."""
    shown = [(name, value.kind, value.shape if verb == "takes" else ()) for name, value in found.items()]
    wanted = [(name, kind, (None, *shape) if verb == "takes" else ()) for name, (kind, shape) in expected.items()]
    if shown != wanted:
        raise UnfitError(f"it {verb} {shown}, {wanted} was expected (name, type, shape; None for any number)")


def worked_out(read: Network, given: Mapping[str, Value], many: int = 1) -> dict[str, Value]:
    """Every tensor of a network, worked out from what it is given.

    Args:
        read: the network.
        given: its inputs by name.
        many: of how many readings that is.

    Raises:
        UnfitError: an operator is not known, what it takes does not fit, or it makes more than is allowed.
    """
    held_in_file = sum(math.prod(constant.shape) for constant in read.constants.values())
    most_work = many * min(MOST_WORK, LEAST_WORK + WORK_A_WEIGHT * held_in_file)
    values = dict(given)
    values.update({name: Value(c.kind, c.shape, c.value) for name, c in read.constants.items()})
    uses = collections.Counter(name for node in read.nodes for name in node.inputs)
    uses.update(read.outputs.keys())
    held, work = sum(value.count for value in values.values()), 0
    for number, node in enumerate(read.nodes):
        rule = OPERATORS.get(node.op)
        if rule is None:
            raise UnfitError(f"{node.op} is no operator that an encoder may have")
        try:
            call = Call(node, [_taken(values, name) for name in node.inputs], read.opset)
            with np.errstate(all="ignore"):
                made = rule(call)
            if len(node.outputs) > len(made) or not any(node.outputs):
                raise UnfitError(f"it has {len(node.outputs)} outputs")
            for name, value in zip(node.outputs, made, strict=False):
                _check(name, value, values, read.inner)
                if name:
                    small = value.known is None or value.known.size <= SMALL
                    values[name] = value if small else Value(value.kind, value.shape)
                    held += value.count if uses[name] else 0
        except (UnfitError, ValueError, TypeError, IndexError, OverflowError) as error:
            raise UnfitError(f"operator {number}, {node.op}: {error}") from None
        work += call.work + SLOW * (sum(v.count for v in call.given if v) + sum(v.count for v in made))
        if held > MOST_HELD or work > most_work:
            raise UnfitError(f"it takes more memory or work than any encoder, at operator {number}, {node.op}")
        for name in set(node.inputs):
            uses[name] -= node.inputs.count(name)
            if name and not uses[name]:
                held -= values[name].count
    missing = [name for name in read.outputs if name not in values]
    if missing:
        raise UnfitError(f"nothing makes {missing[0]!r}")
    return values


def _taken(values: Mapping[str, Value], name: str) -> Value | None:
    if not name:
        return None
    if name not in values:
        raise UnfitError(f"it takes {name!r} before that is made")
    return values[name]


def _check(name: str, value: Value, values: Mapping[str, Value], inner: Mapping[str, Declared]) -> None:
    if name in values:
        raise UnfitError(f"{name!r} is made twice")
    if value.kind not in (*DTYPES, BFLOAT16):
        raise UnfitError("it makes a type that no encoder needs")
    if value.rank > _RANK or min(value.shape, default=1) < (0 if value.rank == 1 else 1):
        raise UnfitError(f"it makes the shape {value.shape}")
    if value.count > MOST_HELD:
        raise UnfitError(f"it makes {value.count:.2g} numbers, more than any encoder needs")
    declared = inner.get(name)
    if declared is not None and declared.shape is not None:
        fits = len(declared.shape) == value.rank and all(
            side is None or side == found for side, found in zip(declared.shape, value.shape, strict=True)
        )
        if not fits or declared.kind != value.kind:
            raise UnfitError(f"{name!r} is declared as something else")


__all__ = ["UnfitError", "WireError", "screened", "worked_out"]
