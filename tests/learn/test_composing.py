"""Composites: further classes made of two, always the same two, whoever drew them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from firstsight.errors import UsageError
from firstsight.learn.augment.composing import LAYOUTS, Composer

SIDE = 24
LEFT, RIGHT = slice(5, 8), slice(16, 19)  # columns that lie inside either drawing, wherever it is moved


def world(turns: int = 1, share: float = 1.0) -> tuple[Composer, Tensor, Tensor]:
    """Five classes of one, two, ... five examples: class c is a filled square of brightness 40 (c + 1)."""
    labels = torch.tensor([c for c in range(5) for _ in range(c + 1)])
    arrays = torch.zeros(len(labels), 1, SIDE, SIDE, dtype=torch.uint8)
    arrays[:, :, 4:-4, 4:-4] = (40 * (labels + 1)).to(torch.uint8)[:, None, None, None]
    return Composer(arrays, labels, 5, turns, share, seed=3), arrays.float() / 255, labels


def generator(seed: int) -> torch.Generator:
    """A seeded one."""
    return torch.Generator().manual_seed(seed)


def brightness(images: Tensor) -> Tensor:
    """In units of a class: the brightest pixel of each image, as class number."""
    return (images.amax((1, 2, 3)) * 255 / 40).round().long() - 1


def test_no_share_changes_nothing() -> None:
    """Without composites images and labels come back as they are, and no class is added."""
    composer, images, labels = world(share=0.0)
    found, names = composer(images, labels, generator(0))
    assert found is images
    assert names is labels
    assert composer.classes == 5


def test_every_class_has_one_partner_a_layout() -> None:
    """Left or upper half is the example's own class, the other half its partner's, in every draw."""
    composer, images, labels = world()
    assert composer.classes == 15
    seen: dict[int, set[int]] = {}
    for seed in range(20):
        found, names = composer(images, labels, generator(seed))
        for image, name, old in zip(found, names.tolist(), labels.tolist(), strict=True):
            layout, own = divmod(name, 5)
            assert own == old
            flat = image[0] if layout == 1 else image[0].T
            first, second = (int((flat[10:14, at].median() * 255 / 40).round()) - 1 for at in (LEFT, RIGHT))
            assert first == own
            seen.setdefault(name, set()).add(second)
    assert len(seen) == 10
    assert all(partners == {int(composer.partners[name // 5 - 1][name % 5])} for name, partners in seen.items())
    for layout in range(len(LAYOUTS)):
        assert sorted(composer.partners[layout].tolist()) == list(range(5))


def test_one_label_is_treated_alike_within_a_batch() -> None:
    """Positives stay positives: examples of one label get the same new label."""
    composer, images, labels = world(share=0.5)
    for seed in range(20):
        _, names = composer(images, labels, generator(seed))
        assert all(len(set(names[labels == c].tolist())) == 1 for c in range(5))


def test_the_share_is_what_was_asked() -> None:
    """A third asked, about a third put together, half of them in either layout."""
    composer, images, labels = world(share=0.33)
    kinds = torch.cat([composer(images[:1], labels[:1], generator(seed))[1] // 5 for seed in range(600)])
    shares = torch.bincount(kinds, minlength=3) / 600
    assert shares[0].item() == pytest.approx(0.67, abs=0.06)
    assert shares[1].item() == pytest.approx(shares[2].item(), abs=0.06)


def test_partners_are_turned_as_their_kind_says() -> None:
    """With quarter turns a partner is a turned class: 20 kinds before, 60 with composites."""
    composer, images, labels = world(turns=4)
    assert composer.classes == 60
    _, names = composer(images, labels + 5 * 3, generator(1))
    assert ((names % 20) // 5 == 3).all()
    assert (names >= 20).all()
    lying = torch.zeros(2, 1, SIDE, SIDE, dtype=torch.uint8)
    lying[:, :, 10:14] = 255
    some = Composer(lying, torch.arange(2), 2, 4, 1.0, seed=0)._some(torch.tensor([0, 2]), generator(0))
    assert torch.equal(some[1], torch.rot90(some[0], 1, (1, 2)))


def test_the_draw_decides_everything() -> None:
    """The same generator gives the same batch; the images that came stay untouched."""
    composer, images, labels = world()
    before = images.clone()
    one, other = composer(images, labels, generator(5)), composer(images, labels, generator(5))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])
    assert torch.equal(images, before)


def test_photos_are_refused() -> None:
    """Three channels can't be laid over each other by their lighter pixels."""
    with pytest.raises(UsageError, match=r"training\.composites"):
        Composer(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.arange(2), 2, 1, 0.5, 0)
