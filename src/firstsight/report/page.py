"""``Report`` -> one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firstsight.datasets import DataSet, open_data
from firstsight.errors import DataError, UsageError
from firstsight.model import Model
from firstsight.report import figures, pictures, space
from firstsight.report.html import script, write
from firstsight.report.plots import CLASSES, MARKERS
from firstsight.report.wording import is_cost, is_rate, title
from firstsight.types import Report

_MAX_ROWS = 2000


def write_page(report: Report, path: Path, model: Model) -> None:
    """Write a self-contained page: the verdict first, then what it means, then what stands behind it.

    The same report and model give the same bytes.

    Args:
        report: what was measured; what its ``details`` lack is left out of the page.
        path: of the page.
        model: the one evaluated, to show examples and embeddings as it sees them.

    Raises:
        UsageError: the packages that draw are not installed.
        StorageError: the file can't be written.
    """
    try:
        content = _content(report, model)
    except ImportError as error:
        raise UsageError(f"pages need {error.name}, which is not installed; pip install 'firstsight[report]'") from None
    write("report.html", path, **content)


def _content(report: Report, model: Model) -> dict[str, Any]:
    notes = list(report.notes)
    data = _data(report, notes)
    seen = space.sample(data, model, report.seed) if data and len(data) and not data.pairs else None
    embedding, left_out = figures.embedding(report, seen)
    threshold = report.details.get("threshold")
    if threshold is None and model.calibration:
        threshold = model.calibration.threshold
    globe = space.sphere(seen, model, threshold) if seen and model.dim == 3 else None
    code, policy = script("sphere.js") if globe else ("", "'none'")
    names = list(report.metrics)
    baselines = _baselines(names)
    content = {
        "report": report,
        "diagnosis": list(getattr(report, "diagnosis", ())),
        "notes": notes + left_out,
        "headline": names[0] if names else None,
        "verdict": report.verdict,
        "costs": is_cost(names[0]) if names else False,
        "comparison": [("this model", names[0]), *baselines] if baselines else [],
        "cards": [n for n in names[1:] if n not in [name for _, name in baselines]],
        "verification": figures.verification(report),
        "decisions": _decisions(report.details.get("decisions")),
        "identification": figures.identification(report),
        "table": figures.table(report),
        "most_rows": _MAX_ROWS,
        "embedding": embedding,
        "classes": _legend(seen),
        "sphere": globe,
        "script": code,
        "policy": policy,
        "training": figures.training(model.path / "metrics.jsonl"),
        **_shown(report, model, data),
    }
    return {**content, "navigation": _navigation(content)}


def _baselines(names: list[str]) -> list[tuple[str, str]]:
    """What the headline is to be compared with: its words and the name of its metric."""
    if not names or not is_rate(names[0]):
        return []
    plain = {f"{own}{end}": words for own, words in _PLAIN.items() for end in ("", f" {names[0]}")}
    found = [n for n in names[1:] if n in plain or n.startswith(("pixels,", "hog,", "chance"))]
    return [(plain.get(n, title(n)), n) for n in found]


_PLAIN = {"pixels": "comparing pixels", "hog": "HOG with a cosine"}


def _data(report: Report, notes: list[str]) -> DataSet | None:
    """The data evaluated; None, with a note, where it is not here (a report may be read on another machine)."""
    try:
        data = open_data(report.data)
        left_out = set(report.details.get("left_out", ()))
        return data.take([n for n in range(len(data)) if n not in left_out], data.name) if left_out else data
    except (DataError, UsageError) as error:
        notes.append(f"pictures and maps are left out, since the data is not here: {error}")
        return None


def _shown(report: Report, model: Model, data: DataSet | None) -> dict[str, Any]:
    if data is None:
        return {"tasks": [], "worst": {"false_matches": [], "misses": []}, "neighbours": []}
    held = pictures.Pictures(data, model.input)
    return {
        "tasks": pictures.tasks(report.details, held),
        "worst": pictures.worst(report.details, held, model),
        "neighbours": pictures.neighbours(report.details, held),
    }


def _decisions(counts: dict[str, int] | None) -> list[tuple[str, list[tuple[str, int, float]]]]:
    """Rows of the table of decisions: truth, then for each answer its class, count and share of the row."""
    if not counts:
        return []
    rows = []
    for truth, cells in (
        ("same", (("good", "true_match"), ("bad", "false_non_match"))),
        ("different", (("bad", "false_match"), ("good", "true_non_match"))),
    ):
        total = sum(counts[key] for _, key in cells)
        rows.append((truth, [(kind, counts[key], counts[key] / max(1, total)) for kind, key in cells]))
    return rows


def _legend(seen: space.Sample | None) -> list[dict[str, Any]]:
    """A class of the maps each: its name, colour, marker and a typical example."""
    if seen is None:
        return []
    signs = dict(zip(MARKERS, "●▲■◆", strict=True))
    return [
        {
            "name": name,
            "colour": CLASSES[c % len(CLASSES)],
            "sign": signs[MARKERS[(c // len(CLASSES)) % len(MARKERS)]],
            "pixels": seen.thumbnails[c],
        }
        for c, name in enumerate(seen.names)
    ]


def _navigation(content: dict[str, Any]) -> list[tuple[str, str]]:
    """Anchor and name of every section there is, in the page's order."""
    worst = content["worst"]
    sections = (
        ("meaning", "What it means", content["diagnosis"]),
        ("figures", "Key figures", content["cards"]),
        ("tasks", "Tasks", content["tasks"]),
        ("verification", "Same or different", content["verification"] or content["decisions"]),
        ("identification", "Who is it", content["identification"]),
        ("table", f"By {content['table'].by}" if content["table"] else "", content["table"]),
        ("mistakes", "Mistakes", worst["false_matches"] or worst["misses"]),
        ("neighbours", "Nearest", content["neighbours"]),
        ("space", "Embeddings", content["embedding"] or content["sphere"]),
        ("training", "Learning", content["training"]),
        ("measured", "Method", True),
    )
    return [(anchor, name) for anchor, name, there in sections if there]
