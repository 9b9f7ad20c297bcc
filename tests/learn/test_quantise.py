"""int8 copies: near the model they were made from, and never taken for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from drawn import Cli, Refused
from firstsight import api
from firstsight.errors import GalleryError, ModelError, TrainingError
from firstsight.learn.export import quantise
from firstsight.learn.export.directory import load_encoder, load_lab
from firstsight.model import Model


@pytest.fixture(scope="module")
def pair(tiny_model: Path, shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    """The tiny model and its int8 copy."""
    model = Model.load(tiny_model)
    return model, api.quantise(model, f"folder:{shapes}", out=tmp_path_factory.mktemp("int8") / "model")


def test_an_int8_copy_embeds_nearly_the_same(pair: tuple[Model, Model], strangers: Path) -> None:
    """Embeddings of classes that measured no range turn by a few degrees, and are not equal."""
    model, copy = pair
    files = sorted(strangers.glob("*/*.png"))
    exact, found = model.embed(files), copy.embed(files)
    cosines = (exact * found).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(found, axis=1)
    assert cosines.min() > 0.9
    assert np.median(cosines) > 0.98
    assert np.abs(exact - found).max() > 1e-5


def test_an_example_embeds_alone_as_in_a_batch(pair: tuple[Model, Model], strangers: Path) -> None:
    """Ranges are fixed beforehand, so neighbours in a batch do not move an embedding."""
    _, copy = pair
    files = sorted(strangers.glob("*/*.png"))
    together = copy.embed(files)
    for i in (0, 7, len(files) - 1):
        np.testing.assert_allclose(copy.embed(files[i]), together[i : i + 1], atol=1e-5)


def test_an_int8_copy_is_another_model(pair: tuple[Model, Model], picture: Path, tmp_path: Path) -> None:
    """It has its own fingerprint and name, says what it was made from, and takes over no threshold and no gallery."""
    model, copy = pair
    assert model.calibration is not None
    assert copy.calibration is None
    assert copy.compare(picture, picture).same is None
    assert copy.fingerprint != model.fingerprint
    assert copy.name == f"{model.name}-int8"
    assert copy.spec.int8 is not None
    assert copy.spec.int8.of == model.fingerprint
    assert copy.spec.int8.readings == 36
    assert model.fingerprint in (copy.path / "README.md").read_text()
    assert "int8" not in (model.path / "model.json").read_text()
    gallery = tmp_path / "g.db"
    api.create(gallery, model=model).close()
    with pytest.raises(GalleryError):
        api.verify(gallery, "x", picture, model=copy.path)


def test_the_graph_computes_in_int8_by_standard_operators(pair: tuple[Model, Model]) -> None:
    """Every convolution takes 7-bit kernels, which no processor overflows, through operators of ONNX itself."""
    model, copy = pair
    proto = onnx.load(copy.path / "encoder.onnx")
    assert [entry.domain for entry in proto.opset_import] == [""]
    made_by = {out: node for node in proto.graph.node for out in node.output}
    held = {t.name: onnx.numpy_helper.to_array(t) for t in proto.graph.initializer}
    convolutions = [n for n in proto.graph.node if n.op_type == "Conv"]
    assert len(convolutions) == sum(n.op_type == "Conv" for n in onnx.load(model.path / "encoder.onnx").graph.node)
    for node in convolutions:
        assert [made_by[name].op_type for name in node.input[:2]] == ["DequantizeLinear"] * 2
        kernel = held[made_by[node.input[1]].input[0]]
        assert kernel.dtype == np.int8
        assert np.abs(kernel.astype(int)).max() <= 64
    assert (copy.path / "encoder.onnx").stat().st_size < (model.path / "encoder.onnx").stat().st_size


def test_the_lab_keeps_the_weights(pair: tuple[Model, Model]) -> None:
    """Training further starts from the weights of the model; the lab does not claim to equal int8."""
    model, copy = pair
    before, after = (load_encoder(m)[0].state_dict() for m in pair)
    assert all((before[k] == v).all() for k, v in after.items())
    with pytest.raises(ModelError, match="no twin"):
        load_lab(copy)
    again = api.export(copy, out=copy.path.parent / "again")
    assert again.spec.int8 is None
    np.testing.assert_allclose(
        again.embed_arrays(np.zeros((1, *model.input.shape), np.uint8)),
        model.embed_arrays(np.zeros((1, *model.input.shape), np.uint8)),
        atol=1e-5,
    )


def test_an_int8_copy_is_not_quantised_again(pair: tuple[Model, Model], shapes: Path, tmp_path: Path) -> None:
    """It would lose more and gain nothing."""
    with pytest.raises(ModelError, match="int8 copy already"):
        api.quantise(pair[1], str(shapes), out=tmp_path / "out")


def test_a_copy_that_loses_too_much_is_refused(
    pair: tuple[Model, Model], shapes: Path, model_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says how much it loses, and the model that it would replace is as it was."""
    before = {p.name: p.read_bytes() for p in model_copy.iterdir()}
    monkeypatch.setattr(quantise, "MOST_LOST", 1e-9)
    with pytest.raises(TrainingError, match="% of their length"):
        api.quantise(pair[0], str(shapes), out=model_copy, overwrite=True)
    assert {p.name: p.read_bytes() for p in model_copy.iterdir()} == before


def test_ranges_are_measured_on_so_many_examples(
    pair: tuple[Model, Model], shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large data is drawn from with a fixed seed: the same data gives the same copy, byte for byte."""
    monkeypatch.setattr(quantise, "READINGS", 10)
    one, other = (api.quantise(pair[0], str(shapes), out=tmp_path / name) for name in ("one", "other"))
    assert one.spec.int8 is not None
    assert one.spec.int8.readings == 10
    assert one.fingerprint == other.fingerprint


def test_quantise_on_the_command_line(cli: Cli, refused: Refused, tiny_model: Path, tmp_path: Path) -> None:
    """By default ranges come from what the model learned from; the command says that it has no threshold yet."""
    out = tmp_path / "int8"
    ran = cli("quantise", tiny_model, "--out", out)
    assert ran.code == 0, ran.err
    assert "no threshold" in ran.out
    assert f"firstsight calibrate {out}" in ran.out
    copy = Model.load(out).spec.int8
    assert copy is not None
    assert copy.data == Model.load(tiny_model).spec.trained.data
    refused(2, ("quantise", tiny_model, "--out", out), "--overwrite")
    refused(2, ("quantise", tiny_model, "--data", tmp_path / "none", "--out", tmp_path / "x"), "none")
    assert cli("calibrate", out, "--fmr", "0.1").code == 0
    assert Model.load(out).calibration is not None
