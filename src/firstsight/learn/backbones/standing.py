"""What a run's encoder stands on: which part of it learns, and the features of a network that does not."""

from __future__ import annotations

import time

from torch import nn

from firstsight.learn.backbones.keeping import features_of
from firstsight.learn.backbones.layers import OnFrozen, Tuned
from firstsight.learn.events import Event, Listener
from firstsight.spec import BackboneSpec
from firstsight.types import FloatArray, PixelArray


def learned_part(encoder: nn.Module) -> nn.Module:
    """What training changes: all of an encoder, or its layers on a frozen network."""
    return encoder.layers if isinstance(encoder, OnFrozen) else encoder


def stands_on(encoder: nn.Module) -> BackboneSpec | None:
    """The pretrained network of an encoder, as its model records it."""
    if not isinstance(encoder, OnFrozen | Tuned):
        return None
    origin = encoder.origin
    return BackboneSpec(
        name=origin.name, sha256=origin.sha256, licence=origin.licence, frozen=isinstance(encoder, OnFrozen)
    )


def features_by(encoder: nn.Module, name: str, arrays: PixelArray, listen: Listener) -> FloatArray | None:
    """Features ``(n, f)`` that the frozen network of an encoder gives for readings ``(n, c, h, w)``; None without one.

    Args:
        encoder: of a run.
        name: of the data.
        arrays: its readings.
        listen: told how far it is, and how long it took.
    """
    if not isinstance(encoder, OnFrozen):
        return None
    began, what = time.perf_counter(), f"features of {name}"
    made, kept = features_of(
        encoder.backbone, arrays, progress=lambda done, all_: listen(Event("reading", done, all_, what))
    )
    how = "kept from before" if kept else f"{time.perf_counter() - began:.1f} s, and kept"
    listen(Event("note", message=f"{what} by {encoder.origin.name}, {made.shape[1]:,} each: {how}"))
    return made
