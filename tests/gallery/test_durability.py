"""What was acknowledged is on disk: through kill -9, a full disk, and several processes at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from drawn import Cli, Refused
from firstsight import api
from firstsight.errors import StorageError
from firstsight.gallery import Gallery

Limit = Callable[[int], AbstractContextManager[None]]

WRITER = """
import sys
import numpy as np
from firstsight.gallery import Gallery
address, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with Gallery.open(address) as gallery:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(count):
        vector = np.zeros((1, gallery.model.dim), np.float32)
        vector[0, :2] = np.cos(number / 1000), np.sin(number / 1000)
        receipt = gallery.enroll_embeddings(f"{name}{number % 7}", vector, [str(number)])
        print(number, receipt.references, flush=True)
"""


@pytest.fixture
def gallery(tiny_model: Path, tmp_path: Path) -> Path:
    """A new, empty gallery of the tiny model."""
    Gallery.create(tmp_path / "g.db", tiny_model).close()
    return tmp_path / "g.db"


def writer(gallery: Path, name: str, count: int) -> subprocess.Popen[str]:
    """Another process that enrolls after a line came, and prints a line once a reference is acknowledged."""
    command = [sys.executable, "-c", WRITER, str(gallery), name, str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    """Let it begin."""
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def sources(gallery: Path) -> list[str]:
    """Where the references came from, oldest first."""
    return [r.source for r in api.references(gallery)]


def test_what_was_acknowledged_survives_kill_9(gallery: Path) -> None:
    """A process that is killed while it enrolls loses nothing that it acknowledged, and the gallery stays usable."""
    process = writer(gallery, "x", 1_000_000)
    go(process)
    assert process.stdin
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(60)]
    os.kill(process.pid, signal.SIGKILL)
    lines += [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    assert process.wait() == -signal.SIGKILL
    process.stdin.close()
    process.stdout.close()
    acknowledged = [line.split()[0] for line in lines]
    stored = sources(gallery)
    assert stored[: len(acknowledged)] == acknowledged
    assert len(stored) <= len(acknowledged) + 1
    with Gallery.open(gallery) as opened:
        vectors = np.concatenate([vectors for _, vectors in opened.store.rows()])
        numbers = np.rint(1000 * np.arctan2(vectors[:, 1], vectors[:, 0]))
        assert np.array_equal(numbers, np.arange(len(stored)))
        opened.enroll_embeddings("after", np.eye(1, opened.model.dim, dtype=np.float32), ["after"])
    assert sources(gallery)[-1] == "after"


def test_two_processes_at_once_lose_nothing(gallery: Path) -> None:
    """Two processes that enroll at once, one identity even in both, both get everything stored."""
    processes = [writer(gallery, "same", 40) for _ in range(2)]
    for process in processes:
        go(process)
    counts = []
    for process in processes:
        out, _ = process.communicate()
        assert process.returncode == 0
        counts.append(len(out.splitlines()))
    assert counts == [40, 40]
    assert sorted(map(int, sources(gallery))) == sorted(2 * list(range(40)))


def test_commits_of_other_processes_are_seen(gallery: Path, picture: Path, shapes: Path) -> None:
    """An open gallery answers by what others have enrolled and removed since, without being opened again."""
    with Gallery.open(gallery) as opened, Gallery.open(gallery) as other:
        other.enroll("circle", picture)
        assert opened.identify(picture).identity == "circle"
        process = writer(gallery, "far", 3)
        go(process)
        process.communicate()
        assert len(opened.identify(picture, top=9).candidates) == 4
        other.remove("circle")
        assert "circle" not in {c.identity for c in opened.identify(picture, top=9).candidates}
        opened.enroll("cross", shapes / "cross" / "0.png")
        assert opened.verify("cross", shapes / "cross" / "0.png").same is True
        assert other.verify("cross", shapes / "cross" / "0.png").same is True


def test_a_full_disk_while_enrolling_loses_nothing(gallery: Path, full_disk: Limit) -> None:
    """When the disk fills, enrolment is refused with StorageError; all acknowledged is there; later it goes on."""
    acknowledged = []
    with Gallery.open(gallery) as opened:
        vector = np.eye(1, opened.model.dim, dtype=np.float32)

        def fill() -> None:
            for number in range(500):
                opened.enroll_embeddings("someone", vector, [str(number)])
                acknowledged.append(str(number))

        with full_disk(96 << 10), pytest.raises(StorageError, match="what was acknowledged before is intact"):
            fill()
        assert 0 < len(acknowledged) < 500
        assert [r.source for r in opened.list()] == acknowledged
        opened.enroll_embeddings("someone", vector, ["later"])
    assert sources(gallery) == [*acknowledged, "later"]


def test_a_full_disk_is_exit_code_3(
    gallery: Path, picture: Path, shapes: Path, full_disk: Limit, refused: Refused, cli: Cli
) -> None:
    """On a full disk every verb that writes ends with one sentence and exit code 3, and reading goes on."""
    assert cli("enroll", gallery, "circle", picture).code == 0
    with full_disk(4000):  # less than a page
        refused(3, ("enroll", gallery, "cross", shapes / "cross" / "0.png"), "intact")
        refused(3, ("remove", gallery, "circle"), "intact")
    assert [r.identity for r in api.references(gallery)] == ["circle"]
    assert cli("identify", gallery, picture).code == 0


def test_a_full_disk_while_creating_can_be_mended(
    tiny_model: Path, tmp_path: Path, picture: Path, full_disk: Limit, refused: Refused, cli: Cli
) -> None:
    """A gallery that could not be made for want of space can be made at the same place once there is some."""
    with full_disk(1000):
        refused(3, ("gallery", "create", tmp_path / "new.db", "--model", tiny_model))
    assert cli("gallery", "create", tmp_path / "new.db", "--model", tiny_model).code == 0
    assert cli("enroll", tmp_path / "new.db", "alice", picture).code == 0


def test_a_gallery_in_a_place_that_is_gone_is_one_sentence(
    gallery: Path, picture: Path, refused: Refused, tmp_path: Path
) -> None:
    """A dangling link to a gallery is refused as missing, and enrolling through it makes no file."""
    (tmp_path / "link.db").symlink_to(tmp_path / "gone" / "g.db")
    refused(2, ("enroll", tmp_path / "link.db", "alice", picture), "does not exist")
    assert not (tmp_path / "gone").exists()
