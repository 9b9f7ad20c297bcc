"""All that is known of one identity, in a folder of plain files: what a person may ask for of whoever enrolled them."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from firstsight.errors import GalleryError, count
from firstsight.files import expanded
from firstsight.gallery.folder import new_folder
from firstsight.gallery.gallery import Gallery
from firstsight.gallery.names import spelled
from firstsight.spelling import shown
from firstsight.types import Copy, Event, FloatArray, Identity, Reference

README = """All that the gallery {gallery} holds about {identity}, as of {at} (UTC).

identity.json      the name, what is said of the person (metadata), and the model that compares pictures
references.jsonl   a line for each picture that was enrolled: where it came from, when, what is said of it, and the file
                   in images/ if the picture itself is kept
embeddings.npy     the numbers that the model made of these pictures, a row for each line of references.jsonl (NumPy,
                   float32): what a new picture is compared with. Of a face they are biometric data, and can't be
                   changed as a password can; keep this folder private
events.jsonl       a line for each event that was recorded: what was done (verify: is it this person? identify: who is
                   it? others: what was changed), when (at, UTC), the answer (same), how alike (score), how sure
                   (probability), from which score on the answer is yes (threshold), the model, where (place), in which
                   direction, who asked (actor), and the file in images/ if the picture asked about is kept
images/            the pictures that are kept, as they came

It is {references}, {events} and {images}.

Not in here, since nothing in the gallery ties it to the name: pictures in which the person was not recognised, and what
lies outside the gallery, such as the files that pictures were enrolled from, exports, backups and logs.
"""
Images: TypeAlias = dict[tuple[str, int], bytes]
"""``("reference" or "event", id)`` -> image."""
_TRIES = 5  # how often others may change the gallery meanwhile
_KINDS = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
    b"RIFF": ".webp",
}
"""How files of images begin; what begins otherwise is a PNM."""


def export_subject(gallery: Gallery, identity: str, out: Path) -> Copy:
    """Write all that is known of an identity into a new folder, which is there whole or not at all.

    It is readable by its owner alone, and not touched when the identity is removed.

    Raises:
        GalleryError: the identity is not enrolled, something is at that place already, or others go on changing who
            is enrolled.
        StorageError: the disk refused.
    """
    out = expanded(out)
    with new_folder(out, "copy") as staging:
        made = _write(gallery, spelled(identity), staging)
    return dataclasses.replace(made, out=str(out))


def _write(gallery: Gallery, name: str, folder: Path) -> Copy:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    person, references, vectors, events, images = _read(gallery, name)
    files = {key: f"images/{key[0]}-{key[1]}{_kind(data)}" for key, data in images.items()}
    (folder / "images").mkdir()
    for key, place in files.items():
        (folder / place).write_bytes(images[key])
    contract = gallery.store.contract
    about = {"identity": name, "metadata": dict(person.metadata), "model": contract.model}
    about_text = json.dumps({**about, "fingerprint": contract.fingerprint}, ensure_ascii=False, indent=1) + "\n"
    (folder / "identity.json").write_text(about_text, encoding="utf-8")
    np.save(folder / "embeddings.npy", vectors)
    for kind, told in (("reference", references), ("event", events)):
        lines = (_line(row, files.get((kind, row.id))) for row in told)
        (folder / f"{kind}s.jsonl").write_text("".join(lines), encoding="utf-8")
    counts = {
        "references": count(len(references), "reference", "references"),
        "events": count(len(events), "event", "events"),
        "images": count(len(files), "kept picture", "kept pictures"),
    }
    text = README.format(gallery=shown(str(gallery.address)), identity=name, at=at, **counts)
    (folder / "README.txt").write_text(text, encoding="utf-8")
    return Copy(name, "", len(references), len(events), len(files))


def _read(gallery: Gallery, name: str) -> tuple[Identity, list[Reference], FloatArray, list[Event], Images]:
    """All of one moment, as far as who is enrolled goes."""
    store = gallery.store
    for _ in range(_TRIES):
        before = store.state()
        person = next((i for i in store.identities() if i.identity == name), None)
        if person is None:
            raise gallery.missing(name, f"; see firstsight identities {gallery.address}")
        references, vectors, events = store.references(name), store.vectors(name), store.events(identity=name)
        kept = {("reference", r.id): store.image(r.id) for r in references if r.kept}
        kept |= {("event", e.id): store.event_image(e.id) for e in events if e.kept}
        if store.state() == before:
            return person, references, vectors, events, {key: image for key, image in kept.items() if image}
    raise GalleryError("others go on changing the gallery, so nothing was copied; let them pause, and try again")


def _line(row: Reference | Event, file: str | None) -> str:
    told: dict[str, Any] = {**dataclasses.asdict(row), "image": file}
    return json.dumps(told, ensure_ascii=False) + "\n"


def _kind(image: bytes) -> str:
    return next((suffix for head, suffix in _KINDS.items() if image.startswith(head)), ".ppm")
