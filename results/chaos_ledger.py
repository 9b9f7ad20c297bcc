"""What was acknowledged amid the chaos, and what a look at the gallery must and must not show therefore."""

from __future__ import annotations

import collections
import itertools
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRIED, ACKNOWLEDGED, REFUSED = "tried", "acknowledged", "refused"
BROKEN = ("disk i/o", "malformed", "damaged", "not a database", "traceback", "fault of firstsight")
"""Words of an answer that nobody may get, whatever else happens to the file."""
Seen = dict[str, set[str]]  # gallery -> names
Op = dict[str, Any]


@dataclass(slots=True)
class Person:
    """One identity.

    Attributes:
        gallery, name: where, and under which name.
        token: the twelve digits that are in the bytes of its image.
        sha: of its image.
        enrolled: how far its enrolment, or the renaming to this name, has come.
        gone: how far its removal, or the renaming from this name, has come; "" before.
        claimed: whether somebody is to remove or rename it; nobody else will.
        number: of its picture; -1 where there is none that can be asked about.
        before: the name it was renamed from.
    """

    gallery: str
    name: str
    token: str
    sha: str
    enrolled: str
    gone: str = ""
    claimed: bool = False
    number: int = -1
    before: str = ""

    @property
    def required(self) -> bool:
        """Whether it must be there."""
        return self.enrolled == ACKNOWLEDGED and self.gone in ("", REFUSED)

    @property
    def forbidden(self) -> bool:
        """Whether it must not be there."""
        return self.gone == ACKNOWLEDGED or self.enrolled == REFUSED


@dataclass(slots=True)
class Known:
    """A key: its secret, and how far its making and revoking have come."""

    secret: str
    added: str
    revoked: str = ""


class Ledger:
    """The truth about one file of galleries; any number of threads may tell it, and processes by files of lines."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.places: dict[str, str] = {}  # of recorded events
        self.keys: dict[str, Known] = {}
        self.counts: collections.Counter[str] = collections.Counter()
        self.refusals: collections.Counter[str] = collections.Counter()
        self.faults: list[str] = []
        self._ops: dict[str, Op] = {}
        self._files: dict[Path, int] = {}
        self._lock = threading.RLock()
        self._next = itertools.count()

    def begin(self, op: Op, number: str = "") -> str:
        """Something is about to be asked for; what it is called until it ends."""
        with self._lock:
            number = number or f"main-{next(self._next)}"
            self._ops[number] = op
            self._stage(op, TRIED)
            return number

    def end(self, number: str, stage: str, reason: str = "") -> None:
        """It was acknowledged, or refused for a reason."""
        with self._lock:
            op = self._ops.pop(number)
            self._stage(op, stage)
            if stage == ACKNOWLEDGED:
                self.counts[op["op"]] += 1
            else:
                self.refused(op["op"], reason)

    def refused(self, what: str, reason: str) -> None:
        """Count a refusal by its reason, and call it a fault where it is one."""
        with self._lock:
            said = " ".join(w for w in reason.split() if "/" not in w or w == "I/O" or "I/O" in w)
            self.refusals["".join(c for c in said if not c.isdigit())[:140]] += 1
            if any(word in reason.lower() for word in BROKEN):
                self.fault("broken", f"{what}: {reason[-300:]}")

    def fault(self, kind: str, what: str) -> None:
        """Something that may not be."""
        with self._lock:
            self.counts[f"fault: {kind}"] += 1
            self.faults.append(f"{kind}: {what}")

    def _stage(self, op: Op, stage: str) -> None:
        kind = op["op"]
        if kind == "enroll":
            for name, token, sha in zip(op["names"], op["tokens"], op["shas"], strict=True):
                made = Person(op["gallery"], name, token, sha, TRIED, number=op.get("number", -1))
                person = self.people.setdefault(name, made)
                person.enrolled, person.claimed = stage, op.get("own", False)
            if "place" in op:
                self.places[op["place"]] = stage
        elif kind == "remove":
            self.people[op["name"]].gone, self.people[op["name"]].claimed = stage, True
        elif kind == "drop":
            for name in op["names"]:
                self.people[name].gone, self.people[name].claimed = stage, True
        elif kind == "rename":
            old = self.people[op["name"]]
            old.gone, old.claimed = stage, True
            made = Person(old.gallery, op["to"], old.token, old.sha, TRIED, number=old.number, before=old.name)
            new = self.people.setdefault(op["to"], made)
            new.enrolled, new.claimed = stage, op.get("own", False)
        elif kind == "record":
            for place in op["places"]:
                self.places[place] = stage
        elif kind == "add key":
            self.keys.setdefault(op["name"], Known(op.get("secret", ""), TRIED)).added = stage
        elif kind == "revoke":
            self.keys[op["name"]].revoked = stage

    def listen(self, file: Path) -> None:
        """Read what a process writes there, from now on."""
        with self._lock:
            self._files[file] = 0

    def absorb(self) -> None:
        """Read on in all files."""
        with self._lock:
            for file, at in self._files.items():
                if not file.exists():
                    continue
                with file.open("rb") as lines:
                    lines.seek(at)
                    more = lines.read()
                whole = more[: more.rfind(b"\n") + 1]
                self._files[file] = at + len(whole)
                for line in whole.splitlines():
                    word, number, said = json.loads(line)
                    if word == TRIED:
                        self.begin(said, number)
                    elif word == "fault":
                        self.fault("unexpected", f"{file.name} {number}: {said}")
                    elif word == "count":
                        self.counts[said] += 1
                    elif word == "no look":
                        self.refused("look", said)
                    else:
                        self.end(number, word, said)

    def claim(self, draw: Any, *, pictured: bool | None = None) -> Person | None:
        """Somebody who is there, and whom nobody else will remove or rename."""
        self.absorb()
        with self._lock:
            free = [
                p
                for p in self.people.values()
                if p.required and not p.claimed and (pictured is None or pictured == (p.number >= 0))
            ]
            if len(free) < 10:
                return None
            person = draw.choice(free)
            person.claimed = True
            return person  # type: ignore[no-any-return]

    def check(self, route: str, look: Callable[[], Seen | None], *, whole: bool = False) -> None:
        """What was acknowledged before a look must be in it, unless somebody set out to remove it before it ended.

        Args:
            route: by which it is looked.
            look: who is seen; None where nobody answered.
            whole: whether it sees galleries that nobody knows of beforehand.
        """
        self.absorb()
        with self._lock:
            must = [p for p in self.people.values() if p.required]
            mustnt = [p for p in self.people.values() if p.forbidden]
        seen = look()
        if seen is None:  # nobody answered
            return
        self.absorb()
        with self._lock:
            self.counts[f"looks by {route}"] += 1
            looked = [p for p in must if p.required and (whole or p.gallery in seen)]
            lost = [p for p in looked if p.name not in seen.get(p.gallery, ())]
            back = [p for p in mustnt if p.name in seen.get(p.gallery, ())]
            self._tell(route, lost, back)

    def _tell(self, route: str, lost: Iterable[Person], back: Iterable[Person]) -> None:
        for p in lost:
            self.fault("lost" if p.gone == "" else "refused, but stored", f"{p.gallery} {p.name} by {route}")
        for p in back:
            kind = "returned" if p.gone == ACKNOWLEDGED else "refused, but stored"
            self.fault(kind, f"{p.gallery} {p.name} by {route}")

    def settle(self, seen: Seen) -> None:
        """When all have ended: what was in doubt is one or the other, and stays it."""
        self.absorb()
        with self._lock:
            self.check("the end", lambda: seen, whole=True)
            for p in self.people.values():
                there = p.name in seen.get(p.gallery, ())
                if p.before and p.enrolled == TRIED:
                    old = self.people[p.before]
                    if old.enrolled == ACKNOWLEDGED and (old.name in seen.get(old.gallery, ())) == there:
                        self.fault("half", f"{p.gallery} {p.before} renamed {p.name}: {'both' if there else 'neither'}")
                elif p.gone == TRIED and p.enrolled == ACKNOWLEDGED and not there:
                    self.counts["removals and renamings in doubt, done"] += 1
            for p in self.people.values():
                there = p.name in seen.get(p.gallery, ())
                if p.enrolled == TRIED:
                    p.enrolled, p.claimed = (ACKNOWLEDGED if there else REFUSED), False
                if p.gone == TRIED:
                    p.gone = REFUSED if there else ACKNOWLEDGED
                if p.gone in ("", REFUSED):  # whoever was to remove it has ended
                    p.gone, p.claimed = "", False
            for op in self._ops.values():
                if op["op"] == "enroll" and len({self.people[name].enrolled for name in op["names"]}) > 1:
                    self.fault("half", f"a batch of {len(op['names'])}")
            self._ops.clear()
            self._files.clear()

    def forget_places_of_gone(self) -> None:
        """Events about somebody go with them: who has gone, or may have, is no reason to look for an event."""
        with self._lock:
            for p in self.people.values():
                if not p.required:
                    self.places.pop(f"pl{p.token}", None)

    def settle_more(self, places: set[str], keys: set[str]) -> None:
        """The same for events, told by their places, and for keys by their names."""
        with self._lock:
            for place, stage in self.places.items():
                if (stage == ACKNOWLEDGED) > (place in places):
                    self.fault("lost", f"event at {place}")
                if (stage == REFUSED) and place in places:
                    self.fault("refused, but stored", f"event at {place}")
            self.places = dict.fromkeys(places & self.places.keys(), ACKNOWLEDGED)
            for name, key in self.keys.items():
                there = name in keys
                if there and (key.revoked == ACKNOWLEDGED or key.added == REFUSED):
                    self.fault("a revoked key is back", name)
                if not there and key.added == ACKNOWLEDGED and key.revoked in ("", REFUSED):
                    self.fault("lost", f"key {name}")
                key.added = ACKNOWLEDGED if there or key.added == ACKNOWLEDGED else REFUSED
                key.revoked = ACKNOWLEDGED if not there else REFUSED if key.revoked else ""
