"""Several sources at once: each is read, or has a failure of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from firstsight.errors import BatchError, InputError, count
from firstsight.types import Cause, Failure, Source

T = TypeVar("T")
_LISTED = 10  # failures that a sentence has room for


def read_each(read: Callable[[Source], T], sources: Sequence[Source]) -> list[T | Failure]:
    """What ``read`` makes of each source, or why it can't."""
    made: list[T | Failure] = []
    for n, source in enumerate(sources):
        try:
            made.append(read(source))
        except InputError as error:
            made.append(failure(error, source, n, len(sources)))
    return made


def read_whole(read: Callable[[Source], T], sources: Sequence[Source], then: str) -> list[T]:
    """What ``read`` makes of the sources of one question.

    Args:
        read: a source to what is made of it.
        sources: all of them.
        then: what comes of it where one can't be read, in words.

    Raises:
        InputError: some can't be read, each of them named.
    """
    made = read_each(read, sources)
    failures = [one for one in made if isinstance(one, Failure)]
    if failures:
        raise InputError(sentence(failures, len(sources), then))
    return [one for one in made if not isinstance(one, Failure)]


def readable(read: Callable[[Source], T], sources: Sequence[Source]) -> tuple[list[T], list[Failure]]:
    """What ``read`` makes of the sources that can be read, and the others.

    Raises:
        InputError: none of them can be read.
    """
    made = read_each(read, sources)
    lost = [one for one in made if isinstance(one, Failure)]
    if lost and len(lost) == len(made):
        raise InputError(sentence(lost, len(sources), "mend them"))
    return [one for one in made if not isinstance(one, Failure)], lost


def failure(error: InputError, source: Source, place: int, of: int) -> Failure:
    """The failure of one source, which is called by its path, or by its place among several."""
    name = str(source) if isinstance(source, str | Path) else f"image {place + 1}"
    message = str(error) if of == 1 or Path(name).name in str(error) else f"{name}: {error}"
    return Failure(Cause(type(error).__name__, message, name))


def sentence(failures: Sequence[Failure], of: int, then: str) -> str:
    """Which of several sources can't be read, and why; of a single one the reason alone."""
    return failures[0].error.message if of == 1 else listing(failures, of, then)


def listing(failures: Sequence[Failure], of: int, then: str) -> str:
    """As :func:`sentence`, however many there are."""
    said = "; ".join(one.error.message for one in failures[:_LISTED])
    more = f" (and {len(failures) - _LISTED} more)" if len(failures) > _LISTED else ""
    return f"{len(failures)} of {count(of, 'image', 'images')} can't be read: {said}{more}; {then}"


def answers(made: Sequence[T | Failure], of: int) -> list[T]:
    """The answers, where every source was read.

    Raises:
        InputError: there is one source, and it can't be read.
        BatchError: some of several can't be read; it holds the answers of the others.
    """
    failures = [one for one in made if isinstance(one, Failure)]
    if failures:
        told = sentence(failures, of, "the others are answered")
        raise InputError(told) if of == 1 else BatchError(told, made)
    return [one for one in made if not isinstance(one, Failure)]
