"""Results as a CSV sheet that a spreadsheet shows and does not execute."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""With which a spreadsheet takes a text for a formula; the wide ones where Japanese or Chinese is written."""


def sheet(rows: Sequence[Any], kind: type) -> str:
    """A line of names, then a line a row.

    A text that a spreadsheet would take for a formula gets an apostrophe in front; several texts of one field are
    joined by semicolons, yes and no are 1 and 0, and what is not known is empty.

    Args:
        rows: of the dataclass ``kind``.
        kind: whose fields are the columns.
    """
    columns = [field.name for field in dataclasses.fields(kind)]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_cell(getattr(row, column)) for column in columns] for row in rows])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, tuple):
        value = "; ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
