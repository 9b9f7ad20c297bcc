"""The space of embeddings behind a report: a sample of unseen classes, flattened to maps or laid on a sphere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from firstsight.datasets import DataSet
from firstsight.datasets.readings import read_all
from firstsight.model import Model
from firstsight.report.plots import CLASSES
from firstsight.types import FloatArray, IntArray, PixelArray

MOST_CLASSES, MOST_EACH = 20, 20
_ITERATIONS = 600


@dataclass(frozen=True)
class Sample:
    """Examples of a few classes, class by class.

    Attributes:
        names: of the classes, sorted.
        labels: ``(n,)`` class index of every example, ascending.
        arrays: ``(n, c, h, w)`` their readings.
        embeddings: ``(n, d)``.
    """

    names: tuple[str, ...]
    labels: IntArray
    arrays: PixelArray
    embeddings: FloatArray

    @cached_property
    def thumbnails(self) -> list[PixelArray]:
        """For each class a reading ``(c, h, w)``: the example nearest to its mean embedding."""
        found = []
        for c in range(len(self.names)):
            mine = np.flatnonzero(self.labels == c)
            away = np.square(self.embeddings[mine] - self.embeddings[mine].mean(axis=0)).sum(axis=1)
            found.append(self.arrays[mine[np.argmin(away)]])
        return found


def sample(data: DataSet, model: Model, seed: int) -> Sample:
    """At most 20 classes of at most 20 examples, drawn by ``seed``; classes of two and more come first."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(data.classes))
    sizes = np.bincount(data.labels, minlength=len(data.classes))
    order = order[np.argsort(sizes[order] < 2, kind="stable")][:MOST_CLASSES]
    chosen = []
    for c in np.sort(order):
        mine = np.flatnonzero(data.labels == c)
        chosen.append(np.sort(rng.permutation(mine)[:MOST_EACH]))
    taken = data.take(np.concatenate(chosen), data.name)
    arrays = read_all(taken, model.input)
    return Sample(taken.classes, taken.labels, arrays, model.embed_arrays(arrays))


def by_pca(embeddings: FloatArray) -> FloatArray:
    """Embeddings ``(n, d)`` on the plane of their two strongest principal directions, ``(n, 2)``."""
    centred = embeddings.astype(np.float64) - embeddings.mean(axis=0)
    left, strength, right = np.linalg.svd(centred, full_matrices=False)
    # A direction's sign is arbitrary: the largest weight is made positive, so that equal input gives an equal map.
    signs = np.sign(right[np.arange(len(right)), np.argmax(np.abs(right), axis=1)])
    flat = (left * strength * np.where(signs == 0, 1, signs))[:, :2]
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1]))).astype(np.float32)


def by_tsne(embeddings: FloatArray, seed: int) -> FloatArray | None:
    """Embeddings ``(n, d)`` on a plane that keeps neighbours together, ``(n, 2)``; None where there are too few.

    Source: van der Maaten and Hinton, 2008, JMLR 9, as in scikit-learn; exact rather than Barnes-Hut, since threads
    make the latter's sums differ from run to run.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    from sklearn.manifold import TSNE

    begin = by_pca(embeddings)
    spread = float(begin[:, 0].std())
    if len(embeddings) < 10 or spread < 1e-9:
        return None
    made: FloatArray = TSNE(
        2,
        perplexity=min(30.0, (len(embeddings) - 1) / 3),
        init=(begin / spread * 1e-4).astype(np.float32),
        learning_rate="auto",
        max_iter=_ITERATIONS,
        method="exact",
        random_state=seed,
    ).fit_transform(embeddings.astype(np.float32))
    return made


def sphere(seen: Sample, model: Model, threshold: float | None) -> dict[str, Any]:
    """What the page needs to draw embeddings ``(n, 3)`` on a sphere, JSON-ready.

    Returns:
        ``points`` (n times x, y, z), ``labels`` (n), ``names`` and ``colours`` (classes), and ``caps``: for each class
        the ``middle`` of its examples and the ``angle`` (radians) up to which a score against that middle reaches the
        threshold; None where it never does, without a threshold, or where distance on the sphere is not all that
        counts (embeddings of other lengths, or the Manhattan distance).
    """
    lengths = np.linalg.norm(seen.embeddings, axis=1)
    round_ = bool(np.allclose(lengths, 1, atol=1e-3)) and model.similarity.measure != "manhattan"
    caps: list[dict[str, Any] | None] = []
    for c in range(len(seen.names)):
        middle = seen.embeddings[seen.labels == c].mean(axis=0)
        length = float(np.linalg.norm(middle))
        angle = _reach(model, (middle / length).astype(np.float32), threshold) if length > 1e-6 and round_ else None
        caps.append(None if angle is None else {"middle": _rounded(middle / length), "angle": round(angle, 4)})
    return {
        "points": [_rounded(p) for p in seen.embeddings / max(float(lengths.max(initial=0)), 1e-12)],
        "labels": seen.labels.tolist(),
        "names": list(seen.names),
        "colours": [CLASSES[c % len(CLASSES)] for c in range(len(seen.names))],
        "caps": caps,
    }


def _reach(model: Model, middle: FloatArray, threshold: float | None) -> float | None:
    """The widest angle (radians) from a unit vector ``(3,)`` at which a score still reaches the threshold."""
    if threshold is None:
        return None
    aside = np.cross(middle, np.eye(3)[np.argmin(np.abs(middle))])
    angles = np.linspace(0, np.pi, 1801)
    around = np.outer(np.cos(angles), middle) + np.outer(np.sin(angles), aside / np.linalg.norm(aside))
    same = model.score(middle[None], around.astype(np.float32))[0] >= np.float32(threshold)
    return float(angles[same].max()) if same[0] else None


def _rounded(vector: FloatArray) -> list[float]:
    return [round(float(v), 4) for v in vector]
