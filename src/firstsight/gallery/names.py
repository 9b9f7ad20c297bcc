"""The spelling of names and of what is said of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from firstsight.errors import SpellingError

MOST = 50  # keys
LONGEST = 1000  # characters of a value

Said: TypeAlias = Mapping[str, str] | Iterable[str]
"""Metadata: a mapping, or ``key=value`` words."""


def spelled(identity: str) -> str:
    """The one spelling of a name: composed Unicode, without blanks around it."""
    return unicodedata.normalize("NFC", identity).strip()


def printable(text: str) -> bool:
    """Whether all of it is seen, or joins or parts letters as Arabic and Indic scripts need it (RFC 5892, A.1, A.2)."""
    return all(
        one.isprintable() or (one in _JOINERS and _joined(text[:n][-1:], text[n + 1 : n + 2], one))
        for n, one in enumerate(text)
    )


_JOINERS = "\u200c\u200d"
_VIRAMA = 9  # its combining class


def _joined(before: str, after: str, joiner: str) -> bool:
    if before and unicodedata.combining(before) == _VIRAMA:
        return True
    arabic = all(one and unicodedata.bidirectional(one) == "AL" for one in (before, after))
    return joiner == _JOINERS[0] and arabic


def name(identity: str) -> str:
    """A name as it is stored.

    Raises:
        SpellingError: it is none.
    """
    made = spelled(identity)
    if not made or len(made) > 200 or not printable(made):
        raise SpellingError(f"{identity!r} is not a name of 1 to 200 printable characters")
    return made


def said_of(given: Mapping[str, str] | Iterable[str], *, empty: bool = False) -> dict[str, str]:
    """``key=value`` words, or a mapping, as they are stored; an ``empty`` value may take a key away.

    Raises:
        SpellingError: a word is not of that form, or too long, or there are too many.
    """
    pairs = (
        list(given.items()) if isinstance(given, Mapping) else [(k, v if e else None) for k, e, v in map(_cut, given)]
    )
    made: dict[str, str] = {}
    for key, value in pairs:
        good = isinstance(key, str) and isinstance(value, str) and 0 < len(key.strip()) <= 100 and printable(key)
        if not good or len(str(value)) > LONGEST or not printable(str(value)) or not (empty or str(value).strip()):
            raise SpellingError(
                f"{str(key)[:100]!r} with {str(value)[:100]!r} is no metadata; key=value was expected, printable, of "
                f"at most 100 and {LONGEST} characters"
            )
        made[spelled(key)] = str(value).strip()
    if len(made) > MOST:
        raise SpellingError(f"{len(made)} keys of metadata came, at most {MOST} were expected")
    return made


def _cut(word: str) -> tuple[str, str, str]:
    return word.partition("=")


def suits(where: Mapping[str, str], *said: Mapping[str, str]) -> bool:
    """Whether all that is asked for is said, in the first place or else in the next."""
    return all(next((s[k] for s in said if k in s), None) == v for k, v in where.items())
