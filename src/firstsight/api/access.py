"""The verbs on keys: each opens the store, does one thing, and closes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from firstsight.errors import UsageError
from firstsight.stores.access import Access
from firstsight.types import Key, Revoked

_UNITS = {"h": 1, "d": 24, "w": 7 * 24}  # hours
_LONGEST = 100 * 365 * 24


def add_key(store: str | Path, name: str, *, role: str, expires: str | None = None) -> str:
    """Add a key to a store; its secret, which is shown once and stored nowhere.

    Args:
        store: its file.
        name: to tell it by, in lists and logs.
        role: read, enroll or admin.
        expires: how long it holds, such as ``90d``, ``12h`` or ``2w``; None for ever.
    """
    lasting = None if expires is None else duration(expires)
    with _opened(store) as access:
        return access.add(name, role, lasting=lasting)


def keys(store: str | Path) -> list[Key]:
    """The keys of a store, oldest first."""
    with _opened(store) as access:
        return access.keys()


def had_keys(store: str | Path) -> bool:
    """Whether the store has a key, or ever had one: then nobody may ask a service of it without one."""
    with _opened(store) as access:
        return access.had()


def revoke_key(store: str | Path, name: str) -> Revoked:
    """Take a key away; services refuse it from their next request on. Where it was the last, the receipt says so."""
    with _opened(store) as access:
        return access.revoke(name)


def duration(text: str) -> timedelta:
    """Hours, days or weeks: ``12h``, ``90d``, ``2w``.

    Raises:
        UsageError: it is none, or longer than a century.
    """
    found = re.fullmatch(r"([0-9]{1,9})([hdw])", text.strip())
    hours = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < hours <= _LONGEST:
        raise UsageError(f"{text!r} is not a time to last; 12h, 90d or 2w was expected, of at most a century")
    return timedelta(hours=hours)


@contextmanager
def _opened(store: str | Path) -> Iterator[Access]:
    access = Access(store)
    try:
        yield access
    finally:
        access.close()
