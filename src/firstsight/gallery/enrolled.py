"""Everybody enrolled, in memory: one template an identity, in blocks that are replaced and never changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firstsight.calibration import Calibration
from firstsight.decision import Templates
from firstsight.model import Model
from firstsight.types import FloatArray, IntArray, Portion, State, Store

_FLOATS = 1 << 21  # of a full block: 8 MiB
Strings = npt.NDArray[Any]
"""``StringDType``: 16 bytes a name where Python's strings take 60."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some identities, first enrolled first.

    Attributes:
        ids: ``(n,)`` rising.
        names: ``(n,)`` of ``StringDType``.
        templates: their ``n`` templates, the vectors in columns: one probe is then compared a third faster.
    """

    ids: IntArray
    names: Strings
    templates: Templates

    @classmethod
    def of(cls, ids: IntArray, names: Strings, vectors: FloatArray, shifts: FloatArray) -> Block:
        """From parts in any layout."""
        return cls(ids, names, Templates(np.asfortranarray(vectors), shifts))

    def take(self, rows: Any) -> Block:
        """Some rows of it."""
        return Block.of(self.ids[rows], self.names[rows], self.templates.vectors[rows], self.templates.shifts[rows])

    def joined(self, more: Block) -> Block:
        """Its rows without those that ``more`` has anew, and those of ``more``, by their ids."""
        kept = self.take(~np.isin(self.ids, more.ids)) if len(more.ids) and more.ids[0] <= self.ids[-1] else self
        ids = np.concatenate([kept.ids, more.ids])
        vectors = np.concatenate([kept.templates.vectors, more.templates.vectors])
        shifts = np.concatenate([kept.templates.shifts, more.templates.shifts])
        whole = Block.of(ids, np.concatenate([kept.names, more.names]), vectors, shifts)
        return whole if (np.diff(ids) > 0).all() else whole.take(np.argsort(ids))


Blocks = tuple[Block, ...]


class Enrolled:
    """The templates of a gallery, brought up to date by what changed in its store; for any number of threads.

    Only the identities touched since the last question are read and fused again, and only the blocks that hold them
    made anew: who searches meanwhile goes on in the old ones.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: tuple[State, Calibration | None, Blocks] | None = None

    def now(self, store: Store, model: Model) -> Blocks:
        """Everybody enrolled now."""
        with self._lock:
            state, held = store.state(), self._held
            if held is None or held[0][0] != state[0] or held[1] is not model.calibration:
                held = None
            elif held[0] == state:
                return held[2]
            blocks = held[2] if held else ()
            for portion in store.changes(held[0] if held else None):
                blocks = _with(blocks, portion, model)
            self._held = (state, model.calibration, blocks)
            return blocks


def search(blocks: Blocks, model: Model, probes: FloatArray, k: int) -> list[tuple[list[str], FloatArray]]:
    """For each probe ``(a, d)`` the names of the ``k`` best and their scores ``(k,)``, best first."""
    shelves = [(b.templates.vectors, b.templates.shifts) for b in blocks]
    indices, scores = model.similarity.search_shelves(probes, shelves, k)
    starts = np.cumsum([0, *(len(b.ids) for b in blocks)])
    found = []
    for row, best in zip(indices, scores, strict=True):
        places = np.searchsorted(starts, row, side="right") - 1
        found.append(([str(blocks[p].names[i - starts[p]]) for p, i in zip(places, row, strict=True)], best))
    return found


def _with(blocks: Blocks, portion: Portion, model: Model) -> Blocks:
    """The blocks after identities were touched: made, altered or gone."""
    live = np.array([name is not None for name in portion.names], bool)
    place = np.cumsum(live) - 1
    names = np.array([name for name in portion.names if name is not None], dtype=np.dtypes.StringDType())
    templates = Templates.of(model, portion.vectors, place[portion.owners], len(names), model.calibration)
    fresh = Block.of(portion.ids[live], names, templates.vectors, templates.shifts)
    most = max(1, _FLOATS // max(1, portion.vectors.shape[1]))
    made: list[Block] = []
    for block in blocks:
        low, high = np.searchsorted(portion.ids, [block.ids[0], block.ids[-1] + 1])
        if low == high:
            made.append(block)
            continue
        kept = block.take(~np.isin(block.ids, portion.ids[low:high]))
        first, last = np.searchsorted(fresh.ids, [block.ids[0], block.ids[-1] + 1])
        again = fresh.take(slice(int(first), int(last)))
        if len(kept.ids) + len(again.ids):
            made.append(kept.joined(again) if len(kept.ids) else again)
    rest = fresh.take(slice(int(np.searchsorted(fresh.ids, blocks[-1].ids[-1] + 1)) if blocks else 0, None))
    while len(rest.ids):
        room = most - len(made[-1].ids) if made else 0
        if room > 0:
            made[-1] = made[-1].joined(rest.take(slice(None, room)))
        else:
            made.append(rest.take(slice(None, most)))
            room = most
        rest = rest.take(slice(room, None))
    return tuple(made)
