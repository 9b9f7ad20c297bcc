"""Speed beside named rivals, in one run, into ``results/bench.json``. Ratios above 1 mean FirstSight is faster.

python results/bench.py
"""

from __future__ import annotations

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

from firstsight.learn.export import load_encoder
from firstsight.metrics.verification import auc
from firstsight.model import Model
from firstsight.similarity import Similarity

SEED = 0


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


def embed() -> dict[str, float]:
    """512 readings through the exported model, against torch (channels_last, inference mode, the same threads)."""
    model = Model.load("glyphs")
    encoder, similarity = load_encoder(model)
    encoder = encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    arrays = np.random.default_rng(SEED).integers(0, 256, (512, *model.input.shape), np.uint8)
    views = model.spec.trained.settings.get("export", {}).get("views", 1)

    def rival() -> None:
        with torch.inference_mode():
            images = torch.from_numpy(arrays).float().contiguous(memory_format=torch.channels_last) / 255
            for _ in range(views):
                similarity.prepare(encoder(images))

    return paired(lambda: model.embed_arrays(arrays), rival)


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


if __name__ == "__main__":
    result = {
        "threads": torch.get_num_threads(),
        "embed glyphs, rival torch": embed(),
        "top 5 of 100,000, rival NumPy full sort": search(),
        "AUC of 1.1 million scores, rival scikit-learn": area(),
    }
    record("bench", "python results/bench.py", SEED, result)
    for name, row in result.items():
        print(name, row)
