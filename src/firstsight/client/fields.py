"""What a request to a service holds, made of what its verb is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from firstsight.errors import InputError
from firstsight.inputs.decode import bytes_of, listed
from firstsight.types import Record, Source

Said = Mapping[str, str] | Iterable[str]


def images_of(sources: Source | Sequence[Source]) -> list[tuple[str, bytes]]:
    """Images as fields.

    Raises:
        InputError: none came, or one can't be read.
    """
    several = listed(sources)
    if not len(several):
        raise InputError("no image came, at least one was expected")
    return [("images", bytes_of(source)) for source in several]


def files_of(images: Sequence[tuple[str, bytes]]) -> list[tuple[str, tuple[str, bytes]]]:
    """Fields as files of a form; what they are called here is nobody's business there."""
    return [(name, ("image", data)) for name, data in images]


def words_of(said: Said) -> list[str]:
    """Metadata as ``key=value``."""
    return [f"{k}={v}" for k, v in said.items()] if isinstance(said, Mapping) else list(said)


def names_of(override: Iterable[str]) -> list[str]:
    """Names of findings, of which one may come alone."""
    return [override] if isinstance(override, str) else list(override)


def told_of(record: Record | None) -> dict[str, str]:
    """The fields of a record; who acts is the key, whatever the record says."""
    if record is None:
        return {}
    told = {"record": "true", "place": record.place, "direction": record.direction or ""}
    if record.keep_image:
        told["keep_image"] = "true"
    return {k: v for k, v in told.items() if v}


def day_of(given: str | date | None) -> str | None:
    """A day or a moment in words."""
    return None if given is None else str(given)
