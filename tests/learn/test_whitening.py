"""Layers that begin in closed form: what whitening does to features, and where training begins with it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.covariance import ledoit_wolf
from torch import nn

from firstsight import api
from firstsight.errors import UsageError
from firstsight.learn.backbones import whitening
from firstsight.learn.backbones.layers import Origin, Tuned, layers
from firstsight.learn.catalogue import COMPARISONS
from firstsight.learn.encoders.pretrained import onnx_file
from firstsight.learn.export.directory import load_lab
from firstsight.learn.similarities.fixed import Cosine
from firstsight.learn.start import place_proxies
from pretrained import network, written

CHANGES = (
    "training.folds=0",
    "input.size=32",
    "encoder.dim=12",
    "training.steps=1",
    "training.threads=1",
    "sampling.classes=4",
    "optimiser.lr=1e-9",
    "optimiser.weight_decay=0.0",
)


def drawn(classes: int, each: int, wide: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of classes whose images differ ten times as much in the first direction as classes do in any."""
    random = np.random.default_rng(seed)
    centres = random.normal(5.0, 1.0, (classes, wide))
    spread = np.where(np.arange(wide) == 0, 10.0, 0.3)
    labels = np.repeat(np.arange(classes), each)
    return (centres[labels] + random.normal(0.0, spread, (len(labels), wide))).astype(np.float32), labels


def nearest(embeddings: np.ndarray, each: int) -> float:
    """How often the first image of a class is nearest to the second, by the cosine."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    first, second = unit[::each], unit[1::each]
    return float(((first @ second.T).argmax(1) == np.arange(len(first))).mean())


def test_what_varies_within_classes_no_longer_misleads() -> None:
    """New classes are found again by whitened features where raw ones fail, and their differences are of one size."""
    weight, bias = whitening.whitening(*drawn(200, 5), 12)
    features, labels = drawn(30, 400, seed=1)
    found = features @ weight.T + bias
    assert nearest(features, 400) < 0.5
    assert nearest(found, 400) > 0.9
    means = np.stack([found[labels == k].mean(0) for k in range(30)])
    sizes = np.linalg.eigvalsh(np.cov((found - means[labels]).T))
    assert sizes.max() / sizes.min() < 2


def test_the_covariance_is_that_of_ledoit_and_wolf() -> None:
    """Against scikit-learn's; fewer degrees of freedom make all of it larger."""
    rows = np.random.default_rng(2).normal(size=(9, 4)) * [1, 2, 3, 4]
    expected, share = ledoit_wolf(rows, assume_centered=True)
    assert 0 < share < 1
    assert whitening.shrunk(rows, 9) == pytest.approx(expected)
    assert whitening.shrunk(rows, 6) == pytest.approx(expected * 1.5)


def test_the_map_is_centred_sized_as_a_layer_and_keeps_what_varies_most() -> None:
    """Embeddings of what it learned from have mean 0; two directions are those in which two classes of features lie."""
    features, labels = drawn(60, 6)
    features[:, 1:3] += np.random.default_rng(3).normal(0.0, 20.0, (60, 2)).astype(np.float32)[labels]
    weight, bias = whitening.whitening(features, labels, 2)
    assert (features @ weight.T + bias).mean(0) == pytest.approx(np.zeros(2), abs=1e-4)
    assert np.sqrt((weight**2).mean()) == pytest.approx(1 / np.sqrt(3 * 12), rel=1e-5)
    assert (weight[:, 1:3] ** 2).sum() > 0.95 * (weight**2).sum()


def test_only_pairs_within_classes_count() -> None:
    """What differs is estimated without bias, by degrees of freedom, and classes of one image change nothing."""
    random = np.random.default_rng(4)
    labels = np.repeat(np.arange(500), 2)
    rows = random.normal(0.0, 2.0, (1000, 6))
    found = whitening.within(rows, labels)
    assert np.trace(found) / 6 == pytest.approx(4.0, rel=0.1)
    single = np.concatenate([labels, 500 + np.arange(300)])
    assert whitening.within(np.concatenate([rows, random.normal(0.0, 9.0, (300, 6))]), single) == pytest.approx(found)


def test_few_images_are_trusted_less() -> None:
    """Whitening by three images a class of four changes less than by many: its directions stay alike in size."""
    ratio = {}
    for classes in (4, 400):
        features, labels = drawn(classes, 3)
        sizes = np.linalg.eigvalsh(whitening.within(features - features.mean(0), labels))
        ratio[classes] = sizes.max() / sizes.min()
    assert ratio[4] < 0.2 * ratio[400]


@pytest.mark.parametrize("case", ["one image a class", "all alike", "two images", "more directions than features"])
def test_data_that_says_little_gives_a_map_all_the_same(case: str) -> None:
    """Weights are finite, whatever came; directions there are not are rows of 0."""
    features, labels = (
        drawn(8, 1) if case == "one image a class" else drawn(1, 2) if case == "two images" else drawn(6, 4)
    )
    if case == "all alike":
        features[:] = 3.0
    dim = 20 if case == "more directions than features" else 5
    weight, bias = whitening.whitening(features, labels, dim)
    assert weight.shape == (dim, 12)
    assert np.isfinite(weight).all()
    assert np.isfinite(bias).all()
    assert not weight[12:].any()


def test_a_run_begins_with_it_and_one_from_a_model_does_not(shapes: Path, tmp_path: Path) -> None:
    """The map of a run of next to no step is that of whitening; a run from that model keeps the model's."""
    file = written(network(), tmp_path)
    kept: list[tuple[np.ndarray, np.ndarray]] = []

    def keep(features: np.ndarray, labels: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
        kept.append(real(features, labels, dim))
        return kept[-1]

    real = whitening.whitening
    given = {"data": str(shapes)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whitening, "whitening", keep)
        first = api.train("backbone", *CHANGES, f"encoder.file={file}", **given, out=tmp_path / "first")
        second = api.train(None, *CHANGES, from_=first, **given, out=tmp_path / "second")
        api.train("backbone", *CHANGES, f"encoder.file={file}", "encoder.hidden=6", **given, out=tmp_path / "third")
    assert len(kept) == 1
    for model in (first, second):
        linear = load_lab(model)._parts[0].layers[0]
        assert linear.weight.detach().numpy() == pytest.approx(kept[0][0], abs=1e-6)
        assert linear.bias.detach().numpy() == pytest.approx(kept[0][1], abs=1e-6)


def test_a_network_that_learns_too_begins_with_its_features_of_now() -> None:
    """Features are those in evaluation mode, and the network is left in the mode it was in."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU())
    encoder = Tuned(body, layers(5, 4, 0, 0.0), Origin("mine", ""), [0.5], [0.5]).train()
    images = torch.randint(0, 256, (24, 3, 8, 8), dtype=torch.uint8)
    labels = torch.arange(24) % 6
    assert whitening.begin_whitened(encoder, None, images, labels)
    assert encoder.body.training
    with torch.inference_mode():
        features = encoder.body.eval()(images.float() / 255).numpy()
    weight, bias = whitening.whitening(features, labels.numpy(), 4)
    assert encoder.layers[0].weight.detach().numpy() == pytest.approx(weight)
    assert encoder.layers[0].bias.detach().numpy() == pytest.approx(bias)


def test_other_encoders_are_left_alone() -> None:
    """A network without layers on another, and layers with one between, begin as they are."""
    images, labels = torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 0, 1, 1])
    tuned = Tuned(nn.Conv2d(3, 5, 3), layers(5, 4, 3, 0.0), Origin("mine", ""), [0.5], [0.5])
    assert not whitening.begin_whitened(tuned, None, images, labels)
    assert not whitening.begin_whitened(nn.Linear(2, 2), None, images, labels)


def test_too_many_features_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their covariance would take all memory: the sentence says how many there are and what to do."""
    monkeypatch.setattr(whitening, "MOST", 4)
    tuned = Tuned(nn.Conv2d(3, 5, 3), layers(5, 4, 0, 0.0), Origin("mine", ""), [0.5], [0.5])
    images, labels = torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 0, 1, 1])
    with pytest.raises(UsageError, match="mine gives 5 features, at most 4 can be whitened"):
        whitening.begin_whitened(tuned, None, images, labels)


def test_proxies_are_placed_by_kept_features(tmp_path: Path) -> None:
    """With features at hand they are where images would put them, and the frozen network is not asked again."""
    encoder = onnx_file(size=32, file=str(written(network(), tmp_path)), dim=8)
    images = torch.randint(0, 256, (9, 3, 32, 32), dtype=torch.uint8)
    labels, features = torch.arange(9) % 3, encoder.backbone(images.float().numpy() / 255)
    similarity = Cosine()
    placed = []
    for given in (None, features):
        comparison = COMPARISONS["proxies"](similarity, 8, 3)
        place_proxies(comparison, encoder, similarity, images, labels, 1, given)
        placed.append(comparison.proxies.detach().numpy())
        encoder.backbone = None if given is None else encoder.backbone
    assert placed[1] == pytest.approx(placed[0], abs=1e-5)
