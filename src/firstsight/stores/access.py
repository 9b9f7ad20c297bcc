"""The keys of a gallery file: who may ask a service, and what for. Only hashes of secrets are stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from firstsight.errors import MissingError, TakenError, UsageError
from firstsight.files import expanded
from firstsight.legible import fault, look_alikes
from firstsight.stores.database import Database
from firstsight.types import Key, Revoked

ROLES = ("read", "enroll", "admin")
"""What a key may do; each may do what those before it may."""
PREFIX = "fsk_"  # tells a secret in a log or a repository from other words


class Access:
    """The keys in the file of a store, as they are now: what another process adds or revokes holds at once.

    Args:
        address: of a store; a ``#name`` in it says nothing here, keys are for the whole file.

    Raises:
        GalleryError: there is no such file.
    """

    def __init__(self, address: str | Path) -> None:
        file = str(address).partition("#")[0]
        self._file = Database(expanded(file), f"make it with firstsight gallery create {file} --model NAME", new=False)
        self._seen = False

    def add(self, name: str, role: str, *, lasting: timedelta | None = None, secret: str | None = None) -> str:
        """Add a key; its secret, which is nowhere else.

        Args:
            name: to tell it by, in lists and logs.
            role: read, enroll or admin.
            lasting: until it expires.
            secret: instead of one that is drawn (32 random bytes).

        Raises:
            UsageError: that is no name, or no role, or the secret is short.
            TakenError: the name is another key's.
        """
        chosen = PREFIX + secrets.token_urlsafe(32) if secret is None else secret
        row = _row(name, role, chosen, lasting)
        with self._file.writing() as db:
            taken = {str(other) for (other,) in db.execute("SELECT name FROM access")}
            like = next((other for other in [name, *look_alikes(name)] if other in taken), None)
            if like is not None:
                raise TakenError(f"there is a key {like!r} already; choose another name, or revoke it first")
            db.execute(_INSERT, row)
            _mark(db)
        return chosen

    def ensure(self, name: str, role: str, secret: str) -> None:
        """Have a key of this name, role and secret: made where there is none, or put in the place of the one there is.

        Raises:
            UsageError: see :meth:`add`.
        """
        known = self.known(secret) if secret else None
        if known is not None and (known.name, known.role, known.expires) == (name, role, None):
            return
        with self._file.writing() as db:
            row = _row(name, role, secret, None)
            db.execute("DELETE FROM access WHERE name=?", (name,))
            db.execute(_INSERT, row)
            _mark(db)

    def revoke(self, name: str) -> Revoked:
        """Take a key away, from now on; what it was, and whether it was the last.

        Raises:
            MissingError: there is none of that name.
        """
        found = next((key for key in self.keys() if key.name == name), None)
        with self._file.writing() as db:
            _mark(db)  # before the row goes: a key that an older version made left no mark
            gone = db.execute("DELETE FROM access WHERE name=?", (name,)).rowcount
            left = db.execute("SELECT 1 FROM access LIMIT 1").fetchone()
        if found is None or not gone:
            raise MissingError(f"there is no key {name!r}; see firstsight key list")
        return Revoked(found.name, found.role, found.created, found.expires, () if left else (LAST,))

    def had(self) -> bool:
        """Whether there is a key, or ever was one: in this file, or in one that this process saw under its name."""
        if not self._seen:
            with self._file.reading() as db:
                self._seen = db.execute(_EVER).fetchone() is not None
        return self._seen

    def remember(self) -> None:
        """Mark a file that an older version gave its keys, which is to outlive them."""
        if self.keys():
            with self._file.writing() as db:
                _mark(db)

    def keys(self) -> list[Key]:
        """All keys, oldest first."""
        return [key for key, _ in self._rows()]

    def known(self, secret: str) -> Key | None:
        """The key of a secret, expired or not; None where it is nobody's."""
        hashed, found = _hash(secret), None
        for key, stored in self._rows():
            if hmac.compare_digest(stored, hashed):
                found = key
        return found

    def _rows(self) -> list[tuple[Key, bytes]]:
        query = "SELECT name, role, created, expires, hash FROM access ORDER BY id"
        with self._file.reading() as db:
            found = [(Key(*row[:4]), row[4]) for row in db.execute(query)]
        self._seen = self._seen or bool(found)
        return found

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def expired(key: Key) -> bool:
    """Whether its time is over."""
    return key.expires is not None and key.expires <= _spelled(datetime.now(UTC))


LAST = "this was the last key: nobody can ask a service of this file until there is another; firstsight key add"
"""What is said when the last key goes, which does not open the service to those without one."""

_INSERT = "INSERT INTO access (name, role, hash, created, expires) VALUES (?, ?, ?, ?, ?)"
_EVER = "SELECT 1 FROM access UNION ALL SELECT 1 FROM sqlite_sequence WHERE name='access' LIMIT 1"


def _mark(db: sqlite3.Connection) -> None:
    """Within the caller's transaction: note that the file has had a key, which no revoking takes back.

    The note is the line that SQLite would keep had the table AUTOINCREMENT: every file has that list, since events
    have it; older versions pass over the line, and a copy of the file has it too.
    """
    if not db.execute("SELECT 1 FROM sqlite_sequence WHERE name='access'").fetchone():
        db.execute("INSERT INTO sqlite_sequence (name, seq) SELECT 'access', id FROM access ORDER BY id DESC LIMIT 1")


def _row(name: str, role: str, secret: str, lasting: timedelta | None) -> tuple[str, str, bytes, str, str | None]:
    if not name.isprintable() or not 0 < len(name) <= 100 or name != name.strip():
        raise UsageError(f"{name!r} is not a key's name of 1 to 100 printable characters")
    why = fault(name)
    if why is not None:
        raise UsageError(f"{name!a} is not a key's name ({why}); write it in letters of one language")
    if role not in ROLES:
        raise UsageError(f"{role!r} is not a role; {', '.join(ROLES)} are")
    if len(secret) < 32 or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise UsageError("a secret of at least 32 printable characters without blanks was expected")
    now = datetime.now(UTC)
    return name, role, _hash(secret), _spelled(now), _spelled(now + lasting) if lasting else None


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _spelled(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
