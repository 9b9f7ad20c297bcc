"""Where data lies: the folders that are searched for archives, and reading members out of zips."""

from __future__ import annotations

import io
import os
import threading
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path

import platformdirs

from firstsight.errors import DataError
from firstsight.inputs.content import key_of

_lock = threading.Lock()


def data_folders() -> tuple[Path, ...]:
    """The folders named by ``FIRSTSIGHT_DATA`` (separated as in PATH); without it the user's cache."""
    named = os.environ.get("FIRSTSIGHT_DATA")
    if named:
        return tuple(Path(p) for p in named.split(os.pathsep) if p)
    return (Path(platformdirs.user_cache_dir("firstsight")) / "data",)


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


class Archive:
    """A zip as it was when it was opened: held in memory, so that what is read later is what was listed.

    Args:
        name: in messages.
        data: the bytes of the file.

    Raises:
        DataError: they are no readable zip.
    """

    def __init__(self, name: str, data: bytes) -> None:
        self.name, self._data = name, data
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
            raise DataError(f"{name} is not a readable zip archive ({error}); fetch it again") from None

    def members(self) -> list[zipfile.ZipInfo]:
        """All files in it, in the order of their names."""
        return sorted(self._zip.infolist(), key=lambda info: info.filename)

    def key(self, info: zipfile.ZipInfo) -> str:
        """What tells a member's content, whatever it is called: the hash of its bytes as they are stored."""
        lengths = info.header_offset + 26  # of the two fields that stand behind the local header
        name, extra = (int.from_bytes(self._data[at : at + 2], "little") for at in (lengths, lengths + 2))
        start = lengths + 4 + name + extra
        return key_of(b"%d:%d:" % (info.compress_type, info.CRC) + self._data[start : start + info.compress_size])

    def read(self, member: str) -> bytes:
        """The bytes of one member.

        Raises:
            DataError: it is missing or damaged.
        """
        try:
            with _lock:
                return self._zip.read(member)
        except (
            KeyError,
            OSError,
            ValueError,
            NotImplementedError,
            RuntimeError,
            zlib.error,
            zipfile.BadZipFile,
        ) as error:
            raise DataError(f"{member} in {self.name} can't be read ({error}); fetch the archive again") from None


def open_archive(path: Path) -> Archive:
    """An archive as it is now.

    Raises:
        DataError: the file is not a readable zip.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror}); fetch it again") from None
    return _opened(str(path), data)


_opened = lru_cache(maxsize=4)(Archive)
"""One of equal bytes is listed once."""
