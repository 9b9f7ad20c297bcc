"""The files of a store taken away, begun anew by others, inherited by a fork, or not to be written."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from firstsight.errors import FirstSightError, StorageError
from firstsight.stores import database, files_on_disk
from firstsight.stores.files_on_disk import Files, on_disk
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import Contract, Entry

CONTRACT = Contract("m", "f", 4)

HEAD = """
import gc, os, sys
import numpy as np
from firstsight.errors import FirstSightError
from firstsight.stores.listing import damage_of
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import Entry

def entry(name):
    return Entry(name, np.full((1, 4), 0.5, np.float32), [name])

def names(store):
    return [i.identity for i in store.identities()]

place = sys.argv[1]
"""


def entry(name: str) -> Entry:
    """A reference."""
    return Entry(name, np.full((1, 4), 0.5, np.float32), [name])


def run(place: Path, code: str, *more: str) -> str:
    """What another process prints."""
    command = [sys.executable, "-c", HEAD + code, str(place), *more]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return ran.stdout.strip() or ran.stderr.strip()


def held(place: Path) -> list[str]:
    """Who is in the file, as another process reads it."""
    return run(place, "print(*names(SqliteStore(place)))").split()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty store."""
    SqliteStore(str(tmp_path / "g.db"), create=CONTRACT).close()
    return tmp_path / "g.db"


def test_a_store_is_opened_by_sqlite_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening and closing a store opens no descriptor beside SQLite's, whose closing would drop all locks."""
    opened = []
    monkeypatch.setattr("os.open", lambda path, *rest, **more: opened.append(path) or 1 / 0)
    monkeypatch.setattr("io.open", lambda path, *rest, **more: opened.append(path) or 1 / 0)
    with closing(SqliteStore(str(place))) as store, closing(SqliteStore(str(place))):
        store.add([entry("alice")])
    assert opened == []


def test_locks_of_an_open_store_outlive_another_one_in_the_process(place: Path) -> None:
    """A process that opens and closes a store again while it holds it open keeps the log from other processes."""
    with closing(SqliteStore(str(place))) as store:
        SqliteStore(str(place)).close()
        store.add([entry("alice")])
        log = Path(f"{place}-wal").stat().st_ino
        assert held(place) == ["alice"]
        assert Path(f"{place}-wal").stat().st_ino == log
        store.add([entry("bob")])
        assert held(place) == ["alice", "bob"]


@pytest.mark.parametrize("gone", [("wal",), ("shm",), ("wal", "shm")], ids="+".join)
def test_what_was_acknowledged_outlives_its_log(gone: tuple[str, ...], place: Path) -> None:
    """The log, its index or both are deleted under two connections: nothing acknowledged is lost by it, even killed."""
    code = """
a, b = SqliteStore(place), SqliteStore(place)
a.add([entry("one")]), b.add([entry("two")])
for name in sys.argv[2:]:
    os.unlink(f"{place}-{name}")
for store, name in ((b, "three"), (a, "four"), (b, "five"), (a, "six")):
    store.add([entry(name)])
    print(name, flush=True)
os.kill(os.getpid(), 9)
"""
    assert run(place, code, *gone).split() == ["three", "four", "five", "six"]
    assert held(place) == ["one", "two", "three", "four", "five", "six"]


def test_a_log_begun_anew_by_another_process_is_told_of(place: Path) -> None:
    """Log and index are deleted and another process writes: both keep theirs, one in a copy that a sentence names."""
    with closing(SqliteStore(str(place))) as store, closing(SqliteStore(str(place))) as second:
        store.add([entry("one")])
        for name in ("wal", "shm"):
            Path(f"{place}-{name}").unlink()
        run(place, "SqliteStore(place).add([entry('other')])")
        with pytest.raises(StorageError, match="all that this process had stored is in .*: compare") as caught:
            second.add([entry("two")])
        copy = Path(str(caught.value).split(" is in ")[1].split(":")[0])
        assert held(copy) == ["one"]
        assert copy.stat().st_mode & 0o777 == 0o600
        store.add([entry("three")])
        second.add([entry("four")])
    assert held(place) == ["other", "three", "four"]


def test_a_write_whose_log_is_deleted_before_its_commit_is_in_the_file(place: Path) -> None:
    """A log that goes amid a write: the write is acknowledged only once it is in the file itself."""
    with closing(SqliteStore(str(place))) as store:
        with store._file.writing() as db:
            db.execute("INSERT INTO identity (gallery, name) VALUES (1, 'alice')")
            Path(f"{place}-wal").unlink()
        assert held(place) == ["alice"]


def test_an_index_deleted_amid_a_write_is_told_of(place: Path) -> None:
    """Who writes while the index is deleted may have been written over by others, and is told so."""

    def write(store: SqliteStore) -> None:
        with store._file.writing() as db:
            db.execute("INSERT INTO identity (gallery, name) VALUES (1, 'alice')")
            Path(f"{place}-shm").unlink()

    with closing(SqliteStore(str(place))) as store, pytest.raises(StorageError, match="may be lost"):
        write(store)


# --- forks


FORK = """
def child(act):
    pid = os.fork()
    if pid == 0:
        try:
            act()
            os._exit(0)
        except FirstSightError as error:
            print(type(error).__name__, error, flush=True)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

store = SqliteStore(place)
store.add([entry("one")])
"""


def test_a_child_uses_the_store_of_its_parent(place: Path) -> None:
    """A process forked off writes by its parent's store and closes it; the parent goes on and is killed."""
    code = """
assert child(lambda: (store.add([entry("child")]), store.close())) == 0
store.add([entry("two")])
print(*names(store), flush=True)
os.kill(os.getpid(), 9)
"""
    assert run(place, FORK + code) == "one child two"
    assert held(place) == ["one", "child", "two"]


def test_a_child_opens_the_store_that_its_parent_has_open(place: Path) -> None:
    """A process forked off opens and closes the file anew, as does one that is no child: the log stays the parent's."""
    code = """
import subprocess
def act():
    again = SqliteStore(place)
    again.add([entry("child")])
    again.close()
    del again
    gc.collect()
log = os.stat(place + "-wal").st_ino
assert child(act) == 0
subprocess.run([sys.executable, "-c", "import sys; from firstsight.stores.sqlite import SqliteStore;"
                "SqliteStore(sys.argv[1]).close()", place], check=True)
assert os.stat(place + "-wal").st_ino == log
store.add([entry("two")])
print(*names(store), flush=True)
os.kill(os.getpid(), 9)
"""
    assert run(place, FORK + code) == "one child two"
    assert held(place) == ["one", "child", "two"]


def test_a_child_forked_off_amid_a_write_is_told(place: Path) -> None:
    """A process forked off amid a write can't use that store, is told so, and the parent's write is whole."""
    code = """
with store._file.writing() as db:
    db.execute("INSERT INTO identity (gallery, name) VALUES (1, 'two')")
    assert child(lambda: store.identities()) == 1
    assert child(store.close) == 0
print(*names(store))
"""
    said = run(place, FORK + code).splitlines()
    assert "was amid a write when this process was forked off" in said[0]
    assert said[1:] == ["one two"]
    assert held(place) == ["one", "two"]


# --- not to be written


AS_NOBODY = """
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)
try:
    store = SqliteStore(place)
    print(*names(store), flush=True)
    assert damage_of(place) == []
    sys.argv[2:] and input()
    print(*names(store), flush=True)
    store.remove("alice")
except FirstSightError as error:
    print(type(error).__name__, error, flush=True)
"""


@pytest.fixture
def locked(place: Path) -> Callable[[], None]:
    """Take the right to write from everybody but root."""
    with closing(SqliteStore(str(place))) as store:
        store.add([entry("alice")])

    def lock() -> None:
        for file in place.parent.iterdir():
            file.chmod(0o444)
        place.parent.chmod(0o555)
        for folder in place.parent.parents:
            if folder.stat().st_uid == os.getuid() and folder != Path("/"):
                folder.chmod(folder.stat().st_mode | 0o011)

    return lock


def test_a_store_that_may_not_be_written_can_be_asked(place: Path, locked: Callable[[], None]) -> None:
    """On a read-only place a store is read as it lies, and who writes is told why that is not possible."""
    locked()
    before = sorted(place.parent.iterdir())
    said = run(place, AS_NOBODY).splitlines()
    assert said[:2] == ["alice", "alice"]
    assert said[2].startswith("StorageError")
    assert "read-only" in said[2]
    assert sorted(place.parent.iterdir()) == before


def test_who_may_only_read_sees_what_others_write(place: Path, locked: Callable[[], None]) -> None:
    """A process that may only read follows another one that writes the file meanwhile, its log included."""
    locked()
    command = [sys.executable, "-c", HEAD + AS_NOBODY, str(place), "wait"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin
        assert reader.stdout
        assert reader.stdout.readline() == "alice\n"
        place.parent.chmod(0o755)
        place.chmod(0o644)
        with closing(SqliteStore(str(place))) as store:
            store.add([entry("bob")])
            for file in place.parent.iterdir():
                file.chmod(0o444)
            place.parent.chmod(0o555)
            out, _ = reader.communicate("\n")
            assert out.splitlines()[0] == "alice bob"
        place.parent.chmod(0o755)


def test_a_place_that_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    """A pipe, a device or a byte is no store, and is not waited for."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "byte").write_bytes(b"x")
    for place in (tmp_path / "pipe", tmp_path / "byte", Path("/dev/zero")):
        with pytest.raises(FirstSightError, match="not a gallery|a pipe, a socket or a device"):
            SqliteStore(str(place))
    assert (tmp_path / "byte").read_bytes() == b"x"


# --- copies in pages


def names_in(place: Path) -> set[str]:
    """Drawn names whose bytes are in any file of a store."""
    data = b"".join(file.read_bytes() for file in place.parent.glob(f"{place.name}*"))
    return {found.decode() for found in re.findall(rb"qz[0-9a-f]{12}", data)}


@pytest.mark.parametrize("seed", [1, 4])
def test_pages_that_were_split_keep_no_copy_of_a_removed_name(seed: int, place: Path) -> None:
    """Many come and go, so that pages are split and joined amid their rows: no byte of who went is left anywhere."""
    draw, there = random.Random(seed), set()
    with closing(SqliteStore(str(place))) as store:
        for _ in range(40):
            names = [f"qz{draw.getrandbits(48):012x}" for _ in range(60)]
            store.add([entry(name) for name in names])
            there |= set(names)
            for name in draw.sample(sorted(there), 20):
                store.remove(name)
                there.discard(name)
                assert store.erase()
        assert names_in(place) <= there


def test_what_somebody_removed_who_was_killed_is_in_no_page(place: Path) -> None:
    """A process is killed before it looked for copies of what it removed: the next one makes the file anew."""
    code = """
store = SqliteStore(place)
store.add([entry(f"qz{n:012x}") for n in range(0, 3000, 2)])
for n in range(1, 3000, 2):
    store.add([entry(f"qz{n:012x}")])
store._file.erase = lambda **more: os.kill(os.getpid(), 9)
with store._file.writing() as db:
    db.execute("DELETE FROM reference WHERE identity > 3")
    db.execute("DELETE FROM identity WHERE id > 3")
    from firstsight.stores.rows import erase_later
    erase_later(db)
"""
    run(place, code)
    assert held(place) == ["qz000000000000", "qz000000000002", "qz000000000004"]
    assert names_in(place) == set(held(place))


def test_a_write_that_failed_leaves_nothing_to_look_for(place: Path) -> None:
    """What was deleted in a transaction that was rolled back is not looked for, nor is the file made anew for it."""
    with closing(SqliteStore(str(place))) as store:
        store.add([entry("alice"), entry("bob")])

        def fail() -> None:
            with store._file.writing() as db:
                db.execute("DELETE FROM identity")
                raise StorageError("no")

        with pytest.raises(StorageError, match="no"):
            fail()
        assert store._file._gone._values == []
        assert store._file._gone.marks == set()


# --- taken away while it is opened


def test_a_log_deleted_while_a_store_is_opened_loses_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log goes between SQLite's opening and the first look at it: the store is opened again."""
    there, looks = database.on_disk, []

    def taken(path: str, **more: bool) -> Files:
        looks.append(path)
        if len(looks) == 2:  # the one after opening
            Path(f"{path}-wal").unlink()
        return there(path, **more)

    monkeypatch.setattr(database, "on_disk", taken)
    store = SqliteStore(str(place))
    store.add([entry("alice")])
    assert held(place) == ["alice"]
    store.close()


@pytest.mark.parametrize("times", [1, 99])
def test_files_replaced_while_a_write_waits_its_turn_are_not_written(place: Path, times: int) -> None:
    """The log goes while a write waits for another process: it goes into the one that is made then, or is refused."""
    with closing(SqliteStore(str(place))) as store:
        store.add([entry("alice")])
        begun, turns = store._file._gone.begin, []

        def late() -> None:
            turns.append(1)
            if len(turns) <= times:
                Path(f"{place}-wal").unlink(missing_ok=True)
            begun()

        store._file._gone.begin = late  # type: ignore[method-assign]
        if times == 1:
            store.add([entry("bob")])
        else:
            with pytest.raises(StorageError, match="nothing is stored; ask again"):
                store.add([entry("bob")])
        store._file._gone.begin = begun  # type: ignore[method-assign]
        store.add([entry("carol")])
    assert held(place) == ["alice", *["bob"] * (times == 1), "carol"]


def test_two_processes_go_on_after_their_log_was_deleted(place: Path) -> None:
    """Each of two processes writes after the log they share is gone: one brings it in, the other follows."""
    command = [sys.executable, "-c", HEAD + TALKER, str(place)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as other, closing(SqliteStore(str(place))) as store:  # type: ignore[call-overload]

        def tell(name: str) -> str:
            other.stdin.write(f"{name}\n")
            other.stdin.flush()
            return str(other.stdout.readline()).strip()

        store.add([entry("a0")])
        assert tell("b0") == "b0"
        Path(f"{place}-wal").unlink()
        for n in range(1, 4):
            store.add([entry(f"a{n}")])
            assert tell(f"b{n}") == f"b{n}"
        other.stdin.close()
    assert held(place) == [f"{who}{n}" for n in range(4) for who in "ab"]


TALKER = """
store = SqliteStore(place)
for line in sys.stdin:
    store.add([entry(line.strip())])
    print(line.strip(), flush=True)
"""


def test_files_are_told_the_same_without_statx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the C library has none, or the kernel refuses it, files are told by ``stat``; what is not there is None."""
    for name in ("g.db", "g.db-shm"):
        (tmp_path / name).write_bytes(b"x")
    found = on_disk(str(tmp_path / "g.db"))
    assert found.database is not None
    assert found.database != found.shared
    assert found.log is None
    for instead in (None, lambda *_: -1):
        monkeypatch.setattr(files_on_disk, "_STATX", instead)
        assert on_disk(str(tmp_path / "g.db")) == found
