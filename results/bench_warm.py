"""Warm evaluation of 10,000 pictures beside an earlier commit's, whole processes in turn: ``results/bench-warm.json``.

git worktree add ../before COMMIT
python results/bench_warm.py ../before/src    on a machine that does nothing else; about ten minutes

Both find readings and embeddings in a cache of their own. What differs is how they tell that it is the same data: by
content here, by names, sizes and times before 37. A ratio is before / now, pair by pair: above 1, now needs less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
CLASSES, EACH, SIDE, SEED = 200, 50, 40, 0
PROTOCOLS = ("verification", "nway")


def draw(folder: Path) -> None:
    """Blobs of a shape a class, each a PNG of about a kilobyte."""
    r = np.random.default_rng(SEED)
    for label in range(CLASSES):
        place = folder / f"{label:03}"
        place.mkdir(parents=True)
        shape = r.random((8, 8)) > 0.6
        for number in range(EACH):
            ink = np.kron(shape ^ (r.random((8, 8)) > 0.95), np.ones((5, 5), bool))
            noise = r.integers(0, 30, (SIDE, SIDE))
            Image.fromarray(np.where(ink, noise, 255 - noise).astype(np.uint8)).save(place / f"{number:02}.png")


def evaluate(source: Path, data: Path, cache: Path, protocol: str) -> tuple[float, float, str]:
    """Wall and processor seconds of one evaluation in a process of its own, and what it measured."""
    environment = {**os.environ, "PYTHONPATH": str(source), "FIRSTSIGHT_CACHE": str(cache)}
    command = [sys.executable, "-m", "firstsight", "evaluate", "glyphs", protocol, f"folder:{data}", "--json"]
    before, began = os.times(), time.perf_counter()
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    wall, after = time.perf_counter() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, json.dumps(json.loads(ran.stdout)["metrics"])


def compared(sources: dict[str, Path], data: Path, folder: Path, protocol: str, rounds: int) -> dict[str, object]:
    """Medians of both, and of the ratios pair by pair."""
    for name, source in sources.items():
        evaluate(source, data, folder / name, protocol)
    found: dict[str, list[tuple[float, float, str]]] = {name: [] for name in sources}
    for turn in range(rounds):
        for name in sorted(sources, reverse=bool(turn % 2)):
            found[name].append(evaluate(sources[name], data, folder / name, protocol))
    figures = {run[2] for runs in found.values() for run in runs}
    if len(figures) != 1:
        raise SystemExit(f"the two measured other figures: {figures}")
    made: dict[str, object] = {"protocol": protocol, "rounds": rounds}
    for at, what in enumerate(("wall", "cpu")):
        for name, runs in found.items():
            made[f"{what}_seconds_{name}"] = round(statistics.median(run[at] for run in runs), 3)
        ratios = [old[at] / new[at] for old, new in zip(found["before"], found["now"], strict=True)]
        made[f"{what}_ratio"] = [round(f(ratios), 3) for f in (min, statistics.median, max)]
    return made


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="the src folder of the earlier commit")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "bench-warm.json")
    given = parser.parse_args()
    sources = {"before": given.before.resolve(), "now": ROOT / "src"}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        draw(data)
        rows = [compared(sources, data, Path(folder), protocol, given.rounds) for protocol in PROTOCOLS]
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    told = {
        "command": "python results/bench_warm.py ../before/src",
        "seed": SEED,
        "commit": head.stdout.strip(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, CPython {platform.python_version()}",
        "images": CLASSES * EACH,
        "ratio": "before / now, [min, median, max]; above 1, now needs less",
        "warm": rows,
    }
    given.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
