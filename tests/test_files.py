"""Reading what may have been put there by a stranger: regular files, so many bytes, never out of a folder."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from firstsight.errors import InputError
from firstsight.files import read_file


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    """Files of any size up to what is allowed come byte for byte; one byte more is refused, saying what is allowed."""
    for size in (0, 1, 65_535, 65_537, 300_000):
        (tmp_path / "file").write_bytes(os.urandom(size))
        assert read_file(tmp_path / "file", size, InputError) == (tmp_path / "file").read_bytes()
        if size:
            with pytest.raises(InputError, match="file is larger than the .* allowed; mend it"):
                read_file(tmp_path / "file", size - 1, InputError, "mend it")


def test_what_is_no_file_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe nobody writes to, an endless device, a socket, a folder and nothing are each refused in a sentence."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        monkeypatch.chdir(tmp_path)  # the name of a socket may only be short
        made.bind("socket")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "folder", "socket", "zero", "/dev/zero"):
        with pytest.raises(InputError, match="can't be read \\(it is no regular file\\)"):
            read_file(tmp_path / name, 100, InputError)
    for name in ("pipe", "folder", "socket", "zero"):
        with pytest.raises(InputError, match="can't be read"):
            read_file(tmp_path / name, 100, InputError, inside=tmp_path)
    for name in ("nothing", "a\0b", "x" * 300):
        with pytest.raises(InputError, match="can't be read"):
            read_file(tmp_path / name, 100, InputError)


def test_a_size_of_none_is_not_believed() -> None:
    """A file of the kernel says that it has no bytes: no more than allowed are read."""
    assert Path("/proc/self/status").stat().st_size == 0
    with pytest.raises(InputError, match="larger than the 10 bytes"):
        read_file(Path("/proc/self/status"), 10, InputError)


def test_a_folder_of_others_is_not_left(tmp_path: Path) -> None:
    """Links out of a folder and within it are refused at every depth; a second name of a file is fine; the folder
    itself may be a link, since that was chosen by who named it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_bytes(b"good")
    (folder / "deep" / "link").symlink_to(tmp_path / "outside" / "secret")
    (folder / "deep" / "near").symlink_to("file")
    (folder / "far").symlink_to(tmp_path / "outside")
    os.link(folder / "deep" / "file", folder / "second")
    (tmp_path / "chosen").symlink_to(folder)
    for start in (folder, tmp_path / "chosen"):
        assert read_file(start / "deep" / "file", 9, InputError, inside=start) == b"good"
        assert read_file(start / "second", 9, InputError, inside=start) == b"good"
        for name in ("deep/link", "deep/near", "far/secret", "../outside/secret"):
            with pytest.raises(InputError, match="can't be read"):
                read_file(start / name, 9, InputError, inside=start)
    assert read_file(folder / "deep" / "link", 9, InputError) == b"secret"
