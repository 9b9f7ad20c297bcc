"""The same people under another model: every reference embedded again, and the gallery switched in one moment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firstsight.datasets.readings import Progress
from firstsight.errors import GalleryError, InputError, ModelError, StorageError, count
from firstsight.files import expanded
from firstsight.gallery.bound import contract_of
from firstsight.gallery.taking import key_of
from firstsight.inputs.decode import read_bytes
from firstsight.model import Model
from firstsight.types import FloatArray, IntArray, PixelArray, Reference, Store

_BATCH = 64
_TRIES = 5  # how often others may change the gallery meanwhile


def rebuild(store: Store, model: Model, *, progress: Progress | None = None) -> int:
    """Embed all references anew and bind the gallery to the model; how many there are.

    The image of a reference is the one kept in the store, or else the file it came from, where that holds the same
    bytes still. Until the last is embedded the gallery answers as before; then it is switched, whole or not at all.

    Raises:
        GalleryError: images are missing or have changed; or others go on changing the gallery.
        InputError: the model sees nothing in one of them.
    """
    done: dict[int, FloatArray] = {}
    for _ in range(_TRIES):
        references = store.references()
        todo = [r for r in references if r.id not in done]
        _refuse_lost(store, todo)
        for start in range(0, len(todo), _BATCH):
            some = todo[start : start + _BATCH]
            vectors = model.embed_arrays(np.concatenate([_reading(store, model, r) for r in some]))
            done |= {r.id: v for r, v in zip(some, vectors, strict=True)}
            if progress:
                progress(start + len(some), len(todo))
        ids: IntArray = np.array([r.id for r in references], np.int64)
        whole = np.array([done[r.id] for r in references], np.float32).reshape(len(references), model.dim)
        if store.switch(contract_of(model, store.contract.keep_sources), ids, whole):
            store.erase()
            return len(references)
    raise GalleryError("others go on changing the gallery, so it was not rebuilt; let them pause, and try again")


def _image(store: Store, reference: Reference) -> bytes | None:
    """The bytes it was enrolled from, where they can be had."""
    if reference.kept:
        return store.image(reference.id)
    try:
        data = read_bytes(expanded(reference.source))
    except InputError:
        return None
    return data if reference.key and key_of(data) == reference.key else None


def _refuse_lost(store: Store, references: Sequence[Reference]) -> None:
    lost = [r for r in references if _image(store, r) is None]
    if lost:
        named = "; ".join(f"{r.identity} from {r.source}" for r in lost[:3])
        raise GalleryError(
            f"{count(len(lost), 'reference', 'references')} of {len(references)} can't be embedded again, since the "
            f"image is not kept and its file is gone or another ({named}{'; ...' if len(lost) > 3 else ''}); bring the "
            "files back, or remove these references; nothing has changed"
        )


def _reading(store: Store, model: Model, reference: Reference) -> PixelArray:
    data = _image(store, reference)
    if data is None:
        raise StorageError(
            f"the image of {reference.identity} from {reference.source} went while the gallery was rebuilt"
        )
    try:
        return model.read(data)
    except (InputError, ModelError) as error:
        raise InputError(f"{reference.identity} from {reference.source}: {error}; nothing has changed") from None
