"""``/v1/ready`` beside the way it was asked before, in one run: ``results/bench-ready.json``.

python results/bench_ready.py            200,000 references; a minute
python results/bench_ready.py --trial    to see that it runs: small sizes; prints, writes nothing

Before, a new connection to the store was made for every question, and all references were counted on it, in a thread of
those that work on requests. That is written plainly here, as another route of the same application; both are asked in
turn, over ASGI, by one caller; then by a hundred callers, while identify is asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{name}_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parent))

import anyio.to_thread
import httpx2
import numpy as np
from bench_service import drawn, form
from fastapi import FastAPI, Response

SEED, CALLERS, BLOCK = 0, 100, 10_000
READY, BEFORE = "/v1/ready", "/before"


def fill(place: Path, references: int) -> None:
    """A gallery of the shipped glyphs with so many identities of random embeddings."""
    from firstsight.gallery import Gallery
    from firstsight.types import Entry

    with Gallery.create(place, "glyphs") as gallery:
        for start in range(0, references, BLOCK):
            some = np.random.default_rng([SEED, start]).standard_normal(
                (min(BLOCK, references - start), gallery.model.dim)
            )
            some = (some / np.linalg.norm(some, axis=1, keepdims=True)).astype(np.float32)
            gallery.store.add([Entry(f"person {start + n}", v[None], ["given"]) for n, v in enumerate(some)])


def application(place: Path) -> FastAPI:
    """The service, with the way before as a route beside it."""
    from firstsight.serve.answers import reply
    from firstsight.serve.app import create_app
    from firstsight.serve.settings import Settings
    from firstsight.stores.listing import galleries_of

    app = create_app(Settings(store=str(place), rate=0))

    @app.get(BEFORE)
    def before() -> Response:
        galleries = galleries_of(place)
        fingerprint = app.state.service.galleries.model.fingerprint
        return reply({"status": "ready", "galleries": len(galleries), "model": fingerprint})

    return app


async def seconds(client: httpx2.AsyncClient, path: str, times: int) -> float:
    """Of one question, one after another."""
    began = time.perf_counter()
    for _ in range(times):
        assert (await client.get(path)).status_code == 200
    return (time.perf_counter() - began) / times


async def identified(client: httpx2.AsyncClient, times: int) -> float:
    """Seconds of one identification, one after another; the median."""
    kind, body = form(images=drawn(1))
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        answer = await client.post("/v1/galleries/main/identify", content=body, headers={"content-type": kind})
        spent.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text
    return median(spent)


async def beset(client: httpx2.AsyncClient, path: str | None, times: int) -> float:
    """As :func:`identified`, while many callers ask a path again and again, ten times a second each."""

    async def call() -> None:
        while True:
            if path is not None:
                await client.get(path)
            await asyncio.sleep(0.1)

    callers = [asyncio.create_task(call()) for _ in range(CALLERS)]
    await asyncio.sleep(1)
    try:
        return await identified(client, times)
    finally:
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)


async def measure(app: FastAPI, rounds: int, times: int) -> dict[str, Any]:
    """Both ways in turn."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = app.state.service.settings.waiting + 4
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 5000))
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://localhost", limits=limits, timeout=600
    ) as client:
        await identified(client, 3)
        alone: dict[str, list[float]] = {READY: [], BEFORE: []}
        for _ in range(rounds):
            for path, share in ((READY, 20), (BEFORE, 1)):
                alone[path].append(await seconds(client, path, share * times))
        looks = []
        for _ in range(times):
            await asyncio.sleep(0.01)
            app.state.service.readiness._known = None
            looks.append(await seconds(client, READY, 1))
        crowd = {
            name: await beset(client, path, times)
            for name, path in (("none", None), ("ready", READY), ("before", BEFORE))
        }
    ours, theirs = median(alone[READY]), median(alone[BEFORE])
    return {
        "ready, ms": round(1000 * ours, 3),
        "ready where the second is over, ms": round(1000 * median(looks), 3),
        "before, ms": round(1000 * theirs, 2),
        "times as fast": round(theirs / ours, 1),
        "times as fast where the second is over": round(theirs / median(looks), 1),
        f"identify beside {CALLERS} callers, ms": {name: round(1000 * value, 1) for name, value in crowd.items()},
    }


def run(references: int, rounds: int, times: int) -> dict[str, Any]:
    """All of it, in a folder that goes."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "g.db"
        fill(store, references)
        app = application(store)
        try:
            return {"references": references, **asyncio.run(measure(app, rounds, times))}
        finally:
            app.state.service.close()


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trial", action="store_true")
    if parser.parse_args().trial:
        print(json.dumps(run(2000, 1, 3), indent=1))
        return
    from make import record

    record("bench-ready", "python results/bench_ready.py", SEED, run(200_000, 5, 20))


if __name__ == "__main__":
    main()
