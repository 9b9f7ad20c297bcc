"""Losses and samplings beside each other, on equal images: one table into ``results/losses.json`` and docs/losses.md.

python results/losses.py            what is missing (needs Omniglot; forty minutes on two cores from nothing)
python results/losses.py --table    the table in docs/losses.md only

Every row learns from the same 25 background alphabets with the recipe ``glyphs``, a quarter of its encoder and
the same number of images; it is judged on the five others. Parts of it are kept in build/losses.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).parents[1]
PLACE, PAGE = ROOT / "build" / "losses", ROOT / "docs" / "losses.md"
SEEDS = (0, 1, 2)
STEPS = 800
COMMON = (
    "encoder.width=24",
    "encoder.dim=128",
    "data.train=omniglot:train",
    "data.validation=omniglot:validation",
    "data.calibration=",
    f"training.steps={STEPS}",
    f"training.validate_every={STEPS}",
    f"training.checkpoint_every={STEPS}",
    "training.threads=1",
    "training.composites=0.0",
    "export.views=1",
)
RANDOM = ("sampling.name=random", "sampling.size=128")
PK = ("sampling.name=pk", "sampling.classes=32", "sampling.each=4")
HARD = ("sampling.name=hard_groups", "sampling.classes=32", "sampling.each=4", "sampling.together=2")
SAMPLINGS = {"random": RANDOM, "pk": PK, "hard_groups": HARD}
EUCLIDEAN = ("similarity.name=euclidean", "similarity.normalise=true")
IN_BATCH, PROXIES = "comparison.name=in_batch", "comparison.name=proxies"
LOSSES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "normalised_softmax to proxies, margin 0.2": ((PROXIES, "loss.name=normalised_softmax", "loss.margin=0.2"), ()),
    "normalised_softmax to proxies, margin 0": (
        (PROXIES, "loss.name=normalised_softmax", "loss.margin=0.0"),
        ("random",),
    ),
    "arcface to proxies, margin 0.3": ((PROXIES, "loss.name=arcface", "loss.margin=0.3"), ()),
    "supcon in the batch": ((IN_BATCH, "loss.name=supcon"), ("pk", "hard_groups")),
    "multi_similarity in the batch": ((IN_BATCH, "loss.name=multi_similarity"), ("pk", "hard_groups")),
    "triplet, all": ((IN_BATCH, "loss.name=triplet", "loss.mining=all"), ("pk", "hard_groups")),
    "triplet, semi-hard": ((IN_BATCH, "loss.name=triplet", "loss.mining=semi-hard"), ("pk", "hard_groups")),
    "triplet, batch-hard": ((IN_BATCH, "loss.name=triplet", "loss.mining=batch-hard"), ("pk", "hard_groups")),
    "contrastive on drawn pairs": (
        (*EUCLIDEAN, "comparison.name=sampled_pairs", "loss.name=contrastive"),
        ("pk", "hard_groups"),
    ),
    "normalised_softmax to proxies and supcon in the batch": (
        (
            PROXIES,
            "loss.name=normalised_softmax",
            "loss.margin=0.2",
            "also_comparison.name=in_batch",
            "also_loss.name=supcon",
            "training.also=0.5",
        ),
        ("pk", "hard_groups"),
    ),
}
"""Name -> settings, and the samplings it is tried with (none named: all). In-batch losses need classes that repeat."""


def rows() -> list[tuple[str, str]]:
    """Every loss with every sampling it is tried with."""
    return [(loss, sampling) for loss, (_, some) in LOSSES.items() for sampling in (some or SAMPLINGS)]


def learn(loss: str, sampling: str, seed: int) -> dict[str, Any]:
    """One training, or what is kept of it; a collapse is a result, too."""
    import firstsight
    from firstsight.errors import TrainingError

    name = f"{loss} {sampling} {seed}".replace(",", "").replace(" ", "-")
    file = PLACE / f"{name}.json"
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text())
        return found
    changes = (*COMMON, f"training.seed={seed}", *LOSSES[loss][0], *SAMPLINGS[sampling])
    try:
        trained = firstsight.train("glyphs", *changes, out=PLACE / name, overwrite=True).spec.trained
        accuracy = next(iter(trained.validation.values()))
        found = {"accuracy": round(accuracy, 4), "core seconds": trained.core_seconds}
    except TrainingError as error:
        found = {"accuracy": None, "why": str(error)}
    file.write_text(json.dumps(found))
    print(f"{loss}; {sampling}; seed {seed}: {found}", flush=True)
    return found


def table(result: dict[str, Any]) -> str:
    """The table of docs/losses.md."""
    shown = {key: _shown(row) for key, row in result["rows"].items()}
    lines = ["| loss | " + " | ".join(f"`{s}`" for s in SAMPLINGS) + " |", "|---|" + "---|" * len(SAMPLINGS)]
    lines += [
        f"| {loss} | " + " | ".join(shown.get(f"{loss}; {sampling}", "") for sampling in SAMPLINGS) + " |"
        for loss in LOSSES
    ]
    return "\n".join(lines)


def _shown(row: dict[str, Any]) -> str:
    values = [v for v in row["accuracy of seeds"] if v is not None]
    if len(values) < len(row["accuracy of seeds"]):
        return f"collapsed in {len(row['accuracy of seeds']) - len(values)} of {len(row['accuracy of seeds'])}"
    return f"{100 * mean(values):.1f} % ({', '.join(f'{100 * v:.1f}' for v in values)})"


def write_table() -> None:
    """Bring docs/losses.md up to date."""
    made = table(json.loads((ROOT / "results" / "losses.json").read_text())["result"])
    before, rest = PAGE.read_text().split("<!-- losses -->\n")
    after = rest.split("<!-- /losses -->")[1]
    PAGE.write_text(f"{before}<!-- losses -->\n{made}\n<!-- /losses -->{after}")


def main() -> None:
    """Learn what is missing, two at a time, and write the result after every seed."""
    from make import record

    PLACE.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    found: dict[str, Any] = {}
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for number, seed in enumerate(SEEDS):
            done = list(pool.map(learn, *zip(*((*row, seed) for row in rows()), strict=True)))
            for (loss, sampling), one in zip(rows(), done, strict=True):
                row = found.setdefault(f"{loss}; {sampling}", {"accuracy of seeds": [], "core seconds": []})
                row["accuracy of seeds"].append(one["accuracy"])
                row["core seconds"].append(one.get("core seconds"))
            result = {
                "steps": STEPS,
                "images a step": 128,
                "seeds": SEEDS[: number + 1],
                "measured": "20-way 1-shot within the five validation alphabets, 5,000 trials",
                "changes of the recipe glyphs": COMMON,
                "rows": found,
            }
            record("losses", "python results/losses.py", 0, result)
    write_table()


if __name__ == "__main__":
    write_table() if "--table" in sys.argv else main()
