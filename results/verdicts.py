"""Thirty models, good and bad: does the verdict of training hold at a door measured apart? ``results/verdicts.json``

python results/verdicts.py            half an hour; needs the data of FIRSTSIGHT_DATA
python results/verdicts.py --trial    two models; prints, writes nothing

Five sets of images (drawn signs, characters, two of faces, signatures), of each six models: trained longer, shortly,
hardly, on shuffled labels, on few classes, on a wrong input. A third of the classes is kept from all of that; on them
the truth is measured by protocol ``openset`` with other draws: FNIR at the FPIR and size of gallery that the verdict
names. Usable must be below 15 %, useless above 50 %, and weak between.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

SEED = 0
CLASSES, EACH = 60, 12  # of a set, at most
VARIANTS: dict[str, tuple[str, ...]] = {
    "longer": ("training.steps=400",),
    "short": ("training.steps=60",),
    "hardly": ("training.steps=5",),
    "shuffled labels": ("training.steps=100",),
    "few classes": ("training.steps=100",),
    "wrong input": ("training.steps=100", "input.size=16"),
}
FEW = 7


def signs(to: Path) -> None:
    """Drawn signs: five strokes, a little moved in each picture."""
    from against import pictures

    pictures(to, CLASSES, EACH)


def packed(archive: str, place: Callable[[str], tuple[str, str] | None]) -> Callable[[Path], None]:
    """Images of an archive, by the class and the name that ``place`` gives its entries."""

    def unpack(to: Path) -> None:
        path = next(Path(os.environ["FIRSTSIGHT_DATA"]).rglob(archive))
        with zipfile.ZipFile(path) as held:
            found: dict[str, list[tuple[str, str]]] = {}
            for entry in held.namelist():
                if (at := place(entry)) is not None:
                    found.setdefault(at[0], []).append((at[1], entry))
            chosen = random.Random(SEED).sample(sorted(found), min(CLASSES, len(found)))
            for label in chosen:
                (to / label).mkdir(parents=True)
                for name, entry in sorted(found[label])[:EACH]:
                    (to / label / name).write_bytes(held.read(entry))

    return unpack


def characters(entry: str) -> tuple[str, str] | None:
    """Omniglot's."""
    parts = entry.split("/")
    return (f"{parts[1]}-{parts[2]}", parts[3]) if entry.endswith(".png") else None


def orl(entry: str) -> tuple[str, str] | None:
    """The ORL database of faces."""
    parts = entry.split("/")
    return (parts[-2], parts[-1]) if entry.endswith(".pgm") else None


def lfw(entry: str) -> tuple[str, str] | None:
    """Labeled Faces in the Wild, uncropped."""
    parts = entry.split("/")
    return (parts[-2], parts[-1]) if entry.endswith(".jpg") else None


def genuine(entry: str) -> tuple[str, str] | None:
    """Genuine signatures."""
    parts = entry.split("/")
    return (parts[-2], parts[-1]) if parts[-1].startswith("g_") else None


SETS: dict[str, Callable[[Path], None]] = {
    "drawn signs": signs,
    "characters": packed("images_evaluation.zip", characters),
    "faces, cropped": packed("orl_faces.zip", orl),
    "faces, uncropped": packed("lfw_uncropped.zip", lfw),
    "signatures": packed("bhsig260_hindi.zip", genuine),
}


def shared_out(data: Path, to: Path, variant: str) -> None:
    """Two thirds of the classes to learn from and be judged by, a third for the door."""
    names = sorted(one.name for one in data.iterdir())
    random.Random(SEED + 1).shuffle(names)
    cut = len(names) // 3
    door, rest = names[:cut], names[cut:]
    for name in door:
        shutil.copytree(data / name, to / "door" / name)
    for name in rest[:FEW] if variant == "few classes" else rest:
        shutil.copytree(data / name, to / "own" / name)
    if variant == "shuffled labels":
        files = sorted((to / "own").rglob("*.*"))
        places = [file.parent for file in files]
        random.Random(SEED + 2).shuffle(places)
        for number, (file, place) in enumerate(zip(files, places, strict=True)):
            file.rename(place / f"moved{number}{file.suffix}")


def truth(level: str, fnir: float) -> bool:
    """Whether the word was right."""
    return {"usable": fnir < 0.15, "useless": fnir > 0.5, "weak": 0.15 <= fnir <= 0.5}.get(level, False)


def models(names: list[str], variants: list[str]) -> Iterator[dict[str, Any]]:
    """Each model: its verdict, and what the door says."""
    import firstsight

    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "all"
            SETS[name](data)
            for variant in variants:
                place = Path(folder) / variant
                shared_out(data, place, variant)
                changes = (*VARIANTS[variant], f"training.seed={SEED}")
                with open(os.devnull, "w") as quiet:  # noqa: PTH123
                    sys.stderr, kept = quiet, sys.stderr
                    try:
                        model = firstsight.train(
                            "folder", *changes, data=f"folder:{place}/own", out=place / "model", listen=lambda _: None
                        )
                    finally:
                        sys.stderr = kept
                found = model.verdict
                ways = found.identities
                report = firstsight.evaluate(
                    model, "openset", f"folder:{place}/door", ways=max(2, ways), tasks=50, seed=SEED + 7
                )
                curve = report.details["openset"]
                fnir = min(b for a, b in zip(curve["fpir"], curve["fnir"], strict=True) if a <= found.fpir + 1e-9)
                row = {
                    "data": name,
                    "model": variant,
                    "verdict": found.level,
                    "fnir": round(found.fnir.value, 4),
                    "interval": [round(found.fnir.low, 4), round(found.fnir.high, 4)],
                    "identities": ways,
                    "fpir": found.fpir,
                    "fnir at the door": round(fnir, 4),
                    "right": truth(found.level, fnir),
                    "reason": found.reason,
                }
                print(json.dumps(row), flush=True)
                yield row


@contextmanager
def asked(about: str | None) -> Iterator[bool]:
    """Whether only a trial is asked for; meanwhile with a cache of its own."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trial", action="store_true")
    trial = parser.parse_args().trial
    with tempfile.TemporaryDirectory() as cache:
        os.environ["FIRSTSIGHT_CACHE"] = cache
        yield trial


def main() -> None:
    """See above."""
    with asked(__doc__) as trial:
        if trial:
            list(models(["drawn signs"], ["short", "hardly"]))
            return
        rows = list(models(list(SETS), list(VARIANTS)))
    from make import record

    right = sum(row["right"] for row in rows)
    record("verdicts", "python results/verdicts.py", SEED, {"right": right, "models": len(rows), "rows": rows})


if __name__ == "__main__":
    main()
