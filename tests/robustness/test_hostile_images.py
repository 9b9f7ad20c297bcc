"""Pictures as strangers send them: damaged, huge, mislabelled, turned, of every mode and format."""

from __future__ import annotations

import contextlib
import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firstsight.errors import InputError
from firstsight.inputs import GlyphInput, ImageInput
from firstsight.inputs.decode import MAX_BYTES, MAX_PIXELS, decode
from firstsight.model import Model

FORMATS = {
    "png": ("PNG", {}),
    "jpg": ("JPEG", {"quality": 95}),
    "bmp": ("BMP", {}),
    "gif": ("GIF", {}),
    "tiff": ("TIFF", {}),
    "webp": ("WEBP", {"lossless": True}),
    "ppm": ("PPM", {}),
}
Refused = Callable[..., str]


def encoded(image: Image.Image, form: str) -> bytes:
    """The image as a file of that format."""
    name, options = FORMATS[form]
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def png(width: int, height: int, content: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG by hand, which may lie about its size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    middle = b"".join(chunk(kind, data) for kind, data in extra)
    return b"\x89PNG\r\n\x1a\n" + header + middle + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")


def test_a_missing_picture_is_one_sentence(tiny_model: Path, picture: Path, refused: Refused) -> None:
    """A path that does not exist is named, with exit code 2."""
    refused(2, ("compare", tiny_model, picture, "nowhere/x.png"), "nowhere/x.png does not exist")


def test_unreadable_paths_are_one_sentence(tiny_model: Path, picture: Path, tmp_path: Path, refused: Refused) -> None:
    """A folder, a dangling link, a link to itself, a path through a file and an endless name are sentences."""
    (tmp_path / "dangling.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "folder.png").mkdir()
    refused(2, ("compare", tiny_model, picture, tmp_path / "dangling.png"), "dangling.png does not exist")
    refused(2, ("compare", tiny_model, picture, tmp_path / "loop.png"), "loop.png can't be read")
    refused(2, ("compare", tiny_model, picture, tmp_path / "folder.png"), "is a folder, an image file was expected")
    refused(2, ("compare", tiny_model, picture, picture / "x.png"), "can't be read")
    refused(2, ("compare", tiny_model, picture, tmp_path / ("n" * 300 + ".png")), "can't be read")
    refused(2, ("compare", tiny_model, picture, "a\0b.png"))


def test_what_is_no_picture_is_one_sentence(tiny_model: Path, picture: Path, tmp_path: Path, refused: Refused) -> None:
    """An empty file and a text named .png are refused by what they are."""
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("not a picture at all")
    refused(2, ("compare", tiny_model, picture, tmp_path / "empty.png"), "empty.png is empty (0 bytes)")
    refused(2, ("compare", tiny_model, picture, tmp_path / "text.png"), "text.png is not an image FirstSight reads")


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_half_a_picture_is_refused(form: str, picture: Path) -> None:
    """A file cut in half is an error in every format, never half a picture."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8))
    data = encoded(noise, form)
    with pytest.raises(InputError, match=r"damaged|not an image"):
        decode(data[: len(data) // 2], colour=True)


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_damaged_pictures_never_escape(form: str, picture: Path) -> None:
    """Bytes overwritten anywhere give a picture or an InputError, and nothing else."""
    data = encoded(Image.open(picture).convert("RGB"), form)
    draw = np.random.default_rng(1)
    for _ in range(60):
        broken = bytearray(data)
        at = int(draw.integers(0, len(data)))
        broken[at : at + int(draw.integers(1, 30))] = draw.bytes(int(draw.integers(1, 30)))
        with contextlib.suppress(InputError):
            assert decode(bytes(broken), colour=True).mode == "RGB"


def test_corrupt_content_is_refused(picture: Path, tiny_model: Path, tmp_path: Path, refused: Refused) -> None:
    """A PNG whose compressed content was overwritten is called damaged."""
    data = bytearray(picture.read_bytes())
    data[60:90] = bytes(30)
    (tmp_path / "corrupt.png").write_bytes(data)
    refused(2, ("compare", tiny_model, picture, tmp_path / "corrupt.png"), "corrupt.png is damaged")


def test_a_declared_size_over_the_cap_is_refused(
    tiny_model: Path, picture: Path, tmp_path: Path, refused: Refused
) -> None:
    """A header that declares 3.6 billion pixels is refused before anything is unpacked."""
    (tmp_path / "huge.png").write_bytes(png(60_000, 60_000, b"x"))
    refused(2, ("compare", tiny_model, picture, tmp_path / "huge.png"), "more than the 64 million pixels allowed")


def test_a_decompression_bomb_is_refused(tiny_model: Path, picture: Path, tmp_path: Path, refused: Refused) -> None:
    """A small file that unpacks to more pixels than allowed is refused."""
    side = 8100
    assert side * side > MAX_PIXELS
    (tmp_path / "bomb.png").write_bytes(png(side, side, bytes(1000)))
    assert (tmp_path / "bomb.png").stat().st_size < 1000
    refused(2, ("compare", tiny_model, picture, tmp_path / "bomb.png"), "8100 x 8100 pixels")


def test_a_bomb_in_a_comment_is_refused() -> None:
    """A compressed text of 80 MB inside a PNG's header is an InputError."""
    text = b"note\0\0" + zlib.compress(bytes(80 << 20), 9)
    with pytest.raises(InputError, match="damaged"):
        decode(png(4, 4, bytes(4 * 13), (b"zTXt", text)), colour=True)


def test_a_file_over_the_cap_is_refused(tiny_model: Path, picture: Path, tmp_path: Path, refused: Refused) -> None:
    """A file of more bytes than allowed is refused without being read."""
    with (tmp_path / "big.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    refused(2, ("compare", tiny_model, picture, tmp_path / "big.png"), "more than the 64 MiB allowed")


@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
@pytest.mark.parametrize("size", [(1000, 1), (1, 1000), (1, 1)])
def test_needles_are_read_in_every_fit(fit: str, size: tuple[int, int]) -> None:
    """A picture one pixel high or wide gives a reading, however it is fitted."""
    picture = np.full((size[1], size[0], 3), 77, np.uint8)
    assert ImageInput(size=32, fit=fit).read(picture).arrays.shape == (1, 3, 32, 32)


def test_a_needle_does_not_eat_memory() -> None:
    """Reading a glyph 8,000 pixels wide and 8 high takes less than 64 MiB."""
    picture = np.full((8, 8000), 255, np.uint8)
    picture[1:3, 100:-100] = 0
    tracemalloc.start()
    GlyphInput().read(picture)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20, f"{peak >> 20} MiB"


def test_an_empty_page_is_refused_by_name(tmp_path: Path) -> None:
    """A glyph without ink is no reading to compare by: the notes say so."""
    assert GlyphInput().read(np.full((40, 40), 255, np.uint8)).notes == ("no ink found",)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 4), object),
    ],
)
def test_wrong_arrays_are_refused(pixels: np.ndarray) -> None:
    """Pixels of another type, shape or none at all are an InputError that says what came."""
    with pytest.raises(InputError, match=r"array of shape"):
        ImageInput().read(pixels)


def stored_as(image: Image.Image, orientation: int) -> Image.Image:
    """The pixels a camera would store for the upright image under that EXIF orientation."""
    turn = Image.Transpose
    undo = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_90,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_270,
    }
    return image.transpose(undo[orientation]) if orientation in undo else image


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_exif_orientation_is_applied(orientation: int, form: str) -> None:
    """A picture that a camera stored turned is read upright, in all eight orientations."""
    upright = Image.new("RGB", (64, 32), "white")
    upright.paste((200, 0, 0), (0, 0, 16, 16))
    upright.paste((0, 0, 200), (48, 0, 64, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    stored_as(upright, orientation).save(buffer, form, exif=exif)
    read = np.asarray(decode(buffer.getvalue(), colour=True), np.int16)
    assert read.shape == (32, 64, 3)
    assert np.abs(read - np.asarray(upright, np.int16)).mean() < 8


def test_sixteen_bits_are_scaled() -> None:
    """A 16-bit grey ramp keeps its shades instead of being clipped to white."""
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))
    for form in ("PNG", "TIFF"):
        buffer = io.BytesIO()
        Image.fromarray(ramp).save(buffer, form)
        read = np.asarray(decode(buffer.getvalue(), colour=False), np.float64)
        assert np.abs(read - ramp / 257).max() <= 1


def test_transparency_is_laid_on_white(picture: Path) -> None:
    """RGBA, grey with alpha and a palette with a transparent entry all show white where nothing was drawn."""
    ink = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    ink.paste((200, 30, 30, 255), (10, 10, 30, 30))
    palette = Image.new("P", (40, 40), 0)
    palette.putpalette([0, 0, 0, 200, 30, 30])
    palette.paste(1, (10, 10, 30, 30))
    buffers = {"RGBA": io.BytesIO(), "LA": io.BytesIO(), "P": io.BytesIO(), "GIF": io.BytesIO()}
    ink.save(buffers["RGBA"], "PNG")
    ink.convert("LA").save(buffers["LA"], "PNG")
    palette.save(buffers["P"], "PNG", transparency=0)
    palette.save(buffers["GIF"], "GIF", transparency=0)
    for mode, buffer in buffers.items():
        read = np.asarray(decode(buffer.getvalue(), colour=True))
        assert (read[0, 0] == 255).all(), mode
        if mode != "LA":
            assert np.abs(read[20, 20].astype(int) - (200, 30, 30)).max() <= 2, mode


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "F", "I"])
def test_every_mode_shows_the_same_picture(mode: str, picture: Path) -> None:
    """A picture stored in any mode that TIFF knows is read as the picture it is."""
    plain = Image.open(picture).convert("L").point(lambda v: 255 if v > 127 else 0)
    buffer = io.BytesIO()
    plain.convert("RGB" if mode in ("P", "RGBA", "CMYK", "YCbCr") else "L").convert(mode).save(buffer, "TIFF")
    read = np.asarray(decode(buffer.getvalue(), colour=False), np.int16)
    assert np.abs(read - np.asarray(plain, np.int16)).mean() < 8


def test_cmyk_jpeg_keeps_its_colours(picture: Path) -> None:
    """A CMYK JPEG from a print shop is not read as its negative."""
    plain = Image.open(picture).convert("RGB")
    buffer = io.BytesIO()
    plain.convert("CMYK").save(buffer, "JPEG", quality=95)
    read = np.asarray(decode(buffer.getvalue(), colour=True), np.int16)
    assert np.abs(read - np.asarray(plain, np.int16)).mean() < 8


def test_the_first_frame_of_a_moving_picture_counts(picture: Path, shapes: Path) -> None:
    """An animated GIF is read as its first frame."""
    first, second = Image.open(picture).convert("P"), Image.open(shapes / "cross" / "1.png").convert("P")
    moving, still = io.BytesIO(), io.BytesIO()
    first.save(moving, "GIF", save_all=True, append_images=[second, first])
    first.save(still, "GIF")
    a, b = (np.asarray(decode(data.getvalue(), colour=True)) for data in (moving, still))
    assert np.array_equal(a, b)


def test_formats_of_one_picture_embed_alike(tiny_model: Path, picture: Path, shapes: Path) -> None:
    """One picture in seven formats gives nearly one embedding, beside the distance to another picture."""
    model = Model.load(tiny_model)
    image = Image.open(picture).convert("RGB")
    embedded = dict(zip(FORMATS, model.embed([encoded(image, form) for form in FORMATS]), strict=True))
    apart = np.linalg.norm(embedded["png"] - model.embed(shapes / "cross" / "0.png")[0])
    assert apart > 0
    for form, vector in embedded.items():
        near = 0.2 * apart if form == "jpg" else 1e-5
        assert np.linalg.norm(vector - embedded["png"]) <= near, form


def test_path_bytes_and_pixels_embed_alike(tiny_model: Path, picture: Path) -> None:
    """A path, its text, its bytes and its decoded pixels are one source."""
    model = Model.load(tiny_model)
    pixels = np.asarray(Image.open(picture).convert("RGB"))
    vectors = model.embed([picture, str(picture), picture.read_bytes(), pixels])
    assert np.abs(vectors - vectors[0]).max() <= 1e-6
    assert model.embed([]).shape == (0, model.dim)


@pytest.mark.parametrize("views", [1, 5])
@pytest.mark.parametrize("form", sorted(FORMATS))
def test_the_lab_embeds_as_the_runtime_does(
    form: str, views: int, tiny_model: Path, other_model: Path, shapes: Path, tmp_path: Path
) -> None:
    """From the raw bytes on, torch and ONNX Runtime give one embedding to 1e-4, with one view or five."""
    from firstsight.learn.export.directory import load_lab

    model = Model.load(tiny_model if views == 1 else other_model)
    lab = load_lab(model)
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 256, (70, 51, 3), dtype=np.uint8))
    files = []
    for number, image in enumerate(
        [Image.open(shapes / "ring" / "2.png"), Image.open(shapes / "bars" / "2.png"), noise]
    ):
        files.append(tmp_path / f"{number}.{form}")
        files[-1].write_bytes(encoded(image.convert("RGB"), form))
    readings = np.concatenate([model.input.read(file.read_bytes()).arrays for file in files])
    assert np.abs(lab.embed_arrays(readings) - model.embed(files)).max() <= 1e-4
