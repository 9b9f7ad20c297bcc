"""docs/reproductions.md and its pictures from ``results/reproduce``: ``python results/reproductions.py`` makes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firstsight.reproduce.catalogue import REPRODUCTIONS
from firstsight.reproduce.record import Reproduction

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "results" / "reproduce", ROOT / "docs" / "reproductions.md"
CURVES = {
    "same-alphabet-contrastive": "the report's twin, contrastive",
    "same-alphabet-triplet": "the report's twin, triplets",
    "same-alphabet-flat": "its flat triplet loss",
    "same-alphabet": "our recipe",
}
"""Reproductions drawn in one picture, below the last of them."""
WIDTHS = {"koch-30k": "the whole network", "koch-30k-quarter": "a quarter of the width, pairs drawn apart"}
"""Networks of Koch's drawn in one picture, below the last of them."""
EPOCH = 30_000 / 64
"""Steps of theirs."""
HEAD = """# Reproductions

What papers published, and the same obtained here. This page is made from the files of `results/reproduce` by
`python results/reproductions.py`; nothing in it is written by hand.

    firstsight reproduce                     what there is
    firstsight reproduce koch-30k            train, measure, write results/reproduce/koch-30k.json
    firstsight reproduce koch-30k --smoke    the same in its smallest size, within seconds; its figures mean nothing
    firstsight reproduce facenet --so-far    measure what a stopped run has learned, and learn no further

A run that was stopped goes on with the same command. The file is written while training, too, with the state
`training`. `--seed` changes every draw of training and of the measures (but for the pairs of `same-alphabet`, which are
the same for all), `KEY=VALUE` a setting of the recipe; both stand in the command that the file holds. The model lies in
`build/reproduce/NAME`, or in `--out`. Intervals are of 95 %, by resampling whole alphabets, Lake's runs, draws of
references (MNIST), or images of learned classes. Beside ours stands the best recipe of FirstSight by the same protocol;
for Koch's verification by one of other alphabets, the last ten by name (`omniglot-verification`).

| reproduction | figure | published | ours | our best recipe | CPU minutes | seed |
|---|---|---|---|---|---|---|
"""
OWN = {
    "koch-verification": "omniglot-verification",
    "omniglot-lake-20way": "omniglot-lake-20way",
    "omniglot-within-20way": "omniglot-within-20way",
    "mnist-10way": "mnist-10way",
}
"""Measure -> the file of ``results`` with the same figures of the recipe ``glyphs``."""
OURS = ("same-alphabet", "rocks")
"""Reproductions that are recipes of ours, beside those whose names begin like them."""


def records(folder: Path = RESULTS) -> dict[str, list[dict[str, Any]]]:
    """What has come of every reproduction, by its name, seed by seed."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in REPRODUCTIONS}
    for file in sorted(folder.glob("*.json")):
        record = json.loads(file.read_text())
        if not record["smoke"]:
            found[record["name"]].append(record)
    return {name: sorted(some, key=lambda r: r["seed"]) for name, some in found.items()}


def page(found: Mapping[str, list[dict[str, Any]]]) -> str:
    """The page."""
    rows = [row for name, what in REPRODUCTIONS.items() for row in _rows(name, what, found)]
    sections = (_section(name, what, found[name]) for name, what in REPRODUCTIONS.items())
    return "\n".join([HEAD + "\n".join(rows) + "\n", *sections])


def _rows(name: str, what: Reproduction, found: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    done = [record for record in found[name] if record["figures"]]
    costs, seeds = (", ".join(f"{record[key]:.0f}" for record in done) for key in ("cpu_minutes", "seed"))
    rows = []
    for place, figure in enumerate(what.figures):
        values = [(record, one) for record in done if (one := _measured(record, what, place))]
        if not values and figure.paper is None:
            continue
        ours = "; ".join(
            _ours(one["ours"]) + ("" if record["state"] == "done" else f" ({_state(record)})") for record, one in values
        )
        cells = (f"`{name}`", figure.name, _share(figure.paper), ours or _waits(found[name]))
        rows.append(" | ".join(("", *cells, _best(name, place, found), costs, seeds, "")).strip())
    return rows or [f"| `{name}` | {what.title} | | {_waits(found[name])} | | | |"]


def _measured(record: Mapping[str, Any], what: Reproduction, place: int) -> dict[str, Any] | None:
    """What a record holds of the figure at a place of the catalogue; names may be there twice."""
    name = what.figures[place].name
    same = [one for one in record["figures"] if one["name"] == name]
    which = sum(figure.name == name for figure in what.figures[:place])
    return same[which] if which < len(same) else None


def _waits(some: list[dict[str, Any]]) -> str:
    return "; ".join(map(_state, some)) or "not run yet"


def _best(name: str, place: int, found: Mapping[str, list[dict[str, Any]]]) -> str:
    """The same figure by the recipe of ours that is best at it; "" for that recipe itself, or where there is none."""
    figure = REPRODUCTIONS[name].figures[place]
    if figure.measure in OWN:
        metrics = json.loads((ROOT / "results" / f"{OWN[figure.measure]}.json").read_text())["result"]["metrics"]
        return _ours(metrics[figure.metric]) if figure.metric in metrics else ""
    other = next((other for other in OURS if name.startswith(f"{other}-")), "")
    for record in found.get(other, []):
        for at, one in enumerate(REPRODUCTIONS[other].figures):
            same = (one.measure, one.metric) == (figure.measure, figure.metric)
            if same and (value := _measured(record, REPRODUCTIONS[other], at)):
                return _ours(value["ours"])
    return ""


def _section(name: str, what: Reproduction, some: list[dict[str, Any]]) -> str:
    lines = [f"## {name}", "", f"{what.title}. {what.paper}", ""]
    lines += [
        f"* Published: {figure.name} {_share(figure.paper)} ({figure.source}); measured by `{figure.measure}`."
        for figure in what.figures
        if figure.paper is not None
    ]
    lines += _differs(name, what)
    lines += [_beside(file) for file in what.beside]
    for record in some:
        lines += [
            "",
            f"`{record['command']}`, {record['date']}, commit {record['commit']}, {record['machine']}: "
            f"{_state(record)}.",
        ]
        for measure, details in record["details"].items():
            lines += _confusions(measure, details)
        if name in DRAWN and record is some[-1]:
            words, place, _ = DRAWN[name]
            lines += ["", f"![{words}]({place})"]
        lines += ["", *(f"![{what.title}](../results/reproduce/{picture})" for picture in record["pictures"])]
    return "\n".join(lines).rstrip() + "\n"


def _differs(name: str, what: Reproduction) -> list[str]:
    """What differs from the paper; where all of it holds that an earlier section lists, that one is named."""
    names = list(REPRODUCTIONS)
    earlier = {other: REPRODUCTIONS[other].differs for other in names[: names.index(name)]}
    shared = [other for other, said in earlier.items() if said and set(said) <= set(what.differs)]
    other = max(shared, key=lambda other: len(earlier[other]), default=None)
    lines = [] if other is None else [f"* Differs as `{other}` does, see there."]
    known = () if other is None else earlier[other]
    return lines + [f"* Differs: {sentence}" for sentence in what.differs if sentence not in known]


def _beside(file: str) -> str:
    """What a supervised model of ours, and pixels, reach by the same protocol."""
    result = json.loads((ROOT / "results" / f"{file}.json").read_text())["result"]
    values = "; ".join(f"{name} {_ours(result['metrics'][name])}" for name in ("accuracy", "pixels"))
    recipe = result["trained"][0]["recipe"] if "trained" in result else result["model"]
    return f"* Beside it, learned with all labels by the recipe `{recipe}`: {result['protocol']}, {values} (`{file}`)."


def _confusions(measure: str, details: Mapping[str, Any]) -> list[str]:
    matrices = {part: one["confusion"] for part, one in details.items() if isinstance(one, dict) and "confusion" in one}
    if not matrices:
        return []
    kinds = list(next(iter(matrices.values())))
    return [
        "",
        f"| pairs of {measure} | " + " | ".join(kinds) + " |",
        "|---|" + "---|" * len(kinds),
        *(
            f"| {part} alphabets | " + " | ".join(f"{matrix[k]:,}" for k in kinds) + " |"
            for part, matrix in matrices.items()
        ),
    ]


def draw_alphabets(found: Mapping[str, list[dict[str, Any]]]) -> Any:
    """Losses by step, as shares of the first, and ROC of unseen alphabets, of the first seed of all in ``CURVES``."""
    from firstsight.report.plots import CLASSES, canvas

    made, (learning, judging) = _two()
    for (name, words), colour in zip(CURVES.items(), CLASSES, strict=False):
        if not found[name]:
            continue
        record = found[name][0]
        steps, losses = ([point[key] for point in record["curve"]] for key in ("step", "loss"))
        learning.plot(steps, [loss / losses[0] for loss in losses], color=colour, label=words)
        for details in record["details"].values():
            roc = details["unseen"]["roc"]
            judging.plot(roc["fmr"], [1 - missed for missed in roc["fnmr"]], color=colour)
    judging.plot([0, 1], [0, 1], color=canvas.INK, linewidth=0.8, linestyle="--")
    learning.set(xlabel="step", ylabel="loss, of the first", ylim=(0, None))
    judging.set(xlabel="FMR: different alphabets taken for the same", ylabel="TAR: same alphabet recognised")
    judging.set(xlim=(0, 1), ylim=(0, 1))
    return _finished(made, len(CURVES))


def draw_widths(found: Mapping[str, list[dict[str, Any]]]) -> Any:
    """Losses and one-shot accuracy of validation tasks by epoch, of the first seed of all in ``WIDTHS``."""
    from firstsight.report.plots import CLASSES

    made, (learning, judging) = _two()
    for (name, words), colour in zip(WIDTHS.items(), CLASSES, strict=False):
        for record in found[name][:1]:
            for axes, key in ((learning, "loss"), (judging, "validation_accuracy")):
                points = [(point["step"] / EPOCH, point[key]) for point in _joined(record) if key in point]
                marker, label = ("", words) if axes is learning else (".", None)
                axes.plot(*zip(*points, strict=True), color=colour, marker=marker, label=label)
    learning.set(xlabel="epoch of 30,000 pairs", ylabel="loss of a step", ylim=(0, None))
    judging.set(xlabel="epoch of 30,000 pairs", ylabel="one-shot accuracy, validation", ylim=(0, 1))
    return _finished(made, len(WIDTHS))


def _joined(record: Mapping[str, Any]) -> list[dict[str, float]]:
    """The curve of a record; where a training came first, its own and then what follows it."""
    earlier = record.get("earlier", [])
    done = earlier[-1]["step"] if earlier else 0
    return [*earlier, *({**point, "step": done + point["step"]} for point in record["curve"])]


def _two() -> tuple[Any, Any]:
    """An empty picture, and its two halves."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(8.6, 3.4), layout="constrained", facecolor="white")
    return made, made.subplots(1, 2)


def _finished(made: Any, lines: int) -> Any:
    """The picture, with grids and its legend."""
    from firstsight.report.plots import canvas

    for axes in made.axes:
        canvas.grid(axes)
        axes.spines[["top", "right"]].set_visible(False)
    made.legend(loc="outside lower center", ncols=lines, frameon=False, fontsize=9)
    return made


DRAWN = {
    list(CURVES)[-1]: (
        "Losses while learning, and errors on unseen alphabets",
        "pictures/same-alphabet.png",
        draw_alphabets,
    ),
    list(WIDTHS)[-1]: ("Losses, and one-shot accuracy by epoch", "pictures/koch.png", draw_widths),
}
"""Pictures, by the reproduction below whose last seed each stands: its words, its place, and what draws it."""


def _state(record: Mapping[str, Any]) -> str:
    if record["state"] == "stopped":
        return f"training ended: {record['stopped']}"
    if record["state"] == "training":
        return f"still training, step {record['step']:,} of {record['steps']:,}"
    return str(record["state"])


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f} %"


def _ours(metric: Mapping[str, float]) -> str:
    return f"{100 * metric['value']:.2f} % [{100 * metric['low']:.2f}, {100 * metric['high']:.2f}]"


if __name__ == "__main__":
    made = records()
    PAGE.write_text(page(made))
    for _, place, draw in DRAWN.values():
        draw(made).savefig(PAGE.parent / place, dpi=130, metadata={"Software": None})
    print(PAGE)
