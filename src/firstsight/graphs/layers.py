"""What layers of networks make of the shapes they are given: convolutions, pools, products, norms, resampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from firstsight.graphs.calls import Call, UnfitError, Value, need, together
from firstsight.graphs.network import BOOL, INT64

Rule = Callable[[Call], list[Value]]
SLOW = 16
"""Multiplications of a product of matrices in the time of one step of anything else."""


def _windows(call: Call, sides: Sequence[int], kernel: Sequence[int], dilations: Sequence[int]) -> list[int]:
    """How many windows fit along each side."""
    flat = len(sides)
    strides, pads = call.integers("strides", [1] * flat), call.integers("pads", [0] * (2 * flat))
    need(len(kernel) == len(strides) == len(dilations) == flat and len(pads) == 2 * flat, "sizes of windows do not fit")
    need(min([*kernel, *strides, *dilations]) >= 1 and min(pads) >= 0, "a window, stride or border is below its least")
    how = call.text("auto_pad", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
    ceil = call.integer("ceil_mode", 0) if "ceil_mode" in call.node.attributes else 0
    made = []
    for i, side in enumerate(sides):
        reach = dilations[i] * (kernel[i] - 1) + 1
        room = side + (pads[i] + pads[flat + i] if how == "NOTSET" else 0) - reach
        if how.startswith("SAME"):
            made.append(-(-side // strides[i]))
            continue
        need(room >= 0, "a window is larger than what it looks at")
        steps = -(-room // strides[i]) if ceil else room // strides[i]
        if ceil and steps * strides[i] >= side + pads[i]:  # a window that would begin in the border is left out
            steps -= 1
        made.append(steps + 1)
    return made


def _vector(call: Call, number: int, length: int, *, needed: bool = True) -> None:
    """An input of one number a channel."""
    found = call.value(number) if needed else call.maybe(number)
    need(found is None or found.shape == (length,), f"input {number} does not hold one number a channel")


def conv(call: Call) -> list[Value]:
    """Conv."""
    x, w = call.value(0), call.value(1)
    group = call.integer("group", 1)
    need(3 <= x.rank <= 5 and w.rank == x.rank and group >= 1, "a convolution of these shapes is not known")
    need(x.shape[1] == w.shape[1] * group and w.shape[0] % group == 0, "channels and kernels do not fit")
    kernel = w.shape[2:]
    need(tuple(call.integers("kernel_shape", kernel)) == kernel, "the kernels are of another size than told")
    _vector(call, 2, w.shape[0], needed=False)
    sides = _windows(call, x.shape[2:], kernel, call.integers("dilations", [1] * len(kernel)))
    made = Value(x.kind, (x.shape[0], w.shape[0], *sides))
    call.work = made.count * w.shape[1] * math.prod(kernel)
    return [made]


def conv_transpose(call: Call) -> list[Value]:
    """ConvTranspose, with borders told by numbers."""
    x, w = call.value(0), call.value(1)
    group, flat = call.integer("group", 1), x.rank - 2
    need(1 <= flat <= 3 and w.rank == x.rank and group >= 1, "a convolution of these shapes is not known")
    need(x.shape[1] == w.shape[0] and w.shape[0] % group == 0, "channels and kernels do not fit")
    need("output_shape" not in call.node.attributes, "output_shape is not known")
    call.text("auto_pad", "NOTSET")
    kernel = w.shape[2:]
    need(tuple(call.integers("kernel_shape", kernel)) == kernel, "the kernels are of another size than told")
    strides, dilations = call.integers("strides", [1] * flat), call.integers("dilations", [1] * flat)
    pads, more = call.integers("pads", [0] * (2 * flat)), call.integers("output_padding", [0] * flat)
    need(len(strides) == len(dilations) == len(more) == flat and len(pads) == 2 * flat, "sizes of windows do not fit")
    need(
        min([*kernel, *strides, *dilations]) >= 1 and min([*pads, *more]) >= 0, "a window or stride is below its least"
    )
    need(all(m < max(s, d) for m, s, d in zip(more, strides, dilations, strict=True)), "output_padding is too large")
    channels = w.shape[1] * group
    _vector(call, 2, channels, needed=False)
    sides = [
        strides[i] * (x.shape[2 + i] - 1) + more[i] + dilations[i] * (kernel[i] - 1) + 1 - pads[i] - pads[flat + i]
        for i in range(flat)
    ]
    call.work = x.count * w.shape[1] * math.prod(kernel)
    return [Value(x.kind, (x.shape[0], channels, *sides))]


def pool(call: Call) -> list[Value]:
    """MaxPool and AveragePool."""
    x, kernel = call.value(0), call.integers("kernel_shape")
    need(3 <= x.rank <= 5, "a pool over this shape is not known")
    pads = call.integers("pads", [0] * (2 * len(kernel)))
    need(all(p < kernel[i % len(kernel)] for i, p in enumerate(pads)), "a border is as wide as its window")
    sides = _windows(call, x.shape[2:], kernel, call.integers("dilations", [1] * len(kernel)))
    need(call.integer("storage_order", 0) == 0, "storage_order is not known")
    made = Value(x.kind, (*x.shape[:2], *sides))
    call.work = SLOW * made.count * math.prod(kernel)
    return [made, Value(INT64, made.shape)] if call.node.op == "MaxPool" else [made]


def pool_all(call: Call) -> list[Value]:
    """GlobalAveragePool and GlobalMaxPool."""
    x = call.value(0)
    need(3 <= x.rank <= 5, "a pool over this shape is not known")
    return [Value(x.kind, (*x.shape[:2], *[1] * (x.rank - 2)))]


def matmul(call: Call) -> list[Value]:
    """MatMul, as NumPy has it."""
    a, b = call.value(0), call.value(1)
    need(a.rank >= 1 and b.rank >= 1, "a product of single numbers is not known")
    left = a.shape if a.rank > 1 else (1, *a.shape)
    right = b.shape if b.rank > 1 else (*b.shape, 1)
    need(left[-1] == right[-2], f"matrices of {a.shape} and {b.shape} do not fit")
    rows = (left[-2],) if a.rank > 1 else ()
    columns = (right[-1],) if b.rank > 1 else ()
    made = Value(a.kind, (*together(left[:-2], right[:-2]), *rows, *columns))
    call.work = made.count * left[-1]
    return [made]


def gemm(call: Call) -> list[Value]:
    """Gemm."""
    a, b = call.value(0), call.value(1)
    need(a.rank == b.rank == 2, "Gemm is of matrices")
    left = a.shape[::-1] if call.integer("transA", 0) else a.shape
    right = b.shape[::-1] if call.integer("transB", 0) else b.shape
    need(left[1] == right[0], f"matrices of {a.shape} and {b.shape} do not fit")
    shape = (left[0], right[1])
    added = call.maybe(2)
    need(added is None or together(added.shape, shape) == shape, "what is added does not fit")
    call.work = math.prod(shape) * left[1]
    return [Value(a.kind, shape)]


def einsum(call: Call) -> list[Value]:
    """Einsum, every dimension by a letter."""
    said = call.node.attributes.get("equation")
    need(isinstance(said, str) and len(said) < 200, "there is no equation")
    taken, arrow, given = str(said).replace(" ", "").partition("->")
    terms = taken.split(",")
    need(bool(arrow) and set(taken + given) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,"), "equation")
    need(len(terms) == len(call.given) and len(set(given)) == len(given), "the equation does not fit")
    size: dict[str, int] = {}
    for number, term in enumerate(terms):
        x = call.value(number)
        need(len(term) == x.rank == len(set(term)), "the equation does not fit")
        for letter, side in zip(term, x.shape, strict=True):
            need(size.setdefault(letter, side) == side, "the equation does not fit")
    need(set(given) <= size.keys(), "the equation does not fit")
    call.work = math.prod(size.values())
    return [Value(call.value(0).kind, tuple(size[letter] for letter in given))]


def batch_norm(call: Call) -> list[Value]:
    """BatchNormalization, in use and not in training."""
    x = call.value(0)
    need(x.rank >= 2 and not call.integer("training_mode", 0) and call.integer("spatial", 1) == 1, "it is in training")
    for number in range(1, 5):
        _vector(call, number, x.shape[1])
    return [Value(x.kind, x.shape)]


def instance_norm(call: Call) -> list[Value]:
    """InstanceNormalization."""
    x = call.value(0)
    need(x.rank >= 3, "it needs places")
    for number in (1, 2):
        _vector(call, number, x.shape[1])
    return [Value(x.kind, x.shape)]


def group_norm(call: Call) -> list[Value]:
    """GroupNormalization; before version 21 a scale a group."""
    x, groups = call.value(0), call.integer("num_groups")
    need(x.rank >= 3 and groups >= 1 and x.shape[1] % groups == 0, "the groups do not fit")
    for number in (1, 2):
        _vector(call, number, x.shape[1] if call.opset >= 21 else groups)
    return [Value(x.kind, x.shape)]


def layer_norm(call: Call) -> list[Value]:
    """LayerNormalization and RMSNormalization."""
    x = call.value(0)
    axis = call.axis(call.integer("axis", -1), x.rank)
    need(x.rank >= 1, "it needs a dimension")
    for scale in (call.value(1), call.maybe(2)):
        need(scale is None or scale.shape == x.shape[axis:], "the scale does not fit")
    apart = Value(x.kind, (*x.shape[:axis], *[1] * (x.rank - axis)))
    return [Value(x.kind, x.shape), apart, apart]


def local_norm(call: Call) -> list[Value]:
    """LRN."""
    x, size = call.value(0), call.integer("size")
    need(x.rank == 4 and 1 <= size <= 99 and size % 2 == 1, "a neighbourhood of this size is not known")
    call.work = SLOW * x.count * size
    return [Value(x.kind, x.shape)]


def resize(call: Call) -> list[Value]:
    """Resize and Upsample, to sizes known beforehand."""
    x = call.value(0)
    modes = ("nearest", "linear", "cubic")
    call.text("mode", *modes)
    call.text("coordinate_transformation_mode", "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
              "half_pixel_symmetric")  # fmt: skip
    call.text("keep_aspect_ratio_policy", "stretch")
    axes = call.axes(call.integers("axes", range(x.rank)), x.rank)
    at = 2 if call.node.op == "Resize" and call.opset >= 11 else 1
    scales, sizes = call.maybe(at), call.maybe(at + 1)
    if sizes is not None and sizes.count:
        wanted = call.whole(at + 1)
    else:
        factors = call.reals("scales") if scales is None else [float(n) for n in call.numbers(at)]
        need(len(factors) == len(axes) and all(0 < f < 1e6 for f in factors), "the scales do not fit")
        wanted = [math.floor(x.shape[axis] * factor) for axis, factor in zip(axes, factors, strict=True)]
    need(len(wanted) == len(axes) and min(wanted, default=1) >= 1, "the sizes do not fit")
    shape = list(x.shape)
    for axis, side in zip(axes, wanted, strict=True):
        shape[axis] = side
    made = Value(x.kind, tuple(shape))
    call.work = SLOW * 16 * made.count
    return [made]


def grid_sample(call: Call) -> list[Value]:
    """GridSample of pictures."""
    x, grid = call.value(0), call.value(1)
    call.text("padding_mode", "zeros", "border", "reflection")
    call.text("mode", "bilinear", "linear", "nearest", "bicubic", "cubic")
    need(x.rank == grid.rank == 4 and grid.shape[3] == 2 and grid.shape[0] == x.shape[0], "the grid does not fit")
    made = Value(x.kind, (*x.shape[:2], *grid.shape[1:3]))
    call.work = SLOW * 16 * made.count
    return [made]


def prelu(call: Call) -> list[Value]:
    """PRelu: a slope for all, or for each channel."""
    x = call.value(0)
    need(together(x.shape, call.value(1).shape) == x.shape, "the slopes do not fit")
    return [Value(x.kind, x.shape)]


def dropout(call: Call) -> list[Value]:
    """Dropout, in use and not in training."""
    x, training = call.value(0), call.maybe(2)
    if training is not None and (training.known is None or training.known.any()):
        raise UnfitError("it is in training")
    return [Value(x.kind, x.shape, x.known), Value(BOOL, x.shape)]


def quantise(call: Call) -> list[Value]:
    """QuantizeLinear and DequantizeLinear, by one scale or one along a dimension."""
    x, scale, zero = call.value(0), call.value(1), call.maybe(2)
    need(not call.integer("block_size", 0), "scales of blocks are not known")
    if scale.shape not in ((), (1,)):
        axis = call.axis(call.integer("axis", 1), x.rank)
        need(scale.shape == x.shape[axis : axis + 1], "the scales do not fit")
    need(zero is None or zero.shape == scale.shape, "the zero points do not fit")
    if call.node.op == "DequantizeLinear":
        return [Value(scale.kind, x.shape)]
    return [Value(zero.kind if zero else call.integer("output_dtype", 0) or 2, x.shape)]


LAYERS: dict[str, Rule] = {
    "AveragePool": pool, "BatchNormalization": batch_norm, "Conv": conv, "ConvTranspose": conv_transpose,
    "DequantizeLinear": quantise, "Dropout": dropout, "Einsum": einsum, "Gemm": gemm, "GlobalAveragePool": pool_all,
    "GlobalMaxPool": pool_all, "GridSample": grid_sample, "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm, "LRN": local_norm, "LayerNormalization": layer_norm, "MatMul": matmul,
    "MaxPool": pool, "PRelu": prelu, "QuantizeLinear": quantise, "RMSNormalization": layer_norm, "Resize": resize,
    "Upsample": resize,
}  # fmt: skip
