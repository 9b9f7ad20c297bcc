"""A model: a directory of data (never code) that embeds inputs and compares embeddings. No torch here.

model.json         what it is: input, similarity, files with their hashes, what it was trained on
encoder.onnx       raw readings (n, c, h, w) uint8 -> embeddings (n, d) float32
pair.onnx          two embeddings -> a score, where a network on pairs re-ranks
encoder.safetensors   the same weights, for further training
learned.bin        what tells the images it learned again
calibration.json   probability and threshold, once calibrated
README.md          the card, for people
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pydantic

from firstsight.calibration import Calibration
from firstsight.card import card
from firstsight.decision import decide, with_notes
from firstsight.errors import InputError, ModelError, UsageError, unknown
from firstsight.files import FILE, FOLDER, expanded, state_of, write_together
from firstsight.graphs import FLOAT, UINT8, PairGraph, open_graph, reason
from firstsight.inputs import INPUTS, Input
from firstsight.inputs.decode import describe, listed
from firstsight.inputs.several import read_whole
from firstsight.model_files import first, read_calibration, read_spec, verified
from firstsight.reranking import Reranked
from firstsight.similarity import Link, Similarity
from firstsight.spec import ModelSpec
from firstsight.spelling import spelled_classes
from firstsight.types import Decision, FloatArray, Info, IntArray, Lengths, PixelArray, Reading, Source, Verdict
from firstsight.vectors import lengths_of, patterns

Encode: TypeAlias = "Callable[[PixelArray], FloatArray]"
SHIPPED = Path(__file__).parent / "models"
_BATCH = 16  # as fast as any larger one, whose activations no longer fit the processor's cache


class Model:
    """A loaded model: embeds, compares, and knows its calibration.

    Args:
        path: its directory.
        spec: the validated content of its ``model.json``.
        calibration: if it has one.
        encode: what runs the encoder, where that is not to be :meth:`run`: a service gathers readings of several
            requests into one run.
    """

    def __init__(
        self, path: Path, spec: ModelSpec, calibration: Calibration | None = None, *, encode: Encode | None = None
    ) -> None:
        self.path = path
        self.spec = spec
        self.calibration = calibration
        self._encode = encode
        self._place = path.absolute()  # the working directory may change
        self._held: dict[str, bytes] = {}  # what was verified and has not been run yet

    def __repr__(self) -> str:
        decides = f"threshold for {self.calibration.target.describe()}" if self.calibration else "not calibrated"
        return f"<Model {self.name}: input {self.spec.input.name}, embedding of {self.dim} numbers, {decides}>"

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: it reads the graph from the directory, and verifies it, when it first runs it."""
        return {"path": self._place, "spec": self.spec, "calibration": self.calibration}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @classmethod
    def load(cls, name: str | Path) -> Model:
        """Load a shipped model by its bare name, or a directory by its path (with a ``/``).

        Raises:
            ModelError: nothing is there, or a file is missing, altered, too large or not what it should be.
        """
        path = find_model(name)
        spec = read_spec(path)
        made = cls(path, spec)
        for file, expected in spec.files.items():
            data = verified(path, file, expected)
            if file.endswith(".onnx"):
                made._held[file] = data
        made.calibration = read_calibration(path, spec)
        return made

    def content(self, file: Literal["encoder.onnx", "encoder.safetensors", "pair.onnx", "learned.bin"]) -> bytes:
        """The bytes of one of its files: those of which the record tells the hash.

        Raises:
            ModelError: it is gone, or another one.
        """
        return self._held.pop(file, None) or verified(self._place, file, self.spec.files[file])

    @property
    def name(self) -> str:
        """As given when it was trained."""
        return self.spec.name

    @property
    def fingerprint(self) -> str:
        """See :attr:`ModelSpec.fingerprint`."""
        return self.spec.fingerprint

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        return self.spec.dim

    @property
    def verdict(self) -> Verdict | None:
        """What it is good for, as it was found when it was calibrated, or else when it was trained; None in models of
        earlier versions."""
        made = self.calibration.verdict if self.calibration else None
        return made or self.spec.trained.verdict

    @cached_property
    def lengths(self) -> Lengths:
        """Of its embeddings, as those of some patterns show: 1 where it scales them to it, else any up to some."""
        return lengths_of(self.embed_arrays(patterns(self.input.shape)))

    @property
    def trained_classes(self) -> frozenset[str]:
        """Classes it learned from, qualified by the kind of their data set, in the spelling of today's data sets."""
        return spelled_classes(self.spec.trained.classes)

    @property
    def depth(self) -> int:
        """Bits that it states of pixels of more than 8; 0 for what files say, or else a guess."""
        return int(self.spec.input.settings.get("depth", 0))

    @cached_property
    def input(self) -> Input:
        """What reads a source for this model."""
        made = INPUTS.get(self.spec.input.name)
        if made is None:
            raise ModelError(
                f"{self.path} reads {self.spec.input.name!r}, which this FirstSight does not know; update it"
            )
        if made.version != self.spec.input.version:
            raise ModelError(
                f"{self.path} was trained with version {self.spec.input.version} of input {made.name!r}, here it "
                f"has version {made.version}; train again or use the FirstSight it was made by ({self.spec.made_by})"
            )
        adapter: pydantic.TypeAdapter[Input] = pydantic.TypeAdapter(made)
        try:
            return adapter.validate_json(json.dumps(self.spec.input.settings), strict=True)
        except pydantic.ValidationError as error:
            why = first(error)
        except UsageError as error:
            why = str(error)
        raise ModelError(f"{self.path} has settings that input {made.name!r} does not take ({why})")

    @cached_property
    def similarity(self) -> Similarity | Reranked:
        """How its embeddings are compared.

        Raises:
            ModelError: it has a pair network that can't be loaded.
        """
        named = self.spec.trained.settings.get("similarity", {}).get("name")
        link = Link(**self.spec.similarity.link.model_dump())
        nearest = Similarity(self.spec.similarity.measure, link, unit=named != "dot")  # all others scale to length 1
        if self.spec.pair is None:
            return nearest
        return Reranked(
            nearest, PairGraph(self.content("pair.onnx"), self.dim, f"{self.path}/pair.onnx"), self.spec.pair.shortlist
        )

    @property
    def pairwise(self) -> bool:
        """Whether a score costs a run of a pair network."""
        return self.spec.pair is not None

    @cached_property
    def _session(self) -> Any:
        takes, gives = {"readings": (UINT8, tuple(self.input.shape))}, {"embeddings": (FLOAT, (self.dim,))}
        file = f"{self.path}/encoder.onnx"
        return open_graph(self.content("encoder.onnx"), file, takes, gives, _BATCH)

    def embed_arrays(self, arrays: PixelArray) -> FloatArray:
        """Readings ``(n, c, h, w)`` uint8 to embeddings ``(n, d)`` float32; by what the model was given for it, or
        :meth:`run`."""
        return (self._encode or self.run)(arrays)

    def run(self, arrays: PixelArray) -> FloatArray:
        """Readings ``(n, c, h, w)`` uint8 to embeddings ``(n, d)`` float32, here and now.

        Raises:
            ModelError: the encoder fails, or what it gives is not finite.
        """
        session, out = self._session, np.empty((len(arrays), self.dim), np.float32)
        for start in range(0, len(arrays), _BATCH):
            block = np.ascontiguousarray(arrays[start : start + _BATCH])
            try:
                made = session.run(None, {"readings": block})[0]
            except Exception as error:  # noqa: BLE001  the runtime raises its own kinds
                raise ModelError(f"{self.path}/encoder.onnx can't be run ({reason(error)})") from None
            if made.shape != (len(block), self.dim) or not np.isfinite(made).all():
                raise ModelError(
                    f"{self.path} gives embeddings of shape {made.shape} or numbers that are not finite, finite ones "
                    f"of shape {(len(block), self.dim)} were expected; train it again"
                )
            out[start : start + _BATCH] = made
        return out

    def embed(self, sources: Source | Sequence[Source]) -> FloatArray:
        """Embeddings ``(n, d)`` of one source or a sequence of them; see :data:`firstsight.types.Source`.

        Pixels are ``(h, w)``, ``(h, w, 1)`` or ``(h, w, 3)`` uint8, with colours in the order RGB.

        Raises:
            InputError: sources cannot be read, or show nothing to recognise; each is named.
        """
        several = listed(sources)
        if not len(several):
            return np.empty((0, self.dim), np.float32)
        return self.embed_arrays(np.concatenate(read_whole(self.read, several, "nothing was embedded")))

    def read(self, source: Source) -> PixelArray:
        """The reading ``(1, c, h, w)`` of one source; see :meth:`reading`."""
        return self.reading(source).arrays

    def reading(self, source: Source) -> Reading:
        """The reading of one source, with what was noted of it.

        Raises:
            InputError: it cannot be read, or shows nothing to recognise.
        """
        reading = self.input.read(source)
        if len(reading.arrays) != 1 or reading.blank:
            seen = "; ".join(reading.notes) or f"{len(reading.arrays)} things to recognise"
            raise InputError(f"{describe(source)}: {seen}, one was expected")
        return reading

    def read_all(self, source: Source) -> PixelArray:
        """The readings ``(n, c, h, w)`` of all that one source shows; see :meth:`reading_of_all`."""
        return self.reading_of_all(source).arrays

    def reading_of_all(self, source: Source) -> Reading:
        """The reading of all that one source shows, at least one thing.

        Raises:
            InputError: it cannot be read, or shows nothing to recognise.
        """
        reading = self.input.read(source)
        if not len(reading.arrays) or reading.blank:
            raise InputError(f"{describe(source)}: {'; '.join(reading.notes) or 'nothing to recognise'}")
        return reading

    def score(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Scores ``(a, b)`` of embeddings ``(a, d)`` against ``(b, d)``."""
        return self.similarity.scores(left, right)

    def aligned(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Scores ``(n,)`` of embeddings ``(n, d)`` and ``(n, d)``, row by row."""
        return self.similarity.aligned(left, right)

    def among(self, probes: FloatArray, gallery: FloatArray) -> FloatArray:
        """Scores ``(a, b)`` as a search among ``gallery (b, d)`` sees them."""
        return self.similarity.among(probes, gallery)

    def templates(self, vectors: FloatArray, owners: IntArray, identities: int) -> FloatArray:
        """One vector an identity ``(identities, d)``, see :meth:`Similarity.templates`."""
        return self.similarity.templates(vectors, owners, identities)

    def compare(self, left: Source, right: Source) -> Decision:
        """Are these two the same? Undecided while the model is not calibrated. Pixels are RGB."""
        readings = [self.reading(left), self.reading(right)]
        a, b = self.embed_arrays(np.concatenate([reading.arrays for reading in readings]))
        decision = decide(float(self.aligned(a[None], b[None])[0]), self.calibration)
        return with_notes(decision, [note for reading in readings for note in reading.notes])

    def stating(self, depth: int) -> Model:
        """This model with a depth stated of deep pictures: another one, not written yet; see save_calibration."""
        made = self.spec.input.model_copy(update={"settings": {**self.spec.input.settings, "depth": depth}})
        return Model(self.path, self.spec.model_copy(update={"input": made}), encode=self._encode)

    def save_calibration(self, calibration: Calibration, *, depth: int = 0) -> None:
        """Write the calibration and the card beside the model, both or neither.

        Args:
            calibration: of this model, or with ``depth`` of :meth:`stating` it.
            depth: to be stated from now on, which is written too; 0 leaves the model as it is.

        Raises:
            StorageError: the directory can't be written.
        """
        spec = self.stating(depth).spec if depth else self.spec
        text = json.dumps(dataclasses.asdict(calibration), indent=1)
        files = {"README.md": card(spec, calibration).encode(), "calibration.json": text.encode()}
        if depth:
            files["model.json"] = json.dumps(spec.model_dump(exclude_none=True), indent=1).encode()
        write_together(self.path, files)
        self.calibration, self.spec = calibration, spec
        self.__dict__.pop("input", None)


def shipped() -> list[str]:
    """Names of the models that come with FirstSight."""
    return sorted(p.parent.name for p in SHIPPED.glob("*/model.json"))


def models() -> list[Info]:
    """The shipped models."""
    infos = []
    for name in shipped():
        model = Model.load(name)
        threshold = model.calibration.target.describe() if model.calibration else "not calibrated"
        infos.append(Info(name, f"learned from {model.spec.trained.data}; {threshold}"))
    return infos


def find_model(name: str | Path) -> Path:
    """The directory of a model.

    Raises:
        ModelError, UsageError: there is none.
    """
    text = str(name)
    if isinstance(name, Path) or "/" in text or text.startswith("."):
        path = expanded(name)
        if state_of(path / "model.json") != FILE:
            state = state_of(path)
            state = "has no model.json, so it is not a model" if state == FOLDER else f"{state}, a model was expected"
            unfinished = state_of(path / "checkpoint.pt") == FILE
            hint = "; training stopped before its end, go on with firstsight train ... --resume" if unfinished else ""
            raise ModelError(f"{path} {state}{hint}")
        return path
    if text not in shipped():
        if state_of(Path(text) / "model.json") == FILE:
            raise ModelError(f"there is no shipped model {text!r}; for the directory write ./{text}")
        raise unknown("shipped model", text, shipped())
    return SHIPPED / text


__all__ = ["Model", "ModelSpec", "find_model", "models", "shipped"]
