"""Tables as spreadsheets, pandas and R write them: rows of cells by column, each with the number of its line."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

from firstsight.errors import DataError, UsageError, count
from firstsight.files import FILE, state_of
from firstsight.spelling import shown, spelled

Row: TypeAlias = dict[str, Any]
"""What a row says, by column; an empty cell is "" or None."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""How files begin that say their encoding; the longer ones first. Excel's "Unicode text" is UTF-16."""
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_DELIMITERS = (",", ";", "\t")
_UNNAMED = re.compile(r"(unnamed: \d+(_level_\d+)?(\.\d+)?)?", re.IGNORECASE)
"""How pandas calls a column without a name, which is the index of a table that was written before."""
_FOREIGN = re.compile("[\udc80-\udcff]")
"""A byte that is not UTF-8."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by column.

    Attributes:
        called: what it is, for messages.
        columns: their names, those that were asked for in small letters.
        rows: the number of each row's first line, and its cells; rows without any content are left out.
        unit: what the numbers count.
        notes: what was left out.
    """

    called: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, Row], ...]
    unit: str = "line"
    notes: tuple[str, ...] = ()

    def at(self, number: int) -> str:
        """The place of a row, for messages."""
        return f"{self.called} {self.unit} {number}"


def read_table(file: Path, known: Collection[str], *, paths: Collection[str] = ()) -> Table:
    """A CSV file, or JSON lines where it is called so.

    Comma, semicolon or tab, whichever gives the columns that are known; UTF-8, or what a byte order mark says. Columns
    are known by their names in capitals or not. Columns without a name, and rows without content, are left out.

    Args:
        file: its place.
        known: names of columns that mean something here.
        paths: those of them that hold file names, which need not be UTF-8.

    Raises:
        DataError: the file is missing, is not text, or a line is broken; with its number.
    """
    text = _text(file)
    lines = file.suffix.lower() in (".jsonl", ".ndjson")
    table = _from_json(file, text, known) if lines else _from_csv(file, text, known)
    if _FOREIGN.search(text):
        for number, row in table.rows:
            for name, cell in row.items():
                if name not in paths:
                    refuse_foreign(table, number, cell)
    return table


def refuse_foreign(table: Table, number: int, cell: Any) -> None:
    """Raise DataError where a cell holds bytes that are not UTF-8."""
    if isinstance(cell, str) and _FOREIGN.search(cell):
        guess = cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
        raise DataError(
            f"{table.called} can't be read as UTF-8 text: {table.unit} {number} has '{shown(cell)[:100]}' (in "
            f"Windows-1252, as Excel writes plain CSV, it would be '{guess[:100]}'); save it as CSV UTF-8"
        )


def table_of(frame: Any, known: Collection[str]) -> Table:
    """A data frame of pandas or polars, whose rows are counted from 0.

    Raises:
        UsageError: it is none.
        DataError: two of its columns have one name.
    """
    if hasattr(frame, "to_dicts"):  # polars
        names, rows = list(frame.columns), [list(row.values()) for row in frame.to_dicts()]
    elif hasattr(frame, "columns") and hasattr(frame, "itertuples"):  # pandas
        names, rows = list(frame.columns), [list(row) for row in frame.itertuples(index=False, name=None)]
    else:
        raise UsageError(
            f"{type(frame).__name__} came; the address of a data set, a path, or a data frame with the columns "
            "path,label or left,right,same was expected"
        )
    columns = _named("the data frame", [str(name) for name in names], known)
    numbered = [(number, dict(zip(columns, map(_plain, row), strict=True))) for number, row in enumerate(rows)]
    return _made("the data frame", columns, numbered, unit="row")


def empty(cell: Any) -> bool:
    """Whether a cell says nothing."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _plain(cell: Any) -> Any:
    """A cell of a data frame as JSON knows it; None for what is missing there."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell):
        return None
    if hasattr(cell, "item"):
        return _plain(cell.item())
    return cell if isinstance(cell, str | bool | int | float) else str(cell)


def _text(file: Path) -> str:
    """The content; bytes that are not UTF-8 stay what they are, since file names may hold them."""
    try:
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        state = state_of(file)
        reason = f"can't be read ({error})" if state == FILE else state
        raise DataError(f"{file} {reason}; a CSV or JSONL manifest was expected") from None
    if data.startswith(_WORKBOOKS):
        raise DataError(f"{file} is a workbook or an archive, a text was expected; save it as CSV UTF-8")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and data[1:4:2] == b"\0\0":
        encoding = "utf-16-le"
    try:
        return data.decode(encoding, "surrogateescape" if encoding.startswith("utf-8") else "strict")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} can't be read as {encoding.upper()} text ({error}); save it as CSV UTF-8") from None


def _from_json(file: Path, text: str, known: Collection[str]) -> Table:
    rows: list[tuple[int, Row]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{file} line {number} is not JSON ({error})") from None
            if not isinstance(row, dict):
                raise DataError(f"{file} line {number} is {type(row).__name__}, an object was expected")
            names = _named(f"{file} line {number}", list(row), known)
            rows.append((number, dict(zip(names, map(_plain_json, row.values()), strict=True))))
    return _made(str(file), list(rows[0][1]) if rows else [], rows, blank=True)


def _plain_json(cell: Any) -> Any:
    return None if isinstance(cell, float) and cell != cell else cell


def _from_csv(file: Path, text: str, known: Collection[str]) -> Table:
    said = re.match(r"\s*sep=(.)\r?\n", text)  # Excel's own way to name the delimiter
    delimiters = (said[1],) if said else _DELIMITERS
    heads = [next((cells for _, cells in _records(file, text, d, head=True) if any(cells)), []) for d in delimiters]
    best = max(range(len(heads)), key=lambda n: (len(_known(heads[n], known)), len(heads[n])))
    numbered = [
        (number, cells) for number, cells in _records(file, text, delimiters[best]) if any(map(str.strip, cells))
    ]
    if said:
        numbered = numbered[1:]
    if not numbered:
        return Table(str(file), (), ())
    columns = _named(f"{file} line {numbered[0][0]}", numbered[0][1], known)
    rows = numbered[1:]
    if rows and all(len(cells) == len(columns) + 1 and cells[0].strip().isdecimal() for _, cells in rows):
        rows = [(number, cells[1:]) for number, cells in rows]  # R: the numbers of rows, without a name
    made: list[tuple[int, Row]] = []
    for number, cells in rows:
        if any(map(str.strip, cells[len(columns) :])):
            raise DataError(f"{file} line {number} has more columns than the first line names")
        made.append((number, {**dict.fromkeys(columns), **dict(zip(columns, cells, strict=False))}))
    return _made(str(file), columns, made)


def _records(file: Path, text: str, delimiter: str, *, head: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Each record of a CSV with the number of its first line; of a ``head`` faults are not told."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if head:
                return
            reason = "a quote that opens there is not closed" if "end of data" in str(error) else error
            raise DataError(f"{file} line {number} is not CSV ({reason})") from None
        yield number, cells


def _known(names: Sequence[str], known: Collection[str]) -> set[str]:
    return {spelled(name).casefold() for name in names} & set(known)


def _named(where: str, names: Sequence[str], known: Collection[str]) -> list[str]:
    """Columns as they are called here: what is known in small letters, and "" for each that has no name.

    Raises:
        DataError: two have one name.
    """
    plain = [spelled(name) for name in names]
    made = [n.casefold() if n.casefold() in known and n.casefold() not in plain else n for n in plain]
    made = ["" if _UNNAMED.fullmatch(name) else name for name in made]
    for name, other in pairwise(sorted(filter(None, made))):
        if name == other:
            raise DataError(f"{where} names the column {name} twice; one of them was expected")
    unnamed = iter(range(len(made)))
    return [name or f"\0{next(unnamed)}" for name in made]


def _made(
    called: str, columns: Sequence[str], rows: list[tuple[int, Row]], *, unit: str = "line", blank: bool = False
) -> Table:
    """A table of what has a name, and a note of what has none and is not a mere number; ``blank`` rows may stay."""
    unnamed = [name for name in columns if name.startswith("\0")]
    held = [[row[name] for _, row in rows if not empty(row.get(name))] for name in unnamed]
    lost = [cells[0] for cells in held if not all(re.fullmatch(r"\d+(\.0)?", str(cell).strip()) for cell in cells)]
    notes: tuple[str, ...] = ()
    if lost:
        columns_lost = count(len(lost), "column", "columns")
        notes = (f"left out {columns_lost} without a name (such as {shown(str(lost[0]))[:50]!r})",)
    kept = [(n, {name: cell for name, cell in row.items() if not name.startswith("\0")}) for n, row in rows]
    told = tuple((n, row) for n, row in kept if blank or not all(map(empty, row.values())))
    return Table(called, tuple(name for name in columns if name not in unnamed), told, unit, notes)


__all__ = ["Row", "Table", "empty", "read_table", "refuse_foreign", "table_of"]
