"""A new folder that is there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firstsight.errors import GalleryError, StorageError
from firstsight.files import FOLDER, MISSING, PRIVATE, state_of


@contextmanager
def new_folder(out: Path, what: str) -> Iterator[Path]:
    """A folder for files, which gets its name when all of them are on disk; readable by its owner alone.

    Args:
        out: its place.
        what: comes there, for a message.

    Raises:
        GalleryError: something is at that place already.
        StorageError: the disk refused.
    """
    if state_of(out) != MISSING or state_of(out.parent) != FOLDER:
        raise GalleryError(f"{out} can't take the {what}: a new folder in an existing one was expected")
    try:
        staging = Path(tempfile.mkdtemp(dir=out.parent, prefix=".", suffix=".partial"))
        try:
            yield staging
            for place in (*staging.rglob("*"), staging):
                place.chmod(0o700 if place.is_dir() else PRIVATE)  # each, since a copy of it may lie elsewhere
                _sync(place)
            staging.rename(out)
            _sync(out.parent)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    except OSError as error:
        raise StorageError(f"{out} can't be written ({error.strerror}); the gallery is as it was") from None


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
