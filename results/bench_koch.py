"""Speed of a step of Koch's network beside the same written plainly: ``results/bench-koch.json``.

python results/bench_koch.py                on a machine that does nothing else; ten minutes, needs FIRSTSIGHT_DATA
python results/bench_koch.py --trial        to see that it runs; prints, writes nothing

A step learns from 64 pairs. The rival is ``bench/training/rival_koch.py``. Ratios above 1: FirstSight's step, or
its convolution, takes less time.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
from bench_training import BENCH, Run, alone, compiles, options
from make import record

from firstsight.learn.encoders.spectral import SpectralConv2d

THREADS = 2
SEED = 0
IMAGES = 37
"""Half of what a step on trails embeds: the share of one thread of two."""


def contestants() -> dict[str, list[str | Path]]:
    """Who is measured -> the command."""
    on = ("--threads", str(THREADS))
    ours = [sys.executable, BENCH / "ours.py", "--recipe", "koch", *on]
    plain = [sys.executable, BENCH / "rival_koch.py", *on]
    known: dict[str, list[str | Path]] = {
        "firstsight": ours,
        "firstsight, pairs apart": [*ours, "sampling.order=shuffled"],
        "plain float32": [*plain, "--precision", "float32"],
        "plain bfloat16": [*plain, "--precision", "bfloat16"],
    }
    if compiles():
        known["plain bfloat16 compiled"] = [*plain, "--precision", "bfloat16", "--compile"]
    return known


def summary(runs: dict[str, list[Run]]) -> dict[str, Any]:
    """Seconds a step of everyone, and how often ours goes into the best of the rivals', by medians."""
    steps = {name: [128 / r["images per second"] for r in of] for name, of in runs.items()}
    rows = {
        name: {
            "seconds a step": round(median(steps[name]), 3),
            "lowest": round(min(steps[name]), 3),
            "highest": round(max(steps[name]), 3),
            "core seconds a step": round(median(r["core seconds a step"] for r in of), 3),
            "peak MiB": max(r["peak MiB"] for r in of),
        }
        for name, of in runs.items()
    }
    best = min((name for name in rows if name.startswith("plain")), key=lambda name: median(steps[name]))
    ratios = {
        f"{best} / {name}": round(median(steps[best]) / median(steps[name]), 2)
        for name in rows
        if name.startswith("firstsight")
    }
    return {"ratios": ratios, "rows": rows}


def convolutions(rounds: int) -> dict[str, Any]:
    """Milliseconds an image of the second convolution with all its gradients, on one thread; ours and the library's."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    layout = torch.channels_last
    images = torch.rand(IMAGES, 64, 48, 48).contiguous(memory_format=layout).requires_grad_()
    ours, plain = (kind(64, 128, 7).to(memory_format=layout) for kind in (SpectralConv2d, nn.Conv2d))
    known: dict[str, Callable[[], Tensor]] = {
        "among frequencies": lambda: ours(images),
        "the library's, float32": lambda: plain(images),
        "the library's, bfloat16": lambda: plain(images.bfloat16()),
    }
    spent: dict[str, list[float]] = {name: [] for name in known}
    for round_ in range(rounds + 1):
        for name, made in known.items():
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=name.endswith("bfloat16")):
                out = made()
            out.backward(torch.ones_like(out))
            if round_:
                spent[name].append((time.perf_counter() - start) * 1000 / IMAGES)
    rows = {
        name: {"milliseconds": round(median(of), 2), "lowest": round(min(of), 2), "highest": round(max(of), 2)}
        for name, of in spent.items()
    }
    ours_, *rivals = (median(of) for of in spent.values())
    return {"images": IMAGES, "ratio to the faster of the library's": round(min(rivals) / ours_, 2), "rows": rows}


def main() -> None:
    """Measure everyone in turn; print, and write."""
    asked = options(warmup=3, steps=12, trial=(1, 2))
    length = ("--warmup", str(asked.warmup), "--steps", str(asked.steps))
    load = os.getloadavg()[0]
    runs: dict[str, list[Run]] = {name: [] for name in contestants()}
    for _ in range(asked.rounds):
        for name, words in contestants().items():
            runs[name].append(alone([*words, *length], THREADS))
            print(f"{name}: {128 / runs[name][-1]['images per second']:.3f} s a step", flush=True)
    result: dict[str, Any] = {"pairs": 64, "rounds": asked.rounds, "steps": asked.steps, "load before": round(load, 2)}
    result[f"step, {THREADS} threads"] = summary(runs)
    result["profile"] = alone([*contestants()["firstsight"], "--profile", *length], THREADS)
    result["second convolution, 1 thread"] = convolutions(3 if asked.trial else 15)
    for name, found in result.items():
        print(f"{name}: {found}")
    if not asked.trial:
        record("bench-koch", "python results/bench_koch.py", SEED, result)


if __name__ == "__main__":
    main()
