"""Model directories from strangers: altered, cut, absurd, or something else altogether."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from firstsight.errors import FirstSightError, ModelError
from firstsight.model import Model

Refused = Callable[..., str]
HASHED = ("encoder.onnx", "encoder.safetensors")
NEEDED = (*HASHED, "model.json")


def edit(file: Path, path: str, value: Any) -> None:
    """Change one value of a JSON file; the path's parts are separated by slashes."""
    content = json.loads(file.read_text())
    *parents, last = path.split("/")
    place = content
    for part in parents:
        place = place[part]
    place[last] = value
    file.write_text(json.dumps(content))


def use(model: Path, picture: Path) -> np.ndarray:
    """Load a model and embed with it."""
    return Model.load(model).embed(picture)


def with_onnx(model: Path, data: bytes) -> Path:
    """The model with another file for its encoder, and a hash that fits."""
    (model / "encoder.onnx").write_bytes(data)
    edit(model / "model.json", "files/encoder.onnx", {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    (model / "calibration.json").unlink(missing_ok=True)
    return model


def graph(
    name: str = "readings",
    kind: int = TensorProto.UINT8,
    shape: tuple[str | int, ...] = ("n", 3, 32, 32),
    dim: int = 16,
    weight: float = 1.0,
) -> onnx.ModelProto:
    """A small valid ONNX graph: readings times a matrix."""
    given = helper.make_tensor_value_info(name, kind, list(shape))
    out = helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", dim])
    values = np.full((int(np.prod([int(s) for s in shape[1:]])), dim), weight, np.float32)
    nodes = [
        helper.make_node("Cast", [name], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["real"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["embeddings"]),
    ]
    made = helper.make_graph(nodes, "g", [given], [out], [numpy_helper.from_array(values, "weights")])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("file", HASHED)
def test_one_altered_byte_of_the_weights_is_refused(file: str, model_copy: Path, picture: Path) -> None:
    """A byte changed at the start, in the middle or at the end of the weights is found by the hash."""
    data = (model_copy / file).read_bytes()
    for at in (0, len(data) // 2, len(data) - 1):
        broken = bytearray(data)
        broken[at] ^= 1
        (model_copy / file).write_bytes(broken)
        with pytest.raises(ModelError, match=f"{file} was altered or damaged"):
            use(model_copy, picture)


@pytest.mark.parametrize("file", ["model.json", "calibration.json"])
def test_one_altered_byte_of_the_records_never_escapes(file: str, model_copy: Path, picture: Path) -> None:
    """A byte changed anywhere in a JSON file is refused in a sentence or leaves a model that works."""
    data = (model_copy / file).read_bytes()
    refusals = 0
    for at in range(0, len(data), max(1, len(data) // 60)):
        broken = bytearray(data)
        broken[at] ^= 0x15
        (model_copy / file).write_bytes(broken)
        try:
            assert np.isfinite(use(model_copy, picture)).all()
        except FirstSightError:
            refusals += 1
    assert refusals > 10


@pytest.mark.parametrize("file", NEEDED)
@pytest.mark.parametrize("how", ["missing", "cut", "empty", "folder"])
def test_a_file_that_is_gone_or_cut_is_refused(
    file: str, how: str, model_copy: Path, picture: Path, refused: Refused
) -> None:
    """A model whose file is missing, cut in half, empty or a folder is refused in a sentence that names it."""
    place = model_copy / file
    data = place.read_bytes()
    place.unlink()
    if how == "cut":
        place.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        place.write_bytes(b"")
    elif how == "folder":
        place.mkdir()
    refused(2, ("compare", model_copy, picture, picture), file)


def test_a_cut_calibration_is_refused(model_copy: Path, picture: Path, refused: Refused) -> None:
    """A calibration that was cut is refused with its remedy, not taken for none."""
    file = model_copy / "calibration.json"
    file.write_bytes(file.read_bytes()[:200])
    refused(2, ("compare", model_copy, picture, picture), "calibration.json is not valid", "calibrate again")


def test_a_calibration_of_another_model_is_refused(
    model_copy: Path, other_model: Path, picture: Path, refused: Refused
) -> None:
    """A threshold chosen for other weights is refused."""
    shutil.copytree(other_model, model_copy.with_name("other"))
    shutil.copy(model_copy / "calibration.json", model_copy.with_name("other"))
    refused(2, ("compare", model_copy.with_name("other"), picture, picture), "was made for model", "calibrate again")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threshold", 7.0),
        ("threshold", 1e308),
        ("fmr_low", 0.9),
        ("genuine_pairs", 10**30),
        ("impostor_pairs", -1),
        ("band_low", [1.0]),
        ("threshold", None),
        ("threshold", "x"),
        ("classes", "abc"),
        ("threshold", float("nan")),
        ("slope", float("inf")),
    ],
)
def test_a_calibration_that_is_none_is_refused(
    key: str, value: object, model_copy: Path, picture: Path, refused: Refused
) -> None:
    """A threshold or slope that is no finite number is refused: nothing can be decided by it."""
    edit(model_copy / "calibration.json", key, value)
    refused(2, ("compare", model_copy, picture, picture), "calibration.json is not valid")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("surprise", 1),
        ("trained/surprise", 1),
        ("similarity/link/surprise", 1),
        ("format", 2),
        ("dim", 10**9),
        ("dim", -1),
        ("dim", 17),
        ("name", "../../etc"),
        ("files", {}),
        ("files/encoder.onnx/bytes", 10**15),
        ("files/encoder.onnx/sha256", "zz"),
        ("files/etc", {"bytes": 1, "sha256": "0" * 64}),
        ("input/name", "telepathy"),
        ("input/version", 99),
        ("input/settings", {"bogus": 1}),
        ("input/settings/size", 10**6),
        ("input/settings/size", "32"),
        ("input/settings/size", 32.5),
        ("input/settings/size", 48),
        ("input/settings/channels", 1),
        ("input/settings/fit", "weird"),
        ("similarity/measure", "hamming"),
        ("similarity/link/scale", -1.0),
        ("similarity/link/scale", 0.0),
    ],
)
def test_a_record_that_makes_no_sense_is_refused(
    path: str, value: object, model_copy: Path, picture: Path, refused: Refused
) -> None:
    """Unknown keys, absurd sizes and settings that do not fit the network are refused in a sentence."""
    edit(model_copy / "model.json", path, value)
    (model_copy / "calibration.json").unlink()
    refused(2, ("compare", model_copy, picture, picture))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "nan", "[" * 100_000, '{"format": 1e999}', "\x00"])
def test_a_record_that_is_no_record_is_refused(text: str, model_copy: Path, picture: Path, refused: Refused) -> None:
    """A model.json that is not JSON, or JSON of something else, is refused."""
    (model_copy / "model.json").write_text(text)
    refused(2, ("compare", model_copy, picture, picture), "model.json is not valid")


def test_a_huge_record_is_refused(model_copy: Path, picture: Path, refused: Refused) -> None:
    """A model.json of gigabytes is refused without being read."""
    with (model_copy / "model.json").open("r+b") as file:
        file.truncate(1 << 30)
    refused(2, ("compare", model_copy, picture, picture), "model.json is larger than")


class _Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("unpickled"),))


@pytest.mark.parametrize("data", [pickle.dumps(_Evil()), b"\x80\x04K\x01.", b"PK\x03\x04", b"#!/bin/sh\n", bytes(999)])
def test_a_pickle_is_not_opened(
    data: bytes, model_copy: Path, picture: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """An encoder.onnx that is a pickle, a zip or a script is refused and never run, even with a fitting hash."""
    monkeypatch.chdir(model_copy)
    refused(2, ("compare", with_onnx(model_copy, data), picture, picture), "encoder.onnx")
    assert not (model_copy / "unpickled").exists()


def test_the_graph_of_these_tests_works(model_copy: Path, picture: Path) -> None:
    """The graph that the next tests spoil is fine as it is."""
    assert use(with_onnx(model_copy, graph().SerializeToString()), picture).shape == (1, 16)


@pytest.mark.parametrize(
    "made",
    [
        graph(name="images"),
        graph(kind=TensorProto.FLOAT),
        graph(shape=("n", 1, 32, 32)),
        graph(shape=("n", 3, 32, 33)),
        graph(shape=(1, 3, 32, 32)),
        graph(dim=8),
        graph(dim=1),
    ],
    ids=["name", "type", "channels", "size", "one at a time", "shorter", "one number"],
)
def test_a_network_that_takes_or_gives_something_else_is_refused(
    made: onnx.ModelProto, model_copy: Path, picture: Path, refused: Refused
) -> None:
    """An ONNX graph with other inputs or outputs than the record says is refused in a sentence."""
    refused(2, ("compare", with_onnx(model_copy, made.SerializeToString()), picture, picture), "encoder.onnx")


def test_a_network_with_two_outputs_is_refused_or_read_by_name(
    model_copy: Path, picture: Path, refused: Refused
) -> None:
    """A second output before the embeddings is never taken for them."""
    made = graph()
    made.graph.output.insert(0, helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["n", 3072]))
    refused(2, ("compare", with_onnx(model_copy, made.SerializeToString()), picture, picture), "encoder.onnx")


def test_a_network_that_reads_other_files_is_refused(model_copy: Path, picture: Path, refused: Refused) -> None:
    """Weights that point to a file outside the model are refused."""
    made = graph()
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../etc/passwd"
    data = made.SerializeToString()
    refused(2, ("compare", with_onnx(model_copy, data), picture, picture), "refers to another file")


def test_a_network_of_unknown_operators_is_refused(model_copy: Path, picture: Path, refused: Refused) -> None:
    """Custom operators, which would need code, are refused."""
    made = graph()
    made.graph.node[2].domain = "evil.ops"
    refused(2, ("compare", with_onnx(model_copy, made.SerializeToString()), picture, picture), "can't be loaded")


def test_a_network_that_gives_no_numbers_is_refused(
    model_copy: Path, picture: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    """Embeddings that are not finite are an error: they are never compared, enrolled or printed as JSON."""
    with_onnx(model_copy, graph(weight=float("nan")).SerializeToString())
    assert cli("compare", model_copy, picture, picture, "--json").code in (2, 3)
    assert cli("gallery", "create", tmp_path / "g.db", "--model", model_copy).code == 0
    assert cli("enroll", tmp_path / "g.db", "alice", picture).code in (2, 3)
    assert cli("list", tmp_path / "g.db", "--json").json == []


def test_a_name_that_is_no_model_is_one_sentence(
    tmp_path: Path, picture: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path, refused: Refused
) -> None:
    """Unknown names, wrong paths, plain folders, files and endless paths are refused by what they are."""
    refused(2, ("compare", "gliphs", picture, picture), "no shipped model 'gliphs'")
    refused(2, ("compare", "", picture, picture), "no shipped model")
    refused(2, ("compare", tmp_path / "nowhere", picture, picture), "nowhere does not exist")
    refused(2, ("compare", tmp_path, picture, picture), "has no model.json, so it is not a model")
    refused(2, ("compare", tmp_path / ("x" * 300), picture, picture))
    monkeypatch.chdir(tiny_model.parent)
    refused(2, ("compare", tiny_model.name, picture, picture), f"for the directory write ./{tiny_model.name}")


def test_a_file_is_not_said_to_be_missing(picture: Path, refused: Refused) -> None:
    """A file given for a model is not said to "not exist": it does."""
    assert "does not exist" not in refused(2, ("compare", picture, picture, picture))


def test_weights_that_fit_no_network_cannot_be_trained_further(model_copy: Path) -> None:
    """Starting training from a model whose recorded network is another one is refused in a sentence."""
    from firstsight.learn.export.directory import load_encoder

    for path, value in [("name", "vgg"), ("width", 16), ("bogus", 1), ("width", "x")]:
        copy = Path(shutil.copytree(model_copy, model_copy.with_name(f"copy-{path}-{value}")))
        edit(copy / "model.json", f"trained/settings/encoder/{path}", value)
        with pytest.raises(ModelError, match="can't be trained further"):
            load_encoder(Model.load(copy))


def test_what_was_verified_is_what_runs(model_copy: Path, other_model: Path, picture: Path) -> None:
    """A graph that is exchanged or removed after loading is never run: the one that was verified is, or none."""
    before = use(model_copy, picture)
    loaded, again = Model.load(model_copy), Model.load(model_copy)
    shutil.copy(other_model / "encoder.onnx", model_copy / "encoder.onnx")
    np.testing.assert_array_equal(loaded.embed(picture), before)
    (model_copy / "encoder.onnx").unlink()
    np.testing.assert_array_equal(again.embed(picture), before)
    with pytest.raises(ModelError, match="can't be read"):
        Model.load(model_copy)


@pytest.mark.parametrize("file", [*NEEDED, "calibration.json"])
@pytest.mark.parametrize("how", ["/dev/zero", "pipe", "socket", "outside", "itself", "other name", "folder"])
def test_only_files_of_the_folder_are_read(
    file: str, how: str, model_copy: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device, a pipe, a socket, a folder and links are refused at once; a second name of a file is fine."""
    place = model_copy / file
    data = place.read_bytes()
    place.unlink()
    if how == "pipe":
        os.mkfifo(place)
    elif how == "socket":
        monkeypatch.chdir(model_copy)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(file)
    elif how == "folder":
        place.mkdir()
    elif how == "other name":
        (tmp_path / "second").write_bytes(data)
        os.link(tmp_path / "second", place)
        assert np.isfinite(use(model_copy, picture)).all()
        return
    else:
        (tmp_path / "outside").write_bytes(data)
        place.symlink_to({"outside": tmp_path / "outside", "itself": file}.get(how, how))
    with pytest.raises(ModelError, match="can't be|has no model.json"):
        use(model_copy, picture)


@pytest.mark.parametrize("file", ["model.json", "calibration.json"])
def test_a_record_as_deep_or_large_as_can_be_is_refused(file: str, model_copy: Path, picture: Path) -> None:
    """Nothing in a record is believed that could not be: sizes, counts, rates and numbers of any size or depth."""
    content = json.loads((model_copy / file).read_text())
    places = [(content, key) for key in content]
    for value in list(content.values()):
        if isinstance(value, dict):
            places += [(value, key) for key in value]
    for here, key in places:
        before = here[key]
        for odd in (None, float("nan"), float("inf"), 1e308, -1, "", [], {}, 10**30, [[[]]] * 3, "\ud800", True):
            here[key] = odd
            (model_copy / file).write_text(json.dumps(content))
            told = ""
            try:
                loaded = Model.load(model_copy)
                assert np.isfinite(loaded.embed(picture)).all(), (key, odd)
                decision = loaded.compare(picture, picture)
                assert decision.probability is None or 0 <= decision.probability <= 1, (key, odd)
                told = repr(loaded)
            except FirstSightError as error:
                told = str(error)
            assert "\n" not in told, (key, odd)
        here[key] = before
