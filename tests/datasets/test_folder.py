"""A folder of class folders, as it lies on a person's disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from drawn import SHAPES
from firstsight.datasets import open_data
from firstsight.errors import DataError


@pytest.fixture
def photos(shapes: Path, tmp_path: Path) -> Path:
    """Six classes of six images."""
    return Path(shutil.copytree(shapes, tmp_path / "photos"))


def test_what_systems_leave_in_folders_is_no_image(photos: Path) -> None:
    """Thumbnails, settings, AppleDouble files, an unpacked ``__MACOSX``, empty folders and loops of links are no
    classes and no images; capitals and deeper folders are."""
    for folder in (photos, *(photos / name for name in SHAPES)):
        for name in ("Thumbs.db", ".DS_Store", "desktop.ini", "._0.png"):
            (folder / name).write_bytes(b"\0\5\x16\7")
    (photos / "__MACOSX" / "circle").mkdir(parents=True)
    (photos / "__MACOSX" / "circle" / "._0.png").write_bytes(b"\0\5\x16\7")
    (photos / "empty").mkdir()
    (photos / "loop").symlink_to("loop")
    (photos / "circle" / "loop").symlink_to(photos)
    (photos / "circle" / "0.png").rename(photos / "circle" / "0.PNG")
    (photos / "ring" / "more" / "deep").mkdir(parents=True)
    (photos / "ring" / "0.png").rename(photos / "ring" / "more" / "deep" / "0.png")
    data = open_data(photos)
    assert data.classes == SHAPES
    assert len(data) == 36
    assert any("2 sub-folders without images (__MACOSX, empty)" in note for note in data.notes)


@pytest.mark.parametrize("target", [".", "..", "../photos", "/"])
def test_a_link_that_leads_back_up_is_no_class(target: str, photos: Path) -> None:
    """It would hold every image again under a label of its own; it is left out, and a note says so."""
    (photos / "back").symlink_to(target)
    data = open_data(photos)
    assert data.classes == SHAPES
    assert "left out 1 link that leads back up (back)" in data.notes


@pytest.mark.parametrize("target", ["ring", "ring/more", "../elsewhere"])
def test_images_of_one_class_are_not_those_of_another(target: str, photos: Path, tmp_path: Path) -> None:
    """A link from one class folder into another gives an image two labels, and is refused; one that leads elsewhere is
    a class, once."""
    shutil.copytree(photos / "ring", tmp_path / "elsewhere")
    shutil.copytree(photos / "ring", photos / "ring" / "more")
    (photos / "torus").symlink_to(target)
    if target == "../elsewhere":
        assert "torus" in open_data(photos).classes
        (photos / "wheel").symlink_to(target)
    with pytest.raises(DataError, match="one label for each image was expected; remove the link"):
        open_data(photos)
