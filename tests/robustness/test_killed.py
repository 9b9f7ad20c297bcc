"""``kill -9`` at any moment of training costs the steps since the last checkpoint, and not a bit of the result."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import time
from pathlib import Path
from typing import Any

import killed
import pytest

from drawn import TINY
from firstsight.learn import checkpoint
from firstsight.model import Model

STEPS, EVERY = 48, 8
CHANGES = (
    *(change for change in TINY if not change.startswith("sampling.")),
    "encoder.dropout=0.2",
    "sampling.name=random",
    "sampling.size=12",
    "training.turns=4",
    f"training.steps={STEPS}",
    f"training.checkpoint_every={EVERY}",
    "training.validate_every=16",
)
KILLS = (1, 1, 1, 1, 2, 3, 4, 7)
"""How often each run is killed: 20 kills in all."""
PROCESSES = multiprocessing.get_context("forkserver")


def run(data: Path, out: Path, moment: killed.Moment, step: int = 0) -> int | None:
    """Train in a process of its own, going on where it can; its exit code (-9 when it was killed)."""
    process = PROCESSES.Process(target=killed.train, args=(CHANGES, data, out, moment, step))
    process.start()
    if moment == "from outside":
        while process.is_alive() and last_row(out) < step - 10:
            time.sleep(0.002)
        process.kill()
    process.join()
    return process.exitcode


def last_row(out: Path) -> int:
    """The last step in the log, while another process writes it; -1 before the first."""
    lines = (out / "metrics.jsonl").read_text().splitlines() if (out / "metrics.jsonl").exists() else []
    return max((int(line.split(",")[0].split(" ")[1]) for line in lines if line.endswith("}")), default=-1)


def rows(out: Path) -> list[Any]:
    """The log without what depends on the clock and the machine; a row that is not whole fails the test."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("examples_per_second", "peak_mib")} for line in lines]


@pytest.mark.slow
def test_twenty_kills_leave_no_trace(shapes: Path, tmp_path: Path) -> None:
    """20 of 20 kills, seven of them in one run, are survived: weights, fingerprint, validation and log are equal."""
    PROCESSES.set_forkserver_preload(["firstsight.api", "firstsight.learn.train", "torch.onnx", "onnxscript"])
    assert run(shapes, tmp_path / "whole", "never") == 0

    def result(out: Path) -> tuple[Any, ...]:
        model = Model.load(out)
        weights = (out / "encoder.safetensors").read_bytes()
        return weights, model.fingerprint, model.spec.trained.validation, rows(out), {p.name for p in out.iterdir()}

    expected = result(tmp_path / "whole")
    assert [row["step"] for row in expected[3]] == [10, 16, 20, 30, 32, 40, 48]
    draw = random.Random(9)
    moments: list[killed.Moment] = ["after a step", "in mid-write", "before the rename", "from outside"] * 5
    draw.shuffle(moments)
    for number, kills in enumerate(KILLS):
        out = tmp_path / str(number)
        for step in sorted(draw.sample(range(1, STEPS), kills)):
            moment = moments.pop()
            assert run(shapes, out, moment, step) == -signal.SIGKILL, (moment, step)
            if moment == "in mid-write" and (out / checkpoint.NAME).exists():
                assert len(list(out.glob(".*.partial"))) == 1
        assert run(shapes, out, "never") == 0
        assert result(out) == expected, (number, kills)
    assert not moments
