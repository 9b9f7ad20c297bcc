"""Deep pixels: what a file says, what is guessed with a finding, what the input states."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from odd_files import png, tiff
from PIL import Image

from firstsight.errors import InputError, UsageError
from firstsight.inputs import GlyphInput, ImageInput, settings_of
from firstsight.inputs.decode import decode, decoded, deep_bits

RAMP = np.tile(np.arange(256, dtype=np.uint16), (64, 1))
COLOUR = np.dstack([RAMP, RAMP[:, ::-1], RAMP // 2])


def saved(pixels: np.ndarray, form: str, **options: object) -> bytes:
    """A file that Pillow writes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def grey(data: object, **options: int) -> np.ndarray:
    """What is decoded, in grey."""
    return np.asarray(decode(data, colour=False, **options)).astype(int)


def notes(data: object, **options: int) -> tuple[str, ...]:
    """What is noted."""
    return decoded(data, colour=False, **options).notes


def alike(data: object, pixels: np.ndarray = RAMP, **options: int) -> None:
    """It is read like the 8 bits it was made from."""
    np.testing.assert_array_equal(grey(data, **options), pixels)


SCALED: dict[str, Callable[[int], np.ndarray]] = {
    "shifted": lambda bits: RAMP << (bits - 8),
    "stretched": lambda bits: np.rint(RAMP.astype(float) * (2**bits - 1) / 255).astype(np.uint16),
}


@pytest.mark.parametrize("how", SCALED)
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_a_depth_is_guessed_with_a_finding(form: str, bits: int, how: str) -> None:
    """10, 12, 14 and 16 bits in a file of 16 are read like the 8 bits they were made from, and the guess is noted."""
    data = saved(SCALED[how](bits), form)
    alike(data)
    assert notes(data) == (f"depth guessed: {bits} bits",)
    assert deep_bits(data) == bits


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["RGB png", "RGBA png", "LA png", "RGB tiff", "RGB tiff, big", "RGB tiff, deflated"])
def test_deep_colours_keep_their_depth(kind: str, bits: int) -> None:
    """Colours of 10 to 16 bits in a file of 16 are read like 8 bits, with alpha and without, in any order of bytes."""
    deep = COLOUR << (bits - 8)
    clear = np.full(RAMP.shape, 65535, np.uint16)
    made = {
        "RGB png": lambda: png(deep, kind=2),
        "RGBA png": lambda: png(np.dstack([deep, clear]), kind=6),
        "LA png": lambda: png(np.dstack([deep[..., 0], clear]), kind=4),
        "RGB tiff": lambda: tiff(deep, photometric=2),
        "RGB tiff, big": lambda: tiff(deep, photometric=2, order=">"),
        "RGB tiff, deflated": lambda: tiff(deep, photometric=2, deflated=True),
    }[kind]()
    expected = COLOUR if kind != "LA png" else np.repeat(RAMP[..., None], 3, axis=2)
    np.testing.assert_array_equal(np.asarray(decode(made, colour=True)), expected)
    assert notes(made) == (f"depth guessed: {bits} bits",)


def twelve(pixels: np.ndarray) -> np.ndarray:
    """Pixels of 12 bits, two in three bytes ``(h, 3 * w / 2)``."""
    left, right = pixels[:, ::2], pixels[:, 1::2]
    three = np.stack([left >> 4, (left & 15) << 4 | right >> 8, right & 255], axis=2)
    return three.astype(np.uint8).reshape(len(pixels), -1)


DARK = RAMP // 16  # of 12 bits, it would be guessed as 8
SAYING = {
    "SMaxSampleValue": tiff(DARK, tags={341: ("H", [4095])}),
    "MaxSampleValue": tiff(DARK, tags={281: ("H", [4095])}),
    "MaxSampleValue, big": tiff(DARK, tags={281: ("H", [4095])}, order=">"),
    "both": tiff(DARK, tags={281: ("H", [15]), 341: ("H", [4095])}),
    "a white that is no power": tiff(DARK, tags={281: ("H", [4000])}),
    "sBIT": png(DARK, kind=0, extra={b"sBIT": b"\x0c"}),
    "sBIT of colours": png(np.dstack([DARK] * 3), kind=2, extra={b"sBIT": b"\x0c\x0c\x0c"}),
    "sBIT with alpha": png(np.dstack([DARK, DARK * 0 + 65535]), kind=4, extra={b"sBIT": b"\x0c\x0c"}),
    "BitsPerSample": tiff(twelve(DARK), tags={256: ("I", [256]), 258: ("H", [12])}),
    "maxval": b"P5 256 64 4095\n" + DARK.astype(">u2").tobytes(),
    "maxval in text": b"P2 256 64 4095\n" + " ".join(map(str, DARK.ravel())).encode(),
}


@pytest.mark.parametrize("how", SAYING)
def test_what_a_file_says_is_no_guess(how: str) -> None:
    """A dark frame of 12 bits stays dark where its file says so, and nothing is noted."""
    assert grey(SAYING[how]).max() == DARK.max() >> 4
    assert notes(SAYING[how]) == ()


def test_a_file_that_contradicts_its_pixels_is_not_believed() -> None:
    """Pixels far above the white that a TIFF names are guessed, and it is noted; those of a PNG are scaled to 16."""
    wrong = tiff(RAMP << 8, tags={281: ("H", [255])})
    alike(wrong)
    assert notes(wrong) == ("depth guessed: 16 bits",)
    alike(png(RAMP * 257, kind=0, extra={b"sBIT": b"\x08"}))
    assert notes(png(RAMP * 257, kind=0, extra={b"sBIT": b"\x08"})) == ()


FLOATS = {
    "0 to 1": ((RAMP / 255).astype(np.float32), "floats of 0 to 1"),
    "0 to 255": (RAMP.astype(np.float32), "floats of 0 to 255"),
    "-1 to 1": ((RAMP / 127.5 - 1).astype(np.float32), "floats of -1 to 1"),
    "0 to 4095": ((RAMP * 16.0).astype(np.float32), "floats of 0 to 4095"),
    "a little beyond 1": ((RAMP / 250).astype(np.float32), "floats of 0 to 1"),
}


@pytest.mark.parametrize("form", ["raw", "deflated", "big", "big, deflated"])
@pytest.mark.parametrize("which", FLOATS)
def test_floats_are_read_by_their_range(which: str, form: str) -> None:
    """Floats of 0 to 1, of 0 to 255 and of -1 to 1 are read as the picture they are, and the guess is noted."""
    pixels, told = FLOATS[which]
    data = tiff(pixels, order=">" if "big" in form else "<", deflated="deflated" in form)
    assert np.abs(grey(data) - RAMP).max() <= (5 if which == "a little beyond 1" else 1)
    assert notes(data) == (f"depth guessed: {told}",)


def test_what_is_no_number_is_black_and_noted() -> None:
    """NaN and infinities are black, counted, and change nothing else."""
    pixels = (RAMP / 255).astype(np.float32)
    pixels[0, :3] = np.nan, np.inf, -np.inf
    data = tiff(pixels)
    expected = RAMP.copy()
    expected[0, :3] = 0
    alike(data, expected)
    assert notes(data) == ("3 pixels are no numbers", "depth guessed: floats of 0 to 1")


def test_numbers_beyond_any_picture_are_refused() -> None:
    """Heights in a map are no grey levels: a sentence says what came and what was expected."""
    with pytest.raises(InputError, match=r"holds numbers of 0 to 1e\+06, 0 to 1 or 0 to 255 were expected"):
        decode(tiff(np.linspace(0, 1e6, 4096, dtype=np.float32).reshape(64, 64)), colour=False)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflated", [False, True])
def test_signed_pixels_are_read(order: str, deflated: bool) -> None:
    """Positive numbers of a signed type are what they are; with negative ones zero is the middle."""
    kept = {"order": order, "deflated": deflated}
    alike(tiff((RAMP * 16).astype(np.int16), **kept))
    alike(tiff(RAMP.astype(np.int32), **kept))
    alike(tiff(RAMP.astype(np.uint32) << 4, **kept))
    alike(tiff((RAMP.astype(np.int16) - 128).astype(np.int8), **kept))
    alike(tiff((RAMP // 2).astype(np.int8), **kept), RAMP // 2)
    both = tiff((RAMP.astype(np.int16) - 128) * 16, **kept)
    alike(both)
    assert notes(both) == ("depth guessed: 12 bits, signed",)


def test_white_is_zero_where_a_file_says_so() -> None:
    """A TIFF of 10 to 16 bits whose zero is white is not read as its negative, nor one of floats."""
    for bits in (10, 12, 14, 16):
        for order in "<>":
            for deflated in (False, True):
                alike(tiff((255 - RAMP) << (bits - 8), photometric=0, order=order, deflated=deflated))
    alike(tiff((1 - RAMP / 255).astype(np.float32), photometric=0))


def test_one_pixel_above_changes_nothing() -> None:
    """One pixel of 256 among 8 bits is clipped, two in a thousand are believed."""
    pixels = RAMP.copy()
    pixels[0, 0] = 256
    expected = RAMP.copy()
    expected[0, 0] = 255
    alike(saved(pixels, "PNG"), expected)
    pixels[:2] = 1000
    assert notes(saved(pixels, "PNG")) == ("depth guessed: 10 bits",)


@pytest.mark.parametrize("data", [saved(RAMP, "PNG"), tiff(RAMP), png(np.dstack([RAMP] * 3), kind=2)])
def test_what_is_stated_is_not_guessed(data: bytes) -> None:
    """With input.depth a dark frame stays dark, without a note; where it is too low, that is noted."""
    assert grey(data, depth=12).max() == 255 >> 4
    assert notes(data, depth=12) == ()
    over = saved(RAMP << 8, "PNG")
    assert notes(over, depth=12) == ("93.8% of the pixels are brighter than the 12 bits stated",)
    alike(tiff((RAMP / 255).astype(np.float32)), depth=1)


def test_8_bits_are_8_bits_whatever_is_stated() -> None:
    """A stated depth is of deep pixels; a picture of 8 bits, and one whose maxval was told, stays as it is."""
    alike(saved(RAMP.astype(np.uint8), "PNG"), depth=12)
    alike(b"P5 256 64 1023\n" + (RAMP * 4).astype(">u2").tobytes(), depth=12)


@pytest.mark.parametrize("part", [ImageInput, GlyphInput])
def test_inputs_state_a_depth(part: type) -> None:
    """Both inputs have the setting, check it, read by it, and write it down only where it is stated."""
    sign = np.full((60, 60), 4095, np.uint16)
    sign[10:50, 28:33] = 0
    data, plain = saved(sign, "PNG"), saved((sign >> 4).astype(np.uint8), "PNG")
    np.testing.assert_array_equal(part().read(data).arrays, part().read(plain).arrays)
    np.testing.assert_array_equal(part(depth=12).read(data).arrays, part().read(plain).arrays)
    assert part().read(data).notes == ("depth guessed: 12 bits",)
    assert part(depth=12).read(data).notes == ()
    assert "depth" not in settings_of(part())
    assert settings_of(part(depth=12))["depth"] == 12
    for wrong in (-1, 2, 7, 33):
        with pytest.raises(UsageError, match=r"input\.depth"):
            part(depth=wrong)


def test_a_picture_without_contrast_is_a_finding() -> None:
    """All black, all white or nearly so leaves nothing to recognise, and the reading says so."""
    for value in (0, 7, 255):
        reading = ImageInput().read(np.full((40, 40), value, np.uint8))
        assert (reading.notes, reading.blank) == (("no contrast",), True)
    dark = ImageInput(depth=16).read(saved(RAMP, "PNG"))
    assert dark.notes == ("no contrast",)
    assert not ImageInput().read(RAMP.astype(np.uint8)).blank


def test_transparent_colours_of_16_bits_are_paper() -> None:
    """A key of 16 bits is compared in 16 bits, and laid on white."""
    key = np.array([100, 200, 300], np.uint16)
    pixels = COLOUR << 8
    pixels[:8] = key
    pixels[8:16] = key + 1
    read = np.asarray(decode(png(pixels, kind=2, extra={b"tRNS": key.astype(">u2").tobytes()}), colour=True))
    assert (read[:8] == 255).all()
    assert (read[8:16] < 3).all()
