"""The rocks: splits by picture and by class, and archives that are not what they should be."""

from __future__ import annotations

import zipfile
from collections import Counter
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from firstsight.datasets import open_data, rocks
from firstsight.errors import DataError, UsageError
from firstsight.inputs.decode import decode
from scripts import script

MADE = script("rocks")


def packed(folder: Path, *, each: int = rocks.EACH, lacking: str = "") -> Path:
    """An archive of the right shape, its pictures none; one image of ``lacking`` is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "rocks_sample500.zip", "w") as archive:
        for label in rocks.CLASSES:
            for number in range(each - (label == lacking)):
                archive.writestr(f"geological_rocks/sample500/{label}/{number:05d}.jpg", f"{label} {number}")
        archive.writestr("geological_rocks/sample500/README.txt", b"")
    return folder


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data with such an archive, and a split of it."""
    folder = packed(tmp_path / "data")
    monkeypatch.setenv("FIRSTSIGHT_DATA", str(folder))
    names = " ".join(f"{number:05d}.jpg" for _ in rocks.CLASSES for number in range(rocks.EACH))
    places = "".join(np.random.default_rng(0).permutation(list("t" * 300 + "v" * 100 + "x" * 100)))
    cut = sha256(names.encode()).hexdigest(), dict.fromkeys(rocks.CLASSES, places)
    monkeypatch.setattr(rocks, "_cut", lambda: cut)
    return folder


def keys(split: str) -> set[str]:
    """The pictures of a split."""
    found = [e.key for e in open_data(f"rocks:{split}").examples]
    assert len(found) == len(set(found))
    return set(found)


def test_every_picture_is_in_one_split(made: Path) -> None:
    """Train, validation and test share nothing and hold all; trainval is the first two; every class counts alike."""
    train, validation, test = keys("train"), keys("validation"), keys("test")
    assert (len(train), len(validation), len(test)) == (1800, 600, 600)
    assert len(train | validation | test) == 3000
    assert keys("trainval") == train | validation
    for split, each in (("train", 300), ("validation", 100), ("test", 100)):
        counts = Counter(e.label for e in open_data(f"rocks:{split}").examples)
        assert counts == dict.fromkeys(rocks.CLASSES, each)
    assert open_data("rocks").name == "rocks:trainval"


def test_an_image_goes_where_the_file_says(made: Path) -> None:
    """The letters of rocks.txt stand for the images in the order of their names."""
    places = rocks._cut()[1]["marble"]
    tested = [e.source.rsplit("/", 1)[1] for e in open_data("rocks:test").examples if e.label == "marble"]
    assert tested == [f"{number:05d}.jpg" for number, place in enumerate(places) if place == "x"]


def test_the_shipped_split_is_whole() -> None:
    """Six classes of 300, 100 and 100, under the hash of the names they are for."""
    digest, places = rocks._cut()
    assert len(digest) == 64
    assert tuple(places) == rocks.CLASSES
    assert all(Counter(some) == {"t": 300, "v": 100, "x": 100} for some in places.values())


def test_other_images_than_those_that_were_cut_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another sample of the same set has other overlaps, so the split would leak; what cuts it is named."""
    monkeypatch.setenv("FIRSTSIGHT_DATA", str(packed(tmp_path)))
    with pytest.raises(DataError, match="other images than those whose overlaps are known.*python results/rocks.py"):
        open_data("rocks:test")


@pytest.mark.data
def test_no_cut_of_one_picture_stands_on_both_sides() -> None:
    """On the real images of one class: many overlap, and none across the splits."""
    found = rocks.members()["rhyolite"]
    pictures = np.stack([decode(e.load(), colour=True) for e in found]).astype(np.float32)
    linked = MADE.overlaps(pictures) > MADE.ALIKE
    place = np.array(list(rocks._cut()[1]["rhyolite"]))
    assert linked.sum() > 50
    assert not linked[np.ix_(place == "x", place != "x")].any()
    assert not linked[np.ix_(place == "v", place == "t")].any()


def test_cuts_of_one_picture_are_found() -> None:
    """Cuts of noise that share a part, on the grid, are linked; those that share none, or are flat, are not."""
    noise = np.random.default_rng(0).integers(0, 255, (80, 80, 3)).astype(np.float32)
    corners = ((0, 0), (12, 6), (6, 18), (40, 40), (46, 52))
    cuts = np.stack([noise[y : y + 28, x : x + 28] for y, x in corners] + [np.full((28, 28, 3), 99, np.float32)])
    linked = MADE.overlaps(cuts) > MADE.ALIKE
    assert {(int(i), int(j)) for i, j in np.argwhere(linked) if i < j} == {(0, 1), (0, 2), (1, 2), (3, 4)}


def test_a_group_is_never_parted() -> None:
    """Whatever the groups: 100 to test, 100 to validate, each group on one side."""
    groups = np.repeat(np.arange(260), [150, 30, *[2] * 62, *[1] * 196])
    part = MADE.cut(groups, 0)
    assert Counter(part.tolist()) == {"t": 300, "v": 100, "x": 100}
    assert all(len(set(part[groups == g])) == 1 for g in np.unique(groups))


@pytest.mark.parametrize("pair", rocks.HELD_OUT)
def test_two_rocks_held_out_are_not_learned(pair: tuple[str, str], made: Path) -> None:
    """Without and of a pair are the four and the two, cut from the same pictures as the whole split."""
    without, only = rocks.without("trainval", pair), rocks.only("test", pair)
    learned, asked = open_data(without), open_data(only)
    assert set(asked.classes) == set(pair)
    assert set(learned.classes) == set(rocks.CLASSES) - set(pair)
    assert not learned.class_names & asked.class_names
    assert {e.key for e in learned.examples} < keys("trainval")
    assert {e.key for e in asked.examples} < keys("test")
    assert len(rocks.HELD_OUT) == 15


@pytest.mark.parametrize(
    ("split", "told"),
    [
        ("tset", "no split of rocks 'tset' .did you mean 'test'"),
        ("test-of-gneiss", "no pair of rocks 'gneiss'"),
        ("test-of-schist-gneiss", "no pair of rocks 'schist-gneiss'"),
        ("test-of-gneiss-gneiss", "no pair of rocks 'gneiss-gneiss'"),
        ("train-of-gneiss-schist", "no split of rocks 'train-of-gneiss-schist'"),
        ("test-without-gneiss-schist", "no split of rocks"),
    ],
)
def test_splits_there_are_none_of_are_refused(split: str, told: str, made: Path) -> None:
    """A slip in a split, or in the rocks that are held out, is answered with what there is."""
    with pytest.raises(UsageError, match=told):
        open_data(f"rocks:{split}")


def test_an_archive_with_a_picture_too_few_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Splits of other pictures would give other figures under the same name."""
    monkeypatch.setenv("FIRSTSIGHT_DATA", str(packed(tmp_path, lacking="marble")))
    with pytest.raises(DataError, match="holds 499 images of marble, 500 were expected; make a zip"):
        open_data("rocks:test")


def test_a_missing_archive_says_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it was looked for, and the address of the source."""
    monkeypatch.setenv("FIRSTSIGHT_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"rocks_sample500.zip was not found \(looked in .*kaggle.com"):
        open_data("rocks")


def test_an_archive_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes under the right name are not enough."""
    (tmp_path / "rocks_sample500.zip").write_bytes(b"no zip")
    monkeypatch.setenv("FIRSTSIGHT_DATA", str(tmp_path))
    with pytest.raises(DataError, match="not a readable zip"):
        open_data("rocks")
