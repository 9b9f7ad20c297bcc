"""Results as a CSV sheet that a spreadsheet shows and does not execute."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Sequence
from typing import Any

_SIGN = r"[=+@＝＋＠﹢﹦﹫⁺₊⁼₌\-－﹣]"
_FORMULA = re.compile(rf'^(?=[\t\r\n])|(^|[,;|:\t\r\n\v\f，；｜、：])[\s"]*(?={_SIGN})|\s"*(?={_SIGN}\S)')
"""Where a spreadsheet begins a formula: at the beginning of a cell, which may be any place after what it takes for a
separator (a semicolon where the comma is for decimals, others if asked); wide signs where Japanese is written. After a
blank a sign counts only with something behind it: a dash between words is none."""


def sheet(rows: Sequence[Any], kind: type) -> str:
    """A line of names, then a line a row.

    Wherever a spreadsheet would take a part of a text for a formula, an apostrophe stands in front; several texts of
    one field are joined by semicolons, yes and no are 1 and 0, and what is not known is empty.

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
    if isinstance(value, str):
        return _FORMULA.sub(r"\g<0>'", value)
    return "" if value is None else value
