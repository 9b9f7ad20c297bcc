"""Small worlds whose truth is known: data sets without files, given embeddings, rules with given numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from firstsight.calibration import Calibration, Curve, Target
from firstsight.datasets import DataSet
from firstsight.evaluation.baseline import Pixels
from firstsight.evaluation.protocols import PROTOCOLS
from firstsight.evaluation.subject import Outcome, Settings, Subject
from firstsight.model import Model
from firstsight.types import Example, FloatArray, PixelArray


def made(rows: Iterable[tuple[str, str, str]], name: str = "made") -> DataSet:
    """A data set from ``(label, group, origin)`` rows."""
    return DataSet(
        name,
        tuple(
            Example(label, lambda: b"", f"{name}{i}", group=group, origin=origin)
            for i, (label, group, origin) in enumerate(rows)
        ),
    )


def alphabets(groups: int = 4, letters: int = 6, drawers: int = 4, name: str = "made") -> DataSet:
    """Every letter of every alphabet, once by each drawer; alphabets and letters are called after the set."""
    return made(
        (
            (f"{name}{g}/{c}", f"{name}{g}", f"drawer {d}")
            for g in range(groups)
            for c in range(letters)
            for d in range(drawers)
        ),
        name,
    )


def uneven(classes: int = 7, least: int = 3, origins: int = 0) -> DataSet:
    """Classes of ``least``, ``least + 1``, ... examples, without groups."""
    return made((f"c{c}", "", f"o{i % origins}" if origins else "") for c in range(classes) for i in range(least + c))


def runs(number: int = 5, classes: int = 4) -> DataSet:
    """Runs of Lake's form: each class once among the references and once among the probes, in any order."""
    rng = np.random.default_rng(0)
    rows = []
    for r in range(number):
        for side in ("training", "test"):
            rows += [(f"run{r}/c{c}", f"run{r}", side) for c in rng.permutation(classes)]
    return made(rows)


def knowing(data: DataSet) -> FloatArray:
    """Embeddings ``(n, classes)`` that tell the class and nothing else."""
    return np.eye(len(data.classes), dtype=np.float32)[data.labels]


def constant(data: DataSet) -> FloatArray:
    """Embeddings ``(n, 16)`` that are all the same."""
    vector = np.random.default_rng(0).normal(size=16).astype(np.float32)
    return np.tile(vector / np.linalg.norm(vector), (len(data), 1))


def noisy(data: DataSet, noise: float = 0.9, dim: int = 16, seed: int = 0) -> FloatArray:
    """Unit embeddings ``(n, dim)`` that mostly tell the class: its middle and as much noise, alike within groups."""
    rng = np.random.default_rng(seed)
    groups, group = data.groups
    middle = rng.normal(size=(len(data.classes), dim))[data.labels] + 0.5 * rng.normal(size=(len(groups), dim))[group]
    vectors = middle + noise * rng.normal(size=(len(data), dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def pixels(data: DataSet, seed: int = 0) -> PixelArray:
    """Readings ``(n, 1, 8, 8)`` of pixels that say nothing."""
    return np.random.default_rng(seed).integers(0, 256, (len(data), 1, 8, 8)).astype(np.uint8)


def rule(threshold: float = 0.5, **changes: Any) -> Calibration:
    """A calibration with this threshold."""
    usual = Calibration(
        curve=Curve("platt", (10.0, -5.0)),
        threshold=threshold,
        target=Target("fmr", 0.01),
        confidence=0.5,
        fmr=0.01,
        fmr_low=0.005,
        fmr_high=0.02,
        fnmr=0.1,
        fnmr_low=0.05,
        fnmr_high=0.15,
        genuine_pairs=1000,
        impostor_pairs=10_000,
        needed_pairs=300,
        data="other",
        classes=(),
        seed=0,
        model="given",
    )
    return replace(usual, **changes)


def subject(
    data: DataSet,
    embeddings: FloatArray,
    *,
    arrays: PixelArray | None = None,
    calibration: Calibration | None = None,
    choice: Subject | None = None,
    **settings: Any,
) -> Subject:
    """What a protocol is given."""
    seen = pixels(data) if arrays is None else arrays
    return Subject(Pixels(), data, seen, embeddings, Settings(**settings), calibration, choice)


def measure(protocol: str, asked: Subject) -> Outcome:
    """Run a protocol."""
    return PROTOCOLS[protocol].measure(asked)


def patches(root: Path, classes: int, each: int, *, noise: float, seed: int = 0) -> Path:
    """A folder of classes of 8 x 8 grey pictures: the pattern of the class under noise; some classes look alike."""
    rng = np.random.default_rng(seed)
    family = rng.normal(size=(max(1, classes // 3), 8, 8))
    for c in range(classes):
        pattern = 0.6 * family[c % len(family)] + rng.normal(size=(8, 8))
        folder = root / f"class {c:03d}"
        folder.mkdir(parents=True)
        for i in range(each):
            drawn = 128 + 25 * (pattern + noise * rng.normal(size=(8, 8)))
            Image.fromarray(drawn.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
    return root


class Seeing(Model):
    """A model whose embedding is the picture itself: its pixels less their mean, at length 1.

    Everything but the network is that of the model directory it is made from.
    """

    @property
    def fingerprint(self) -> str:
        """Another than the model's, or embeddings kept of either would be taken for the other's."""
        return f"{type(self).__name__} {super().fingerprint}"

    @property
    def dim(self) -> int:
        """One of each of the 8 x 8 pixels."""
        return 64

    @classmethod
    def of(cls, place: Path) -> Seeing:
        """Made from a model directory, without its calibration."""
        loaded = Model.load(place)
        return cls(place, loaded.spec, None)

    def embed_arrays(self, arrays: PixelArray) -> FloatArray:
        """Readings ``(n, c, h, w)`` to ``(n, 64)``: one channel, 8 x 8; a blank picture gives zeros."""
        step = arrays.shape[-1] // 8
        small = arrays[:, 0].reshape(len(arrays), 8, step, 8, step).mean(axis=(2, 4)).reshape(len(arrays), 64)
        small = small - small.mean(axis=1, keepdims=True)
        return (small / np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-6)).astype(np.float32)
