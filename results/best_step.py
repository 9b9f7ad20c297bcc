"""Twenty short runs: what training exports against the weights of its last step. ``results/best-step.json``

python results/best_step.py           half an hour; needs the data of FIRSTSIGHT_DATA
python results/best_step.py --trial   one run; prints, writes nothing

Five sets of images (see ``verdicts.py``) by four seeds. A third of the classes is neither learned nor looked at while
training: on them both are measured by the same tasks.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from verdicts import SETS, asked, shared_out

STEPS, EVERY, SEEDS, TASKS = 200, 20, 4, 2000


def both(data: Path, out: Path, seed: int) -> tuple[Any, Any]:
    """The exported model, and that of all steps without a look: what was exported before."""
    from firstsight import api
    from firstsight.learn.best import Best
    from firstsight.learn.run import Run
    from firstsight.model import Model

    export, stalled = Run.export, Best.stalled
    changes = (
        f"training.steps={STEPS}",
        f"training.validate_every={EVERY}",
        f"training.seed={seed}",
        "training.folds=0",
    )

    def of_the_last(self: Run, steps: int, folds: Any = ()) -> Model:
        self.best = Best()
        return export(self, steps, folds)

    made = api.train("folder", *changes, data=f"folder:{data}", out=out / "best", listen=lambda _: None)
    Run.export = of_the_last  # type: ignore[method-assign]
    Best.stalled = lambda *_: False  # type: ignore[method-assign]  # as before: to the end, whatever the looks say
    try:
        last = api.train("folder", *changes, data=f"folder:{data}", out=out / "last", listen=lambda _: None)
    finally:
        Run.export, Best.stalled = export, stalled  # type: ignore[method-assign]
    return made, last


def runs(names: list[str], seeds: int) -> Iterator[dict[str, Any]]:
    """Each run: accuracy of both on classes that it has not seen."""
    from firstsight import api

    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            SETS[name](place / "all")
            shared_out(place / "all", place, "")
            ways = min(10, len(list((place / "door").iterdir())))
            for seed in range(seeds):
                made, last = both(place / "own", place / str(seed), seed)
                found = [
                    api.evaluate(one, "nway", f"folder:{place}/door", ways=ways, tasks=TASKS).metrics["accuracy"].value
                    for one in (made, last)
                ]
                log = [json.loads(line) for line in (made.path / "metrics.jsonl").read_text().splitlines()]
                looks = {row["step"]: row["validation_accuracy"] for row in log if "validation_accuracy" in row}
                row = {
                    "data": name,
                    "seed": seed,
                    "exported": round(found[0], 4),
                    "last": round(found[1], 4),
                    "steps": made.spec.trained.steps,
                    "best look": round(max(looks.values()), 4),
                    "last look": round(looks[max(looks)], 4),
                }
                print(json.dumps(row), flush=True)
                yield row


def main() -> None:
    """See above."""
    with asked(__doc__) as trial:
        rows = list(runs(["drawn signs"], 1) if trial else runs(list(SETS), SEEDS))
    if trial:
        return
    from make import record

    gains = [row["exported"] - row["last"] for row in rows]
    shown = {
        "runs": len(rows),
        "worse": sum(gain < 0 for gain in gains),
        "better": sum(gain > 0 for gain in gains),
        "mean gain": round(sum(gains) / len(gains), 5),
        "worst": round(min(gains), 4),
    }
    record("best-step", "python results/best_step.py", 0, {**shown, "rows": rows})


if __name__ == "__main__":
    main()
