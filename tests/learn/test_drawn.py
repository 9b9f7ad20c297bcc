"""Samplers of drawn pairs and triplets, and the comparisons that take them."""

from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import firstsight.learn.train as training
from drawn import TINY
from firstsight import api
from firstsight.errors import TrainingError, UsageError
from firstsight.learn.comparisons.given import GivenPairs, GivenTriplets
from firstsight.learn.fitting import check_objective
from firstsight.learn.recipe import load
from firstsight.learn.run import Run
from firstsight.learn.sampling.drawn import DrawnPairs, DrawnTriplets
from firstsight.learn.similarities.fixed import Euclidean
from firstsight.learn.train import with_data

LABELS = np.repeat(np.arange(8), 6)
GROUPS = LABELS // 2


@pytest.mark.parametrize(("sampler", "sides"), [(DrawnPairs, 2), (DrawnTriplets, 3)])
def test_an_epoch_holds_every_draw_once(sampler, sides):
    """Within an epoch each pair or triplet comes once; the next has the same ones in another order."""
    drawn = sampler(LABELS, GROUPS, 0, count=60, size=12)
    epochs = [
        np.concatenate([drawn.batch(step).reshape(-1, sides) for step in range(5 * e, 5 * e + 5)]) for e in range(2)
    ]
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch, axis=0), np.sort(drawn.drawn, axis=0))
    assert (epochs[0] != epochs[1]).any()


def test_a_batch_across_two_epochs_is_full():
    """Where the draws are no multiple of a batch, one batch takes the end of an epoch and the start of the next."""
    drawn = DrawnPairs(LABELS, GROUPS, 0, count=10, size=4)
    assert [len(drawn.batch(step)) for step in range(6)] == [8] * 6


def test_pairs_are_compared_side_by_side():
    """Half of the rows are same; the score is of the two beside each other."""
    sampler = DrawnPairs(LABELS, GROUPS, 0, count=40, size=20)
    index = sampler.batch(0)
    embeddings = torch.from_numpy(LABELS[index]).float()[:, None]
    found = GivenPairs(Euclidean(), 1, 8)(embeddings, torch.from_numpy(LABELS[index]), torch.Generator())
    assert torch.equal(found.same, (found.score == 0).float())
    assert found.same.sum() == sum(LABELS[index[0::2]] == LABELS[index[1::2]])


def test_triplets_are_rows_of_same_and_different():
    """A row is (near, far) of one anchor."""
    index = DrawnTriplets(LABELS, GROUPS, 0, count=40, size=20).batch(0)
    labels = torch.from_numpy(LABELS[index])
    found = GivenTriplets(Euclidean(), 1, 8)(labels.float()[:, None], labels, torch.Generator())
    assert found.score.shape == (20, 2)
    assert (found.score[:, 0] == 0).all()
    assert (found.score[:, 1] < 0).all()


def test_a_negative_with_the_anchors_label_is_refused():
    """Whatever made the batch, a triplet whose third has the anchor's label never reaches the loss."""
    with pytest.raises(TrainingError, match="is not \\(anchor, same, different\\)"):
        GivenTriplets(Euclidean(), 1, 8)(torch.rand(3, 1), torch.tensor([4, 4, 4]), torch.Generator())


@pytest.mark.parametrize("comparison", ["given_pairs", "given_triplets"])
def test_given_comparisons_want_their_sampler(comparison):
    """A recipe that draws examples is told which sampling a comparison of given pairs needs."""
    wanted = comparison.removeprefix("given_")
    with pytest.raises(UsageError, match=f"takes {wanted} as they were drawn.*set sampling.name={wanted}"):
        load("folder", [f"comparison.name={comparison}", "similarity.name=euclidean", "loss.name=triplet"])


def test_trails_hold_every_pair_once_and_few_examples():
    """An epoch on trails has the pairs of a shuffled one, another order each time, and fewer examples a batch."""
    made = {order: DrawnPairs(LABELS, GROUPS, 0, count=120, size=24, order=order) for order in ("shuffled", "trails")}
    batches = {order: [sampler.batch(step).reshape(-1, 2) for step in range(10)] for order, sampler in made.items()}
    for epoch in (slice(0, 5), slice(5, 10)):
        found = [np.sort(np.concatenate(batches[order][epoch]), axis=0) for order in made]
        np.testing.assert_array_equal(*found)
    trails = batches["trails"]
    assert any((one != other).any() for one, other in zip(trails[:5], trails[5:], strict=True))
    examples = {order: np.mean([len(np.unique(batch)) for batch in many]) for order, many in batches.items()}
    assert examples["trails"] < 0.85 * examples["shuffled"]


def test_a_step_on_trails_embeds_an_example_once(tmp_path, shapes):
    """The images of a step are distinct, and its loss is that of the batch with each in all of its places."""
    changes = ("sampling.name=pairs", "sampling.count=60", "sampling.size=12", "sampling.order=trails")
    pairs = (*changes, "comparison.name=given_pairs", "loss.name=contrastive", "similarity.name=euclidean")
    kept = [c for c in TINY if not c.startswith(("sampling.", "loss.", "comparison.", "similarity."))]
    recipe = with_data(load("folder", [*kept, *pairs]), f"folder:{shapes}")
    run = Run(recipe, tmp_path, lambda _: None)
    index = run.sampler.batch(3)
    images, labels = run.batch(3)
    assert len(images) == len(labels) == len(np.unique(index)) < len(index) == 24
    embeddings = torch.rand(len(images), 8, generator=torch.Generator().manual_seed(0))
    place = torch.from_numpy(np.searchsorted(np.unique(index), index))
    again = run.loss(embeddings[place], run.labels[torch.from_numpy(index)], torch.Generator())
    assert run.objective(embeddings, labels, 3) == again


@pytest.mark.parametrize("where", ["comparison", "also_comparison"])
def test_trails_are_for_given_pairs_alone(where):
    """What compares across a batch would take copies of an example for its likes, and is refused."""
    parts = {
        "sampling": {"name": "pairs", "order": "trails"},
        "similarity": {"name": "cosine"},
        where: {"name": "in_batch"},
        "loss": {"name": "supcon"},
    }
    with pytest.raises(UsageError, match=f"stands several times; set sampling.order=shuffled, or {where}.name="):
        check_objective(parts, where, "loss")


def test_speed_counts_the_images_that_were_embedded(tmp_path, shapes, monkeypatch):
    """On trails batches differ in size: at a second a step the speed is the mean of all sizes, not the last."""
    changes = ("sampling.name=pairs", "sampling.count=60", "sampling.size=12", "sampling.order=trails")
    pairs = (*changes, "comparison.name=given_pairs", "loss.name=contrastive", "similarity.name=euclidean")
    kept = [c for c in TINY if not c.startswith(("sampling.", "training.steps"))]
    clock, speeds = count(), list[float]()
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: next(clock)))

    def listen(event):
        if event.kind == "step":
            speeds.append(event.values["examples_per_second"])

    api.train("folder", *kept, *pairs, "training.steps=5", data=str(shapes), out=tmp_path / "m", listen=listen)
    sampler = Run(with_data(load("folder", [*kept, *pairs]), str(shapes)), tmp_path, lambda _: None).sampler
    sizes = [len(np.unique(sampler.batch(step))) for step in range(5)]
    assert len(set(sizes)) > 1
    assert speeds == pytest.approx(np.cumsum(sizes) / np.arange(1, 6))
