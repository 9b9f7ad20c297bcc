"""Readings that wait at the same moment go through the encoder together, and each gets its own embeddings back."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from firstsight.errors import ModelError
from firstsight.serve.batching import MOST, Batcher


class Encoder:
    """Gives each reading its number back; may be held up, and counts what it was given."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.side_by_side = self.most = 0
        self.lock, self.go = threading.Lock(), threading.Event()
        self.go.set()

    def __call__(self, arrays: np.ndarray) -> np.ndarray:
        with self.lock:
            self.sizes.append(len(arrays))
            self.side_by_side += 1
            self.most = max(self.most, self.side_by_side)
        self.go.wait(30)
        with self.lock:
            self.side_by_side -= 1
        if (arrays == 255).any():
            raise ModelError("broken")
        return arrays.reshape(len(arrays), -1)[:, :1].astype(np.float32)


def reading(*numbers: int) -> np.ndarray:
    """Readings that are told by a number."""
    return np.array(numbers, np.uint8).reshape(-1, 1, 1, 1)


def ask(batcher: Batcher, jobs: list[np.ndarray]) -> tuple[list[threading.Thread], dict[int, object]]:
    """Every job in a thread of its own; what came of each."""
    found: dict[int, object] = {}

    def run(number: int) -> None:
        try:
            found[number] = batcher(jobs[number]).ravel().tolist()
        except ModelError as error:
            found[number] = str(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(jobs))]
    for thread in threads:
        thread.start()
    return threads, found


def test_who_comes_alone_is_served_at_once() -> None:
    """An idle encoder runs one reading in the thread that brought it, without waiting for company."""
    encoder = Encoder()
    batcher = Batcher(encoder)
    began = time.perf_counter()
    for n in range(50):
        assert batcher(reading(n)).tolist() == [[n]]
    assert encoder.sizes == [1] * 50
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("lanes", [1, 2])
def test_who_waits_goes_together(lanes: int) -> None:
    """All that came while the encoder was busy are in the next runs, no more than fit, each with its own answer."""
    encoder, sizes = Encoder(), []
    encoder.go.clear()
    batcher = Batcher(encoder, lanes=lanes, seen=sizes.append)
    jobs = [reading(n) for n in range(lanes)] + [reading(*range(n, n + 3)) for n in range(10, 22)]
    threads, found = ask(batcher, jobs[:lanes])
    while len(encoder.sizes) < lanes:
        time.sleep(0.001)
    more, others = ask(batcher, jobs[lanes:])
    while len(batcher._line) < 12:
        time.sleep(0.001)
    encoder.go.set()
    for thread in (*threads, *more):
        thread.join(30)
    assert found == {n: [n] for n in range(lanes)}
    assert others == {n: [10 + n, 11 + n, 12 + n] for n in range(12)}
    assert encoder.sizes == sizes
    assert max(sizes) == 15 <= MOST
    assert sum(sizes) == lanes + 36
    assert len(sizes) <= lanes + 4
    assert encoder.most == lanes


def test_more_than_fits_goes_alone() -> None:
    """A request of more readings than a run has room for is not refused."""
    encoder = Encoder()
    assert len(Batcher(encoder)(reading(*range(40)))) == 40


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_nobody_is_forgotten(lanes: int) -> None:
    """Under many threads that come and go, each gets its own answer, errors too, and the encoder is free afterwards."""
    encoder = Encoder()
    batcher = Batcher(encoder, lanes=lanes)
    wrong: list[object] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            numbers = rng.integers(0, 255, rng.integers(1, 6)).tolist()
            if batcher(reading(*numbers)).ravel().tolist() != numbers:
                wrong.append(numbers)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert not wrong
    assert batcher._free == lanes
    assert encoder.most <= lanes


def test_an_error_reaches_all_who_were_in_it() -> None:
    """When a run fails, everybody in it is told, and the next run works."""
    encoder = Encoder()
    encoder.go.clear()
    batcher = Batcher(encoder)
    threads, _ = ask(batcher, [reading(1)])
    while not encoder.sizes:
        time.sleep(0.001)
    more, found = ask(batcher, [reading(2), reading(255)])
    while len(batcher._line) < 2:
        time.sleep(0.001)
    encoder.go.set()
    for thread in (*threads, *more):
        thread.join(30)
    assert found == {0: "broken", 1: "broken"}
    assert batcher(reading(3)).tolist() == [[3]]
