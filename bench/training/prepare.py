"""What the rivals read, from FirstSight's own environment: the images as tensors, and the archive unpacked.

python prepare.py FOLDER    writes FOLDER/glyphs.npz and FOLDER/images_background/
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np

from firstsight.datasets import open_labelled
from firstsight.datasets.archives import find_archive
from firstsight.datasets.omniglot import HOW
from firstsight.datasets.readings import read_all
from firstsight.learn.recipe import load


def prepare(folder: Path) -> None:
    """Write both, where they are not yet there."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors, images = folder / "glyphs.npz", folder / "images_background"
    if not tensors.exists():
        recipe = load("glyphs")
        data = open_labelled(recipe.data.train)
        arrays = read_all(data, recipe.part("input")(**recipe.settings("input")))
        np.savez(tensors, images=arrays, labels=data.labels)
    if not images.exists():
        with zipfile.ZipFile(find_archive("images_background.zip", how=HOW)) as archive:
            archive.extractall(folder)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
