"""The values that travel between floors, and the protocols of what plugs in."""

from __future__ import annotations

from firstsight.types.store import Contract, Entry, Portion, State, Store
from firstsight.types.values import (
    BoolArray,
    Candidate,
    Decision,
    Embedder,
    Enrolment,
    Example,
    FloatArray,
    Identity,
    Info,
    IntArray,
    Match,
    Metric,
    PixelArray,
    Reading,
    Reference,
    Removal,
    Report,
    Source,
    Tally,
)
from firstsight.types.why import Map, Why

__all__ = [
    "BoolArray",
    "Candidate",
    "Contract",
    "Decision",
    "Embedder",
    "Enrolment",
    "Entry",
    "Example",
    "FloatArray",
    "Identity",
    "Info",
    "IntArray",
    "Map",
    "Match",
    "Metric",
    "PixelArray",
    "Portion",
    "Reading",
    "Reference",
    "Removal",
    "Report",
    "Source",
    "State",
    "Store",
    "Tally",
    "Why",
]
