"""The absolute and the relative view of a measure, for docs/measures.md (needs FIRSTSIGHT_DATA).

python results/measures.py            the picture and the figures
python results/measures.py --table    the page's tables only

All is measured on omniglot:calibration, ten alphabets the shipped glyphs never saw, and on no test set: of each
character the drawings of the first eight people.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from make import record
from pictures import DARK, ROOT, save

from firstsight.datasets import open_data
from firstsight.evaluation.embedded import embedded
from firstsight.evaluation.enrolment import draw_enrolment
from firstsight.evaluation.openset import _alone_best, _best_alone
from firstsight.metrics.openset import fnir_at_fpir, open_set_curve
from firstsight.metrics.verification import auc, eer, error_curve
from firstsight.model import Model
from firstsight.report import plots
from firstsight.report.plots import canvas
from firstsight.similarity import Link, Similarity

KEPT = ROOT / "results" / "measures.json"
DRAWERS, GALLERIES = 8, 25
REFERENCES = "three references, FNIR at FPIR 1 % and 5 %"
MEASURES = {
    "cosine": Similarity(),
    "angular": Similarity("dot", Link("angle")),
    "euclidean": Similarity("euclidean", Link("negate")),
    "squared_euclidean": Similarity("euclidean", Link("negate_square")),
    "rbf": Similarity("euclidean", Link("rbf")),
    "manhattan": Similarity("manhattan", Link("negate")),
}


class Views:
    """All pairs of some examples, by different drawers, seen at once and anchor by anchor."""

    def __init__(self, scores: Any, same: Any, apart: Any) -> None:
        self.genuine, self.impostor = scores[same & apart], scores[~same & apart]
        curve = error_curve(self.genuine, self.impostor)
        self.eer = eer(curve)
        self.threshold = float(curve.thresholds[np.argmax(curve.fmr <= curve.fnmr)])
        rng = np.random.default_rng(0)
        self.margins, self.hardest, self.ordered, self.own, self.own_eer = [], [], [], [], []
        for row, alike, counts in zip(scores, same, apart, strict=True):
            near, far = row[alike & counts], row[~alike & counts]
            self.margins.append((near[:, None] - rng.choice(far, (len(near), 20))).ravel())
            self.hardest.append(near - far.max())
            self.ordered.append(auc(near, far))
            mine = error_curve(near, far)
            self.own.append(mine.thresholds[np.argmax(mine.fmr <= mine.fnmr)])
            self.own_eer.append(eer(mine))
        self.margins, self.hardest = np.concatenate(self.margins), np.concatenate(self.hardest)

    def figures(self) -> dict[str, Any]:
        """What the page quotes."""
        at = (self.genuine < self.threshold, self.impostor >= self.threshold)
        return {
            "same pairs": len(self.genuine),
            "different pairs": len(self.impostor),
            "threshold": self.threshold,
            "fnmr": float(at[0].mean()),
            "fmr": float(at[1].mean()),
            "eer": self.eer,
            "auc": auc(self.genuine, self.impostor),
            "triplets satisfied": float(np.mean(self.ordered)),
            "hardest satisfied": float((self.hardest > 0).mean()),
            "own eer": float(np.mean(self.own_eer)),
            "own thresholds": np.quantile(self.own, [0.05, 0.5, 0.95]).tolist(),
        }


def seen() -> tuple[Model, Any, Any, Any]:
    """The shipped model, its embeddings ``(n, d)``, and which pairs ``(n, n)`` are the same and which count."""
    model, data = Model.load("glyphs"), open_data("omniglot:calibration")
    _, embeddings = embedded(model, data)
    _, drawers = data.origins
    kept = np.flatnonzero(drawers < DRAWERS)
    labels, drawers = data.labels[kept], drawers[kept]
    return model, embeddings[kept], labels[:, None] == labels, drawers[:, None] != drawers


def fused(similarity: Similarity, references: Any) -> dict[str, Any]:
    """Ways to compare probes with identities of several references ``(n, k, d)``: each from probes to ``(p, n)``."""
    n, k, d = references.shape
    flat, mean, median = references.reshape(n * k, d), references.mean(1), np.median(references, axis=1)
    length = np.linalg.norm(references, axis=2).mean(1) / np.linalg.norm(mean, axis=1)
    vectors = {"mean": mean, "mean, stretched": mean * length[:, None], "median": median.astype(np.float32)}
    made: dict[str, Any] = {way: lambda p, v=v: similarity.scores(p, v) for way, v in vectors.items()}
    made["mean of the scores"] = lambda p: similarity.scores(p, flat).reshape(len(p), n, k).mean(2)
    made["best of the scores"] = lambda p: similarity.scores(p, flat).reshape(len(p), n, k).max(2)
    return made


def fusing() -> dict[str, Any]:
    """FNIR at two FPIRs of 20 characters enrolled by three drawings, for each way of fusing them.

    Kernels and squares of a distance rank as it does, so they are not repeated.
    """
    model, data = Model.load("glyphs"), open_data("omniglot:calibration")
    _, embeddings = embedded(model, data)
    out: dict[str, Any] = {}
    for name in ("cosine", "euclidean", "manhattan"):
        rng, found = np.random.default_rng(0), {}
        for _ in range(GALLERIES):
            drawn = draw_enrolment(data, rng, identities=20, shots=3)
            references = embeddings[drawn.references].reshape(20, 3, -1)
            for way, scored in fused(MEASURES[name], references).items():
                probes, strangers = scored(embeddings[drawn.probes]), scored(embeddings[drawn.strangers])
                searches = probes.max(1), _alone_best(probes, drawn.target), _best_alone(strangers)
                for kept, new in zip(found.setdefault(way, ([], [], [])), searches, strict=True):
                    kept.append(new)
        curves = {way: open_set_curve(*map(np.concatenate, searches)) for way, searches in found.items()}
        out[name] = {way: [fnir_at_fpir(curve, at) for at in (0.01, 0.05)] for way, curve in curves.items()}
        print(name, json.dumps(out[name]), flush=True)
    return out


def picture(views: Views) -> None:
    """Left: all pairs on one scale. Right: each anchor's positives less its negatives."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(7.4, 2.9), layout="constrained")
    left, right = made.subplots(1, 2)
    for axes in (left, right):
        canvas.plain(axes)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    bins = np.linspace(-0.3, 1, 66)
    for values, colour, name in (
        (views.impostor, plots.IMPOSTOR, "different"),
        (views.genuine, plots.GENUINE, "same"),
    ):
        left.hist(values, bins, density=True, color=colour, alpha=0.5, label=name)
    left.axvline(views.threshold, ymax=0.8, color=DARK, linestyle="--", linewidth=1.2)
    left.annotate(f" one threshold:\n {views.threshold:.2f}", (views.threshold, 2.9), fontsize=8.5, color=DARK)
    left.set(xlabel="score of a pair: cosine")
    left.set_title("absolute: pairs", fontsize=10, color=DARK)
    bins = np.linspace(-0.7, 1.2, 77)
    right.hist(views.margins, bins, density=True, color=plots.LINE, alpha=0.5, label="any negative")
    right.hist(
        views.hardest, bins, density=True, histtype="step", color=plots.ACCENT, linewidth=1.6, label="the nearest"
    )
    right.axvline(0, ymax=0.8, color=DARK, linestyle="--", linewidth=1.2)
    right.set(xlabel="s(a, p) - s(a, n) = d(a, n) - d(a, p)")
    right.set_title("relative: triplets of an anchor", fontsize=10, color=DARK)
    for axes in (left, right):
        axes.set_ylim(0, 1.15 * axes.get_ylim()[1])
        canvas.legend(axes, loc="upper center", ncols=2, columnspacing=1.2)
    (ROOT / "docs" / "pictures" / "measures").mkdir(exist_ok=True)
    save(made, "measures/views")


def table() -> str:
    """The table of docs/measures.md, out of the file of figures."""
    lines = [
        "| measure | EER, one threshold | pairs ordered right | triplets ordered right | nearest negative beaten |",
        "|---|---|---|---|---|",
    ]
    for name, found in json.loads(KEPT.read_text())["result"]["measures"].items():
        cells = (found[key] for key in ("eer", "auc", "triplets satisfied", "hardest satisfied"))
        lines.append(f"| `{name}` | " + " | ".join(f"{100 * value:.2f} %" for value in cells) + " |")
    return "\n".join(lines)


def references_table() -> str:
    """The table of several references in docs/measures.md, out of the file of figures."""
    found = json.loads(KEPT.read_text())["result"][REFERENCES]
    ways = list(found["cosine"])
    lines = [
        f"| three references compared by | {' | '.join(f'`{name}`' for name in found)} |",
        "|---|" + "---|" * len(found),
    ]
    for way in ways:
        cells = (" and ".join(f"{100 * rate:.1f} %" for rate in found[name][way]) for name in found)
        lines.append(
            f"| {way.replace('mean', 'mean embedding') if 'score' not in way else way} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, draw, and keep the figures."""
    if sys.argv[1:] == ["--table"]:
        print(table(), references_table(), sep="\n\n")
        return
    model, embeddings, same, apart = seen()
    found = {}
    for name, similarity in MEASURES.items():
        views = Views(similarity.scores(embeddings, embeddings), same, apart)
        found[name] = views.figures()
        if name == "cosine":
            picture(views)
        print(name, json.dumps(found[name]), flush=True)
    result = {
        "model": f"glyphs {model.fingerprint}",
        "data": f"omniglot:calibration, {DRAWERS} drawers",
        "examples": len(embeddings),
        "measures": found,
        REFERENCES: fusing(),
    }
    record("measures", "python results/measures.py", 0, result)


if __name__ == "__main__":
    main()
