"""Images of a folder: which files are taken, and what is said of those that are passed over."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from firstsight.errors import InputError, count
from firstsight.files import FOLDER, expanded, spelled_out, state_of
from firstsight.inputs.formats import HEIC_NEEDS, has_avif, has_heic, has_jpeg_2000
from firstsight.notices import tell
from firstsight.types import Source

EXTENSIONS = frozenset(
    [".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".bmp", ".gif", ".tif", ".tiff", ".webp"]
) | frozenset([".ppm", ".pgm", ".pbm", ".pnm", ".pfm"])
"""How images are named that are read everywhere."""
AVIF, HEIC = frozenset([".avif", ".avifs"]), frozenset([".heic", ".heics", ".heif", ".heifs", ".hif"])
JPEG_2000 = frozenset([".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"])
_KINDS, _NAMES = 8, 3  # that a sentence has room for


def is_image(file: Path) -> bool:
    """Whether a file is named like an image that can be read here; what is there and no regular file is none."""
    kind = file.suffix.lower()
    read = kind in EXTENSIONS or (kind in AVIF and has_avif()) or (kind in HEIC and has_heic())
    if not read and not (kind in JPEG_2000 and has_jpeg_2000()):
        return False
    return file.is_file() or not file.exists()  # of a dangling link, reading it will name the fault


def parted(files: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Images, and files that are passed over."""
    images: list[Path] = []
    others: list[Path] = []
    for file in files:
        (images if is_image(file) else others).append(file)
    return images, others


def passed_over(files: Sequence[Path]) -> str:
    """What is said of files that are no images: how many, of which kinds, what they are called; "" of none."""
    if not files:
        return ""
    kinds: dict[str, list[str]] = {}
    for file in files:
        kinds.setdefault(file.suffix.lower(), []).append(spelled_out(file.name))
    ordered = sorted(kinds.items(), key=lambda kind: (kind[0] not in HEIC | AVIF | JPEG_2000 | {".jxl"}, -len(kind[1])))
    parts = [_kind(kind, names) for kind, names in ordered[:_KINDS]]
    more = ", ..." if len(ordered) > _KINDS else ""
    verb = "was" if len(files) == 1 else "were"
    return f"{count(len(files), 'file', 'files')} {verb} passed over: {', '.join(parts)}{more}"


def _kind(kind: str, names: Sequence[str]) -> str:
    """Files of one kind."""
    told = ", ".join(names[:_NAMES]) + (", ..." if len(names) > _NAMES else "")
    if kind in HEIC and not has_heic():
        return f"{len(names)} HEIC ({told}; {HEIC_NEEDS})"
    if kind in AVIF and not has_avif():
        return f"{len(names)} AVIF ({told}; update Pillow)"
    if kind in JPEG_2000 and not has_jpeg_2000():
        return f"{len(names)} JPEG 2000 ({told}; update Pillow, or save as PNG)"
    if kind == ".jxl":
        return f"{len(names)} JPEG XL ({told}; save as PNG)"
    return f"{len(names)} {spelled_out(kind)} ({told})" if kind else f"{len(names)} without an ending ({told})"


def expand(sources: Sequence[Source]) -> list[Any]:
    """Replace folders by the images directly in them; what else is there is said, hidden files apart.

    Raises:
        InputError: a folder without images.
    """
    out: list[Any] = []
    for source in sources:
        folder = expanded(os.fsdecode(source)) if isinstance(source, str | os.PathLike) else None
        if folder is None or state_of(folder) != FOLDER:
            out.append(source)
            continue
        files = (p for p in sorted(folder.iterdir()) if not p.name.startswith(".") and state_of(p) != FOLDER)
        found, others = parted(files)
        said = passed_over(others)
        if not found:
            why = f" ({said})" if said else ""
            raise InputError(f"{folder} is a folder without images{why}; for class folders use --data folder:{folder}")
        if said:
            tell(f"{spelled_out(folder)}: {said}")
        out.extend(found)
    return out
