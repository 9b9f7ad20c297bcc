"""Speed beside named rivals, in one run, into ``results/bench.json``. Ratios above 1 mean FirstSight needs less.

python results/bench.py    on a machine that does nothing else
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).parent))
from make import record

from firstsight.metrics.verification import auc
from firstsight.similarity import Similarity

SEED = 0
FIGURES = ("precision at 1", "MAP@R", "EER", "AUC")


def paired(ours: Callable[[], Any], rival: Callable[[], Any], rounds: int = 7) -> dict[str, float]:
    """Median seconds of both, taken in turn after a warm-up, and the ratio rival / ours."""
    ours(), rival()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for function, into in ((ours, times[0]), (rival, times[1])):
            began = time.perf_counter()
            function()
            into.append(time.perf_counter() - began)
    a, b = (float(np.median(t)) for t in times)
    return {"firstsight seconds": round(a, 5), "rival seconds": round(b, 5), "ratio": round(b / a, 2)}


def search() -> dict[str, float]:
    """The five best of 100,000 x 128 for 64 probes, against a full sort of the same scores."""
    rng = np.random.default_rng(SEED)
    gallery = rng.normal(size=(100_000, 128)).astype(np.float32)
    probes = rng.normal(size=(64, 128)).astype(np.float32)
    similarity = Similarity()
    return paired(
        lambda: similarity.search(probes, gallery, 5), lambda: np.argsort(-(probes @ gallery.T), axis=1)[:, :5], 3
    )


def area() -> dict[str, float]:
    """AUC of 100,000 genuine and 1,000,000 impostor scores, against scikit-learn."""
    rng = np.random.default_rng(SEED)
    genuine = rng.normal(1, 1, 100_000).astype(np.float32)
    impostor = rng.normal(0, 1, 1_000_000).astype(np.float32)
    truth = np.repeat([1, 0], [len(genuine), len(impostor)])
    scores = np.concatenate([genuine, impostor])
    return paired(lambda: auc(genuine, impostor), lambda: roc_auc_score(truth, scores), 3)


def apart(who: str, n: int, d: int, threads: int) -> dict[str, float]:
    """One evaluation by ``bench_metrics.py`` in a process of its own; FirstSight's threads are workers, not BLAS's."""
    blas = 1 if who == "firstsight" else threads
    environment = {**os.environ, "OMP_NUM_THREADS": str(blas), "OPENBLAS_NUM_THREADS": str(blas)}
    script = Path(__file__).parent / "bench_metrics.py"
    words = [sys.executable, script, who, str(n), str(d), str(threads)]
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def evaluation(threads: int, rounds: int = 3) -> dict[str, Any]:
    """P@1, MAP@R, EER and AUC of 13,180 x 256 and all their 86.8 million pairs, whole processes in turn."""
    runs: dict[str, list[dict[str, float]]] = {"firstsight": [], "rivals": []}
    for _ in range(rounds):
        for who, into in runs.items():
            into.append(apart(who, 13_180, 256, threads))
    ours, rival = ({k: float(np.median([r[k] for r in into])) for k in into[0]} for into in runs.values())
    gap = max(abs(ours[name] - rival[name]) for name in FIGURES)
    if gap > 1e-6:
        raise SystemExit(f"the figures differ by {gap:.1e}: {ours} and {rival}")
    return {
        "threads": threads,
        "firstsight seconds": round(ours["seconds"], 3),
        "rival seconds": round(rival["seconds"], 3),
        "ratio": round(rival["seconds"] / ours["seconds"], 2),
        "firstsight peak MiB": round(ours["peak MiB"]),
        "rival peak MiB": round(rival["peak MiB"]),
        "memory ratio": round(rival["peak MiB"] / ours["peak MiB"], 2),
        "MiB before (imports and embeddings)": [round(r["before MiB"]) for r in (ours, rival)],
        "figures": {name: ours[name] for name in FIGURES},
        "largest gap": gap,
    }


def many(threads: int) -> dict[str, Any]:
    """The same of 200,000 x 128 and all their 20 billion pairs, by FirstSight alone, once."""
    found = apart("firstsight", 200_000, 128, threads)
    return {
        "threads": threads,
        "seconds": round(found["seconds"], 1),
        "peak MiB": round(found["peak MiB"]),
        "MiB before (imports and embeddings)": round(found["before MiB"]),
        "figures": {name: found[name] for name in FIGURES},
    }


if __name__ == "__main__":
    threads = torch.get_num_threads()
    result = {
        "threads": threads,
        "top 5 of 100,000, rival NumPy full sort": search(),
        "AUC of 1.1 million scores, rival scikit-learn": area(),
        "evaluation of 13,180 embeddings, rivals pytorch-metric-learning and scikit-learn": evaluation(threads),
        "evaluation of 200,000 embeddings": many(threads),
    }
    record("bench", "python results/bench.py", SEED, result)
    for name, row in result.items():
        print(name, row)
