"""From a trained encoder to a model directory, and back to torch for further training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import safetensors.torch
import torch
from torch import nn

import firstsight
from firstsight.card import card
from firstsight.errors import ModelError, TrainingError, UsageError
from firstsight.files import write_together
from firstsight.graphs import PairGraph
from firstsight.inputs import Input, settings_of
from firstsight.learn.backbones.layers import Origin
from firstsight.learn.encoders.pretrained import again
from firstsight.learn.export.graph import to_onnx
from firstsight.learn.export.half import rounded, stored
from firstsight.learn.export.readable import LabEmbedder
from firstsight.learn.recipe import exported_as, part_of
from firstsight.learn.settings import ExportSettings
from firstsight.learn.similarities.base import TorchSimilarity
from firstsight.learn.similarities.weighted import Learned, sized
from firstsight.model import Model
from firstsight.reranking import Reranked
from firstsight.spec import LEARNED, FileSpec, InputSpec, LinkSpec, ModelSpec, PairSpec, SimilaritySpec, TrainingSpec
from firstsight.types import PixelArray

TOLERANCE = 1e-4
SCORES = 10.0  # size of a logit, beside which a gap of scores is seen


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
    learned: bytes | None = None,
) -> Model:
    """Write a model directory and load it as users will.

    A model that was there stays until the new one is on disk and embeds as the trained one; ``model.json`` comes last.

    With ``export.half`` among its settings the weights are rounded first: another model, with its own fingerprint.

    Args:
        path: its directory.
        name, encoder, similarity, reader, dim, views: of the model.
        trained: what it learned from, and its settings.
        probe: readings ``(n, c, h, w)`` on which the loaded model must equal the trained one to 1e-4.
        learned: what tells the images it learned again; None where that is not known.

    Raises:
        TrainingError: it does not, or half precision can't hold its weights.
        StorageError: the disk refused.
    """
    half = trained.settings.get("export", {}).get("half", False) is True
    if half:
        encoder = rounded(encoder)
        if isinstance(similarity, nn.Module):
            similarity = cast("TorchSimilarity", rounded(similarity))
    # A torch module's own weights are in the graph and among the weights; a frozen network's in the graph alone.
    weights = {k: v.detach().contiguous() for k, v in Learned(encoder, similarity).weights().items()}
    files = {
        "encoder.onnx": to_onnx(encoder, similarity, reader, views, half),
        "encoder.safetensors": safetensors.torch.save(stored(weights) if half else weights),
    }
    runtime = similarity.runtime
    nearest = runtime.nearest if isinstance(runtime, Reranked) else runtime
    if isinstance(runtime, Reranked):
        files["pair.onnx"] = cast("PairGraph", runtime.network).data
    if learned is not None:
        files[LEARNED] = learned
    specs = {k: described(v) for k, v in files.items()}
    link = nearest.link
    spec = ModelSpec(
        format=1,
        name=name,
        made_by=f"firstsight {firstsight.__version__}",
        input=InputSpec(name=reader.name, version=reader.version, settings=settings_of(reader)),
        similarity=SimilaritySpec(
            measure=nearest.measure,
            link=LinkSpec(kind=link.kind, scale=link.scale, bias=link.bias, gamma=link.gamma),
        ),
        dim=dim,
        files=specs,  # type: ignore[arg-type]
        trained=trained,
        pair=PairSpec(shortlist=runtime.shortlist) if isinstance(runtime, Reranked) else None,
    )

    def check(place: Path) -> None:
        lab = LabEmbedder(encoder, similarity, views)
        loaded = Model.load(place)
        found, expected = loaded.embed_arrays(probe), lab.embed_arrays(probe)
        # float32 has seven digits whatever the length of an embedding; those of unit length are held to TOLERANCE.
        gap = float(np.abs(found - expected).max()) / max(1.0, float(np.abs(expected).max()))
        if isinstance(runtime, Reranked):
            with torch.inference_mode():
                sides = torch.from_numpy(expected), torch.from_numpy(np.roll(expected, 1, 0))
                scores = similarity.aligned(*sides).numpy()
            gap = max(gap, float(np.abs(loaded.aligned(found, np.roll(found, 1, 0)) - scores).max()) / SCORES)
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
    for name in {"pair.onnx", LEARNED} - set(files):
        (path / name).unlink(missing_ok=True)
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
        learned=model.content(LEARNED) if LEARNED in model.spec.files else None,
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


def load_encoder(model: Model, network: nn.Module | None = None) -> tuple[nn.Module, TorchSimilarity]:
    """The network and similarity of a model directory, in torch.

    Args:
        model: as it was saved.
        network: the torch module that it learned in, where it is one that no file describes.

    Raises:
        ModelError: the weights do not fit the network its settings describe.
    """
    settings = {k: dict(v) for k, v in model.spec.trained.settings.items()}
    channels, size, _ = model.input.shape
    backbone = model.spec.trained.backbone
    if backbone is not None and model.spec.int8 is not None:
        raise ModelError(
            f"{model.path} is an int8 copy, from which its pretrained network can't be taken; take the model it was "
            "made from"
        )
    encoder: nn.Module
    stored_weights = model.content("encoder.safetensors")
    try:
        if backbone is not None:
            origin = Origin(backbone.name, backbone.sha256, backbone.licence)
            graph = model.content("encoder.onnx")
            encoder = again(settings["encoder"], model.input.shape, origin, graph, str(model.path), network)
        else:
            part, chosen = part_of("encoder", settings["encoder"])
            with torch.device("meta"):  # a record may ask for more weights than any memory holds
                numbers = sum(w.numel() for w in part(channels, size, **chosen).state_dict().values())
            if 2 * numbers > len(stored_weights):
                raise TypeError(f"its weights are not the {numbers:,} numbers of the network it describes")
            encoder = part(channels, size, **chosen)
        part, chosen = part_of("similarity", settings["similarity"])
        similarity = sized(part, model.dim, chosen)  # type: ignore[arg-type]
        Learned(encoder, similarity).take(safetensors.torch.load(stored_weights))
    except (KeyError, TypeError, ValueError, RuntimeError, UsageError, safetensors.SafetensorError) as error:
        raise ModelError(f"{model.path} can't be trained further ({str(error).splitlines()[0]})") from None
    return encoder.eval(), similarity
