"""Every protocol by its name, and what a caller may choose of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from firstsight.datasets import DataSet, addressed, open_data, open_labelled
from firstsight.errors import UsageError, unknown
from firstsight.evaluation.identification import identification, lake, nway, transfer, within
from firstsight.evaluation.openset import openset
from firstsight.evaluation.retrieval import retrieval
from firstsight.evaluation.sameness import same_alphabet
from firstsight.evaluation.subject import Protocol, Settings
from firstsight.evaluation.verification import koch, verification
from firstsight.types import Info

PROTOCOLS: dict[str, Protocol] = {
    "omniglot-lake-20way": Protocol(
        "the 20 published one-shot runs of Lake et al., within alphabet, 400 trials",
        lake,
        "omniglot:runs",
        fixed=(("ways", 20), ("shots", 1), ("tasks", 20)),
    ),
    "omniglot-within-20way": Protocol(
        "20-way 1-shot within each of the 20 evaluation alphabets, random drawers, 20,000 trials",
        within,
        "omniglot:evaluation",
        fixed=(("ways", 20), ("shots", 1), ("tasks", 1000)),
    ),
    "omniglot-vinyals-20way": Protocol(
        "20-way 1-shot on the 423 test characters of Vinyals et al., each quarter turn a class, 20,000 trials",
        nway,
        "omniglot:vinyals-test",
        fixed=(("ways", 20), ("shots", 1), ("tasks", 1000), ("across", "origins")),
    ),
    "omniglot-verification": Protocol(
        "same or different as Koch et al. split it, threshold chosen on 10 other alphabets and 4 other drawers",
        koch,
        "omniglot:koch-test",
        "omniglot:koch-validation",
    ),
    "koch-verification": Protocol(
        "the same, tested on the ten alphabets of Lake's runs as the paper says, threshold from the ten others",
        koch,
        "omniglot:lake-test",
        "omniglot:lake-validation",
    ),
    "omniglot-same-alphabet": Protocol(
        "are two glyphs of one alphabet? 20,000 pairs of the 20 evaluation alphabets, threshold from five others",
        same_alphabet,
        "omniglot:alphabets-evaluation",
        "omniglot:alphabets-validation",
    ),
    "mnist-10way": Protocol(
        "digits by a model that never saw one: one reference of each, 1,000 draws of them, all others asked",
        transfer,
        "mnist:test",
        fixed=(("ways", 10), ("shots", 1), ("tasks", 1000)),
    ),
    "icons-20way": Protocol(
        "20-way 1-shot on 100 unseen icon concepts, reference and probe by different design families",
        nway,
        "icons:test",
        fixed=(("ways", 20), ("shots", 1), ("across", "origins")),
        takes=("tasks",),
    ),
    "rocks-retrieval": Protocol(
        "600 new images of six learned rocks: every one asks all others, recall@k and MAP@R",
        retrieval,
        "rocks:test",
        unseen="images",
    ),
    "rocks-verification": Protocol(
        "new images of six learned rocks: are two of the same? all 179,700 pairs",
        verification,
        "rocks:test",
        unseen="images",
        decides=True,
    ),
    "nway": Protocol("N-way K-shot on any data set", nway, takes=("ways", "shots", "tasks", "across")),
    "within": Protocol("N-way 1-shot within the groups of any data set", within, takes=("ways", "tasks")),
    "verification": Protocol("same or different, on any data set", verification, takes=("across",), decides=True),
    "retrieval": Protocol("every example asks all others: recall@k and MAP@R", retrieval, takes=("across",)),
    "identification": Protocol(
        "all classes enrolled with K references, all other examples asked: rank k, and the threshold",
        identification,
        takes=("shots", "tasks", "across"),
        defaults=(("tasks", 10),),
        decides=True,
    ),
    "openset": Protocol(
        "N classes enrolled with K references, the others are strangers: FPIR and FNIR",
        openset,
        takes=("ways", "shots", "tasks", "across"),
        defaults=(("tasks", 50),),
        decides=True,
    ),
}
"""Every protocol by its name."""


def protocols() -> list[Info]:
    """The evaluation protocols."""
    return [Info(k, f"{p.about} ({p.data or 'any data'})") for k, p in PROTOCOLS.items()]


_ON_PAIRS = ("verification",)


def settle(
    name: str, data: str | Path | None, settings: Settings, chosen: frozenset[str]
) -> tuple[Protocol, DataSet, Settings]:
    """The protocol, its data and its settings.

    Args:
        name: of a protocol.
        data: an address or a path, or None for the protocol's own.
        settings: as asked for.
        chosen: which of them the caller set; a protocol's fixed ones may not be.

    Raises:
        UsageError: no such protocol, data is missing, or a fixed setting was changed.
        DataError: the data can't be opened, or holds pairs where labels are needed.
    """
    data = None if data is None else addressed(data)
    protocol = PROTOCOLS.get(name)
    if protocol is None:
        raise unknown("protocol", name, PROTOCOLS)
    if protocol.data and data:
        raise UsageError(f"{name} is fixed to {protocol.data}; for {data} use protocol nway or verification")
    if not protocol.data and not data:
        raise UsageError(f"{name} needs a data set: firstsight evaluate MODEL {name} DATA, such as folder:photos/")
    for key, value in protocol.fixed:
        if key in chosen and getattr(settings, key) != value:
            raise UsageError(f"{name} fixes {key} to {value}; for {key}={getattr(settings, key)} use protocol nway")
    for key in sorted(chosen - set(protocol.takes) - {k for k, _ in protocol.fixed}):
        raise UsageError(f"{name} has no {key} to choose; it takes {', '.join(protocol.takes) or 'only the seed'}")
    if settings.across == "styles" and protocol.measure is not nway:
        raise UsageError(f"{name} compares across origins or examples; styles is for protocol nway")
    given = {**{k: v for k, v in protocol.defaults if k not in chosen}, **dict(protocol.fixed)}
    opened = (open_data if name in _ON_PAIRS else open_labelled)(data or protocol.data)
    return protocol, opened, replace(settings, **given)  # type: ignore[arg-type]
