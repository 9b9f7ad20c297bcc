"""``Report`` -> one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firstsight.datasets import open_data
from firstsight.errors import UsageError
from firstsight.inputs import Input
from firstsight.report.html import write
from firstsight.types import PixelArray, Report


def write_page(report: Report, path: Path, reader: Input) -> None:
    """Write a self-contained page.

    Args:
        report: what was measured.
        path: of the page.
        reader: the model's input, to show examples as the model sees them.

    Raises:
        UsageError: the packages that draw are not installed.
        StorageError: the file can't be written.
    """
    try:
        from firstsight.report import plots

        figures = _figures(report, plots)
    except ImportError as error:
        raise UsageError(f"pages need {error.name}, which is not installed; pip install 'firstsight[report]'") from None
    write("report.html", path, report=report, figures=figures, tasks=_tasks(report, reader))


def _figures(report: Report, plots: Any) -> list[tuple[str, Any]]:
    details, figures = report.details, []
    if "histogram" in details:
        h = details["histogram"]
        figures.append(
            (
                "Scores",
                plots.score_histogram(h["edges"], h["genuine"], h["impostor"], details.get("threshold")),
            )
        )
        figures.append(("Error trade-off (DET)", plots.det_curve(details["roc"]["fmr"], details["roc"]["fnmr"])))
    if "table" in details:
        rows = details["table"][:25]
        mean = report.metrics["accuracy"].value
        title = f"Accuracy by {details['by']}" + ("" if len(rows) == len(details["table"]) else ", the 25 hardest")
        figures.append((title, plots.bars([r["name"] for r in rows], [r["accuracy"] for r in rows], mean)))
    return figures


def _tasks(report: Report, reader: Input) -> list[dict[str, Any]]:
    """The sample tasks with their pictures: references in a row, each with its probe below."""
    strips = report.details.get("examples", [])
    if not strips:
        return []
    data = open_data(report.data)

    def seen(index: int) -> PixelArray:
        pixels: PixelArray = reader.read(data.examples[index].load()).arrays[0]
        return pixels

    tasks = []
    for strip in strips:
        by_target = {t: (q, c) for q, t, c in zip(strip["query"], strip["target"], strip["credit"], strict=True)}
        columns = []
        for place, reference in enumerate(strip["support"]):
            probe, credit = by_target[place]
            label = data.examples[reference].label
            columns.append({"reference": seen(reference), "probe": seen(probe), "credit": credit, "label": label})
        tasks.append({"columns": columns, "right": sum(c["credit"] for c in columns)})
    return tasks
