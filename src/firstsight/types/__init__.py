"""The values that travel between floors, and the protocols of what plugs in."""

from __future__ import annotations

from firstsight.types.events import Copy, Event, Forgotten, Presence, Record
from firstsight.types.served import Check, Dropped, Embeddings, GalleryInfo, Key, ModelInfo
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
    "Check",
    "Contract",
    "Copy",
    "Decision",
    "Dropped",
    "Embedder",
    "Embeddings",
    "Enrolment",
    "Entry",
    "Event",
    "Example",
    "FloatArray",
    "Forgotten",
    "GalleryInfo",
    "Identity",
    "Info",
    "IntArray",
    "Key",
    "Map",
    "Match",
    "Metric",
    "ModelInfo",
    "PixelArray",
    "Portion",
    "Presence",
    "Reading",
    "Record",
    "Reference",
    "Removal",
    "Report",
    "Source",
    "State",
    "Store",
    "Tally",
    "Why",
]
