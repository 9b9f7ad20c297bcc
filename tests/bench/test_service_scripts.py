"""The bench of the service and its malformed requests run, in small; what they count is right, and can be wrong."""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scripts import script


@pytest.fixture
def bench() -> ModuleType:
    """The script that measures."""
    return script("bench_service")


@pytest.fixture
def fuzz() -> ModuleType:
    """The script that sends what is malformed."""
    return script("fuzz_service")


@pytest.fixture
def stood(fuzz: ModuleType) -> dict[str, Any]:
    """What is found of a service that stood it all."""
    nothing = ("5xx", "connections held", "errors in the log", "tracebacks", "answers later than 2 s")
    nothing += ("stored that was not legal", "legal and not stored")
    clean: dict[str, Any] = dict.fromkeys((*nothing, "references changed", "tables changed", "files made"), 0)
    return {**clean, "alive": True, "memory afterwards and at most, MiB": [100, fuzz.MEMORY]}


def test_the_service_is_measured(bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One gallery is asked as fast as it goes, then by a mixture in which nothing fails, then by several processes."""
    monkeypatch.setattr(bench, "CLIENTS", 4)
    monkeypatch.setattr(bench, "WORKERS", 2)
    bench.one("fill", tmp_path / "bench.db")
    speed = bench.throughput(tmp_path, 1, 0.3)
    assert speed["ratio"] == pytest.approx(speed["service, a second"] / speed["bare, one thread, a second"], rel=0.05)
    assert 0 < speed["p50 ms"] <= speed["p99 ms"]
    mixed = bench.mixed(tmp_path, 0.1, 15)
    assert mixed["errors"] == {}
    assert {name.split()[0] for name in mixed["answered"]} == {"identify", "verify", "enroll", "remove"}
    assert sum(mixed["answered"].values()) <= 92
    seen = bench.seen_by_all(tmp_path, 2)
    assert (seen["processes"], seen["enrolments"]) == (2, 2)
    assert seen["most ms"] < 5000


def test_the_service_stands_some_malformed_requests(
    fuzz: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request is sent and counted, some of what is enrolled is legal, and nothing is broken afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fuzz, "LATE", 30.0)  # beside other tests two seconds are no measure
    result = fuzz.fuzz(tmp_path, 150)
    assert fuzz.broken(result) == []
    assert result["requests"] == sum(result["by family and status"].values()) == 150
    assert {told.partition(":")[0] for told in result["by family and status"]} >= {"wrong types", "lying", "no HTTP"}


def test_each_request_is_drawn_from_its_number(fuzz: ModuleType) -> None:
    """Whoever sends it and whenever, the same bytes go out; every family has its turn; only slow ones fall silent."""
    families = set()
    for number in range(300):
        random.seed(number)
        family, data, patience = fuzz.drawn_request(number)
        assert (family, data, patience) == fuzz.drawn_request(number)
        assert family == fuzz.family_of(number)(random.Random(0))[0]
        assert family in ("lying", "no HTTP", "smuggled") or patience == fuzz.HELD
        families.add(family)
    assert len(families) == len(fuzz.FAMILIES)


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("5xx", 1),
        ("connections held", 1),
        ("errors in the log", 1),
        ("tracebacks", 1),
        ("answers later than 2 s", 1),
        ("stored that was not legal", ["x"]),
        ("legal and not stored", ["x"]),
        ("references changed", 1),
        ("tables changed", ["event"]),
        ("files made", ["executed"]),
        ("alive", False),
        ("memory afterwards and at most, MiB", [900, 900]),
    ],
)
def test_what_is_broken_is_told(fuzz: ModuleType, stood: dict[str, Any], what: str, found: object) -> None:
    """A service that stood all passes; any one thing that it did not stand is named."""
    assert fuzz.broken(stood) == []
    assert len(fuzz.broken({**stood, what: found})) == 1


def test_memory_for_large_pictures_is_measured(tmp_path: Path) -> None:
    """Every format is drawn, sent by several clients for every verb and answered; what is no answer, a fault or late is
    counted as one."""
    pixels = script("bench_pixels")
    pictures = pixels.drawn(tmp_path / "pictures", [(300, 200), (1200, 40), (40, 1200)])
    assert len(pictures) == 2 * len(pixels.FORMATS)
    found = pixels.measured(tmp_path, pictures, 4, 3)
    assert found["requests"] == 12
    assert found["faults"] == 0
    assert found["within a gigabyte"]
    assert {name.split()[0] for name in found["statuses"]} == set(pixels.VERBS)
    rows: list[dict[str, Any]] = []
    pixels.ask(1, 0, pictures, 1, rows)
    assert rows[0]["status"] == 0
