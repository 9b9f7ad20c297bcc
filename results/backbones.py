"""A pretrained network beside learning from nothing, on validation classes: into ``results/backbones.json``.

python results/backbones.py            faces and icons (needs ORL, the extra [backbones], 15 minutes on one core)
python results/backbones.py faces      one of them
python results/backbones.py --table    the table in docs/backbones.md only

The pretrained network is EfficientNet-Lite0, which learned ImageNet's photographs: frozen with layers on it, from its
ONNX file too, and learned further. No test class is looked at: faces are those of the first 20 people of ORL, of which
12 are learned from and 8 judged on; icons are judged on ``icons:validation``.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).parents[1]
SEEDS = (0, 1, 2)
LITE = ("encoder.name=efficientnet_lite0",)
SCALE = ("encoder.mean=[0.498]", "encoder.std=[0.502]")
TUNED = ("encoder.frozen=false", "input.size=96", "optimiser.lr=3e-4", "training.precision=auto")
RANDOM = ("encoder.hidden=256", "loss.margin=0.2")
ROWS: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "faces": {
        "from nothing, recipe folder": ("folder", ()),
        "frozen, whitened": ("backbone", (*LITE, "training.steps=1")),
        "frozen, whitened, then learned": ("backbone", LITE),
        "frozen, two layers begun at random": ("backbone", (*LITE, *RANDOM)),
        "frozen, from its ONNX file": ("backbone", ("encoder.file={onnx}", *SCALE)),
        "learned further, 96 pixels": ("backbone", (*LITE, *TUNED, "training.steps=40")),
    },
    "icons": {
        "from nothing, recipe icons": ("icons", ("training.steps=800", "export.views=1")),
        "frozen, whitened": ("backbone", (*LITE, "training.steps=1")),
        "frozen, whitened, then learned": ("backbone", LITE),
        "frozen, two layers begun at random": ("backbone", (*LITE, *RANDOM)),
        "frozen, whitened, then learned, white on black": ("backbone", (*LITE, "input.invert=true")),
    },
}
"""Set -> name of a row -> recipe and changes."""
SEVERAL = {"frozen, whitened, then learned"}
"""Rows of three seeds; the others take minutes each, or differ by their start alone."""


def people(place: Path) -> tuple[str, str]:
    """Faces of 12 people to learn from, and of 8 to judge on."""
    from firstsight.datasets.archives import find_archive

    archive = find_archive("orl_faces.zip", how="set FIRSTSIGHT_DATA to the folder that holds it")
    with zipfile.ZipFile(archive) as z:
        for member in z.namelist():
            if member.endswith(".pgm") and (number := int(member.split("/")[1][1:])) <= 20:
                part = place / ("learn" if number <= 12 else "judge") / member.split("/")[1]
                part.mkdir(parents=True, exist_ok=True)
                (part / member.split("/")[2]).write_bytes(z.read(member))
    return f"folder:{place}/learn", f"folder:{place}/judge"


def onnx_file(place: Path) -> Path:
    """EfficientNet-Lite0 as anybody would bring it: a file of images to features."""
    import torch

    from firstsight.learn.backbones.efficientnet import pretrained
    from firstsight.learn.export.program import program

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = pretrained()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.network(images).mean((2, 3))

    file = place / "lite0.onnx"
    file.write_bytes(program(Pooled().eval(), torch.zeros(2, 3, 224, 224), "x", "y").SerializeToString())
    return file


def learned(recipe: str, changes: tuple[str, ...], train: str, judge: str, seed: int, out: Path) -> dict[str, Any]:
    """One training, judged at its end on the other classes."""
    import firstsight

    told: list[str] = []
    began = time.perf_counter()
    model = firstsight.train(
        recipe,
        *changes,
        f"data.train={train}",
        f"data.validation={judge}",
        "data.calibration=",
        f"training.seed={seed}",
        "training.threads=1",
        out=out,
        overwrite=True,
        listen=lambda event: told.append(event.message) if event.kind == "note" else None,
    )
    seconds = time.perf_counter() - began
    ways = min(20, len(firstsight.open_data(judge).classes))
    report = firstsight.evaluate(model, "nway", judge, ways=ways, tasks=500)
    return {
        "accuracy": round(report.metrics["accuracy"].value, 4),
        "ways": ways,
        "steps": model.spec.trained.steps,
        "seconds": round(seconds, 1),
        "features": [line.rsplit(": ", 1)[1] for line in told if line.startswith("features of")],
        "MiB": round((model.path / "encoder.onnx").stat().st_size / (1 << 20), 1),
    }


def table(found: dict[str, Any]) -> str:
    """The table of docs/backbones.md."""
    lines = ["| | N-way 1-shot | seconds, features included | seconds, features kept | MiB |", "|---|---|---|---|---|"]
    for name, one in found.items():
        for row, runs in one["rows"].items():
            values = [run["accuracy"] for run in runs]
            seeds = f" ({', '.join(f'{100 * v:.1f}' for v in values)})" if len(values) > 1 else ""
            known = [all("from before" in line for line in run["features"]) for run in runs]
            kept = [run["seconds"] for run, before in zip(runs, known, strict=True) if run["features"] and before]
            whole = [r["seconds"] for r, before in zip(runs, known, strict=True) if not (r["features"] and before)]
            accuracy = f"{100 * sum(values) / len(values):.1f} %{seeds}"
            again = f"{sum(kept) / len(kept):.0f}" if kept else ""
            cells = (
                f"{name}, {runs[0]['ways']}-way: {row}",
                accuracy,
                f"{whole[0]:.0f}" if whole else "",
                again,
                runs[0]["MiB"],
            )
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def write_table() -> None:
    """Bring docs/backbones.md up to date."""
    page = ROOT / "docs" / "backbones.md"
    made = table(json.loads((ROOT / "results" / "backbones.json").read_text())["result"])
    before, rest = page.read_text().split("<!-- backbones -->\n")
    page.write_text(f"{before}<!-- backbones -->\n{made}\n<!-- /backbones -->{rest.split('<!-- /backbones -->')[1]}")


def main(asked: list[str]) -> None:
    """Learn all rows of what was asked for, and keep those of other sets."""
    from make import record

    os.environ["OMP_NUM_THREADS"] = "1"
    file = ROOT / "results" / "backbones.json"
    found: dict[str, Any] = json.loads(file.read_text())["result"] if file.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ["FIRSTSIGHT_CACHE"] = str(place / "cache")  # so that features are timed
        onnx = onnx_file(place)
        for name in asked:
            train, judge = people(place) if name == "faces" else ("icons:train", "icons:validation")
            rows: dict[str, Any] = {}
            found[name] = {"learned from": train.replace(str(place), "."), "rows": rows}
            for row, (recipe, changes) in ROWS[name].items():
                given = tuple(change.format(onnx=onnx) for change in changes)
                seeds = SEEDS if row in SEVERAL else SEEDS[:1]
                rows[row] = [learned(recipe, given, train, judge, seed, place / "model") for seed in seeds]
                print(name, row, rows[row], flush=True)
                record("backbones", "python results/backbones.py", 0, found)
    write_table()


if __name__ == "__main__":
    write_table() if "--table" in sys.argv else main(sys.argv[1:] or list(ROWS))
