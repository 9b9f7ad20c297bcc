"""A pretrained network that stays as it is: from images to features, run by ONNX Runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, numpy_helper

from firstsight.errors import ModelError, TrainingError, UsageError
from firstsight.graphs import reason, session_of
from firstsight.graphs.calls import UnfitError, Value
from firstsight.graphs.network import network
from firstsight.graphs.screening import worked_out
from firstsight.graphs.wire_format import WireError
from firstsight.learn.backbones.opening import GIVEN, MADE, fitted
from firstsight.learn.export.joining import INSIDE, cut, renamed, widen
from firstsight.types import FloatArray

_BLOCK = 16  # images at once: activations of more leave the processor's cache
_AGREE = 1e-3  # of the largest feature: how far an image's features may differ in other company


class Frozen:
    """A network of which nothing is learned.

    Args:
        graph: of an ONNX file with the input ``images (n, c, h, w)`` float32 in 0..1 and the output ``features
            (n, f)``, as :func:`~firstsight.learn.backbones.opening.fitted` makes it.
        source: its name in messages.

    Raises:
        ModelError: it can't be run.
    """

    def __init__(self, graph: bytes, source: str) -> None:
        self.graph = graph
        self.source = source
        self._seen_through: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        proto: ModelProto,
        source: str,
        shape: tuple[int, int, int],
        *,
        output: str = "",
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
    ) -> Frozen:
        """A network that was opened, for readings of a shape; see :func:`~firstsight.learn.backbones.opening.fitted`.

        A map of features is averaged over its places.

        Raises:
            UsageError: shapes that do not fit, both named.
            ModelError: it can't be run, or an image's features depend on the images beside it.
        """
        images = np.random.default_rng(0).random((3, *shape), dtype=np.float32)
        for pooled in (False, True):
            made = cls(fitted(proto, source, shape, output=output, mean=mean, std=std, pooled=pooled), source)
            features = made._run(images)
            if features.ndim != 4:
                break
        if features.ndim != 2 or len(features) != len(images):
            raise UsageError(
                f"{source} gives {features.shape} for {len(images)} images, ({len(images)}, f) or a map of features "
                f"({len(images)}, f, h, w) was expected; name another tensor with encoder.output, or export the "
                "network for any number of images"
            )
        apart = np.abs(made._run(images[:1]) - features[:1]).max()
        if not apart <= _AGREE * np.abs(features).max():
            raise ModelError(
                f"{source} gives an image other features beside other images; export it in evaluation mode"
            )
        return made

    @classmethod
    def out_of(cls, encoder: bytes, source: str) -> Frozen:
        """The network that an exported model holds.

        Args:
            encoder: ``encoder.onnx`` of the model.
            source: its name in messages.

        Raises:
            ModelError: it holds none.
        """
        proto = onnx.load_model_from_string(encoder)
        try:
            cut(proto, [GIVEN], MADE, source)
        except UsageError:
            raise ModelError(f"{source} holds no frozen network apart; take the model as it was trained") from None
        widen(proto)
        renamed(proto.graph, lambda name: name.removeprefix(f"{INSIDE}."))
        del proto.graph.input[:], proto.graph.output[:], proto.graph.value_info[:]
        proto.graph.input.append(onnx.helper.make_tensor_value_info(GIVEN, TensorProto.FLOAT, ["n", "c", "h", "w"]))
        proto.graph.output.append(onnx.helper.make_tensor_value_info(MADE, TensorProto.FLOAT, None))
        return cls(proto.SerializeToString(deterministic=True), source)

    @property
    def key(self) -> str:
        """Hash of all that changes a feature."""
        return hashlib.sha256(self.graph).hexdigest()

    @property
    def proto(self) -> ModelProto:
        """The graph, to be joined with others."""
        return onnx.load_model_from_string(self.graph)

    def __deepcopy__(self, memo: dict[int, Any]) -> Frozen:
        return self  # nothing in it changes, and it may be large

    def __call__(self, images: FloatArray) -> FloatArray:
        """Features ``(n, f)`` of images ``(n, c, h, w)`` float32 in 0..1.

        Raises:
            ModelError: it fails, or gives numbers that are not finite.
        """
        made = np.concatenate([self._run(images[i : i + _BLOCK]) for i in range(0, len(images), _BLOCK)])
        if made.ndim != 2 or not np.isfinite(made).all():
            raise ModelError(f"{self.source} gives features that are not finite numbers; take another network")
        return made

    def rounded(self) -> Frozen:
        """The same with kernels and matrices rounded to half precision (held in float32).

        Raises:
            TrainingError: one lies beyond it.
        """
        proto = self.proto
        for tensor in proto.graph.initializer:
            if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) > 1:
                with np.errstate(over="ignore"):
                    narrow = numpy_helper.to_array(tensor).astype(np.float16)
                if not np.isfinite(narrow).all():
                    raise TrainingError(f"{self.source} holds weights beyond half precision; set export.half=false")
                tensor.CopyFrom(numpy_helper.from_array(narrow.astype(np.float32), tensor.name))
        return Frozen(proto.SerializeToString(deterministic=True), self.source)

    def _run(self, images: FloatArray) -> FloatArray:
        if images.shape[1:] != self._seen_through:
            self._look_through(images.shape[1:])
        try:
            made: FloatArray = self._session.run([MADE], {GIVEN: np.ascontiguousarray(images, np.float32)})[0]
        except ModelError:
            raise
        except Exception as error:  # noqa: BLE001  the runtime raises its own kinds
            raise ModelError(f"{self.source} can't be run ({reason(error)})") from None
        return made

    def _look_through(self, shape: tuple[int, ...]) -> None:
        """Work out what the network makes of images of a shape, before anything runs it.

        Raises:
            ModelError: it is not safe to be run.
        """
        try:
            given = {GIVEN: Value(TensorProto.FLOAT, (_BLOCK, *shape))}
            worked_out(network(self.graph), given, _BLOCK)
        except (WireError, UnfitError) as error:
            raise ModelError(f"{self.source} can't be run ({error})") from None
        self._seen_through = shape

    @cached_property
    def _session(self) -> Any:
        return session_of(self.graph, self.source, torch.get_num_threads())
