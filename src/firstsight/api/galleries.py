"""The verbs on galleries: each opens the gallery, does one thing, and closes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from firstsight.datasets import open_labelled
from firstsight.datasets.readings import Progress
from firstsight.errors import UsageError
from firstsight.gallery import Gallery, bulk, transfer
from firstsight.gallery.names import Said
from firstsight.gallery.rebuild import rebuild as rebuilding
from firstsight.gallery.several import identify_each
from firstsight.gallery.tally import identify_all
from firstsight.inputs.decode import expand
from firstsight.model import Model
from firstsight.stores import listing
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import (
    Decision,
    Dropped,
    Enrolment,
    Finding,
    GalleryInfo,
    Identity,
    Match,
    Record,
    Reference,
    Removal,
    Source,
    Tally,
)


def create(gallery: str | Path, *, model: Model | str | Path, keep_sources: bool = False) -> Gallery:
    """A new gallery bound to a model.

    Args:
        gallery: its address: a file, with ``#name`` for one of several in it.
        model: loaded, shipped by name, or a directory.
        keep_sources: keep the image of each reference, so that it can be rebuilt for another model without the files.
    """
    return Gallery.create(gallery, model, keep_sources=keep_sources)


def galleries(store: str | Path) -> list[GalleryInfo]:
    """The galleries of a file, first made first."""
    return listing.galleries_of(store)


def drop(gallery: str | Path) -> Dropped:
    """Delete a gallery with all that was enrolled, kept, said and recorded in it, out of every file of the store."""
    return listing.drop(gallery)


def enroll(
    gallery: str | Path,
    identity: str | None = None,
    sources: Sequence[Source] = (),
    *,
    data: str | Path | None = None,
    each: int = 1,
    metadata: Said = (),
    override: Iterable[str] = (),
    record: Record | None = None,
    model: str | Path | None = None,
    progress: Progress | None = None,
) -> list[Enrolment]:
    """Add references: of one identity from sources, or of every class of a data set.

    An image that its identity has already adds nothing: a bulk enrolment that was stopped is finished by the same call.

    Args:
        gallery: its address.
        identity: a name.
        sources: images of it; pixels are RGB.
        data: an address instead; every class becomes an identity, of those images that can be read.
        each: how many examples a class (the first by name).
        metadata: said of each reference.
        override: names of findings of the quality gate that are not to count; ``all`` of them.
        record: leaves an event, see :meth:`Gallery.events`.
        model: where the gallery's model lies now, if it moved.
        progress: called while a data set is enrolled.

    Raises:
        BatchError: images of a data set can't be read; the others are enrolled, and it holds their receipts.
        InputError: none of them can be read, or one of an identity's, of which none is enrolled then.
    """
    with Gallery.open(gallery, model) as opened:
        if data is None:
            if identity is None or not sources:
                raise UsageError("an identity and its images, or --data with a set of class folders, was expected")
            return [opened.enroll(identity, list(sources), metadata=metadata, override=override, record=record)]
        if identity is not None or sources:
            raise UsageError("either an identity with its images or --data, not both")
        if each < 1:
            raise UsageError(f"each is {each}, at least 1 was expected")
        return bulk.enroll_data(
            opened,
            open_labelled(data),
            each=each,
            metadata=metadata,
            override=override,
            record=record,
            progress=progress,
        )


def replace(
    gallery: str | Path,
    identity: str,
    sources: Sequence[Source],
    *,
    metadata: Said = (),
    override: Iterable[str] = (),
    record: Record | None = None,
    model: str | Path | None = None,
) -> Enrolment:
    """Put new references in the place of all that an identity has, in one moment."""
    with Gallery.open(gallery, model) as opened:
        return opened.replace(identity, list(sources), metadata=metadata, override=override, record=record)


def check(
    gallery: str | Path,
    sources: Sequence[Source],
    *,
    identity: str | None = None,
    model: str | Path | None = None,
) -> list[Finding]:
    """What the quality gate has against enrolling images; a folder stands for the images in it."""
    with Gallery.open(gallery, model) as opened:
        return opened.check(expand(sources), identity)


def verify(
    gallery: str | Path,
    identity: str,
    source: Source | Sequence[Source],
    *,
    record: Record | None = None,
    model: str | Path | None = None,
) -> Decision:
    """Is this probe the identity? Several probes of one thing are fused. With ``record`` the answer leaves an event."""
    with Gallery.open(gallery, model) as opened:
        return opened.verify(identity, source, record=record)


def identify(
    gallery: str | Path,
    sources: Sequence[Source],
    *,
    top: int = 5,
    fused: bool = False,
    one_to_one: bool = False,
    record: Record | None = None,
    model: str | Path | None = None,
) -> list[Match]:
    """Which enrolled identity is each probe, or unknown? A folder stands for the images in it.

    Args:
        gallery: its address.
        sources: probes; pixels are RGB.
        top: how many candidates to list.
        fused: all probes show one thing: there is one match.
        one_to_one: each shows another thing: no identity is the answer twice.
        record: leaves an event for each answer, all in one transaction.
        model: where the gallery's model lies now, if it moved.

    Raises:
        BatchError: some of several probes can't be read; it holds the answers of the others.
        InputError: the only one can't be, or one of those that are fused.
    """
    if fused and one_to_one:
        raise UsageError("either fused (all probes show one thing) or one to one (each shows another), not both")
    with Gallery.open(gallery, model) as opened:
        if fused:
            return [opened.identify(expand(sources), top=top, fused=True, record=record)]
        if one_to_one:
            return opened.assign(expand(sources), top=top, record=record)
        return identify_each(opened, expand(sources), top=top, record=record)


def identify_data(
    gallery: str | Path, data: str | Path, *, model: str | Path | None = None, progress: Progress | None = None
) -> Tally:
    """Identify every example of a labelled data set and count: classes that are not enrolled should come out unknown.

    Examples that are themselves enrolled are left out.
    """
    with Gallery.open(gallery, model) as opened:
        return identify_all(opened, open_labelled(data), progress=progress)


def rename(
    gallery: str | Path, identity: str, to: str, *, record: Record | None = None, model: str | Path | None = None
) -> Removal:
    """Give an identity another name, which must be free."""
    with Gallery.open(gallery, model) as opened:
        return opened.rename(identity, to, record=record)


def merge(
    gallery: str | Path, identity: str, into: str, *, record: Record | None = None, model: str | Path | None = None
) -> Removal:
    """Give all references of an identity to another one."""
    with Gallery.open(gallery, model) as opened:
        return opened.merge(identity, into, record=record)


def remove(
    gallery: str | Path, identity: str, *, record: Record | None = None, model: str | Path | None = None
) -> Removal:
    """Delete an identity and its references, out of every file of the store."""
    with Gallery.open(gallery, model) as opened:
        return opened.remove(identity, record=record)


def annotate(
    gallery: str | Path, identity: str, metadata: Said, *, record: Record | None = None, model: str | Path | None = None
) -> Identity:
    """Say more of an identity (key=value); an empty value takes a key away."""
    with Gallery.open(gallery, model) as opened:
        return opened.annotate(identity, metadata, record=record)


def identities(
    gallery: str | Path, *, search: str | None = None, where: Said = (), model: str | Path | None = None
) -> list[Identity]:
    """Who is enrolled, first enrolled first; only names that hold ``search``, only those of which ``where`` is said."""
    with Gallery.open(gallery, model) as opened:
        return opened.identities(search=search, where=where)


def references(
    gallery: str | Path,
    *,
    identity: str | None = None,
    search: str | None = None,
    where: Said = (),
    model: str | Path | None = None,
) -> list[Reference]:
    """Every enrolled reference, or those of an identity, of names that hold ``search``, with ``where`` said."""
    with Gallery.open(gallery, model) as opened:
        return opened.list(identity=identity, search=search, where=where)


def export_gallery(gallery: str | Path, *, out: str | Path, model: str | Path | None = None) -> int:
    """Write all references into a new folder (JSON lines and one NumPy array); how many there are."""
    with Gallery.open(gallery, model) as opened:
        return transfer.export(opened, Path(out))


def import_gallery(
    gallery: str | Path, folder: str | Path, *, model: str | Path | None = None, progress: Progress | None = None
) -> list[Enrolment]:
    """Enroll what an export of a gallery of the same model holds; what is enrolled already adds nothing."""
    with Gallery.open(gallery, model) as opened:
        return transfer.load(opened, Path(folder), progress=progress)


def rebuild(gallery: str | Path, *, model: Model | str | Path, progress: Progress | None = None) -> int:
    """Embed all references by another model, from the images kept or the files they came from; how many there are."""
    loaded = model if isinstance(model, Model) else Model.load(model)
    store = SqliteStore(str(gallery))
    try:
        return rebuilding(store, loaded, progress=progress)
    finally:
        store.close()
