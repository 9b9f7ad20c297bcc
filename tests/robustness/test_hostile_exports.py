"""Exports of galleries, recipes and checkpoints from strangers: links, pipes, bombs in heads, images that are none."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn import Cli
from firstsight import api
from firstsight.errors import GalleryError, UsageError
from firstsight.gallery import Gallery
from firstsight.gallery.transfer import load
from firstsight.learn import checkpoint, recipe

Refused = Callable[..., str]


@pytest.fixture
def exported(tiny_model: Path, shapes: Path, tmp_path: Path) -> Path:
    """The export of a gallery that keeps a file, and pixels in grey and in colour."""
    with Gallery.create(tmp_path / "from.db", tiny_model, keep_sources=True) as gallery:
        gallery.enroll("file", shapes / "ring" / "0.png")
        gallery.enroll("grey", np.tri(40, 50, dtype=np.uint8) * 200)
        gallery.enroll("colour", np.dstack([np.tri(40, 50, dtype=np.uint8) * 200, np.full((40, 50, 2), 90, np.uint8)]))
    api.export_gallery(tmp_path / "from.db", out=tmp_path / "export")
    return tmp_path / "export"


@pytest.fixture
def into(tiny_model: Path, tmp_path: Path) -> Path:
    """An empty gallery that keeps images."""
    Gallery.create(tmp_path / "into.db", tiny_model, keep_sources=True).close()
    return tmp_path / "into.db"


def held(place: Path) -> int:
    """References of a gallery."""
    with Gallery.open(place) as gallery:
        return len(gallery.list())


def test_what_was_exported_is_imported(exported: Path, into: Path, cli: Cli) -> None:
    """Images of files and of pixels come in under the keys by which they are told again."""
    assert cli("gallery", "import", into, exported).code == 0
    assert held(into) == 3


def hostile_head(shape: str) -> bytes:
    """An array file whose head tells of a shape, with few bytes behind it."""
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(64)


FILES = ("gallery.json", "identities.jsonl", "references.jsonl", "vectors.npy", "images/0")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("how", ["/etc/passwd", "/dev/zero", "/proc/self/environ", "pipe", "folder", "huge", "outside"])
def test_an_export_is_read_from_its_own_files(
    file: str, how: str, exported: Path, into: Path, tmp_path: Path, refused: Refused
) -> None:
    """Links, devices, pipes, folders and endless files in the place of any file are refused; nothing is stored."""
    place = exported / file
    data = place.read_bytes()
    place.unlink()
    if how == "pipe":
        os.mkfifo(place)
    elif how == "folder":
        place.mkdir()
    elif how == "huge":
        with place.open("wb") as made:
            made.truncate(1 << 40)
    else:
        (tmp_path / "outside").write_bytes(data)
        place.symlink_to(tmp_path / "outside" if how == "outside" else how)
    refused(2, ("gallery", "import", into, exported), "export again" if file != "gallery.json" else "")
    assert held(into) == 0


def test_a_folder_of_images_that_is_a_link_is_refused(
    exported: Path, into: Path, tmp_path: Path, refused: Refused
) -> None:
    """The folder of kept images is the export's own."""
    shutil.move(exported / "images", tmp_path / "elsewhere")
    (exported / "images").symlink_to(tmp_path / "elsewhere")
    refused(2, ("gallery", "import", into, exported), "can't be read")


@pytest.mark.parametrize("shape", [
    "(1099511627776, 16)", "(3, 1099511627776)", "(3, 16, 0)", "(-3, 16)", "(3,", "(" * 900, "()", "(3, 16)",
    "(9223372036854775807, 9223372036854775807)",
])  # fmt: skip
def test_a_head_that_tells_any_shape_makes_nothing(shape: str, exported: Path, into: Path, refused: Refused) -> None:
    """An array of a tiny file is never made as large as its head says, and no traceback comes of one that is none."""
    (exported / "vectors.npy").write_bytes(hostile_head(shape))
    refused(2, ("gallery", "import", into, exported), "vectors.npy", "export again")
    about = json.loads((exported / "gallery.json").read_text())
    for references in (0, 1 << 40, 10**30, -1):
        (exported / "gallery.json").write_text(json.dumps({**about, "references": references}))
        refused(2, ("gallery", "import", into, exported))


def test_a_pickle_in_an_array_is_not_opened(exported: Path, into: Path, refused: Refused) -> None:
    """An array of objects, which would be a pickle, is refused."""
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}] * 3, object), allow_pickle=True)
    (exported / "vectors.npy").write_bytes(buffer.getvalue())
    refused(2, ("gallery", "import", into, exported), "vectors.npy")


@pytest.mark.parametrize("data", [b"root:x:0:0:root", b"", b"GIF89a", pickle.dumps(1), bytes(1000)])
def test_what_is_no_image_is_not_kept(data: bytes, exported: Path, into: Path, refused: Refused) -> None:
    """A kept image must be one."""
    (exported / "images" / "0").write_bytes(data)
    refused(2, ("gallery", "import", into, exported), "images/0 is not an image", "export again")
    assert held(into) == 0


def test_an_image_of_somebody_else_is_not_kept(exported: Path, into: Path, shapes: Path, refused: Refused) -> None:
    """A kept image must be the one of its key, by which it would be told again."""
    for number in "012":
        before = (exported / "images" / number).read_bytes()
        shutil.copy(shapes / "bars" / "1.png", exported / "images" / number)
        refused(2, ("gallery", "import", into, exported), f"images/{number} is another image", "export again")
        (exported / "images" / number).write_bytes(before)


@pytest.mark.parametrize("how", ["/dev/zero", "pipe", "huge", "deep", "digits", "folder"])
def test_a_recipe_is_a_small_file_of_its_own(how: str, tmp_path: Path, refused: Refused) -> None:
    """A recipe that is a device, a pipe, endless, nested without end or has a number of a million digits is refused."""
    place = tmp_path / "r.toml"
    if how == "pipe":
        os.mkfifo(place)
    elif how == "folder":
        place.mkdir()
    elif how == "huge":
        with place.open("wb") as made:
            made.truncate(1 << 36)
    elif how == "/dev/zero":
        place.symlink_to(how)
    else:
        place.write_text("[training]\nsteps = " + ("[" * 100_000 if how == "deep" else "9" * 500_000))
    refused(2, ("train", place, "--out", tmp_path / "out"), "r.toml")


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 100_000, "{a=" * 50_000])
def test_a_change_that_is_nested_without_end_is_refused(text: str) -> None:
    """A value of a setting is read as TOML, or is text: never a traceback."""
    with pytest.raises(UsageError):
        recipe.load("folder", [f"training.steps={text}"])


def test_a_checkpoint_is_no_pickle_and_no_bomb(tmp_path: Path) -> None:
    """A checkpoint of a stranger's folder that is a link, a pipe, a pickle or packed is refused and never run."""

    class Evil:
        def __reduce__(self) -> tuple[Any, tuple[Path]]:
            return (Path.touch, (tmp_path / "unpickled",))

    place = tmp_path / checkpoint.NAME
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Evil()))
        archive.writestr("archive/data/0", bytes(1 << 24))
    for data in (pickle.dumps(Evil()), packed.getvalue(), b"", bytes(100)):
        place.write_bytes(data)
        with pytest.raises(UsageError, match="damaged"):
            checkpoint.read(tmp_path, {})
    checkpoint.write(tmp_path / "good", {"decisive": {}})
    assert checkpoint.read(tmp_path / "good", {})["decisive"] == {}
    place.unlink()
    place.symlink_to(tmp_path / "good" / checkpoint.NAME)
    with pytest.raises(UsageError, match="link"):
        checkpoint.read(tmp_path, {})
    assert not (tmp_path / "unpickled").exists()


def test_a_gallery_error_is_what_comes(exported: Path, into: Path, tiny_model: Path) -> None:
    """In Python as on the command line."""
    (exported / "images" / "1").unlink()
    with Gallery.open(into, tiny_model) as gallery:
        with pytest.raises(GalleryError, match="images/1 can't be read"):
            load(gallery, exported)
