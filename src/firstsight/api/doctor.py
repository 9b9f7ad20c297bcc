"""Whether FirstSight can work here: versions, model, speed, store, disk, permissions."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import firstsight
from firstsight.errors import FirstSightError, count
from firstsight.files import FILE, FOLDER, expanded, state_of
from firstsight.gallery import Gallery
from firstsight.gallery.rereading import reread
from firstsight.model import Model, shipped
from firstsight.onnx_runtime import LATE, keep_quiet
from firstsight.stores.access import Access
from firstsight.stores.listing import damage_of, galleries_of
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import Check, GalleryInfo

EXTRAS = {"train": ("torch", "onnx"), "report": ("matplotlib", "jinja2", "sklearn"), "heic": ("pillow_heif",)}
EXTRAS |= {"serve": ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "limits", "httpx2")}
_ROOM = 1 << 30  # bytes below which a disk is nearly full
_NAMED = 20  # references that a line has room for
_SLOW = 100.0  # ms: a disk that needs longer for a write holds every enrolment up


def doctor(store: str | Path | None = None) -> list[Check]:
    """What is looked at, and whether it is as it should be; nothing is changed, unless a store of an
    older format, which is brought to this one.

    Args:
        store: a gallery's file to look at too.
    """
    checks = [_versions(), _extras(), _usage_data(), *_attempt("model", _models)]
    file = None if store is None else expanded(str(store).partition("#")[0])
    folder = Path.cwd() if file is None else file.parent
    if state_of(folder) == FOLDER:
        checks += [*_attempt("disk", lambda: [_room(folder)]), *_attempt("fsync", lambda: [_fsync(folder)])]
    if file is not None:
        checks += _attempt("store", lambda: _store(file))
    return checks


def _versions() -> Check:
    names = ("numpy", "onnxruntime", "pillow", "pydantic")
    found = [f"{name} {importlib.metadata.version(name)}" for name in names]
    system = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    texts = [f"firstsight {firstsight.__version__}", system, f"{processors} processors"]
    texts += [f"SQLite {sqlite3.sqlite_version}", *found]
    return Check("versions", None, ", ".join(texts))


def _extras() -> Check:
    there = [name for name, needed in EXTRAS.items() if all(map(importlib.util.find_spec, needed))]
    return Check(
        "extras", None, ", ".join(there) or "none", "" if "serve" in there else "pip install 'firstsight[serve]'"
    )


def _usage_data() -> Check:
    if keep_quiet():
        sentence, _, mend = LATE.partition("; ")
        return Check("usage data", False, sentence, mend)
    return Check("usage data", True, "none is sent")


def _attempt(name: str, look: Callable[[], list[Check]]) -> list[Check]:
    """Look; what can't be looked at is broken."""
    try:
        return look()
    except FirstSightError as error:
        return [Check(name, False, str(error), "see what the sentence says")]
    except OSError as error:
        return [Check(name, False, f"{error.strerror or error}", "see who may read and write there")]


def _models() -> list[Check]:
    """The shipped models load with the bytes they were made with, and embed at some speed."""
    checks = []
    for name in shipped():
        model = Model.load(name)  # compares the hash of every file
        pixels = np.zeros((1, *model.input.shape), np.uint8)
        model.embed_arrays(pixels)
        times = []
        for _ in range(9):
            began = time.perf_counter()
            model.embed_arrays(pixels)
            times.append(1000 * (time.perf_counter() - began))
        value = f"{name}, fingerprint {model.fingerprint}, {sorted(times)[4]:.1f} ms an embedding"
        checks.append(Check("model", True, value))
    return checks


def _room(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    advice = "" if free >= _ROOM else "make room: what can't be written is refused"
    return Check("disk", free >= _ROOM, f"{free / 2**30:.1f} GiB free at {folder}", advice)


def _fsync(folder: Path) -> Check:
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(5):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            times.append(1000 * (time.perf_counter() - began))
    middle = sorted(times)[2]
    advice = "" if middle < _SLOW else "use a local disk: every enrolment waits for it"
    return Check("fsync", middle < _SLOW, f"{middle:.1f} ms", advice)


def _store(file: Path) -> list[Check]:
    """The file is whole, its own, and its galleries' models are there."""
    state = state_of(file)
    if state != FILE:
        return [Check("store", False, f"{file} {state}", "give the file of a gallery, or make it: firstsight serve")]
    galleries = galleries_of(file)
    damage = damage_of(file)
    checks = [Check("store", not damage, f"{file}: {'; '.join(damage) or 'whole'}", "restore it" if damage else "")]
    for g in galleries:
        enrolled = f"{g.gallery}: {g.identities} identities, {g.references} references"
        checks += _attempt("gallery", lambda g=g, enrolled=enrolled: [_bound(g.model, g.fingerprint, enrolled)])  # type: ignore[misc]
        checks += _attempt("verdict", lambda g=g: _verdict(g))  # type: ignore[misc]
        checks += _attempt("vectors", lambda g=g: _vectors(f"{file}#{g.gallery}", g))  # type: ignore[misc]
        checks += _attempt("readings", lambda g=g: _readings(file, g))  # type: ignore[misc]
    mode = stat.S_IMODE(file.stat().st_mode)
    advice = f"chmod 600 {file}: others of this machine can read who is enrolled"
    checks.append(Check("permissions", not mode & 0o077, f"mode {mode:04o}", advice if mode & 0o077 else ""))
    access = Access(file)
    try:
        number = len(access.keys())
        shut = not number and access.had()  # whoever served it would be asked for a key that nobody has
        checks.append(Check("keys", None, f"{number}", f"firstsight key add {file} NAME --role admin" if shut else ""))
    finally:
        access.close()
    return checks


def _verdict(gallery: GalleryInfo) -> list[Check]:
    """What the gallery's model was found to be good for; nothing where it is another model by now."""
    model = Model.load(gallery.model)
    if model.fingerprint != gallery.fingerprint:
        return []
    found = model.verdict
    if found is None:
        told = f"{gallery.gallery}: not known, {gallery.model} is of a version that did not look"
        return [Check("verdict", None, told, f"firstsight evaluate {gallery.model} openset DATA")]
    reason = f"; likeliest reason: {found.reason}" if found.reason else ""
    ok = {"usable": True, "useless": False}.get(found.level)
    return [Check("verdict", ok, f"{gallery.gallery}: {found.sentence}{reason}", found.advice)]


def _vectors(address: str, gallery: GalleryInfo) -> list[Check]:
    """Whether all references can be compared; nothing where their model, which knows, is not there."""
    model = Model.load(gallery.model)
    if model.fingerprint != gallery.fingerprint:
        return []
    with Gallery.open(address, model) as opened:
        bad = opened.store.damaged()
    named = ", ".join(f"{r.identity} (reference {r.id})" for r in bad[:10]) + (", ..." if len(bad) > 10 else "")
    value = f"{gallery.gallery}: {len(bad)} of {gallery.references} did not come from the model{named and f': {named}'}"
    return [Check("vectors", not bad, value, f"firstsight remove {address} NAME, and enroll again" if bad else "")]


def _readings(file: Path, gallery: GalleryInfo) -> list[Check]:
    """The kept images are read as they were when they were enrolled."""
    if not gallery.keep_sources:
        return []
    model, address = Model.load(gallery.model), f"{file}#{gallery.gallery}"
    if model.fingerprint != gallery.fingerprint:
        return []
    store = SqliteStore(address)
    try:
        seen = reread(store, model)
    finally:
        store.close()
    told = f"{gallery.gallery}: {seen.looked:,} of {count(seen.kept, 'kept image', 'kept images')} looked at"
    if not seen.otherwise:
        return [Check("readings", True, f"{told}, all are read as when they were enrolled")]
    named = ", ".join(f"{r.identity} (reference {r.id})" for r in seen.otherwise[:_NAMED])
    more = f" and {len(seen.otherwise) - _NAMED:,} more" if len(seen.otherwise) > _NAMED else ""
    advice = f"firstsight gallery rebuild {address} --model {gallery.model}"
    return [Check("readings", False, f"{told}, {len(seen.otherwise):,} are read otherwise now: {named}{more}", advice)]


def _bound(model: str, fingerprint: str, enrolled: str) -> Check:
    found = Model.load(model)
    if found.fingerprint != fingerprint:
        text = f"{enrolled}; {model} is {found.fingerprint}, it was made by {fingerprint}"
        return Check("gallery", False, text, "bring that model back, or firstsight gallery rebuild")
    calibrated = found.calibration is not None
    advice = "" if calibrated else f"firstsight calibrate {model}"
    return Check(
        "gallery", calibrated, f"{enrolled}, model {model}{'' if calibrated else ' without calibration'}", advice
    )
