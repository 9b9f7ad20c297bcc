"""Adding classes: one reference enrolled, beside a softmax network that is retrained or fine-tuned for each new class.

python results/enrolling.py              what is missing (needs Omniglot; ten minutes on one core from nothing)
python results/enrolling.py --picture    the picture and the table of docs/growing.md only

Writes ``results/enrolling.json`` and ``docs/pictures/enrolling.png``. The rivals have the encoder, the optimiser, the
augmentation and the training loop of ours and a linear head over the classes, learned from the references alone. From
scratch, all is learned again for every new class; fine-tuned, the network begins with the very encoder that we enroll
with and takes some steps on all references for every new class. Their settings were chosen on the five validation
alphabets; all figures are of ``omniglot:calibration``, ten alphabets that no network here learned and no test uses.
"""

from __future__ import annotations

import copy
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent))
from little_data import write_tables

from firstsight.datasets import DataSet, open_data
from firstsight.datasets.readings import read_all
from firstsight.learn.augment.warp import augment, turn
from firstsight.learn.encoders.residual import Residual
from firstsight.learn.export.directory import load_encoder
from firstsight.learn.fit import fit
from firstsight.learn.machine import keep_memory, settled
from firstsight.learn.optimisers import make_optimiser
from firstsight.learn.schedules import learning_rate_at
from firstsight.metrics.identification import rank_one_credit
from firstsight.model import Model

ROOT = Path(__file__).parents[1]
PLACE, KEPT = ROOT / "build" / "enrolling", ROOT / "results" / "enrolling.json"
SIZES, SHOTS, SEEDS = (20, 40, 80, 160), (1, 5), (0,)
PROBES = 5
"""Drawings a class that are asked about, by other drawers than any reference's."""
OURS = (
    "encoder.width=24",
    "encoder.dim=128",
    "data.train=omniglot:train",
    "data.validation=omniglot:validation",
    "data.calibration=",
    "training.steps=500",
    "training.validate_every=500",
    "training.threads=1",
    "training.composites=0.0",
    "export.views=1",
)
WARP = {"degrees": 10.0, "scale": 0.1, "stretch": 0.12, "shear": 0.12, "shift": 0.04, "elastic": 0.05}
"""Of the recipe glyphs."""
ORDER = ("enrolling, shipped glyphs", "enrolling", "softmax fine-tuned", "softmax from scratch")
BATCH, FIRST = 64, 200  # images a step; steps of a fine-tuned network on its first classes


class Task(NamedTuple):
    """Classes in the order in which they are added.

    Attributes:
        references: readings ``(classes, k, 1, s, s)`` uint8.
        probes: readings ``(classes, q, 1, s, s)`` uint8.
    """

    references: np.ndarray
    probes: np.ndarray


def draw(data: DataSet, arrays: np.ndarray, classes: int, shots: int, seed: int) -> Task:
    """Classes of any of the alphabets; references and probes by drawers drawn for each class."""
    rng = np.random.default_rng((seed, shots))
    chosen = np.random.default_rng(seed).permutation(len(data.classes))[:classes]
    some = [rng.permutation(np.flatnonzero(data.labels == c))[: shots + PROBES] for c in chosen]
    picked = arrays[np.stack(some)]
    return Task(picked[:, :shots], picked[:, shots:])


class Scratch(NamedTuple):
    """A softmax network learned anew: how long, how turned classes help, how fast."""

    steps: int
    turns: int
    lr: float


class Tuned(NamedTuple):
    """A softmax network fine-tuned for a new class: how long, how fast, which share of a batch shows that class."""

    steps: int
    lr: float
    share: float


SCRATCH = [Scratch(200, 1, 2e-3), Scratch(200, 4, 2e-3), Scratch(400, 1, 2e-3), Scratch(400, 4, 2e-3)]
TUNED = [Tuned(10, 1e-3, 0.25), Tuned(10, 3e-3, 0.25), Tuned(30, 1e-3, 0.25)]


class Softmax:
    """An encoder and a linear head over the classes seen so far."""

    def __init__(self, encoder: nn.Module, seed: int) -> None:
        torch.manual_seed(seed)
        self.encoder = encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.head = nn.Linear(128, 1)
        self.draw = torch.Generator().manual_seed(seed)

    def widen(self, classes: int) -> None:
        """Give the head so many rows; those it has are kept."""
        before, self.head = self.head, nn.Linear(128, classes)
        with torch.no_grad():
            self.head.weight[: before.out_features] = before.weight
            self.head.bias[: before.out_features] = before.bias

    def learn(self, images: Tensor, labels: Tensor, steps: int, lr: float, turns: int, share: float, new: int) -> None:
        """Some steps on references ``(n, 1, s, s)`` of ``labels (n,)``; ``share`` of a batch is of class ``new``."""
        classes = int(labels.max()) + 1
        newest = torch.nonzero(labels == new).squeeze(1)

        def batch(step: int) -> tuple[Tensor, Tensor]:
            index = torch.randint(len(labels), (BATCH,), generator=self.draw)
            if share:
                often = round(share * BATCH)
                index[:often] = newest[torch.randint(len(newest), (often,), generator=self.draw)]
            shown, named = images[index].float() / 255, labels[index]
            shown, named = turn(shown, named, classes, turns, self.draw)
            return augment(shown, self.draw, **WARP), named

        optimiser = make_optimiser(self.encoder, self.head, kind="muon", lr=lr, weight_decay=0.02)
        warmup = min(50, steps // 4)
        for _ in fit(
            self.encoder,
            lambda embeddings, named, _: functional.cross_entropy(self.head(embeddings), named),
            batch,
            optimiser,
            steps=steps,
            schedule=lambda step: learning_rate_at(step, steps=steps, peak=lr, warmup=warmup),
            precision=settled("auto"),
        ):
            pass

    def accuracy(self, task: Task, classes: int) -> float:
        """Share of the probes of the first ``classes`` that are given their class among these."""
        probes = task.probes[:classes]
        self.encoder.eval()
        with torch.inference_mode():
            shown = torch.from_numpy(probes.reshape(-1, *probes.shape[2:])).float() / 255
            blocks = [self.head(self.encoder(block))[:, :classes] for block in shown.split(256)]
        scores = torch.cat(blocks).numpy()
        return float(rank_one_credit(scores, np.repeat(np.arange(classes), probes.shape[1])).mean())


def flat(task: Task, classes: int) -> tuple[Tensor, Tensor]:
    """References of the first ``classes``: images ``(n, 1, s, s)`` and labels ``(n,)``."""
    some = task.references[:classes]
    labels = torch.arange(classes).repeat_interleave(some.shape[1])
    return torch.from_numpy(np.ascontiguousarray(some.reshape(-1, *some.shape[2:]))), labels


def from_scratch(task: Task, classes: int, chosen: Scratch, seed: int) -> dict[str, float]:
    """What learning again costs once so many classes are there, and what it gives."""
    torch.manual_seed(seed)
    network = Softmax(Residual(1, 32, width=24, growth=1.4, fine=True, dim=128), seed)
    network.widen(classes * chosen.turns)
    began = time.process_time()
    network.learn(*flat(task, classes), chosen.steps, chosen.lr, chosen.turns, 0.0, 0)
    return {"core seconds": round(time.process_time() - began, 3), "accuracy": network.accuracy(task, classes)}


def fine_tuned(
    encoder: nn.Module, task: Task, sizes: tuple[int, ...], chosen: Tuned, seed: int
) -> list[dict[str, float]]:
    """Class after class is added; what one cost and what all give, at each of ``sizes``."""
    network = Softmax(copy.deepcopy(encoder), seed)
    network.widen(sizes[0])
    network.learn(*flat(task, sizes[0]), FIRST, 2e-3, 1, 0.0, 0)
    found, spent = [], []
    for classes in range(sizes[0], sizes[-1] + 1):
        if classes > sizes[0]:
            began = time.process_time()
            network.widen(classes)
            network.learn(*flat(task, classes), chosen.steps, chosen.lr, 1, chosen.share, classes - 1)
            spent.append(time.process_time() - began)
        if classes in sizes:
            cost = median(spent[-10:]) if spent else float("nan")
            found.append({"core seconds": round(cost, 4), "accuracy": network.accuracy(task, classes)})
    found[0]["core seconds"] = round(median(spent[:10]), 4)  # the first size is learned at once
    return found


def enrolled(model: Model, task: Task, sizes: tuple[int, ...]) -> list[float]:
    """Accuracy of the same probes, references fused as a gallery fuses them."""
    vectors, probes = (
        model.embed_arrays(np.ascontiguousarray(a.reshape(-1, *a.shape[2:]))) for a in (task.references, task.probes)
    )
    owners = np.repeat(np.arange(len(task.references)), task.references.shape[1])
    scores = model.score(probes, model.templates(vectors, owners, len(task.references)))
    target = np.repeat(np.arange(len(task.probes)), task.probes.shape[1])
    return [float(rank_one_credit(scores[target < n][:, :n], target[target < n]).mean()) for n in sizes]


def enrolling_cost(model: Model, data: DataSet, shots: int, size: int, timed: int = 20) -> dict[str, float]:
    """Core-seconds of one more identity in a gallery on disk of so many: decoding, embedding, the gate, the sync."""
    from firstsight.gallery import Gallery

    def images(c: int) -> list[Any]:
        return [data.examples[i].load() for i in np.flatnonzero(data.labels == c)[:shots]]

    with tempfile.TemporaryDirectory() as folder:
        gallery = Gallery.create(Path(folder) / "signs.db", model=model)
        spent, waited = [], []
        for c in range(size + timed):
            began = time.process_time(), time.perf_counter()
            gallery.enroll(f"sign {c}", images(c), override=["all"])
            spent.append(time.process_time() - began[0])
            waited.append(time.perf_counter() - began[1])
    return {"core seconds": round(median(spent[size:]), 5), "seconds": round(median(waited[size:]), 5)}


def kept(name: str, make: Any) -> Any:
    """What ``make`` gives, or what is kept of it."""
    file = PLACE / f"{name}.json".replace(" ", "-")
    if not file.exists():
        found = make()
        file.write_text(json.dumps(found))
        print(name, json.dumps(found), flush=True)
    return json.loads(file.read_text())


def ours() -> Model:
    """The quick encoder, learned once: of 25 background alphabets, none of which is asked about."""
    import firstsight

    place = PLACE / "ours"
    return Model.load(place) if (place / "model.json").exists() else firstsight.train("glyphs", *OURS, out=place)


def choose(encoder: nn.Module, sizes: tuple[int, int] = (100, 120)) -> dict[str, Any]:
    """Settings of both rivals by their accuracy on the validation alphabets, over both numbers of references."""
    data = open_data("omniglot:validation")
    arrays = read_all(data, Model.load("glyphs").input)
    tasks = [draw(data, arrays, sizes[1], shots, 7) for shots in SHOTS]
    scratch = {
        str(s): mean(
            kept(f"choose {s} {k}", lambda s=s, k=k: from_scratch(tasks[k], sizes[1], s, 7))["accuracy"] for k in (0, 1)
        )
        for s in SCRATCH
    }
    # Twenty additions tell the settings apart; all of them would cost six times as much.
    tuned = {
        str(t): mean(
            kept(f"choose {t} {k}", lambda t=t, k=k: fine_tuned(encoder, tasks[k], sizes, t, 7))[-1]["accuracy"]
            for k in (0, 1)
        )
        for t in TUNED
    }
    return {"from scratch": scratch, "fine-tuned": tuned}


def measure() -> dict[str, Any]:
    """Everything, class counts and references alike for all."""
    quick, shipped = ours(), Model.load("glyphs")
    encoder = load_encoder(quick)[0]
    tried = choose(encoder)
    scratch = max(SCRATCH, key=lambda s: tried["from scratch"][str(s)])
    tuned = max(TUNED, key=lambda t: tried["fine-tuned"][str(t)])
    data = open_data("omniglot:calibration")
    arrays = read_all(data, shipped.input)
    rows: dict[str, Any] = {}
    for shots in SHOTS:
        tasks = {seed: draw(data, arrays, SIZES[-1], shots, seed) for seed in SEEDS}
        found: dict[str, list[list[dict[str, float]]]] = {}
        for seed, task in tasks.items():
            chain = kept(f"tuned {shots} {seed}", lambda t=task, s=seed: fine_tuned(encoder, t, SIZES, tuned, s))
            found.setdefault("softmax fine-tuned", []).append(chain)
            again = [
                kept(f"scratch {shots} {n} {seed}", lambda t=task, n=n, s=seed: from_scratch(t, n, scratch, s))
                for n in SIZES
            ]
            found.setdefault("softmax from scratch", []).append(again)
            for name, model in (("enrolling", quick), ("enrolling, shipped glyphs", shipped)):
                cost = kept(f"{name} {shots}", lambda m=model, k=shots: enrolling_cost(m, data, k, SIZES[-1]))
                right = enrolled(model, task, SIZES)
                found.setdefault(name, []).append([{**cost, "accuracy": a} for a in right])
        for name in ORDER:
            seeds = found[name]
            for i, n in enumerate(SIZES):
                rows.setdefault(name, {})[f"{n} classes, {shots} references"] = {
                    "accuracy of seeds": [round(one[i]["accuracy"], 4) for one in seeds],
                    "core seconds of seeds": [one[i]["core seconds"] for one in seeds],
                }
    return {
        "measured": f"one of all classes, {PROBES} probes a class by other drawers, of omniglot:calibration",
        "seeds": SEEDS,
        "threads": 1,
        "encoder": {"changes of the recipe glyphs": OURS, "core seconds": quick.spec.trained.core_seconds},
        "tried on omniglot:validation, 120 classes, mean accuracy of 1 and 5 references": tried,
        "chosen": {"from scratch": str(scratch), "fine-tuned": str(tuned)},
        "rows": rows,
    }


def table() -> str:
    """The table of docs/growing.md, out of the file of figures."""
    rows = json.loads(KEPT.read_text())["result"]["rows"]
    ends = [(n, k) for k in SHOTS for n in (SIZES[0], SIZES[-1])]
    head = " | ".join(f"{n} classes, {k} reference{'s' if k > 1 else ''}" for n, k in ends)
    lines = [f"| a class is added by | {head} | core-seconds a class |", "|---|" + "---|" * (len(ends) + 1)]
    for name, row in rows.items():
        cells = [f"{100 * mean(row[f'{n} classes, {k} references']['accuracy of seeds']):.1f} %" for n, k in ends]
        costs = [mean(one["core seconds of seeds"]) for one in row.values()]
        low, high = (f"{c:.2g}" if c < 10 else f"{c:.0f}" for c in (min(costs), max(costs)))
        lines.append(f"| {name} | {' | '.join(cells)} | {low if low == high else f'{low} to {high}'} |")
    return "\n".join(lines)


def picture() -> None:
    """Accuracy and cost as classes grow: one figure."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator
    from pictures import DARK, save

    from firstsight.report import plots
    from firstsight.report.plots import canvas

    rows = json.loads(KEPT.read_text())["result"]["rows"]
    look = {
        "enrolling, shipped glyphs": (plots.CLASSES[2], "D"),
        "enrolling": (plots.CLASSES[0], "o"),
        "softmax fine-tuned": (plots.CLASSES[1], "^"),
        "softmax from scratch": (plots.CLASSES[3], "s"),
    }
    made = Figure(figsize=(8.6, 3.4), layout="constrained")
    axes = made.subplots(1, 3)
    titles = ("accuracy, 1 reference a class", "accuracy, 5 references a class", "core-seconds to add a class")
    for place, (each, title) in enumerate(zip(axes, titles, strict=True)):
        canvas.plain(each)
        canvas.grid(each)
        each.set_title(title, fontsize=10, color=DARK)
        each.set_xscale("log")
        each.xaxis.set_major_locator(FixedLocator(SIZES))
        each.xaxis.set_minor_locator(NullLocator())
        each.set_xticklabels([str(n) for n in SIZES])
        each.set_xlabel("classes")
        for name, (colour, marker) in look.items():
            for k in SHOTS if place == 2 else (SHOTS[place],):
                key = "core seconds of seeds" if place == 2 else "accuracy of seeds"
                values = [mean(rows[name][f"{n} classes, {k} references"][key]) for n in SIZES]
                style = {"linestyle": "--" if place == 2 and k == 1 else "-", "linewidth": 1.5}
                each.plot(SIZES, values, color=colour, marker=marker, markersize=4, label=name, **style)
        if place == 2:
            each.set_yscale("log")
            each.text(0.03, 0.42, "dashed: 1 reference, solid: 5", transform=each.transAxes, fontsize=8.5, color=DARK)
        else:
            canvas.percent_axis(each.yaxis)
            each.set_ylim(0.5, 1.02)
    handles, names = axes[0].get_legend_handles_labels()
    made.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=9, labelcolor=DARK)
    save(made, "enrolling")


def main() -> None:
    """Measure what is missing, write the figures, the picture and the table."""
    if sys.argv[1:] != ["--picture"]:
        from make import record

        torch.set_num_threads(1)
        keep_memory()
        PLACE.mkdir(parents=True, exist_ok=True)
        record("enrolling", "OMP_NUM_THREADS=1 python results/enrolling.py", 0, measure())
    picture()
    write_tables({"enrolling": table()})


if __name__ == "__main__":
    main()
