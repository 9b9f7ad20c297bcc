"""Training killed with SIGKILL at drawn steps and resumed: are the bytes those of a run that was not?

python results/make.py resume                 all kills, into results/resume.json (needs Omniglot)
python results/resume.py OUT STEP MOMENT      one run that kills itself; for the row above
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

STEPS, EVERY, KILLS, SEED = 40, 8, 20, 0
CHANGES = (
    "encoder.width=8",
    "encoder.dim=32",
    "data.train=omniglot:train",
    "data.validation=omniglot:validation",
    "data.calibration=",
    f"training.steps={STEPS}",
    f"training.checkpoint_every={EVERY}",
    f"training.validate_every={STEPS}",
    "training.threads=1",
    "optimiser.warmup=8",
    "export.views=1",
)
"""The recipe ``glyphs`` with a small encoder and few steps; all else is the recipe's."""
MOMENTS = ("after a step", "in mid-write", "before the rename")


def train(out: Path, step: int, moment: str) -> None:
    """Train on from where it stands, and die with SIGKILL at ``step``, or in the first checkpoint after it."""
    import firstsight
    from firstsight import files

    write, reached = files._write, 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def torn(path: Path, content: bytes) -> None:
        due = path.name == "checkpoint.pt" and reached >= step > 0
        if due and moment == "in mid-write":
            path.write_bytes(content[: len(content) // 2])
            die()
        write(path, content)
        if due and moment == "before the rename":
            die()

    def listen(event: Any) -> None:
        nonlocal reached
        if event.kind == "step":
            reached = event.step
            if moment == "after a step" and reached >= step > 0:
                die()

    files._write = torn
    firstsight.train("glyphs", *CHANGES, out=out, resume=(out / "checkpoint.pt").exists(), listen=listen)


def run(out: Path, step: int = 0, moment: str = "") -> int:
    """The same in a process of its own; its exit code."""
    words = [sys.executable, __file__, str(out), str(step), moment]
    return subprocess.run(words, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False).returncode


def product(out: Path) -> tuple[Any, ...]:
    """What must be equal: weights, network, validation, and the log without its clock."""
    spec = json.loads((out / "model.json").read_text())
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    rows = [{k: v for k, v in line.items() if k not in ("examples_per_second", "peak_mib")} for line in lines]
    weights = [(out / name).read_bytes() for name in ("encoder.safetensors", "encoder.onnx")]
    return (*weights, spec["trained"]["validation"], rows, sorted(p.name for p in out.iterdir()))


def measure() -> dict[str, Any]:
    """20 kills at drawn steps: 12 runs killed once, and two that are killed four times each."""
    draw, equal, killed, began = random.Random(SEED), 0, [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if run(place / "whole") != 0:
            raise SystemExit("the uninterrupted run failed")
        expected = product(place / "whole")
        for number, kills in enumerate([1] * 12 + [4, 4]):
            out = place / str(number)
            steps = sorted(draw.sample(range(1, STEPS), kills))
            for step in steps:
                moment = MOMENTS[len(killed) % len(MOMENTS)]
                if run(out, step, moment) != -signal.SIGKILL:
                    raise SystemExit(f"the run was not killed at step {step}, {moment}")
                killed.append({"step": step, "moment": moment})
            same = run(out) == 0 and product(out) == expected
            equal += kills * same
    return {
        "survived": f"{equal} of {KILLS}",
        "compared": "encoder.safetensors, encoder.onnx, validation and log, byte for byte (the log without its clock)",
        "steps": STEPS,
        "checkpoint every": EVERY,
        "threads": 1,
        "kills": killed,
        "minutes": round((time.monotonic() - began) / 60, 1),
    }


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
