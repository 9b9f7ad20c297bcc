"""``make demo``: the whole loop with no input, from nothing to a page a person can judge.

1. Learn icon concepts, watch the held-out ones, evaluate on 100 concepts never seen, calibrate.
2. Enroll one rendering of each of 20 unseen concepts; identify those of other design families, and strangers.
3. With the shipped model ``glyphs``: enroll one handwritten digit of each kind and identify thousands.
4. Write ``demo/report.html``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firstsight import api
from firstsight.cli import receipts, render
from firstsight.datasets import DataSet, open_data
from firstsight.datasets.readings import read_all
from firstsight.errors import FirstSightError, UsageError
from firstsight.gallery import Gallery
from firstsight.gallery.tally import tally
from firstsight.model import Model
from firstsight.types import Match, PixelArray, Tally

ENROLLED, STRANGERS, SEED = 20, 20, 7
MARK = ".firstsight-demo"


@dataclass(frozen=True, slots=True)
class Shown:
    """One act of the demo: who was enrolled, what was asked, what came out."""

    references: list[tuple[str, PixelArray]]
    answers: list[tuple[str, PixelArray, Match]]
    counts: Tally


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description="The whole loop, from nothing.")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for the model, galleries and page")
    parser.add_argument("--steps", type=int, default=0, help="shorten training (for tests)")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        _run(options.out, options.steps, began)
    except FirstSightError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("error: stopped; run it again to begin anew", file=sys.stderr)
        return 3
    return 0


def _run(out: Path, steps: int, began: float) -> None:
    if out.exists() and not (out / MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not an earlier demo's folder; choose another --out")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MARK).write_text("made by the demo, and made anew by its next run\n")
    _say("1. Learn what makes two icons the same, from concepts drawn by several design families")
    changes = [f"training.steps={steps}"] if steps else []
    with render.training(quiet=False) as listen:
        model = api.train("icons", *changes, out=out / "icons", listen=listen)
    render.trained(model, json=False)

    _say("2. How good is it on 100 concepts it never saw? (reference and probe by different families)")
    report = api.evaluate(model, "icons-20way")
    render.evaluated(report, None, json=False)
    render.calibrated(api.calibrate(model, fmr=0.005), str(model.path), json=False)

    _say(f"3. Enroll one rendering of each of {ENROLLED} unseen concepts; identify others, strangers among them")
    icons = _icons(model, out / "icons.db")
    receipts.tallied(icons.counts, json=False)

    _say("4. The shipped model glyphs never saw a digit: enroll one of each kind, identify the rest")
    digits = _digits(Model.load("glyphs"), out / "digits.db")
    receipts.tallied(digits.counts, json=False)

    page = out / "report.html"
    seconds = time.monotonic() - began
    _write(page, model, report, icons, digits, seconds)
    (out / "summary.json").write_text(json.dumps(_summary(report, icons, digits, seconds), indent=1) + "\n")
    _say(f"Done in {seconds / 60:.1f} minutes. Open {page} and judge for yourself.")
    print("Now your own folder, one sub-folder a class (same commands, no code):")
    print("\n".join(f"  {line}" for line in OWN))
    print("Or in a browser: draw a symbol once, and see it recognised when you draw it again:")
    print(f"  firstsight serve {render.quoted(out / 'signs.db')} --model glyphs --keep-sources")


OWN = (
    "firstsight train folder ./photos --out ./photos-model",
    "firstsight calibrate ./photos-model --fmr 0.01",
    "firstsight gallery create photos.db --model ./photos-model",
    "firstsight enroll photos.db alice alice.jpg",
    "firstsight identify photos.db someone.jpg",
)


def _icons(model: Model, place: Path) -> Shown:
    """Enroll one family's rendering of unseen concepts, ask with the other families', and with strangers."""
    rng = np.random.default_rng(SEED)
    test = open_data("icons:test")
    concepts = [test.classes[i] for i in rng.permutation(len(test.classes))[: ENROLLED + STRANGERS]]
    enrolled = set(concepts[:ENROLLED])
    references, probes = [], []
    for concept in concepts:
        mine = [i for i, e in enumerate(test.examples) if e.label == concept]
        first = int(rng.choice(mine))
        family = test.examples[first].origin
        if concept in enrolled:
            references.append(first)
            probes += [i for i in mine if test.examples[i].origin != family]
        else:
            probes += mine
    return _ask(model, place, test.take(references, "icons:test"), test.take(probes, "icons:test"))


def _digits(model: Model, place: Path) -> Shown:
    """Enroll the first digit of each kind 0 to 7; 8 and 9 stay strangers."""
    digits = open_data("mnist5k")
    first = [next(i for i, e in enumerate(digits.examples) if e.label == str(d)) for d in range(8)]
    rest = [i for i in range(len(digits)) if i not in first]
    return _ask(model, place, digits.take(first, "mnist5k"), digits.take(rest, "mnist5k"))


def _ask(model: Model, place: Path, references: DataSet, probes: DataSet) -> Shown:
    with Gallery.create(place, model) as gallery:
        arrays = read_all(references, model.input)
        for i, e in enumerate(references.examples):
            gallery.enroll_embeddings(e.label, model.embed_arrays(arrays[i : i + 1]), [e.source])
        asked = read_all(probes, model.input)
        matches = gallery.match_embeddings(model.embed_arrays(asked))
    known = {e.label for e in references.examples}
    counts = tally(probes.name, probes.examples, matches, known)
    rng = np.random.default_rng(SEED)
    shown = sorted(rng.permutation(len(probes))[:60].tolist(), key=lambda i: probes.examples[i].label)
    return Shown(
        [(e.label, arrays[i]) for i, e in enumerate(references.examples)],
        [(probes.examples[i].label, asked[i], matches[i]) for i in shown],
        counts,
    )


def _write(page: Path, model: Model, report: Any, icons: Shown, digits: Shown, seconds: float) -> None:
    from firstsight.report import html, plots

    lines = [json.loads(line) for line in (model.path / "metrics.jsonl").read_text().splitlines()]
    looks = [(line["step"], line["validation_accuracy"]) for line in lines if "validation_accuracy" in line]
    curve = plots.learning_curve([line["step"] for line in lines], [line["loss"] for line in lines], looks)
    html.write(
        "demo.html",
        page,
        model=model,
        report=report,
        acts=[
            ("Icons: one rendering enrolled, other families asked", icons),
            ("Handwritten digits: one of each kind enrolled", digits),
        ],
        curve=curve,
        minutes=seconds / 60,
        own=OWN,
    )


def _summary(report: Any, icons: Shown, digits: Shown, seconds: float) -> dict[str, Any]:
    def counts(t: Tally) -> dict[str, int]:
        names = (
            "enrolled",
            "probes",
            "right",
            "wrong",
            "unknown",
            "best_is_right",
            "strangers",
            "strangers_unknown",
        )
        return {n: getattr(t, n) for n in names}

    return {
        "seconds": round(seconds, 1),
        "icons_20way": report.metrics["accuracy"].value,
        "icons": counts(icons.counts),
        "digits": counts(digits.counts),
    }


def _say(text: str) -> None:
    print(f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
