"""Embedding through a model directory beside torch doing the same work: ``results/bench-embedding.json``, one run.

python results/bench_embedding.py              on a machine that does nothing else; about ten minutes
python results/bench_embedding.py one WHO ...  one process of it, as the first form starts them

The work: readings of 32 x 32 to embeddings by the network of ``glyphs`` and its five views. Every setting runs in
processes of its own, in turn, on as many processors as it has threads; what gives other embeddings than FirstSight
stops the run, unless it is marked as less exact, which is reported apart. Ratios are torch / FirstSight: above 1,
FirstSight needs less.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SEED = 0
BATCH = 64
SIZE = 32
ROUNDS = 3
COLD_STARTS = 7
EQUAL = 1e-4
WARPS = ((12, 1), (-12, 1), (0, 1.1), (0, 0.9))
KEPT = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
}
"""Makes glibc keep memory that torch frees between runs, which spares it thousands of page faults."""

TORCH: dict[str, tuple[str, ...]] = {
    "torch eager": (),
    "torch eager, channels last": ("last",),
    "torch eager, channels last, memory kept": ("last", "kept"),
    "torch frozen": ("frozen",),
    "torch frozen, memory kept": ("frozen", "kept"),
    "torch frozen, channels last, memory kept": ("frozen", "last", "kept"),
    "torch frozen, memory kept, blocks of 16": ("frozen", "kept", "blocks"),
    "torch compiled, channels last, memory kept": ("compiled", "last", "kept"),
}
"""Settings that compute the same; frozen is ``jit.trace``, ``freeze`` and ``optimize_for_inference``."""

LESS_EXACT = {"torch eager, channels last, memory kept, bfloat16": ("last", "kept", "bfloat16")}


def firstsight(place: str) -> Callable[[Any], Any]:
    """The model directory, as users load it."""
    from firstsight.model import Model

    return Model.load(place).embed_arrays


def rival(place: str, options: Sequence[str], threads: int) -> Callable[[Any], Any]:
    """The same network and views in torch, without anything of FirstSight's but the network's definition."""
    import safetensors.torch
    import torch
    from torch.nn import functional

    from firstsight.learn.encoders.residual import Residual

    torch.set_num_threads(threads)
    settings = json.loads((Path(place) / "model.json").read_text())["trained"]["settings"]
    encoder = Residual(1, SIZE, **{k: v for k, v in settings["encoder"].items() if k != "name"})
    encoder.load_state_dict(safetensors.torch.load_file(Path(place) / "encoder.safetensors"))
    layout = torch.channels_last if "last" in options else torch.contiguous_format
    warps = [
        [
            [math.cos(math.radians(turn)) * scale, -math.sin(math.radians(turn)) * scale, 0.0],
            [math.sin(math.radians(turn)) * scale, math.cos(math.radians(turn)) * scale, 0.0],
        ]
        for turn, scale in WARPS
    ]

    class Embed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder.to(memory_format=layout)  # type: ignore[call-overload]
            grids = functional.affine_grid(torch.tensor(warps), [len(WARPS), 1, SIZE, SIZE], align_corners=False)
            self.register_buffer("grids", grids)

        def forward(self, readings: torch.Tensor) -> torch.Tensor:
            images = readings.float() / 255
            n = images.shape[0]
            views = [images]
            for i in range(len(WARPS)):
                grids = self.grids[i].expand(n, -1, -1, -1)  # type: ignore[index,operator]
                views.append(functional.grid_sample(images, grids, padding_mode="border", align_corners=False))
            embeddings = functional.normalize(self.encoder(torch.cat(views).contiguous(memory_format=layout)).float())
            return functional.normalize(embeddings.reshape(len(views), n, -1).mean(0))

    run: Any = Embed().eval()
    if "frozen" in options:
        with torch.no_grad():
            traced = torch.jit.trace(run, torch.zeros((2, 1, SIZE, SIZE), dtype=torch.uint8))
            run = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
    if "compiled" in options:
        import torch._inductor.config as inductor

        inductor.freezing = True
        with torch.no_grad():
            run = torch.compile(run, dynamic=False)
    block = 16 if "blocks" in options else 1 << 20

    def embed(readings: Any) -> Any:
        no_grad = torch.no_grad if "compiled" in options else torch.inference_mode
        with no_grad(), torch.autocast("cpu", torch.bfloat16, enabled="bfloat16" in options):
            parts = [run(torch.from_numpy(readings[i : i + block])) for i in range(0, len(readings), block)]
            return torch.cat(parts).float().numpy()

    return embed


def one(who: str, place: str, threads: int, out: str, options: Sequence[str]) -> None:
    """A process: the first embedding, then times and peak memory, then the embeddings for comparison."""
    embed = firstsight(place) if who == "firstsight" else rival(place, options, threads)
    readings = np.random.default_rng(SEED).integers(0, 256, (BATCH, 1, SIZE, SIZE)).astype(np.uint8)
    embed(readings[:1])
    print("first", flush=True)
    if not out:
        return

    def times(given: Any, rounds: int) -> list[float]:
        embed(given), embed(given)
        taken = []
        for _ in range(rounds):
            began = time.perf_counter()
            embed(given)
            taken.append(time.perf_counter() - began)
        return taken

    batch, single = times(readings, 11), times(readings[:1], 300)
    # Not getrusage: its maximum counts what the starting process held before this one began.
    peak = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM"))
    np.save(out, embed(readings))
    figures = {
        "batch ms": float(np.median(batch)) * 1e3,
        "single ms": float(np.median(single)) * 1e3,
        "single p99 ms": float(np.percentile(single, 99)) * 1e3,
        "peak MiB": int(peak.split()[1]) / 1024,
    }
    print(json.dumps(figures), flush=True)


def start(who: str, place: str, threads: int, out: str, options: Sequence[str]) -> tuple[float, dict[str, float]]:
    """Run :func:`one` in a process pinned to its processors: seconds to the first embedding, and its figures."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), **(KEPT if "kept" in options else {})}
    words = [sys.executable, "-W", "ignore", __file__, "one", who, place, str(threads), out, *options]
    processors = sorted(os.sched_getaffinity(0))[:threads]
    began = time.perf_counter()
    with subprocess.Popen(
        words,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, processors),
    ) as process:
        if process.stdout is None or process.stdout.readline() != "first\n":
            raise SystemExit(f"{who} {' '.join(options)} gave no embedding")
        seconds, rest = time.perf_counter() - began, process.stdout.read()
    return seconds, json.loads(rest) if rest else {}


def measured(places: dict[str, str], threads: int) -> dict[str, dict[str, float]]:
    """Every setting's medians over processes taken in turn; an unequal embedding is an error.

    Args:
        places: name -> model directory of FirstSight's settings; "FirstSight" is the one to equal.
        threads: of every process.
    """
    settings = {name: ("firstsight", place, ()) for name, place in places.items()}
    settings |= {name: ("torch", places["FirstSight"], options) for name, options in {**TORCH, **LESS_EXACT}.items()}
    if not shutil.which("g++"):
        settings = {k: v for k, v in settings.items() if "compiled" not in v[2]}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in settings}
    cold: dict[str, list[float]] = {name: [] for name in settings}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            for number, (name, (who, place, options)) in enumerate(settings.items()):
                _, figures = start(who, place, threads, f"{folder}/{number}.npy", options)
                found[name].append(figures)
        embeddings = {name: np.load(f"{folder}/{number}.npy") for number, name in enumerate(settings)}
    for _ in range(COLD_STARTS):
        for name in (*places, "torch eager"):
            who, place, options = settings[name]
            cold[name].append(start(who, place, threads, "", options)[0])
    rows = {}
    for name, each in found.items():
        rows[name] = {k: round(float(np.median([f[k] for f in each])), 2) for k in each[0]}
        if cold[name]:
            rows[name]["cold start s"] = round(float(np.median(cold[name])), 2)
        rows[name]["largest gap"] = float(np.abs(embeddings[name] - embeddings["FirstSight"]).max())
        print(threads, name, rows[name], flush=True)
    return rows


def compared(rows: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Ratios torch / FirstSight against the best setting of torch that computes the same, each figure by itself.

    Raises:
        SystemExit: a setting that should compute the same does not.
    """
    ours = rows["FirstSight"]
    equal = {name: rows[name] for name in TORCH if name in rows}
    wrong = [name for name, row in equal.items() if row["largest gap"] > EQUAL]
    if wrong:
        raise SystemExit(f"{wrong[0]} differs by {equal[wrong[0]]['largest gap']:.1e}, {EQUAL:g} is allowed")
    ratios: dict[str, Any] = {}
    for figure in ("batch ms", "single ms", "single p99 ms", "cold start s"):
        best = min((name for name in equal if figure in equal[name]), key=lambda name: equal[name][figure])
        ratios[figure] = {"rival": best, "ratio": round(equal[best][figure] / ours[figure], 2)}
    fastest = ratios["batch ms"]["rival"]  # not the leanest: memory that makes a rival slower is not its best setting
    leanest = min(equal, key=lambda name: equal[name]["peak MiB"])
    for what, name in (("peak MiB", fastest), ("peak MiB of the leanest", leanest)):
        ratios[what] = {"rival": name, "ratio": round(equal[name]["peak MiB"] / ours["peak MiB"], 2)}
    return ratios


def main() -> None:
    """All settings on one thread and on two."""
    sys.path.insert(0, str(Path(__file__).parent))
    from make import record

    from firstsight import api

    result: dict[str, Any] = {"batch": BATCH, "views": 1 + len(WARPS)}
    with tempfile.TemporaryDirectory() as folder:
        # Written again, so that the graph is of today's form whenever the shipped model was made.
        places = {"FirstSight": str(api.export("glyphs", out=f"{folder}/model").path)}
        places["FirstSight int8 (less exact)"] = str(api.quantise("glyphs", out=f"{folder}/int8").path)
        for threads in (1, 2):
            rows = measured(places, threads)
            result[f"threads {threads}"] = {"settings": rows, "ratios": compared(rows)}
            print(threads, result[f"threads {threads}"]["ratios"], flush=True)
    record("bench-embedding", "python results/bench_embedding.py", SEED, result)


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        one(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], sys.argv[6:])
    else:
        main()
