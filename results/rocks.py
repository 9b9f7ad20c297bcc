"""Which pictures of ``rocks`` overlap: the split that keeps them together, and what a plain one would have leaked.

python results/rocks.py            facts into results/rocks.json (needs the archive; half a minute)
python results/rocks.py --split    also writes the split, src/firstsight/datasets/rocks.txt

The pictures are cuts of larger ones on a grid of 6 (now and then 3) pixels, and their names say nothing of it. Two cuts
that overlap are found by sliding one over the other in steps of 3 pixels: what is left of the pictures once their
smooth part is gone agrees where they overlap. The same at offsets that are no multiple of 3 shows how much agrees by
chance.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import uniform_filter
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

sys.path.insert(0, str(Path(__file__).parent))

SPLIT = Path(__file__).parents[1] / "src" / "firstsight" / "datasets" / "rocks.txt"
GRID, FARTHEST = 3, 18  # pixels; at the farthest, 10 x 10 pixels are shared
ALIKE = 0.65  # correlation from which two cuts count as overlapping
SEED = 28
TEST, VALIDATION = 100, 100  # of a class

Floats = npt.NDArray[np.float32]


def overlaps(pictures: Floats, *, offset: int = 0) -> Floats:
    """The best correlation ``(n, n)`` of every two pictures over all shifts of the grid.

    Args:
        pictures: ``(n, side, side, 3)``.
        offset: added to every shift; one that is no multiple of the grid finds what agrees by chance.
    """
    side = pictures.shape[1]
    detail = pictures - uniform_filter(pictures, size=(0, 7, 7, 0))
    best = np.full((len(pictures),) * 2, -1, np.float32)
    for down in range(0, FARTHEST + 1, GRID):
        for right in range(-FARTHEST, FARTHEST + 1, GRID):
            y, x = down + offset, right + offset
            left = detail[:, y:, max(x, 0) : side + min(x, 0)]
            other = detail[:, : side - y, max(-x, 0) : side + min(-x, 0)]
            found = _unit(left) @ _unit(other).T
            best = np.maximum(best, np.maximum(found, found.T))
    np.fill_diagonal(best, -1)
    return best


def _unit(cuts: Floats) -> Floats:
    flat = cuts.reshape(len(cuts), -1)
    flat = flat - flat.mean(1, keepdims=True)
    made: Floats = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 60)  # flat cuts agree with nothing
    return made


def cut(groups: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.str_]:
    """For every picture ``t``, ``v`` or ``x`` (train, validation, test); a group is never parted."""
    part = np.full(len(groups), "t")
    names, sizes = np.unique(groups, return_counts=True)
    order = np.random.default_rng((SEED, seed)).permutation(len(names))
    for sign, wanted in (("x", TEST), ("v", VALIDATION)):
        for place in order:
            mine = groups == names[place]
            if part[mine][0] == "t" and sizes[place] <= wanted:
                part[mine], wanted = sign, wanted - sizes[place]
    return part


def nearest(vectors: Floats, labels: npt.NDArray[np.int64]) -> float:
    """Share of pictures whose nearest, by squared distance, is of their class."""
    square = (vectors**2).sum(1)
    apart = square[:, None] + square - 2 * vectors @ vectors.T
    np.fill_diagonal(apart, np.inf)
    return float((labels[apart.argmin(1)] == labels).mean())


def main(*, write: bool) -> None:
    """Find the overlaps, cut, and write what came of it."""
    from make import record

    from firstsight.datasets import rocks

    lines, facts, colours, labels = [], {}, [], []
    leaking, tested = 0, 0
    for number, (label, members) in enumerate(rocks.members().items()):
        pictures = np.stack([np.asarray(Image.open(BytesIO(m.load())).convert("RGB"), np.float32) for m in members])
        linked = overlaps(pictures) > ALIKE
        chance = overlaps(pictures, offset=1) > ALIKE
        groups = connected_components(coo_matrix(linked), directed=False)[1]
        part = cut(groups, number)
        lines.append(f"{label} {''.join(part)}")
        plain = np.random.default_rng((SEED, 100 + number)).permutation(len(members)) < TEST
        beside = linked[:, ~plain].any(1)
        leaking, tested = leaking + int((beside & plain).sum()), tested + TEST
        facts[label] = {
            "overlapping pairs": int(linked.sum()) // 2,
            "the same at offsets off the grid": int(chance.sum()) // 2,
            "pictures that overlap another": int(linked.any(1).sum()),
            "largest group": int(np.bincount(groups).max()),
            "of a plain split's test pictures, overlapping one to learn from": int((beside & plain).sum()),
            "of ours": int(linked[np.ix_(part == "x", part != "x")].sum()),
        }
        flat = pictures[part == "x"].reshape(TEST, -1, 3)
        colours.append(np.concatenate([flat.mean(1), flat.std(1)], 1))
        labels += [number] * TEST
    if write:
        names = [m.source.rsplit("/", 1)[1] for found in rocks.members().values() for m in found]
        SPLIT.write_text(f"{sha256(' '.join(names).encode()).hexdigest()}\n" + "\n".join(lines) + "\n")
        print(SPLIT)
    result: dict[str, Any] = {
        "classes": facts,
        "share of a plain split's test pictures that overlap one to learn from": round(leaking / tested, 4),
        "recall@1 on the test pictures by mean and spread of three colours": nearest(
            np.concatenate(colours), np.array(labels)
        ),
    }
    record("rocks", "python results/rocks.py", SEED, result)


if __name__ == "__main__":
    main(write="--split" in sys.argv)
