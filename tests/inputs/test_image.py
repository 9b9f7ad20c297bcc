"""The image input: how a picture is fitted into its square."""

import numpy as np
import pytest

from firstsight.errors import UsageError
from firstsight.inputs import ImageInput

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def banner():
    """Three squares side by side: red, green, blue, ``(30, 90, 3)``."""
    return np.repeat(np.array([[RED, GREEN, BLUE]], np.uint8), 30, axis=1).repeat(30, axis=0)


def read(pixels, **settings):
    """The one array ``(c, h, w)`` of a reading."""
    return ImageInput(**settings).read(pixels).arrays[0]


def test_stretching_keeps_all_and_bends_the_aspect():
    """Stretched, all three parts of a banner are there, each a third of the width and of the full height."""
    found = read(banner(), size=60, fit="stretch")
    for column, colour in ((10, RED), (30, GREEN), (50, BLUE)):
        assert found[:, 2, column].tolist() == list(colour)
        assert found[:, 57, column].tolist() == list(colour)


def test_cropping_keeps_the_middle():
    """Cropped, only the banner's middle square is left."""
    found = read(banner(), size=60, fit="crop")
    assert found[:, 30, 30].tolist() == list(GREEN)
    assert (found[1, :, 3:-3] == 255).all()
    assert (found[0, :, 3:-3] == 0).all()


def test_padding_keeps_all_and_the_aspect():
    """Padded, the whole picture is there in its aspect, with its border's colour above and below."""
    picture = np.full((30, 90, 3), 255, np.uint8)
    picture[10:20, 30:60] = RED
    found = read(picture, size=90, fit="pad")
    red = (found[1] < 128) & (found[0] > 128)
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    assert (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) == (40, 50, 30, 60)
    assert (found[:, :29] == 255).all()
    assert (found[:, 62:] == 255).all()


@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
@pytest.mark.parametrize("colour", [WHITE, (10, 200, 90), (0, 0, 0)])
def test_one_colour_stays_one_colour(fit, colour):
    """A picture of one colour and any aspect is that colour everywhere after fitting."""
    for shape in ((20, 50), (50, 20), (33, 33)):
        picture = np.broadcast_to(np.array(colour, np.uint8), (*shape, 3)).copy()
        found = read(picture, size=24, fit=fit)
        assert (found == np.array(colour, np.uint8)[:, None, None]).all()


@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
def test_a_square_of_the_right_size_is_left_alone(fit):
    """A picture that fits already comes back pixel for pixel, channels first."""
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(read(picture, size=32, fit=fit), picture.transpose(2, 0, 1))


def test_grey_and_colour_have_their_channels():
    """One channel is the picture's luminance; three of a grey picture are equal."""
    grey = np.random.default_rng(1).integers(0, 256, (20, 30), dtype=np.uint8)
    one, three = read(grey, size=16, channels=1), read(grey, size=16, channels=3)
    assert one.shape == (1, 16, 16)
    assert three.shape == (3, 16, 16)
    np.testing.assert_array_equal(three, np.repeat(one, 3, axis=0))
    levels = read(banner(), size=60, channels=1)[0, 30, [10, 30, 50]].tolist()
    assert levels == [76, 150, 29]  # ITU-R 601-2: 0.299, 0.587, 0.114 of 255


def test_inverting_is_the_negative():
    """Inverted, dark on light becomes light on dark, and nothing else changes."""
    np.testing.assert_array_equal(read(banner(), invert=True), 255 - read(banner()))


def test_the_box_is_the_whole_picture():
    """A reading's box is the picture's, and it has no notes."""
    reading = ImageInput().read(banner())
    assert reading.boxes == ((0, 0, 90, 30),)
    assert reading.notes == ()


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"size": 7}, "size"), ({"size": 513}, "size"), ({"channels": 2}, "channels"), ({"fit": "squash"}, "fit")],
)
def test_settings_out_of_range_are_refused(settings, named):
    """A setting that cannot be met is refused by its name."""
    with pytest.raises(UsageError, match=f"input.{named}"):
        ImageInput(**settings)
