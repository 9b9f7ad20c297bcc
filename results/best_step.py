"""Twenty short runs: what training exports against the weights of its last step. ``results/best-step.json``

python results/best_step.py           ten minutes; needs the data of FIRSTSIGHT_DATA
python results/best_step.py --trial   one run; prints, writes nothing

Five sets of images (see ``verdicts.py``) by four seeds. A third of the classes is neither learned nor looked at while
training: on them both are measured by the same tasks.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from verdicts import SETS, shared_out

STEPS, EVERY, SEEDS, TASKS = 200, 20, 4, 2000


def both(data: Path, out: Path, seed: int) -> tuple[Any, Any]:
    """The exported model, and one of the last step of the same run."""
    from firstsight import api
    from firstsight.learn.best import Best
    from firstsight.learn.run import Run
    from firstsight.model import Model

    export = Run.export

    def twice(self: Run, steps: int) -> Model:
        kept, self.best, self.out = self.best, Best(), out / "last"
        export(self, steps)
        self.best, self.out = kept, out / "best"
        return export(self, steps)

    Run.export = twice  # type: ignore[method-assign]
    try:
        changes = (f"training.steps={STEPS}", f"training.validate_every={EVERY}", f"training.seed={seed}")
        made = api.train("folder", *changes, data=f"folder:{data}", out=out / "best", listen=lambda _: None)
    finally:
        Run.export = export  # type: ignore[method-assign]
    return made, Model.load(out / "last")


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trial", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["FIRSTSIGHT_CACHE"] = cache
        rows = list(runs(["drawn signs"], 1) if asked.trial else runs(list(SETS), SEEDS))
    if asked.trial:
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
