"""HOG against a loop written from the paper."""

from __future__ import annotations

import math

import numpy as np
import pytest

from firstsight.evaluation.baseline import BASELINES, Hog


def by_loops(picture: np.ndarray, cells: int) -> np.ndarray:
    """HOG of one grey picture ``(h, w)``, gradient by gradient."""
    height, width = picture.shape
    grid = np.zeros((cells, cells, 9))
    for y in range(height):
        for x in range(width):
            down = picture[y + 1, x] - picture[y - 1, x] if 0 < y < height - 1 else 0.0
            right = picture[y, x + 1] - picture[y, x - 1] if 0 < x < width - 1 else 0.0
            strength = math.hypot(down, right)
            if not strength:
                continue
            at = (math.degrees(math.atan2(down, right)) % 180) / 20 - 0.5
            low = math.floor(at)
            cell = grid[y * cells // height, x * cells // width]
            cell[low % 9] += strength * (1 - (at - low))
            cell[(low + 1) % 9] += strength * (at - low)
    found = []
    for y in range(cells - 1):
        for x in range(cells - 1):
            block = np.concatenate([grid[y, x], grid[y, x + 1], grid[y + 1, x], grid[y + 1, x + 1]])
            block = np.minimum(block / max(np.linalg.norm(block), 1e-6), 0.2)
            found.append(block / max(np.linalg.norm(block), 1e-6))
    whole = np.concatenate(found)
    return np.asarray(whole / max(np.linalg.norm(whole), 1e-6))


@pytest.mark.parametrize(("size", "cells"), [((32, 32), 4), ((40, 24), 3), ((64, 64), 8), ((8, 9), 2)])
def test_hog_is_the_papers(size: tuple[int, int], cells: int) -> None:
    """Every histogram is that of a loop over the pixels."""
    pictures = np.random.default_rng(0).integers(0, 256, (3, 1, *size), np.uint8)
    made = Hog().embed_arrays(pictures)
    for vector, picture in zip(made, pictures, strict=True):
        assert np.abs(vector - by_loops(picture[0].astype(float), cells)).max() < 1e-5


def test_a_large_reading_is_reduced() -> None:
    """Of 128 pixels two by two become one, so the histograms are those of the half."""
    half = np.random.default_rng(1).integers(0, 256, (2, 1, 64, 64), np.uint8)
    assert np.allclose(
        Hog().embed_arrays(half.repeat(2, axis=2).repeat(2, axis=3)), Hog().embed_arrays(half), atol=1e-5
    )


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda b: b.name)
def test_nothing_there_is_no_fault(baseline: Hog) -> None:
    """An empty reading has a vector of zeros, whose cosine with anything is 0."""
    blank = baseline.embed_arrays(np.zeros((2, 3, 32, 32), np.uint8))
    assert not blank.any()
    assert not baseline.score(blank, blank).any()
