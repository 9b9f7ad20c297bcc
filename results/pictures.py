"""The pictures of docs/evaluation.md and the figures beside them: python results/pictures.py (needs FIRSTSIGHT_DATA).

All is measured on omniglot:calibration, ten alphabets the shipped glyphs never saw, and on no test set. Five of them
(by name the first) choose curves and thresholds, the other five show what these are worth.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from firstsight.calibration import Calibration, Target, fit_calibration, threshold_for
from firstsight.calibration.resampling import kinds, strict_threshold
from firstsight.datasets import DataSet, open_data
from firstsight.datasets.pairs import draw_pairs
from firstsight.decision import Templates, accepts
from firstsight.evaluation.calibrate import _shifts, _strangers
from firstsight.evaluation.embedded import embedded
from firstsight.evaluation.enrolment import draw_enrolment
from firstsight.evaluation.identification import nway, within
from firstsight.evaluation.openset import openset
from firstsight.evaluation.subject import Settings, Subject
from firstsight.evaluation.verification import pair_scores, verification
from firstsight.metrics.intervals import exact
from firstsight.metrics.openset import expected_fpir, fpir_from_fmr
from firstsight.metrics.reliability import reliability
from firstsight.metrics.verification import rates_at
from firstsight.model import Model
from firstsight.report import plots
from firstsight.report.plots import canvas

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "pictures"
FIGURES = OUT / "figures.json"
DARK = "#333333"
TARGETS = (
    Target("eer"),
    Target("fmr", 0.01),
    Target("precision", 0.99, prior=0.5),
    Target("cost", 10.0),
    Target("fnmr", 0.01),
    Target("fmr", 0.001),
    Target("fpir", 0.05, 20),
    Target("fpir", 0.01, 200),
)
SHOWN = (TARGETS[0], TARGETS[1], TARGETS[6])
COLOURS = (plots.CLASSES[3], plots.ACCENT, plots.CLASSES[0])
SIZES = (2, 5, 10, 20, 50, 100, 150)
CLASSES = (6, 10, 20, 40, 80)
DRAWS, GALLERIES = 60, 300


class Half:
    """Five alphabets as the model sees them, and the pairs and searches that calibrate would draw from them."""

    def __init__(self, model: Model, data: DataSet, arrays: Any, embeddings: Any) -> None:
        self.model, self.data, self.arrays, self.embeddings = model, data, arrays, embeddings
        self.pairs = draw_pairs(data)
        self.scores = pair_scores(model, embeddings, self.pairs.left, self.pairs.right)
        self.same = self.pairs.same
        self.searches = _strangers(model, data, embeddings, 0)

    def threshold(self, target: Target) -> float:
        """The threshold that meets a target here."""
        rows = self.searches[0] if target.kind == "fpir" else None
        return threshold_for(target, self.scores[self.same], self.scores[~self.same], rows)

    def rates(self, threshold: float) -> tuple[float, float]:
        """FMR and FNMR here."""
        return rates_at(self.scores[self.same], self.scores[~self.same], threshold)

    def fpir(self, threshold: float, size: int) -> float:
        """FPIR among so many, by the per-probe form."""
        return float(expected_fpir(self.searches[0], threshold, size))

    def calibration(self, target: Target) -> Calibration:
        """As ``firstsight calibrate`` makes it."""
        labels = self.data.labels
        rows, units = self.searches if target.kind == "fpir" else (None, None)
        return fit_calibration(
            self.scores,
            self.same,
            target=target,
            data=self.data.name,
            classes=tuple(sorted(self.data.class_names)),
            seed=0,
            model=self.model.fingerprint,
            units=(labels[self.pairs.left], labels[self.pairs.right]),
            rows=rows,
            rows_units=units,
            shifts=_shifts(self.model, self.data, self.embeddings, target, 0),
        )

    def subject(self, calibration: Calibration | None, **settings: Any) -> Subject:
        """What a protocol is given."""
        return Subject(self.model, self.data, self.arrays, self.embeddings, Settings(**settings), calibration)


def halves() -> tuple[Half, Half]:
    """The alphabets that choose and those that show."""
    model, data = Model.load("glyphs"), open_data("omniglot:calibration")
    arrays, embeddings = embedded(model, data)
    names, groups = data.groups
    made = []
    for chosen in (names[:5], names[5:]):
        kept = np.isin(groups, [names.index(n) for n in chosen])
        made.append(
            Half(model, data.where(lambda e, c=chosen: e.group in c, data.name), arrays[kept], embeddings[kept])
        )
    return made[0], made[1]


def save(figure: Any, name: str) -> None:
    """A picture that reads on light and dark pages: dark ink on an opaque light ground."""
    from matplotlib.colors import same_color
    from matplotlib.text import Text

    figure.patch.set(facecolor=canvas.CARD, alpha=1)
    for text in figure.findobj(Text):
        if same_color(text.get_color(), plots.INK):
            text.set_color(DARK)
    for axes in figure.axes:
        axes.tick_params(which="both", labelcolor=DARK)
    place = OUT / f"{name}.png"
    figure.savefig(place, dpi=170, metadata={"Software": None})
    print(f"{place.relative_to(ROOT)}: {place.stat().st_size // 1024} KiB", flush=True)


def scores_and_det(choose: Half, show: Half) -> dict[str, Any]:
    """Score histogram and DET of the alphabets that show, with three thresholds chosen on the others; worst pairs."""
    found = verification(show.subject(None)).details
    histogram, roc = found["histogram"], found["roc"]
    hills = plots.score_histogram(histogram["edges"], histogram["genuine"], histogram["impostor"], None)
    det = plots.det_curve({"": (roc["fmr"], roc["fnmr"])})
    for target, colour in zip(SHOWN, COLOURS, strict=True):
        threshold = choose.threshold(target)
        top = 0.98 - 0.17 * SHOWN.index(target)
        hills.axes[0].axvline(threshold, ymax=top, color=colour, linewidth=1.6)
        hills.axes[0].annotate(
            f" {short(target)}: {threshold:.2f}",
            (threshold, top),
            xycoords=("data", "axes fraction"),
            va="top",
            fontsize=8.5,
            color=colour,
        )
        rates = show.rates(threshold)
        mark(det.axes[0], rates, colour, short(target))
    hills.axes[0].set_ylim(0, 0.18)
    hills.set_size_inches(5.2, 2.9)
    save(hills, "scores")
    canvas.legend(det.axes[0], loc="upper right")
    save(det, "det")
    strip(show, found["worst"]["false_matches"])
    return {short(t): show.rates(choose.threshold(t)) for t in SHOWN}


def mark(axes: Any, rates: tuple[float, float], colour: str, name: str) -> None:
    """A named operating point on a DET."""
    from scipy.special import ndtri

    x, y = ndtri(rates)
    axes.plot([x], [y], "o", color=colour, markersize=8, markeredgecolor=DARK, zorder=5, label=name, linestyle="none")


def strip(show: Half, pairs: list[dict[str, Any]]) -> None:
    """The different characters that score highest, as the model sees them."""
    from matplotlib.figure import Figure

    names, groups = show.data.groups
    figure = Figure(figsize=(5.6, 2.3), layout="constrained")
    grid = figure.subplots(2, len(pairs))
    for column, pair in enumerate(pairs):
        for row, side in enumerate(("left", "right")):
            axes, index = grid[row, column], pair[side]
            axes.imshow(show.arrays[index][0], cmap="gray_r", interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(names[groups[index]], fontsize=7, color=DARK)
            for edge in axes.spines.values():
                edge.set_color("#cccccc")
        grid[0, column].set_title(f"{pair['score']:.2f}", fontsize=9, color=DARK)
    save(figure, "false-matches")


def probabilities(choose: Half, show: Half) -> dict[str, Any]:
    """Reliability of the curve fitted on the alphabets that choose."""
    genuine, impostor = choose.same.sum(), (~choose.same).sum()
    calibration = choose.calibration(Target("fmr", 0.01))
    share = np.where(show.same, 1 / show.same.sum(), 1 / (~show.same).sum())
    bins = reliability(calibration.probability(show.scores), show.same, share)
    filled = bins.weight > 0
    weight = bins.weight[filled] / bins.weight.sum()
    save(plots.reliability(bins.predicted[filled], bins.observed[filled], weight), "reliability")
    at = calibration.threshold
    return {
        "genuine": int(genuine),
        "impostor": int(impostor),
        "ece": bins.ece,
        "threshold": at,
        "probability": float(calibration.probability(at)),
        "band": calibration.band(at),
    }


def gallery_sizes(choose: Half, show: Half) -> dict[str, Any]:
    """FPIR against the size of the gallery at two thresholds: the law, the per-probe form, and galleries drawn."""
    figure, axes = plots.figure(4.6, 3.2)
    rows, out = show.searches[0], {}
    sizes = np.unique(np.geomspace(1, 200, 40).astype(int))
    for target, colour in zip(SHOWN[1:], COLOURS[1:], strict=True):
        calibration = choose.calibration(target)
        at = calibration.threshold
        fmr = float(np.mean(rows[~np.isnan(rows)] >= at))
        measured = [strangers_let_in(show, calibration, n) for n in SIZES]
        name = short(target)
        axes.plot(sizes, [fpir_from_fmr(fmr, n) for n in sizes], "--", color=colour, label=f"law, {name}")
        axes.plot(sizes, [show.fpir(at, n) for n in sizes], color=colour, label=f"per probe, {name}")
        axes.plot(SIZES, measured, "o", color=colour, markeredgecolor=DARK, label=f"measured, {name}", zorder=5)
        out[name] = {
            "threshold": at,
            "fmr": fmr,
            "sizes": list(SIZES),
            "measured": measured,
            "law": [float(fpir_from_fmr(fmr, n)) for n in SIZES],
            "per probe": [show.fpir(at, n) for n in SIZES],
        }
    axes.set(xscale="log", xlim=(1, 220), ylim=(0, 1))
    axes.set_xticks([1, 2, 5, 10, 20, 50, 100, 200], ["1", "2", "5", "10", "20", "50", "100", "200"])
    axes.minorticks_off()
    canvas.percent_axis(axes.yaxis)
    axes.set_xlabel("identities enrolled, one reference each")
    axes.set_ylabel("FPIR: strangers taken for somebody")
    canvas.grid(axes)
    canvas.legend(axes, loc="upper left")
    save(figure, "gallery-size")
    return out


def strangers_let_in(show: Half, calibration: Calibration, size: int) -> float:
    """FPIR over galleries of so many characters, each by one drawing."""
    rng, found = np.random.default_rng((0, size)), []
    for _ in range(GALLERIES):
        drawn = draw_enrolment(show.data, rng, identities=size, shots=1)
        enrolled = Templates.of(show.model, show.embeddings[drawn.references], drawn.owners, size, calibration)
        best = enrolled.scores(show.model, show.embeddings[drawn.strangers]).max(axis=1)
        found.append(accepts(best, calibration).mean())
    return float(np.mean(found))


def references(choose: Half, show: Half) -> dict[str, Any]:
    """FNIR against FPIR for 1, 3 and 5 references among 20, with and without the shifts at one threshold."""
    calibration = choose.calibration(TARGETS[6])
    curves, points, bare_points, out = [], [], [], {}
    for k in (1, 3, 5):
        found = openset(show.subject(calibration, ways=20, shots=k, tasks=50))
        bare = openset(show.subject(replace(calibration, shifts=()), ways=20, shots=k, tasks=50)).metrics
        m, curve = found.metrics, found.details["openset"]
        curves.append((f"{k} reference{'s' * (k > 1)}", curve["fpir"], curve["fnir"]))
        points.append((m["fpir@threshold"].value, m["fnir@threshold"].value))
        bare_points.append((bare["fpir@threshold"].value, bare["fnir@threshold"].value))
        out[str(k)] = {name: metric.value for name, metric in m.items()}
        out[str(k)]["fpir without shifts"] = bare["fpir@threshold"].value
    figure = plots.open_set(curves)
    figure.set_size_inches(4.6, 3.2)
    axes = figure.axes[0]
    for line in [line for line in axes.lines if line.get_marker() == "o"]:
        line.remove()
    style = {"linestyle": "none", "markersize": 6, "markeredgecolor": DARK, "zorder": 6}
    axes.plot(*zip(*points, strict=True), "D", color=DARK, label="the one threshold", **style)
    axes.plot(*zip(*bare_points[1:], strict=True), "D", color=canvas.CARD, label="without shifts", **style)
    axes.set(xlim=(1e-3, 1), ylim=(0, 0.8))
    canvas.legend(axes, loc="upper right")
    save(figure, "references")
    out["shifts"] = list(calibration.shifts)
    return out


def intervals() -> dict[str, Any]:
    """Half the width of a 95 % interval at 92 % right, against the number of independent trials."""
    figure, axes = plots.figure(4.6, 2.9)
    trials = np.unique(np.geomspace(50, 30_000, 60).astype(int))

    def half(n: int) -> float:
        low, high = exact(0.92 * n, n)
        return (high - low) / 2

    axes.plot(trials, [half(int(n)) for n in trials], color=plots.LINE, label="independent trials")
    axes.plot([400], [half(400)], "o", color=plots.LINE, markeredgecolor=DARK, zorder=5)
    axes.annotate(f"400 trials: ±{100 * half(400):.1f} points", (400, half(400)), (8, 5), textcoords="offset points")
    kept = json.loads((ROOT / "results" / "omniglot-within-20way.json").read_text())["result"]
    accuracy = kept["metrics"]["accuracy"]
    seen = (accuracy["high"] - accuracy["low"]) / 2
    axes.plot([kept["trials"]], [seen], "s", color=plots.ACCENT, markeredgecolor=DARK, zorder=5)
    text = f"20,000 trials of 20 alphabets:\n±{100 * seen:.1f} points"
    axes.annotate(text, (kept["trials"], seen), (12, 34), textcoords="offset points", ha="right")
    for words in axes.texts:
        words.set(fontsize=8.5, color=DARK)
    axes.set(xscale="log", ylim=(0, 0.09))
    axes.set_xticks([50, 100, 400, 1000, 4000, 20_000], ["50", "100", "400", "1,000", "4,000", "20,000"])
    axes.minorticks_off()
    canvas.percent_axis(axes.yaxis)
    axes.set_xlabel("trials")
    axes.set_ylabel("half the 95% interval")
    canvas.grid(axes)
    save(figure, "intervals")
    return {"400": half(400), "20000 independent": half(20_000), "20000 of 20 alphabets": seen}


def few_classes(choose: Half, show: Half) -> dict[str, Any]:
    """FMR on five alphabets at thresholds from few classes of the others, plain and with confidence 0.95."""
    target, rng, out = Target("fmr", 0.01), np.random.default_rng(0), {}
    labels, (_, drawers) = choose.data.labels, choose.data.origins
    strangers = show.scores[~show.same]
    for count in CLASSES:
        found = {"plain": [], "strict": []}
        for _ in range(DRAWS):
            kept = np.flatnonzero(np.isin(labels, rng.choice(len(choose.data.classes), count, replace=False)))
            left, right = np.triu_indices(len(kept), 1)
            left, right = kept[left], kept[right]
            apart = drawers[left] != drawers[right]
            left, right = left[apart], right[apart]
            scores = pair_scores(choose.model, choose.embeddings, left, right)
            same = labels[left] == labels[right]
            genuine, impostor = kinds(scores, same, (labels[left], labels[right]))
            plain = threshold_for(target, genuine.scores, impostor.scores)
            strict = strict_threshold(target, genuine, impostor, 0.95, plain, seed=0, independent=False)
            found["plain"].append(float(np.mean(strangers >= plain)))
            found["strict"].append(float(np.mean(strangers >= strict)))
        out[str(count)] = {kind: np.quantile(v, [0.05, 0.5, 0.95]).tolist() for kind, v in found.items()}
        out[str(count)]["over 1.5 %"] = {kind: float(np.mean(np.array(v) > 0.015)) for kind, v in found.items()}
    figure, axes = plots.figure(4.6, 2.9)
    for kind, name, colour, shift in (
        ("plain", "--fmr 0.01", plots.LINE, 0.96),
        ("strict", "--fmr 0.01 --confidence 0.95", plots.ACCENT, 1.04),
    ):
        low, middle, high = np.array([out[str(c)][kind] for c in CLASSES]).T
        x = np.array(CLASSES) * shift
        axes.vlines(x, low, high, color=colour, linewidth=2)
        axes.plot(x, middle, "o", color=colour, markersize=6, label=name)
    axes.axhline(0.01, color=plots.INK, linestyle="--", linewidth=1)
    axes.set(xscale="log", xlim=(5, 100))
    canvas.log_rates(axes.yaxis, 1e-4, 0.2)
    axes.set_xticks(CLASSES, [str(c) for c in CLASSES])
    axes.minorticks_off()
    axes.set_xlabel("classes the threshold was chosen on")
    axes.set_ylabel("FMR on other classes")
    canvas.grid(axes)
    canvas.legend(axes, loc="upper right")
    save(figure, "few-classes")
    return out


def one_shot(show: Half) -> dict[str, float]:
    """20-way 1-shot within the alphabets that show, and over all of them."""
    protocols = {"within": within, "nway": nway}
    return {n: p(show.subject(None, ways=20, tasks=500)).metrics["accuracy"].value for n, p in protocols.items()}


def targets(one: Half, other: Half) -> list[dict[str, Any]]:
    """What each target chooses on one half, and does on both; the FPIR for galleries of 20 and 200."""
    rows = []
    for target in TARGETS:
        at = one.threshold(target)
        size = target.gallery_size
        row = {"target": target.describe(), "command": command(target), "threshold": at}
        row["chosen on"], row["shown on"] = one.rates(at), other.rates(at)
        row["fpir of 20"] = other.fpir(at, 20)
        if target.kind == "fpir":
            row["fpir"] = (one.fpir(at, size), other.fpir(at, size))
        rows.append(row)
    return rows


def command(target: Target) -> str:
    """The options that ask for a target."""
    if target.kind == "eer":
        return "--eer"
    more = {"fpir": f" --gallery-size {target.gallery_size}", "precision": f" --prior {target.prior:g}"}
    return f"--{target.kind} {target.value:g}{more.get(target.kind, '')}"


def short(target: Target) -> str:
    """A target as a legend names it."""
    if target.kind == "fpir":
        return f"FPIR {100 * target.value:g}% among {target.gallery_size}"
    return "EER" if target.kind == "eer" else f"{target.kind.upper()} {100 * target.value:g}%"


def table() -> str:
    """The table of targets in docs/evaluation.md, out of the file of figures."""
    lines = [
        "| asked on five alphabets | threshold | FMR on the other five | FNMR there | FPIR to expect there among 20 |",
        "|---|---|---|---|---|",
    ]
    for row in json.loads(FIGURES.read_text())["targets"]:
        fmr, fnmr = row["shown on"]
        lines.append(
            f"| `{row['command']}` | {row['threshold']:.2f} | {100 * fmr:.2g} % | {100 * fnmr:.1f} % "
            f"| {100 * row['fpir of 20']:.2g} % |"
        )
    return "\n".join(lines)


def main() -> None:
    """Draw everything and keep the figures."""
    if sys.argv[1:] == ["--table"]:
        print(table())
        return
    OUT.mkdir(exist_ok=True)
    choose, show = halves()
    made = {
        "data": "omniglot:calibration, the first five alphabets by name choose, the other five show",
        "model": f"glyphs {choose.model.fingerprint}",
        "classes": [len(choose.data.classes), len(show.data.classes)],
        "one-shot": one_shot(show),
        "targets": targets(choose, show),
        "targets the other way round": targets(show, choose),
        "det": scores_and_det(choose, show),
        "reliability": probabilities(choose, show),
        "gallery sizes": gallery_sizes(choose, show),
        "references": references(choose, show),
        "intervals": intervals(),
        "few classes": few_classes(choose, show),
    }
    FIGURES.write_text(json.dumps(made, indent=1) + "\n")
    print(table())


if __name__ == "__main__":
    main()
