"""The exact best of a gallery by faiss-cpu, one thread; run in an environment of its own.

python rival_faiss.py N PROBES TOP ROUNDS
"""

from __future__ import annotations

import json
import sys
import time
from statistics import median
from typing import Any

import faiss
import numpy as np


def vectors(n: int, seed: int) -> Any:
    """As the script that starts this draws them."""
    made = np.random.default_rng(seed).standard_normal((n, 128), np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def main(n: int, probes: int, top: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of a search, median after a warm-up, and the indices."""
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(128)
    index.add(vectors(n, 0))
    asked = vectors(probes, 1)
    index.search(asked, top)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        _, indices = index.search(asked, top)
        times.append(1e3 * (time.perf_counter() - began))
    return {"ms": median(times), "indices": indices.tolist(), "name": f"faiss-cpu {faiss.__version__} IndexFlatIP"}


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
