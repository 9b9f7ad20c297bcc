"""What the files of a release were made from: drawn signs, commands, recipes; and how what is now is held against them.

Nothing here may change what it draws, asks or learns, or the fixtures of a release tell nothing any more. It imports of
FirstSight only what is public.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import random
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

import firstsight
from firstsight.types import PixelArray

FIXTURES = Path(__file__).parent / "fixtures"
RELEASED = FIXTURES / "0.1.0"
SIGNS = 1000
STEPS = 50
PROJECTIONS = 8


def strokes(pen: ImageDraw.ImageDraw, name: str, number: int, side: int, ink: int) -> None:
    """The strokes of a sign on a canvas; each number is another drawing of it."""
    shape, hand = random.Random(f"sign {name}"), random.Random(f"drawing {name} {number}")
    for _ in range(shape.randint(2, 4)):
        points = [(shape.uniform(0.15, 0.85), shape.uniform(0.15, 0.85)) for _ in range(shape.randint(2, 4))]
        moved = [((x + hand.uniform(-0.03, 0.03)) * side, (y + hand.uniform(-0.03, 0.03)) * side) for x, y in points]
        pen.line(moved, fill=ink, width=max(2, side // 25), joint="curve")


def drawn(name: str, number: int, side: int = 48) -> Image.Image:
    """A drawing of a sign, grey, dark on light."""
    image = Image.new("L", (side, side), 255)
    strokes(ImageDraw.Draw(image), name, number, side, 0)
    return image


def source(number: int) -> bytes | PixelArray:
    """One of the thousand signs: of another size, ink and paper, as an array or in a file of one of eight kinds."""
    r = random.Random(f"source {number}")
    side, ink, paper = r.randint(40, 160), r.randint(0, 110), r.randint(190, 255)
    if number % 3 == 0:
        ink, paper = paper, ink
    image = Image.new("L", (side, side + r.randint(-15, 15)), paper)
    strokes(ImageDraw.Draw(image), str(number % 200), number, min(image.size), ink)
    kind = number % 10
    if kind == 0:
        return np.asarray(image)
    if kind == 1:
        tint = np.array([r.uniform(0.6, 1.0) for _ in range(3)])
        return (np.asarray(image)[:, :, None] * tint).astype(np.uint8)
    if kind == 2:
        return _file(image, "PNG")
    if kind == 3:
        return _file(image.convert("RGB").quantize(16), "PNG")
    if kind == 4:
        return _file(image.point([255 * (level > 150) for level in range(256)]).convert("1"), "PNG")
    if kind == 5:  # dark ink on a ground that is not there
        shown = Image.new("L", image.size, 20)
        seen = image.point([255 * (level < 150) for level in range(256)] if ink < paper else [255] * 256)
        return _file(Image.merge("LA", (shown if ink < paper else image, seen)), "PNG")
    if kind == 6:
        return _file(image.convert("RGB"), "BMP")
    if kind == 7:
        return _file(image, "GIF")
    if kind == 8:
        return _file(image, "TIFF")
    return _file(image.convert("RGB"), "PPM")


def _file(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def short(content: bytes) -> str:
    """A hash of 8 letters."""
    return hashlib.sha256(content).hexdigest()[:8]


def content_of(one: bytes | PixelArray) -> bytes:
    """The bytes of a sign, to tell a changed drawing from a changed reading."""
    return one if isinstance(one, bytes) else repr(one.shape).encode() + one.tobytes()


def projected(embeddings: Any) -> Any:
    """Embeddings ``(n, d)`` on a few fixed directions ``(n, PROJECTIONS)`` of length 1."""
    draw = np.random.default_rng(0)
    directions = draw.normal(size=(embeddings.shape[1], PROJECTIONS))
    return embeddings.astype(np.float64) @ (directions / np.linalg.norm(directions, axis=0))


def world(folder: Path, groups: int = 6, signs: int = 4, hands: int = 6) -> Path:
    """Drawn signs in files, with a manifest that tells of alphabets and drawers; returns the manifest."""
    rows = ["path,label,group,origin"]
    for g in range(groups):
        for s in range(signs):
            (folder / f"{g}-{s}").mkdir(parents=True)
            for h in range(hands):
                drawn(f"world {g} {s}", h).save(folder / f"{g}-{s}" / f"{h}.png")
                rows.append(f"{g}-{s}/{h}.png,sign {g}-{s},alphabet {g},drawer {h}")
    manifest = folder / "signs.csv"
    manifest.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return manifest


SMALL = ("encoder.width=8", "encoder.dim=16", "training.precision=float32", "training.threads=1")
RECIPES: dict[str, tuple[str, ...]] = {
    "backbone": (
        "encoder.dim=16", "training.precision=float32", "training.threads=1", "input.size=32", "sampling.classes=8",
        "encoder.file=network.onnx", "encoder.mean=[0.5]", "encoder.std=[0.25]",
    ),
    "facenet": (*SMALL, "sampling.classes=8"),
    "folder": (*SMALL, "input.size=32", "sampling.classes=8"),
    "glyphs": (*SMALL, "sampling.size=32"),
    "glyphs-quick": (*SMALL, "sampling.size=32"),
    "icons": (*SMALL, "sampling.size=32"),
    "koch": (
        "encoder.width=48", "encoder.dim=32", "training.precision=float32", "training.threads=1", "input.size=65",
        "sampling.size=8", "sampling.count=400",
    ),
    "rocks": (*SMALL, "input.size=32", "sampling.size=32"),
    "same-alphabet": (*SMALL, "sampling.size=32"),
    "same-alphabet-twin": (
        "encoder.dim=8", "training.precision=float32", "training.threads=1", "input.size=48", "sampling.size=16",
        "sampling.count=800",
    ),
    "simclr": (*SMALL, "sampling.size=32"),
    "simsiam": (*SMALL, "sampling.size=32", "comparison.hidden=32"),
}  # fmt: skip
"""Changes that make every shipped recipe cheap and leave its parts as they are: the world instead of the recipe's data,
narrow networks, small batches, one thread, float32 arithmetic (half-width arithmetic is not on every processor)."""


class Enough(Exception):  # noqa: N818  not an error
    """So many losses were asked for."""


def losses(recipe: str, data: Path, out: Path) -> list[float]:
    """The first losses of a recipe on the drawn world."""
    seen: list[float] = []

    def listen(event: Any) -> None:
        if event.kind == "step":
            seen.append(event.values["loss"])
            if len(seen) == STEPS:
                raise Enough

    try:
        firstsight.train(recipe, *RECIPES[recipe], data=f"manifest:{data}", out=out / recipe, listen=listen)
    except Enough:
        return seen
    raise AssertionError(f"{recipe} ended after {len(seen)} losses")


PLAIN = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "1"}
"""Has torch and its libraries calculate alike on all processors of the last ten years. Else sums are taken in another
order on another processor, and fifty steps make of a difference in the last bit one of up to 16 % (seen with AVX-512
against AVX2, 6e-6 to 4e-4 of it after ten steps)."""


def all_losses(data: Path, out: Path) -> dict[str, list[float]]:
    """The first losses of every recipe, by :data:`PLAIN` arithmetic in a process of its own."""
    words = [sys.executable, "-W", "ignore", __file__, str(data), str(out)]
    done = subprocess.run(words, env={**os.environ, **PLAIN}, cwd=data.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def learn_all(data: Path, out: Path) -> None:
    """What the process of :func:`all_losses` does; beside the data lies ``network.onnx``, for the recipe backbone."""
    import torch

    torch.set_num_threads(1)
    print(json.dumps({name: [float(f"{loss:.9g}") for loss in losses(name, data, out)] for name in RECIPES}))


TINY = (
    "input.size=32", "encoder.name=conv4", "encoder.width=6", "encoder.dim=16", "training.precision=float32",
    "training.threads=1", "training.steps=60", "training.validate_every=60", "training.average=0.9",
    "sampling.classes=4", "optimiser.warmup=5",
)  # fmt: skip
"""Changes to the recipe ``folder`` that make a model of some ten kB."""

EACH = 4
FOLDERS = {
    "learned": tuple(f"sign {n}" for n in range(6)),
    "others": tuple(f"other {n}" for n in range(6)),
    "late": tuple(f"late {n}" for n in range(5)),
}
"""Folders of classes of :data:`EACH` drawings."""
A, B, C = "pictures/learned/sign 0/0.png", "pictures/learned/sign 0/1.png", "pictures/learned/sign 1/0.png"
NEW, NEWER = "pictures/others/other 0/0.png", "pictures/others/other 0/1.png"
BUILT = frozenset({"train", "export", "quantise", "doctor", "data"})
"""Commands whose answers hang on the machine: their names and types are compared, not their values."""

COMMANDS: tuple[tuple[str, int, str], ...] = (
    ("models", 0, "models"),
    ("recipes", 0, "recipes"),
    ("protocols", 0, "protocols"),
    ("data", 0, "data"),
    ("reproduce", 0, "reproduce"),
    ("train", 0, f"train folder folder:pictures/learned {' '.join(TINY)} training.steps=5 --out made"),
    ("export", 0, "export ./models/dot export.half=true --out halved"),
    ("quantise", 0, "quantise ./models/dot --data folder:pictures/learned --out int8"),
    ("calibrate", 0, "calibrate ./models/copy folder:pictures/others --fmr 0.1"),
    ("evaluate", 0, "evaluate ./models/dot nway folder:pictures/late --ways 5 --tasks 20"),
    ("evaluate", 0, "evaluate ./models/dot verification folder:pictures/late"),
    ("evaluate", 0, "evaluate ./models/pair identification folder:pictures/late"),
    ("compare", 0, f"compare ./models/dot {A!r} {A!r}"),
    ("compare", 1, f"compare ./models/dot {A!r} {C!r}"),
    ("compare", 0, f"compare ./models/copy {A!r} {B!r}"),
    ("gallery create", 0, "gallery create g.db --model ./models/dot --keep-sources"),
    ("gallery create", 0, "gallery create g.db#door --model ./models/euclidean"),
    ("gallery list", 0, "gallery list g.db"),
    ("check", 0, f"check g.db {A!r}"),
    ("enroll", 0, "enroll g.db --data folder:pictures/learned --override all"),
    ("check", 1, f"check g.db {A!r}"),
    ("enroll", 0, f"enroll g.db alice {NEW!r} --metadata team=red --override all --record --place desk --actor me"),
    ("enroll", 0, f"enroll g.db alice {NEW!r} {NEWER!r} --override all"),
    ("enroll", 0, f"enroll g.db#door alice {NEW!r} --override all"),
    ("verify", 0, f"verify g.db alice {NEW!r} --record --place door --direction in --actor me --keep-image"),
    ("verify", 1, f"verify g.db alice {C!r} --record --place door --direction out"),
    ("identify", 0, f"identify g.db {NEW!r} --record --place door --direction out"),
    ("identify", 0, f"identify g.db {NEW!r} {C!r} --top 2"),
    ("identify", 0, f"identify g.db {NEW!r} {NEWER!r} --fused"),
    ("identify", 0, f"identify g.db {NEW!r} {C!r} --one-to-one"),
    ("identify", 0, "identify g.db --data folder:pictures/learned"),
    ("replace", 0, f"replace g.db alice {NEWER!r} --override all"),
    ("rename", 0, "rename g.db alice 'Zoë B'"),
    ("annotate", 0, "annotate g.db 'Zoë B' floor=2 team=blue"),
    ("merge", 0, "merge g.db 'sign 5' 'sign 4'"),
    ("identities", 0, "identities g.db"),
    ("identities", 0, "identities g.db --search 'sign' "),
    ("list", 0, "list g.db"),
    ("list", 0, "list g.db --where team=blue"),
    ("gallery events", 0, "gallery events g.db"),
    ("gallery events", 0, "gallery events g.db --verb verify --limit 1"),
    ("attendance", 0, "attendance g.db --since 2020-01-01 --zone UTC"),
    ("gallery export-subject", 0, "gallery export-subject g.db 'Zoë B' --out subject"),
    ("gallery export", 0, "gallery export g.db --out exported"),
    ("gallery create", 0, "gallery create h.db --model ./models/dot"),
    ("gallery import", 0, "gallery import h.db exported"),
    ("list", 0, "list h.db --identity 'sign 4'"),
    ("gallery rebuild", 0, "gallery rebuild g.db --model ./models/manhattan"),
    ("gallery forget", 0, "gallery forget g.db --before 2100-01-01"),
    ("remove", 0, "remove g.db 'sign 3'"),
    ("key add", 0, "key add g.db reader --role read --expires 90d"),
    ("key add", 0, "key add g.db boss --role admin"),
    ("key list", 0, "key list g.db"),
    ("key revoke", 0, "key revoke g.db reader"),
    ("gallery list", 0, "gallery list g.db"),
    ("gallery drop", 0, "gallery drop g.db#door"),
    ("doctor", 0, "doctor g.db"),
)
"""Every command with ``--json``, the exit code it ends with, and its words; in this order, in a folder that holds
``pictures`` and ``models`` of the release, ``models/copy`` being ``models/dot`` without its calibration."""

MOMENT = frozenset({"at", "created", "expires", "before", "day", "first_in", "last_out", "secret"})
MACHINE = frozenset({"seconds", "core_seconds", "peak_mib", "made_by", "place_found", "data_fingerprint"})
WORDS = frozenset({"about", "advice", "diagnosis", "message", "notes", "reason", "details"})
"""Fields that are told by the clock, by the machine (0.1.0 told a data set by the times of its files), or for people to
read: only their types are compared."""
LOOSE = MOMENT | MACHINE | WORDS


def scrubbed(value: Any, folder: Path) -> Any:
    """An answer without the folder it was asked in, and without a secret."""
    text = json.dumps(value, ensure_ascii=False).replace(str(folder), "<folder>")
    return json.loads(re.sub(r"fsk_[\w-]+", "fsk_", text))


GALLERIES = (
    ("staff.db", "main", "dot"),
    ("staff.db", "door", "manhattan"),
    ("staff.db", "glyphs", ""),
    ("format-1.db", "main", "dot"),
    ("format-2.db", "main", "dot"),
)
"""Files of the release, the galleries in them, and whose they are; "" for the shipped model."""


def held(gallery: firstsight.Gallery) -> dict[str, Any]:
    """All that a gallery holds, as JSON; of images and vectors a hash or the numbers."""
    references = gallery.list()
    return {
        "identities": [asdict(one) for one in gallery.identities()],
        "references": [asdict(one) for one in references],
        "images": {one.id: short(gallery.store.image(one.id) or b"") for one in references if one.kept},
        "vectors": {one.identity: gallery.store.vectors(one.identity).tolist() for one in gallery.identities()},
        "events": [asdict(one) for one in gallery.events()],
        "probes": {one.id: short(gallery.event_image(one.id) or b"") for one in gallery.events() if one.kept},
    }


def answered(gallery: firstsight.Gallery, probe: Path) -> dict[str, Any]:
    """What a gallery says of a probe."""
    first = gallery.identities()[0].identity
    return {"identify": asdict(gallery.identify(probe)), "verify": asdict(gallery.verify(first, probe))}


def compared(model: firstsight.Model, pictures: Path) -> dict[str, Any]:
    """What a model makes of three pictures: its fingerprint, their embeddings, and how alike they are."""
    files = [pictures / place for place in ("late/late 0/0.png", "late/late 0/1.png", "late/late 1/0.png")]
    vectors = model.embed(files)
    scores = model.score(vectors, vectors)
    return {"fingerprint": model.fingerprint, "embeddings": vectors.tolist(), "scores": scores.tolist()}


def kept(before: Any, now: Any, *, values: bool = True, place: str = "") -> list[str]:
    """What of an answer of the release is gone, of another type or (with ``values``) another value; more may have come.

    Floats may differ by 2e-3 (scores of a tiny network on another processor), entries of a list that have a name are
    found by it.
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        found = []
        for key, value in before.items():
            if key not in now:
                found.append(f"{place}/{key} is gone")
            else:
                found += kept(value, now[key], values=values and key not in LOOSE, place=f"{place}/{key}")
        return found
    if isinstance(before, list) and isinstance(now, list):
        return _listed(before, now, values, place)
    number = (int, float)
    plain = not isinstance(before, bool) and not isinstance(now, bool)
    if plain and isinstance(before, number) and isinstance(now, number):
        if not values or math.isclose(before, now, rel_tol=2e-3, abs_tol=2e-3 if isinstance(before, float) else 0):
            return []
    elif (type(before) is type(now) and (before == now or not values)) or (not values and None in (before, now)):
        return []
    return [f"{place} was {before!r} and is {now!r}"]


def _listed(before: list[Any], now: list[Any], values: bool, place: str) -> list[str]:
    if before and all(isinstance(one, Mapping) and "name" in one and "about" in one for one in before):
        there = {one["name"]: one for one in now}
        found = [f"{place}/{one['name']} is gone" for one in before if one["name"] not in there]
        for one in before:
            found += kept(one, there.get(one["name"], one), values=values, place=f"{place}/{one['name']}")
        return found
    if not values:
        return kept(before[0], now[0], values=False, place=f"{place}/0") if before and now else []
    if len(before) != len(now):
        return [f"{place} had {len(before)} entries and has {len(now)}"]
    return [
        line
        for n, (one, other) in enumerate(zip(before, now, strict=True))
        for line in kept(one, other, values=values, place=f"{place}/{n}")
    ]


SAID = frozenset({"description", "summary", "title", "example", "examples", "info"})


def promised(before: Any, now: Any, place: str = "") -> list[str]:
    """What of an OpenAPI document is gone or other: paths, parameters, fields, types, limits, statuses.

    New paths, parameters that may be left out, fields of answers, values and alternatives (a failure in the place of an
    image's answer) are additions.
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        if "anyOf" in now and "anyOf" not in before:
            return [] if not _alternatives([before], now["anyOf"], place) else [f"{place} is {now} only"]
        found = []
        for key, value in before.items():
            if key in SAID and not (place.endswith("properties")):
                continue
            if key not in now:
                found.append(f"{place}/{key} is gone")
            else:
                found += promised(value, now[key], f"{place}/{key}")
        return found
    if isinstance(before, list) and isinstance(now, list):
        if place.endswith("/parameters"):
            return _parameters(before, now, place)
        if all(not isinstance(one, Mapping | list) for one in before):
            return [f"{place}: {one!r} is gone" for one in before if one not in now]
        return _alternatives(before, now, place)
    return [] if before == now else [f"{place} was {before!r} and is {now!r}"]


def _parameters(before: Sequence[Any], now: Sequence[Any], place: str) -> list[str]:
    there, known = ({(one["name"], one["in"]): one for one in side} for side in (now, before))
    found = [f"{place}/{name} is gone" for name in known if name not in there]
    found += [f"{place}/{name} is needed now" for name in there if name not in known and there[name].get("required")]
    for name, one in known.items():
        found += promised(one, there.get(name, one), f"{place}/{name[0]}")
    return found


def _alternatives(before: Sequence[Any], now: Sequence[Any], place: str) -> list[str]:
    return [f"{place}: {one} is gone" for one in before if not any(not promised(one, other, place) for other in now)]


if __name__ == "__main__":
    learn_all(Path(sys.argv[1]), Path(sys.argv[2]))
