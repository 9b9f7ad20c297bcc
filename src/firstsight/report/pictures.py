"""What a report says of single examples, with their pictures as the model sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from firstsight.datasets import DataSet
from firstsight.inputs import Input
from firstsight.model import Model
from firstsight.occlusion import why
from firstsight.report.html import picture
from firstsight.report.overlay import overlay
from firstsight.report.wording import named

MOST_TASKS, MOST_PAIRS, MOST_QUERIES, MOST_NEAREST = 3, 12, 10, 8
MOST_EXPLAINED = 6  # each takes some two hundred embeddings


@dataclass(frozen=True)
class Pictures:
    """Pictures of a data set's examples by their index, each decoded once.

    Attributes:
        data: the data set evaluated.
        reader: the model's input.
    """

    data: DataSet
    reader: Input

    @cached_property
    def _made(self) -> dict[int, dict[str, str]]:
        return {}

    def __getitem__(self, index: int) -> dict[str, str]:
        """``{"label", "address"}`` of an example, the address holding the picture."""
        if index not in self._made:
            example = self.data.examples[index]
            address = picture(self.reader.read(example.load()).arrays[0])
            self._made[index] = {"label": example.label or named(example.source), "address": address}
        return self._made[index]


def tasks(details: Mapping[str, Any], pictures: Pictures) -> list[dict[str, Any]]:
    """The sample tasks: references in a row, each with its probe below."""
    made = []
    for strip in details.get("examples", [])[:MOST_TASKS]:
        by_target = {t: (q, c) for q, t, c in zip(strip["query"], strip["target"], strip["credit"], strict=True)}
        columns = []
        for place, reference in enumerate(strip["support"]):
            if place in by_target:
                probe, credit = by_target[place]
                columns.append({"reference": pictures[reference], "probe": pictures[probe], "credit": credit})
        made.append({"columns": columns, "right": sum(c["credit"] for c in columns)})
    return made


def worst(details: Mapping[str, Any], pictures: Pictures, model: Model) -> dict[str, list[dict[str, Any]]]:
    """The worst false matches and the worst misses as pairs of pictures; either may be empty.

    The first false matches also show what matched. What is missing in a miss, no covering shows.
    """
    found = details.get("worst", {})
    made: dict[str, list[dict[str, Any]]] = {
        kind: [
            {"left": pictures[p["left"]], "right": pictures[p["right"]], "score": p["score"], "matched": None}
            for p in found.get(kind, [])[:MOST_PAIRS]
        ]
        for kind in ("false_matches", "misses")
    }
    for pair, p in list(zip(made["false_matches"], found.get("false_matches", []), strict=False))[:MOST_EXPLAINED]:
        pair["matched"] = _matched(pictures.data, p["left"], p["right"], model)
    return made


def _matched(data: DataSet, left: int, right: int, model: Model) -> list[str] | None:
    """Addresses of both pictures with what matched laid over them; None where no single place matters."""
    sources = [data.examples[index].load() for index in (left, right)]
    found = why(model, *sources)
    if not found.drop:
        return None
    pairs = zip(sources, (found.left, found.right), strict=True)
    return [picture(overlay(source, heat).transpose(2, 0, 1)) for source, heat in pairs]


def neighbours(details: Mapping[str, Any], pictures: Pictures) -> list[dict[str, Any]]:
    """Queries with the examples nearest to them."""
    return [
        {
            "query": pictures[row["query"]],
            "nearest": [
                {**pictures[i], "score": score, "right": right}
                for i, score, right in list(zip(row["nearest"], row["scores"], row["right"], strict=True))[
                    :MOST_NEAREST
                ]
            ],
        }
        for row in details.get("neighbours", [])[:MOST_QUERIES]
    ]
