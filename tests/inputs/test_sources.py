"""What a source may be: each form of one picture reads alike, and what is none is an InputError that says what came."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch
from odd_files import png
from PIL import Image

from firstsight.client.fields import images_of
from firstsight.errors import InputError
from firstsight.gallery import Gallery
from firstsight.inputs.decode import decode
from firstsight.inputs.listing import expand
from firstsight.inputs.sources import bytes_of, describe, listed
from firstsight.model import Model

GREY = np.full((60, 40), 255, np.uint8)
GREY[10:50, 18:23] = 0
COLOUR = np.dstack([GREY, np.maximum(GREY, 90), GREY])


def saved(pixels: np.ndarray, form: str = "PNG", **options: object) -> bytes:
    """A file that Pillow writes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


class Upload:
    """A file of somebody's framework: nothing but read."""

    def read(self, size: int = -1) -> bytes:
        """Some bytes."""
        return saved(COLOUR)[:size] if size >= 0 else saved(COLOUR)


def at(place: Path, data: bytes) -> Path:
    """A file."""
    (place / "a.png").write_bytes(data)
    return place / "a.png"


FORMS: dict[str, Callable[[Path], object]] = {
    "bytes": lambda _: saved(COLOUR),
    "bytearray": lambda _: bytearray(saved(COLOUR)),
    "memoryview": lambda _: memoryview(saved(COLOUR)),
    "path": lambda place: at(place, saved(COLOUR)),
    "text": lambda place: str(at(place, saved(COLOUR))),
    "directory entry": lambda place: next(e for e in os.scandir(at(place, saved(COLOUR)).parent) if e.is_file()),
    "BytesIO": lambda _: io.BytesIO(saved(COLOUR)),
    "open file": lambda place: at(place, saved(COLOUR)).open("rb"),
    "unbuffered file": lambda place: at(place, saved(COLOUR)).open("rb", buffering=0),
    "upload": lambda _: Upload(),
    "array": lambda _: COLOUR,
    "array of another order": lambda _: np.asfortranarray(COLOUR),
    "array in part": lambda _: np.repeat(COLOUR, 2, axis=0)[::2],
    "Pillow RGB": lambda _: Image.fromarray(COLOUR),
    "Pillow RGBA": lambda _: Image.fromarray(COLOUR).convert("RGBA"),
    "Pillow P": lambda _: Image.fromarray(COLOUR).quantize(4),
    "Pillow CMYK": lambda _: Image.fromarray(COLOUR).convert("CMYK"),
    "Pillow RGBX": lambda _: Image.fromarray(COLOUR).convert("RGBX"),
    "Pillow RGBa": lambda _: Image.fromarray(COLOUR).convert("RGBa"),
    "Pillow file": lambda place: Image.open(at(place, saved(COLOUR))),
    "tensor": lambda _: torch.from_numpy(COLOUR),
    "tensor, channels first": lambda _: torch.from_numpy(COLOUR).permute(2, 0, 1),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_reads_alike(form: str, tmp_path: Path) -> None:
    """Pixels are the same whatever holds them, once and again, and so are those of the bytes it is kept as."""
    source = FORMS[form](tmp_path)
    for _ in range(2):
        np.testing.assert_array_equal(np.asarray(decode(source, colour=True)), COLOUR)
    np.testing.assert_array_equal(np.asarray(decode(bytes_of(source), colour=True)), COLOUR)
    assert listed(source) == [source] or isinstance(source, np.ndarray | torch.Tensor)
    assert describe(source)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I", "I;16", "F", "HSV", "La", "YCbCr", "LAB", "PA"])
def test_pillow_images_of_any_mode_are_read(mode: str) -> None:
    """An image of every mode reads as the picture it is, and its bytes read the same; it is not changed."""
    image = Image.fromarray(GREY) if mode not in ("HSV", "YCbCr", "LAB") else Image.fromarray(GREY).convert("RGB")
    if mode == "La":
        image = image.convert("LA").convert("La")
    elif mode == "LAB":
        image = Image.merge("LAB", [Image.fromarray(GREY), *[Image.new("L", (40, 60), 128)] * 2])
    elif mode == "PA":
        image = image.convert("P").convert("PA")
    else:
        image = image.convert(mode)
    before = image.tobytes()
    for source in (image, bytes_of(image)):
        assert np.abs(np.asarray(decode(source, colour=False)).astype(int) - GREY).max() <= 2
    assert image.tobytes() == before


def test_a_pillow_image_is_read_upright_and_left_alone() -> None:
    """A turned photograph that Pillow opened reads as its path does; the caller's image stays as it was."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(COLOUR, "JPEG", exif=exif)
    for load in (False, True):
        image = Image.open(io.BytesIO(data))
        if load:
            image.load()
        assert decode(image, colour=True).size == decode(data, colour=True).size == (60, 40)
        assert image.size == (40, 60)


def test_a_pillow_file_is_read_with_what_it_says() -> None:
    """Of 16-bit colour Pillow keeps half; an image that is not loaded yet is read from its file."""
    deep = (COLOUR.astype(np.uint16)) << 4
    np.testing.assert_array_equal(np.asarray(decode(Image.open(io.BytesIO(png(deep, kind=2))), colour=True)), COLOUR)


def test_what_pillow_opened_is_read_in_any_format() -> None:
    """A format that is no file's here is a picture all the same where Pillow has read it, loaded or not."""
    data = saved(COLOUR, "PCX")
    for load in (False, True):
        image = Image.open(io.BytesIO(data))
        if load:
            image.load()
        np.testing.assert_array_equal(np.asarray(decode(image, colour=True)), COLOUR)


def test_one_channel_is_grey() -> None:
    """``(h, w, 1)`` is ``(h, w)``, of arrays and tensors, with the channel first or last."""
    for source in (GREY, GREY[..., None], torch.from_numpy(GREY)[None], torch.from_numpy(GREY)[..., None]):
        np.testing.assert_array_equal(np.asarray(decode(source, colour=False)), GREY)


def test_a_home_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~`` in a path is the home directory, for an image and for a folder of them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    at(tmp_path, saved(COLOUR))
    assert decode("~/a.png", colour=True).size == (40, 60)
    assert expand(["~"]) == [tmp_path / "a.png"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_is_read_is_capped(tmp_path: Path) -> None:
    """Neither a device nor a file object without an end fills the memory, and a sentence says so."""

    class Endless:
        def read(self, size: int) -> bytes:
            return bytes(size)

    with Path("/dev/zero").open("rb") as zeros:
        for source in ("/dev/zero", zeros, Endless()):
            with pytest.raises(InputError, match="more than the 64 MiB allowed"):
                bytes_of(source)


WRONG: dict[str, tuple[object, str]] = {
    "None": (None, "None came, a path, the bytes of an image file"),
    "NaN": (float("nan"), "nan came, a path"),
    "a number": (7, "7 came, a path"),
    "a truth": (True, "True came, a path"),
    "a dict": ({}, "a dict came, a path"),
    "a set": ({1}, "a set came, a path"),
    "a list in a list": ([1, 2], "a list came, a path"),
    "a generator": ((n for n in ()), "a generator came, a path"),
    "a date": (date(2026, 1, 1), r"a datetime\.date came, a path"),
    "a class": (np.ndarray, "a type came, a path"),
    "NUL in a path": ("a\0b", "can't be read: embedded null byte"),
    "text in a file": (io.StringIO("x"), "gives text, an image file opened with 'rb' was expected"),
    "a file at its end": (io.BytesIO(), "0 bytes came"),
    "floats": (
        GREY / 255,
        r"float64 came, pixels .* or \(h, w, 3\) in RGB of uint8 .*round\(255 \* pixels",
    ),
    "truths": (GREY > 0, "bool came, pixels .* multiply by np.uint8"),
    "whole numbers": (GREY.astype(np.int64), "int64 came, pixels .* 16-bit PNG or TIFF"),
    "four channels": (np.dstack([COLOUR, GREY]), "for RGBA give Image.fromarray"),
    "two channels": (COLOUR[..., :2], r"array of shape \(60, 40, 2\)"),
    "channels first": (COLOUR.transpose(2, 0, 1), r"array of shape \(3, 60, 40\)"),
    "no pixels": (GREY[:0], "has no pixels"),
    "one number of NumPy": (np.float64(1), r"array of shape \(\)"),
    "a tensor of floats": (torch.zeros(4, 4), "float32 came"),
    "a batch": (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), r"array of shape \(2, 3, 4, 4\)"),
}


@pytest.mark.parametrize("which", WRONG)
def test_what_is_no_source_is_refused_everywhere(which: str, tmp_path: Path) -> None:
    """Decoding, a model, a gallery and the client give one sentence, with what came and what was expected."""
    source, words = WRONG[which]
    model = Model.load("glyphs")
    with Gallery.create(tmp_path / "g.db", model, keep_sources=True) as gallery:
        for take in (
            lambda: decode(source, colour=False),
            lambda: model.embed([source]),
            lambda: gallery.enroll("a", [source]),
            lambda: images_of([source]),
        ):
            with pytest.raises(InputError, match=words):
                take()
        assert gallery.list() == []


def test_a_file_at_its_end_is_told_to_go_back() -> None:
    """Who wrote into a buffer and hands it over learns why nothing came."""
    with tempfile.TemporaryFile() as file:
        file.write(saved(GREY))
        with pytest.raises(InputError, match=r"it stands at its end, call seek\(0\) first"):
            decode(file, colour=False)


def test_a_gallery_takes_what_a_notebook_holds(tmp_path: Path) -> None:
    """Images, files and tensors are enrolled, kept and found again; bytes that are enrolled already add nothing."""
    sign = np.full((60, 60), 255, np.uint8)
    sign[10:50, 28:33] = sign[44:50, 28:52] = 0
    with Gallery.create(tmp_path / "g.db", Model.load("glyphs"), keep_sources=True) as gallery:
        first = gallery.enroll("a", io.BytesIO(saved(sign)))
        assert (first.added, first.references) == (1, 1)
        assert gallery.enroll("a", bytearray(saved(sign)), override="all").added == 0
        gallery.enroll("a", [Image.fromarray(sign), torch.from_numpy(sign), sign[..., None]], override="all")
        for reference in gallery.list():
            kept = gallery.store.image(reference.id)
            np.testing.assert_array_equal(np.asarray(decode(kept, colour=False)), sign)
        for probe in (memoryview(saved(sign)), Image.fromarray(sign), io.BytesIO(saved(sign))):
            assert gallery.identify(probe).identity == "a"
            assert gallery.verify("a", probe).same
