"""Caches are told by content: what is there now is what is read, whatever the files are called and however old."""

from __future__ import annotations

import gzip
import multiprocessing
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firstsight.datasets import DataSet, cache_folder, contents, open_data, readings
from firstsight.datasets import cache as kept_arrays
from firstsight.datasets.cache import keep, recall
from firstsight.datasets.readings import read_all
from firstsight.inputs import ImageInput
from firstsight.inputs.content import file_key, key_of
from firstsight.types import Example

READER = ImageInput(size=8, channels=1)
SIDE = 12
WHEN = (1e9, 1e9)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("FIRSTSIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def picture(grey: int) -> bytes:
    """A picture in a format without compression: as many bytes for every grey."""
    buffer = BytesIO()
    Image.new("L", (SIDE, SIDE), grey).save(buffer, "BMP")
    return buffer.getvalue()


def written(file: Path, data: bytes) -> None:
    """The same place and time, other bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    os.utime(file, WHEN)


def folder(root: Path, grey: int) -> str:
    """Two classes of one picture."""
    for name in ("a/0.bmp", "b/0.bmp"):
        written(root / "set" / name, picture(grey))
    return f"folder:{root / 'set'}"


def images(root: Path, grey: int) -> str:
    """Pictures without classes."""
    return folder(root, grey).replace("folder:", "images:")


def manifest(root: Path, grey: int) -> str:
    """A list that stays as it is, of files that do not."""
    folder(root, grey)
    written(root / "list.csv", b"path,label\nset/a/0.bmp,a\nset/b/0.bmp,a\n")
    return f"manifest:{root / 'list.csv'}"


def omniglot(root: Path, grey: int) -> str:
    """An archive whose members are stored as they are, so that it has one size too."""
    root.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(root / "images_evaluation.zip", "w") as archive:
        for number in (1, 2):
            name = zipfile.ZipInfo(f"images_evaluation/Greek/character01/0001_{number:02}.png", (2020, 1, 1, 0, 0, 0))
            archive.writestr(name, picture(grey + number))
    os.utime(root / "images_evaluation.zip", WHEN)
    return "omniglot:evaluation"


def mnist(root: Path, grey: int) -> str:
    """Files of rows of pixels, packed without compression."""
    pixels = np.full((3, 28, 28), grey, np.uint8)
    for name, head, data in (
        ("images-idx3", struct.pack(">HBBIII", 0, 8, 3, 3, 28, 28), pixels.tobytes()),
        ("labels-idx1", struct.pack(">HBBI", 0, 8, 1, 3), bytes(3)),
    ):
        written(root / f"t10k-{name}-ubyte.gz", gzip.compress(head + data, 0, mtime=0))
    return "mnist:test"


KINDS: tuple[Callable[[Path, int], str], ...] = (folder, images, manifest, omniglot, mnist)


@pytest.mark.parametrize("kind", KINDS)
def test_other_pixels_under_the_same_names_sizes_and_times_are_seen(
    kind: Callable[[Path, int], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was replaced in place is read anew, within one process too; and what came back is known again."""
    monkeypatch.setenv("FIRSTSIGHT_DATA", str(tmp_path / "data"))
    first = open_data(kind(tmp_path / "data", 40))
    before = read_all(first, READER)
    sizes = {p: (p.stat().st_size, p.stat().st_mtime) for p in (tmp_path / "data").rglob("*") if p.is_file()}
    other = open_data(kind(tmp_path / "data", 90))
    assert sizes == {p: (p.stat().st_size, p.stat().st_mtime) for p in sizes}, "nothing but the pixels differs"
    after = read_all(other, READER)
    assert (after.astype(int) - before == 50).all()
    assert first.fingerprint != other.fingerprint
    again = open_data(kind(tmp_path / "data", 40))
    assert again.fingerprint == first.fingerprint
    assert (read_all(again, READER) == before).all()


def test_a_data_set_is_the_same_wherever_it_lies_and_however_old(tmp_path: Path) -> None:
    """Its fingerprint follows neither place nor name of a file nor time; the label is part of it."""
    one = open_data(folder(tmp_path, 40))
    assert one.fingerprint
    moved = (tmp_path / "set").rename(tmp_path / "elsewhere")
    (moved / "a" / "0.bmp").rename(moved / "a" / "first.bmp")
    (moved / "a" / "first.bmp").touch()
    other = open_data(f"folder:{moved}")
    assert other.fingerprint == one.fingerprint
    (moved / "a").rename(moved / "aa")
    relabelled = open_data(f"folder:{moved}")
    assert relabelled.fingerprint != one.fingerprint
    assert relabelled.content == one.content, "labels do not change what is read"


def test_what_is_kept_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second reading of the same content decodes nothing; other settings or other code do."""
    data = open_data(folder(tmp_path, 40))
    read = read_all(data, READER)
    monkeypatch.setattr(ImageInput, "read", None)
    assert (read_all(open_data(f"folder:{tmp_path / 'set'}"), READER) == read).all()
    for change in ({"size": 9}, {"fit": "crop"}):
        with pytest.raises(TypeError):
            read_all(data, ImageInput(**{"size": 8, "channels": 1, **change}))
    monkeypatch.setattr(readings, "_code", lambda: "mended")
    with pytest.raises(TypeError):
        read_all(data, READER)


def test_files_that_change_while_they_are_read_are_told_by_what_was_read(tmp_path: Path) -> None:
    """What was decoded is never kept as the reading, or the embedding, of other bytes."""
    data = open_data(folder(tmp_path, 40))
    before = data.fingerprint
    folder(tmp_path, 90)
    assert (read_all(data, READER) == 90).all()
    other = open_data(f"folder:{tmp_path / 'set'}")
    assert before != data.fingerprint == other.fingerprint
    assert data.content == other.content
    folder(tmp_path, 40)
    assert (read_all(open_data(f"folder:{tmp_path / 'set'}"), READER) == 40).all()


@pytest.mark.parametrize("at", [0, 20, 100, 130, -1])
def test_a_kept_file_with_one_wrong_byte_is_made_anew(at: int, tmp_path: Path, place: Path) -> None:
    """Wherever it is: in the head, in the array, in the checksum."""
    data = open_data(folder(tmp_path, 40))
    read = read_all(data, READER)
    [file] = place.rglob("*.npy")
    content = bytearray(file.read_bytes())
    content[at] ^= 0x08
    file.write_bytes(content)
    assert (read_all(data, READER) == read).all()


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x93NUMPY", "cut", "longer", "huge"])
def test_a_kept_file_that_is_none_is_made_anew(content: bytes | str, tmp_path: Path, place: Path) -> None:
    """A head that promises terabytes allocates none of them."""
    data = open_data(folder(tmp_path, 40))
    read = read_all(data, READER)
    [file] = place.rglob("*.npy")
    whole = file.read_bytes()
    if content == "huge":
        head = str({"descr": "|u1", "fortran_order": False, "shape": (10**13, 1, 8, 8)}).encode()
        whole = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(100)
    made = {"cut": whole[:-30], "longer": whole + b"0", "huge": whole}
    file.write_bytes(content if isinstance(content, bytes) else made[content])
    assert (read_all(data, READER) == read).all()
    assert recall("readings", file.stem, (len(data), *READER.shape), np.uint8) is not None


def test_arrays_come_back_as_they_went(place: Path) -> None:
    """Of any shape and number type; asked for as another, they are none."""
    for array in (np.zeros((0, 3), np.float32), np.arange(6, dtype=np.float32).reshape(2, 3)):
        keep("made", "k", array)
        back = recall("made", "k", (None, 3), np.float32)
        assert back is not None
        assert np.array_equal(back, array)
        assert recall("made", "k", (None, 4), np.float32) is None
        assert recall("made", "k", (None, 3), np.uint8) is None
    assert recall("made", "another", (None, 3), np.float32) is None


def _keep(number: int) -> None:
    for _ in range(30):
        keep("made", "k", np.full(50_000, number, np.uint8))


def test_processes_that_keep_at_once_do_not_mix(place: Path) -> None:
    """Whoever reads meanwhile finds the array of one of them, whole."""
    start = multiprocessing.get_context("spawn")
    writers = [start.Process(target=_keep, args=(n,)) for n in (1, 2)]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        found = recall("made", "k", (50_000,), np.uint8)
        if found is not None:
            assert len(set(found.tolist())) == 1
            seen += 1
    assert seen
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert [file.name for file in (place / "made").iterdir()] == ["k.npy"]


def test_large_files_have_the_same_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are hashed by several threads, in their order; a file that can't be read has a key of its own."""
    files = [tmp_path / f"{n}.png" for n in range(40)]
    for n, file in enumerate(files[:-2]):
        file.write_bytes(bytes([n]) * 50_000)
    os.mkfifo(files[-1])
    data = DataSet("made", tuple(Example("a", lambda f=f: f, source=str(f)) for f in files))
    assert contents._large(data.examples)
    keys = data.keys
    assert list(keys[:-2]) == [key_of(file.read_bytes()) for file in files[:-2]]
    assert len(set(keys)) == len(files)
    monkeypatch.setattr(contents, "_large", lambda _: False)
    assert contents.keys_of(data.examples) == keys
    assert data.take([3, 1], "some").keys == (keys[3], keys[1])


def test_a_folder_or_a_device_has_no_key(tmp_path: Path) -> None:
    """Nothing without an end is read."""
    assert [file_key(p) for p in (tmp_path, "/dev/zero", tmp_path / "gone", "a\0b")] == [None] * 4


ASKED = (
    "from firstsight.datasets import open_data; from firstsight.datasets.readings import read_all;"
    "from firstsight.inputs import ImageInput; import sys;"
    "print(read_all(open_data(sys.argv[1]), ImageInput(size=8, channels=1)).sum())"
)


def asked(address: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Reading in a process of its own, which has no environment but this."""
    there = {k: os.environ[k] for k in ("PYTHONPATH", "PATH") if k in os.environ}
    command = [sys.executable, "-c", ASKED, address]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env={**there, **environment})


def test_a_cache_that_cannot_be_written_costs_a_note(tmp_path: Path) -> None:
    """It is a file, or lies below one, or no home is known: the answer is right, and one line says what to set."""
    address = folder(tmp_path, 40)
    (tmp_path / "file").write_bytes(b"")
    cases: tuple[dict[str, str], ...] = (
        {"FIRSTSIGHT_CACHE": str(tmp_path / "file")},
        {"FIRSTSIGHT_CACHE": str(tmp_path / "file" / "below")},
        {"HOME": "/dev/null"},
    )
    for environment in cases:
        ran = asked(address, tmp_path, **environment)
        assert (ran.returncode, ran.stdout.strip()) == (0, str(2 * 64 * 40)), ran.stderr
        [line] = ran.stderr.splitlines()
        assert "note: the cache" in line
        assert "FIRSTSIGHT_CACHE" in line


def test_without_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A user without a home directory gets no folder called ~ where the command runs."""
    monkeypatch.delenv("FIRSTSIGHT_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: "~/.cache/firstsight")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    kept_arrays._note.cache_clear()
    assert cache_folder() is None
    keep("made", "k", np.zeros(3, np.uint8))
    keep("made", "k", np.zeros(3, np.uint8))
    assert recall("made", "k", (3,), np.uint8) is None
    assert [record.message.split(",")[0] for record in caplog.records] == [
        "note: there is no home directory to keep decoded data in"
    ]
