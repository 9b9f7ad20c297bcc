"""Memory of the service when many send large pictures at the same time: ``results/pixels.json``.

python results/bench_pixels.py            some minutes
python results/bench_pixels.py --trial    to see that it runs: small pictures, few clients; prints, writes nothing

A service with its default settings is asked by 64 clients, each on a connection of its own, for verify, identify, check
and enroll, with pictures of 24 megapixels of every shape and format. A fault is an answer of 5xx (an honest "busy"
counts apart), a connection that ends without one, or one later than ``LATE``. Memory is what the service had at most in
physical memory (VmHWM), all its processes together.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import numpy as np
from bench_service import form, serving
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[1]
CLIENTS, EACH, LATE, LIMIT = 64, 4, 180.0, 10**9
SIZES = [(4898, 4898), (6000, 4000), (24_000, 1000), (1000, 24_000), (60_000, 400), (400, 60_000)]
VERBS = ("identify", "verify", "check", "enroll")


def picture(size: tuple[int, int], number: int) -> Image.Image:
    """A sheet of paper, its shading and grain, and some strokes of a pen."""
    width, height = size
    rng = np.random.default_rng(number)
    grain = Image.fromarray(rng.integers(225, 250, (max(1, height // 8), max(1, width // 8)), dtype=np.uint8))
    image = grain.resize(size, Image.Resampling.BILINEAR)
    corners = [(int(x), int(y)) for x, y in rng.uniform(0.1, 0.9, (6, 2)) * (width, height)]
    ImageDraw.Draw(image).line(corners, fill=20, width=max(3, min(size) // 40), joint="curve")
    return image


def coloured(grey: Image.Image, mode: str) -> Image.Image:
    """A grey picture in another mode."""
    if mode == "I;16":
        return Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    if mode in ("RGBA", "LA"):
        made = grey.convert(mode)
        made.putalpha(grey.point(lambda v: 255 - v // 4))
        return made
    return grey.convert("RGB").quantize(32) if mode == "P" else grey.convert(mode)


FORMATS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "png 1": ("1", "PNG", {}),
    "png 8": ("L", "PNG", {"compress_level": 1}),
    "png 16": ("I;16", "PNG", {"compress_level": 1}),
    "png palette": ("P", "PNG", {"compress_level": 1}),
    "png rgb": ("RGB", "PNG", {"compress_level": 1}),
    "png rgba": ("RGBA", "PNG", {"compress_level": 1}),
    "jpeg": ("RGB", "JPEG", {"quality": 85}),
    "jpeg progressive": ("RGB", "JPEG", {"quality": 85, "progressive": True, "subsampling": 0}),
    "jpeg cmyk": ("CMYK", "JPEG", {"quality": 80, "progressive": True}),
    "webp": ("RGB", "WEBP", {"quality": 60, "method": 0}),
    "webp rgba": ("RGBA", "WEBP", {"quality": 60, "method": 0}),
    "tiff fax": ("1", "TIFF", {"compression": "group4"}),
    "tiff 16": ("I;16", "TIFF", {"compression": "tiff_adobe_deflate"}),
    "tiff rgb, one strip": ("RGB", "TIFF", {"compression": "tiff_adobe_deflate", "tiffinfo": {278: 100_000}}),
    "tiff cmyk": ("CMYK", "TIFF", {"compression": "tiff_adobe_deflate"}),
    "bmp 1": ("1", "BMP", {}),
    "gif": ("P", "GIF", {}),
    "ppm 1": ("1", "PPM", {}),
}


def drawn(folder: Path, sizes: list[tuple[int, int]]) -> list[tuple[str, bytes]]:
    """Every format, each in two shapes, made once and kept; those that no request may bring are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for n, (name, (mode, kind, how)) in enumerate(FORMATS.items()):
        for size in (sizes[n % len(sizes)], sizes[(n + 1 + n // len(sizes)) % len(sizes)]):
            if kind == "WEBP" and max(size) > 16_383:  # WebP knows no longer side
                size = sizes[0]
            file = folder / f"{name} {size[0]} x {size[1]}"
            if not file.exists():
                buffer = io.BytesIO()
                coloured(picture(size, n), mode).save(buffer, kind, **how)
                file.write_bytes(buffer.getvalue())
            if file.stat().st_size < 15 << 20:
                found.append((file.name, file.read_bytes()))
    return found


def ask(port: int, number: int, pictures: list[tuple[str, bytes]], each: int, rows: list[dict[str, Any]]) -> None:
    """One client: its requests one after another."""
    for turn in range(each):
        count = number * each + turn
        name, image = pictures[count % len(pictures)]
        verb = VERBS[(count // len(pictures) + count) % len(VERBS)]
        fields: dict[str, str | bytes] = {"images": image}
        if verb in ("verify", "enroll"):
            fields["identity"] = f"person {count}" if verb == "enroll" else "first"
        if verb == "enroll":
            fields["override"] = "all"
        kind, body = form(**fields)
        began, status, said = time.perf_counter(), 0, ""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        try:
            connection.request("POST", f"/v1/galleries/main/{verb}", body, {"Content-Type": kind})
            answer = connection.getresponse()
            status, said = answer.status, answer.read().decode()
        except OSError as error:
            said = type(error).__name__
        finally:
            connection.close()
        seconds = time.perf_counter() - began
        busy = status == 503 and "BusyError" in said and answer.headers.get("Retry-After") is not None
        rows.append({"picture": name, "verb": verb, "status": status, "busy": busy, "s": seconds, "said": said[:200]})


def most(process: int) -> int:
    """Bytes that a process and those it began had at most in physical memory."""
    total = 0
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if int(place.name) == process or parent == process:
                total += int((place / "status").read_text().split("VmHWM:")[1].split()[0]) << 10
    return total


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple[int, int]]:
    """A service with its default settings, one sign enrolled; its port and its process."""
    from firstsight.gallery import Gallery

    place = folder / "pixels.db"
    with Gallery.create(place, "glyphs") as gallery:
        gallery.enroll("first", np.asarray(picture((105, 105), 1)), override=["all"])
    with serving(place) as (port, process):
        yield port, process.pid


def measured(folder: Path, pictures: list[tuple[str, bytes]], clients: int, each: int) -> dict[str, Any]:
    """What came back, how late, and what it took."""
    rows: list[dict[str, Any]] = []
    with served(folder) as (port, process):
        idle, began = most(process), time.perf_counter()
        threads = [threading.Thread(target=ask, args=(port, n, pictures, each, rows)) for n in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took, highest = time.perf_counter() - began, most(process)
    times = [row["s"] for row in rows]
    faults = [
        row for row in rows if row["status"] == 0 or (row["status"] >= 500 and not row["busy"]) or row["s"] > LATE
    ]
    return {
        "clients": clients,
        "requests": len(rows),
        "pictures": len(pictures),
        "largest file, MB": round(max(len(image) for _, image in pictures) / 1e6, 1),
        "statuses": {f"{verb} {status}": n for (verb, status), n in _counted(rows).items()},
        "busy": sum(row["busy"] for row in rows),
        "faults": len(faults),
        "first faults": faults[:5],
        "p50, p99 and most s": [round(float(np.percentile(times, p)), 2) for p in (50, 99, 100)],
        "requests a second": round(len(rows) / took, 2),
        "resident at most before, MB": round(idle / 1e6),
        "resident at most, MB": round(highest / 1e6),
        "within a gigabyte": highest <= LIMIT,
    }


def _counted(rows: list[dict[str, Any]]) -> dict[tuple[str, int], int]:
    return dict(sorted(Counter((row["verb"], row["status"]) for row in rows).items()))


def main() -> None:
    """Measure; print, and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trial", action="store_true", help="small pictures, few clients; print, write nothing")
    given = parser.parse_args()
    sizes = [(w // 10, h // 10) for w, h in SIZES] if given.trial else SIZES
    clients, each = (8, 2) if given.trial else (CLIENTS, EACH)
    build = ROOT / "build"
    pictures = drawn(build / ("pixels-trial" if given.trial else "pixels"), sizes)
    with tempfile.TemporaryDirectory(dir=build) as made:
        result = measured(Path(made), pictures, clients, each)
    print(json.dumps(result, indent=1))
    if not given.trial:
        from make import record

        record("pixels", "python results/bench_pixels.py", 0, {"load before": round(os.getloadavg()[0], 2), **result})


if __name__ == "__main__":
    main()
