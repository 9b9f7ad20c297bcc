"""Every measure on its whole way: learned with, stored, calibrated, enrolled, searched, trained further."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from drawn import TINY
from firstsight import api
from firstsight.errors import UsageError
from firstsight.gallery import Gallery
from firstsight.learn.export.directory import load_encoder, load_lab, save_again
from firstsight.learn.export.readable import LabEmbedder
from firstsight.learn.similarities.weighted import WeightedL1
from firstsight.model import Model
from firstsight.similarity import Similarity
from firstsight.spec import LinkSpec, SimilaritySpec

WAYS = {
    "cosine": ("comparison.name=in_batch", "loss.name=supcon"),
    "dot": ("comparison.name=in_batch", "loss.name=triplet"),
    "angular": ("comparison.name=in_batch", "loss.name=contrastive", "loss.margin=1.5"),
    "euclidean": ("comparison.name=sampled_pairs", "loss.name=contrastive"),
    "squared_euclidean": ("similarity.normalise=true", "comparison.name=in_batch", "loss.name=triplet"),
    "manhattan": ("comparison.name=sampled_triplets", "loss.name=triplet", "loss.margin=5"),
    "rbf": ("similarity.gamma=0.5", "comparison.name=in_batch", "loss.name=triplet"),
    "weighted_l1": ("comparison.name=sampled_pairs", "loss.name=cross_entropy", "export.views=5"),
}
"""How each similarity is learned with here: a comparison and a loss that take its scores."""

STORED = {
    "cosine": ("dot", "identity"),
    "dot": ("dot", "identity"),
    "angular": ("dot", "angle"),
    "euclidean": ("euclidean", "negate"),
    "squared_euclidean": ("euclidean", "negate_square"),
    "manhattan": ("manhattan", "negate"),
    "rbf": ("euclidean", "rbf"),
    "weighted_l1": ("manhattan", "negate"),
}
Trained = Callable[[str], Model]


@pytest.fixture(scope="module")
def trained(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A tiny model of each similarity, calibrated; made when first asked for."""
    kept: dict[str, Model] = {}

    def get(name: str) -> Model:
        if name not in kept:
            place = tmp_path_factory.mktemp("measures") / name
            changes = (f"similarity.name={name}", *WAYS[name], "training.steps=20", "training.validate_every=20")
            kept[name] = api.train("folder", *TINY, *changes, data=str(shapes), out=place)
            api.calibrate(kept[name], fmr=0.2)
        return kept[name]

    return get


@pytest.mark.parametrize("name", WAYS)
def test_a_similarity_is_stored_as_measure_and_link(name: str, trained: Trained) -> None:
    """The model's record names the measure and the link, with the kernel's width and the learned offset."""
    spec = trained(name).spec.similarity
    assert (spec.measure, spec.link.kind) == STORED[name]
    assert spec.link.gamma == (0.5 if name == "rbf" else 1.0)
    assert (spec.link.bias != 0) == (name == "weighted_l1")


@pytest.mark.parametrize("name", WAYS)
def test_the_lab_and_the_runtime_score_alike(name: str, trained: Trained, shapes: Path) -> None:
    """Embeddings and scores of files are those of the network in torch to 1e-4, a file against itself included."""
    model = trained(name)
    lab = load_lab(model)
    arrays = np.concatenate([model.read(file) for file in sorted(shapes.glob("*/0.png"))])
    ours, theirs = model.embed_arrays(arrays), lab.embed_arrays(arrays)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    _, similarity = load_encoder(model)
    left = torch.from_numpy(theirs)
    with torch.inference_mode():
        expected = similarity.cross(left, left).numpy()
    np.testing.assert_allclose(lab.score(theirs, theirs), expected, rtol=1e-5, atol=1e-5)
    scale = 1 + np.abs(expected).max()
    np.testing.assert_allclose(model.score(ours, ours), expected, atol=2e-4 * scale)


@pytest.mark.parametrize("name", WAYS)
def test_a_gallery_of_any_measure_knows_its_own(name: str, trained: Trained, shapes: Path, tmp_path: Path) -> None:
    """Enrolled by one and by three references and asked with an enrolled file, the store finds what a table finds."""
    model, place = trained(name), tmp_path / "shapes.db"
    Gallery.create(place, model).close()
    enrolled = {"circle": 3, "cross": 1, "ring": 1, "square": 3}
    files = {kind: [shapes / kind / f"{k}.png" for k in range(count)] for kind, count in enrolled.items()}
    for kind, sources in files.items():
        api.enroll(place, kind, sources)
    probe = shapes / "ring" / "0.png"
    (found,) = api.identify(place, [probe], top=4)
    vectors = model.embed([file for sources in files.values() for file in sources])
    owners = np.repeat(np.arange(4), list(enrolled.values()))
    assert model.calibration is not None
    shifts = np.array([model.calibration.shift(count) for count in enrolled.values()], np.float32)
    table = model.score(model.embed(probe), model.templates(vectors, owners, 4))[0] - shifts
    ranked = [list(enrolled)[i] for i in np.argsort(-table, kind="stable")]
    assert [c.identity for c in found.candidates] == ranked
    np.testing.assert_allclose([c.score for c in found.candidates], np.sort(table)[::-1], rtol=1e-4, atol=1e-5)
    assert found.score == pytest.approx(float(table.max()), rel=1e-4, abs=1e-5)
    if name != "dot":  # of which a longer vector may be nearer than the probe itself
        assert ranked[0] == "ring"
    assert 0 <= found.probability <= 1


@pytest.mark.parametrize("name", WAYS)
def test_a_calibration_keeps_its_word_in_any_unit(name: str, trained: Trained) -> None:
    """The threshold meets the target on the data given, in the score's own unit, and the probability rises."""
    calibration = trained(name).calibration
    assert calibration is not None
    assert calibration.fmr <= 0.2
    assert np.isfinite(calibration.threshold)
    steps = calibration.threshold + np.linspace(-1, 1, 9) * (1 + abs(calibration.threshold))
    assert (np.diff([float(calibration.probability(s)) for s in steps]) >= 0).all()
    assert calibration.shifts[0] == 0
    assert (np.diff(calibration.shifts) >= 0).all()


def test_measure_and_link_are_part_of_the_fingerprint(trained: Trained) -> None:
    """Of one set of weights each measure and link is another model, so that no gallery mixes them."""
    spec = trained("cosine").spec
    links = set(STORED.values())
    prints = {
        spec.model_copy(
            update={"similarity": SimilaritySpec(measure=m, link=LinkSpec(kind=k))}  # type: ignore[arg-type]
        ).fingerprint
        for m, k in links
    }
    assert len(prints) == len(links) == 6
    assert len({trained(name).fingerprint for name in WAYS}) == len(WAYS)


def test_learned_weights_are_learned_averaged_and_kept(trained: Trained) -> None:
    """Weights and bias of the weighted L1 leave their start, lie beside the encoder's, and scale what is exported."""
    model = trained("weighted_l1")
    encoder, similarity = load_encoder(model)
    assert isinstance(similarity, WeightedL1)
    weights = similarity.weights.detach()
    assert (weights - 1).abs().max() > 1e-3
    assert model.spec.similarity.link.bias == similarity.bias.item()
    plain = LabEmbedder(encoder, _Plain(), 5)
    arrays = np.random.default_rng(0).integers(0, 256, (3, *model.input.shape), np.uint8)
    expected = plain.embed_arrays(arrays) * weights.abs().numpy() / len(weights)
    np.testing.assert_allclose(model.embed_arrays(arrays), expected, atol=1e-5)


class _Plain:
    """Embeddings as the encoder gives them."""

    domain, normalise, runtime = "negated distance", False, Similarity()

    def prepare(self, embeddings: torch.Tensor) -> torch.Tensor:
        return embeddings

    cross = aligned = lambda self, left, right: (left * right).sum(-1)


def test_a_model_is_written_again_with_its_learned_weights(trained: Trained, tmp_path: Path) -> None:
    """Export once more, in half precision: weights and bias of the similarity are the same."""
    model = trained("weighted_l1")
    again = save_again(model, tmp_path / "again", ["export.half=true", "export.views=1"])
    assert again.spec.similarity == model.spec.similarity
    one, other = load_encoder(model)[1], load_encoder(again)[1]
    assert isinstance(one, WeightedL1)
    assert isinstance(other, WeightedL1)
    assert torch.equal(one.weights, other.weights)


def test_training_further_begins_with_the_learned_weights(
    trained: Trained, strangers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run from a model of learned weights starts at these, not anew."""
    kept: list[nn.Module] = []
    model = trained("weighted_l1")
    monkeypatch.setattr("firstsight.learn.run.save", lambda path, **parts: kept.append(parts["similarity"]))
    changes = ("training.steps=1", "training.average=0.0", "optimiser.lr=1e-12")
    api.train(None, *changes, from_=model, data=str(strangers), out=tmp_path / "further")
    before = load_encoder(model)[1]
    assert isinstance(before, WeightedL1)
    torch.testing.assert_close(kept[0].weights, before.weights, rtol=0, atol=1e-6)
    torch.testing.assert_close(kept[0].bias, before.bias, rtol=0, atol=1e-6)


def test_a_run_with_learned_weights_can_be_resumed(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of the similarity, and their average, go on from a checkpoint as if nothing had been."""
    kept: list[dict[str, torch.Tensor]] = []
    monkeypatch.setattr(
        "firstsight.learn.run.save",
        lambda path, **parts: kept.append({k: v.clone() for k, v in parts["similarity"].state_dict().items()}),
    )
    changes = (*TINY, "similarity.name=weighted_l1", *WAYS["weighted_l1"], "training.steps=8")

    def stop(event: object) -> None:
        if getattr(event, "step", 0) == 5 and getattr(event, "kind", "") == "step":
            raise KeyboardInterrupt

    checkpoints = "training.checkpoint_every=3"
    api.train("folder", *changes, checkpoints, data=str(shapes), out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        api.train("folder", *changes, checkpoints, data=str(shapes), out=tmp_path / "parts", listen=stop)
    api.train("folder", *changes, checkpoints, data=str(shapes), out=tmp_path / "parts", resume=True)
    whole, resumed = kept
    assert sorted(whole) == ["bias", "weights"]
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)
    assert not torch.equal(whole["weights"], torch.ones(16))


def test_learned_weights_take_part_in_the_moving_average(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an average the exported weights of the similarity lag behind the last ones, on the way from their start."""
    kept: list[torch.Tensor] = []
    monkeypatch.setattr(
        "firstsight.learn.run.save", lambda path, **parts: kept.append(parts["similarity"].weights.detach() - 1)
    )
    changes = (*TINY, "similarity.name=weighted_l1", *WAYS["weighted_l1"], "training.steps=8")
    for decay in (0.0, 0.9):
        api.train("folder", *changes, f"training.average={decay}", data=str(shapes), out=tmp_path / f"{decay}")
    last, averaged = kept
    assert 0.1 * last.norm() < averaged.norm() < 0.95 * last.norm()


def test_free_weights_of_both_signs_are_stored_as_a_graph_on_pairs(shapes: Path, tmp_path: Path) -> None:
    """Free weights that end on both sides of 0 are signs in ``pair.onnx``; lab, model and next training agree."""
    changes = ("similarity.name=weighted_l1", *WAYS["weighted_l1"], "similarity.weights=free", "optimiser.lr=0.3")
    model = api.train(
        "folder",
        *TINY,
        *changes,
        "training.average=0.0",
        "similarity.shortlist=3",
        data=str(shapes),
        out=tmp_path / "m",
    )
    encoder, similarity = load_encoder(model)
    assert isinstance(similarity, WeightedL1)
    assert 0 < int((similarity.weights < 0).sum()) < len(similarity.weights)
    assert model.spec.pair is not None
    assert model.spec.pair.shortlist == 3
    assert model.spec.similarity.measure == "manhattan"
    lab = LabEmbedder(encoder, similarity)
    files = sorted(shapes.glob("*/*.png"))[:12]
    vectors = model.embed(files)
    weighed = similarity.weights.detach().numpy() / len(similarity.weights)
    apart = np.abs(vectors[:, None] - vectors[None]) * np.sign(weighed)
    expected = similarity.bias.item() - apart.sum(-1)
    for embedder in (model, lab):
        np.testing.assert_allclose(embedder.score(vectors, vectors), expected, rtol=1e-4, atol=1e-4)
    assert model.compare(files[0], files[0]).score == pytest.approx(similarity.bias.item(), abs=1e-5)
    half = save_again(model, tmp_path / "half", ["export.half=true"])
    np.testing.assert_allclose(half.score(vectors, vectors), expected, rtol=1e-4, atol=1e-4)
    further = api.train(None, "training.steps=2", from_=model, data=str(shapes), out=tmp_path / "further")
    _, after = load_encoder(further)
    assert isinstance(after, WeightedL1)
    assert ((after.weights < 0) == (similarity.weights < 0)).float().mean() > 0.5
    with pytest.raises(UsageError, match=r"of 16 weights of the model's similarity are below 0.*weights=free"):
        api.train(None, "similarity.weights=folding", from_=model, data=str(shapes), out=tmp_path / "folding")


def test_weights_that_fold_are_free_at_their_size() -> None:
    """A folding weight that slid below 0 counts by its size, and goes on so where weights are free."""
    folding = WeightedL1(2)
    with torch.no_grad():
        folding.weights.copy_(torch.tensor([2.0, -1.0]))
    free = WeightedL1(2, weights="free")
    free.load_state_dict(folding.state_for("free"))
    left, right = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 3.0]])
    scores = [one.aligned(one.prepare(left), one.prepare(right)).item() for one in (folding, free)]
    assert scores == pytest.approx([-2.5, -2.5])


def test_a_model_that_lost_its_learned_weights_is_refused(trained: Trained, tmp_path: Path) -> None:
    """A model whose record names a similarity with weights that its file lacks can't be trained further."""
    from firstsight.errors import ModelError

    model = trained("cosine")
    settings = json.loads(json.dumps(model.spec.trained.settings))
    settings["similarity"] = {"name": "weighted_l1"}
    trained_as = model.spec.trained.model_copy(update={"settings": settings})
    altered = Model(model.path, model.spec.model_copy(update={"trained": trained_as}))
    with pytest.raises(ModelError, match="can't be trained further"):
        load_encoder(altered)
