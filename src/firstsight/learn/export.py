"""From a trained encoder to a model directory, and back to torch for further training."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import safetensors.torch
import torch
from onnxscript.optimizer import fold_constants, remove_unused_nodes
from torch import Tensor, nn
from torch.nn import functional

import firstsight
from firstsight.card import card
from firstsight.errors import ModelError, TrainingError
from firstsight.files import write_together
from firstsight.inputs import Input
from firstsight.learn.catalogue import ENCODERS, SIMILARITIES
from firstsight.learn.half import narrow, rounded, stored
from firstsight.learn.recipe import exported_as
from firstsight.learn.settings import ExportSettings
from firstsight.learn.similarities import TorchSimilarity, unit
from firstsight.learn.weighted import Learned, sized
from firstsight.model import Model
from firstsight.spec import FileSpec, InputSpec, LinkSpec, ModelSpec, SimilaritySpec, TrainingSpec
from firstsight.types import FloatArray, IntArray, PixelArray

TOLERANCE = 1e-4
BLOCK = 1 << 22  # pixels embedded at once; large readings are few at a time


class Readable(nn.Module):
    """An encoder that takes raw readings: uint8 in, embeddings as they are compared out.

    Args:
        encoder: the network.
        similarity: how its embeddings are compared.
        size: side of a reading, in pixels.
        views: of each reading that are embedded and averaged: 1, or 5 for it and slightly turned and scaled copies.
    """

    grids: Tensor

    def __init__(self, encoder: nn.Module, similarity: TorchSimilarity, size: int, views: int = 1) -> None:
        super().__init__()
        self.encoder = encoder
        self.similarity = similarity
        shape = [views - 1, 1, size, size]
        warps = torch.tensor(WARPS)[: views - 1]
        self.register_buffer("grids", functional.affine_grid(warps, shape, align_corners=False) if views > 1 else warps)

    def forward(self, readings: Tensor) -> Tensor:
        """``(n, c, h, w)`` uint8 -> ``(n, d)`` float32."""
        images = readings.to(torch.float32) / 255
        if not len(self.grids):
            return self.similarity.prepare(self.encoder(images))
        n = images.shape[0]
        warped = [
            functional.grid_sample(images, grid.expand(n, -1, -1, -1), padding_mode="border", align_corners=False)
            for grid in self.grids
        ]
        # One run of the network on all views: small batches leave much of a processor idle.
        embeddings = self.similarity.prepare(self.encoder(torch.cat([images, *warped])))
        mean = embeddings.reshape(1 + len(self.grids), -1, embeddings.shape[-1]).mean(0)
        return unit(mean) if self.similarity.normalise else mean


def _warp(degrees: float, scale: float) -> list[list[float]]:
    cosine, sine = math.cos(math.radians(degrees)) * scale, math.sin(math.radians(degrees)) * scale
    return [[cosine, -sine, 0.0], [sine, cosine, 0.0]]


WARPS = (_warp(12, 1), _warp(-12, 1), _warp(0, 1.1), _warp(0, 0.9))
"""What the extra views are: turned either way, a little smaller, a little larger."""


class LabEmbedder:
    """An encoder in torch as an Embedder: what validation sees, and what the runtime must equal.

    Args:
        encoder: the network; put into evaluation mode.
        similarity: how its embeddings are compared.
        views: as in :class:`Readable`.
        name: for reports.
    """

    def __init__(self, encoder: nn.Module, similarity: TorchSimilarity, views: int = 1, name: str = "lab") -> None:
        self.name = name
        self._parts = (encoder, similarity, views)
        self._runtime = similarity.runtime

    def embed_arrays(self, arrays: PixelArray) -> FloatArray:
        """Readings ``(n, c, h, w)`` uint8 to embeddings ``(n, d)`` float32."""
        encoder, similarity, views = self._parts
        readable = Readable(encoder, similarity, arrays.shape[-1], views).eval()
        most = max(1, min(256, BLOCK // math.prod(arrays.shape[1:])) // views)
        with torch.inference_mode():
            blocks = [
                readable(torch.from_numpy(arrays[i : i + most]).contiguous(memory_format=torch.channels_last))
                for i in range(0, len(arrays), most)
            ]
        return torch.cat(blocks).numpy()

    def templates(self, vectors: FloatArray, owners: IntArray, identities: int) -> FloatArray:
        """One vector an identity, as the runtime fuses them."""
        return self._runtime.templates(vectors, owners, identities)

    def score(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Scores ``(a, b)`` by the similarity the model will store."""
        return self._runtime.scores(left, right)


def to_onnx(
    encoder: nn.Module, similarity: TorchSimilarity, reader: Input, views: int = 1, half: bool = False
) -> bytes:
    """The encoder as an ONNX graph in one file, stripped of what it tells about the machine it was made on.

    Args:
        encoder, similarity: what is exported.
        reader: whose readings it takes.
        views: as in :class:`Readable`.
        half: store what float16 can hold exactly in float16; the network should be ``rounded``.
    """
    readable = Readable(encoder, similarity, reader.shape[-1], views).eval()
    example = torch.zeros((2, *reader.shape), dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            readable,
            (example,),
            input_names=["readings"],
            output_names=["embeddings"],
            dynamic_shapes=({0: torch.export.Dim("n", min=1, max=1 << 20)},),
            dynamo=True,
            external_data=False,
            verbose=False,
            optimize=False,
        )
    if program is None:
        raise TrainingError("the encoder can't be exported to ONNX")
    # The exporter's own optimiser would also fold normalisation into the kernels, whose numbers float16 could not hold
    # then. Runtimes fold it when they load.
    fold_constants(program.model)
    remove_unused_nodes(program.model)
    proto = program.model_proto
    strip(proto)
    _plain_pools(proto)
    if half:
        narrow(proto)
    made: bytes = proto.SerializeToString()
    return made


def strip(proto: Any) -> None:
    """Remove stack traces, source paths and module names, which tell of the machine and change from run to run."""
    del proto.metadata_props[:]
    proto.doc_string = ""
    del proto.graph.metadata_props[:]
    proto.graph.doc_string = ""
    for item in (*proto.graph.node, *proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        del item.metadata_props[:]
        item.doc_string = ""
    for tensor in proto.graph.initializer:
        del tensor.metadata_props[:]
        tensor.doc_string = ""


def _plain_pools(proto: Any) -> None:
    """Where a pool's windows fill its input there is nothing to round up: say so, as runtimes are faster then."""
    inferred = onnx.shape_inference.infer_shapes(proto)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in inferred.graph.value_info}
    for node in proto.graph.node:
        if node.op_type == "AveragePool":
            given = {a.name: a for a in node.attribute}
            sides = shapes.get(node.input[0], [])[2:]
            kernel, strides = given["kernel_shape"].ints, given["strides"].ints
            if (
                sides
                and not any(given["pads"].ints)
                and all(side and (side - k) % s == 0 for side, k, s in zip(sides, kernel, strides, strict=True))
            ):
                given["ceil_mode"].i = 0


def save(
    path: Path,
    *,
    name: str,
    encoder: nn.Module,
    similarity: TorchSimilarity,
    reader: Input,
    dim: int,
    views: int,
    trained: TrainingSpec,
    probe: PixelArray,
) -> Model:
    """Write a model directory and load it as users will.

    A model that was there stays until the new one is on disk and embeds as the trained one; ``model.json`` comes last.

    With ``export.half`` among its settings the weights are rounded first: another model, with its own fingerprint.

    Args:
        path: its directory.
        name, encoder, similarity, reader, dim, views: of the model.
        trained: what it learned from, and its settings.
        probe: readings ``(n, c, h, w)`` on which the loaded model must equal the trained one to 1e-4.

    Raises:
        TrainingError: it does not, or half precision can't hold its weights.
        StorageError: the disk refused.
    """
    half = trained.settings.get("export", {}).get("half", False) is True
    if half:
        encoder = rounded(encoder)
    weights = {k: v.detach().contiguous() for k, v in Learned(encoder, similarity).weights().items()}
    files = {
        "encoder.onnx": to_onnx(encoder, similarity, reader, views, half),
        "encoder.safetensors": safetensors.torch.save(stored(weights) if half else weights),
    }
    specs = {k: described(v) for k, v in files.items()}
    runtime = similarity.runtime
    link = runtime.link
    spec = ModelSpec(
        format=1,
        name=name,
        made_by=f"firstsight {firstsight.__version__}",
        input=InputSpec(name=reader.name, version=reader.version, settings=asdict(reader)),  # type: ignore[call-overload]
        similarity=SimilaritySpec(
            measure=runtime.measure,
            link=LinkSpec(kind=link.kind, scale=link.scale, bias=link.bias, gamma=link.gamma),
        ),
        dim=dim,
        files=specs,  # type: ignore[arg-type]
        trained=trained,
    )

    def check(place: Path) -> None:
        lab = LabEmbedder(encoder, similarity, views)
        gap = float(np.abs(Model.load(place).embed_arrays(probe) - lab.embed_arrays(probe)).max())
        if not gap <= TOLERANCE:
            raise TrainingError(
                f"the exported model differs from the trained one by {gap:.2g}, {TOLERANCE:g} is allowed"
            )

    return publish(path, spec, files, check)


def described(content: bytes) -> FileSpec:
    """Size and hash, as ``model.json`` holds them."""
    return FileSpec(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def publish(path: Path, spec: ModelSpec, files: Mapping[str, bytes], check: Callable[[Path], object]) -> Model:
    """Write a model directory, or leave the one that was there; an old calibration goes.

    Args:
        path: its directory.
        spec: becomes ``model.json``, which is written last.
        files: the weights.
        check: called with a directory that holds the new files; what it raises leaves the old ones in place.

    Raises:
        StorageError: the disk refused.
    """
    described_by = {
        "README.md": card(spec, None).encode(),
        "model.json": json.dumps(spec.model_dump(exclude_none=True), indent=1).encode(),
    }
    write_together(path, {**files, **described_by}, check=check)
    (path / "calibration.json").unlink(missing_ok=True)
    return Model.load(path)


def save_again(model: Model, out: Path, changes: Sequence[str] = ()) -> Model:
    """Write a model once more with other ``[export]`` settings: other views, or half precision.

    It has no calibration, since its scores differ. Weights once rounded stay as they are.

    Args:
        model: as it was saved.
        out: directory of the new one.
        changes: ``export.key=value``.

    Raises:
        UsageError: a change is of another section, or not one that ``[export]`` takes.
        ModelError: the weights do not fit the network its settings describe.
    """
    settings = exported_as(model.spec.trained.settings.get("export", {}), changes)
    encoder, similarity = load_encoder(model)
    return save(
        out,
        name=model.name,
        encoder=encoder,
        similarity=similarity,
        reader=model.input,
        dim=model.dim,
        views=ExportSettings(**settings).views,
        trained=model.spec.trained.model_copy(update={"settings": {**model.spec.trained.settings, "export": settings}}),
        probe=np.random.default_rng(0).integers(0, 256, (16, *model.input.shape), np.uint8),
    )


def load_lab(model: Model) -> LabEmbedder:
    """A model directory's network in torch, as an Embedder that must equal the runtime's.

    Raises:
        ModelError: it is an int8 copy, which torch can't equal; or its weights do not fit.
    """
    if model.spec.int8 is not None:
        raise ModelError(f"{model.path} is an int8 copy, which has no twin in the lab; take the model it was made from")
    encoder, similarity = load_encoder(model)
    return LabEmbedder(encoder, similarity, model.spec.trained.settings.get("export", {}).get("views", 1))


def load_encoder(model: Model) -> tuple[nn.Module, TorchSimilarity]:
    """The network and similarity of a model directory, in torch.

    Raises:
        ModelError: the weights do not fit the network its settings describe.
    """
    settings = {k: dict(v) for k, v in model.spec.trained.settings.items()}
    channels, size, _ = model.input.shape
    try:
        encoder = ENCODERS[settings["encoder"].pop("name")](channels, size, **settings["encoder"])
        part = SIMILARITIES[settings["similarity"].pop("name")]
        similarity = sized(part, model.dim, settings["similarity"])
        weights = safetensors.torch.load((model.path / "encoder.safetensors").read_bytes())
        Learned(encoder, similarity).take(weights)
    except (KeyError, TypeError, RuntimeError, OSError) as error:
        raise ModelError(f"{model.path} can't be trained further ({str(error).splitlines()[0]})") from None
    return encoder.eval(), similarity
