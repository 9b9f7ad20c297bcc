"""Training further: what a run takes over from the model it starts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from firstsight.errors import ModelError, UsageError
from firstsight.learn import recipe as recipes
from firstsight.learn.backbones.layers import OnFrozen, Tuned
from firstsight.learn.comparisons.proxies import Proxies
from firstsight.learn.encoders.residual import HEAD, Residual
from firstsight.learn.export.directory import load_encoder
from firstsight.learn.export.readable import LabEmbedder
from firstsight.learn.recipe import Recipe
from firstsight.learn.similarities.base import TorchSimilarity
from firstsight.learn.similarities.weighted import WeightedL1
from firstsight.model import SHIPPED, Model
from firstsight.types import FloatArray

TAKEN = ("input", "encoder", "similarity")
"""Sections of a recipe that the model decides: its weights mean nothing under others."""
SHOWN = 8  # examples a class that place its proxy; more hardly move a mean


def recipe_from(model: Model, recipe: str | None, changes: Sequence[str] = ()) -> Recipe:
    """The recipe of a run that starts from a model.

    Args:
        model: its input, encoder and similarity are those of the run.
        recipe: of all else, a shipped name or a path; None for the one the model was made by, without its data.
        changes: ``section.key=value``, the last word on every section.

    Raises:
        UsageError: as :func:`firstsight.learn.recipe.load`, or the changes name another start.
        ModelError: what the model says it was made by is no recipe.
    """
    if other := [change for change in changes if change.startswith("training.start=")]:
        raise UsageError(f"--from {model.path} and {other[0]} came, which replace each other; give one of them")
    stored = model.spec.trained.settings
    if recipe is not None:
        taken = {section: stored.get(section, {}) for section in TAKEN}
        chosen = recipes.load(recipe, changes, instead={**taken, "input": _input_of(model)})
    else:
        try:
            recipes.made(model.name, stored)
        except UsageError as error:
            raise ModelError(f"{model.path} says it was made by what is no recipe here ({error}); name one") from None
        chosen = recipes.made(model.spec.trained.recipe, {**stored, "data": {}, "input": _input_of(model)}, changes)
    start = model.name if model.path.parent == SHIPPED else str(model.path.resolve())
    training = {**chosen.sections.get("training", {}), "start": start}
    if recipe is None:
        training.pop("precision", None)  # that machine's
    return Recipe(chosen.name, {**chosen.sections, "training": training})


def _input_of(model: Model) -> dict[str, Any]:
    """Section ``[input]`` of the recipe that a model was made by, with the depth that calibrating may have stated."""
    depth = model.spec.input.settings.get("depth")
    stored: dict[str, Any] = model.spec.trained.settings.get("input", {})
    return {**stored, "depth": depth} if depth else stored


def goes_on(model: Model, recipe: Recipe) -> bool:
    """Whether a run from a model stands on the very network that the model holds: frozen there, and to stay so."""
    backbone = model.spec.trained.backbone
    return backbone is not None and backbone.frozen and recipe.settings("encoder").get("frozen", True) is True


def check_start(recipe: Recipe) -> None:
    """Refuse to freeze convolutions that nobody trained.

    Raises:
        UsageError: there is no model to start from.
    """
    frozen = recipe.part("encoder") is Residual and recipe.sections["encoder"].get("frozen") is True
    if frozen and not recipe.training.start:
        raise UsageError(
            "encoder.frozen keeps the convolutions of the model that training starts from, and it starts from none; "
            "set training.start, or leave encoder.frozen out"
        )


def load_weights(encoder: nn.Module, model: Model, recipe: Recipe, network: nn.Module | None = None) -> None:
    """Give an encoder the weights of a model.

    A network that was frozen there and learns here keeps the weights it came with, and takes over the layers on it.
    Where all before the head is frozen here, a head of another shape begins anew.

    Args:
        encoder: receives them.
        model: they are of.
        recipe: of the run.
        network: the torch module that the model learned in, where no file describes it.

    Raises:
        ModelError: the recipe's encoder is another; the message names the settings that differ.
    """
    weights, _ = load_encoder(model, network)
    if isinstance(encoder, Tuned) and isinstance(weights, OnFrozen):
        if encoder.origin.sha256 != weights.origin.sha256:
            raise ModelError(
                f"{model.path} stands on {weights.origin.name} with other weights ({weights.origin.sha256[:16]}...) "
                f"than {encoder.origin.name} here ({encoder.origin.sha256[:16]}...); hand over "
                "the network it was made from"
            )
        encoder, weights = encoder.layers, weights.layers
    kept = weights.state_dict()
    if isinstance(encoder, Residual) and encoder.frozen:
        head = {name: tensor for name, tensor in encoder.state_dict().items() if name.startswith(HEAD)}
        if any(name not in kept or kept[name].shape != tensor.shape for name, tensor in head.items()):
            kept = {name: tensor for name, tensor in kept.items() if not name.startswith(HEAD)} | head
    try:
        encoder.load_state_dict(kept)
    except RuntimeError:
        stored = model.spec.trained.settings
        asked = {f"{s}.{k}": v for s in ("encoder", "input") for k, v in recipe.sections.get(s, {}).items()}
        there = {f"{s}.{k}": v for s in ("encoder", "input") for k, v in stored.get(s, {}).items()}
        differ = [k for k in sorted(asked | there) if asked.get(k) != there.get(k)]
        named = ", ".join(f"{k} is {_shown(asked, k)} here and {_shown(there, k)} there" for k in differ)
        raise ModelError(
            f"{model.path} has an encoder of another shape than the recipe's ({named}); a model is trained further "
            "with its own [encoder] and [input]"
        ) from None


def load_similarity(similarity: TorchSimilarity, model: Model, network: nn.Module | None = None) -> None:
    """Give a similarity that learns what a model learned of it; of another similarity than the model's it begins anew.

    Raises:
        ModelError: the model's weights are not those its settings describe.
        UsageError: they are free and some below 0, and the similarity folds.
    """
    _, stored = load_encoder(model, network)
    if isinstance(similarity, WeightedL1) and isinstance(stored, WeightedL1):
        similarity.load_state_dict(stored.state_for(similarity.kind))
    elif isinstance(similarity, nn.Module) and isinstance(stored, type(similarity)):
        similarity.load_state_dict(stored.state_dict())


def _shown(settings: dict[str, object], key: str) -> object:
    return settings.get(key, "not set")


def place_proxies(
    comparison: nn.Module,
    encoder: nn.Module,
    similarity: TorchSimilarity,
    images: Tensor,
    labels: Tensor,
    turns: int,
    features: FloatArray | None = None,
) -> None:
    """Put the proxy of each class where a trained encoder already sees it: at the mean of some examples' embeddings.

    Args:
        comparison: left as it is unless it is :class:`Proxies`.
        images: ``(n, c, h, w)`` uint8.
        labels: ``(n,)`` in 0..classes - 1.
        turns: as for :func:`firstsight.learn.augment.warp.turn`; each turned class has a proxy of its own, and
            those of composites stay.
        features: ``(n, f)`` that a frozen network gave for the images, which then is not run again; not turned.
    """
    if not isinstance(comparison, Proxies):
        return
    classes = int(labels.max()) + 1
    order = torch.argsort(labels, stable=True)
    rank = torch.arange(len(order)) - torch.searchsorted(labels[order], labels[order])
    some = order[rank < SHOWN]
    lab, total = LabEmbedder(encoder, similarity), torch.zeros_like(comparison.proxies[: classes * turns])
    for begin in range(0, len(some), 256):
        block = some[begin : begin + 256]
        if features is not None:
            total.index_add_(0, labels[block], torch.from_numpy(lab.embed_features(features[block.numpy()])))
            continue
        shown = images[block]
        for k in range(turns):
            turned = torch.rot90(shown.flip(-1) if k >= 4 else shown, k % 4, (2, 3))
            total.index_add_(0, labels[block] + k * classes, torch.from_numpy(lab.embed_arrays(turned.numpy())))
    with torch.no_grad():
        comparison.proxies[: classes * turns] = similarity.prepare(total)
