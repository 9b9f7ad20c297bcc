"""Real pictures of six formats, out of the data archives: some as they are, some saved again in another format."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

from PIL import Image

ARCHIVES = (("faces/orl_faces.zip", ".pgm"), ("faces/lfw_dev.zip", ".jpg"), ("omniglot/images_evaluation.zip", ".png"))
AGAIN = ("BMP", "TIFF", "WEBP")


def six_formats(folder: Path, count: int) -> list[Path]:
    """``count`` files: PGM, JPEG and PNG byte for byte, and BMP, TIFF and WEBP made from them."""
    root = next(
        Path(p) for p in os.environ["FIRSTSIGHT_DATA"].split(os.pathsep) if (Path(p) / ARCHIVES[0][0]).is_file()
    )
    files = []
    for number in range(count):
        name, ending = ARCHIVES[number % 3]
        with zipfile.ZipFile(root / name) as archive:
            members = sorted(m for m in archive.namelist() if m.lower().endswith(ending))
            data = archive.read(members[number * 37 % len(members)])
        kind = number % 6
        if kind < 3:
            place = folder / f"{number:03d}{ending}"
            place.write_bytes(data)
        else:
            place = folder / f"{number:03d}.{AGAIN[kind - 3].lower()}"
            Image.open(io.BytesIO(data)).convert("RGB").save(place, AGAIN[kind - 3])
        files.append(place)
    return files
