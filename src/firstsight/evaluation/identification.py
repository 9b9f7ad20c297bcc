"""Closed-set identification: every probe is one of the enrolled, which one?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from firstsight.datasets import DataSet
from firstsight.decision import Templates, accepts
from firstsight.errors import DataError
from firstsight.evaluation.baseline import BASELINES
from firstsight.evaluation.enrolment import draw_enrolment
from firstsight.evaluation.oneshot import Episodes, any_classes, query_credits, within_group
from firstsight.evaluation.subject import Outcome, Subject
from firstsight.metrics.identification import cmc, confusion_matrix, rank_credit, rank_one_credit
from firstsight.metrics.intervals import mean_by_cluster
from firstsight.types import IntArray, Metric

MOST_IN_CONFUSION = 40  # classes; a larger matrix shows nothing
RANKS = 20


def lake(subject: Subject) -> Outcome:
    """The 20 published runs: 20 references by one drawer, 20 probes by another, 400 trials."""
    data = subject.data
    _, runs = data.groups
    sides, side = data.origins
    probe, reference = sides.index("test"), sides.index("training")
    support, query, target = [], [], []
    for run in np.unique(runs):
        refs = np.flatnonzero((runs == run) & (side == reference))
        asked = np.flatnonzero((runs == run) & (side == probe))
        support.append(refs[:, None])
        query.append(asked)
        target.append(np.argmax(data.labels[refs][None, :] == data.labels[asked][:, None], axis=1))
    episodes = Episodes(np.stack(support), np.stack(query), np.stack(target))
    return _one_shot("omniglot-lake-20way", subject, episodes)


def within(subject: Subject) -> Outcome:
    """Lake's form over all alphabets and random drawers."""
    s = subject.settings
    episodes, left_out = within_group(subject.data, ways=s.ways, tasks=s.tasks, seed=s.seed)
    notes = (f"groups with fewer than {s.ways} classes left out: {', '.join(left_out)}",) if left_out else ()
    return _one_shot(f"within-group {s.ways}-way 1-shot", subject, episodes, notes)


def nway(subject: Subject) -> Outcome:
    """N random classes, K references each, one probe a class."""
    s = subject.settings
    episodes = any_classes(subject.data, ways=s.ways, shots=s.shots, tasks=s.tasks, seed=s.seed, across=s.across)
    apart = s.across == "examples" or len(subject.data.origins[0]) > 1
    notes = () if apart else ("the data has no origins: any two examples may face",)
    return _one_shot(f"{s.ways}-way {s.shots}-shot, across {s.across}", subject, episodes, notes)


def _one_shot(name: str, subject: Subject, episodes: Episodes, notes: tuple[str, ...] = ()) -> Outcome:
    data, seed = subject.data, subject.settings.seed
    credit = query_credits(subject.embedder, subject.embeddings, episodes)
    without = {b.name: query_credits(b, b.embed_arrays(subject.arrays), episodes) for b in BASELINES}
    by, names, unit = units(data)
    asked = unit[episodes.query].ravel()
    ways = episodes.support.shape[1]
    details: dict[str, object] = {
        "by": by,
        "table": accuracy_table(names, asked, credit.ravel()),
        "examples": _strips(episodes, credit),
    }
    metrics = {
        "accuracy": mean_by_cluster(credit.ravel(), asked, seed=seed),
        **{name: mean_by_cluster(found.ravel(), asked, seed=seed) for name, found in without.items()},
        "chance": Metric(1 / ways, 1 / ways, 1 / ways),
    }
    return Outcome(name, credit.size, metrics, details, notes)


def transfer(subject: Subject) -> Outcome:
    """One reference of each class drawn again and again; all other examples are asked each time.

    Source: Koch et al., 2015, section 4.3 (400 trials there). How much the drawn references matter is in the spread.
    """
    data, s = subject.data, subject.settings
    rng = np.random.default_rng(s.seed)
    members = [np.flatnonzero(data.labels == c) for c in range(len(data.classes))]
    if min(map(len, members)) < 2:
        raise DataError(f"{data.name} has a class with one example only, two were expected")
    right = np.zeros(len(data))
    asked = np.zeros(len(data))
    accuracy = np.empty(s.tasks)
    without = [(b, b.embed_arrays(subject.arrays), np.empty(s.tasks)) for b in BASELINES]
    kept = np.ones(len(data), bool)
    for t in range(s.tasks):
        drawn = np.array([rng.choice(m) for m in members])
        kept[:] = True
        kept[drawn] = False
        credit = rank_one_credit(subject.embedder.score(subject.embeddings, subject.embeddings[drawn]), data.labels)
        right += credit * kept
        asked += kept
        accuracy[t] = credit[kept].mean()
        for baseline, flat, found in without:
            found[t] = rank_one_credit(baseline.score(flat, flat[drawn]), data.labels)[kept].mean()
    low, high = np.quantile(accuracy, [0.05, 0.95])
    ways = len(members)
    metrics = {
        "accuracy": _mean_of_draws(accuracy, s.seed),
        "worst 5 % of draws": Metric(float(low), float(low), float(low)),
        "best 5 % of draws": Metric(float(high), float(high), float(high)),
        "standard deviation of draws": Metric(*(float(accuracy.std()),) * 3),
        **{baseline.name: _mean_of_draws(found, s.seed) for baseline, _, found in without},
        "chance": Metric(1 / ways, 1 / ways, 1 / ways),
    }
    share = np.bincount(data.labels, right) / np.bincount(data.labels, asked)
    table = [
        {"name": name, "accuracy": float(a), "trials": int(n)}
        for name, a, n in zip(data.classes, share, np.bincount(data.labels, asked), strict=True)
    ]
    details: dict[str, object] = {
        "by": "class",
        "table": sorted(table, key=lambda row: float(str(row["accuracy"]))),
        "draws": {"name": "accuracy", "values": accuracy.tolist()},
    }
    name = f"{ways}-way 1-shot, {s.tasks:,} draws of references"
    return Outcome(name, int(asked.sum()), metrics, details)


def _mean_of_draws(values: npt.NDArray[np.float64], seed: int) -> Metric:
    return mean_by_cluster(values, np.arange(len(values)), seed=seed)


def identification(subject: Subject) -> Outcome:
    """All classes enrolled with K references, every other example asked: how far down the list is the right one?"""
    data, s, calibration = subject.data, subject.settings, subject.calibration
    rng = np.random.default_rng(s.seed)
    size = len(data.classes)
    shares, curves, unit, accepted, truth, answer = [], [], [], [], [], []
    by, names, units_of = units(data)
    without = [(b, b.embed_arrays(subject.arrays), []) for b in BASELINES]  # type: ignore[var-annotated]
    further: dict[int, list[npt.NDArray[np.float64]]] = {rank: [] for rank in (5, 10) if rank <= size}
    for _ in range(s.tasks):
        drawn = draw_enrolment(data, rng, identities=size, shots=s.shots, across=s.across)
        enrolled = Templates.of(subject.embedder, subject.embeddings[drawn.references], drawn.owners, size, calibration)
        scores = enrolled.scores(subject.embedder, subject.embeddings[drawn.probes])
        shares.append(rank_one_credit(scores, drawn.target))
        for rank, listed in further.items():
            listed.append(rank_credit(scores, drawn.target, rank)[:, -1])
        for baseline, flat, found in without:
            enrolled = Templates.of(baseline, flat[drawn.references], drawn.owners, size, None)
            found.append(rank_one_credit(enrolled.scores(baseline, flat[drawn.probes]), drawn.target))
        curves.append(cmc(scores, drawn.target, min(RANKS, size)))
        unit.append(units_of[drawn.probes])
        best = scores.argmax(axis=1)
        top = scores.max(axis=1)
        known = (scores == top[:, None]).sum(axis=1) == 1  # a tie is no answer, as the decision rule has it
        if calibration:
            known &= accepts(top, calibration)
        accepted.append((best == drawn.target) & known)
        truth.append(drawn.classes[drawn.target])
        answer.append(np.where(known, drawn.classes[best], -1))
    credit, asked = np.concatenate(shares), np.concatenate(unit)
    rates = np.mean(curves, axis=0)
    metrics = {"rank 1": mean_by_cluster(credit, asked, seed=s.seed)}
    for rank, listed in further.items():
        metrics[f"rank {rank}"] = mean_by_cluster(np.concatenate(listed), asked, seed=s.seed)
    for baseline, _, found in without:
        metrics[f"{baseline.name} rank 1"] = mean_by_cluster(np.concatenate(found), asked, seed=s.seed)
    if calibration:
        ok = np.concatenate(accepted).astype(np.float64)
        metrics["fnir@threshold"] = mean_by_cluster(1 - ok, asked, seed=s.seed)
    details: dict[str, object] = {
        "by": by,
        "table": accuracy_table(names, asked, credit),
        "cmc": {"rank": list(range(1, len(rates) + 1)), "rate": rates.tolist()},
        "gallery_size": size,
        "references": s.shots,
    }
    if size <= MOST_IN_CONFUSION:
        matrix = confusion_matrix(np.concatenate(truth), np.concatenate(answer), size)
        details["confusion"] = {"labels": list(data.classes), "matrix": matrix.tolist()}
    name = f"identification among {size}, {s.shots} reference{'s' * (s.shots > 1)} each, across {s.across}"
    return Outcome(name, len(credit), metrics, details)


def units(data: DataSet) -> tuple[str, tuple[str, ...], IntArray]:
    """What is resampled for intervals: ``group`` where the data has several, else ``class``; names and codes (n,)."""
    names, groups = data.groups
    return ("group", names, groups) if len(names) > 1 else ("class", data.classes, data.labels)


def accuracy_table(
    names: tuple[str, ...], unit: IntArray, credit: npt.NDArray[np.float64]
) -> list[dict[str, str | float | int]]:
    """Accuracy by unit, worst first."""
    trials = np.bincount(unit, minlength=len(names))
    right = np.bincount(unit, credit, minlength=len(names))
    order = sorted(np.flatnonzero(trials), key=lambda u: right[u] / trials[u])
    return [{"name": names[u], "accuracy": float(right[u] / trials[u]), "trials": int(trials[u])} for u in order]


def _strips(episodes: Episodes, credit: npt.NDArray[np.float64]) -> list[dict[str, object]]:
    """A few tasks a person can look at: the indices of support and query, and whether each was right."""
    chosen = range(0, len(credit), max(1, len(credit) // 3))
    return [
        {
            "support": episodes.support[t, :, 0].tolist(),
            "query": episodes.query[t].tolist(),
            "target": episodes.target[t].tolist(),
            "credit": credit[t].tolist(),
        }
        for t in list(chosen)[:3]
    ]
