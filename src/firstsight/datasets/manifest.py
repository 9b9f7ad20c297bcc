"""``manifest:file``: examples listed in CSV, JSON lines or a data frame, with labels or as pairs.

path,label[,group][,origin][,split][,...]   paths are relative to the manifest
left,right,same                             same is 1/0, true/false or yes/no

Further columns beside a label are metadata of the example: a reference that is enrolled from it keeps them.
"""

from __future__ import annotations

import json
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from firstsight.datasets.contradictions import Identifier, Named, refuse_two_answers, refuse_two_labels
from firstsight.datasets.dataset import DataSet
from firstsight.datasets.folder import example
from firstsight.datasets.tables import Table, empty, read_table, refuse_foreign, table_of
from firstsight.errors import DataError, count
from firstsight.files import expanded
from firstsight.spelling import shown, spelled

_LABELLED = ("path", "label", "group", "origin", "split")
_PAIRED = ("left", "right", "same")
_PATHS = ("path", "left", "right")
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_WHOLE, _POINT_ZERO = re.compile(r"-?\d+"), re.compile(r"(-?\d+)[.,]0")
"""A whole number, and how pandas writes it where a column has gaps."""


def load(path: str, split: str | None = None) -> DataSet:
    """The examples of a manifest, or those whose ``split`` column says so.

    Raises:
        DataError: the file is missing, has other columns, names files that do not exist, or contradicts itself.
    """
    file = expanded(path)
    return _data(_read(file), file.parent, f"manifest:{path}" + (f":{split}" if split else ""), split)


def framed(frame: Any) -> DataSet:
    """The examples that a data frame lists, with paths relative to the working directory.

    Raises:
        UsageError: it is no data frame.
        DataError: as :func:`load`.
    """
    return _data(table_of(frame, (*_LABELLED, *_PAIRED)), Path(), "frame", None)


def has_splits(path: str) -> bool:
    """Whether the manifest brings a ``split`` column of its own."""
    return any(not empty(row.get("split")) for _, row in _read(expanded(path)).rows)


def _read(file: Path) -> Table:
    return read_table(file, (*_LABELLED, *_PAIRED), paths=_PATHS)


def _data(table: Table, folder: Path, name: str, split: str | None) -> DataSet:
    if not table.rows:
        raise DataError(f"{table.called} lists nothing; rows of path,label or left,right,same were expected")
    columns = set(table.columns)
    if set(_PAIRED) <= columns:
        _refuse_gaps(table, _PAIRED)
        return _pairs(table, folder, name)
    if not {"path", "label"} <= columns:
        raise DataError(
            f"{table.called} has the columns {', '.join(sorted(columns))}; path,label or left,right,same was expected"
        )
    _refuse_gaps(table, ("path", "label"))
    return _labelled(table, folder, name, split)


def _labelled(table: Table, folder: Path, name: str, split: str | None) -> DataSet:
    notes = list(table.notes)
    more = sorted(set(table.columns) - set(_LABELLED))
    if more:
        notes.append(f"columns {', '.join(more)} are used by enrolling only, as metadata")
    labels, groups, origins, parts = (_names(table, column, notes) for column in _LABELLED[1:])
    gapped = {column for column in more if _gapped(table, column)}
    if gapped:
        notes.append(f"{', '.join(sorted(gapped))}: whole numbers, taken without the .0 that gaps bring")
    splits = sorted(set(parts) - {""})
    if split is not None and split not in splits:
        raise DataError(f"{table.called} has no rows of split {split!r}; known: {', '.join(splits) or 'none'}")
    files = _files(table, folder, ("path",))
    refuse_two_labels(table, files, list(zip(labels, groups, origins, strict=True)))
    chosen = [n for n in range(len(files)) if split is None or parts[n] == split]
    once = list({files[n].identifier: n for n in reversed(chosen)}.values())[::-1]
    if len(once) < len(chosen):
        rows = count(len(chosen) - len(once), f"{table.unit} names", f"{table.unit}s name")
        [first, *_] = sorted(set(chosen) - set(once))
        called = f"{table.unit} {files[first].number}: {shown(files[first].cell)[:100]}"
        notes.append(f"{rows} an image again, which counts once ({called})")
    examples = [
        example(
            files[n].path,
            label=labels[n],
            root=folder,
            group=groups[n],
            origin=origins[n],
            metadata={
                k: _text(v).removesuffix(".0" if k in gapped else "")
                for k, v in table.rows[n][1].items()
                if k not in _LABELLED and not empty(v)
            },
        )
        for n in once
    ]
    return DataSet(name, tuple(examples), notes=tuple(notes))


def _pairs(table: Table, folder: Path, name: str) -> DataSet:
    sides = _files(table, folder, ("left", "right"))
    rows = []
    for left, right, (number, row) in zip(sides[::2], sides[1::2], table.rows, strict=True):
        same = _truth(row["same"])
        if same is None:
            raise DataError(f"{table.at(number)}: same is {row['same']!r}, 1 or 0 was expected")
        rows.append((left, right, same))
    refuse_two_answers(table, rows)
    index: dict[Identifier, int] = {}
    paths: list[Path] = []
    for side in sides:
        if index.setdefault(side.identifier, len(paths)) == len(paths):
            paths.append(side.path)
    pairs = tuple((index[left.identifier], index[right.identifier], same) for left, right, same in rows)
    examples = tuple(example(path, label="", root=folder) for path in paths)
    return DataSet(name, examples, pairs=pairs, notes=table.notes)


def _names(table: Table, column: str, notes: list[str]) -> list[str]:
    """Labels, groups, origins or splits; whole numbers without the ``.0`` of pandas, which is told in the notes.

    Raises:
        DataError: labels that are no numbers have ``1`` and ``1.0`` among them.
    """
    cells = [row.get(column) for _, row in table.rows]
    names = ["" if empty(cell) else spelled(shown(str(cell))) for cell in cells]
    floats = {name: found[1] for name in set(names) if (found := _POINT_ZERO.fullmatch(name))}
    if not floats:
        return names
    if all(name in floats or not name or _WHOLE.fullmatch(name) for name in names):
        one = min(floats)
        notes.append(f"{column}s are whole numbers, so {one} is taken for {floats[one]}")
        return [floats.get(name, name) for name in names]
    for name, whole in sorted(floats.items()):
        if column == "label" and whole in names:
            places = [table.rows[names.index(n)][0] for n in (whole, name)]
            raise DataError(
                f"{table.called} has the label {whole} in {table.unit} {places[0]} and {name} in {table.unit} "
                f"{places[1]}; one of them was expected"
            )
    return names


def _gapped(table: Table, column: str) -> bool:
    """Whether a column has gaps and else whole numbers, all written as pandas then does: ``7.0``."""
    cells = [_text(row[column]) for _, row in table.rows if not empty(row.get(column))]
    return 0 < len(cells) < len(table.rows) and all(re.fullmatch(r"-?\d+\.0", cell) for cell in cells)


def _truth(cell: Any) -> bool | None:
    text = str(cell).strip().lower()
    if text in _TRUTH:
        return _TRUTH[text]
    try:
        return {1.0: True, 0.0: False}.get(float(text.replace(",", ".")))
    except ValueError:
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _refuse_gaps(table: Table, needed: Sequence[str]) -> None:
    for number, row in table.rows:
        gaps = [name for name in needed if empty(row.get(name))]
        if gaps:
            raise DataError(f"{table.at(number)} has no {gaps[0]}, {','.join(needed)} was expected")


def _files(table: Table, folder: Path, columns: Sequence[str]) -> list[Named]:
    """The files of these columns, row by row.

    Raises:
        DataError: some do not exist.
    """
    found: list[Named] = []
    missing: list[tuple[int, str]] = []
    for number, row in table.rows:
        for column in columns:
            cell = str(row[column])
            place = _found(folder, cell)
            if place is None:
                missing.append((number, cell))
            else:
                found.append(Named(number, cell, *place))
    if missing:
        refuse_foreign(table, *missing[0])
        told = ", ".join(f"{table.unit} {number}: {shown(cell)[:100]}" for number, cell in missing[:3])
        more = ", ..." if len(missing) > 3 else ""
        files = count(len(missing), "file that does not exist", "files that do not exist")
        raise DataError(f"{table.called} names {files} ({told}{more})")
    return found


def _found(folder: Path, cell: str) -> tuple[Path, Identifier] | None:
    """The file of a cell, or of another spelling of it where there is none."""
    for spelling in _spellings(cell):
        path = folder / spelling
        try:
            told = path.stat()
        except (OSError, ValueError):  # ValueError: a NUL in the path
            continue
        if not stat.S_ISDIR(told.st_mode):
            return path, Identifier(told.st_dev, told.st_ino, told.st_size)
    return None


def _spellings(cell: str) -> Iterator[str]:
    """As it is written; without blanks around it; as a Mac and as others code accents; with slashes for Windows'."""
    yield cell
    for text in (cell.strip(), cell.strip().replace("\\", "/")):
        yield text
        for form in ("NFC", "NFD"):
            yield unicodedata.normalize(form, text)
