"""Training speed of the recipe ``glyphs`` beside two rivals: ``results/bench-training.json`` and the README's row.

python results/bench_training.py                on a machine that does nothing else; half an hour
python results/bench_training.py --trial        to see that it runs; prints, writes nothing

The rivals are in ``bench/training``, in an environment of their own (``build/bench-env``, made when it is missing).
Ratios above 1 mean that FirstSight learns from more images a second. On n threads a process is held to n cores.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from make import ROOT, record
from table import write_table

BENCH, BUILD = ROOT / "bench" / "training", ROOT / "build"
PYTHON, DATA = BUILD / "bench-env" / "bin" / "python", BUILD / "bench-data"
THREADS = (1, 2)
PRECISIONS = ("float32", "bfloat16")
SEED = 0
LOADERS = {1: ((1, 0), (1, 1)), 2: ((2, 0), (2, 1), (1, 1), (1, 2))}
"""On so many cores: (threads, workers) of the loader that are tried; its best counts."""

Run = dict[str, Any]


def environment() -> None:
    """The rivals' environment, where it is missing or its requirements have changed."""
    requirements, stamp = BENCH / "requirements.txt", PYTHON.parents[1] / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == requirements.read_bytes():
        return
    subprocess.run([sys.executable, "-m", "venv", PYTHON.parents[1]], check=True)
    pip = [PYTHON, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", "-r", requirements]
    subprocess.run(pip, check=True)
    stamp.write_bytes(requirements.read_bytes())


def alone(words: list[str | Path], threads: int) -> Run:
    """One process on so many cores; what its last line says. Settings of the allocator are not passed on."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_", "LD_PRELOAD", "OMP_", "MKL_"))
    }
    if words[0] == PYTHON:
        kept.pop("PYTHONPATH", None)
    cores = os.sched_getaffinity(0)
    if len(cores) < threads:
        raise SystemExit(f"{threads} cores were expected, this process may use {len(cores)}")
    os.sched_setaffinity(0, sorted(cores)[:threads])
    try:
        done = subprocess.run(
            words, env={**kept, "OMP_NUM_THREADS": str(threads)}, stdout=subprocess.PIPE, text=True, check=True
        )
    finally:
        os.sched_setaffinity(0, cores)
    found: Run = json.loads(done.stdout.splitlines()[-1])
    return found


def compiles() -> bool:
    """Whether ``torch.compile`` finds what it needs here."""
    return bool(shutil.which("g++")) and (Path(sysconfig.get_path("include")) / "Python.h").exists()


def contestants(threads: int) -> dict[str, list[str | Path]]:
    """``who precision ...`` -> command of everyone who is measured on so many cores."""
    on = ("--threads", str(threads))
    shipped = [sys.executable, BENCH / "ours.py", *on]
    ours = [*shipped, "optimiser.kind=adamw", "training.composites=0.0"]  # the rivals' work, no less and no more
    plain = [PYTHON, BENCH / "rival_plain.py", DATA / "glyphs.npz", *on]
    loader = [PYTHON, BENCH / "rival_loader.py", DATA / "images_background"]
    known: dict[str, list[str | Path]] = {f"firstsight {p}": [*ours, "--precision", p] for p in PRECISIONS}
    known |= {f"firstsight {p}, whole batches": [*ours, "--precision", p, "training.parts=1"] for p in PRECISIONS}
    known["the recipe as shipped: muon, composites"] = shipped
    known |= {f"plain {p}": [*plain, "--precision", p] for p in PRECISIONS}
    if compiles():
        known |= {f"plain {p} compiled": [*plain, "--precision", p, "--compile"] for p in PRECISIONS}
    for n, workers in LOADERS[threads]:
        words = ("--threads", str(n), "--workers", str(workers))
        known[f"loader float32, {n} threads, {workers} workers"] = [*loader, *words]
    return known


def summary(runs: dict[str, list[Run]]) -> dict[str, Any]:
    """Rates of everyone and ratios of ours to the rivals', from ``who precision ...`` -> its runs.

    The ratios are of medians: our best to the best of each rival, whatever the precision, and ours to the best plain
    loop of the same precision.
    """
    rates = {name: [r["images per second"] for r in of] for name, of in runs.items()}
    rows = {
        name: {
            "images per second": round(median(rates[name]), 1),
            "lowest": min(rates[name]),
            "highest": max(rates[name]),
            "core seconds a step": round(median(r["core seconds a step"] for r in of), 4),
            "peak MiB": max(r["peak MiB"] for r in of),
            "settings": of[0]["settings"],
        }
        for name, of in runs.items()
    }

    def best(start: str) -> str:
        return max((name for name in runs if name.startswith(start)), key=lambda name: median(rates[name]))

    pairs = [(best("firstsight"), best("plain")), (best("firstsight"), best("loader"))]
    pairs += [(best(f"firstsight {p}"), best(f"plain {p}")) for p in PRECISIONS]
    ratios = {f"{a} / {b}": round(median(rates[a]) / median(rates[b]), 3) for a, b in pairs}
    return {"best": {who: best(who) for who in ("firstsight", "plain", "loader")}, "ratios": ratios, "rows": rows}


def show(threads: str, found: dict[str, Any]) -> None:
    """Print a table."""
    print(threads)
    for name, row in found["rows"].items():
        figures = f"{row['images per second']:7.1f} images/s [{row['lowest']:.1f}, {row['highest']:.1f}]"
        print(f"  {name:38} {figures}  {row['core seconds a step']:.3f} core s a step  {row['peak MiB']} MiB")
    for label, ratio in found["ratios"].items():
        print(f"  {label}: {ratio:.3f}")


def options(*, warmup: int, steps: int, trial: tuple[int, int]) -> argparse.Namespace:
    """The command line: rounds, and how many steps of each warm up and count; fewer for a trial."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warmup", type=int, default=warmup)
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--trial", action="store_true", help="one short round; print, write nothing")
    asked = parser.parse_args()
    if asked.trial:
        asked.rounds, (asked.warmup, asked.steps) = 1, trial
    return asked


def main() -> None:
    """Measure everyone in turn; print, and write."""
    asked = options(warmup=20, steps=60, trial=(3, 8))
    environment()
    subprocess.run([sys.executable, BENCH / "prepare.py", DATA], check=True)
    length: list[str | Path] = ["--warmup", str(asked.warmup), "--steps", str(asked.steps)]
    load = os.getloadavg()[0]
    runs: dict[int, dict[str, list[Run]]] = {n: {name: [] for name in contestants(n)} for n in THREADS}
    for _ in range(asked.rounds):
        for n in THREADS:
            for name, words in contestants(n).items():
                runs[n][name].append(alone([*words, *length], n))
                print(f"{n} threads, {name}: {runs[n][name][-1]['images per second']} images/s", flush=True)
    result: dict[str, Any] = {"batch": 128, "rounds": asked.rounds, "steps": asked.steps, "load before": round(load, 2)}
    for n in THREADS:
        result[f"threads {n}"] = summary(runs[n])
        show(f"threads {n}", result[f"threads {n}"])
    ours = {name: words for name, words in contestants(1).items() if name.startswith("firstsight")}
    result["profile, threads 1"] = {name: alone([*w, "--profile", *length], 1) for name, w in ours.items()}
    for name, found in result["profile, threads 1"].items():
        print(f"{name}, milliseconds a step under the profiler: {found['milliseconds a step']}")
    if not asked.trial:
        record("bench-training", "python results/bench_training.py", SEED, result)
        write_table()


if __name__ == "__main__":
    main()
