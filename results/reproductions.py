"""docs/reproductions.md from the files of ``results/reproduce``: ``python results/reproductions.py`` writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firstsight.reproduce.catalogue import REPRODUCTIONS
from firstsight.reproduce.record import Reproduction

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "results" / "reproduce", ROOT / "docs" / "reproductions.md"
HEAD = """# Reproductions

What papers published, and the same obtained here. This page is made from the files of `results/reproduce` by
`python results/reproductions.py`; nothing in it is written by hand.

    firstsight reproduce                     what there is
    firstsight reproduce koch-30k            train, measure, write results/reproduce/koch-30k.json
    firstsight reproduce koch-30k --smoke    the same in its smallest size, within seconds; its figures mean nothing

A run that was stopped goes on with the same command. The file is written while training, too, with the state
`training`. `--seed` changes every draw of training and of the measures, `KEY=VALUE` a setting of the recipe; both stand
in the command that the file holds. The model lies in `build/reproduce/NAME`, or in `--out`. Intervals are of 95 %, by
resampling whole alphabets (or classes).

| reproduction | figure | published | ours | CPU minutes | seed |
|---|---|---|---|---|---|
"""


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
    rows = [row for name, what in REPRODUCTIONS.items() for row in _rows(name, what, found[name])]
    parts = [HEAD + "\n".join(rows) + "\n"]
    parts += [_section(name, what, found[name]) for name, what in REPRODUCTIONS.items()]
    return "\n".join(parts)


def _rows(name: str, what: Reproduction, some: list[dict[str, Any]]) -> list[str]:
    rows = []
    for record in some:
        state = "" if record["state"] == "done" else f" ({_state(record)})"
        cost = f"{record['cpu_minutes']:.0f} | {record['seed']}"
        rows += [
            f"| `{name}` | {f['name']} | {_share(f['paper'])} | {_ours(f['ours'])}{state} | {cost} |"
            for f in record["figures"]
        ]
        if not record["figures"]:
            rows.append(f"| `{name}` | | | {_state(record)} | {cost} |")
    if not some:
        rows += [
            f"| `{name}` | {f.name} | {_share(f.paper)} | not run yet | | |"
            for f in what.figures
            if f.paper is not None
        ]
        if all(f.paper is None for f in what.figures):
            rows.append(f"| `{name}` | {what.title} | | not run yet | | |")
    return rows


def _section(name: str, what: Reproduction, some: list[dict[str, Any]]) -> str:
    lines = [f"## {name}", "", f"{what.title}. {what.paper}", ""]
    lines += [
        f"* Published: {figure.name} {_share(figure.paper)} ({figure.source}); measured by `{figure.measure}`."
        for figure in what.figures
        if figure.paper is not None
    ]
    lines += [f"* Differs: {sentence}" for sentence in what.differs]
    lines += [_beside(file) for file in what.beside]
    for record in some:
        lines += [
            "",
            f"`{record['command']}`, {record['date']}, commit {record['commit']}, {record['machine']}: "
            f"{_state(record)}.",
        ]
        for measure, details in record["details"].items():
            lines += _confusions(measure, details)
        lines += ["", *(f"![{what.title}](../results/reproduce/{picture})" for picture in record["pictures"])]
    return "\n".join(lines).rstrip() + "\n"


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
    PAGE.write_text(page(records()))
    print(PAGE)
