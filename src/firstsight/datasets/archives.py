"""Where data lies: the folders that are searched for archives, and reading members out of zips."""

from __future__ import annotations

import os
import threading
import zipfile
from functools import lru_cache
from pathlib import Path

import platformdirs

from firstsight.errors import DataError

_lock = threading.Lock()


def data_folders() -> tuple[Path, ...]:
    """The folders named by ``FIRSTSIGHT_DATA`` (separated as in PATH); without it the user's cache."""
    named = os.environ.get("FIRSTSIGHT_DATA")
    if named:
        return tuple(Path(p) for p in named.split(os.pathsep) if p)
    return (Path(platformdirs.user_cache_dir("firstsight")) / "data",)


def cache_folder() -> Path:
    """Where decoded data is kept: ``FIRSTSIGHT_CACHE`` or the user's cache."""
    named = os.environ.get("FIRSTSIGHT_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("firstsight"))


def find_archive(name: str, *, how: str) -> Path:
    """The archive ``name`` in any data folder, directly or one folder down.

    Raises:
        DataError: it is nowhere; says where it was looked for and how to get it.
    """
    folders = data_folders()
    for folder in folders:
        for place in (folder / name, *sorted(folder.glob(f"*/{name}"))):
            if place.is_file():
                return place
    looked = ", ".join(str(f) for f in folders)
    raise DataError(f"{name} was not found (looked in {looked} and the folders in it); {how}")


@lru_cache(maxsize=16)
def open_zip(path: Path) -> zipfile.ZipFile:
    """An open archive, shared by all readers of this process.

    Raises:
        DataError: the file is not a readable zip.
    """
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not a readable zip archive ({error}); fetch it again") from None


def read_member(path: Path, member: str) -> bytes:
    """The bytes of one member.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        with _lock:
            return open_zip(path).read(member)
    except (KeyError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{member} in {path} can't be read ({error}); fetch the archive again") from None
