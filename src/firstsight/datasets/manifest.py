"""``manifest:file``: examples listed in CSV or JSON lines, with labels or as pairs.

path,label[,group][,origin][,split]      paths are relative to the manifest
left,right,same                          same is 1/0, true/false or yes/no
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from firstsight.datasets.dataset import DataSet
from firstsight.datasets.folder import example
from firstsight.errors import DataError

_LABELLED = {"path", "label", "group", "origin", "split"}
_TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def load(path: str, split: str | None = None) -> DataSet:
    """The examples of a manifest, or those whose ``split`` column says so.

    Raises:
        DataError: the file is missing, has other columns, or names files that do not exist.
    """
    file = Path(path).expanduser()
    rows = _rows(file)
    if not rows:
        raise DataError(f"{file} lists nothing; rows of path,label or left,right,same were expected")
    columns = set(rows[0][1])
    if {"left", "right", "same"} <= columns:
        return _pairs(file, path, rows)
    if not {"path", "label"} <= columns:
        raise DataError(
            f"{file} has the columns {', '.join(sorted(columns))}; path,label or left,right,same was expected"
        )
    unknown = columns - _LABELLED
    notes = (f"columns {', '.join(sorted(unknown))} are not used",) if unknown else ()
    splits = sorted({str(r["split"]) for _, r in rows if r.get("split")})
    if split is not None and split not in splits:
        raise DataError(f"{file} has no rows of split {split!r}; known: {', '.join(splits) or 'none'}")
    examples, missing = [], []
    for number, row in rows:
        image = file.parent / str(row.get("path") or "")
        label = str(row.get("label") or "")
        if not label:
            raise DataError(f"{file} line {number} has no label")
        if not image.is_file():
            missing.append(f"line {number}: {row.get('path')}")
        if split is None or row.get("split") == split:
            group, origin = str(row.get("group") or ""), str(row.get("origin") or "")
            examples.append(example(image, label=label, root=file.parent, group=group, origin=origin))
    _refuse_missing(file, missing)
    name = f"manifest:{path}" + (f":{split}" if split else "")
    return DataSet(name, tuple(examples), notes=notes)


def has_splits(path: str) -> bool:
    """Whether the manifest brings a ``split`` column of its own."""
    file = Path(path).expanduser()
    return any(row.get("split") for _, row in _rows(file))


def _pairs(file: Path, path: str, rows: list[tuple[int, dict[str, Any]]]) -> DataSet:
    index: dict[str, int] = {}
    pairs, missing = [], []
    for number, row in rows:
        same = _TRUTH.get(str(row["same"]).strip().lower())
        if same is None:
            raise DataError(f"{file} line {number}: same is {row['same']!r}, 1 or 0 was expected")
        gone = [str(row[side]) for side in ("left", "right") if not (file.parent / str(row[side])).is_file()]
        missing += [f"line {number}: {name}" for name in gone]
        left, right = (index.setdefault(str(row[side]), len(index)) for side in ("left", "right"))
        pairs.append((left, right, same))
    _refuse_missing(file, missing)
    examples = tuple(example(file.parent / name, label="", root=file.parent) for name in index)
    return DataSet(f"manifest:{path}", examples, pairs=tuple(pairs))


def _rows(file: Path) -> list[tuple[int, dict[str, Any]]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{file} does not exist; a CSV or JSONL manifest was expected") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} can't be read as UTF-8 text ({error}); a CSV or JSONL manifest was expected") from None
    if file.suffix.lower() in (".jsonl", ".ndjson"):
        rows = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise DataError(f"{file} line {number} is not JSON ({error})") from None
                if not isinstance(row, dict):
                    raise DataError(f"{file} line {number} is {type(row).__name__}, an object was expected")
                rows.append((number, row))
        return rows
    return [(number, row) for number, row in enumerate(csv.DictReader(text.splitlines()), 2)]


def _refuse_missing(file: Path, missing: list[str]) -> None:
    if missing:
        more = ", ..." if len(missing) > 3 else ""
        raise DataError(f"{file} names {len(missing)} files that do not exist ({', '.join(missing[:3])}{more})")
