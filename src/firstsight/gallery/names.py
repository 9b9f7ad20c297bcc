"""The spelling of names and of what is said of them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import TypeAlias

from firstsight import spelling
from firstsight.errors import SpellingError
from firstsight.legible import JOINERS, fault, look_alikes, printable
from firstsight.types import Store

MOST = 50  # keys
LONGEST = 1000  # characters of a value

Said: TypeAlias = Mapping[str, str] | Iterable[str]
"""Metadata: a mapping, or ``key=value`` words."""


def spelled(identity: str) -> str:
    """A name as it is looked up: in its one spelling, and with what no name can hold spelled out."""
    return spelling.spelled(spelling.shown(identity))


def name(identity: str) -> str:
    """A name as it is stored.

    Raises:
        SpellingError: it is none, or could be taken for another one by who reads it.
    """
    made = spelling.spelled(identity)
    if not made or len(made) > 200 or not printable(made):
        raise SpellingError(f"{identity!r} is not a name of 1 to 200 printable characters")
    why = fault(made)
    if why is not None:
        raise SpellingError(f"{identity!a} is not a name ({why}); write it in letters of one language")
    return made


def name_in(store: Store, identity: str, among: Container[str] = ()) -> str:
    """A name as a gallery has it: of somebody enrolled, however it is written, or one that looks like no other.

    Args:
        store: of the gallery.
        identity: the name.
        among: names that are to be enrolled with it.

    Raises:
        SpellingError: it is none, or looks like one that is enrolled.
    """
    made = spelled(identity)
    try:
        name(identity)
    except SpellingError:
        if _stored_once(made) and store.references(made, limit=1):  # from before names had this rule
            return made
        raise
    others = look_alikes(made)
    known = store.said([made, *others]) if others else {}
    if made not in known:
        there = next((other for other in others if other in among or other in known), None)
        if there is not None:
            raise SpellingError(
                f"{made!r} looks like {there!r}, which is another name ({made!a} and {there!a}); choose one "
                "that can be told from it"
            )
    return made


def _stored_once(text: str) -> bool:
    """Whether any version has taken it for a name: what was not printed never was one."""
    return "".join(c for c in text if c not in JOINERS).isprintable() and 0 < len(text) <= 200


def said_of(given: Mapping[str, str] | Iterable[str], *, empty: bool = False, new: bool = True) -> dict[str, str]:
    """``key=value`` words, or a mapping, as they are stored; an ``empty`` value may take a key away.

    What is ``new`` must be such that nobody takes it for something else; what is asked for, or goes, may be old.

    Raises:
        SpellingError: a word is not of that form, or too long, or there are too many.
    """
    if not given:
        return {}
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
        why = (fault(spelled(key)) or fault(spelled(str(value)))) if new and str(value).strip() else None
        if why is not None:
            raise SpellingError(f"{key!a} with {value!a} is no metadata ({why}); write it in plain letters")
        made[spelled(key)] = str(value).strip()
    if len(made) > MOST:
        raise SpellingError(f"{len(made)} keys of metadata came, at most {MOST} were expected")
    return made


def _cut(word: str) -> tuple[str, str, str]:
    return word.partition("=")


def suits(where: Mapping[str, str], *said: Mapping[str, str]) -> bool:
    """Whether all that is asked for is said, in the first place or else in the next."""
    return all(next((s[k] for s in said if k in s), None) == v for k, v in where.items())
