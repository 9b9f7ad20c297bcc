"""Learning without labels: views of images, no look at their classes, heads that stay behind, collapse."""

from __future__ import annotations

import doctest
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from drawn import draw
from firstsight import api
from firstsight.datasets import open_data
from firstsight.errors import DataError, TrainingError, UsageError
from firstsight.learn import watching
from firstsight.learn.catalogue import AUGMENTS, PROJECTIONS
from firstsight.learn.comparisons.predicted import PredictedViews
from firstsight.learn.events import Event
from firstsight.learn.recipe import load
from firstsight.learn.run import Run
from firstsight.learn.sampling.views import Views
from firstsight.learn.similarities.fixed import Cosine

KINDS = ("arrow", "circle", "cross", "diamond", "ring", "square", "triangle", "wedge")
SMALL = (
    "encoder.width=8",
    "encoder.dim=16",
    "sampling.size=8",
    "optimiser.warmup=2",
    "training.steps=6",
    "training.checkpoint_every=2",
    "training.validate_every=100",
    "training.average=0.9",
    "training.threads=1",
    "training.precision=float32",
)
SIAMESE = ("projection.name=perceptron", "projection.hidden=16", "projection.dim=16", "comparison.hidden=8")


@pytest.fixture(scope="module")
def heap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen drawings in one folder, without classes."""
    place = tmp_path_factory.mktemp("heap")
    for kind in KINDS:
        for number in range(2):
            draw(kind, number).save(place / f"{kind}-{number}.png")
    return place


def settled(*changes: str) -> list[str]:
    """The small settings with changes."""
    return list({change.partition("=")[0]: change for change in (*SMALL, *changes)}.values())


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, torch.Tensor]]:
    """The weights that each run would have exported, instead of exporting them."""
    found: list[dict[str, torch.Tensor]] = []

    def keep(path: Path, **parts: Any) -> None:
        found.append({name: weights.clone() for name, weights in parts["encoder"].state_dict().items()})

    monkeypatch.setattr("firstsight.learn.run.save", keep)
    return found


def alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether all weights are equal, to the last bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def losses(out: Path) -> list[float]:
    """Of the steps in the log."""
    return [json.loads(line)["loss"] for line in (out / "metrics.jsonl").read_text().splitlines()]


def a_run(heap: Path, out: Path, *changes: str) -> Run:
    """The parts of a small run, before its first step."""
    return Run(
        load("simclr", [*SMALL, *changes, f"data.train=images:{heap}", "data.calibration="]), out, lambda _: None
    )


def test_a_batch_holds_each_image_twice_side_by_side() -> None:
    """First, first, second, second: no image in two places, all of them within an epoch."""
    sampler = Views(np.zeros(12, np.int64), np.zeros(12, np.int64), 0, size=4)
    drawn = np.concatenate([sampler.batch(step) for step in range(3)])
    np.testing.assert_array_equal(drawn[0::2], drawn[1::2])
    assert sorted(drawn[0::2]) == list(range(12))


def test_a_batch_is_no_larger_than_the_data() -> None:
    """With fewer images than asked for, every batch holds all of them."""
    sampler = Views(np.zeros(5, np.int64), np.zeros(5, np.int64), 0, size=64)
    assert sorted(sampler.batch(3)) == sorted([*range(5)] * 2)


@pytest.mark.parametrize("augment", AUGMENTS)
def test_both_views_are_altered_and_each_in_its_own_way(augment: str, heap: Path, tmp_path: Path) -> None:
    """The two views of an image share label and turn, and no two views of a batch are equal."""
    run = a_run(heap, tmp_path / "m", f"augment.name={augment}", "training.turns=4")
    images, labels = run.batch(0)
    assert torch.equal(labels[0::2], labels[1::2])
    assert len(set(labels.tolist())) == 8
    for k in range(8):
        assert not torch.equal(images[2 * k], images[2 * k + 1])
        assert not torch.equal(images[2 * k], run.arrays[labels[2 * k] % 16] / 255)


@pytest.mark.parametrize("recipe", ["simclr", "simsiam"])
def test_labels_do_not_matter_for_the_weights(
    recipe: str, heap: Path, tmp_path: Path, kept: list[dict[str, torch.Tensor]]
) -> None:
    """True classes, shuffled ones, one class for all and no classes give the very same weights."""
    files = sorted(heap.iterdir())
    kinds = [file.stem.partition("-")[0] for file in files]
    named = {"true": kinds, "shuffled": random.Random(0).sample(kinds, len(kinds)), "one": ["it"] * len(kinds)}
    assert named["true"] != named["shuffled"]
    addresses = [f"images:{heap}"]
    for name, labels in named.items():
        rows = [f"{file},{label}" for file, label in zip(files, labels, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["path,label", *rows]))
        addresses.append(f"{tmp_path / name}.csv:all")
    for number, address in enumerate(addresses):
        changes = settled("training.composites=0.3", "training.turns=4")
        api.train(recipe, *changes, data=address, out=tmp_path / str(number))
    assert len(kept) == 4
    assert all(alike(kept[0], other) for other in kept)
    api.train(recipe, *settled("training.seed=1"), data=addresses[0], out=tmp_path / "seed")
    assert not alike(kept[0], kept[-1])


@pytest.mark.parametrize("recipe", ["simclr", "simsiam"])
@pytest.mark.parametrize("parts", [1, 2])
def test_two_runs_are_one_and_so_is_a_resumed_one(
    recipe: str, parts: int, heap: Path, tmp_path: Path, kept: list[dict[str, torch.Tensor]]
) -> None:
    """Weights are equal to the last bit; a checkpoint holds head and predictor too."""
    head = SIAMESE if recipe == "simsiam" else SIAMESE[:3]
    changes = [*SMALL, *head, f"training.parts={parts}"]

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 5:
            raise KeyboardInterrupt

    for name in ("one", "other"):
        api.train(recipe, *changes, data=f"images:{heap}", out=tmp_path / name)
    with pytest.raises(KeyboardInterrupt):
        api.train(recipe, *changes, data=f"images:{heap}", out=tmp_path / "stopped", listen=stop)
    state = torch.load(tmp_path / "stopped" / "checkpoint.pt", weights_only=True)
    held = {key.split(".")[0] for key in state["objective"]}
    assert held == ({"projection", "comparisons"} if recipe == "simsiam" else {"projection"})
    api.train(recipe, *changes, data=f"images:{heap}", out=tmp_path / "stopped", resume=True)
    assert len(kept) == 3
    assert all(alike(kept[0], other) for other in kept)
    assert losses(tmp_path / "one") == losses(tmp_path / "stopped")


@pytest.mark.parametrize("name", PROJECTIONS)
def test_a_head_gives_what_the_loss_sees(name: str) -> None:
    """A head maps embeddings to as many numbers as it says, and its gradient reaches them; without one they stay."""
    head = PROJECTIONS[name](12)
    embeddings = torch.randn(6, 12, requires_grad=True)
    out = head(embeddings)
    assert out.shape == (6, head.dim)
    out.square().sum().backward() if name == "none" else out[:, 0].sin().sum().backward()
    assert embeddings.grad is not None
    assert embeddings.grad.any()
    assert (name == "none") == torch.equal(out, embeddings)


@pytest.mark.parametrize("stop_gradient", [True, False])
def test_what_is_predicted_is_held_still(stop_gradient: bool) -> None:
    """With the gradient stopped, none reaches an embedding but through the predictor."""
    part = PredictedViews(Cosine(), 6, 0, hidden=4, stop_gradient=stop_gradient)
    part.predictor.requires_grad_(False)
    for layer in part.predictor:
        if isinstance(layer, torch.nn.Linear):
            layer.weight.zero_()
    torch.nn.init.normal_(part.predictor[-1].bias)
    embeddings = torch.randn(8, 6, requires_grad=True)
    found = part(Cosine().prepare(embeddings), torch.arange(8) // 2, torch.Generator())
    (slope,) = torch.autograd.grad(found.score.sum(), embeddings, allow_unused=True)
    assert (slope is None or not slope.any()) == stop_gradient


def test_a_head_is_left_out_of_the_model(heap: Path, tmp_path: Path) -> None:
    """The model's embedding is the encoder's, as long as it says; of head and predictor it holds nothing."""
    model = api.train("simsiam", *SMALL, *SIAMESE[:2], "projection.dim=5", data=f"images:{heap}", out=tmp_path / "m")
    assert model.dim == 16
    weights = (tmp_path / "m" / "encoder.safetensors").read_bytes()
    assert not any(name in weights for name in (b"predictor", b"projection", b"layers."))


def test_a_model_learned_without_labels_can_be_taught_with_them(shapes: Path, tmp_path: Path) -> None:
    """``--from`` goes on from it with a recipe of classes, and a head starts anew beside proxies."""
    api.train("simclr", *SMALL, data=f"images:{shapes}", out=tmp_path / "m")
    changes = ("training.steps=2", "training.threads=1", "projection.name=perceptron")
    model = api.train("folder", *changes, from_=tmp_path / "m", data=f"{shapes}:all", out=tmp_path / "further")
    assert model.spec.trained.started_from.startswith("m ")


@pytest.mark.parametrize("recipe", ["simclr", "simsiam"])
def test_alignment_and_uniformity_are_told(
    recipe: str, heap: Path, tmp_path: Path, kept: list[dict[str, torch.Tensor]]
) -> None:
    """The last line of the log has both, within their bounds."""
    api.train(recipe, *SMALL, data=f"images:{heap}", out=tmp_path / "m")
    row = json.loads((tmp_path / "m" / "metrics.jsonl").read_text().splitlines()[-1])
    assert 0 < row["alignment"] < 4
    assert -8 < row["uniformity"] < 0


def test_the_examples_of_watching_run() -> None:
    """What its documentation shows is what comes."""
    failed, tried = doctest.testmod(watching)
    assert tried > 1
    assert failed == 0


def test_images_are_found_at_any_depth(heap: Path, tmp_path: Path) -> None:
    """Every image below a folder is an example with a class of its own; other files are counted in a note."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    draw("ring", 0).save(tmp_path / "deep" / "er" / "a.png")
    draw("ring", 1).save(tmp_path / "b.png")
    (tmp_path / "notes.txt").write_text("no image")
    data = open_data(f"images:{tmp_path}")
    assert data.classes == ("b.png", "deep/er/a.png")
    assert data.notes == ("1 file was passed over: 1 .txt (notes.txt)",)
    assert len(open_data(f"images:{heap}")) == 16


EQUAL = tuple(
    f"augment.{key}=0.0" for key in ("degrees", "scale", "stretch", "shear", "shift", "elastic", "thicken", "erase")
)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (("sampling.size=1",), "sampling.size is 1, 2 or more was expected"),
        (EQUAL, "augment 'warp' changes nothing as it is set, so both views of an image are equal"),
        (("augment.name=affine", "augment.share=0.0"), "augment 'affine' changes nothing as it is set"),
        (
            ("comparison.name=predicted_views",),
            "comparison 'predicted_views' gives same pairs only, and loss 'supcon' learns from different ones too; set "
            "comparison.name to in_batch, sampled_triplets or proxies, or set loss.name to negative_cosine",
        ),
        (
            ("loss.name=negative_cosine",),
            "loss 'negative_cosine' draws together only, and comparison 'in_batch' needs one that tells apart too; set "
            "comparison.name to predicted_views, or set loss.name to triplet, multi_similarity, normalised_softmax, "
            "arcface or supcon",
        ),
        (
            ("comparison.name=predicted_views", "loss.name=negative_cosine", "sampling.name=pk"),
            "comparison 'predicted_views' takes views as they were drawn, sampling 'pk' draws examples; set "
            "sampling.name=views",
        ),
        (
            ("comparison.name=given_pairs",),
            "comparison 'given_pairs' takes pairs as they were drawn, sampling 'views' draws views; set "
            "sampling.name=pairs",
        ),
        (
            ("similarity.name=weighted_l1", "loss.name=triplet", "projection.name=perceptron"),
            "similarity 'weighted_l1' learns weights for the numbers of an embedding, and with projection "
            "'perceptron' it would learn those of the head, which no model keeps",
        ),
        (("loss.name=simsiam",), "did you mean 'negative_cosine'"),
        (("projection.name=mlp",), "projection 'mlp'"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(changes: tuple[str, ...], sentence: str) -> None:
    """Before any data is read, in one sentence that names what mends it."""
    with pytest.raises(UsageError) as caught:
        load("simclr", changes)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_data_that_cannot_serve_is_refused(heap: Path, tmp_path: Path) -> None:
    """One image, a folder without classes where classes are asked for, classes of one image with a recipe of labels."""
    draw("ring", 0).save(tmp_path / "only.png")
    with pytest.raises(DataError, match="has one image only, nothing to tell it from; add images"):
        api.train("simclr", *SMALL, data=f"images:{tmp_path}", out=tmp_path / "m")
    with pytest.raises(DataError, match=f"no sub-folders.*--data images:{heap}"):
        api.train("simclr", *SMALL, data=str(heap), out=tmp_path / "m")
    with pytest.raises(DataError, match="or learn without labels: sampling.name=views"):
        api.train("folder", data=f"images:{heap}", out=tmp_path / "m")


def test_without_stop_gradient_the_embedding_collapses_and_is_named(
    heap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: list[dict[str, torch.Tensor]]
) -> None:
    """SimSiam's own demonstration: the same run learns with the gradient stopped, and ends in a sentence without."""
    monkeypatch.setattr("firstsight.learn.train.CHECK_EVERY", 10)
    settings = settled(
        "training.steps=200", "sampling.size=16", "optimiser.kind=adamw", "optimiser.lr=0.01", "comparison.hidden=64"
    )
    api.train("simsiam", *settings, data=f"images:{heap}", out=tmp_path / "still")
    named = r"collapsed: .* of 16 dimensions, .*; hold what is predicted still: comparison.stop_gradient=true"
    with pytest.raises(TrainingError, match=named):
        api.train("simsiam", *settings, "comparison.stop_gradient=false", data=f"images:{heap}", out=tmp_path / "flat")
    assert losses(tmp_path / "flat")[-1] < 0.2
