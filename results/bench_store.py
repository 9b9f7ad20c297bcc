"""The store beside named rivals, in one run: ``results/bench-store.json``. Ratios above 1: FirstSight needs less.

python results/bench_store.py                on a machine that does nothing else; some minutes
python results/bench_store.py --trial        to see that it runs: small sizes; prints, writes nothing
python results/bench_store.py one WHAT ...   one process of it, as the first form starts them

faiss-cpu runs in an environment of its own (``build/bench-store-env``, made when it is missing). Every process is held
to one thread. Both sides do the same work in turn, and what they answer is compared.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import numpy as np

SEED, DIM, TOP = 0, 128, 5
ROOT = Path(__file__).parents[1]
BENCH, PYTHON = ROOT / "bench" / "store", ROOT / "build" / "bench-store-env" / "bin" / "python"
ONE = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
BARE = """CREATE TABLE reference (
    id INTEGER PRIMARY KEY, identity TEXT NOT NULL, vector BLOB NOT NULL, source TEXT NOT NULL, created TEXT NOT NULL
)"""
INSERT = "INSERT INTO reference (identity, vector, source, created) VALUES (?, ?, ?, ?)"
INDEX = "CREATE INDEX reference_of ON reference (identity)"
NOW = "2026-01-01T00:00:00.000+00:00"


def vectors(n: int, seed: int = SEED) -> Any:
    """Unit vectors ``(n, 128)``."""
    made = np.random.default_rng(seed).standard_normal((n, DIM), np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def told(words: list[str | Path], **more: Any) -> dict[str, Any]:
    """The last line of a process of its own on one thread."""
    environment = {**os.environ, **ONE, **more}
    if words[0] == PYTHON:
        environment.pop("PYTHONPATH", None)
    done = subprocess.run(list(map(str, words)), env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def one(what: str, *words: object, **more: Any) -> dict[str, Any]:
    """A part of this script in a process of its own."""
    return told([sys.executable, __file__, "one", what, *map(str, words)], **more)


def ratios(ours: list[float], rivals: list[float], digits: int = 4) -> dict[str, Any]:
    """Medians of runs taken in turn, their extremes, and rival / ours."""
    a, b = median(ours), median(rivals)
    pairs = [y / x for x, y in zip(ours, rivals, strict=True)]
    return {
        "firstsight": round(a, digits),
        "rival": round(b, digits),
        "ratio": round(b / a, 3),
        "lowest and highest ratio": [round(edge(pairs), 3) for edge in (min, max)],
    }


# --- search


def search_ours(n: int, probes: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of the exact five best of n references, through the blocks of a gallery; and who they are."""
    from firstsight.decision import Templates
    from firstsight.gallery.enrolled import _FLOATS, Block
    from firstsight.similarity import Similarity

    gallery, asked = vectors(n), vectors(probes, 1)
    names = np.array([f"n{i}" for i in range(n)], dtype=np.dtypes.StringDType())
    size = _FLOATS // DIM
    blocks = [
        Block(
            np.arange(i, min(i + size, n)),
            names[i : i + size],
            Templates(np.asfortranarray(gallery[i : i + size]), np.zeros(min(size, n - i), np.float32)),
        )
        for i in range(0, n, size)
    ]
    shelves = [(b.templates.vectors, b.templates.shifts) for b in blocks]
    similarity = Similarity()
    return clocked(lambda: similarity.search_shelves(asked, shelves, TOP), rounds)


def clocked(work: Callable[[], Any], rounds: int) -> dict[str, Any]:
    """Milliseconds of a piece of work, median after a warm-up, and the indices that it gives."""
    work()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        indices, _ = work()
        times.append(1e3 * (time.perf_counter() - began))
    return {"ms": median(times), "indices": np.asarray(indices).tolist()}


def search(n: int, rounds: int, turns: int) -> dict[str, Any]:
    """The five best, one probe and 64, against faiss-cpu's IndexFlatIP."""
    result = {}
    for probes in (1, 64):
        ours, rival = [], []
        for _ in range(turns):
            a, b = (
                one("search_ours", n, probes, rounds),
                told([PYTHON, BENCH / "rival_faiss.py", n, probes, TOP, rounds]),
            )
            if a["indices"] != b["indices"]:
                raise SystemExit("FirstSight and faiss do not find the same")
            ours.append(a["ms"])
            rival.append(b["ms"])
        result[f"{probes} probe{'s' * (probes > 1)}, milliseconds"] = {**ratios(ours, rival), "rival is": b["name"]}
    return result


# --- a large gallery


def fill(place: str, n: int) -> dict[str, Any]:
    """A store with n identities of one reference each."""
    from firstsight.stores.sqlite import SqliteStore
    from firstsight.types import Contract, Entry

    store = SqliteStore(place, create=Contract("m", "f", DIM))
    for start in range(0, n, 10_000):
        rows = np.random.default_rng([SEED, start]).standard_normal((min(10_000, n - start), DIM), np.float32)
        store.add([Entry(f"person {start + i}", v[None], [f"/photos/{start + i}.png"]) for i, v in enumerate(rows)])
    store.close()
    return {}


class Stub:
    """What a gallery asks of a model, without a network."""

    calibration = None

    def __init__(self) -> None:
        from firstsight.similarity import Similarity

        self.similarity = Similarity()
        self.templates = self.similarity.templates


def large(place: str, probes: int) -> dict[str, Any]:
    """Open a store, bring all of it into memory, ask, enroll and ask again."""
    from firstsight.gallery.enrolled import Enrolled, search
    from firstsight.stores.sqlite import SqliteStore
    from firstsight.types import Entry

    model: Any = Stub()
    before = peak()
    began = time.perf_counter()
    store, enrolled = SqliteStore(place), Enrolled()
    blocks = enrolled.now(store, model)
    opened = time.perf_counter() - began
    after = peak()
    times, fresh = [], []
    for i, probe in enumerate(vectors(probes, 1)):
        began = time.perf_counter()
        search(enrolled.now(store, model), model, probe[None], TOP)
        times.append(1e3 * (time.perf_counter() - began))
        if i < 20:
            store.add([Entry(f"late {i}", probe[None], ["x"])])
            began = time.perf_counter()
            blocks = enrolled.now(store, model)
            fresh.append(1e3 * (time.perf_counter() - began))
    count = sum(len(b.ids) for b in blocks)
    matrix = count * DIM * 4 / 2**20
    store.close()
    return {
        "identities": count,
        "open and read, seconds": round(opened, 2),
        "identify, p50 milliseconds": round(median(times), 2),
        "identify, p99 milliseconds": round(float(np.percentile(times, 99)), 2),
        "brought up to date after an enrolment, p50 milliseconds": round(median(fresh), 2),
        "matrix MiB": round(matrix, 1),
        "peak MiB, imports included": round(peak(), 1),
        "MiB before": round(before, 1),
        "peak / matrix, imports included": round(peak() / matrix, 3),
        "peak / matrix": round((after - before) / matrix, 3),
    }


def peak() -> float:
    """MiB of memory at most, of this process so far; getrusage would count the one that started it too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


# --- writing


def bare(place: Path) -> sqlite3.Connection:
    """What people write: a table, with the same care for the disk."""
    db = sqlite3.connect(place, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute(BARE)
    return db


def rows(n: int, first: int) -> Iterator[tuple[str, Any, str]]:
    """Identity, vector and source."""
    for i, vector in enumerate(vectors(n, first)):
        yield f"person {first + i}", vector, f"/photos/{first + i}.png"


def singles(folder: Path, n: int) -> dict[str, Any]:
    """Milliseconds of a durable enrolment of a given embedding, against insert and commit of the same bytes."""
    from firstsight.stores.sqlite import SqliteStore
    from firstsight.types import Contract, Entry

    store = SqliteStore(str(folder / "ours.db"), create=Contract("m", "f", DIM))
    db, ours, rival = bare(folder / "bare.db"), [], []
    for name, vector, source in rows(n, 0):
        began = time.perf_counter()
        store.add([Entry(name, vector[None], [source])])
        ours.append(1e3 * (time.perf_counter() - began))
        began = time.perf_counter()
        db.execute("BEGIN")
        db.execute(INSERT, (name, vector.tobytes(), source, NOW))
        db.execute("COMMIT")
        rival.append(1e3 * (time.perf_counter() - began))
    store.close()
    db.close()
    tenth = max(1, n // 10)  # what a single write takes is the disk's mood: medians of tenths are compared
    parts = [[median(t[i : i + tenth]) for i in range(0, n, tenth)] for t in (ours, rival)]
    return ratios(*parts)


def bulk(folder: Path, n: int, turns: int, each: int, index: str = "") -> dict[str, Any]:
    """Seconds to enroll n given embeddings, ``each`` an identity, against executemany and commit of the same bytes."""
    from firstsight.stores.sqlite import SqliteStore
    from firstsight.types import Contract, Entry

    ours, rival = [], []
    for turn in range(turns):
        made = vectors(n, turn)
        given = [
            (f"person {i}", made[i : i + each], [f"/photos/{j}.png" for j in range(i, i + each)])
            for i in range(0, n, each)
        ]
        with tempfile.TemporaryDirectory(dir=folder) as place:
            store = SqliteStore(f"{place}/ours.db", create=Contract("m", "f", DIM))
            db = bare(Path(place) / "bare.db")
            if index:
                db.execute(index)
            began = time.perf_counter()
            store.add([Entry(name, some, sources) for name, some, sources in given])
            ours.append(time.perf_counter() - began)
            began = time.perf_counter()
            db.execute("BEGIN")
            db.executemany(
                INSERT,
                (
                    (name, vector.tobytes(), source, NOW)
                    for name, some, sources in given
                    for vector, source in zip(some, sources, strict=True)
                ),
            )
            db.execute("COMMIT")
            rival.append(time.perf_counter() - began)
            store.close()
            db.close()
    return ratios(ours, rival)


# --- several processes


def watch(place: str, count: int) -> dict[str, Any]:
    """When this process sees each of so many identities, by the clock that all processes share."""
    from firstsight.stores.sqlite import SqliteStore

    store, seen = SqliteStore(place), {}
    state = store.state()
    print("ready", flush=True)
    while len(seen) < count:
        now = store.state()
        if now != state:
            for portion in store.changes(state):
                for name in portion.names:
                    seen.setdefault(name, time.monotonic())
            state = now
        time.sleep(0.002)
    store.close()
    return {"seen": seen}


def seen_by_all(folder: Path, count: int) -> dict[str, Any]:
    """Milliseconds from the acknowledgement of an enrolment until three other processes have it in memory."""
    from firstsight.stores.sqlite import SqliteStore
    from firstsight.types import Contract, Entry

    place = folder / "seen.db"
    store = SqliteStore(str(place), create=Contract("m", "f", DIM))
    words = [sys.executable, __file__, "one", "watch", str(place), str(count)]
    others = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, **ONE}) for _ in range(3)]
    for other in others:
        assert other.stdout
        other.stdout.readline()
    acknowledged = {}
    for name, vector, source in rows(count, 0):
        store.add([Entry(name, vector[None], [source])])
        acknowledged[name] = time.monotonic()
        time.sleep(0.01)
    seen = [json.loads(other.communicate()[0].splitlines()[-1])["seen"] for other in others]
    store.close()
    late = [1e3 * max(s[name] - when for s in seen) for name, when in acknowledged.items()]
    return {"processes": 4, "asked every ms": 2, "p50 ms": round(median(late), 2), "most ms": round(max(late), 2)}


def environment() -> None:
    """The rival's environment, where it is missing or its requirements have changed."""
    requirements, stamp = BENCH / "requirements.txt", PYTHON.parents[1] / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == requirements.read_bytes():
        return
    subprocess.run([sys.executable, "-m", "venv", PYTHON.parents[1]], check=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "-q", "-r", requirements], check=True)
    stamp.write_bytes(requirements.read_bytes())


def main() -> None:
    """Measure all; print, and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trial", action="store_true", help="small sizes; print, write nothing")
    trial = parser.parse_args().trial
    environment()
    n, many, turns = (20_000, 200_000, 2) if trial else (100_000, 1_000_000, 5)
    load = os.getloadavg()[0]
    result: dict[str, Any] = {"threads": ONE, "load before": round(load, 2)}
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as made:
        folder = Path(made)
        result[f"exact top {TOP} of {n:,} x {DIM}"] = search(n, 10 if trial else 50, turns)
        one("fill", folder / "large.db", many)
        result[f"{many:,} x {DIM}"] = one("large", folder / "large.db", 40 if trial else 200)
        (folder / "large.db").unlink()
        result["a durable enrolment, milliseconds"] = singles(folder, 200 if trial else 2000)
        bulked = 5000 if trial else 100_000
        for each in (1, 10):
            label = f"{bulked:,} enrolments in one commit, {each} an identity, seconds, rival a table"
            result[f"{label} without an index"] = bulk(folder, bulked, turns, each)
            result[f"{label} that can find an identity"] = bulk(folder, bulked, turns, each, INDEX)
        result["an enrolment is seen by four processes"] = seen_by_all(folder, 30 if trial else 200)
    for name, row in result.items():
        print(name, row)
    if not trial:
        from make import record
        from table import write_table

        record("bench-store", "python results/bench_store.py", SEED, result)
        write_table()


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "search_ours": lambda n, probes, rounds: search_ours(int(n), int(probes), int(rounds)),
    "fill": lambda place, n: fill(place, int(n)),
    "large": lambda place, probes: large(place, int(probes)),
    "watch": lambda place, count: watch(place, int(count)),
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        print(json.dumps(PARTS[sys.argv[2]](*sys.argv[3:])))
    else:
        main()
