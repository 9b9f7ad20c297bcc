"""What 97.80 % of a report's training triplets can be: few triplets, by heart. ``results/by-heart.json``.

python results/by_heart.py      what is missing (needs Omniglot; seven minutes of one core from nothing)

The report's twin learns 1,000 triplets of the 25 training alphabets for 64 epochs, set as in `same-alphabet-triplet`,
which learns 30,000 for six. Asked are the triplets it learned, others of the same alphabets, and those of the unseen
ones, as the measure `same-alphabet` draws them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from make import ROOT, record

PLACE = ROOT / "build" / "by-heart"
COUNT, STEPS, SEED = 1000, 2000, 0


def learned() -> Any:
    """The twin, learned now where it is not yet."""
    from firstsight import api
    from firstsight.model import Model
    from firstsight.reproduce.catalogue import find

    if (PLACE / "model.json").exists():
        return Model.load(PLACE)
    what = find("same-alphabet-triplet")
    fewer = (f"sampling.count={COUNT}", f"training.steps={STEPS}", f"training.validate_every={STEPS}")
    changes = [c for c in what.changes if not c.startswith("sampling.count=")]
    resume = (PLACE / "checkpoint.pt").exists()
    return api.train(what.recipe, *changes, *fewer, f"training.seed={SEED}", out=PLACE, resume=resume)


def main() -> None:
    """Learn, ask, write."""
    from firstsight.datasets import open_data
    from firstsight.datasets.drawing import drawn_triplets
    from firstsight.evaluation.embedded import embedded
    from firstsight.evaluation.sameness import asked

    model = learned()
    data = open_data("omniglot:alphabets-train")
    vectors = embedded(model, data)[1]
    own = drawn_triplets(data.labels, data.groups[1], COUNT, SEED)
    near, far = (model.aligned(vectors[own[:, 0]], vectors[own[:, side]]) for side in (1, 2))
    shares = {"the triplets it learned": float(np.mean(near > far))}
    unseen = open_data("omniglot:alphabets-evaluation")
    for words, some in (("others of the same alphabets", data), ("unseen alphabets", unseen)):
        found = asked(model, some, embedded(model, some)[1])
        shares[words] = float(np.mean(found.near > found.far))
    core = round(model.spec.trained.core_seconds / 60, 1)
    result = {"triplets": COUNT, "steps": STEPS, "cpu_minutes": core, "in order": shares}
    record("by-heart", "python results/by_heart.py", SEED, result)


if __name__ == "__main__":
    main()
