"""What becomes of shapes: constants, parts, joins, repeats, and the shapes that are worked out for others."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from firstsight.graphs.calls import Call, Value, need, together
from firstsight.graphs.layers import Rule
from firstsight.graphs.network import DTYPES, FLOAT, INT64, SMALL


def _constant(call: Call) -> list[Value]:
    one = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32, "value_floats": np.float32}
    if (tensor := call.tensor("value")) is not None:
        return [Value(tensor.kind, tensor.shape, tensor.value)]
    [name] = call.node.attributes if len(call.node.attributes) == 1 else [""]
    need(name in one, "a constant of another type")
    known = np.array(call.node.attributes[name], one[name])
    return [Value(INT64 if one[name] is np.int64 else FLOAT, known.shape, known)]


def _shape(call: Call) -> list[Value]:
    shape = call.value(0).shape
    start, end = call.integer("start", 0), call.integer("end", len(shape))
    known = np.array(shape[slice(start, end)], np.int64)
    return [Value(INT64, known.shape, known)]


def _size(call: Call) -> list[Value]:
    return [Value(INT64, (), np.array(call.value(0).count, np.int64))]


def _shaped(call: Call, shape: Sequence[int]) -> list[Value]:
    """The numbers that came, in another shape."""
    x, made = call.value(0), tuple(shape)
    need(min(made, default=0) >= 0 and math.prod(made) == x.count, f"{x.shape} can't be brought to {made}")
    return [Value(x.kind, made, None if x.known is None else x.known.reshape(made))]


def _reshape(call: Call) -> list[Value]:
    x, wanted = call.value(0), call.given_or_set(1, "shape")
    need(wanted is not None and len(wanted) <= 8 and min(wanted, default=0) >= -1, "the shape is none")
    sides = list(wanted or [])
    if not call.integer("allowzero", 0):
        need(all(side or i < x.rank for i, side in enumerate(sides)), "the shape is none")
        sides = [side or x.shape[i] for i, side in enumerate(sides)]
    if -1 in sides:
        others = -math.prod(sides)
        need(sides.count(-1) == 1 and others > 0, "the shape is none")
        sides[sides.index(-1)] = x.count // others
    return _shaped(call, sides)


def _flatten(call: Call) -> list[Value]:
    shape = call.value(0).shape
    axis = call.integer("axis", 1)
    need(-len(shape) <= axis <= len(shape), "there is no such dimension")
    axis += len(shape) if axis < 0 else 0
    return _shaped(call, (math.prod(shape[:axis]), math.prod(shape[axis:])))


def _squeeze(call: Call) -> list[Value]:
    x, told = call.value(0), call.given_or_set(1, "axes")
    axes = [i for i, side in enumerate(x.shape) if side == 1] if told is None else call.axes(told, x.rank)
    need(all(x.shape[a] == 1 for a in axes), "a dimension is not of 1")
    return _shaped(call, [side for i, side in enumerate(x.shape) if i not in axes])


def _unsqueeze(call: Call) -> list[Value]:
    x, told = call.value(0), call.given_or_set(1, "axes") or []
    rank = x.rank + len(told)
    need(rank <= 8, "too many dimensions")
    axes, rest = call.axes(told, rank), iter(x.shape)
    return _shaped(call, [1 if i in axes else next(rest) for i in range(rank)])


def _transpose(call: Call) -> list[Value]:
    x = call.value(0)
    order = call.integers("perm", range(x.rank)[::-1])
    need(sorted(order) == list(range(x.rank)), "perm is no order")
    return [Value(x.kind, tuple(x.shape[i] for i in order), None if x.known is None else x.known.transpose(order))]


def _concat(call: Call) -> list[Value]:
    values = [call.value(i) for i in range(len(call.given))]
    need(bool(values) and values[0].rank >= 1, "it joins nothing")
    axis = call.axis(call.integer("axis"), values[0].rank)
    rests = {(*v.shape[:axis], *v.shape[axis + 1 :]) for v in values}
    need(len(rests) == 1 and len({v.rank for v in values}) == 1, "the shapes do not fit")
    shape = list(values[0].shape)
    shape[axis] = sum(v.shape[axis] for v in values)
    knowns = [v.known for v in values if v.known is not None]
    known = np.concatenate(knowns, axis) if len(knowns) == len(values) and math.prod(shape) <= SMALL else None
    return [Value(values[0].kind, tuple(shape), known)]


def _split(call: Call) -> list[Value]:
    x, many = call.value(0), len(call.node.outputs)
    axis = call.axis(call.integer("axis", 0), x.rank)
    sides = call.given_or_set(1, "split")
    if sides is None:
        need(call.integer("num_outputs", many) == many >= 1, "the parts do not fit")
        each = -(-x.shape[axis] // many)
        sides = [each] * (many - 1) + [x.shape[axis] - each * (many - 1)]
    need(len(sides) == many and min(sides) >= 1 and sum(sides) == x.shape[axis], "the parts do not fit")
    starts = np.cumsum([0, *sides]).tolist()
    cuts = [(slice(None),) * axis + (slice(a, b),) for a, b in itertools.pairwise(starts)]
    shapes = [(*x.shape[:axis], side, *x.shape[axis + 1 :]) for side in sides]
    return [
        Value(x.kind, shape, None if x.known is None else x.known[cut]) for shape, cut in zip(shapes, cuts, strict=True)
    ]


def _slice(call: Call) -> list[Value]:
    x = call.value(0)
    starts, ends = call.given_or_set(1, "starts") or [], call.given_or_set(2, "ends") or []
    told = call.given_or_set(3, "axes")
    axes = call.axes(range(len(starts)) if told is None else told, x.rank)
    steps = call.whole(4) if call.maybe(4) is not None else [1] * len(starts)
    need(len(starts) == len(ends) == len(axes) == len(steps) and all(steps), "the bounds do not fit")
    shape, cuts = list(x.shape), [slice(None)] * x.rank
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        shape[axis] = len(range(*slice(start, end, step).indices(x.shape[axis])))
        cuts[axis] = slice(start, end, step)
    return [Value(x.kind, tuple(shape), None if x.known is None else x.known[tuple(cuts)])]


def _gather(call: Call) -> list[Value]:
    x, at = call.value(0), call.value(1)
    need(x.rank >= 1, "it takes from a single number")
    axis = call.axis(call.integer("axis", 0), x.rank)
    known = None
    if x.known is not None and at.known is not None:
        need(at.kind in (6, 7) and bool(((at.known >= -x.shape[axis]) & (at.known < x.shape[axis])).all()), "an index")
        known = np.take(x.known, at.known, axis) if at.count * x.count <= SMALL * 64 else None
    return [Value(x.kind, (*x.shape[:axis], *at.shape, *x.shape[axis + 1 :]), known)]


def _gather_each(call: Call) -> list[Value]:
    x, at = call.value(0), call.value(1)
    axis = call.axis(call.integer("axis", 0), x.rank)
    fit = x.rank == at.rank and all(
        a <= b for i, (a, b) in enumerate(zip(at.shape, x.shape, strict=False)) if i != axis
    )
    need(fit, "the indices do not fit")
    return [Value(x.kind, at.shape)]


def _gather_nd(call: Call) -> list[Value]:
    x, at, batch = call.value(0), call.value(1), call.integer("batch_dims", 0)
    need(at.rank >= 1 and 0 <= batch < min(x.rank, at.rank), "the indices do not fit")
    deep = at.shape[-1]
    need(1 <= deep <= x.rank - batch and x.shape[:batch] == at.shape[:batch], "the indices do not fit")
    return [Value(x.kind, (*at.shape[:-1], *x.shape[batch + deep :]))]


def _scatter_nd(call: Call) -> list[Value]:
    x, at, new = call.value(0), call.value(1), call.value(2)
    need(at.rank >= 1 and 1 <= at.shape[-1] <= x.rank, "the indices do not fit")
    need(new.shape == (*at.shape[:-1], *x.shape[at.shape[-1] :]), "what is put there does not fit")
    return [Value(x.kind, x.shape)]


def _expand(call: Call) -> list[Value]:
    x, sides = call.value(0), call.whole(1)
    need(len(sides) <= 8 and min(sides, default=1) >= 1, "the shape is none")
    shape = together(x.shape, tuple(sides))
    known = np.broadcast_to(x.known, shape) if x.known is not None and math.prod(shape) <= SMALL else None
    return [Value(x.kind, shape, known)]


def _tile(call: Call) -> list[Value]:
    x, times = call.value(0), call.whole(1)
    need(len(times) == x.rank and min(times, default=1) >= 1, "the repeats do not fit")
    shape = tuple(side * many for side, many in zip(x.shape, times, strict=True))
    known = np.tile(x.known, times) if x.known is not None and math.prod(shape) <= SMALL else None
    return [Value(x.kind, shape, known)]


def _filled(call: Call) -> list[Value]:
    sides, fill = call.whole(0), call.tensor("value")
    need(len(sides) <= 8 and min(sides, default=0) >= 0, "the shape is none")
    need(fill is None or (math.prod(fill.shape) == 1 and fill.value is not None), "the value is not one number")
    one = np.zeros(1, np.float32) if fill is None or fill.value is None else fill.value
    known = np.full(sides, one.reshape(-1)[0]) if math.prod(sides) <= SMALL else None
    return [Value(FLOAT if fill is None else fill.kind, tuple(sides), known)]


def _range(call: Call) -> list[Value]:
    start, end, step = (call.numbers(i)[0] if call.value(i).count == 1 else math.nan for i in range(3))
    need(all(map(math.isfinite, (start, end, step))) and step != 0, "the bounds do not fit")
    many = max(0, math.ceil((end - start) / step))
    kind = call.value(0).kind
    known = (start + step * np.arange(many)).astype(DTYPES[kind]) if many <= SMALL and kind in DTYPES else None
    return [Value(kind, (many,), known)]


def _pad(call: Call) -> list[Value]:
    x = call.value(0)
    pads = call.given_or_set(1, "pads") or []
    axes = call.axes(call.whole(3) if call.maybe(3) is not None else range(x.rank), x.rank)
    need(len(pads) == 2 * len(axes), "the borders do not fit")
    how, shape = call.text("mode", "constant", "reflect", "edge", "wrap"), list(x.shape)
    for i, axis in enumerate(axes):
        side = x.shape[axis]
        least, most = {"constant": (-side, 1 << 40), "edge": (0, 1 << 40), "reflect": (0, side - 1)}.get(how, (0, side))
        need(all(least <= p <= most for p in (pads[i], pads[len(axes) + i])), "a border is beyond what it repeats")
        shape[axis] += pads[i] + pads[len(axes) + i]
    return [Value(x.kind, tuple(shape))]


def _blocks(call: Call) -> list[Value]:
    """DepthToSpace and SpaceToDepth."""
    x, b = call.value(0), call.integer("blocksize")
    need(x.rank == 4 and 1 <= b <= 1 << 16, "the blocks do not fit")
    n, c, h, w = x.shape
    if call.node.op == "DepthToSpace":
        need(c % (b * b) == 0, "the blocks do not fit")
        return [Value(x.kind, (n, c // (b * b), h * b, w * b))]
    need(h % b == 0 and w % b == 0, "the blocks do not fit")
    return [Value(x.kind, (n, c * b * b, h // b, w // b))]


REARRANGING: dict[str, Rule] = {
    "Concat": _concat, "Constant": _constant, "ConstantOfShape": _filled, "DepthToSpace": _blocks, "Expand": _expand,
    "Flatten": _flatten, "Gather": _gather, "GatherElements": _gather_each, "GatherND": _gather_nd, "Pad": _pad,
    "Range": _range, "Reshape": _reshape, "ScatterND": _scatter_nd, "Shape": _shape, "Size": _size, "Slice": _slice,
    "SpaceToDepth": _blocks, "Split": _split, "Squeeze": _squeeze, "Tile": _tile, "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}  # fmt: skip
