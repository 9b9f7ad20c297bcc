"""A gallery as a folder of plain files, and back: JSON lines and one NumPy array.

gallery.json       the model it was made by, and how many references there are
identities.jsonl   an identity a line: identity, metadata
references.jsonl   a reference a line: identity, source, created, key, kept, metadata
vectors.npy        (n, d) float32, a row a reference
images/N           the image kept of the N-th reference, from 0
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from firstsight.answer import crowded
from firstsight.datasets.readings import Progress
from firstsight.errors import GalleryError
from firstsight.files import FILE, expanded, open_file, read_file, state_of
from firstsight.gallery.folder import new_folder
from firstsight.gallery.gallery import Gallery
from firstsight.gallery.imported import array_of, kept_image
from firstsight.gallery.names import name_in, said_of
from firstsight.inputs.content import key_of
from firstsight.types import Enrolment, Entry, FloatArray, Lengths, Reference
from firstsight.vectors import checked

FORMAT = 1
_BLOCK = 4096  # references in one commit of an import
_MAX_LINE = 1 << 20
_MAX_HEAD = 1 << 14  # of an array


def export(gallery: Gallery, out: Path) -> int:
    """Write all references into a new folder, which is there whole or not at all; how many there are.

    It holds what the gallery holds: readable by its owner alone, and not touched when somebody is removed.

    Raises:
        GalleryError: something is at that place already.
        StorageError: the disk refused.
    """
    with new_folder(expanded(out), "export") as staging:
        return _write(gallery, staging)


def _write(gallery: Gallery, folder: Path) -> int:
    contract, count = gallery.store.contract, 0
    with (
        (folder / "references.jsonl").open("w", encoding="utf-8") as lines,
        (folder / "identities.jsonl").open("w", encoding="utf-8") as people,
        (folder / "raw").open("wb") as raw,
    ):
        (folder / "images").mkdir()
        for references, vectors in gallery.store.rows():
            for n, reference in enumerate(references, count):
                lines.write(json.dumps(_line(reference), ensure_ascii=False) + "\n")
                if reference.kept:
                    (folder / "images" / str(n)).write_bytes(gallery.store.image(reference.id) or b"")
            raw.write(vectors.astype("<f4").tobytes())
            count += len(references)
        for person in gallery.store.identities():
            said = {"identity": person.identity, "metadata": dict(person.metadata)}
            people.write(json.dumps(said, ensure_ascii=False) + "\n")
    made = np.lib.format.open_memmap(folder / "vectors.npy", "w+", "<f4", (count, contract.dim))
    made[:] = np.fromfile(folder / "raw", "<f4").reshape(count, contract.dim)
    made.flush()
    (folder / "raw").unlink()
    about = {"format": FORMAT, "model": contract.model, "fingerprint": contract.fingerprint, "dim": contract.dim}
    (folder / "gallery.json").write_text(json.dumps({**about, "references": count}, indent=1) + "\n")
    return count


def _line(reference: Reference) -> dict[str, Any]:
    told = ("identity", "source", "created", "key", "kept")
    return {**{k: getattr(reference, k) for k in told}, "metadata": dict(reference.metadata)}


def load(gallery: Gallery, folder: Path, *, progress: Progress | None = None) -> list[Enrolment]:
    """Enroll what an export holds; one receipt an identity. What is enrolled already adds nothing.

    Raises:
        GalleryError: it is no export, a file of it is damaged, or it was made by another model.
    """
    folder = expanded(folder)
    about = _about(folder)
    contract, lengths = gallery.store.contract, gallery.model.lengths
    if about["fingerprint"] != contract.fingerprint:
        raise GalleryError(
            f"{folder} was exported from a gallery of model {about['fingerprint']}, {gallery.address} is of "
            f"{contract.fingerprint}: their embeddings do not compare; import into a gallery of that model"
        )
    vectors = _vectors(folder, (int(about["references"]), contract.dim), lengths)
    called = _Called(gallery)
    entries, people = list(_entries(folder, vectors, contract.keep_sources, called)), _people(folder, called)
    added: dict[str, int] = dict.fromkeys((e.identity for e in entries), 0)
    for start in range(0, len(entries), _BLOCK):
        some = entries[start : start + _BLOCK]
        for entry, (new, _) in zip(some, gallery.store.add(some), strict=True):
            added[entry.identity] += new
        if progress:
            progress(start + len(some), len(entries))
    there = {i.identity: i for i in gallery.store.identities()}
    for name, said in people.items():
        fresh = {k: v for k, v in said.items() if name in there and k not in there[name].metadata}
        if fresh:
            gallery.store.annotate(name, fresh)
    receipts = [Enrolment(name, new, there[name].references) for name, new in added.items()]
    if any(one.added == one.references for one in receipts):  # the gallery has grown
        receipts[-1] = replace(receipts[-1], notes=crowded(gallery.model.calibration, len(there)))
    return receipts


def _about(folder: Path) -> dict[str, Any]:
    file = folder / "gallery.json"
    try:
        found = state_of(file) == FILE
        about = json.loads(read_file(file, _MAX_LINE, GalleryError, "export again", inside=folder) if found else b"0")
        good = isinstance(about, dict) and about.get("format") == FORMAT
    except (ValueError, RecursionError):
        good = False
    if not good or not isinstance(about.get("fingerprint"), str) or not isinstance(about.get("references"), int):
        raise GalleryError(
            f"{folder} is not an export of format {FORMAT}; a folder made by gallery export was expected"
        )
    return dict(about)


def _vectors(folder: Path, shape: tuple[int, int], lengths: Lengths) -> FloatArray:
    # The head of an array may tell any size: no more is made of it than the file holds.
    most = _MAX_HEAD + 4 * max(0, shape[0]) * shape[1]
    data = read_file(folder / "vectors.npy", most, GalleryError, "export again", inside=folder)
    try:
        vectors = array_of(data)
    except ValueError as error:
        raise GalleryError(f"{folder}/vectors.npy can't be read ({error}); export again") from None
    if vectors.shape != shape or vectors.dtype != np.float32:
        raise GalleryError(
            f"{folder}/vectors.npy holds {vectors.dtype} of shape {vectors.shape}, float32 of {shape} was expected; "
            "export again"
        )
    return checked(np.asarray(vectors), shape, lengths, f"{folder}/vectors.npy", GalleryError)


class _Called:
    """The names of an export as they are stored here; each is looked at once."""

    def __init__(self, gallery: Gallery) -> None:
        self._store, self._known = gallery.store, dict[str, str]()

    def __call__(self, identity: str) -> str:
        if identity not in self._known:
            self._known[identity] = name_in(self._store, identity, self._known)
        return self._known[identity]


def _entries(folder: Path, vectors: FloatArray, keep: bool, called: _Called) -> Iterator[Entry]:
    number = 0
    for number, row in enumerate(_lines(folder / "references.jsonl"), 1):
        texts = [row.get(k) for k in ("identity", "source", "key")]
        said = row.get("metadata", {})
        if number > len(vectors) or not all(isinstance(t, str) for t in texts) or not isinstance(said, dict):
            raise GalleryError(
                f"{folder}/references.jsonl line {number} is not a reference of this export; export again"
            )
        vector = vectors[number - 1 : number]
        key = texts[2] or key_of(vector.tobytes())
        images = None
        if keep and row.get("kept") is True:
            images = [kept_image(folder, number - 1, str(key))]
        created = _moment(row.get("created"), f"{folder}/references.jsonl line {number}")
        yield Entry(called(str(texts[0])), vector, [str(texts[1])], [str(key)], images, said_of(said), created)
    if number != len(vectors):
        raise GalleryError(f"{folder}/references.jsonl has {number} lines, {len(vectors)} were expected; export again")


def _moment(created: object, where: str) -> str:
    """When a reference was stored first, as stores tell it; "" where it is not told."""
    try:
        when = datetime.fromisoformat(str(created)) if created is not None else None
        return "" if when is None else when.astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        raise GalleryError(f"{where} was created {str(created)[:50]!r}, which is no moment; export again") from None


def _people(folder: Path, called: _Called) -> dict[str, dict[str, str]]:
    found = {}
    for row in _lines(folder / "identities.jsonl"):
        if not isinstance(row.get("identity"), str) or not isinstance(row.get("metadata"), dict):
            raise GalleryError(f"{folder}/identities.jsonl holds what is no identity; export again")
        found[called(row["identity"])] = said_of(row["metadata"])
    return found


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    try:
        opened = open_file(file, GalleryError, "export again", inside=file.parent)
        with io.TextIOWrapper(opened, encoding="utf-8") as lines:
            while line := lines.readline(_MAX_LINE):
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError("not an object")
                yield row
    except (OSError, ValueError, RecursionError) as error:
        raise GalleryError(f"{file} can't be read ({error}); export again") from None
