"""Kept images read again: which references a gallery embedded from another reading than theirs is now.

Pictures of 8 bits without transparency are read as ever, which tests hold; so only the others are embedded again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from firstsight.errors import InputError
from firstsight.inputs.decode import is_plain
from firstsight.model import Model
from firstsight.types import FloatArray, Reference, Store

SECONDS = 60.0
"""That looking may take."""
_APART = 0.05  # of an embedding's length: rounding moves it less, another picture more


@dataclass(frozen=True, slots=True)
class Reread:
    """What came of looking.

    Attributes:
        otherwise: references whose kept image is read otherwise now, or not at all.
        looked: how many kept images were looked at.
        kept: how many there are.
    """

    otherwise: tuple[Reference, ...]
    looked: int
    kept: int


def reread(store: Store, model: Model, *, seconds: float = SECONDS) -> Reread:
    """Look at the kept images of a gallery, newest blocks last, until time is up.

    Args:
        store: of the gallery.
        model: that it is bound to.
        seconds: after which no further image is looked at.
    """
    found: list[Reference] = []
    looked = kept = 0
    until = time.monotonic() + seconds
    for references, vectors in store.rows():
        for reference, vector in zip(references, vectors, strict=True):
            kept += reference.kept
            if not reference.kept or time.monotonic() > until:
                continue
            looked += 1
            image = store.image(reference.id)
            if image is not None and not is_plain(image) and _differs(model, image, vector):
                found.append(reference)
    return Reread(tuple(found), looked, kept)


def _differs(model: Model, image: bytes, vector: FloatArray) -> bool:
    try:
        now = model.embed_arrays(model.input.read(image).arrays)
    except InputError:
        return True
    return now.shape != (1, len(vector)) or bool(
        np.linalg.norm(now[0] - vector) > _APART * max(float(np.linalg.norm(vector)), 1e-12)
    )
