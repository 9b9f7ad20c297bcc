"""The same work by this checkout and by another one, in turn: ``results/against.json``. Ratios above 1: we are quicker.

git worktree add ../before COMMIT
python results/against.py ../before             both sides in one environment; some minutes
python results/against.py ../before --trial     to see that it runs: small sizes; prints, writes nothing

Each round starts a process for each side, which imports its own ``src``; odd rounds begin with the other side. Work:
durable enrolment (one embedding a commit, the median), identification of an image file among a
thousand, reading signs, and an evaluation of 10,000 image files whose embeddings are cached.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

SEED = 0
ROOT = Path(__file__).parents[1]
ONE = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def pictures(folder: Path, classes: int, each: int) -> None:
    """Drawn signs, a folder a class: five strokes between drawn points, a little moved in each picture."""
    import numpy as np
    from PIL import Image, ImageDraw

    draw = np.random.default_rng(SEED)
    for label in range(classes):
        (folder / f"sign{label:03d}").mkdir(parents=True)
        points = draw.integers(12, 93, (6, 2))
        for number in range(each):
            picture = Image.new("L", (105, 105), 255)
            moved = points + draw.integers(-4, 5, points.shape)
            ImageDraw.Draw(picture).line([tuple(map(int, p)) for p in moved], fill=0, width=3)
            picture.save(folder / f"sign{label:03d}" / f"{number:03d}.png")


def work(data: Path, cache: Path, enrolments: int, probes: int) -> dict[str, float]:
    """Seconds of each piece of work, of this process; the cache of embeddings is warm from the second process on."""
    os.environ["FIRSTSIGHT_CACHE"] = str(cache)
    import numpy as np

    import firstsight

    files = sorted(data.rglob("*.png"))
    model = firstsight.Model.load("glyphs")
    vectors = np.random.default_rng(SEED).standard_normal((1000 + enrolments, model.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    times = {}
    with tempfile.TemporaryDirectory() as place, firstsight.Gallery.create(f"{place}/g.db", model) as gallery:
        for n in range(1000):
            gallery.enroll_embeddings(f"person {n}", vectors[n : n + 1], ["x"])
        each = []
        for n in range(1000, 1000 + enrolments):
            began = time.perf_counter()
            gallery.enroll_embeddings(f"person {n}", vectors[n : n + 1], ["x"])
            each.append(time.perf_counter() - began)
        times["durable enrolment"] = median(each)  # now and then a sync takes 3 ms: a sum would tell of the disk
        gallery.identify(files[0])
        began = time.perf_counter()
        for file in files[:probes]:
            gallery.identify(file)
        times["identify"] = time.perf_counter() - began
    began = time.perf_counter()
    for file in files[:probes]:
        model.input.read(file)
    times["read a sign"] = time.perf_counter() - began
    began = time.perf_counter()
    firstsight.evaluate(model, "verification", f"folder:{data}")
    times["warm evaluation"] = time.perf_counter() - began
    return times


def run(source: Path, *words: object) -> dict[str, float]:
    """What a process that imports this source says."""
    command = [sys.executable, __file__, "work", *map(str, words)]
    environment = {**os.environ, **ONE, "PYTHONPATH": str(source / "src")}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(before: Path, rounds: int, classes: int, each: int, enrolments: int, probes: int) -> dict[str, Any]:
    """Medians of both sides, and how many times as quick we are, by pairs of neighbours."""
    sides = {"firstsight": ROOT, "before": before}
    times: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        pictures(data, classes, each)
        for number in range(rounds + 1):
            for name in sorted(sides, reverse=bool(number % 2)):
                found = run(sides[name], data, Path(folder) / name, enrolments, probes)
                if number:  # the first fills caches
                    times[name].append(found)
    result = {}
    for what in times["before"][0]:
        ours, theirs = ([t[what] for t in times[name]] for name in sides)
        pairs = [b / a for a, b in zip(ours, theirs, strict=True)]
        result[what] = {
            "firstsight, seconds": float(f"{median(ours):.4g}"),
            "before, seconds": float(f"{median(theirs):.4g}"),
            "ratio": round(median(pairs), 3),
            "lowest and highest ratio": [round(edge(pairs), 3) for edge in (min, max)],
        }
    return result


def main() -> None:
    """See above."""
    if sys.argv[1:2] == ["work"]:
        data, cache, *numbers = sys.argv[2:]
        print(json.dumps(work(Path(data), Path(cache), *map(int, numbers))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--trial", action="store_true")
    asked = parser.parse_args()
    sizes = (3, 4, 5, 5) if asked.trial else (100, 100, 2000, 200)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=asked.before, capture_output=True, text=True, check=True)
    result = {
        "before": commit.stdout.strip(),
        "figures": compare(asked.before.resolve(), 1 if asked.trial else asked.rounds, *sizes),
    }
    if asked.trial:
        print(json.dumps(result, indent=1))
        return
    from make import record

    record("against", "python results/against.py BEFORE", SEED, result)


if __name__ == "__main__":
    main()
