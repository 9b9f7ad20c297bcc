"""``manifest:file``: examples listed in CSV or JSON lines, with labels or as pairs.

path,label[,group][,origin][,split][,...]   paths are relative to the manifest
left,right,same                             same is 1/0, true/false or yes/no

Further columns beside a label are metadata of the example: a reference that is enrolled from it keeps them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from firstsight.datasets.dataset import DataSet
from firstsight.datasets.folder import example
from firstsight.errors import DataError, count
from firstsight.files import FILE, expanded, state_of

_LABELLED = {"path", "label", "group", "origin", "split"}
_EMPTY: tuple[object, ...] = (None, "")
_TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def load(path: str, split: str | None = None) -> DataSet:
    """The examples of a manifest, or those whose ``split`` column says so.

    Raises:
        DataError: the file is missing, has other columns, or names files that do not exist.
    """
    file = expanded(path)
    rows = _rows(file)
    if not rows:
        raise DataError(f"{file} lists nothing; rows of path,label or left,right,same were expected")
    columns = set(rows[0][1])
    if {"left", "right", "same"} <= columns:
        _refuse_gaps(file, rows, ("left", "right", "same"))
        return _pairs(file, path, rows)
    if not {"path", "label"} <= columns:
        raise DataError(
            f"{file} has the columns {', '.join(sorted(columns))}; path,label or left,right,same was expected"
        )
    _refuse_gaps(file, rows, ("path", "label"))
    unknown = columns - _LABELLED
    notes = (f"columns {', '.join(sorted(unknown))} are used by enrolling only, as metadata",) if unknown else ()
    splits = sorted({str(r["split"]) for _, r in rows if r.get("split")})
    if split is not None and split not in splits:
        raise DataError(f"{file} has no rows of split {split!r}; known: {', '.join(splits) or 'none'}")
    _refuse_missing(file, [(number, str(row["path"])) for number, row in rows])
    examples = [
        example(
            file.parent / str(row["path"]),
            label=str(row["label"]),
            group=str(row.get("group") or ""),
            origin=str(row.get("origin") or ""),
            metadata={key: _text(value) for key, value in row.items() if key not in _LABELLED and value not in _EMPTY},
        )
        for _, row in rows
        if split is None or row.get("split") == split
    ]
    name = f"manifest:{path}" + (f":{split}" if split else "")
    return DataSet(name, tuple(examples), notes=notes)


def has_splits(path: str) -> bool:
    """Whether the manifest brings a ``split`` column of its own."""
    return any(row.get("split") for _, row in _rows(expanded(path)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pairs(file: Path, path: str, rows: list[tuple[int, dict[str, Any]]]) -> DataSet:
    _refuse_missing(file, [(number, str(row[side])) for number, row in rows for side in ("left", "right")])
    index: dict[str, int] = {}
    pairs = []
    for number, row in rows:
        same = _TRUTH.get(str(row["same"]).strip().lower())
        if same is None:
            raise DataError(f"{file} line {number}: same is {row['same']!r}, 1 or 0 was expected")
        left, right = (index.setdefault(str(row[side]), len(index)) for side in ("left", "right"))
        pairs.append((left, right, same))
    examples = tuple(example(file.parent / name, label="") for name in index)
    return DataSet(f"manifest:{path}", examples, pairs=tuple(pairs))


def _rows(file: Path) -> list[tuple[int, dict[str, Any]]]:
    """The rows with the numbers of their lines, each an object or a record of no more columns than the first."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        state = state_of(file)
        reason = f"can't be read as UTF-8 text ({error})" if state == FILE else state
        raise DataError(f"{file} {reason}; a CSV or JSONL manifest was expected") from None
    rows = _json_rows if file.suffix.lower() in (".jsonl", ".ndjson") else _csv_rows
    return list(rows(file, text))


def _json_rows(file: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{file} line {number} is not JSON ({error})") from None
            if not isinstance(row, dict):
                raise DataError(f"{file} line {number} is {type(row).__name__}, an object was expected")
            yield number, row


def _csv_rows(file: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            if None in row:
                raise DataError(f"{file} line {reader.line_num} has more columns than the first line names")
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{file} line {reader.line_num} is not CSV ({error})") from None


def _refuse_gaps(file: Path, rows: list[tuple[int, dict[str, Any]]], needed: Sequence[str]) -> None:
    for number, row in rows:
        gaps = [name for name in needed if row.get(name) in (None, "")]
        if gaps:
            raise DataError(f"{file} line {number} has no {gaps[0]}, {','.join(needed)} was expected")


def _refuse_missing(file: Path, named: list[tuple[int, str]]) -> None:
    missing = [f"line {number}: {name[:100]}" for number, name in named if state_of(file.parent / name) != FILE]
    if missing:
        more = ", ..." if len(missing) > 3 else ""
        files = count(len(missing), "file that does not exist", "files that do not exist")
        raise DataError(f"{file} names {files} ({', '.join(missing[:3])}{more})")
