"""Augmentation: what may change, what may not."""

import inspect

import pytest
import torch
from torch.nn import functional

from firstsight.learn.augment.warp import affine_grid, augment, bicubic, turn

STILL = {"degrees": 0.0, "scale": 0.0, "stretch": 0.0, "shear": 0.0, "shift": 0.0}
STRONG = {"elastic": 0.1, "thicken": 0.5, "outline": 0.5, "brightness": 0.5, "erase": 0.5, "mirror": True}
KINDS = [
    *({k: v} for k, v in STRONG.items()),
    {"degrees": 45.0},
    {"scale": 0.5},
    {"stretch": 0.5},
    {"shear": 0.5},
    {"shift": 0.3},
]


def pictures(channels=1, side=24, count=6, seed=0):
    """Smooth random images in 0..1 with a dark rim and a filled bright middle."""
    draw = torch.Generator().manual_seed(seed)
    found = torch.rand(count, channels, side, side, generator=draw) * 0.5
    found[:, :, side // 4 : -side // 4, side // 4 : -side // 4] += 0.5
    return found


def generator(seed=1):
    """A seeded one."""
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("change", [{}, *KINDS], ids=str)
def test_shape_and_range_are_kept(channels, change):
    """Every change keeps shape and type, and pixels within 0..1."""
    images = pictures(channels)
    found = augment(images, generator(), **change)
    assert found.shape == images.shape
    assert found.dtype == torch.float32
    assert found.min() >= -1e-5
    assert found.max() <= 1 + 1e-5


@pytest.mark.parametrize("channels", [1, 3])
def test_no_strength_is_the_identity(channels):
    """With every strength at 0 the images come back to 1e-5."""
    images = pictures(channels)
    torch.testing.assert_close(augment(images, generator(), **STILL), images, rtol=0, atol=1e-5)


@pytest.mark.parametrize("change", KINDS, ids=str)
def test_each_strength_does_something(change):
    """Every setting by itself changes the images."""
    images = pictures()
    found = augment(images, generator(), **{**STILL, **change})
    assert (found - images).abs().max() > 0.05


def test_every_strength_is_covered_here():
    """The tests above name every setting there is, but the lattice of the elastic one."""
    settings = {n for n, p in inspect.signature(augment).parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert settings == {k for kind in KINDS for k in kind} | {"knots"}


def test_the_draw_is_the_generators():
    """The same generator state gives the same images, another gives others, and the global state is not used."""
    images = pictures()
    one = augment(images, generator(), **STRONG)
    torch.manual_seed(99)
    assert torch.equal(one, augment(images, generator(), **STRONG))
    assert not torch.equal(one, augment(images, generator(2), **STRONG))


def test_the_images_handed_in_are_not_touched():
    """Augmentation copies; the data stays as it was."""
    images = pictures()
    before = images.clone()
    augment(images, generator(), **STRONG)
    turn(images, torch.arange(6) % 3, 3, 8, generator())
    assert torch.equal(images, before)


def test_images_of_a_batch_are_altered_apart():
    """Copies of one image in a batch come out different."""
    same = pictures(count=1).expand(4, -1, -1, -1)
    found = augment(same, generator())
    assert (found[0] - found[1]).abs().max() > 0.01


def test_shift_moves_by_at_most_its_share():
    """A dot moves by at most ``shift`` of the side, either way."""
    dot = torch.zeros(200, 1, 40, 40)
    dot[:, :, 20, 20] = 1
    found = augment(dot, generator(), **{**STILL, "shift": 0.2})[:, 0]
    y = (found.sum(2) * torch.arange(40)).sum(1) / found.sum((1, 2)) - 20
    x = (found.sum(1) * torch.arange(40)).sum(1) / found.sum((1, 2)) - 20
    for moved in (x, y):
        assert moved.abs().max() <= 8 + 0.01
        assert moved.min() < -6
        assert moved.max() > 6


def test_mirror_turns_left_and_right_or_leaves_be():
    """With mirroring alone each image is itself or its mirror image, and both happen."""
    images = pictures(count=20)
    found = augment(images, generator(), **STILL, mirror=True)
    kept = (found - images).abs().amax((1, 2, 3)) < 1e-4
    mirrored = (found - images.flip(-1)).abs().amax((1, 2, 3)) < 1e-4
    assert (kept ^ mirrored).all()
    assert kept.any()
    assert mirrored.any()


def test_one_turn_is_none():
    """With turns at 1 images and labels are returned as they are."""
    images, labels = pictures(), torch.arange(6)
    found, named = turn(images, labels, 6, 1, generator())
    assert torch.equal(found, images)
    assert torch.equal(named, labels)


@pytest.mark.parametrize("turns", [4, 8])
def test_turned_labels_say_class_and_turn(turns):
    """New labels lie in range, keep their class, tell the turn, and one label in a batch turns one way."""
    labels = torch.arange(40) % 10
    images = pictures(count=1).expand(40, -1, -1, -1)
    for seed in range(10):
        found, named = turn(images, labels, 10, turns, generator(seed))
        assert named.min() >= 0
        assert named.max() < 10 * turns
        assert torch.equal(named % 10, labels)
        for c in range(10):
            assert len(set(named[labels == c].tolist())) == 1
        for way in range(turns):
            alike = found[named // 10 == way]
            assert all(torch.equal(alike[0], other) for other in alike)


@pytest.mark.parametrize("turns", [4, 8])
def test_turns_are_distinct_and_keep_the_pixels(turns):
    """The turns of an uneven image are all different, hold the same pixels, and turn 0 is the image itself."""
    images = pictures(count=200, seed=3)[:1].expand(200, -1, -1, -1)
    found, named = turn(images, torch.arange(200), 200, turns, generator())
    ways = {int(way): found[i] for i, way in enumerate((named // 200).tolist())}
    assert sorted(ways) == list(range(turns))
    assert torch.equal(ways[0], images[0])
    for way, picture in ways.items():
        torch.testing.assert_close(picture.ravel().sort().values, images[0].ravel().sort().values)
        assert all(not torch.equal(picture, ways[other]) for other in ways if other != way)


def test_the_warp_is_torchs_own():
    """The affine grid and the smooth displacement equal affine_grid and bicubic interpolation."""
    theta = torch.randn(3, 2, 3, generator=generator())
    expected = functional.affine_grid(theta, [3, 1, 12, 20], align_corners=False)
    torch.testing.assert_close(affine_grid(theta, 12, 20).permute(0, 2, 3, 1), expected)
    coarse = torch.randn(3, 2, 5, 5, generator=generator())
    smooth = functional.interpolate(coarse, (12, 20), mode="bicubic", align_corners=True)
    torch.testing.assert_close(bicubic(12, 5) @ coarse @ bicubic(20, 5).T, smooth)
