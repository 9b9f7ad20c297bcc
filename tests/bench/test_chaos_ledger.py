"""The chaos tells what was lost, what came back and what was stored though refused; and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from scripts import script


@pytest.fixture
def chaos() -> ModuleType:
    """The script."""
    return script("chaos")


@pytest.fixture
def ledger(chaos: ModuleType) -> Any:
    """A ledger in which ada, bea and cyd were enrolled in main."""
    made = chaos.Ledger()
    for name in ("ada", "bea", "cyd"):
        made.end(made.begin(enrolled(name)), chaos.ACKNOWLEDGED)
    return made


def enrolled(*names: str) -> dict[str, Any]:
    """An enrolment."""
    several = list(names)
    return {"op": "enroll", "gallery": "main", "names": several, "tokens": several, "shas": several}


def kinds(ledger: Any) -> list[str]:
    """Of the faults found since the last time."""
    found = [fault.partition(":")[0] for fault in ledger.faults]
    ledger.faults.clear()
    return found


def look(ledger: Any, *names: str) -> list[str]:
    """Faults that are found where these are seen."""
    ledger.check("a test", lambda: {"main": set(names)})
    return kinds(ledger)


def test_who_is_enrolled_must_be_there(ledger: Any) -> None:
    """Whoever was acknowledged and is not seen is lost; who is seen beyond that may be new."""
    assert look(ledger, "ada", "bea", "cyd", "somebody") == []
    assert look(ledger, "ada", "cyd") == ["lost"]
    assert look(ledger) == ["lost"] * 3


def test_who_is_removed_must_not_be_there(ledger: Any, chaos: ModuleType) -> None:
    """A removal in doubt is either; one that is acknowledged holds; one that is refused changed nothing."""
    number = ledger.begin({"op": "remove", "name": "bea"})
    assert look(ledger, "ada", "bea", "cyd") == look(ledger, "ada", "cyd") == []
    ledger.end(number, chaos.ACKNOWLEDGED)
    assert look(ledger, "ada", "cyd") == []
    assert look(ledger, "ada", "bea", "cyd") == ["returned"]
    ledger.end(ledger.begin({"op": "remove", "name": "ada"}), chaos.REFUSED, "busy")
    assert look(ledger, "cyd") == ["refused, but stored"]


def test_what_begins_during_a_look_is_no_fault(ledger: Any) -> None:
    """Somebody whose removal began after a look did, and who is not seen by it, is not lost."""

    def removed_meanwhile() -> dict[str, set[str]]:
        ledger.begin({"op": "remove", "name": "ada"})
        return {"main": {"bea", "cyd"}}

    ledger.check("a test", removed_meanwhile)
    assert kinds(ledger) == []


def test_renaming_is_whole_or_not_at_all(ledger: Any, chaos: ModuleType) -> None:
    """Renamed, the new name is there and the old one is not; killed amid it, one of both."""
    ledger.end(ledger.begin({"op": "rename", "name": "ada", "to": "eve"}), chaos.ACKNOWLEDGED)
    assert look(ledger, "eve", "bea", "cyd") == []
    assert look(ledger, "ada", "bea", "cyd") == ["lost", "returned"]
    for seen, found in (
        ({"eve", "dot", "cyd"}, []),
        ({"eve", "cyd"}, ["half"]),
        ({"eve", "dot", "bea", "cyd"}, ["half"]),
    ):
        other = chaos.Ledger()
        other.end(other.begin(enrolled("bea")), chaos.ACKNOWLEDGED)
        other.begin({"op": "rename", "name": "bea", "to": "dot"})
        other.settle({"main": seen})
        assert kinds(other) == found


def test_what_was_in_doubt_is_settled(ledger: Any, chaos: ModuleType) -> None:
    """At the end whatever nobody acknowledged is there or not, a batch as a whole, and stays so."""
    ledger.begin(enrolled("fay"))
    ledger.begin(enrolled("gus", "hal"))
    ledger.begin({"op": "remove", "name": "ada"})
    ledger.settle({"main": {"bea", "cyd", "fay", "gus"}})
    assert kinds(ledger) == ["half"]
    assert look(ledger, "bea", "cyd", "fay", "gus") == []
    assert look(ledger, "bea", "cyd") == ["lost"] * 2
    assert look(ledger, "ada", "bea", "cyd", "fay", "gus", "hal") == ["returned", "refused, but stored"]


def test_refusals_are_honest_and_say_nothing_broken(ledger: Any, chaos: ModuleType) -> None:
    """What was refused is not stored; who hears of a disk I/O error or a malformed file has found a fault."""
    ledger.end(ledger.begin(enrolled("ivy")), chaos.REFUSED, "503 /x/g.db is being written; try again")
    assert kinds(ledger) == []
    assert look(ledger, "ada", "bea", "cyd", "ivy") == ["refused, but stored"]
    ledger.refused("look", "503 /x/g.db can't be read or written (disk I/O error)")
    assert kinds(ledger) == ["broken"]


def test_events_and_keys(ledger: Any, chaos: ModuleType) -> None:
    """A recorded event is there; a key is there from its acknowledgement until it is revoked, and then no more."""
    ledger.end(ledger.begin({"op": "record", "places": ["door"]}), chaos.ACKNOWLEDGED)
    for name in ("old", "new"):
        ledger.end(ledger.begin({"op": "add key", "name": name}), chaos.ACKNOWLEDGED)
    ledger.end(ledger.begin({"op": "revoke", "name": "old"}), chaos.ACKNOWLEDGED)
    ledger.settle_more({"door", "other"}, {"new"})
    assert kinds(ledger) == []
    ledger.settle_more({"other"}, {"old"})
    assert kinds(ledger) == ["lost", "a revoked key is back", "lost"]


def test_other_processes_tell_by_lines(ledger: Any, tmp_path: Path) -> None:
    """Lines of another process are read once they are whole; what it had not finished when it died is in doubt."""
    book = tmp_path / "book"
    ledger.listen(book)
    ledger.absorb()
    tried = [json.dumps(["tried", str(n), enrolled(name)]) for n, name in enumerate(("kay", "lou"))]
    book.write_text(f'{tried[0]}\n["acknowledged", "0", ""]\n{tried[1]}\n["acknowl')
    assert look(ledger, "ada", "bea", "cyd") == ["lost"]
    with book.open("a") as more:
        more.write('edged", "1", ""]\n["fault", "a look", "why"]\n')
    assert look(ledger, "ada", "bea", "cyd", "kay") == ["unexpected", "lost"]


def test_nobody_is_removed_by_two(ledger: Any, chaos: ModuleType) -> None:
    """Who is claimed by one actor is claimed by no other."""
    for number in range(20):
        ledger.end(ledger.begin(enrolled(f"many {number}")), chaos.ACKNOWLEDGED)
    claimed = [ledger.claim(Random(n)).name for n in range(14)]
    assert len(set(claimed)) == 14
    assert ledger.claim(Random(0)) is None


def test_writes_of_a_result_are_counted(chaos: ModuleType) -> None:
    """Every kind of acknowledged write counts once in what is shown."""
    shown = chaos.table({"counts": {"rounds": 3, "remove": 3, "enroll": 4, "health: 200": 9}})
    assert (shown["acknowledged writes"], shown["removals"], shown["rounds"]) == (7, 3, 3)
