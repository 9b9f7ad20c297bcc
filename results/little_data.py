"""How much data is enough, and what a long tail costs: ``results/little-data.json`` and the tables of docs/growing.md.

python results/little_data.py            what is missing (needs Omniglot; twenty minutes on one core from nothing)
python results/little_data.py --table    the tables of docs/growing.md only

Every row learns with the recipe ``glyphs``, a smaller encoder and the same number of images, from a part of Omniglot's
30 background alphabets; all are judged on ``omniglot:calibration``, ten alphabets that none learns from and no test
uses. Parts of it are kept in build/little-data.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import mean
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).parents[1]
PLACE, PAGE = ROOT / "build" / "little-data", ROOT / "docs" / "growing.md"
ALPHABETS, DRAWERS = (5, 10, 20, 30), (2, 5, 20)
SEEDS = (0,)
REPEATED = ((5, 2), (10, 5), (30, 20))
"""Cells that all seeds learn; the others only the first."""
STEPS = 400
COMMON = (
    "encoder.width=24",
    "encoder.dim=128",
    "data.train=omniglot:background",
    "data.validation=omniglot:calibration",
    "data.calibration=",
    "training.threads=1",
    "training.composites=0.0",
    "export.views=1",
)
PROXIES = ("sampling.size=128",)
SUPCON = ("comparison.name=in_batch", "loss.name=supcon", "sampling.name=pk", "sampling.classes=64", "sampling.each=2")
"""What docs/losses.md recommends for short trainings; proxies of many classes would not be done in so few steps."""
TAIL: dict[str, tuple[str, ...]] = {
    "long tail, `random`: every image alike often": ("data.tail=1.0", "sampling.name=random", *PROXIES),
    "long tail, `balanced`: every class alike often": ("data.tail=1.0", "sampling.name=balanced", *PROXIES),
    "long tail, `pk` with `supcon`": ("data.tail=1.0", *SUPCON),
    "5 images of every class, `random`": ("data.each=5", "sampling.name=random", *PROXIES),
}


def cell(alphabets: int, drawers: int) -> tuple[str, ...]:
    """The settings of one cell of the learning curve."""
    return (f"data.groups={alphabets}", f"data.origins={drawers}", *SUPCON)


def learn(name: str, seed: int, settings: tuple[str, ...], steps: int) -> dict[str, Any]:
    """One training, or what is kept of it. The seed draws the data, too."""
    import firstsight

    file = PLACE / f"{name} seed {seed}.json".replace(" ", "-")
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text())
        return found
    lengths = (f"training.steps={steps}", f"training.validate_every={steps}", f"training.checkpoint_every={steps}")
    changes = (*COMMON, *lengths, f"training.seed={seed}", f"data.seed={seed}", *settings)
    trained = firstsight.train("glyphs", *changes, out=file.with_suffix(""), overwrite=True).spec.trained
    accuracy = next(iter(trained.validation.values()))
    found = {
        "accuracy": round(accuracy, 4),
        "images": trained.examples,
        "classes": len(trained.classes),
        "core seconds": trained.core_seconds,
    }
    file.write_text(json.dumps(found))
    print(f"{name}; seed {seed}: {found}", flush=True)
    return found


def together(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The same row of several seeds."""
    row = {f"{key} of seeds": [one[key] for one in found] for key in ("accuracy", "images", "core seconds")}
    return {"classes": found[0]["classes"], **row}


def measure(seeds: tuple[int, ...] = SEEDS, steps: int = STEPS) -> dict[str, Any]:
    """All rows, seed after seed."""
    cells = [(alphabets, drawers) for alphabets in ALPHABETS for drawers in DRAWERS]
    found: dict[str, dict[str, list[dict[str, Any]]]] = {"curve": {}, "tail": {}}

    def add(part: str, name: str, *given: Any) -> None:
        found[part].setdefault(name, []).append(learn(*given))

    for seed in seeds:
        for some in cells if seed == seeds[0] else REPEATED:
            add(
                "curve", "{} alphabets, {} drawers".format(*some), "curve {} {}".format(*some), seed, cell(*some), steps
            )
        for number, (name, settings) in enumerate(TAIL.items()):
            add("tail", name, f"tail {number}", seed, settings, steps)
    rows = {part: {name: together(some) for name, some in parts.items()} for part, parts in found.items()}
    return {
        "steps": steps,
        "images a step": 128,
        "seeds": seeds,
        "measured": "20-way 1-shot within the ten alphabets of omniglot:calibration, 5,000 trials",
        "changes of the recipe glyphs": COMMON,
        **rows,
    }


def shown(row: dict[str, Any]) -> str:
    """A row's accuracy, with that of each seed where there are several."""
    values = row["accuracy of seeds"]
    each = f" ({', '.join(f'{100 * v:.1f}' for v in values)})" if len(values) > 1 else ""
    return f"{100 * mean(values):.1f} %{each}"


def curve_table(result: dict[str, Any]) -> str:
    """The learning curve of docs/growing.md."""
    head = " | ".join(f"{drawers} drawers" for drawers in DRAWERS)
    lines = [f"| learned from | classes | {head} |", "|---|---|" + "---|" * len(DRAWERS)]
    for alphabets in ALPHABETS:
        rows = [result["curve"][f"{alphabets} alphabets, {drawers} drawers"] for drawers in DRAWERS]
        cells = " | ".join(shown(row) for row in rows)
        lines.append(f"| {alphabets} alphabets | {rows[0]['classes']} | {cells} |")
    return "\n".join(lines)


def tail_table(result: dict[str, Any]) -> str:
    """The long tail of docs/growing.md."""
    lines = ["| learned from, sampled by | images | accuracy |", "|---|---|---|"]
    for name, row in result["tail"].items():
        lines.append(f"| {name} | {mean(row['images of seeds']):,.0f} | {shown(row)} |")
    return "\n".join(lines)


def tables() -> dict[str, str]:
    """What stands between which marks of docs/growing.md, out of the file of figures."""
    result = json.loads((ROOT / "results" / "little-data.json").read_text())["result"]
    return {"curve": curve_table(result), "tail": tail_table(result)}


def write_tables(made: dict[str, str]) -> None:
    """Bring docs/growing.md up to date."""
    text = PAGE.read_text()
    for mark, table in made.items():
        before, rest = text.split(f"<!-- {mark} -->\n")
        after = rest.split(f"<!-- /{mark} -->")[1]
        text = f"{before}<!-- {mark} -->\n{table}\n<!-- /{mark} -->{after}"
    PAGE.write_text(text)


def main() -> None:
    """Learn what is missing, write the figures and the tables."""
    if sys.argv[1:] != ["--table"]:
        from make import record

        PLACE.mkdir(parents=True, exist_ok=True)
        record("little-data", "OMP_NUM_THREADS=1 python results/little_data.py", 0, measure())
    write_tables(tables())


if __name__ == "__main__":
    main()
