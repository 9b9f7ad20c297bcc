"""Data sets that come inside packages."""

from __future__ import annotations

from collections import Counter

import numpy as np

from firstsight.datasets import open_data
from firstsight.datasets.icons import TEST, VALIDATION
from firstsight.datasets.readings import read_all
from firstsight.inputs import ImageInput
from firstsight.inputs.decode import decode


def test_icon_splits_share_no_concept() -> None:
    """Concepts to learn from, to validate on and to test on are disjoint, in the sizes stated."""
    train, validation, test = (open_data(f"icons:{s}") for s in ("train", "validation", "test"))
    assert (len(validation.classes), len(test.classes)) == (VALIDATION, TEST)
    names = [d.class_names for d in (train, validation, test)]
    assert not names[0] & names[1]
    assert not names[0] & names[2]
    assert not names[1] & names[2]


def test_training_concepts_share_neither_word_nor_glyph_with_those_held_out() -> None:
    """Beyond the concepts of three families, training takes none whose name or drawing is near a held-out one."""
    held = [open_data(f"icons:{s}") for s in ("validation", "test")]
    words = {w.removesuffix("s") for d in held for c in d.classes for w in c.split("-")}
    whole = set(open_data("icons:all").classes)
    train = open_data("icons:train")
    further = [c for c in train.classes if c not in whole]
    assert len(further) > 100
    assert all(words.isdisjoint(w.removesuffix("s") for w in c.split("-")) for c in further)
    assert {e.key for e in train.examples}.isdisjoint(e.key for d in held for e in d.examples)


def test_held_out_concepts_are_drawn_by_three_families() -> None:
    """Every concept of validation and test has renderings by at least three design families."""
    for split in ("validation", "test"):
        data = open_data(f"icons:{split}")
        for c in range(len(data.classes)):
            assert len(set(data.origins[1][data.labels == c])) >= 3


def test_no_drawing_faces_its_double() -> None:
    """Within a concept and a family no two drawings are nearly equal, and no glyph bears two labels."""
    data = open_data("icons:test")
    arrays = read_all(data, ImageInput(size=96, channels=1, invert=True)).reshape(len(data), -1).astype(np.float32)
    unit = arrays / np.linalg.norm(arrays, axis=1, keepdims=True)
    alike = (
        (unit @ unit.T > 0.97) & (data.labels[:, None] == data.labels) & (data.origins[1][:, None] == data.origins[1])
    )
    assert np.triu(alike, 1).sum() == 0
    whole = open_data("icons:all")
    assert len({e.key for e in whole.examples}) == len(whole)


def test_icons_fill_their_square() -> None:
    """A rendering is dark ink on white, its longer side nine tenths of the picture."""
    for example in open_data("icons:test").examples[::97]:
        ink = np.asarray(decode(example.load(), colour=False)) < 128
        rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
        longer = max(np.ptp(rows), np.ptp(columns)) + 1
        assert 80 <= longer <= 90


def test_mnist5k_holds_500_of_each() -> None:
    """Five thousand digits, 500 of each kind, ink bright on black."""
    data = open_data("mnist5k")
    assert Counter(e.label for e in data.examples) == {str(d): 500 for d in range(10)}
    pixels = np.asarray(decode(data.examples[0].load(), colour=False))
    assert pixels.shape == (28, 28)
    assert pixels.mean() < 100
    assert pixels.max() > 200
