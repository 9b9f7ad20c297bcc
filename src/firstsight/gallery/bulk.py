"""Enroll a whole data set: every class an identity, what is enrolled already passed over, a batch at a time on disk."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from firstsight.answer import crowded
from firstsight.datasets import DataSet
from firstsight.datasets.dataset import qualified, shared_classes
from firstsight.datasets.readings import Progress
from firstsight.errors import BatchError, GalleryError, InputError, count
from firstsight.gallery.audit import done
from firstsight.gallery.gallery import Gallery
from firstsight.gallery.gate import of_likeness, of_pixels, of_strangeness, overridden, refuse
from firstsight.gallery.names import Said, name_in, said_of
from firstsight.gallery.notes import repeated
from firstsight.gallery.taking import Taken, noted, place_of, take
from firstsight.inputs.content import key_of
from firstsight.inputs.decode import describe, read_bytes
from firstsight.inputs.several import failure, listing
from firstsight.learned import contents_of, learned_sentence
from firstsight.notices import tell
from firstsight.types import Enrolment, Entry, Example, Failure, Finding, FloatArray, Record

BATCH = 256  # images between two commits
KEPT = 128 << 20  # bytes of readings (and images to be kept) that wait in memory; beyond, an image is read again


def enroll_data(
    gallery: Gallery,
    data: DataSet,
    *,
    each: int = 1,
    metadata: Said = (),
    override: Iterable[str] = (),
    record: Record | None = None,
    progress: Progress | None = None,
) -> list[Enrolment]:
    """Enroll the first ``each`` examples of every class; one receipt a class.

    An image that its identity has already adds nothing, so a run that was stopped goes on where it stood when it is
    started again, and a second run changes nothing. All images are read before the first is stored; those that can't be
    are passed over, and told in the end. What the quality gate has against the pixels of the others refuses all of
    them; who looks like somebody else, or not like the other images of its class, is enrolled, and its receipt says so.

    Args:
        gallery: where to.
        data: labelled examples.
        each: how many a class.
        metadata: said of each reference, where the data does not say otherwise of it.
        override: names of findings that are not to count; ``all`` of them.
        record: leaves an event for each identity of each commit.
        progress: called while images are read, then while they are embedded.

    Raises:
        InputError: no image can be read.
        BatchError: some can't be read; the others are enrolled, and it holds their receipts and these failures.
        QualityError: images that can't be made out, all of them; nothing is stored then either.
        GalleryError: a class is not a name, or what the data says of an example is no metadata; nothing is stored then.
    """
    data.tell_notes()
    said, seen, passed = said_of(metadata), Counter[str](), overridden(override)
    chosen: list[tuple[str, Example]] = []
    named: dict[str, str] = {}
    for example in data.examples:
        seen[example.label] += 1
        if example.label not in named:
            named[example.label] = name_in(gallery.store, example.label, named)
        if seen[example.label] <= each:
            chosen.append((named[example.label], example))
            _said(said, example)  # refused before anything is stored
    fresh, failures = _fresh(gallery, chosen, data.name, passed, progress)
    model = gallery.model
    contents, names_learned = contents_of(model), set(shared_classes(data, model.trained_classes))
    learned = {name for name, example in chosen if qualified(data, example) in names_learned}
    added: Counter[str] = Counter()
    notes: defaultdict[str, list[str]] = defaultdict(list)
    there = Counter({i.identity: i.references for i in gallery.store.identities()})
    for start in range(0, len(fresh), BATCH):
        some = fresh[start : start + BATCH]
        taken = [t or _take(gallery, example, _data(example)) for _, example, t in some]
        vectors = gallery.model.embed_arrays(np.concatenate([t.reading for t in taken]))
        names = [name for name, _, _ in some]
        if contents is not None:
            met = contents.of_images([t.key for t in taken]) | contents.of_readings(
                np.concatenate([t.reading for t in taken])
            )
            learned |= {names[n] for n in np.flatnonzero(met)}
        for name, finding in _likeness(gallery, names, taken, vectors, there):
            if finding.name not in passed:
                notes[name].append(f"{finding.name}: {finding.source}: {finding.message}")
        keep = gallery.store.contract.keep_sources
        for name, one in zip(names, taken, strict=True):
            notes[name] += noted([one])
        entries = [
            Entry(name, vectors[n : n + 1], [t.place], [t.key], [t.image or b""] if keep else None, _said(said, e))
            for n, ((name, e, _), t) in enumerate(zip(some, taken, strict=True))
        ]
        events = [event for name in dict.fromkeys(names) for event in done(gallery.store, "enroll", name, record)]
        for entry, (new, _) in zip(entries, gallery.store.add(entries, events=events), strict=True):
            added[entry.identity] += new
            there[entry.identity] += new
        if progress:
            progress(start + len(some), len(fresh))
    now = {i.identity: i.references for i in gallery.store.identities()}
    asked = Counter(name for n, (name, _) in enumerate(chosen) if n not in failures)
    receipts = [
        Enrolment(name, added[name], now[name], (*repeated(n, added[name]), *notes[name])) for name, n in asked.items()
    ]
    if any(added[name] == now[name] for name in asked):  # the gallery has grown
        last = receipts[-1]
        receipts[-1] = dataclasses.replace(last, notes=(*last.notes, *crowded(gallery.model.calibration, len(now))))
    if told := learned_sentence(len(learned & set(asked)), len(asked)):
        tell(f"{data.name}: {told}")
    if failures:
        lost = list(failures.values())
        if not receipts:
            raise InputError(listing(lost, len(chosen), "nothing was enrolled"))
        raise BatchError(listing(lost, len(chosen), "the others are enrolled"), [*receipts, *lost])
    return receipts


def _fresh(
    gallery: Gallery,
    chosen: Sequence[tuple[str, Example]],
    called: str,
    passed: frozenset[str],
    progress: Progress | None,
) -> tuple[list[tuple[str, Example, Taken | None]], dict[int, Failure]]:
    """Those that are not enrolled and can be made out, as read, as far as memory goes; and by their places in
    ``chosen`` those that can't be read."""
    there = {i.identity for i in gallery.store.identities()}
    fresh: list[tuple[str, Example, Taken | None]] = []
    failures: dict[int, Failure] = {}
    findings: list[Finding] = []
    room = KEPT
    for n, (name, example) in enumerate(chosen):
        try:
            data = _data(example)
            key = key_of(data)
            if name not in there or (name, key) not in gallery.store.known([key]):
                taken = _take(gallery, example, data)
                findings += of_pixels([taken], gallery.model.input)
                room -= taken.reading.nbytes + len(taken.image or b"")
                fresh.append((name, example, taken if room > 0 else None))
        except InputError as error:
            failures[n] = failure(error, example.source, n, len(chosen))
        if progress and (n % 64 == 0 or n + 1 == len(chosen)):
            progress(n + 1, len(chosen))
    images = len({f.source for f in findings if f.name not in passed})
    refuse(findings, passed, f"{count(images, 'image', 'images')} of {len(chosen)} of {called}")
    return fresh, failures


def _said(said: dict[str, str], example: Example) -> dict[str, str]:
    """What is said of a reference: of all of them, and of this example by the data, which has the last word."""
    try:
        return said_of({**said, **example.metadata}) if example.metadata else said
    except GalleryError as error:
        raise GalleryError(f"{example.source}: {error}; nothing was enrolled") from None


def _data(example: Example) -> bytes:
    source = example.load()
    return source if isinstance(source, bytes) else read_bytes(source)


def _take(gallery: Gallery, example: Example, data: bytes) -> Taken:
    """An example read; what it came from is told by the data set, which may hold it in an archive."""
    source = example.load()
    called = example.source or describe(source)
    try:
        taken = take(gallery.model, data, keep=gallery.store.contract.keep_sources)
    except InputError as error:
        raise InputError(str(error).replace(describe(data), called, 1)) from None
    return dataclasses.replace(taken, place=place_of(source) if isinstance(source, Path) else example.source)


def _likeness(
    gallery: Gallery, names: Sequence[str], taken: Sequence[Taken], vectors: FloatArray, there: Counter[str]
) -> list[tuple[str, Finding]]:
    """Who of a batch looks like somebody else, or not like the others of its name; with that name."""
    model, store = gallery.model, gallery.store
    known = store.known([t.key for t in taken])
    owner = {t.place: name for name, t in zip(names, taken, strict=True)}
    alike = of_likeness(model, gallery.everybody(), known, names, taken, vectors)
    found = [(owner[f.source], f) for f in alike]
    for name, several in Counter(names).items():
        if several + there[name] > 1:
            mine = [n for n, other in enumerate(names) if other == name]
            own = store.vectors(name) if there[name] else vectors[:0]
            strange = of_strangeness(model, own, [taken[n] for n in mine], vectors[mine], name)
            found += [(name, f) for f in strange]
    return found
