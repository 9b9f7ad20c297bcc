"""The default store: one SQLite file, many galleries, every acknowledged write synced to disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Unpack

import numpy as np

from firstsight.errors import GalleryError, MissingError, StaleError, TakenError, guessed
from firstsight.files import expanded
from firstsight.stores import adding, looking, rows
from firstsight.stores import events as happenings
from firstsight.stores.database import Database
from firstsight.types import Contract, Entry, Event, FloatArray, Identity, IntArray, Lengths, Portion, Reference, State
from firstsight.vectors import ANY, checked

_BLOCK = 4096  # rows that are read at a time
_MANY = 5000  # entries in one write that are worth a larger page cache


class SqliteStore:
    """One gallery in a SQLite file (``staff.db``, or ``staff.db#door`` for one of several); a :class:`Store`.

    Write-ahead log with ``synchronous=FULL``: a commit returns after fsync, so an acknowledged enrolment survives
    kill -9 and power loss. Deleted content is overwritten, and the log cut off after a removal.

    Args:
        address: file, with ``#name`` for one of several galleries (default ``main``).
        create: makes the gallery.

    Raises:
        GalleryError: there is no such gallery, or there is one that is to be made.
        StorageError: the system refuses.
    """

    def __init__(self, address: str, *, create: Contract | None = None) -> None:
        file, _, name = address.partition("#")
        self.address, self.name = address, name or "main"
        hint = f"make it with firstsight gallery create {address} --model NAME"
        self._file = Database(expanded(file), hint, new=create is not None)
        try:
            self._lengths: Callable[[], Lengths] = lambda: ANY
            if create is not None:
                self._create(create)
                self._lengths = create.lengths or self._lengths
            self._age = -1
            self._find()
        except BaseException:
            self._file.close()
            raise

    def _create(self, contract: Contract) -> None:
        with self._file.writing() as db:
            if db.execute("SELECT 1 FROM gallery WHERE name=?", (self.name,)).fetchone():
                raise TakenError(f"{self.address} exists already; enroll into it, or choose another name")
            db.execute(
                rows.CREATE,
                (self.name, contract.model, contract.fingerprint, contract.dim, contract.keep_sources, rows.now()),
            )

    def _find(self) -> None:
        """Which gallery of the file it is; once for each file that was opened under the name."""
        with self._file.reading() as db:
            query = "SELECT id, model, fingerprint, dim, keep_sources FROM gallery WHERE name=?"
            row = db.execute(query, (self.name,)).fetchone()
            if row is None:
                names = [r[0] for r in db.execute("SELECT name FROM gallery ORDER BY name")]
                raise MissingError(
                    f"{self._file.path} has no gallery {self.name!r}; it has {', '.join(names) or 'none'}"
                )
            self._id, self._age = row[0], self._file.age
            self._contract = Contract(row[1], row[2], row[3], bool(row[4]))

    @property
    def contract(self) -> Contract:
        """What binds the gallery to its model, as it was when this store was opened."""
        return self._contract

    def expect(self, lengths: Callable[[], Lengths]) -> None:
        """See :meth:`Store.expect`."""
        self._lengths = lengths

    def add(
        self, entries: Sequence[Entry], *, replace: bool = False, events: Sequence[Event] = ()
    ) -> list[tuple[int, int]]:
        """See :meth:`Store.add`."""
        vectors = adding.fitting(entries, self.contract.dim, self._lengths())
        if not entries:
            return []
        with self._file.writing(many=len(entries) > _MANY) as db:
            self._follow()
            top, number, _, fingerprint = rows.last(db, self._id)
            self._refuse_another(fingerprint)
            if replace:
                for name in dict.fromkeys(e.identity for e in entries):
                    self._clear(db, self._one(db, name))
            ids = adding.identities(db, self._id, list(dict.fromkeys(e.identity for e in entries)), top)
            result = adding.references(db, entries, vectors, ids, top, number + 1)
            happenings.write(db, self._id, events)
            return result

    def remove(self, identity: str, *, events: Sequence[Event] = ()) -> int:
        """See :meth:`Store.remove`."""
        with self._file.writing() as db:
            self._begin(db)
            owner = self._one(db, identity)
            number = self._clear(db, owner)
            db.execute("DELETE FROM identity WHERE id=?", (owner,))
            happenings.clear(db, self._id, identity)
            happenings.write(db, self._id, events)
            return number

    def rename(self, identity: str, to: str, *, events: Sequence[Event] = ()) -> int:
        """See :meth:`Store.rename`."""
        with self._file.writing() as db:
            self._begin(db)
            owner = self._one(db, identity)
            taken = "SELECT 1 FROM identity WHERE gallery=? AND name=?"
            if db.execute(taken, (self._id, to)).fetchone():
                raise TakenError(f"{to!r} is enrolled already; choose another name, or merge {identity!r} into it")
            rows.touch(db, self._id, owner)
            db.execute("UPDATE identity SET name=? WHERE id=?", (to, owner))
            happenings.follow(db, self._id, identity, to)
            happenings.write(db, self._id, events)
            rows.erase_later(db)
            return rows.count(db, owner)

    def merge(self, identity: str, into: str, *, events: Sequence[Event] = ()) -> int:
        """See :meth:`Store.merge`."""
        with self._file.writing() as db:
            self._begin(db)
            owner, other = self._one(db, identity), self._one(db, into)
            if owner == other:
                raise GalleryError(f"{identity!r} can't be merged into itself; name two identities")
            number = rows.count(db, owner)
            for one in (owner, other):
                rows.touch(db, self._id, one)
            doubles = "SELECT key FROM reference WHERE identity=? AND key IS NOT NULL"
            there = f"SELECT id FROM reference WHERE identity=? AND key IN ({doubles})"  # noqa: S608
            for table, column in (("image", "reference"), ("reference", "id")):
                db.execute(f"DELETE FROM {table} WHERE {column} IN ({there})", (owner, other))  # noqa: S608
            db.execute("UPDATE reference SET identity=? WHERE identity=?", (other, owner))
            said = rows.said(db, owner) | rows.said(db, other)
            db.execute("UPDATE identity SET metadata=? WHERE id=?", (rows.dumped(said), other))
            db.execute("DELETE FROM identity WHERE id=?", (owner,))
            happenings.follow(db, self._id, identity, into)
            happenings.write(db, self._id, events)
            rows.erase_later(db)
            return number

    def annotate(self, identity: str, metadata: Mapping[str, str], *, events: Sequence[Event] = ()) -> Identity:
        """See :meth:`Store.annotate`."""
        with self._file.writing() as db:
            self._begin(db)
            owner = self._one(db, identity)
            rows.touch(db, self._id, owner)
            said = {k: v for k, v in (rows.said(db, owner) | dict(metadata)).items() if v}
            db.execute("UPDATE identity SET metadata=? WHERE id=?", (rows.dumped(said), owner))
            happenings.write(db, self._id, events)
            rows.erase_later(db)
            return Identity(identity, rows.count(db, owner), said)

    def record(self, events: Sequence[Event], images: Sequence[bytes | None] = ()) -> list[int]:
        """See :meth:`Store.record`."""
        with self._file.writing() as db:
            self._begin(db)
            for name in {e.identity for e in events if e.identity is not None}:
                self._one(db, name)  # else who was removed since the question would come back
            return happenings.write(db, self._id, events, images)

    def events(self, **asked: Unpack[happenings.Asked]) -> list[Event]:
        """See :meth:`Store.events`."""
        with self._reading() as db:
            return happenings.read(db, self._id, **asked)

    def event_image(self, event: int) -> bytes | None:
        """See :meth:`Store.event_image`."""
        with self._reading() as db:
            return happenings.image(db, self._id, event)

    def forget(self, before: str) -> int:
        """See :meth:`Store.forget`."""
        with self._file.writing() as db:
            self._begin(db)
            return happenings.forget(db, self._id, before)

    def erase(self) -> bool:
        """See :meth:`Store.erase`."""
        return self._file.erase()

    def identities(self, *, after: str | None = None, limit: int | None = None) -> list[Identity]:
        """See :meth:`Store.identities`."""
        with self._reading() as db:
            given = (self._id, 0 if after is None else self._one(db, after), -1 if limit is None else limit)
            return [Identity(name, n, rows.parsed(said)) for name, n, said in db.execute(rows.IDENTITY, given)]

    def references(self, identity: str | None = None, *, after: int = 0, limit: int | None = None) -> list[Reference]:
        """See :meth:`Store.references`."""
        given: list[object] = [self._id, *([] if identity is None else [identity]), after]
        tables, named = (rows.ALL, "") if identity is None else (rows.ONE, " AND i.name = ?")
        query = rows.REFERENCE.format(more="", tables=tables, where=f"{named} AND r.id > ?")
        if limit is not None:
            query, given = f"{query} LIMIT ?", [*given, limit]
        with self._reading() as db:
            return [rows.reference(row) for row in db.execute(query, given)]

    def rows(self) -> Iterator[tuple[list[Reference], FloatArray]]:
        """See :meth:`Store.rows`."""
        with self._reading() as db:
            cursor = db.execute(rows.REFERENCE.format(more=", r.vector", tables=rows.ALL, where=""), (self._id,))
            while some := cursor.fetchmany(_BLOCK):
                yield [rows.reference(row[:7]) for row in some], self._matrix([(row[1], row[7]) for row in some])

    def image(self, reference: int) -> bytes | None:
        """See :meth:`Store.image`."""
        with self._reading() as db:
            row = db.execute(rows.IMAGE, (reference, self._id)).fetchone()
            return None if row is None else bytes(row[0])

    def vectors(self, identity: str) -> FloatArray:
        """See :meth:`Store.vectors`."""
        query = """SELECT i.name, r.vector FROM identity i JOIN reference r ON r.identity = i.id
            WHERE i.gallery=? AND i.name=? ORDER BY r.id"""
        with self._reading() as db:
            return self._matrix(db.execute(query, (self._id, identity)).fetchall())

    def known(self, keys: Sequence[str]) -> set[tuple[str, str]]:
        """See :meth:`Store.known`."""
        with self._reading() as db:
            return set(db.execute(rows.KNOWN, (self._id, json.dumps(list(keys)))))

    def said(self, identities: Iterable[str]) -> dict[str, Mapping[str, str]]:
        """See :meth:`Store.said`."""
        with self._reading() as db:
            return {n: rows.parsed(m) for n, m in db.execute(rows.SAID, (self._id, json.dumps(list(identities))))}

    def nearest(self, identity: str) -> str | None:
        """See :meth:`Store.nearest`."""
        with self._reading() as db:
            return rows.nearest(db, self._id, identity)

    def state(self) -> State:
        """See :meth:`Store.state`; a read of one number, some microseconds."""
        with self._reading() as db:
            _, reference, change, fingerprint = rows.last(db, self._id)
            self._refuse_another(fingerprint)
            return self._age, reference, change

    def changes(self, since: State | None) -> Iterator[Portion]:
        """See :meth:`Store.changes`."""
        query, given = rows.EVERYBODY, (self._id,)
        if since is not None and since[0] == self._age:
            query, given = rows.CHANGED, (*since[1:], self._id, self._id)
        dim, lengths = self.contract.dim, self._lengths()
        with self._reading() as db:
            cursor = db.execute(query, given)
            some: list[tuple[int, str | None, bytes | None]] = []
            while more := cursor.fetchmany(_BLOCK):
                some += more
                whole = next((n for n in range(len(some) - 1, 0, -1) if some[n][0] != some[n - 1][0]), 0)
                if whole:  # the last identity may go on
                    yield rows.portion(self.address, dim, lengths, some[:whole])
                    some = some[whole:]
            if some:
                yield rows.portion(self.address, dim, lengths, some)

    def damaged(self) -> list[Reference]:
        """References whose vector can't be read, is not finite, or is of no length that the model's have."""
        with self._reading() as db:
            return looking.damaged(db, self._id, self.contract.dim, self._lengths())

    def switch(self, contract: Contract, ids: IntArray, vectors: FloatArray) -> bool:
        """See :meth:`Store.switch`."""
        lengths = contract.lengths or (lambda: ANY)
        fit = checked(vectors, (len(ids), contract.dim), lengths(), f"{contract.model}'s references", GalleryError)
        with self._file.writing() as db:
            self._begin(db)
            query = f"SELECT r.id FROM {rows.ALL} ON i.id = r.identity WHERE i.gallery=? ORDER BY r.id"  # noqa: S608
            there = [row[0] for row in db.execute(query, (self._id,))]
            if there != ids.tolist():
                return False
            made = np.ascontiguousarray(fit, "<f4")
            pairs = zip(made, there, strict=True)
            db.executemany("UPDATE reference SET vector=? WHERE id=?", ((v.data, i) for v, i in pairs))
            db.execute(
                "UPDATE gallery SET model=?, fingerprint=?, dim=?, keep_sources=? WHERE id=?",
                (contract.model, contract.fingerprint, contract.dim, contract.keep_sources, self._id),
            )
            rows.erase_later(db)
        self._contract, self._lengths = contract, lengths
        self._file.age += 1  # what was read of the other model is void
        self._age = self._file.age
        return True

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._file.reading() as db:
            self._follow()
            yield db

    def _follow(self) -> None:
        """After the file was replaced, the gallery has another number in it, and may be another model's."""
        if self._age != self._file.age:
            before = self._contract
            self._find()
            age, self._age = self._age, -1  # asked again where it is refused
            found, self._contract = self._contract, before
            self._refuse_another(found.fingerprint)
            self._age = age

    def _begin(self, db: sqlite3.Connection) -> None:
        """At the beginning of every write: this is still the gallery that was opened."""
        self._follow()
        self._check(db)

    def _check(self, db: sqlite3.Connection) -> None:
        self._refuse_another(rows.last(db, self._id)[3])

    def _refuse_another(self, fingerprint: str | None) -> None:
        if fingerprint != self._contract.fingerprint:
            happened = f"rebuilt for model {fingerprint}" if fingerprint else "dropped"
            raise StaleError(
                f"{self.address} was {happened} since it was opened with {self._contract.fingerprint}; open it again"
            )

    def _one(self, db: sqlite3.Connection, name: str) -> int:
        row = db.execute("SELECT id FROM identity WHERE gallery=? AND name=?", (self._id, name)).fetchone()
        if row is None:
            meant = guessed(rows.nearest(db, self._id, name))
            raise MissingError(
                f"{name!r} is not enrolled in {self.address}{meant}; see firstsight identities {self.address}"
            )
        return int(row[0])

    def _clear(self, db: sqlite3.Connection, owner: int) -> int:
        rows.touch(db, self._id, owner)
        rows.erase_later(db)
        db.execute("DELETE FROM image WHERE reference IN (SELECT id FROM reference WHERE identity=?)", (owner,))
        return db.execute("DELETE FROM reference WHERE identity=?", (owner,)).rowcount

    def _matrix(self, named: Sequence[tuple[str | None, bytes]]) -> FloatArray:
        return rows.matrix(self.address, self.contract.dim, self._lengths(), named)
