"""Training further with classes added: what is won and what is forgotten. ``results/growing.json``, docs/growing.md.

python results/growing.py            what is missing (needs Omniglot; five minutes on one core from nothing)
python results/growing.py --table    the table of docs/growing.md only

A model learns 15 of Omniglot's 25 training alphabets, by 15 of their 20 drawers, and is then trained further on the ten
others: on these alone, with two images of every old class, with all of them, or only on the old ones again. Beside it
stands a model that learns all 25 at once. Three questions, all about images that none learned from: old characters by
the five other drawers, new characters by theirs, and the five validation alphabets. Parts are kept in build/growing.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from statistics import mean
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from little_data import shown, write_tables

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "build" / "growing"
SEEDS = (0,)
DATA, UNSEEN = "omniglot:train", "omniglot:validation"
OLD, LEARNED = 15, 15
"""Old alphabets; drawers, by their number, that are learned from."""
STEPS, FURTHER = 500, 250
COMMON = (
    "encoder.width=24",
    "encoder.dim=128",
    "data.calibration=",
    "training.threads=1",
    "training.composites=0.0",
    "export.views=1",
)
WAYS = {
    "new classes alone": ("data.train=NEW",),
    "and 2 images of every old class": ("data.train=NEW", "data.old=OLD", "data.old_each=2"),
    "and all images of the old classes": ("data.train=NEW", "data.old=OLD"),
    "the old classes again, nothing new": ("data.train=OLD",),
}
"""The last tells what the further steps do by themselves."""
QUESTIONS = {"old": "old characters", "new": "new characters", "unseen": "unseen alphabets"}


def write_images() -> None:
    """The alphabets as a user would have them: image files and two manifests, whose split says who learns from what."""
    from firstsight.datasets import open_data
    from firstsight.datasets.portion import portion

    data = open_data(DATA)
    old = set(portion(data, groups=OLD).groups[0])
    rows: dict[str, list[list[str]]] = {"old": [], "new": []}
    for number, example in enumerate(data.examples):
        file = PLACE / "images" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(example.load())  # type: ignore[arg-type]
        drawer = int(example.origin.rsplit(" ", 1)[1])
        split = "learned" if drawer <= LEARNED else "held"
        row = [f"images/{file.name}", example.label, example.group, example.origin, split]
        rows["old" if example.group in old else "new"].append(row)
    for name, some in {**rows, "both": rows["old"] + rows["new"]}.items():
        with (PLACE / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["path", "label", "group", "origin", "split"], *some])


def address(name: str, split: str) -> str:
    """Of a part of one manifest."""
    return f"manifest:{PLACE / name}.csv:{split}"


def accuracy(model: Any) -> dict[str, float]:
    """One-shot accuracy on each question: 20-way within alphabets, 5,000 trials."""
    from firstsight.datasets import open_data
    from firstsight.evaluation.embedded import embedded
    from firstsight.evaluation.oneshot import query_credits
    from firstsight.learn.data import tasks_of

    found = {}
    asked = {"old": address("old", "held"), "new": address("new", "held"), "unseen": UNSEEN}
    for which, where in asked.items():
        data = open_data(where)
        episodes = tasks_of(data, 250)
        assert episodes is not None
        found[which] = round(float(query_credits(model, embedded(model, data)[1], episodes).mean()), 4)
    return found


def learn(name: str, seed: int, *changes: str, **given: Any) -> Path:
    """A model that is trained and asked, or what is kept of it; returns where."""
    import firstsight

    place = PLACE / f"{name} {seed}".replace(" ", "-")
    file = place.with_suffix(".json")
    if not file.exists():
        model = firstsight.train(*changes, f"training.seed={seed}", out=place, overwrite=True, **given)
        trained = model.spec.trained
        found = {**accuracy(model), "core seconds": trained.core_seconds, "images": trained.examples}
        found["told"] = {which: row.model_dump() for which, row in trained.growth.items()}
        for row in found["told"].values():
            row["data"] = row["data"].replace(str(ROOT), ".")
        file.write_text(json.dumps(found))
        print(f"{name}; seed {seed}: {found}", flush=True)
    return place


def measure(seeds: tuple[int, ...] = SEEDS, steps: int = STEPS, further: int = FURTHER) -> dict[str, Any]:
    """All models of all seeds, by name."""

    def lengths(number: int) -> tuple[str, ...]:
        return tuple(f"training.{key}={number}" for key in ("steps", "validate_every", "checkpoint_every"))

    found: dict[str, list[Path]] = {}
    watched = (f"data.validation={UNSEEN}", f"data.old_validation={address('old', 'held')}")
    for seed in seeds:
        old = (f"data.train={address('old', 'learned')}", watched[0])
        start = learn("before", seed, "glyphs", *COMMON, *old, *lengths(steps))
        found.setdefault("before", []).append(start)
        for name, ways in WAYS.items():
            named = [
                way.replace("OLD", address("old", "learned")).replace("NEW", address("new", "learned")) for way in ways
            ]
            given = (*watched, *named, *lengths(further), "optimiser.warmup=50")
            found.setdefault(name, []).append(learn(name, seed, None, *given, from_=start))
        both = (f"data.train={address('both', 'learned')}", watched[0])
        at_once = learn("all 25 alphabets at once", seed, "glyphs", *COMMON, *both, *lengths(steps + further))
        found.setdefault("all 25 alphabets at once", []).append(at_once)
    read = {name: [json.loads(p.with_suffix(".json").read_text()) for p in some] for name, some in found.items()}
    rows = {name: {key: [one[key] for one in some] for key in some[0]} for name, some in read.items()}
    return {
        "steps": steps,
        "steps further": further,
        "seeds": seeds,
        "measured": "20-way 1-shot within alphabets, 5,000 trials a question",
        "changes of the recipe glyphs": COMMON,
        "rows": rows,
    }


def table() -> str:
    """The table of docs/growing.md, out of the file of figures."""
    result = json.loads((ROOT / "results" / "growing.json").read_text())["result"]
    lines = [f"| trained further on | {' | '.join(QUESTIONS.values())} | core-seconds |", "|---|---|---|---|---|"]
    for name, row in result["rows"].items():
        cells = [shown({"accuracy of seeds": row[which]}) for which in QUESTIONS]
        said = {"before": "nothing: the model begun with"}.get(name, name)
        lines.append(f"| {said} | {' | '.join(cells)} | {mean(row['core seconds']):.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Learn what is missing, write the figures and the table."""
    if sys.argv[1:] != ["--table"]:
        from make import record

        if not (PLACE / "both.csv").exists():
            write_images()
        record("growing", "OMP_NUM_THREADS=1 python results/growing.py", 0, measure())
    write_tables({"growing": table()})


if __name__ == "__main__":
    main()
