"""Contradictions of a list: one image under two labels, or a pair that is the same in one row and not in another."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from firstsight.datasets.tables import Table
from firstsight.errors import DataError, count
from firstsight.spelling import shown

_SHOWN = 3  # contradictions that a message tells


class Identifier(NamedTuple):
    """What a file has in common with itself by another path: its device and its number there; and its bytes."""

    device: int
    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Named:
    """A file that a table names.

    Attributes:
        number: of the row.
        cell: how the row calls it.
        path: where it is.
        identifier: tells it again by another path.
    """

    number: int
    cell: str
    path: Path
    identifier: Identifier


def refuse_two_labels(table: Table, files: Sequence[Named], said: Sequence[tuple[str, str, str]]) -> None:
    """Raise DataError where one file has two labels, groups or origins; or a copy of it another label.

    Args:
        table: where they are listed.
        files: one a row.
        said: label, group and origin of each; "" says nothing.
    """
    first: dict[Identifier, int] = {}
    clashes: list[tuple[int, int, str, str]] = []
    for n, file in enumerate(files):
        earlier = first.setdefault(file.identifier, n)
        differing = [
            (one, other) for one, other in zip(said[earlier], said[n], strict=True) if "" != one != other != ""
        ]
        clashes += [(earlier, n, *differing[0])] if differing else []
    labels = [label for label, _, _ in said]
    by_content: dict[str, int] = {}
    for n, content in sorted(_contents(files, labels).items()):
        earlier = by_content.setdefault(content, n)
        if labels[earlier] != labels[n] and files[earlier].identifier != files[n].identifier:
            clashes.append((earlier, n, labels[earlier], labels[n]))
    told = []
    for a, b, one, other in clashes:
        copy = "" if files[a].identifier == files[b].identifier else "its copy "
        again = "" if files[a].cell == files[b].cell else f"{copy}{shown(files[b].cell)[:100]} "
        told.append(
            f"{shown(files[a].cell)[:100]} is {one!r} in {table.unit} {files[a].number}, {again}{other!r} in "
            f"{table.unit} {files[b].number}"
        )
    _refuse(table, told, "one label for each image was expected")


def refuse_two_answers(table: Table, pairs: Iterable[tuple[Named, Named, bool]]) -> None:
    """Raise DataError where a pair is the same in one row and not in another, in whichever order and by whichever
    path; or where an image is not the same as itself.

    Args:
        table: where they are listed.
        pairs: one a row.
    """
    rows = list(pairs)
    sides = [side for left, right, _ in rows for side in (left, right)]
    contents = _contents(sides, [str(side.identifier) for side in sides])
    names = [contents.get(n, str(side.identifier)) for n, side in enumerate(sides)]
    answers: dict[tuple[str, ...], tuple[int, bool]] = {}
    told = []
    for n, (left, right, same) in enumerate(rows):
        pair = tuple(sorted(names[2 * n : 2 * n + 2]))
        number, before = answers.setdefault(pair, (left.number, same))
        called = f"{shown(left.cell)[:100]} and {shown(right.cell)[:100]}"
        words = ("not the same", "the same")
        if pair[0] == pair[1] and not same:
            told.append(f"{called} are one image, and not the same in {table.unit} {left.number}")
        elif before != same:
            told.append(
                f"{called} are {words[before]} in {table.unit} {number}, {words[same]} in {table.unit} {left.number}"
            )
    _refuse(table, told, "one answer for each pair was expected")


def _contents(files: Sequence[Named], labels: Sequence[str]) -> dict[int, str]:
    """Hash of the content of each file that may be a copy of one with another label: they have one size."""
    sizes: dict[int, list[int]] = defaultdict(list)
    for n, file in enumerate(files):
        sizes[file.identifier.size].append(n)
    hashes: dict[Identifier, str] = {}
    found: dict[int, str] = {}
    for some in sizes.values():
        if len({labels[n] for n in some}) > 1:
            for n in some:
                identifier = files[n].identifier
                if identifier not in hashes:
                    hashes[identifier] = _hash(files[n])
                found[n] = hashes[identifier]
    return found


def _hash(named: Named) -> str:
    try:
        with named.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # reading it as an image will name the fault
        return str(named.identifier)


def _refuse(table: Table, told: list[str], expected: str) -> None:
    if told:
        more = f" (and {len(told) - _SHOWN} more)" if len(told) > _SHOWN else ""
        number = count(len(told), "contradiction", "contradictions")
        raise DataError(f"{table.called} has {number}: {'; '.join(told[:_SHOWN])}{more}; {expected}")
