"""Everybody in memory: blocks that follow the store, hold everyone once, and answer as one matrix would."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstsight.gallery import enrolled
from firstsight.gallery.enrolled import Blocks, Enrolled, search
from firstsight.similarity import Link, Similarity
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import Contract, Entry
from worlds import rule

DIM = 8


class Stub:
    """What is asked of a model here."""

    def __init__(self, similarity: Similarity | None = None) -> None:
        self.similarity = similarity or Similarity()
        self.templates = self.similarity.templates
        self.score = self.similarity.scores
        self.calibration: Any = rule(shifts=(0.0, 0.25, 0.5))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A new, empty gallery."""
    made = SqliteStore(str(tmp_path / "g.db"), create=Contract("m", "f", DIM))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of ten."""
    monkeypatch.setattr(enrolled, "_FLOATS", 10 * DIM)


def entries(first: int, number: int, seed: int = 0) -> list[Entry]:
    """Identities of one to three references."""
    rng = np.random.default_rng([seed, first])
    made = []
    for n in range(first, first + number):
        vectors = rng.normal(size=(1 + n % 3, DIM)).astype(np.float32)
        made.append(Entry(f"n{n}", vectors, ["x"] * len(vectors)))
    return made


def content(blocks: Blocks) -> dict[str, tuple[list[float], float]]:
    """Name -> template and shift; each once, in the order of ids, in blocks of at most ten, vectors in columns."""
    ids = np.concatenate([b.ids for b in blocks]) if blocks else np.array([])
    assert (np.diff(ids) > 0).all()
    assert all(0 < len(b.ids) <= 10 for b in blocks)
    assert all(b.templates.vectors.flags.f_contiguous for b in blocks)
    rows = [r for b in blocks for r in zip(b.names, b.templates.vectors, b.templates.shifts, strict=True)]
    found = {str(name): (vector.tolist(), float(shift)) for name, vector, shift in rows}
    assert len(found) == len(rows)
    return found


def test_following_gives_what_reading_anew_gives(store: SqliteStore) -> None:
    """After 200 drawn steps a follower holds the very templates and shifts that a newcomer reads, at every step."""
    model: Any = Stub()
    rng, follower, names, fresh = np.random.default_rng(5), Enrolled(), [], 0
    for _ in range(200):
        verb = str(rng.choice(["many", "one", "more", "replace", "remove", "rename", "merge"]))
        if verb in ("many", "one") or len(names) < 3:
            added = entries(fresh, 7 if verb == "many" else 1)
            store.add(added)
            fresh += len(added)
            names += [e.identity for e in added]
        else:
            who, other = (names.pop(int(rng.integers(len(names)))) for _ in range(2))
            again = Entry(who, rng.normal(size=(2, DIM)).astype(np.float32), ["y", "z"])
            if verb in ("more", "replace"):
                store.add([again], replace=verb == "replace")
                names += [who, other]
            elif verb == "remove":
                store.remove(who)
                names.append(other)
            elif verb == "rename":
                store.rename(who, f"r{fresh} {who}"[:100])
                names += [f"r{fresh} {who}"[:100], other]
                fresh += 1
            else:
                store.merge(who, other)
                names.append(other)
        now = content(follower.now(store, model))
        assert now == content(Enrolled().now(store, model))
        assert set(now) == set(names)


def test_nothing_is_read_again(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an enrolment only the identity touched is read and only its block made anew; without a change, nothing."""
    model: Any = Stub()
    store.add(entries(0, 95))
    follower = Enrolled()
    before = follower.now(store, model)
    asked: list[int] = []
    monkeypatch.setattr(store, "changes", lambda since, real=store.changes: count(real(since), asked))
    assert follower.now(store, model) is before
    assert asked == []
    store.add([Entry("n42", np.ones((1, DIM), np.float32), ["x"])])
    after = follower.now(store, model)
    assert asked == [1]
    assert [a is b for a, b in zip(before, after, strict=True)] == [n != 4 for n in range(10)]
    store.add(entries(95, 1))
    assert [a is b for a, b in zip(after, follower.now(store, model), strict=True)] == [True] * 9 + [False]


def count(portions: Any, into: list[int]) -> Any:
    """How many identities are read."""
    for portion in portions:
        into.append(len(portion.ids))
        yield portion


def test_another_calibration_is_another_shift(store: SqliteStore) -> None:
    """A model that is calibrated again is seen with its new shifts."""
    model: Any = Stub()
    store.add(entries(0, 12))
    follower = Enrolled()
    assert {shift for _, shift in content(follower.now(store, model)).values()} == {0.0, 0.25, 0.5}
    model.calibration = rule(shifts=(0.0, 0.75, 0.75))
    assert {shift for _, shift in content(follower.now(store, model)).values()} == {0.0, 0.75}


KINDS = Similarity(), Similarity("euclidean", Link("negate")), Similarity("manhattan", Link("negate"))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.measure)
def test_blocks_answer_as_one_matrix(store: SqliteStore, kind: Similarity) -> None:
    """The best of many blocks, shifts taken off, are those of a full sort over one matrix, with the same scores."""
    model: Any = Stub(kind)
    store.add(entries(0, 137))
    blocks = Enrolled().now(store, model)
    probes = np.random.default_rng(1).normal(size=(9, DIM)).astype(np.float32)
    names = [str(n) for b in blocks for n in b.names]
    whole = np.concatenate([b.templates.vectors for b in blocks])
    table = kind.scores(probes, whole) - np.concatenate([b.templates.shifts for b in blocks])
    for k in (1, 5, 137, 500):
        for (who, scores), row in zip(search(blocks, model, probes, k), table, strict=True):
            order = np.argsort(-row, kind="stable")[:k]
            assert who == [names[i] for i in order]
            np.testing.assert_allclose(scores, row[order], rtol=1e-5, atol=1e-5)


def test_who_searches_keeps_what_there_was(store: SqliteStore) -> None:
    """Blocks once handed out never change, whatever is enrolled, replaced or removed meanwhile."""
    model: Any = Stub()
    store.add(entries(0, 25))
    follower = Enrolled()
    held = follower.now(store, model)
    before = content(held)
    store.add(entries(3, 1, seed=9), replace=True)
    store.remove("n7")
    store.add(entries(25, 30))
    follower.now(store, model)
    assert content(held) == before


def test_memory_is_the_matrix_and_little_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading 30,000 x 128 takes at most 1.3 times the matrix at its peak, of Python's and NumPy's memory."""
    monkeypatch.setattr(enrolled, "_FLOATS", 1 << 16)
    monkeypatch.setattr("firstsight.stores.sqlite._BLOCK", 512)
    store = SqliteStore(str(tmp_path / "large.db"), create=Contract("m", "f", 128))
    rng = np.random.default_rng(0)
    for start in range(0, 30_000, 5000):
        rows = rng.standard_normal((5000, 128), np.float32)
        store.add([Entry(f"person {start + i}", row[None], [f"/photos/{start + i}.png"]) for i, row in enumerate(rows)])
    model: Any = Stub()
    tracemalloc.start()
    blocks = Enrolled().now(store, model)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(len(b.ids) for b in blocks) == 30_000
    assert peak < 1.3 * 30_000 * 128 * 4
    store.close()
