"""Every protocol from end to end: what an embedder that knows, one that knows nothing and one between them get."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from firstsight.datasets import DataSet
from firstsight.errors import DataError, UsageError
from firstsight.evaluation.enrolment import draw_enrolment
from firstsight.evaluation.oneshot import any_classes, within_group
from firstsight.evaluation.protocols import PROTOCOLS, Settings, settle
from firstsight.evaluation.subject import Outcome, Subject
from firstsight.types import FloatArray
from worlds import alphabets, constant, knowing, made, measure, noisy, rule, runs, subject, uneven

See = Callable[[DataSet], FloatArray]

WORLDS: dict[str, tuple[Callable[[], DataSet], dict[str, Any]]] = {
    "omniglot-lake-20way": (runs, {"ways": 4, "tasks": 5}),
    "omniglot-within-20way": (alphabets, {"ways": 4, "tasks": 30}),
    "omniglot-vinyals-20way": (alphabets, {"ways": 5, "tasks": 30}),
    "omniglot-verification": (lambda: alphabets(5, 4, 3, name="test"), {}),
    "koch-verification": (lambda: alphabets(5, 4, 3, name="test"), {}),
    "omniglot-same-alphabet": (lambda: alphabets(1, 5, 12), {}),
    "mnist-10way": (uneven, {"ways": 7, "tasks": 40}),
    "icons-20way": (lambda: uneven(origins=3), {"ways": 5, "tasks": 30}),
    "rocks-retrieval": (alphabets, {}),
    "rocks-verification": (alphabets, {}),
    "nway": (alphabets, {"ways": 5, "shots": 3, "tasks": 30}),
    "within": (alphabets, {"ways": 4, "tasks": 30}),
    "verification": (alphabets, {}),
    "retrieval": (alphabets, {}),
    "identification": (alphabets, {"shots": 2, "tasks": 5}),
    "openset": (alphabets, {"ways": 10, "shots": 2, "tasks": 12}),
}
"""For each protocol a small data set of the form it is for, and settings."""

ONE_SHOT = ("omniglot-lake-20way", "omniglot-within-20way", "omniglot-vinyals-20way", "icons-20way", "nway", "within")
DECIDING = tuple(name for name, p in PROTOCOLS.items() if p.decides)


def asked(name: str, see: See, *, seed: int = 0, threshold: float | None = 0.5, **changes: Any) -> Subject:
    """What a protocol is given in its world."""
    make, settings = WORLDS[name]
    data = make()
    choice = None
    if PROTOCOLS[name].choice:
        other = alphabets(5, 4, 3, name="choice")
        choice = subject(other, see(other), seed=seed)
    calibration = rule(threshold) if threshold is not None and name in DECIDING else None
    return subject(data, see(data), calibration=calibration, choice=choice, seed=seed, **{**settings, **changes})


def run(name: str, see: See, **how: Any) -> Outcome:
    """A protocol in its world."""
    return measure(name, asked(name, see, **how))


def values(outcome: Outcome) -> dict[str, float]:
    """Metrics without their intervals."""
    return {name: metric.value for name, metric in outcome.metrics.items()}


def cosine(one: FloatArray, other: FloatArray) -> float:
    """Of two vectors, in float64."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def test_every_protocol_has_a_world() -> None:
    """A protocol that is added must be tested here."""
    assert WORLDS.keys() == PROTOCOLS.keys()


# --- who knows, who knows nothing


@pytest.mark.parametrize("name", PROTOCOLS)
def test_an_embedder_that_knows_makes_no_error(name: str) -> None:
    """Where scores tell the class every rate of right answers is 1 and every error rate is 0."""
    for metric, value in values(run(name, knowing)).items():
        if metric.startswith(("accuracy", "triplets", "rank", "recall", "map@r", "auc", "tar", "worst", "best")):
            assert value == 1, metric
        elif metric.startswith(("eer", "fmr", "fnmr", "fnir", "fpir@", "min_dcf", "standard deviation")):
            assert value == 0, metric
        else:
            assert metric.startswith(("pixels", "hog", "chance", "ece", "fpir expected")), metric


@pytest.mark.parametrize("name", ONE_SHOT)
def test_one_shot_is_chance_to_whom_all_is_one(name: str) -> None:
    """Every query of every task has credit 1 / ways, whatever class or group it is of."""
    outcome = run(name, constant)
    chance = outcome.metrics["chance"].value
    assert chance == 1 / WORLDS[name][1]["ways"]
    assert outcome.metrics["accuracy"].value == pytest.approx(chance, abs=1e-12)
    assert all(row["accuracy"] == pytest.approx(chance, abs=1e-12) for row in outcome.details["table"])
    assert all(credit == chance for task in outcome.details["examples"] for credit in task["credit"])


def test_all_others_are_chance_to_whom_all_is_one() -> None:
    """Ties are shared in transfer, retrieval and rank k, count half in AUC, and are no match among identities."""
    moved = values(run("mnist-10way", constant))
    assert moved["accuracy"] == pytest.approx(1 / 7)
    assert moved["worst 5 % of draws"] == pytest.approx(1 / 7)
    verified = values(run("verification", constant))
    assert (verified["auc"], verified["eer"], verified["min_dcf"]) == (0.5, 0.5, 1)
    assert (verified["fmr@threshold"], verified["fnmr@threshold"], verified["accuracy@threshold"]) == (1, 0, 0.5)
    koch = values(run("omniglot-verification", constant))
    assert koch["accuracy, any alphabet"] == koch["accuracy, same alphabet"] == 0.5
    found = values(run("retrieval", constant, across="examples"))
    assert found["recall@1"] == pytest.approx(3 / 95)  # 96 drawings, 4 of each letter
    named = values(run("identification", constant))
    assert (named["rank 1"], named["rank 5"]) == pytest.approx((1 / 24, 5 / 24))
    assert named["fnir@threshold"] == 1
    opened = values(run("openset", constant))
    assert opened["rank 1"] == 0
    assert {v for k, v in opened.items() if k.startswith("fnir")} == {1}


# --- in between: the same by a loop


def credits_by_loop(data: DataSet, vectors: FloatArray, support: Any, query: Any, target: Any) -> float:
    """Mean credit of tasks, scored one by one against the mean of a class's references."""
    right = []
    for references, probes, places in zip(support, query, target, strict=True):
        for probe, place in zip(probes, places, strict=True):
            scores = [cosine(vectors[probe], vectors[mine].mean(axis=0)) for mine in references]
            assert data.labels[probe] == data.labels[references[place][0]]
            right.append(float(np.argmax(scores) == place))
    return float(np.mean(right))


@pytest.mark.parametrize("name", ONE_SHOT)
def test_one_shot_equals_a_loop(name: str) -> None:
    """Accuracy is the share of probes nearest to the mean of their own class's references."""
    given = asked(name, noisy, seed=3)
    data, s = given.data, given.settings
    if name == "omniglot-lake-20way":
        parts = []
        for r in range(5):
            where = [i for i, e in enumerate(data.examples) if e.group == f"run{r}"]
            references = [[i] for i in where if data.examples[i].origin == "training"]
            probes = [i for i in where if data.examples[i].origin == "test"]
            own = [data.labels[i[0]] for i in references]
            parts.append((references, probes, [own.index(data.labels[i]) for i in probes]))
        tasks: tuple[Any, ...] = tuple(zip(*parts, strict=True))
    else:
        if name.startswith(("within", "omniglot-within")):
            episodes, _ = within_group(data, ways=s.ways, tasks=s.tasks, seed=3)
        else:
            episodes = any_classes(data, ways=s.ways, shots=s.shots, tasks=s.tasks, seed=3)
        tasks = (episodes.support.tolist(), episodes.query.tolist(), episodes.target.tolist())
    expected = credits_by_loop(data, given.embeddings, *tasks)
    outcome = measure(name, given)
    assert 1 / s.ways + 0.1 < expected < 0.99
    assert outcome.metrics["accuracy"].value == pytest.approx(expected, abs=1e-9)
    assert outcome.trials == sum(len(places) for places in tasks[2])


def test_transfer_is_the_mean_over_all_draws() -> None:
    """Over many draws accuracy, spread and extremes are those of every possible draw of one reference a class."""
    data = uneven(classes=3)
    vectors = noisy(data, noise=1.2, dim=4, seed=1)
    members = [np.flatnonzero(data.labels == c) for c in range(3)]
    every = []
    for drawn in itertools.product(*members):
        asks = [i for i in range(len(data)) if i not in drawn]
        right = [np.argmax([cosine(vectors[i], vectors[j]) for j in drawn]) == data.labels[i] for i in asks]
        every.append(float(np.mean(right)))
    outcome = measure("mnist-10way", subject(data, vectors, ways=3, tasks=1500))
    found = values(outcome)
    assert found["accuracy"] == pytest.approx(np.mean(every), abs=4 * np.std(every) / np.sqrt(1500))
    assert found["standard deviation of draws"] == pytest.approx(np.std(every), rel=0.1)
    drawn = np.array(outcome.details["draws"]["values"])
    assert set(np.round(drawn, 9)) == set(np.round(every, 9))
    assert found["worst 5 % of draws"] == np.quantile(drawn, 0.05) < found["accuracy"]
    assert found["best 5 % of draws"] == np.quantile(drawn, 0.95) > found["accuracy"]
    assert outcome.trials == 1500 * (len(data) - 3)


@pytest.mark.parametrize("across", ["origins", "examples"])
def test_verification_equals_a_loop(across: str) -> None:
    """Rates at the saved threshold, AUC and EER are those of all pairs, one by one."""
    given = asked("verification", noisy, seed=3, across=across)
    scores: dict[bool, list[float]] = {True: [], False: []}
    for a, b in itertools.combinations(range(len(given.data)), 2):
        if across == "examples" or given.data.origins[1][a] != given.data.origins[1][b]:
            same = bool(given.data.labels[a] == given.data.labels[b])
            scores[same].append(cosine(given.embeddings[a], given.embeddings[b]))
    genuine, impostor = np.array(scores[True]), np.array(scores[False])
    fmr, fnmr = (impostor >= 0.5).mean(), (genuine < 0.5).mean()
    outcome = measure("verification", given)
    found = values(outcome)
    assert outcome.trials == len(genuine) + len(impostor)
    assert found["fmr@threshold"] == pytest.approx(fmr)
    assert found["fnmr@threshold"] == pytest.approx(fnmr)
    assert found["accuracy@threshold"] == pytest.approx(1 - (fmr + fnmr) / 2)
    assert found["auc"] == pytest.approx((genuine[:, None] > impostor).mean(), abs=1e-6)
    best = min(max((impostor >= t).mean(), (genuine < t).mean()) for t in np.concatenate([genuine, impostor]))
    assert found["eer"] == pytest.approx(best, abs=1 / len(genuine))
    for rate in (0.01, 0.001):
        limit = np.sort(impostor)[::-1][int(rate * len(impostor) + 1e-9)]
        assert found[f"tar@fmr={rate:g}"] == pytest.approx((genuine > limit).mean())
    assert outcome.details["genuine_pairs"] == len(genuine)
    assert outcome.details["impostor_pairs"] == len(impostor)


def test_koch_equals_a_loop() -> None:
    """Balanced accuracy of the test pairs at the threshold that is best on the others, of one alphabet or any."""
    given = asked("omniglot-verification", noisy, seed=3)
    assert given.choice is not None
    found = values(measure("omniglot-verification", given))
    for words, within in (("same alphabet", True), ("any alphabet", False)):
        sides = []
        for side in (given.choice, given):
            labels, groups = side.data.labels, side.data.groups[1]
            pairs = [
                (bool(labels[a] == labels[b]), cosine(side.embeddings[a], side.embeddings[b]))
                for a, b in itertools.combinations(range(len(labels)), 2)
                if not within or groups[a] == groups[b]
            ]
            sides.append([np.array([score for same, score in pairs if same == kind]) for kind in (True, False)])
        ((g, i), (genuine, impostor)) = sides
        best = max((1 - ((i >= t).mean() + (g < t).mean()) / 2, t) for t in np.concatenate([g, i]))[1]
        below = max(s for s in np.concatenate([g, i]) if s < best)
        threshold = (best + below) / 2
        expected = 1 - ((impostor >= threshold).mean() + (genuine < threshold).mean()) / 2
        assert found[f"accuracy, {words}"] == pytest.approx(expected, abs=1e-6)
        assert 0.6 < expected < 0.99


@pytest.mark.parametrize("across", ["origins", "examples"])
def test_retrieval_equals_a_loop(across: str) -> None:
    """Recall@k and MAP@R of every example among all others, or those of other origins."""
    given = asked("retrieval", noisy, seed=3, across=across)
    data, vectors = given.data, given.embeddings
    recall: dict[int, list[float]] = {1: [], 5: [], 10: []}
    precision = []
    for q in range(len(data)):
        others = [
            i for i in range(len(data)) if i != q and (across == "examples" or data.origins[1][i] != data.origins[1][q])
        ]
        ranked = sorted(others, key=lambda i: -cosine(vectors[q], vectors[i]))
        right = [bool(data.labels[i] == data.labels[q]) for i in ranked]
        wanted = sum(right)
        for k, hits in recall.items():
            hits.append(float(any(right[:k])))
        precision.append(sum(sum(right[: i + 1]) / (i + 1) for i in range(wanted) if right[i]) / wanted)
    found = values(measure("retrieval", given))
    assert found["map@r"] == pytest.approx(np.mean(precision))
    for k, hits in recall.items():
        assert found[f"recall@{k}"] == pytest.approx(np.mean(hits))


def enrolments(given: Subject, identities: int) -> Any:
    """Each drawn gallery with its scores by a loop: of probes and of strangers against every identity."""
    rng = np.random.default_rng(given.settings.seed)
    vectors, s = given.embeddings, given.settings
    for _ in range(s.tasks):
        drawn = draw_enrolment(given.data, rng, identities=identities, shots=s.shots, across=s.across)
        means = [vectors[drawn.references[drawn.owners == n]].mean(axis=0) for n in range(identities)]
        yield (
            drawn,
            np.array([[cosine(vectors[i], m) for m in means] for i in drawn.probes]),
            np.array([[cosine(vectors[i], m) for m in means] for i in drawn.strangers]),
        )


def test_identification_equals_a_loop() -> None:
    """Rank k by counting who is better, and misses by the threshold less the shift of two references."""
    given = asked("identification", noisy, seed=3)
    given = subject(
        given.data,
        given.embeddings,
        calibration=rule(0.5, shifts=(0.0, 0.1)),
        shots=2,
        tasks=3,
        across="examples",
        seed=3,
    )
    place, missed = [], []
    for drawn, scores, _ in enrolments(given, len(given.data.classes)):
        for row, target in zip(scores - 0.1, drawn.target, strict=True):
            place.append(1 + sum(row > row[target]))
            missed.append(place[-1] > 1 or row[target] < 0.5)
    found = values(measure("identification", given))
    for k in (1, 5, 10):
        assert found[f"rank {k}"] == pytest.approx(np.mean(np.array(place) <= k))
    assert found["fnir@threshold"] == pytest.approx(np.mean(missed))
    assert 0.02 < np.mean(missed) < 0.9


def test_openset_equals_a_loop() -> None:
    """Misses and strangers let in, at the saved threshold and at the lowest that lets so few strangers in."""
    given = asked("openset", noisy, seed=3)
    best, right, strangers, achieved, missed = [], [], [], [], []
    for drawn, scores, others in enrolments(given, given.settings.ways):
        top = scores.max(axis=1)
        hit = scores.argmax(axis=1) == drawn.target
        best += top.tolist()
        right += hit.tolist()
        strangers += others.max(axis=1).tolist()
        achieved.append(np.mean(others.max(axis=1) >= 0.5))
        missed.append(np.mean(~hit | (top < 0.5)))
    found = values(measure("openset", given))
    assert found["rank 1"] == pytest.approx(np.mean(right))
    assert found["fpir@threshold"] == pytest.approx(np.mean(achieved))
    assert found["fnir@threshold"] == pytest.approx(np.mean(missed))
    falling = np.sort(strangers)[::-1]
    for rate in (0.01, 0.05):
        limit = falling[int(rate * len(falling) + 1e-9)]
        expected = np.mean(~np.array(right) | (np.array(best) <= limit))
        assert found[f"fnir@fpir={rate:g}"] == pytest.approx(expected, abs=1e-9)
    assert 0.05 < np.mean(achieved) < 0.95


# --- what every outcome is


def strict(outcome: Outcome) -> str:
    """As JSON, which has neither NaN nor infinity."""
    return json.dumps(asdict(outcome), allow_nan=False)


@pytest.mark.parametrize("see", [knowing, constant, noisy])
@pytest.mark.parametrize("name", PROTOCOLS)
def test_an_outcome_is_json(name: str, see: See) -> None:
    """Metrics and details hold plain finite numbers, lists and text only, whatever the embedder."""
    assert json.loads(strict(run(name, see)))["trials"] > 0


@pytest.mark.parametrize("name", DECIDING)
def test_without_a_calibration_nothing_is_said_of_a_threshold(name: str) -> None:
    """An uncalibrated model gets all other metrics, and no rate at a threshold or probability."""
    with_one, without = run(name, noisy), run(name, noisy, threshold=None)
    ours = {k for k in with_one.metrics if not k.endswith("threshold") and k not in ("ece", "fpir expected")}
    assert without.metrics.keys() == ours
    assert all(without.metrics[k] == with_one.metrics[k] for k in ours)
    strict(without)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_seed_decides(name: str) -> None:
    """The same seed gives the same outcome to the last digit; another seed another draw, or at least intervals."""
    one, again, other = (run(name, noisy, seed=seed) for seed in (5, 5, 6))
    assert strict(one) == strict(again)
    if name == "omniglot-lake-20way":  # the runs are published, none is drawn
        assert one.metrics["accuracy"].value == other.metrics["accuracy"].value
    else:
        assert strict(one) != strict(other)


@pytest.mark.parametrize("see", [knowing, constant, noisy])
@pytest.mark.parametrize("name", PROTOCOLS)
def test_intervals_hold_their_value(name: str, see: See) -> None:
    """Every metric lies in its 95 % interval."""
    for metric, m in run(name, see).metrics.items():
        assert m.low - 1e-9 <= m.value <= m.high + 1e-9, metric


@pytest.mark.parametrize("name", ["omniglot-within-20way", "nway", "verification", "retrieval", "openset"])
def test_noise_leaves_an_interval(name: str) -> None:
    """The headline of an embedder that errs has an interval of some width."""
    headline = next(iter(run(name, noisy).metrics.values()))
    assert headline.high - headline.low > 0.001


# --- details


@pytest.mark.parametrize("name", ONE_SHOT)
def test_shown_tasks_are_tasks(name: str) -> None:
    """The tasks to look at name examples of the data: each query's class stands at its target."""
    given = asked(name, noisy)
    labels = given.data.labels
    shown = measure(name, given).details["examples"]
    assert 1 <= len(shown) <= 3
    for task in shown:
        support, query, target = (np.array(task[k]) for k in ("support", "query", "target"))
        assert (labels[support[target]] == labels[query]).all()
        assert not set(support.tolist()) & set(query.tolist())
        assert len(task["credit"]) == len(query) == len(support) == given.settings.ways


@pytest.mark.parametrize("name", [*ONE_SHOT, "mnist-10way", "identification", "retrieval"])
def test_the_table_adds_up(name: str) -> None:
    """Rows name groups or classes of the data, worst first, and their trials and right answers sum to the headline."""
    given = asked(name, noisy)
    outcome = measure(name, given)
    rows = outcome.details["table"]
    names = given.data.groups[0] if outcome.details["by"] == "group" else given.data.classes
    assert {row["name"] for row in rows} <= set(names)
    assert [row["accuracy"] for row in rows] == sorted(row["accuracy"] for row in rows)
    assert sum(row["trials"] for row in rows) == outcome.trials
    right = sum(row["accuracy"] * row["trials"] for row in rows) / outcome.trials
    of = {"identification": "rank 1", "retrieval": "recall@1"}.get(name, "accuracy")
    if name != "mnist-10way":  # there draws count alike, here trials
        assert right == pytest.approx(outcome.metrics[of].value)


def test_the_worst_pairs_are_the_worst() -> None:
    """False matches are different pairs from the highest score down, misses same ones from the lowest up."""
    given = asked("verification", noisy)
    labels, vectors = given.data.labels, given.embeddings
    outcome = measure("verification", given)
    for kind, same, sign in (("false_matches", False, -1), ("misses", True, 1)):
        pairs = outcome.details["worst"][kind]
        assert len(pairs) == 8
        shown = [frozenset((labels[p["left"]], labels[p["right"]])) for p in pairs]
        assert len(set(shown)) == len(shown)  # one for each pair of classes
        for p in pairs:
            assert (labels[p["left"]] == labels[p["right"]]) == same
            assert p["score"] == pytest.approx(cosine(vectors[p["left"]], vectors[p["right"]]), abs=1e-5)
        scores = [sign * p["score"] for p in pairs]
        assert scores == sorted(scores)
        extreme = min(
            sign * cosine(vectors[a], vectors[b])
            for a, b in itertools.combinations(range(len(labels)), 2)
            if (labels[a] == labels[b]) == same and given.data.origins[1][a] != given.data.origins[1][b]
        )
        assert scores[0] == pytest.approx(extreme, abs=1e-5)
    decisions = outcome.details["decisions"]
    assert sum(decisions.values()) == outcome.trials
    assert len(decisions) == 4
    table = outcome.details["table"]
    assert {row["name"] for row in table} == set(given.data.groups[0])


def test_neighbours_are_the_nearest() -> None:
    """Neighbours of a query are the highest scores among what it may ask, never itself, rightly marked."""
    given = asked("retrieval", noisy)
    labels, origins, vectors = given.data.labels, given.data.origins[1], given.embeddings
    strips = measure("retrieval", given).details["neighbours"]
    assert 4 <= len(strips) <= 8
    for strip in strips:
        q = strip["query"]
        others = [i for i in range(len(labels)) if origins[i] != origins[q]]
        expected = sorted(others, key=lambda i: -cosine(vectors[q], vectors[i]))[:8]
        assert strip["nearest"] == expected
        assert strip["right"] == (labels[expected] == labels[q]).tolist()
        assert strip["scores"] == pytest.approx([cosine(vectors[q], vectors[i]) for i in expected], abs=1e-5)


def test_the_confusions_count_every_search() -> None:
    """The matrix holds every search once; its diagonal and its column for nobody agree with the metrics."""
    given = asked("identification", noisy, tasks=2)
    outcome = measure("identification", given)
    confusion = outcome.details["confusion"]
    matrix = np.array(confusion["matrix"])
    assert confusion["labels"] == list(given.data.classes)
    assert matrix.shape == (24, 25)
    assert matrix.sum() == outcome.trials
    diagonal = np.trace(matrix) / outcome.trials
    assert diagonal == pytest.approx(1 - outcome.metrics["fnir@threshold"].value)
    curve = outcome.details["cmc"]
    assert curve["rank"] == list(range(1, 21))
    assert (np.diff(curve["rate"]) >= 0).all()
    assert curve["rate"][0] == pytest.approx(outcome.metrics["rank 1"].value)


def test_curves_run_from_corner_to_corner() -> None:
    """Error rates of drawn curves lie in 0 to 1, one falls and the other rises."""
    curves = [
        (run("verification", noisy).details["roc"], "fmr", "fnmr"),
        (run("omniglot-verification", noisy).details["curves"]["any alphabet"], "fmr", "fnmr"),
        (run("openset", noisy).details["openset"], "fpir", "fnir"),
    ]
    for curve, falling, rising in curves:
        assert (np.diff(curve[falling]) <= 0).all()
        assert (np.diff(curve[rising]) >= 0).all()
        assert 0 <= min(curve[falling] + curve[rising]) <= max(curve[falling] + curve[rising]) <= 1
        assert curve[falling][0] == 1
        assert curve[rising][-1] > 0.9


@pytest.mark.parametrize("calibrated", [True, False])
def test_pairs_are_verified_as_they_are_given(calibrated: bool) -> None:
    """Data of pairs is asked for its pairs, has no table by class, and is JSON too."""
    rows = made([("", "", "")] * 12)
    pairs = tuple((i, i + 1, i % 3 == 0) for i in range(0, 12, 2))
    data = DataSet("manifest:made", rows.examples, pairs)
    vectors = noisy(data)
    outcome = measure("verification", subject(data, vectors, calibration=rule() if calibrated else None))
    scores = np.array([cosine(vectors[a], vectors[b]) for a, b, _ in pairs])
    same = np.array([s for _, _, s in pairs])
    assert outcome.trials == len(pairs)
    assert outcome.metrics["auc"].value == pytest.approx((scores[same][:, None] > scores[~same]).mean())
    assert "table" not in outcome.details
    worst = outcome.details["worst"]
    assert (len(worst["misses"]), len(worst["false_matches"])) == (2, 4)
    strict(outcome)


# --- settings


@pytest.mark.parametrize("name", PROTOCOLS)
def test_settings_a_protocol_does_not_take_are_refused(name: str) -> None:
    """Whatever is neither taken nor fixed, and a fixed one that is changed, is refused in one sentence."""
    protocol = PROTOCOLS[name]
    fixed = dict(protocol.fixed)
    address = None if protocol.data else "folder:nowhere"
    for key, value in {"ways": 7, "shots": 3, "tasks": 11, "across": "examples"}.items():
        if key in protocol.takes:
            continue
        words = f"{name} fixes {key} to {fixed[key]}" if key in fixed else f"{name} has no {key} to choose"
        with pytest.raises(UsageError, match=words) as refusal:
            settle(name, address, Settings(**{key: value}), frozenset({key}))
        assert "\n" not in str(refusal.value)
    if name not in ("nway", "icons-20way", "omniglot-vinyals-20way"):
        with pytest.raises(UsageError, match="across"):
            settle(name, address, Settings(across="styles"), frozenset({"across"}))
    data = "icons:test" if protocol.data else None
    with pytest.raises(UsageError, match="fixed to" if protocol.data else "needs a data set"):
        settle(name, data, Settings(), frozenset())


@pytest.mark.parametrize(
    "setting", [{"ways": 1}, {"shots": 0}, {"tasks": 0}, {"seed": -1}, {"across": "drawers"}], ids=str
)
def test_settings_that_mean_nothing_are_refused(setting: dict[str, Any]) -> None:
    """Too small a number, and an across that does not exist, are UsageErrors that name the setting."""
    with pytest.raises(UsageError, match=next(iter(setting))):
        Settings(**setting)


def test_too_little_data_is_refused_with_numbers() -> None:
    """Classes of one example, no strangers left and too few classes to enroll are DataErrors that count."""
    single = made([("a", "", ""), ("a", "", ""), ("b", "", "")])
    with pytest.raises(DataError, match="one example"):
        measure("mnist-10way", subject(single, noisy(single)))
    few = alphabets(2, 3)
    with pytest.raises(DataError, match="6 classes"):
        measure("openset", subject(few, noisy(few), ways=5))
    with pytest.raises(DataError, match="1 of the 2 classes"):
        measure("identification", subject(single, noisy(single), tasks=1))


def test_the_open_set_curve_of_a_report_holds_the_rates_asked_for():
    """Read off the curve a page draws, FNIR at FPIR 1 % and 5 % is what the metrics say."""
    data = alphabets(5, 6, 8)
    found = measure("openset", subject(data, noisy(data), ways=8, tasks=20))
    curve: Any = found.details["openset"]
    for asked in (0.01, 0.05):
        place = int(np.argmax(np.array(curve["fpir"]) <= asked))
        assert curve["fnir"][place] == pytest.approx(found.metrics[f"fnir@fpir={asked:g}"].value)
    assert len(curve["fpir"]) <= 310
