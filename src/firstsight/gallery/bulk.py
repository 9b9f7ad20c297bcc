"""Enroll a whole data set: every class an identity, what is enrolled already passed over, a batch at a time on disk."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np

from firstsight.datasets import DataSet
from firstsight.datasets.readings import Progress
from firstsight.errors import InputError, count
from firstsight.gallery.audit import done
from firstsight.gallery.gallery import Gallery, repeated
from firstsight.gallery.names import Said, said_of
from firstsight.gallery.names import name as named
from firstsight.gallery.taking import Taken, key_of, take
from firstsight.inputs.decode import describe, read_bytes
from firstsight.types import Enrolment, Entry, Example, Record

BATCH = 256  # images between two commits


def enroll_data(
    gallery: Gallery,
    data: DataSet,
    *,
    each: int = 1,
    metadata: Said = (),
    record: Record | None = None,
    progress: Progress | None = None,
) -> list[Enrolment]:
    """Enroll the first ``each`` examples of every class; one receipt a class.

    An image that its identity has already adds nothing, so a run that was stopped goes on where it stood when it is
    started again, and a second run changes nothing. All images are read before the first is stored.

    Args:
        gallery: where to.
        data: labelled examples.
        each: how many a class.
        metadata: said of each reference.
        record: leaves an event for each identity of each commit.
        progress: called while images are read, then while they are embedded.

    Raises:
        InputError: images that can't be read, all of them counted; nothing is stored then.
        GalleryError: a class is not a name.
    """
    said, seen = said_of(metadata), Counter[str]()
    chosen: list[tuple[str, Example]] = []
    for example in data.examples:
        seen[example.label] += 1
        if seen[example.label] <= each:
            chosen.append((named(example.label), example))
    fresh = _fresh(gallery, chosen, data.name, progress)
    added: Counter[str] = Counter()
    for start in range(0, len(fresh), BATCH):
        some = fresh[start : start + BATCH]
        taken = [_take(gallery, example) for _, example in some]
        vectors = gallery.model.embed_arrays(np.concatenate([t.reading for t in taken]))
        keep = gallery.store.contract.keep_sources
        entries = [
            Entry(name, vectors[n : n + 1], [t.place], [t.key], [t.image or b""] if keep else None, said)
            for n, ((name, _), t) in enumerate(zip(some, taken, strict=True))
        ]
        names = dict.fromkeys(entry.identity for entry in entries)
        events = [event for name in names for event in done(gallery.store, "enroll", name, record)]
        for entry, (new, _) in zip(entries, gallery.store.add(entries, events=events), strict=True):
            added[entry.identity] += new
        if progress:
            progress(start + len(some), len(fresh))
    there = {i.identity: i.references for i in gallery.store.identities()}
    asked = Counter(name for name, _ in chosen)
    return [Enrolment(name, added[name], there[name], repeated(n, added[name])) for name, n in asked.items()]


def _fresh(
    gallery: Gallery, chosen: list[tuple[str, Example]], called: str, progress: Progress | None
) -> list[tuple[str, Example]]:
    """Those that are not enrolled, each of which can be read."""
    keys: list[str] = []
    faults: list[str] = []
    for n, (_, example) in enumerate(chosen):
        try:
            keys.append(_key(example))
        except InputError as error:
            keys.append("")
            faults.append(str(error))
        if progress and (n % 64 == 0 or n + 1 == len(chosen)):
            progress(n + 1, len(chosen))
    known = gallery.store.known(sorted(set(keys) - {""}))
    fresh = [pair for pair, key in zip(chosen, keys, strict=True) if key and (pair[0], key) not in known]
    for _, example in fresh:
        try:
            _take(gallery, example)
        except InputError as error:
            faults.append(str(error))
    if faults:
        more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
        raise InputError(
            f"{count(len(faults), 'image', 'images')} of {len(chosen)} of {called} can't be enrolled: "
            f"{'; '.join(faults[:3])}{more}; mend or remove them, nothing was enrolled"
        )
    return fresh


def _key(example: Example) -> str:
    source = example.load()
    return key_of(source if isinstance(source, bytes) else read_bytes(source))


def _take(gallery: Gallery, example: Example) -> Taken:
    """An example read; what it came from is told by the data set, which may hold it in an archive."""
    source = example.load()
    try:
        taken = take(gallery.model, source, keep=gallery.store.contract.keep_sources)
    except InputError as error:
        raise InputError(str(error).replace(describe(source), example.source or describe(source), 1)) from None
    return taken if isinstance(source, Path) else dataclasses.replace(taken, place=example.source)
