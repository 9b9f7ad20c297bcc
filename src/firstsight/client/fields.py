"""What a request to a service holds, made of what its verb is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TypeVar

from firstsight.errors import InputError
from firstsight.inputs.decode import bytes_of, listed
from firstsight.inputs.several import answers, read_each, read_whole
from firstsight.types import Failure, Record, Source

T = TypeVar("T")
Said = Mapping[str, str] | Iterable[str]


def images_of(sources: Source | Sequence[Source]) -> list[tuple[str, bytes]]:
    """Images as fields.

    Raises:
        InputError: none came, or one can't be read.
    """
    return filled(read_whole(image_of, listed(sources), "nothing was sent"))


def image_of(source: Source) -> tuple[str, bytes]:
    """An image as a field."""
    return "images", bytes_of(source)


def filled(images: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Images, of which there must be one.

    Raises:
        InputError: there is none.
    """
    if not images:
        raise InputError("no image came, at least one was expected")
    return images


def answered(ask: Callable[[list[tuple[str, bytes]]], Sequence[T | Failure]], sources: Sequence[Source]) -> list[T]:
    """What a service answers about several images, each of which has an answer of its own.

    Args:
        ask: images to answers; it is asked about those that can be read here.
        sources: all of them.

    Raises:
        InputError: there is one, or none at all, that can be read.
        BatchError: some of several can't be read, here or there; it holds the answers of the others.
    """
    read = read_each(image_of, sources)
    given = list(ask(filled([one for one in read if not isinstance(one, Failure)]))) if _some(read) else []
    if len(sources) == len(given):
        return answers(given, len(sources))
    made = [one if isinstance(one, Failure) else given.pop(0) for one in read]
    return answers([*made, *given], len(sources))


def _some(read: Sequence[object]) -> bool:
    return not read or any(not isinstance(one, Failure) for one in read)


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
