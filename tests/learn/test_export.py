"""Export: the graph that users run, half precision, and writing a model again."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from onnx import TensorProto, helper
from torch.nn import functional

from drawn import TINY, Cli, Refused
from firstsight import api
from firstsight.errors import ModelError, TrainingError, UsageError
from firstsight.learn.export import graph as graphs
from firstsight.learn.export.directory import load_encoder, load_lab, save_again
from firstsight.learn.export.half import rounded
from firstsight.learn.export.readable import LabEmbedder, Readable
from firstsight.model import Model


def readings(model: Model, count: int = 5) -> np.ndarray:
    """Noise ``(n, c, h, w)`` uint8: what a kernel does to it shows everywhere."""
    return np.random.default_rng(0).integers(0, 256, (count, *model.input.shape)).astype(np.uint8)


def gap(left: np.ndarray, right: np.ndarray) -> float:
    """The largest difference."""
    return float(np.abs(left - right).max())


@pytest.fixture(scope="module", params=["tiny_model", "other_model"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    """A model (of one view, of five) and its copy in half precision."""
    whole = Model.load(request.getfixturevalue(request.param))
    return whole, api.export(whole, ["export.half=true"], out=tmp_path_factory.mktemp("half") / "model")


# --- half precision


def test_half_precision_embeds_as_the_rounded_network(pair: tuple[Model, Model]) -> None:
    """The runtime equals the lab on the rounded weights, and is near, not equal to, the model it was made from."""
    whole, half = pair
    given = readings(half)
    found = half.embed_arrays(given)
    assert gap(found, load_lab(half).embed_arrays(given)) < 1e-5
    encoder, similarity = load_encoder(whole)
    views = whole.spec.trained.settings["export"]["views"] if "export" in whole.spec.trained.settings else 1
    assert gap(found, LabEmbedder(rounded(encoder), similarity, views).embed_arrays(given)) < 1e-5
    assert 0 < gap(found, whole.embed_arrays(given)) < 5e-3


def test_half_precision_is_another_model_of_half_the_size(pair: tuple[Model, Model]) -> None:
    """It has its own fingerprint, says what it is on its card, and keeps no threshold of other scores."""
    whole, half = pair
    assert half.fingerprint != whole.fingerprint
    assert half.calibration is None
    assert "half precision" in (half.path / "README.md").read_text()
    weights, narrow = ((m.path / "encoder.safetensors").stat().st_size for m in pair)
    assert narrow < 0.65 * weights


def test_kernels_are_stored_in_float16_and_vectors_in_float32(pair: tuple[Model, Model]) -> None:
    """In both files every kernel and matrix is float16; what batch normalisation counted is as it was."""
    whole, half = pair
    before = safetensors.torch.load((whole.path / "encoder.safetensors").read_bytes())
    after = safetensors.torch.load((half.path / "encoder.safetensors").read_bytes())
    for name, weights in after.items():
        if weights.dim() > 1:
            assert weights.dtype == torch.float16, name
        else:
            assert torch.equal(weights, before[name]), name
    graph = onnx.load(half.path / "encoder.onnx").graph
    kernels = [t for t in graph.initializer if len(t.dims) in (2, 4)]
    assert len(kernels) == sum(weights.dim() > 1 for weights in after.values())
    assert {t.data_type for t in kernels} == {TensorProto.FLOAT16}


def test_rounding_again_changes_nothing(pair: tuple[Model, Model], tmp_path: Path) -> None:
    """A rounded model exported again, in half precision or not, embeds to the last bit as before."""
    _, half = pair
    given = readings(half)
    for number, change in enumerate(("export.half=true", "export.half=false")):
        again = api.export(half, [change], out=tmp_path / str(number))
        assert gap(again.embed_arrays(given), half.embed_arrays(given)) < 1e-6
    assert api.export(half, out=tmp_path / "same").fingerprint == half.fingerprint


def test_rounding_leaves_the_network_as_it_is(tiny_model: Path) -> None:
    """Training goes on in float32: what is rounded is a copy."""
    encoder, _ = load_encoder(Model.load(tiny_model))
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    changed = rounded(encoder).state_dict()
    assert all(torch.equal(before[k], v) for k, v in encoder.state_dict().items())
    assert any(not torch.equal(before[k], v) for k, v in changed.items())


def test_weights_beyond_half_precision_are_refused(model_copy: Path, tmp_path: Path) -> None:
    """A kernel above 65504 is named instead of becoming infinite; a variance above it does no harm."""
    encoder, _ = load_encoder(Model.load(model_copy))
    name, kernel = next((k, v) for k, v in encoder.named_parameters() if v.dim() > 1)
    variance = next(v for k, v in encoder.named_buffers() if k.endswith("running_var"))
    with torch.no_grad():
        variance[0] = 1e6
        assert rounded(encoder).state_dict().keys() == encoder.state_dict().keys()
        kernel.view(-1)[0] = -7e4
    with pytest.raises(TrainingError, match=rf"{name} holds 7e\+04.*65504.*export.half=false"):
        rounded(encoder)


def test_training_can_end_in_half_precision(shapes: Path, tmp_path: Path) -> None:
    """The recipe's setting makes the model that training writes; training further from it works."""
    out = tmp_path / "half"
    model = api.train("folder", *TINY, "training.steps=2", "export.half=true", data=str(shapes), out=out)
    assert model.spec.trained.settings["export"]["half"] is True
    graph = onnx.load(out / "encoder.onnx").graph
    assert TensorProto.FLOAT16 in {t.data_type for t in graph.initializer}
    further = (*TINY, "training.steps=1", f"training.start={out}")
    assert api.train("folder", *further, data=str(shapes), out=tmp_path / "more").dim == model.dim


# --- the graph


def test_five_views_are_the_mean_of_five_embeddings(other_model: Path) -> None:
    """One run of the network on all views gives what the views give one by one, for any number of readings."""
    model = Model.load(other_model)
    encoder, similarity = load_encoder(model)
    readable = Readable(encoder, similarity, model.input.shape[-1], 5)
    for count in (1, 3, 17, 33):
        given = readings(model, count)
        images = torch.from_numpy(given).float() / 255
        views = [images]
        for grid in readable.grids:
            grids = grid.expand(count, -1, -1, -1)
            views.append(functional.grid_sample(images, grids, padding_mode="border", align_corners=False))
        with torch.no_grad():
            total = sum(similarity.prepare(encoder(view)) for view in views) / 5
            expected = similarity.prepare(total).numpy()
        assert gap(model.embed_arrays(given), expected) < 1e-5
        assert gap(load_lab(model).embed_arrays(given), expected) < 1e-5


def test_the_graph_is_standard_and_plain(pair: tuple[Model, Model]) -> None:
    """Only operators of ONNX itself; no pool that rounds up where there is nothing to round; nothing of the machine."""
    for model in pair:
        content = (model.path / "encoder.onnx").read_bytes()
        graph = onnx.load_from_string(content).graph
        assert {node.domain for node in graph.node} == {""}
        pools = [n for n in graph.node if n.op_type == "AveragePool"]
        assert pools
        assert not any(a.i for n in pools for a in n.attribute if a.name == "ceil_mode")
        assert b".py" not in content


@pytest.mark.parametrize(("side", "rounds_up"), [(4, 0), (5, 1), (6, 0)])
def test_a_pool_that_rounds_up_keeps_doing_so(side: int, rounds_up: int) -> None:
    """Where the last window hangs over the edge, rounding up is what the network learned with."""
    pool = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4, ceil_mode=1)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, side, side]) for name in ("given", "x")]
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Relu", ["given"], ["x"]), pool], "g", values[:1], [made])
    proto = helper.make_model(graph)
    graphs._plain_pools(proto)
    assert [a.i for a in proto.graph.node[1].attribute if a.name == "ceil_mode"] == [rounds_up]


# --- writing a model again


def test_writing_again_changes_what_was_asked_only(tiny_model: Path, tmp_path: Path) -> None:
    """Other views are another model of the same weights, with all that was recorded of its training."""
    model = Model.load(tiny_model)
    wide = api.export(model, ["export.views=5"], out=tmp_path / "wide")
    assert load_lab(wide).embed_arrays(readings(wide)).shape == (5, model.dim)
    assert gap(wide.embed_arrays(readings(wide)), model.embed_arrays(readings(model))) > 1e-3
    trained = {**model.spec.trained.settings, "export": {"views": 5}}
    assert wide.spec.trained == model.spec.trained.model_copy(update={"settings": trained})
    same = [(m.path / "encoder.safetensors").read_bytes() for m in (model, wide)]
    assert same[0] == same[1]


@pytest.mark.parametrize("change", ["encoder.width=16", "half=true", "export.halve=true", "export.half=1"])
def test_only_export_settings_can_change(change: str, tiny_model: Path, tmp_path: Path) -> None:
    """What training fixed, an unknown key or a value of the wrong type is refused before anything is written."""
    with pytest.raises(UsageError):
        save_again(Model.load(tiny_model), tmp_path / "out", [change])
    assert not (tmp_path / "out").exists()


def test_a_model_is_not_overwritten_unless_asked(model_copy: Path, other_model: Path) -> None:
    """A directory that holds a model is refused; with overwrite it changes, and the old threshold goes."""
    with pytest.raises(ModelError, match="overwrite"):
        api.export(other_model, out=model_copy)
    assert Model.load(model_copy).calibration is not None
    made = api.export(other_model, out=model_copy, overwrite=True)
    assert Model.load(model_copy).fingerprint == made.fingerprint
    assert Model.load(model_copy).calibration is None


def test_export_on_the_command_line(cli: Cli, refused: Refused, tiny_model: Path, tmp_path: Path) -> None:
    """The command writes the copy and says that it has no threshold; with --json it prints the model's record."""
    out = tmp_path / "half"
    ran = cli("export", tiny_model, "export.half=true", "--out", out)
    assert ran.code == 0
    assert Model.load(out).fingerprint in ran.out
    assert "no threshold" in ran.out
    assert f"firstsight calibrate {out}" in ran.out
    refused(2, ("export", tiny_model, "export.half=true", "--out", out), "--overwrite")
    refused(2, ("export", tiny_model, "training.steps=3", "--out", tmp_path / "x"), "training.steps=3")
    shutil.rmtree(out)
    assert cli("export", tiny_model, "export.half=true", "--out", out, "--json").json["path"] == str(out)
