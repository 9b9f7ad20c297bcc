"""An int8 copy of a model: its convolutions and matrix products in 8-bit whole numbers, about twice as fast in use.

Static quantisation (Jacob et al., 2018, arXiv:1712.05877): the range of every tensor is measured beforehand, on
readings; kernels are scaled channel by channel.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx

from firstsight.datasets import absolute, addressed, open_data
from firstsight.datasets.readings import Progress, read_all
from firstsight.errors import ModelError, TrainingError
from firstsight.learn.export.directory import described, publish
from firstsight.learn.export.graph import strip
from firstsight.model import Model
from firstsight.onnx_runtime import loaded
from firstsight.spec import LEARNED, FileSpec, Int8Spec
from firstsight.types import PixelArray

READINGS = 512
MOST_LOST = 0.25
_OPERATORS = ["Conv", "Gemm", "Add", "Relu", "AveragePool", "MaxPool"]
_BLOCK = 32


def quantise(model: Model, address: str | Path, out: Path, *, progress: Progress | None = None) -> Model:
    """Write an int8 copy: another model, with a fingerprint of its own and no calibration, since its scores differ.

    The weights for further training stay those of the model.

    Args:
        model: in floating point.
        address: of data like that it will see; ranges are measured on 512 examples of it, drawn with seed 0.
        out: directory of the copy.
        progress: called while the data is decoded.

    Raises:
        ModelError: it is an int8 copy already.
        DataError: the data can't be opened.
        TrainingError: embeddings would differ by a quarter of their length or more.
        StorageError: the disk refused.
    """
    if model.spec.int8 is not None:
        raise ModelError(f"{model.path} is an int8 copy already; quantise the model it was made from")
    address = addressed(address)
    data = open_data(address)
    data.tell_notes()
    drawn = np.sort(np.random.default_rng(0).permutation(len(data))[:READINGS])
    arrays = read_all(data.take(drawn, data.name), model.input, progress=progress)
    model.embed_arrays(arrays[:1])  # which looks the graph through, before the quantiser runs it
    files = {
        "encoder.onnx": to_int8(model.content("encoder.onnx"), arrays),
        "encoder.safetensors": model.content("encoder.safetensors"),
    }
    if LEARNED in model.spec.files:
        files[LEARNED] = model.content(LEARNED)
    if model.pairwise:
        files["pair.onnx"] = model.content("pair.onnx")
    files_spec: dict[str, FileSpec] = {k: described(v) for k, v in files.items()}
    spec = model.spec.model_copy(
        update={
            "name": f"{model.name[:59]}-int8",
            "files": files_spec,
            "int8": Int8Spec(of=model.fingerprint, data=absolute(address), readings=len(arrays)),
        }
    )

    def check(place: Path) -> None:
        exact = model.embed_arrays(arrays)
        lost = np.linalg.norm(Model.load(place).embed_arrays(arrays) - exact, axis=1)
        share = float(np.median(lost / np.maximum(np.linalg.norm(exact, axis=1), 1e-12)))
        if not share <= MOST_LOST:
            raise TrainingError(
                f"int8 would change the embeddings of {data.name} by {share:.0%} of their length, at most "
                f"{MOST_LOST:.0%} is allowed; name data like that the model is used on, or stay with the model as it is"
            )

    return publish(out, spec, files, check)


def to_int8(graph: bytes, readings: PixelArray) -> bytes:
    """A graph in QDQ form: standard operators, from which a runtime makes 8-bit kernels.

    Args:
        graph: the encoder's, in floating point.
        readings: ``(n, c, h, w)`` uint8, on which ranges are measured.
    """
    quantization = loaded("onnxruntime.quantization")
    prepare = loaded("onnxruntime.quantization.shape_inference").quant_pre_process
    root = logging.getLogger()
    before = root.level
    with tempfile.TemporaryDirectory() as folder:
        given, folded, made = (Path(folder) / f"{name}.onnx" for name in ("given", "folded", "made"))
        given.write_bytes(graph)
        root.setLevel(logging.ERROR)  # its hints are for those who call it by hand
        try:
            prepare(given, folded, skip_symbolic_shape=True)
            quantization.quantize_static(
                folded,
                made,
                _Readings(readings),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=_OPERATORS,
                per_channel=True,
                reduce_range=True,  # 7-bit kernels: 8-bit ones overflow on processors without VNNI
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
            )
        finally:
            root.setLevel(before)
        proto = onnx.load(made)
    strip(proto)
    used = {node.domain for node in proto.graph.node}
    for entry in [e for e in proto.opset_import if e.domain not in used]:
        proto.opset_import.remove(entry)
    content: bytes = proto.SerializeToString()
    return content


class _Readings:
    """Readings in blocks, as the quantiser asks for them."""

    def __init__(self, readings: PixelArray) -> None:
        self._blocks: Iterator[PixelArray] = iter([readings[i : i + _BLOCK] for i in range(0, len(readings), _BLOCK)])

    def get_next(self) -> dict[str, PixelArray] | None:
        """The next block, by the name of the graph's input; None after the last."""
        block = next(self._blocks, None)
        return None if block is None else {"readings": block}
