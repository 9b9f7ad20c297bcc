"""A network on pairs: symmetric, learned with the embedding, stored beside it, and asked wherever scores are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from drawn import TINY, Cli
from firstsight import api
from firstsight.decision import Templates
from firstsight.errors import ModelError, UsageError
from firstsight.evaluation.verification import pair_scores
from firstsight.gallery import Gallery
from firstsight.graphs import PairGraph
from firstsight.learn.export.directory import load_encoder, load_lab
from firstsight.learn.export.pair import signed_graph
from firstsight.learn.recipe import load
from firstsight.learn.similarities.pair_network import PairNetwork
from firstsight.model import Model
from firstsight.reranking import Reranked

PAIRS = (
    "similarity.name=pair_network",
    "similarity.hidden=8",
    "similarity.shortlist=3",
    "comparison.name=in_batch",
    "loss.name=cross_entropy",
    "also_comparison.name=proxies",
    "also_loss.name=normalised_softmax",
    "training.also=1.0",
)


@pytest.fixture(scope="module")
def model_place(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with a pair network, calibrated. Not to be altered."""
    place = tmp_path_factory.mktemp("pairs") / "m"
    api.train("folder", *TINY, *PAIRS, data=str(shapes), out=place)
    api.calibrate(place, fmr=0.1)
    return place


@pytest.fixture
def model(model_place: Path) -> Model:
    """It, loaded."""
    return Model.load(model_place)


def learned(dim: int = 16) -> PairNetwork:
    """A pair network whose layers are not 0."""
    torch.manual_seed(0)
    made = PairNetwork(dim, hidden=8)
    torch.nn.init.normal_(made.last.weight)
    return made


def test_the_score_is_the_same_both_ways() -> None:
    """To the last bit: difference and product of a pair are those of the pair exchanged, in torch and in ONNX."""
    made = learned()
    left, right = torch.randn(2, 50, 16)
    left, right = made.prepare(left), made.prepare(right)
    with torch.no_grad():
        assert torch.equal(made.aligned(left, right), made.aligned(right, left))
        assert torch.equal(made.cross(left, left), made.cross(left, left).T)
    runtime = made.runtime
    np.testing.assert_array_equal(
        runtime.aligned(left.numpy(), right.numpy()), runtime.aligned(right.numpy(), left.numpy())
    )


def test_it_begins_with_the_order_of_the_cosine() -> None:
    """Before the first step the logit is the cosine, scaled and moved: 0 at a cosine of 1/2."""
    made = PairNetwork(16)
    left, right = made.prepare(torch.randn(9, 16)), made.prepare(torch.randn(9, 16))
    with torch.no_grad():
        torch.testing.assert_close(made.cross(left, right), 16 * (left @ right.T) - 8, rtol=1e-5, atol=1e-5)


def test_it_learns_what_no_cosine_can() -> None:
    """Pairs that are the same where one coordinate differs: the cosine says the opposite, the network learns it."""
    torch.manual_seed(0)
    made = PairNetwork(4, hidden=8)
    optimiser = torch.optim.Adam(made.parameters(), lr=0.05)
    base = torch.randn(256, 4)
    other = base.clone()
    other[::2, 0] = -other[::2, 0] + 0.5 * base[::2, 0].sign()
    same = (torch.arange(256) % 2 == 0).float()
    left, right = made.prepare(base), made.prepare(other)
    for _ in range(200):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(made.aligned(left, right), same)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        right_way = ((made.aligned(left, right) > 0) == same.bool()).float().mean()
        by_cosine = ((left * right).sum(1)[::2] > (left * right).sum(1)[1::2]).float().mean()
    assert by_cosine < 0.1
    assert right_way > 0.95


def test_the_model_holds_it_as_data(model: Model) -> None:
    """A graph of standard operators in a file of its own, with its hash and the shortlist in model.json."""
    data = (model.path / "pair.onnx").read_bytes()
    assert {node.domain for node in onnx.load_from_string(data).graph.node} == {""}
    assert model.spec.files["pair.onnx"].sha256 == hashlib.sha256(data).hexdigest()
    assert model.spec.pair is not None
    assert model.spec.pair.shortlist == 3
    assert "puts the 3 nearest in order by it" in (model.path / "README.md").read_text()


def test_the_lab_scores_as_the_model_does(model: Model, shapes: Path) -> None:
    """Embeddings and pair scores of torch, of the graph and of a model trained further agree."""
    vectors = model.embed(sorted(shapes.glob("*/*.png"))[:12])
    _, similarity = load_encoder(model)
    with torch.no_grad():
        expected = similarity.cross(torch.from_numpy(vectors), torch.from_numpy(vectors)).numpy()
    np.testing.assert_allclose(model.score(vectors, vectors), expected, atol=1e-4)
    np.testing.assert_allclose(load_lab(model).score(vectors, vectors), expected, atol=1e-4)
    assert np.abs(expected - (16 * vectors @ vectors.T - 8)).max() > 1e-2


def test_its_fingerprint_is_its_own(model: Model) -> None:
    """Another network, or another length of the shortlist, is another model; models without one keep theirs."""
    spec = model.spec
    assert spec.pair is not None
    longer = spec.model_copy(update={"pair": spec.pair.model_copy(update={"shortlist": 4})})
    other = spec.files["pair.onnx"].model_copy(update={"sha256": "0" * 64})
    changed = spec.model_copy(update={"files": {**spec.files, "pair.onnx": other}})
    assert len({spec.fingerprint, longer.fingerprint, changed.fingerprint}) == 3
    assert Model.load("glyphs").fingerprint == json.loads(
        (Model.load("glyphs").path / "calibration.json").read_text()
    ).get("model")


def test_every_verb_goes_by_the_network(model: Model, shapes: Path, tmp_path: Path) -> None:
    """compare, verify and identify give the network's score; identify looks at the shortlist and no further."""
    files = sorted(shapes.glob("*/*.png"))
    vectors = model.embed(files)
    score = model.similarity.aligned(vectors[:1], vectors[1:2])[0]
    assert model.compare(files[0], files[1]).score == pytest.approx(score, abs=1e-4)
    with Gallery.create(tmp_path / "g.db", model) as gallery:
        for place in range(0, len(files), 6):
            gallery.enroll(files[place].parent.name, files[place], override=["all"])
        names = [files[place].parent.name for place in range(0, len(files), 6)]
        enrolled = vectors[::6]
        for probe in (1, 8, 15):
            found = gallery.identify(files[probe], top=2)
            nearest = np.argsort(-(enrolled @ vectors[probe]), kind="stable")[:3]
            known = model.similarity.aligned(np.repeat(vectors[probe : probe + 1], 3, 0), enrolled[nearest])
            order = np.argsort(-known, kind="stable")
            assert [c.identity for c in found.candidates] == [names[nearest[i]] for i in order[:2]]
            assert found.candidates[0].score == pytest.approx(known[order[0]], abs=1e-4)
            verified = gallery.verify(names[nearest[order[0]]], files[probe])
            assert verified.score == pytest.approx(found.candidates[0].score, abs=1e-4)
            assert verified.threshold == found.threshold


def test_evaluation_goes_by_the_same_rule(model: Model, shapes: Path) -> None:
    """Templates, as every protocol scores them, rank as a gallery does; pairs are scored one by one."""
    vectors = model.embed(sorted(shapes.glob("*/*.png")))
    gallery, probes = vectors[::6], vectors[1::6]
    templates = Templates.of(model, gallery, np.arange(len(gallery)), len(gallery), model.calibration)
    table = templates.scores(model, probes)
    indices, best = model.similarity.search(probes, gallery, 3)
    np.testing.assert_array_equal(np.argsort(-table, axis=1, kind="stable")[:, :3], indices)
    np.testing.assert_allclose(np.take_along_axis(table, indices, 1), best, atol=1e-5)
    left, right = np.arange(0, 30), np.arange(5, 35)
    np.testing.assert_allclose(
        pair_scores(model, vectors, left, right), np.diag(model.score(vectors[left], vectors[right])), atol=1e-5
    )


def test_evaluate_and_calibrate_take_it(model_place: Path, strangers: Path) -> None:
    """Protocols of both questions run on it, at the threshold that was set on its scores."""
    for protocol in ("verification", "nway", "retrieval"):
        given = {"ways": 4, "tasks": 5} if protocol == "nway" else {}
        assert api.evaluate(model_place, protocol, str(strangers), **given).trials > 0


def test_it_is_exported_and_trained_further(model: Model, shapes: Path, strangers: Path, tmp_path: Path) -> None:
    """In half precision, in int8 and trained further the network comes along; a model without one leaves no trace."""
    half = api.export(model, ["export.half=true"], out=tmp_path / "half")
    vectors = half.embed(sorted(shapes.glob("*/*.png"))[:6])
    np.testing.assert_allclose(load_lab(half).score(vectors, vectors), half.score(vectors, vectors), atol=1e-4)
    small = ("training.steps=1", "optimiser.lr=1e-9")
    further = api.train(None, *small, from_=model, data=str(strangers), out=tmp_path / "further")
    (_, before), (_, after) = load_encoder(model), load_encoder(further)
    torch.testing.assert_close(after.first.weight, before.first.weight, rtol=0, atol=1e-6)
    plain = api.train("folder", *TINY, "training.steps=1", data=str(shapes), out=tmp_path / "half", overwrite=True)
    assert not plain.pairwise
    assert not (plain.path / "pair.onnx").exists()


@pytest.mark.parametrize("fault", ["missing", "altered", "another", "unnamed", "strange"])
def test_a_model_whose_pair_network_is_not_right_is_refused(
    fault: str, model_place: Path, picture: Path, tmp_path: Path
) -> None:
    """Gone, altered, of other embeddings, not named in model.json, or reading another file: one sentence each."""
    import shutil

    place = Path(shutil.copytree(model_place, tmp_path / "m"))
    (place / "calibration.json").unlink()
    spec = json.loads((place / "model.json").read_text())
    file = place / "pair.onnx"
    if fault == "missing":
        file.unlink()
    elif fault == "altered":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    elif fault == "unnamed":
        del spec["files"]["pair.onnx"]
    else:
        proto = onnx.load_from_string(learned(8).graph() if fault == "another" else file.read_bytes())
        if fault == "strange":
            entry = proto.graph.initializer[0].external_data.add()
            entry.key, entry.value = "location", "weights"
            proto.graph.initializer[0].data_location = 1
        data = proto.SerializeToString()
        file.write_bytes(data)
        spec["files"]["pair.onnx"] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (place / "model.json").write_text(json.dumps(spec))
    with pytest.raises(ModelError, match=r"pair\.onnx"):
        Model.load(place).compare(picture, picture)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (("comparison.name=proxies", "loss.name=normalised_softmax"), "similarity 'pair_network' gives a logit"),
        (("loss.name=contrastive",), "similarity 'pair_network' gives a logit"),
        (("also_loss.name=contrastive",), "contrastive"),
        (("similarity.hidden=0",), "similarity.hidden is 0, 1 or more was expected"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: tuple[str, ...], sentence: str) -> None:
    """Proxies teach the shortlist, so they may be the second objective, never the only one."""
    load("folder", PAIRS)
    with pytest.raises(UsageError, match=sentence):
        load("folder", [*PAIRS, *changes])


def test_on_the_command_line(cli: Cli, model_place: Path, picture: Path) -> None:
    """A command compares by it."""
    assert cli("compare", model_place, picture, picture, "--json").json["score"] == pytest.approx(
        float(_own(Model.load(model_place), picture)), abs=1e-4
    )


def _own(model: Model, picture: Path) -> Any:
    vector = model.embed(picture)
    assert isinstance(model.similarity, Reranked)
    return model.similarity.network(vector, vector)[0]


def test_a_graph_of_signs_is_their_sum() -> None:
    """Of embeddings so long that few pairs fit into a block, and more pairs than one block."""
    draw = np.random.default_rng(0)
    left, right = draw.random((2, 70, 4096), np.float32)
    signs = np.where(draw.random(4096) < 0.1, -1, 1).astype(np.float32)
    graph, sizes = PairGraph(signed_graph(signs, bias=3.0), 4096, "pair.onnx"), list[int]()
    run = graph._session.run

    def counted(names: None, given: dict[str, np.ndarray]) -> Any:
        sizes.append(len(given["left"]))
        return run(names, given)

    graph._session = SimpleNamespace(run=counted)
    found = graph(left, right)
    assert sizes == [32, 32, 6]
    np.testing.assert_allclose(found, 3 - (np.abs(left - right) * signs).sum(1), rtol=1e-4)
