"""Large pictures sent by many at the same time: all are answered, in memory for some of them."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import httpx2
import numpy as np
from PIL import Image, ImageDraw

from scripts import script

CLIENTS = 24
MIB = 1 << 20


def large() -> list[bytes]:
    """Pictures of six megapixels, some hundred kilobytes each as files."""
    made = []
    for size, mode, form, how in (
        ((2450, 2450), "L", "PNG", {}),
        ((600, 10_000), "RGBA", "PNG", {"compress_level": 1}),
        ((3000, 2000), "RGB", "JPEG", {"progressive": True}),
        ((10_000, 600), "1", "TIFF", {"compression": "group4"}),
        ((60, 60_000), "L", "BMP", {}),
        ((2000, 3000), "RGB", "WEBP", {"quality": 30, "method": 0}),
    ):
        image = Image.new("L", size, 255)
        corners = np.random.default_rng(len(made)).uniform(0.1, 0.9, (5, 2)) * size
        ImageDraw.Draw(image).line([(int(x), int(y)) for x, y in corners], fill=0, width=min(size) // 30 + 2)
        buffer = io.BytesIO()
        image.convert(mode).save(buffer, form, **how)
        made.append(buffer.getvalue())
    return made


def test_many_large_pictures_take_memory_for_some(store: Path, picture: Path) -> None:
    """24 clients send pictures of six megapixels, tall, wide, of any format: each has its answer, none is refused, and
    the service grows by what its budget lets it unpack, not by 24 pictures; little of it stays."""
    most, statuses, pictures = script("bench_pixels").most, [], large()
    with script("bench_service").serving(store) as (port, process):
        url = f"http://127.0.0.1:{port}/v1/galleries/main"
        with httpx2.Client(base_url=url, timeout=120) as client:
            assert client.post("/identify", files={"images": picture.read_bytes()}).status_code == 200
            before = most(process.pid)

            def ask(number: int) -> None:
                verb = ("identify", "check")[number % 2]
                files = {"images": pictures[number % len(pictures)]}
                statuses.append(client.post(f"/{verb}", files=files).status_code)

            threads = [threading.Thread(target=ask, args=(n,)) for n in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        now = Path(f"/proc/{process.pid}/status").read_text().split("VmRSS:")[1].split()[0]
        grew, stays = most(process.pid) - before, (int(now) << 10) - before
    assert statuses == [200] * CLIENTS
    assert grew < 520 * MIB
    assert stays < 160 * MIB
