"""Koch's affine distortions."""

import torch

from firstsight.learn.augment.affine import affine

NONE = {"degrees": 0.0, "shear": 0.0, "scale": 0.0, "shift": 0.0}


def drawing():
    """Sixteen images with a bar, light on dark."""
    images = torch.zeros(16, 1, 31, 31)
    images[:, :, 10:21, 14:17] = 1.0
    return images


def test_no_share_and_no_chance_leave_images_as_they_are():
    """Share 0 distorts none, chance 0 leaves every component out: in both cases the pixels stay."""
    for settings in ({"share": 0.0}, {"chance": 0.0}):
        torch.testing.assert_close(affine(drawing(), torch.Generator().manual_seed(0), **settings), drawing())


def test_eight_of_nine_are_distorted():
    """A share of 8/9 leaves about one image in nine as it was."""
    images = drawing().repeat(60, 1, 1, 1)
    found = affine(images, torch.Generator().manual_seed(0), chance=1.0, share=8 / 9)
    untouched = ((found - images).abs().amax((1, 2, 3)) < 1e-4).float().mean().item()
    assert 0.08 < untouched < 0.15


def test_a_component_is_there_half_of_the_time():
    """With a shift only, along both axes, about a quarter of the images stay where they are."""
    images = drawing().repeat(60, 1, 1, 1)
    found = affine(images, torch.Generator().manual_seed(0), **{**NONE, "shift": 5.0})
    untouched = ((found - images).abs().amax((1, 2, 3)) < 1e-4).float().mean().item()
    assert 0.2 < untouched < 0.3


def test_a_shift_moves_by_pixels():
    """No pixel of ink moves by more than was asked, and some move by nearly that."""
    found = affine(drawing(), torch.Generator().manual_seed(1), **{**NONE, "shift": 4.0}, chance=1.0)
    columns = torch.arange(31.0)
    middle = (found.sum(2).squeeze(1) * columns).sum(1) / found.sum((1, 2, 3))
    assert (middle - 15).abs().max() <= 4.01
    assert (middle - 15).abs().max() > 2.5


def test_scale_keeps_the_middle_and_changes_the_size():
    """A scaled bar stays in the middle, and its length changes by at most the share."""
    found = affine(drawing(), torch.Generator().manual_seed(2), **{**NONE, "scale": 0.2}, chance=1.0)
    heights = found.amax(3).sum(2).squeeze(1)
    assert heights.min() < 10
    assert heights.max() > 12
    assert ((heights / 11 - 1).abs() < 0.25).all()


def test_the_generator_decides():
    """The same generator state gives the same distortions."""
    one, other = (affine(drawing(), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, other)
