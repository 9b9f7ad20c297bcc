"""A network on pairs beside the cosine of the same embedding, on validation alphabets: into ``results/pairs.json``.

python results/pairs.py            (needs Omniglot; ten minutes on one core)

Every row learns from the 25 training alphabets with the recipe ``glyphs``, a quarter of its encoder and 800 steps, and
is judged on the five others. Trainings are kept in build/pairs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "build" / "pairs"
SEEDS = (0,)
STEPS = 800
COMMON = (
    "encoder.width=24",
    "encoder.dim=128",
    "data.train=omniglot:train",
    "data.validation=omniglot:validation",
    "data.calibration=",
    f"training.validate_every={STEPS}",
    f"training.checkpoint_every={STEPS}",
    "training.threads=1",
    "training.composites=0.0",
    "export.views=1",
    "sampling.name=hard_groups",
    "sampling.classes=32",
    "sampling.each=4",
    "sampling.together=2",
)
PROXIES = ("comparison.name=proxies", "loss.name=normalised_softmax", "loss.margin=0.2")
JOINT = (
    "similarity.name=pair_network",
    "comparison.name=in_batch",
    "loss.name=cross_entropy",
    "also_comparison.name=proxies",
    "also_loss.name=normalised_softmax",
    "also_loss.margin=0.2",
    "training.also=1.0",
)
ROWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "cosine": ("", (*PROXIES, f"training.steps={STEPS}")),
    "pair network, learned with it": ("", (*JOINT, f"training.steps={STEPS}")),
    "pair network, after the cosine": ("cosine", (*JOINT, f"training.steps={STEPS // 4}", "optimiser.lr=5e-4")),
}
"""Name -> row it goes on from, and settings."""


def learn(name: str, seed: int) -> Any:
    """One training, or what is kept of it."""
    import firstsight

    place = PLACE / f"{name}-{seed}".replace(",", "").replace(" ", "-")
    if (place / "model.json").exists():
        return firstsight.Model.load(place)
    before, changes = ROWS[name]
    words = ("glyphs", *COMMON, *changes, f"training.seed={seed}")
    given = {"from_": learn(before, seed)} if before else {}
    return firstsight.train(*words, **given, out=place, overwrite=True)


def judge(model: Any) -> dict[str, Any]:
    """What a model does on the validation alphabets, and what an answer costs."""
    import numpy as np

    import firstsight
    from firstsight.evaluation.embedded import embedded

    held = "omniglot:validation"
    asked = {
        "20-way 1-shot within alphabets": ("within", "accuracy", {"tasks": 500}),
        "20-way 3-shot": ("nway", "accuracy", {"ways": 20, "shots": 3, "tasks": 500}),
        "among all characters": ("identification", "rank 1", {"tasks": 20}),
        "equal error rate": ("verification", "eer", {}),
    }
    found = {
        name: round(firstsight.evaluate(model, protocol, held, **given).metrics[metric].value, 4)
        for name, (protocol, metric, given) in asked.items()
    }
    _, vectors = embedded(model, firstsight.open_data(held))
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(10_000, model.dim)).astype(np.float32)
    gallery = np.concatenate([vectors, noise / np.linalg.norm(noise, axis=1, keepdims=True)])[:10_000]
    rule, times = model.similarity, []
    for probe in vectors[:200]:
        began = time.perf_counter()
        rule.search(probe[None], gallery, 5)
        times.append(time.perf_counter() - began)
    return {
        **{k: round(v, 4) for k, v in found.items()},
        "ms a search among 10,000": round(1e3 * float(np.median(times)), 2),
    }


def without(model: Any) -> Any:
    """The same embedding, compared by its cosine alone."""
    from firstsight.model import Model

    files = {k: v for k, v in model.spec.files.items() if k != "pair.onnx"}
    return Model(model.path, model.spec.model_copy(update={"pair": None, "files": files}))


def table(rows: dict[str, list[dict[str, float]]]) -> str:
    """The table of docs/backbones.md."""
    names = [name for name in next(iter(rows.values()))[0] if name != "core seconds"]
    lines = ["| | " + " | ".join(names) + " | core seconds |", "|---|" + "---|" * (len(names) + 1)]
    for label, runs in rows.items():
        cells = [label]
        for name in names:
            mean = sum(run[name] for run in runs) / len(runs)
            single = ", ".join(f"{run[name] if 'ms' in name else 100 * run[name]:.1f}" for run in runs)
            cells.append(f"{mean:.1f}" if "ms" in name else f"{100 * mean:.1f} % ({single})")
        lines.append("| " + " | ".join([*cells, f"{runs[0]['core seconds']:.0f}"]) + " |")
    return "\n".join(lines)


def write_table() -> None:
    """Bring docs/backbones.md up to date."""
    page = ROOT / "docs" / "backbones.md"
    made = table(json.loads((ROOT / "results" / "pairs.json").read_text())["result"]["rows"])
    before, rest = page.read_text().split("<!-- pairs -->\n")
    page.write_text(f"{before}<!-- pairs -->\n{made}\n<!-- /pairs -->{rest.split('<!-- /pairs -->')[1]}")


def main() -> None:
    """Learn what is missing, judge each with its network and without."""
    from make import record

    os.environ["OMP_NUM_THREADS"] = "1"
    rows: dict[str, list[Any]] = {}
    for seed in SEEDS:
        for name in ROWS:
            model = learn(name, seed)
            ways = (
                {name: model} if model.spec.pair is None else {name: model, f"{name}; its cosine alone": without(model)}
            )
            for label, one in ways.items():
                row = {**judge(one), "core seconds": model.spec.trained.core_seconds}
                rows.setdefault(label, []).append(row)
                print(label, seed, row, flush=True)
        settings = {"steps": STEPS, "seeds": SEEDS[: seed + 1], "changes of the recipe glyphs": COMMON}
        record("pairs", "python results/pairs.py", 0, {**settings, "rows": rows})
    write_table()


if __name__ == "__main__":
    write_table() if "--table" in sys.argv else main()
